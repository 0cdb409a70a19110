use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// Gives every member of a message that is a JSON object, and says how many there were.
///
/// `null` is empty text, text is given without quotes, and everything else as the message
/// wrote it, so that no digit of a number is lost. Of two members of one name the last
/// counts. A message that is anything but an object has no members.
pub(crate) fn for_each_member(message: &str, mut each: impl FnMut(&str, &str)) -> usize {
    // Most messages are told by their first byte.
    if !message.trim_ascii_start().starts_with('{') {
        return 0;
    }
    let Ok(members) = serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(message) else {
        return 0;
    };
    for (key, raw) in &members {
        let raw = raw.get();
        match raw.as_bytes().first() {
            Some(b'"') => match serde_json::from_str::<Text<'_>>(raw) {
                Ok(Text(text)) => each(key, &text),
                // Half a surrogate pair is JSON and no text.
                Err(_) => each(key, raw),
            },
            Some(b'n') => each(key, ""),
            _ => each(key, raw),
        }
    }
    members.len()
}

/// Text that is copied only when it has escapes.
#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, want: &[(&str, &str)]) {
        let mut got = Vec::new();
        let count = for_each_member(message, |key, value| {
            got.push((key.to_owned(), value.to_owned()));
        });
        let want: Vec<_> = want
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!((got, count), (want.clone(), want.len()), "{message}");
    }

    #[test]
    fn null_is_empty_and_containers_stay_json() {
        check(
            r#" {"a": 1, "b": null, "c": {"d": true}, "e": [1, "x"], "键": "值"}"#,
            &[
                ("a", "1"),
                ("b", ""),
                ("c", r#"{"d": true}"#),
                ("e", r#"[1, "x"]"#),
                ("键", "值"),
            ],
        );
    }

    #[test]
    fn numbers_keep_every_digit() {
        check(
            r#"{"id":123456789012345678901234567890,"p":0.10}"#,
            &[("id", "123456789012345678901234567890"), ("p", "0.10")],
        );
    }

    #[test]
    fn escapes_are_read_and_broken_ones_kept_as_written() {
        check(
            r#"{"a\n":"x\"y","half":"\ud800"}"#,
            &[("a\n", "x\"y"), ("half", r#""\ud800""#)],
        );
    }

    #[test]
    fn the_last_of_two_equal_names_counts() {
        check(r#"{"a":1,"a":2}"#, &[("a", "2")]);
    }

    #[test]
    fn what_is_no_object_has_no_members() {
        let deep = format!("{{\"a\":{}", "[".repeat(100_000));
        for message in ["", "text", "[1]", "{", r#"{"a":1} and more"#, "{}", &deep] {
            check(message, &[]);
        }
    }
}
