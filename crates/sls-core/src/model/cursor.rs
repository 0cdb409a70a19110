use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

/// A place in a shard, between two log groups, as the service names it.
///
/// Valid only on the shard it came from. It is Base64 of a decimal number that grows by
/// one with every log group; reading code needs nothing of that and hands it back as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(String);

impl Cursor {
    /// Wraps a cursor that the service gave, for instance one kept as a checkpoint.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The cursor as the service wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number inside, or `None` when the text is not Base64 of a decimal number.
    ///
    /// White space around the text is ignored: one official client sends a line feed.
    pub fn position(&self) -> Option<u64> {
        let bytes = STANDARD.decode(self.0.trim()).ok()?;
        let digits = std::str::from_utf8(&bytes).ok()?;
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse().ok()
    }

    /// The cursor in front of the log group at this position.
    pub fn at_position(position: u64) -> Self {
        Self(STANDARD.encode(position.to_string()))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for Cursor {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Cursor {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// Where to start reading a shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CursorPosition {
    /// The oldest log group that is still kept.
    Begin,
    /// After the newest log group: only what arrives from now on.
    End,
    /// The first log group that the service received at or after this time, to the second.
    ///
    /// The time of receipt counts, not the time inside the logs.
    At(SystemTime),
}

impl fmt::Display for CursorPosition {
    /// The text of the request parameter `from`; times before 1970 are written as 0.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begin => f.write_str("begin"),
            Self::End => f.write_str("end"),
            Self::At(time) => {
                let seconds = time
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_secs());
                seconds.fmt(f)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_base64_of_a_decimal_number() {
        let cursor = Cursor::new("MTQ0NzMyOTQwMTEwMjEzMDkwNA==");
        assert_eq!(cursor.position(), Some(1_447_329_401_102_130_904));
        assert_eq!(Cursor::at_position(1_447_329_401_102_130_904), cursor);
    }

    #[test]
    fn text_that_is_no_cursor_has_no_position() {
        for bad in ["", "begin", "LTE=", "YWJj", "MTg0NDY3NDQwNzM3MDk1NTE2MTY="] {
            assert_eq!(Cursor::new(bad).position(), None, "{bad}");
        }
    }

    #[test]
    fn a_line_feed_after_the_cursor_is_ignored() {
        assert_eq!(Cursor::new("MTIz\n").position(), Some(123));
    }
}
