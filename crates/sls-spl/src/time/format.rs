//! The letters of `date_format` and `date_parse`, after MySQL.

use std::fmt::Write as _;

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};

use super::Reader;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A format that was read once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DateFormat {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Letter(char),
    Text(String),
}

impl DateFormat {
    pub(crate) fn new(text: &str) -> Self {
        let mut format = Self { parts: Vec::new() };
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                format.literal(c);
                continue;
            }
            match chars.next() {
                // Nothing follows, so it stands for nothing.
                None => {}
                Some('%') => format.literal('%'),
                Some('T') => format.group("H:i:s"),
                Some('r') => format.group("h:i:s p"),
                Some(letter) => format.parts.push(Part::Letter(letter)),
            }
        }
        format
    }

    fn literal(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.parts.push(Part::Text(c.to_string())),
        }
    }

    /// A letter that stands for several.
    fn group(&mut self, letters: &str) {
        for c in letters.chars() {
            if c.is_ascii_alphabetic() {
                self.parts.push(Part::Letter(c));
            } else {
                self.literal(c);
            }
        }
    }

    /// Prints calendar fields; an unknown letter prints itself.
    pub(crate) fn print(&self, at: DateTime, out: &mut String) {
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Letter(letter) => print_letter(*letter, at, out),
            }
        }
    }

    /// Reads calendar fields; `None` when the text does not fit or a letter cannot be read.
    pub(crate) fn parse(&self, text: &[u8]) -> Option<DateTime> {
        let mut reader = Reader::new(text);
        let mut fields = Fields::default();
        for part in &self.parts {
            match part {
                Part::Text(literal) => {
                    reader.text = reader.text.strip_prefix(literal.as_bytes())?;
                }
                Part::Letter(letter) => fields.read(*letter, &mut reader)?,
            }
        }
        if !reader.is_done() {
            return None;
        }
        fields.finish()
    }
}

fn print_letter(letter: char, at: DateTime, out: &mut String) {
    let twelve = (at.hour() + 11) % 12 + 1;
    let month = MONTHS[usize::from(at.month().unsigned_abs() - 1)];
    let weekday = WEEKDAYS[weekday_index(at.weekday())];
    let _ = match letter {
        'Y' => write!(out, "{:04}", at.year()),
        'y' => write!(out, "{:02}", at.year().rem_euclid(100)),
        'm' => write!(out, "{:02}", at.month()),
        'c' => write!(out, "{}", at.month()),
        'd' => write!(out, "{:02}", at.day()),
        'e' => write!(out, "{}", at.day()),
        'H' => write!(out, "{:02}", at.hour()),
        'k' => write!(out, "{}", at.hour()),
        'h' | 'I' => write!(out, "{twelve:02}"),
        'l' => write!(out, "{twelve}"),
        'i' => write!(out, "{:02}", at.minute()),
        's' | 'S' => write!(out, "{:02}", at.second()),
        'f' => write!(out, "{:06}", at.subsec_nanosecond() / 1000),
        'p' => out.write_str(if at.hour() < 12 { "AM" } else { "PM" }),
        'M' => out.write_str(month),
        'b' => out.write_str(&month[..3]),
        'W' => out.write_str(weekday),
        'a' => out.write_str(&weekday[..3]),
        'j' => write!(out, "{:03}", at.date().day_of_year()),
        'v' => write!(out, "{:02}", at.date().iso_week_date().week()),
        'x' => write!(out, "{:04}", at.date().iso_week_date().year()),
        other => out.write_char(other),
    };
}

/// Days since Monday.
pub(crate) fn weekday_index(weekday: Weekday) -> usize {
    usize::from(weekday.to_monday_zero_offset().unsigned_abs())
}

/// What a text said so far.
///
/// What it left out is midnight of the first of January, of 1970 or, when the text said something
/// about the day, of 2000: a leap year, so that every day without a year exists.
#[derive(Debug, Default)]
struct Fields {
    year: Option<i16>,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    iso_year: Option<i16>,
    iso_week: Option<i8>,
    weekday: Option<i8>,
    hour: Option<i8>,
    twelve: Option<i8>,
    afternoon: Option<bool>,
    minute: i8,
    second: i8,
    nanos: i32,
}

impl Fields {
    fn read(&mut self, letter: char, reader: &mut Reader<'_>) -> Option<()> {
        match letter {
            'Y' => self.year = Some(year(reader)?),
            'y' => {
                let short = i16::try_from(reader.number(2, 2)?).ok()?;
                self.year = Some(if short < 70 { 2000 } else { 1900 } + short);
            }
            'm' | 'c' => self.month = Some(reader.small()?),
            'd' | 'e' => self.day = Some(reader.small()?),
            'H' | 'k' => self.hour = Some(reader.small()?),
            'h' | 'I' | 'l' => {
                let hour = reader.small()?;
                (1..=12).contains(&hour).then_some(())?;
                self.twelve = Some(hour);
            }
            'i' => self.minute = reader.small()?,
            's' | 'S' => self.second = reader.small()?,
            'f' => {
                let before = reader.text.len();
                self.nanos = reader.fraction()?;
                (before - reader.text.len() <= 9).then_some(())?;
            }
            'p' => {
                let word = reader.text.get(..2)?;
                self.afternoon = Some(match word {
                    word if word.eq_ignore_ascii_case(b"AM") => false,
                    word if word.eq_ignore_ascii_case(b"PM") => true,
                    _ => return None,
                });
                reader.text = &reader.text[2..];
            }
            'M' | 'b' => self.month = Some(name(reader, &MONTHS)? + 1),
            'W' | 'a' => self.weekday = Some(name(reader, &WEEKDAYS)?),
            'j' => self.day_of_year = Some(i16::try_from(reader.number(1, 3)?).ok()?),
            'v' => self.iso_week = Some(reader.small()?),
            'x' => self.iso_year = Some(year(reader)?),
            _ => return None,
        }
        Some(())
    }

