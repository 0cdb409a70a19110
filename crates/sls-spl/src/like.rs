//! `like` patterns.

/// A pattern that was read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Like {
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// One character that stands for itself.
    One(char),
    /// `_`
    AnyOne,
    /// `%`
    Any,
}

impl Like {
    /// Reads a pattern; `None` when the escape is not followed by a wildcard or itself.
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Option<Self> {
        let mut parts = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            parts.push(if Some(c) == escape {
                let next = chars.next()?;
                if !matches!(next, '%' | '_') && Some(next) != escape {
                    return None;
                }
                Part::One(next)
            } else {
                match c {
                    '%' if parts.last() == Some(&Part::Any) => continue,
                    '%' => Part::Any,
                    '_' => Part::AnyOne,
                    c => Part::One(c),
                }
            });
        }
        Some(Self { parts })
    }

    /// Whether the whole of `text` fits.
    ///
    /// Only the last `%` seen is ever retried, so the time is at most the product of the lengths.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let mut rest = text;
        let mut at = 0;
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let fits = match (self.parts.get(at), rest.chars().next()) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    at += 1;
                    retry = Some((at, rest));
                    continue;
                }
                (Some(Part::AnyOne), Some(c)) => Some(c),
                (Some(Part::One(wanted)), Some(c)) if *wanted == c => Some(c),
                _ => None,
            };
            if let Some(c) = fits {
                at += 1;
                rest = &rest[c.len_utf8()..];
                continue;
            }
            let Some((after, from)) = retry else {
                return false;
            };
            let Some(skipped) = from.chars().next() else {
                return false;
            };
            let from = &from[skipped.len_utf8()..];
            retry = Some((after, from));
            at = after;
            rest = from;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, want: bool) {
        let like = Like::new(pattern, Some('!')).expect("a good pattern");
        assert_eq!(like.matches(text), want, "{text} like {pattern}");
    }

    #[test]
    fn wildcards_match_characters_and_runs() {
        check("", "", true);
        check("%", "", true);
        check("_", "", false);
        check("_b%", "中b\nc", true);
        check("%a%b", "xaxbxab", true);
        check("%a%b", "xaxbxa", false);
        check("a", "ab", false);
        check("%!%%", "50% off", true);
        check("%!%", "50", false);
        check("!!", "!", true);
    }

    #[test]
    fn escape_before_an_ordinary_character_is_refused() {
        assert!(Like::new("!a", Some('!')).is_none());
        assert!(Like::new("a!", Some('!')).is_none());
    }
}
