use std::error::Error;
use std::fmt;

/// The most causes that are shown of one error.
const MAX_CAUSES: usize = 64;

/// An error with its causes, one below the other.
///
/// ```text
/// the order was not stored
/// caused by: the connection was closed
/// caused by: end of file
/// ```
#[derive(Debug, Clone, Copy)]
pub(crate) struct ErrorChain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        // An error that names itself as its cause would never come to an end.
        for _ in 0..MAX_CAUSES {
            let Some(error) = cause else {
                return Ok(());
            };
            write!(f, "\ncaused by: {error}")?;
            cause = error.source();
        }
        match cause {
            Some(_) => f.write_str("\ncaused by: .."),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("level {0}")]
    struct Nested(usize, #[source] Option<Box<Self>>);

    fn nested(levels: usize) -> Nested {
        (1..levels).fold(Nested(0, None), |inner, level| {
            Nested(level, Some(Box::new(inner)))
        })
    }

    #[test]
    fn every_cause_has_a_line() {
        let text = ErrorChain(&nested(3)).to_string();
        assert_eq!(text, "level 2\ncaused by: level 1\ncaused by: level 0");
    }

    #[test]
    fn an_endless_chain_ends() {
        #[derive(Debug)]
        struct Ouroboros;
        impl fmt::Display for Ouroboros {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("again")
            }
        }
        impl Error for Ouroboros {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&Self)
            }
        }
        let text = ErrorChain(&Ouroboros).to_string();
        assert_eq!(text.lines().count(), MAX_CAUSES + 2);
        assert!(text.ends_with(".."));
    }
}
