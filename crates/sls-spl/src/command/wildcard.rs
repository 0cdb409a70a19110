//! Field patterns of `project` and `project-away`.

use crate::ast::Ident;

/// A pattern for field names: exact, or with `*` for any run of characters.
#[derive(Clone, Debug)]
pub(crate) struct Wildcard {
    parts: Vec<String>,
}

impl Wildcard {
    pub(crate) fn new(pattern: &str) -> Self {
        Self {
            parts: pattern.split('*').map(str::to_owned).collect(),
        }
    }

    pub(crate) fn all(patterns: &[&Ident]) -> Vec<Self> {
        patterns
            .iter()
            .map(|ident| Self::new(&ident.name))
            .collect()
    }

    /// Whether the whole of `name` fits.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let Some((first, rest)) = self.parts.split_first() else {
            return false;
        };
        let Some(mut name) = name.strip_prefix(first.as_str()) else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return name.is_empty();
        };
        for part in middle {
            match name.find(part.as_str()) {
                Some(at) => name = &name[at + part.len()..],
                None => return false,
            }
        }
        name.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_match_any_run_and_the_ends_are_anchored() {
        for (pattern, name, want) in [
            ("a*c", "ac", true),
            ("a*c", "abc", true),
            ("a*c", "abcd", false),
            ("a*c", "Abc", false),
            ("*", "", true),
            ("a*b*b", "ab", false),
            ("a*b*b", "abb", true),
            ("*x*", "axb", true),
            ("ab*ba", "aba", false),
            ("a", "a", true),
            ("a", "ab", false),
        ] {
            assert_eq!(
                Wildcard::new(pattern).matches(name),
                want,
                "{pattern} {name}"
            );
        }
    }
}