    fn finish(self) -> Option<DateTime> {
        let says_day = self.month.is_some()
            || self.day.is_some()
            || self.day_of_year.is_some()
            || self.weekday.is_some()
            || self.iso_week.is_some();
        let year = self.year.unwrap_or(if says_day { 2000 } else { 1970 });
        let date = if self.iso_week.is_some() || self.iso_year.is_some() {
            let year = self.iso_year.unwrap_or(year);
            let weekday = Weekday::from_monday_zero_offset(self.weekday.unwrap_or(0)).ok()?;
            let week = self.iso_week.unwrap_or(1);
            ISOWeekDate::new(year, week, weekday).ok()?.date()
        } else {
            match self.day_of_year {
                Some(day) => {
                    let first = Date::new(year, 1, 1).ok()?;
                    (1..=first.days_in_year()).contains(&day).then_some(())?;
                    first
                        .checked_add(jiff::Span::new().days(i64::from(day) - 1))
                        .ok()?
                }
                None => Date::new(year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
            }
        };
        let hour = match (self.hour, self.twelve) {
            (Some(hour), _) => hour,
            (None, Some(twelve)) => twelve % 12 + if self.afternoon == Some(true) { 12 } else { 0 },
            (None, None) => 0,
        };
        let time = Time::new(hour, self.minute, self.second, self.nanos).ok()?;
        Some(date.to_datetime(time))
    }
}

fn year(reader: &mut Reader<'_>) -> Option<i16> {
    let negative = reader.accept(b'-');
    let year = i16::try_from(reader.number(1, 4)?).ok()?;
    Some(if negative { -year } else { year })
}

/// One of `names`, whole or its first three letters and in any case, as its place.
fn name(reader: &mut Reader<'_>, names: &[&str]) -> Option<i8> {
    let text = reader.text;
    let starts = |name: &str| {
        let start = text.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
    };
    let at = names.iter().position(|name| starts(&name[..3]))?;
    let length = if starts(names[at]) {
        names[at].len()
    } else {
        3
    };
    reader.text = &text[length..];
    i8::try_from(at).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &str, text: &str, want: Option<&str>) {
        let got = DateFormat::new(format).parse(text.as_bytes());
        assert_eq!(got.map(|at| at.to_string()).as_deref(), want);
    }

    #[test]
    fn whole_text_must_fit_the_format() {
        check(
            "%Y-%m-%d %H:%i:%s",
            "2023-11-11 01:23:45",
            Some("2023-11-11T01:23:45"),
        );
        check("%Y-%m-%d", "2023-11-11 ", None);
        check("%Y-%m-%d", "2023-13-11", None);
        check(
            "%d/%b/%Y:%T",
            "07/Jul/2022:10:43:30",
            Some("2022-07-07T10:43:30"),
        );
        check(
            "%Y-%m-%d %H:%i:%s.%f",
            "2023-1-2 3:4:5.5",
            Some("2023-01-02T03:04:05.5"),
        );
        check("%r", "12:00:01 am", Some("1970-01-01T00:00:01"));
        check("%Y %j", "2024 366", Some("2024-12-31T00:00:00"));
        check("%x-%v", "2023-38", Some("2023-09-18T00:00:00"));
        check("%Y%%", "2023%", Some("2023-01-01T00:00:00"));
        check("%Q", "Q", None);
    }

    #[test]
    fn a_day_without_a_year_is_of_2000() {
        // It was of 1970, in which the last of these does not exist.
        check("%d", "12", Some("2000-01-12T00:00:00"));
        check("%j", "60", Some("2000-02-29T00:00:00"));
        check("%W", "Monday", Some("2000-01-01T00:00:00"));
        check("%v", "12", Some("2000-03-20T00:00:00"));
        check("%H", "12", Some("1970-01-01T12:00:00"));
        check("%m-%d", "02-29", Some("2000-02-29T00:00:00"));
    }

    #[test]
    fn a_year_of_weeks_starts_with_its_first_week() {
        // It was read and forgotten.
        check("%x", "2020", Some("2019-12-30T00:00:00"));
        check("%x %W", "2020 Friday", Some("2020-01-03T00:00:00"));
        check("%Y %W", "2020 Friday", Some("2020-01-01T00:00:00"));
    }

    #[test]
    fn names_may_be_long_or_short() {
        // Each letter took only one of the forms.
        check("%b", "June", Some("2000-06-01T00:00:00"));
        check("%M", "jun", Some("2000-06-01T00:00:00"));
        check("%b%d", "june1", Some("2000-06-01T00:00:00"));
        check("%M", "Septe", None);
    }

    #[test]
    fn a_short_year_has_two_digits_and_a_last_percent_is_nothing() {
        check("%y", "7", None);
        check("%y", "07", Some("2007-01-01T00:00:00"));
        check("%Y%", "2023", Some("2023-01-01T00:00:00"));
        check("%Y%", "2023%", None);
    }

    #[test]
    fn unknown_letters_print_themselves() {
        let at = jiff::civil::datetime(2023, 9, 20, 18, 5, 2, 123_456_789);
        let mut out = String::new();
        DateFormat::new("%T %r %c %k %Q %D %f").print(at, &mut out);
        assert_eq!(out, "18:05:02 06:05:02 PM 9 18 Q D 123456");
    }
}
