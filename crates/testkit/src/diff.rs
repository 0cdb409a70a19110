use serde_json::Value;

/// Where two JSON values differ first, and how; `None` when they are equal.
///
/// Numbers are equal by value, so `1` and `1.0` are.
pub fn first_difference(want: &Value, got: &Value) -> Option<String> {
    differ("", want, got)
}

/// The same for two lists whose order does not matter.
pub fn first_difference_unordered(want: &[Value], got: &[Value]) -> Option<String> {
    let missing = want
        .iter()
        .find(|value| count(want, value) > count(got, value));
    if let Some(value) = missing {
        return Some(format!("missing {}", short(value)));
    }
    let extra = got
        .iter()
        .find(|value| count(got, value) > count(want, value));
    extra.map(|value| format!("unexpected {}", short(value)))
}

fn count(values: &[Value], wanted: &Value) -> usize {
    values.iter().filter(|value| *value == wanted).count()
}

fn differ(path: &str, want: &Value, got: &Value) -> Option<String> {
    match (want, got) {
        (Value::Object(want), Value::Object(got)) => {
            for (key, value) in want {
                let path = format!("{path}/{key}");
                match got.get(key) {
                    Some(other) => {
                        if let Some(found) = differ(&path, value, other) {
                            return Some(found);
                        }
                    }
                    None => return Some(format!("{path}: missing, want {}", short(value))),
                }
            }
            let extra = got.iter().find(|(key, _)| !want.contains_key(*key));
            extra.map(|(key, value)| format!("{path}/{key}: unexpected {}", short(value)))
        }
        (Value::Array(want), Value::Array(got)) => {
            for (index, (value, other)) in want.iter().zip(got).enumerate() {
                if let Some(found) = differ(&format!("{path}/{index}"), value, other) {
                    return Some(found);
                }
            }
            (want.len() != got.len())
                .then(|| format!("{path}: {} items, want {}", got.len(), want.len()))
        }
        (Value::Number(want_number), Value::Number(got_number)) => {
            let equal = want_number == got_number || want_number.as_f64() == got_number.as_f64();
            (!equal).then(|| unlike(path, want, got))
        }
        _ => (want != got).then(|| unlike(path, want, got)),
    }
}

fn unlike(path: &str, want: &Value, got: &Value) -> String {
    let path = if path.is_empty() { "/" } else { path };
    format!("{path}: got {}, want {}", short(got), short(want))
}

/// A value on one line, cut where it gets too long to read.
fn short(value: &Value) -> String {
    const MOST: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(want: &Value, got: &Value, difference: Option<&str>) {
        assert_eq!(first_difference(want, got).as_deref(), difference);
    }

    #[test]
    fn the_first_difference_is_named_by_its_path() {
        check(
            &json!({"a": [1, {"b": 2}]}),
            &json!({"a": [1, {"b": 2}]}),
            None,
        );
        check(
            &json!({"a": [1, {"b": 2}]}),
            &json!({"a": [1, {"b": 3}]}),
            Some("/a/1/b: got 3, want 2"),
        );
        check(&json!({"a": 1}), &json!({}), Some("/a: missing, want 1"));
        check(&json!({}), &json!({"a": 1}), Some("/a: unexpected 1"));
        check(&json!([1]), &json!([1, 2]), Some(": 2 items, want 1"));
    }

    #[test]
    fn numbers_are_equal_by_value_and_never_equal_to_text() {
        check(&json!(1), &json!(1.0), None);
        check(&json!(1), &json!("1"), Some("/: got \"1\", want 1"));
    }

    #[test]
    fn repeated_values_count_when_order_does_not_matter() {
        let [a, b] = [json!("a"), json!("b")];
        let want = [a.clone(), b.clone(), a.clone()];
        assert_eq!(
            first_difference_unordered(&want, &[a.clone(), a.clone(), b.clone()]),
            None
        );
        let found = first_difference_unordered(&want, &[a.clone(), b.clone()]);
        assert_eq!(found.as_deref(), Some("missing \"a\""));
        let found = first_difference_unordered(&[b], &want[1..]);
        assert_eq!(found.as_deref(), Some("unexpected \"a\""));
    }
}
