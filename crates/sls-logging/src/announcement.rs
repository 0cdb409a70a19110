//! The record that tells of records that are missing.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `1200 records were dropped since 2023-11-14T22:13:20Z: 1000 no room, 200 refused`.
#[derive(Debug)]
pub(crate) struct Announcement<'a> {
    pub(crate) total: u64,
    pub(crate) reasons: &'a [(u64, String)],
    pub(crate) since: SystemTime,
}

impl fmt::Display for Announcement<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (noun, verb) = match self.total {
            1 => ("record", "was"),
            _ => ("records", "were"),
        };
        let since = Utc(self.since.duration_since(UNIX_EPOCH).unwrap_or_default());
        write!(f, "{} {noun} {verb} dropped since {since}", self.total)?;
        for (index, (count, reason)) in self.reasons.iter().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            write!(f, "{before}{count} {reason}")?;
        }
        Ok(())
    }
}

/// A time to the second.
struct Utc(Duration);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0.as_secs()).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{seconds}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_how_many_and_why_and_since_when() {
        let since = UNIX_EPOCH + Duration::from_millis(1_700_000_000_900);
        let reasons = [(3, "no room".to_owned()), (1, "refused".to_owned())];
        let mut announcement = Announcement {
            total: 4,
            reasons: &reasons,
            since,
        };
        assert_eq!(
            announcement.to_string(),
            "4 records were dropped since 2023-11-14T22:13:20Z: 3 no room, 1 refused"
        );
        announcement.total = 1;
        announcement.reasons = &reasons[1..];
        assert_eq!(
            announcement.to_string(),
            "1 record was dropped since 2023-11-14T22:13:20Z: 1 refused"
        );
    }
}
