use regex::Regex;

/// What a key and an unquoted value are made of, as the official handler has it: word
/// characters, `.`, `-`, and everything from Samaritan to the end of the ideographs.
const WORD: &str = r"[\w.\-\u{0800}-\u{9fa5}]+";

/// Finds `key sep value` in a message; the value may be in double quotes.
///
/// The separator is a piece of the pattern, not escaped, so that `[=:]` means either.
#[derive(Debug, Clone)]
pub(crate) struct KeyValuePattern {
    pairs: Regex,
    /// The separator at the start of a text.
    separator: Regex,
}

impl KeyValuePattern {
    pub(crate) fn new(separator: &str) -> Result<Self, regex::Error> {
        let pairs = format!(
            r#"({WORD})\s*(?:{separator})\s*({WORD})|({WORD})\s*(?:{separator})\s*"\s*([^"]+?)\s*""#
        );
        Ok(Self {
            pairs: Regex::new(&pairs)?,
            separator: Regex::new(&format!("^(?:{separator})"))?,
        })
    }

    /// Gives every pair in order of appearance, and says how many there were.
    pub(crate) fn for_each_pair(&self, message: &str, mut each: impl FnMut(&str, &str)) -> usize {
        let mut found = self.pairs.capture_locations();
        let mut count = 0;
        let mut at = 0;
        while let Some(whole) = self.pairs.captures_read_at(&mut found, message, at) {
            // A pair does not begin with a separator. The original says so with a look ahead,
            // which this kind of regular expression has not.
            if self.separator.is_match(&message[whole.start()..]) {
                let skipped = message[whole.start()..].chars().next();
                at = whole.start() + skipped.map_or(1, char::len_utf8);
                continue;
            }
            let group = |index: usize| {
                let (start, end) = found.get(index)?;
                message.get(start..end)
            };
            let plain = group(1).zip(group(2));
            if let Some((key, value)) = plain.or_else(|| group(3).zip(group(4))) {
                each(key, value);
                count += 1;
            }
            at = whole.end();
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(separator: &str, message: &str, want: &[(&str, &str)]) {
        let pattern = KeyValuePattern::new(separator).unwrap();
        let mut got = Vec::new();
        let count = pattern.for_each_pair(message, |key, value| {
            got.push((key.to_owned(), value.to_owned()));
        });
        let want: Vec<_> = want
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!((got, count), (want.clone(), want.len()), "{message}");
    }

    #[test]
    fn pairs_come_in_order_of_appearance() {
        check(
            "=",
            "a=1 and b = \" two words \" c.d-e=0.5",
            &[("a", "1"), ("b", "two words"), ("c.d-e", "0.5")],
        );
        check("=", "城市=杭州 x=", &[("城市", "杭州")]);
    }

    #[test]
    fn another_separator_leaves_the_usual_one_alone() {
        check(
            ":",
            "a:1 b:\"two words\" c=3",
            &[("a", "1"), ("b", "two words")],
        );
    }

    #[test]
    fn the_separator_is_a_pattern() {
        check("[=:]", "a=1 b:2", &[("a", "1"), ("b", "2")]);
        assert!(KeyValuePattern::new("(").is_err());
    }

    #[test]
    fn a_pair_does_not_begin_with_the_separator() {
        // With `to` as separator `tomato` cannot be a key, but what follows its first letter can.
        check("to", "tomato b", &[("oma", "b")]);
        check("--", "--a--1", &[("-a", "1")]);
    }

    #[test]
    fn nothing_is_found_where_nothing_is() {
        for message in ["", "plain text", "= = =", "a=\"\"", "a=\"never closed"] {
            check("=", message, &[]);
        }
    }

    #[test]
    fn a_long_message_is_read_to_its_end() {
        let message = "k=v ".repeat(20_000);
        let pattern = KeyValuePattern::new("=").unwrap();
        assert_eq!(pattern.for_each_pair(&message, |_, _| ()), 20_000);
    }
}
