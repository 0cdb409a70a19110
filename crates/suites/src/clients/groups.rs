//! Log groups as JSON, for programs in other languages.
//!
//! Text is a string, or a list of byte values where it is not UTF-8; what is absent on the
//! wire is null. Keys and values stay in order, since a log may repeat a key:
//!
//! ```json
//! {"topic": "t", "source": null, "tags": [["k", "v"]],
//!  "logs": [{"time": 1, "time_ns": null, "contents": [["k", [255]]]}]}
//! ```

use serde_json::{Map, Value, json};
use sls_core::model::{Log, LogGroup, Text};

/// The group as JSON.
pub fn to_json(group: &LogGroup) -> Value {
    let tags: Vec<_> = group
        .tags
        .iter()
        .map(|tag| json!([text(&tag.key), text(&tag.value)]))
        .collect();
    json!({
        "topic": group.topic.as_ref().map(text),
        "source": group.source.as_ref().map(text),
        "tags": tags,
        "logs": group.logs.iter().map(log).collect::<Vec<_>>(),
    })
}

fn log(log: &Log) -> Value {
    let contents: Vec<_> = log
        .contents
        .iter()
        .map(|content| json!([text(&content.key), text(&content.value)]))
        .collect();
    json!({ "time": log.time, "time_ns": log.time_ns, "contents": contents })
}

fn text(text: &Text) -> Value {
    match text.to_str() {
        Ok(text) => text.into(),
        Err(_) => text.as_bytes().into(),
    }
}

/// Fails with the place of the first difference.
///
/// # Errors
/// When `found` is not `wanted`.
pub fn expect(what: &str, found: &Value, wanted: &Value) -> super::Result<()> {
    match difference(found, wanted, what) {
        None => Ok(()),
        Some(difference) => Err(difference.into()),
    }
}

fn difference(found: &Value, wanted: &Value, path: &str) -> Option<String> {
    match (found, wanted) {
        (Value::Array(found), Value::Array(wanted)) => {
            let mut pairs = found.iter().zip(wanted).enumerate();
            let inside = pairs.find_map(|(at, (found, wanted))| {
                difference(found, wanted, &format!("{path}[{at}]"))
            });
            let (found, wanted) = (found.len(), wanted.len());
            inside.or_else(|| {
                (found != wanted)
                    .then(|| format!("{path}: found {found} elements, wanted {wanted}"))
            })
        }
        (Value::Object(found), Value::Object(wanted)) => {
            let mut keys = found.keys().chain(wanted.keys());
            let of =
                |object: &Map<String, Value>, key| object.get(key).cloned().unwrap_or_default();
            keys.find_map(|key| {
                let path = format!("{path}.{key}");
                difference(&of(found, key), &of(wanted, key), &path)
            })
        }
        _ => (found != wanted).then(|| format!("{path}: found {found}, wanted {wanted}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_become_a_list() {
        let log = Log::at(1).with("a", "b").with("c", vec![0xff]);
        let group = LogGroup::new(vec![log]).with_topic("t");
        let want = json!({
            "topic": "t", "source": null, "tags": [],
            "logs": [{"time": 1, "time_ns": null, "contents": [["a", "b"], ["c", [255]]]}],
        });
        assert_eq!(to_json(&group), want);
    }

    #[test]
    fn the_first_difference_is_named_with_its_place() {
        let wanted = json!({"a": [1, {"b": "x"}]});
        assert!(expect("it", &wanted, &wanted).is_ok());
        let check = |found: Value, text: &str| {
            let failure = expect("it", &found, &wanted).unwrap_err();
            assert_eq!(failure.to_string(), text);
        };
        check(
            json!({"a": [1, {"b": "y"}]}),
            r#"it.a[1].b: found "y", wanted "x""#,
        );
        check(json!({"a": [1]}), "it.a: found 1 elements, wanted 2");
        check(json!({}), r#"it.a: found null, wanted [1,{"b":"x"}]"#);
    }
}
