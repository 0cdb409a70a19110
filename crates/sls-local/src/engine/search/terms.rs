//! How words are found in values: both are cut at the same characters.

/// A word with `*` and `?`, or several that follow each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// In lower case.
    words: Vec<String>,
}

impl Term {
    /// The words of a text as it stands in a query.
    pub(super) fn new(text: &str) -> Self {
        Self {
            words: words(text, |c| is_separator(c) && c != '?').collect(),
        }
    }

    /// Whether every value matches, as `*` does.
    pub(super) fn is_anything(&self) -> bool {
        self.words
            .iter()
            .all(|word| word.bytes().all(|b| b == b'*'))
    }

    /// Whether the value has these words, one after the other.
    pub(super) fn is_in(&self, value: &str) -> bool {
        let value: Vec<_> = words(value, is_separator).collect();
        if self.words.is_empty() {
            return value.is_empty();
        }
        value.windows(self.words.len()).any(|window| {
            let mut pairs = self.words.iter().zip(window);
            pairs.all(|(pattern, word)| is_like(pattern.as_bytes(), word.as_bytes()))
        })
    }
}

/// The characters at which the console's default index cuts.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || ",'\";=()[]{}?@&<>/:".contains(c)
}

fn words(text: &str, separates: impl Fn(char) -> bool) -> impl Iterator<Item = String> {
    text.split(separates)
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
}

/// `*` stands for any number of bytes, `?` for one.
fn is_like(mut pattern: &[u8], mut word: &[u8]) -> bool {
    // Where to go on when the last `*` has to take one byte more.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), word.split_first()) {
            (Some((b'*', rest)), _) => {
                star = Some((rest, word));
                pattern = rest;
            }
            (Some((p, pattern_rest)), Some((w, word_rest))) if p == w || *p == b'?' => {
                (pattern, word) = (pattern_rest, word_rest);
            }
            (None, None) => return true,
            _ => match star {
                Some((after, from)) if !from.is_empty() => {
                    star = Some((after, &from[1..]));
                    (pattern, word) = (after, &from[1..]);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whole_in_order_and_in_any_case() {
        let value = "GET /index.html?user=Ann HTTP/1.1";
        for (term, want) in [
            ("get", true),
            ("index.html", true),
            ("index?html", true),
            ("user=ann", true),
            ("ann http", true),
            ("http ann", false),
            ("inde", false),
            ("inde*", true),
            ("*html*", true),
            ("a??", true),
            ("a?", false),
            ("*", true),
        ] {
            assert_eq!(Term::new(term).is_in(value), want, "{term}");
        }
        assert!(Term::new("").is_in(""));
        assert!(!Term::new("").is_in("x"));
    }

    #[test]
    fn many_stars_end_in_good_time() {
        let pattern = "*a".repeat(50);
        assert!(!is_like(pattern.as_bytes(), "b".repeat(5000).as_bytes()));
        assert!(is_like(pattern.as_bytes(), "a".repeat(5000).as_bytes()));
    }
}
