use std::time::SystemTime;

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// How `asctime` is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DateFormat {
    /// A format of `strftime`; `None` gives Python's, with milliseconds after a comma.
    format: Option<String>,
    zone: TimeZone,
}

/// Longer formats are no formats.
const LONGEST: usize = 256;

const WITHOUT_FRACTION: &str = "%Y-%m-%d %H:%M:%S";

impl Default for DateFormat {
    /// `2026-01-31 23:59:59,123` in local time.
    fn default() -> Self {
        Self {
            format: None,
            zone: TimeZone::system(),
        }
    }
}

impl DateFormat {
    /// Reads a format of `strftime`; time is local.
    ///
    /// # Errors
    /// What would be right.
    pub(crate) fn parse(format: &str) -> Result<Self, String> {
        if format.len() > LONGEST {
            return Err(format!("longer than {LONGEST} bytes"));
        }
        let zone = TimeZone::system();
        let some_time = Timestamp::UNIX_EPOCH.to_zoned(zone.clone());
        strtime::format(format, &some_time).map_err(|_| {
            "no format of a date; write for instance `%Y-%m-%d %H:%M:%S`".to_owned()
        })?;
        Ok(Self {
            format: Some(format.to_owned()),
            zone,
        })
    }

    /// The same in another time zone.
    #[cfg(test)]
    pub(super) fn in_zone(mut self, zone: TimeZone) -> Self {
        self.zone = zone;
        self
    }

    pub(super) fn text(&self, time: SystemTime) -> String {
        // A clock that shows a year beyond 9999 is wrong, and no reason to lose a line.
        let timestamp = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
        let time: Zoned = timestamp.to_zoned(self.zone.clone());
        let format = self.format.as_deref().unwrap_or(WITHOUT_FRACTION);
        let mut text = strtime::format(format, &time).unwrap_or_default();
        if self.format.is_none() {
            text.push_str(&format!(",{:03}", time.millisecond()));
        }
        text
    }
}
