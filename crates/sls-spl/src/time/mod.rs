//! Local times: between instants, calendar fields and text.

mod format;

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

pub(crate) use format::DateFormat;

/// The calendar fields of an instant.
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> DateTime {
    zone.to_datetime(at)
}

/// The instant of calendar fields; the earlier offset wins where a clock change makes two.
pub(crate) fn instant(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok()
}

/// `2023-09-20T06:30:02.000`.
pub(crate) fn write_timestamp(at: Timestamp, zone: &TimeZone, out: &mut String) {
    let at = local(at, zone);
    write_date(at.date(), out);
    let _ = write!(
        out,
        "T{:02}:{:02}:{:02}.{:03}",
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    );
}

/// `2023-09-20`.
pub(crate) fn write_date(date: Date, out: &mut String) {
    let sign = if date.year() < 0 { "-" } else { "" };
    let year = date.year().unsigned_abs();
    let _ = write!(out, "{sign}{year:04}-{:02}-{:02}", date.month(), date.day());
}

/// `YYYY-M-D`.
pub(crate) fn parse_date(text: &[u8]) -> Option<Date> {
    let mut reader = Reader::new(text.trim_ascii());
    let date = reader.date()?;
    reader.is_done().then_some(date)
}

/// `YYYY-M-D`, then optionally a blank or `T` and `H:M:S` with an optional fraction.
pub(crate) fn parse_civil(text: &[u8]) -> Option<DateTime> {
    let mut reader = Reader::new(text.trim_ascii());
    let date = reader.date()?;
    if reader.is_done() {
        return Some(date.to_datetime(Time::midnight()));
    }
    if !reader.accept(b'T') {
        reader.accept(b' ').then_some(())?;
        while reader.accept(b' ') {}
    }
    let time = reader.time()?;
    reader.is_done().then(|| date.to_datetime(time))
}

/// ISO 8601: a date, a `T` and a time, or both, each of which may end early, then an optional
/// offset; the evaluation zone without one.
pub(crate) fn parse_iso(text: &[u8], zone: &TimeZone) -> Option<Timestamp> {
    let mut reader = Reader::new(text);
    let has_date = !text.starts_with(b"T");
    let date = if has_date {
        reader.iso_date()?
    } else {
        Date::constant(1970, 1, 1)
    };
    let has_time = reader.accept(b'T');
    let time = if has_time && !(has_date && reader.is_done()) {
        reader.iso_time()?
    } else {
        Time::midnight()
    };
    let at = date.to_datetime(time);
    if reader.is_done() {
        return instant(at, zone);
    }
    has_time.then_some(())?;
    let seconds = reader.offset()?;
    reader.is_done().then_some(())?;
    let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
    offset.to_timestamp(at).ok()
}

struct Reader<'t> {
    text: &'t [u8],
}

impl<'t> Reader<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self { text }
    }

    fn is_done(&self) -> bool {
        self.text.is_empty()
    }

    fn accept(&mut self, byte: u8) -> bool {
        match self.text.split_first() {
            Some((first, rest)) if *first == byte => {
                self.text = rest;
                true
            }
            _ => false,
        }
    }

    /// Between `min` and `max` digits.
    fn number(&mut self, min: usize, max: usize) -> Option<i32> {
        let len = self
            .text
            .iter()
            .take(max)
            .take_while(|b| b.is_ascii_digit())
            .count();
        if len < min {
            return None;
        }
        let (digits, rest) = self.text.split_at(len);
        self.text = rest;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn small(&mut self) -> Option<i8> {
        self.number(1, 2).and_then(|value| i8::try_from(value).ok())
    }

    fn date(&mut self) -> Option<Date> {
        let negative = self.accept(b'-');
        let year = i16::try_from(self.number(1, 4)?).ok()?;
        self.accept(b'-').then_some(())?;
        let month = self.small()?;
        self.accept(b'-').then_some(())?;
        let day = self.small()?;
        Date::new(if negative { -year } else { year }, month, day).ok()
    }

    /// `YYYY`, `YYYY-M` or `YYYY-M-D`.
    fn iso_date(&mut self) -> Option<Date> {
        let negative = self.accept(b'-');
        let year = i16::try_from(self.number(1, 4)?).ok()?;
        let (mut month, mut day) = (1, 1);
        if self.accept(b'-') {
            month = self.small()?;
            if self.accept(b'-') {
                day = self.small()?;
            }
        }
        Date::new(if negative { -year } else { year }, month, day).ok()
    }

    /// `H`, `H:M`, `H:M:S` or `H:M:S.fraction`, with a comma as well.
    fn iso_time(&mut self) -> Option<Time> {
        let hour = self.small()?;
        let (mut minute, mut second, mut nanos) = (0, 0, 0);
        if self.accept(b':') {
            minute = self.small()?;
            if self.accept(b':') {
                second = self.small()?;
                if self.accept(b'.') || self.accept(b',') {
                    nanos = self.fraction()?;
                }
            }
        }
        Time::new(hour, minute, second, nanos).ok()
    }

    /// `H:M`, `H:M:S` or `H:M:S.fraction`.
    fn time(&mut self) -> Option<Time> {
        let hour = self.small()?;
        self.accept(b':').then_some(())?;
        let minute = self.small()?;
        let mut second = 0;
        let mut nanos = 0;
        if self.accept(b':') {
            second = self.small()?;
            if self.accept(b'.') {
                nanos = self.fraction()?;
            }
        }
        Time::new(hour, minute, second, nanos).ok()
    }

    /// Digits after the point as nanoseconds; more than nine are cut.
    fn fraction(&mut self) -> Option<i32> {
        let mut nanos = 0;
        let mut count = 0;
        while let Some((digit, rest)) = self.text.split_first() {
            if !digit.is_ascii_digit() {
                break;
            }
            if count < 9 {
                nanos = nanos * 10 + i32::from(digit - b'0');
            }
            count += 1;
            self.text = rest;
        }
        if count == 0 {
            return None;
        }
        for _ in count..9 {
            nanos *= 10;
        }
        Some(nanos)
    }

    /// `Z`, `+08:00`, `+0800` or `+08`, in seconds.
    fn offset(&mut self) -> Option<i32> {
        if self.accept(b'Z') {
            return Some(0);
        }
        let sign = if self.accept(b'+') {
            1
        } else if self.accept(b'-') {
            -1
        } else {
            return None;
        };
        let hours = self.number(2, 2)?;
        let minutes = if self.accept(b':') {
            self.number(2, 2)?
        } else if self.is_done() {
            0
        } else {
            self.number(2, 2)?
        };
        (hours <= 18 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }
}
