//! `like` patterns.

use memchr::memmem::Finder;

/// A pattern that was read once: runs of characters between the `%` signs.
#[derive(Clone, Debug)]
pub(crate) struct Like {
    /// What the text must start with.
    head: Run,
    /// What must follow in this order, anything in between.
    middle: Vec<Run>,
    /// What the text must end with; `None` when the pattern has no `%`.
    tail: Option<Run>,
}

/// Characters without `%`.
#[derive(Clone, Debug)]
enum Run {
    /// The finder is set up once; looking for a text anew costs more than most searches.
    Plain(String, Box<Finder<'static>>),
    /// With `_`, which is `None`.
    Holes(Vec<Option<char>>),
    /// So many `_` and nothing else.
    Any(usize),
}

impl Like {
    /// Reads a pattern; `None` when the escape is not followed by a wildcard or itself.
    pub(crate) fn new(pattern: &str, escape: Option<char>) -> Option<Self> {
        let mut runs = vec![Vec::new()];
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let part = if Some(c) == escape {
                let next = chars.next()?;
                if !matches!(next, '%' | '_') && Some(next) != escape {
                    return None;
                }
                Some(next)
            } else {
                match c {
                    '%' => {
                        runs.push(Vec::new());
                        continue;
                    }
                    '_' => None,
                    c => Some(c),
                }
            };
            runs.last_mut()?.push(part);
        }
        let mut runs = runs.into_iter().map(Run::new);
        let head = runs.next()?;
        let mut middle: Vec<Run> = runs.collect();
        let tail = middle.pop();
        middle.retain(|run| !run.is_empty());
        Some(Self { head, middle, tail })
    }

    /// Whether the whole of `text` fits; `None` when `work` says that there is no time for it.
    ///
    /// `work` is told how many characters are looked at, where they can be many.
    pub(crate) fn matches(&self, text: &str, work: impl Fn(usize) -> bool) -> Option<bool> {
        let Some(mut rest) = self.head.strip_start(text) else {
            return Some(false);
        };
        let Some(tail) = &self.tail else {
            return Some(rest.is_empty());
        };
        // Taking each run at its first place leaves the most text for the others.
        for run in &self.middle {
            match run.find(rest, &work)? {
                Some(after) => rest = after,
                None => return Some(false),
            }
        }
        Some(tail.ends(rest))
    }
}

impl Run {
    fn new(parts: Vec<Option<char>>) -> Self {
        match parts.iter().copied().collect::<Option<String>>() {
            Some(text) => {
                let finder = Finder::new(&text).into_owned();
                Self::Plain(text, Box::new(finder))
            }
            None if parts.iter().all(Option::is_none) => Self::Any(parts.len()),
            None => Self::Holes(parts),
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Plain(text, _) if text.is_empty())
    }

    /// What is left of a text that starts with the run.
    fn strip_start<'t>(&self, text: &'t str) -> Option<&'t str> {
        match self {
            Self::Plain(run, _) => text.strip_prefix(run.as_str()),
            Self::Any(count) => {
                let mut chars = text.chars();
                for _ in 0..*count {
                    chars.next()?;
                }
                Some(chars.as_str())
            }
            Self::Holes(parts) => {
                let mut chars = text.chars();
                for part in parts {
                    let c = chars.next()?;
                    if part.is_some_and(|wanted| wanted != c) {
                        return None;
                    }
                }
                Some(chars.as_str())
            }
        }
    }

    /// What is left after the first place of the run, if it has one; `None` as above.
    fn find<'t>(&self, text: &'t str, work: impl Fn(usize) -> bool) -> Option<Option<&'t str>> {
        match self {
            Self::Plain(run, finder) => {
                let place = finder.find(text.as_bytes());
                Some(place.map(|at| &text[at + run.len()..]))
            }
            // The first characters there are.
            Self::Any(_) => Some(self.strip_start(text)),
            Self::Holes(parts) => {
                let mut rest = text;
                loop {
                    // Every place may look at as many characters as the run has.
                    if !work(parts.len()) {
                        return None;
                    }
                    if let Some(after) = self.strip_start(rest) {
                        return Some(Some(after));
                    }
                    let mut chars = rest.chars();
                    if chars.next().is_none() {
                        return Some(None);
                    }
                    rest = chars.as_str();
                }
            }
        }
    }

    fn ends(&self, text: &str) -> bool {
        match self {
            Self::Plain(run, _) => text.ends_with(run.as_str()),
            Self::Any(count) => *count == 0 || text.chars().nth(count - 1).is_some(),
            Self::Holes(parts) => {
                let mut chars = text.chars().rev();
                parts.iter().rev().all(|part| {
                    chars
                        .next()
                        .is_some_and(|c| part.is_none_or(|wanted| wanted == c))
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, want: bool) {
        let like = Like::new(pattern, Some('!')).expect("a good pattern");
        let matches = like.matches(text, |_| true);
        assert_eq!(matches, Some(want), "{text} like {pattern}");
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
        check("a%_a", "aa", false);
        check("a%_a", "aba", true);
        check("%_b_%", "xxabc", true);
        check("%_b_%", "bc", false);
        check("%ab%ab", "abab", true);
        check("%ab%ab", "ab", false);
        check("_%_", "x", false);
        check("%__%_", "中bc", true);
        check("%__%_", "中b", false);
        check("%___", "中b", false);
        check("%a_%", "xa", false);
    }

    #[test]
    fn runs_with_holes_count_their_work_and_end_when_told() {
        let text = "a".repeat(1000);
        let like = Like::new("%aaaaaaaa_b%", None).expect("a good pattern");
        let work = std::cell::Cell::new(0);
        let count = |more| {
            work.set(work.get() + more);
            work.get() < 5000
        };
        assert_eq!(like.matches(&text, count), None);
        assert_eq!(work.get(), 5000);
        // Nothing but holes takes the first characters there are.
        work.set(0);
        let like = Like::new(&format!("%{}%", "_".repeat(900)), None).expect("a good pattern");
        assert_eq!(like.matches(&text, count), Some(true));
        assert_eq!(work.get(), 0);
    }

    #[test]
    fn escape_before_an_ordinary_character_is_refused() {
        assert!(Like::new("!a", Some('!')).is_none());
        assert!(Like::new("a!", Some('!')).is_none());
    }
}
