//! Date and time functions; local fields are those of the evaluation zone.

use jiff::civil::{Date, DateTime, Time};
use jiff::{Span, Timestamp};

use crate::time::{self, DateFormat};
use crate::value::{Value, bigint};

use super::{Call, Function, Param, Prepare, Prepared, plain, returns};

const MOMENT: &[Param] = &[Param::Moment];

pub(super) const FUNCTIONS: &[Function] = &[
    plain(
        &["from_unixtime"],
        &[Param::Number],
        1,
        returns::timestamp,
        from_unixtime,
    ),
    plain(
        &["to_unixtime"],
        &[Param::Timestamp],
        1,
        returns::double,
        to_unixtime,
    ),
    plain(
        &["date_format"],
        &[Param::Moment, Param::Text],
        2,
        returns::varchar,
        date_format,
    )
    .prepares(Prepare::Format(1)),
    plain(
        &["date_parse"],
        &[Param::Text, Param::Text],
        2,
        returns::timestamp,
        date_parse,
    )
    .prepares(Prepare::Format(1)),
    plain(
        &["date_trunc"],
        &[Param::Text, Param::Moment],
        2,
        returns::last,
        date_trunc,
    )
    .prepares(Prepare::Unit(0)),
    plain(
        &["date_add"],
        &[Param::Text, Param::Integer, Param::Moment],
        3,
        returns::last,
        date_add,
    )
    .prepares(Prepare::Unit(0)),
    plain(
        &["date_diff"],
        &[Param::Text, Param::Moment, Param::Moment],
        3,
        returns::bigint,
        date_diff,
    )
    .prepares(Prepare::Unit(0)),
    plain(&["year"], MOMENT, 1, returns::bigint, year),
    plain(&["quarter"], MOMENT, 1, returns::bigint, quarter),
    plain(&["month"], MOMENT, 1, returns::bigint, month),
    plain(&["week", "week_of_year"], MOMENT, 1, returns::bigint, week),
    plain(&["day", "day_of_month"], MOMENT, 1, returns::bigint, day),
    plain(&["hour"], MOMENT, 1, returns::bigint, hour),
    plain(&["minute"], MOMENT, 1, returns::bigint, minute),
    plain(&["second"], MOMENT, 1, returns::bigint, second),
    plain(
        &["day_of_week", "dow"],
        MOMENT,
        1,
        returns::bigint,
        day_of_week,
    ),
    plain(
        &["day_of_year", "doy"],
        MOMENT,
        1,
        returns::bigint,
        day_of_year,
    ),
    plain(
        &["from_iso8601_timestamp"],
        &[Param::Text],
        1,
        returns::timestamp,
        from_iso8601,
    ),
    plain(&["to_iso8601"], MOMENT, 1, returns::varchar, to_iso8601),
    plain(
        &["current_timestamp", "now"],
        &[],
        0,
        returns::timestamp,
        now,
    ),
    plain(&["current_date"], &[], 0, returns::date, current_date),
    plain(&["date"], &[Param::TextOrMoment], 1, returns::date, date),
];

/// A unit of `date_trunc`, `date_add` and `date_diff`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "millisecond" => Self::Millisecond,
            "second" => Self::Second,
            "minute" => Self::Minute,
            "hour" => Self::Hour,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "quarter" => Self::Quarter,
            "year" => Self::Year,
            _ => return None,
        })
    }

    /// The length in milliseconds; `None` for units of the calendar.
    fn millis(self) -> Option<i64> {
        Some(match self {
            Self::Millisecond => 1,
            Self::Second => 1000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            _ => return None,
        })
    }
}

const OUT_OF_RANGE: &str = "the time is out of range";

/// The local fields of an argument that is a time or a date.
fn local<'a>(call: &Call<'a, '_>, at: usize) -> Result<DateTime, Value<'a>> {
    match call.arg(at) {
        Value::Timestamp(instant) => Ok(time::local(instant, call.cx.run.zone)),
        Value::Date(date) => Ok(date.to_datetime(Time::midnight())),
        _ => Err(call.mismatch()),
    }
}

fn instant<'a>(call: &Call<'a, '_>, at: DateTime) -> Value<'a> {
    match time::instant(at, call.cx.run.zone) {
        Some(instant) => Value::Timestamp(instant),
        None => call.fail(OUT_OF_RANGE),
    }
}

fn field<'a>(call: &Call<'a, '_>, read: impl FnOnce(DateTime) -> i64) -> Value<'a> {
    match local(call, 0) {
        Ok(at) => bigint(read(at)),
        Err(value) => value,
    }
}

fn from_unixtime<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let result = match call.arg(0) {
        Value::Integer(_, seconds) => Timestamp::from_second(seconds).ok(),
        other => match other.as_double() {
            // Milliseconds are what a double of seconds carries faithfully.
            Some(seconds) if seconds.is_finite() && seconds.abs() < 1e15 => {
                Timestamp::from_millisecond((seconds * 1000.0).round() as i64).ok()
            }
            Some(_) => None,
            None => return call.mismatch(),
        },
    };
    result.map_or_else(|| call.fail(OUT_OF_RANGE), Value::Timestamp)
}

fn to_unixtime<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Timestamp(at) => {
            let fraction = f64::from(at.subsec_nanosecond()) / 1e9;
            Value::Double(at.as_second() as f64 + fraction)
        }
        _ => call.mismatch(),
    }
}

/// Runs `work` with the format of the call, prepared or not.
fn with_format<'a>(call: &Call<'a, '_>, work: impl FnOnce(&DateFormat) -> Value<'a>) -> Value<'a> {
    if let Prepared::Format(format) = call.prepared {
        return work(format);
    }
    match call.text(1) {
        Some(text) => work(&DateFormat::new(text)),
        None => call.mismatch(),
    }
}

fn date_format<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match local(call, 0) {
        Ok(at) => with_format(call, |format| {
            let mut out = String::new();
            format.print(at, &mut out);
            call.cx.text(&out)
        }),
        Err(value) => value,
    }
}

fn date_parse<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Value::Text(text) = call.arg(0) else {
        return call.mismatch();
    };
    with_format(call, |format| match format.parse(text) {
        Some(at) => instant(call, at),
        None => call.cx.fail("the time does not fit the format", text),
    })
}

fn unit<'a>(call: &Call<'a, '_>) -> Result<Unit, Value<'a>> {
    if let Prepared::Unit(unit) = call.prepared {
        return Ok(*unit);
    }
    match call.text(0) {
        Some(name) => {
            Unit::named(name).ok_or_else(|| call.cx.fail("unknown unit of time", name.as_bytes()))
        }
        None => Err(call.mismatch()),
    }
}

fn date_trunc<'a>(call: &Call<'a, '_>) -> Value<'a> {
    try_trunc(call).unwrap_or_else(|value| value)
}

fn try_trunc<'a>(call: &Call<'a, '_>) -> Result<Value<'a>, Value<'a>> {
    let unit = unit(call)?;
    let at = local(call, 1)?;
    let day = at.date();
    let first = |date: Result<Date, jiff::Error>| date.map(|d| d.to_datetime(Time::midnight()));
    let months = |month: i8| first(Date::new(day.year(), month, 1));
    let time = |hour, minute, second, millis: i32| {
        Time::new(hour, minute, second, millis * 1_000_000).map(|time| day.to_datetime(time))
    };
    let truncated = match unit {
        Unit::Millisecond => time(
            at.hour(),
            at.minute(),
            at.second(),
            i32::from(at.millisecond()),
        ),
        Unit::Second => time(at.hour(), at.minute(), at.second(), 0),
        Unit::Minute => time(at.hour(), at.minute(), 0, 0),
        Unit::Hour => time(at.hour(), 0, 0, 0),
        Unit::Day => first(Ok(day)),
        Unit::Week => {
            let back = i64::from(day.weekday().to_monday_zero_offset());
            first(day.checked_sub(Span::new().days(back)))
        }
        Unit::Month => months(day.month()),
        Unit::Quarter => months((day.month() - 1) / 3 * 3 + 1),
        Unit::Year => months(1),
    };
    let truncated = truncated.map_err(|_| call.fail(OUT_OF_RANGE))?;
    match call.arg(1) {
        Value::Date(_) if unit.millis().is_some() => {
            Err(call.fail("a date cannot be cut to a unit of time"))
        }
        Value::Date(_) => Ok(Value::Date(truncated.date())),
        Value::Timestamp(before) if unit.millis().is_some() => {
            // Within the hour the offset cannot be ambiguous: subtract instead of looking it up.
            let rest = at.duration_since(truncated);
            let cut = before
                .checked_sub(rest)
                .map_err(|_| call.fail(OUT_OF_RANGE))?;
            Ok(Value::Timestamp(cut))
        }
        _ => Ok(instant(call, truncated)),
    }
}

fn date_add<'a>(call: &Call<'a, '_>) -> Value<'a> {
    try_add(call).unwrap_or_else(|value| value)
}

fn try_add<'a>(call: &Call<'a, '_>) -> Result<Value<'a>, Value<'a>> {
    let unit = unit(call)?;
    let amount = call.integer(1).ok_or_else(|| call.mismatch())?;
    if let Some(millis) = unit.millis() {
        let Value::Timestamp(at) = call.arg(2) else {
            return Err(call.fail("a unit of time cannot be added to a date"));
        };
        let sum = amount
            .checked_mul(millis)
            .map(jiff::SignedDuration::from_millis)
            .and_then(|duration| at.checked_add(duration).ok());
        return sum
            .map(Value::Timestamp)
            .ok_or_else(|| call.fail(OUT_OF_RANGE));
    }
    let at = local(call, 2)?;
    let span = match unit {
        Unit::Week => Span::new().try_weeks(amount),
        Unit::Month => Span::new().try_months(amount),
        Unit::Quarter => Span::new().try_months(amount.saturating_mul(3)),
        Unit::Year => Span::new().try_years(amount),
        _ => Span::new().try_days(amount),
    };
    let moved = span
        .and_then(|span| at.checked_add(span))
        .map_err(|_| call.fail(OUT_OF_RANGE))?;
    Ok(match call.arg(2) {
        Value::Date(_) => Value::Date(moved.date()),
        _ => instant(call, moved),
    })
}

fn date_diff<'a>(call: &Call<'a, '_>) -> Value<'a> {
    try_diff(call).unwrap_or_else(|value| value)
}

fn try_diff<'a>(call: &Call<'a, '_>) -> Result<Value<'a>, Value<'a>> {
    let unit = unit(call)?;
    let from = local(call, 1)?;
    let to = local(call, 2)?;
    if let (Value::Timestamp(a), Value::Timestamp(b), Some(millis)) =
        (call.arg(1), call.arg(2), unit.millis())
    {
        let nanos = b.as_nanosecond() - a.as_nanosecond();
        let count = nanos / (i128::from(millis) * 1_000_000);
        return i64::try_from(count)
            .map(bigint)
            .map_err(|_| call.fail(OUT_OF_RANGE));
    }
    if unit.millis().is_some()
        && matches!((call.arg(1), call.arg(2)), (Value::Date(_), Value::Date(_)))
    {
        return Err(call.fail("dates do not differ by a unit of time"));
    }
    let whole = |length: i128| {
        let nanos = to.duration_since(from).as_nanos();
        i64::try_from(nanos / length).unwrap_or_default()
    };
    const DAY: i128 = 86_400_000_000_000;
    Ok(bigint(match unit {
        Unit::Day => whole(DAY),
        Unit::Week => whole(7 * DAY),
        Unit::Month => months_between(from, to),
        Unit::Quarter => months_between(from, to) / 3,
        Unit::Year => months_between(from, to) / 12,
        _ => whole(i128::from(unit.millis().unwrap_or(1)) * 1_000_000),
    }))
}

/// Whole months; the last day of a month ends every month that started on a later day.
fn months_between(from: DateTime, to: DateTime) -> i64 {
    if from > to {
        return -months_between(to, from);
    }
    let months = (i64::from(to.year()) - i64::from(from.year())) * 12 + i64::from(to.month())
        - i64::from(from.month());
    let at_end = to.day() == to.date().days_in_month();
    let short =
        (from.day() > to.day() && !at_end) || (from.day() == to.day() && from.time() > to.time());
    months - i64::from(short)
}

fn year<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.year()))
}

fn quarter<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from((at.month() - 1) / 3 + 1))
}

fn month<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.month()))
}

fn week<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.date().iso_week_date().week()))
}

fn day<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.day()))
}

fn hour<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.hour()))
}

fn minute<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.minute()))
}

fn second<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.second()))
}

fn day_of_week<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.weekday().to_monday_one_offset()))
}

fn day_of_year<'a>(call: &Call<'a, '_>) -> Value<'a> {
    field(call, |at| i64::from(at.date().day_of_year()))
}

fn from_iso8601<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Value::Text(text) = call.arg(0) else {
        return call.mismatch();
    };
    match time::parse_iso(text, call.cx.run.zone) {
        Some(at) => Value::Timestamp(at),
        None => call.cx.fail("not an ISO 8601 time", text),
    }
}

fn to_iso8601<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let mut out = String::new();
    match call.arg(0) {
        Value::Date(date) => time::write_date(date, &mut out),
        Value::Timestamp(at) => {
            time::write_timestamp(at, call.cx.run.zone, &mut out);
            let seconds = call.cx.run.zone.to_offset(at).seconds();
            if seconds == 0 {
                out.push('Z');
            } else {
                let minutes = seconds.unsigned_abs() / 60;
                let sign = if seconds < 0 { '-' } else { '+' };
                out.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
            }
        }
        _ => return call.mismatch(),
    }
    call.cx.text(&out)
}

fn now<'a>(call: &Call<'a, '_>) -> Value<'a> {
    Value::Timestamp(call.cx.run.now)
}

fn current_date<'a>(call: &Call<'a, '_>) -> Value<'a> {
    Value::Date(time::local(call.cx.run.now, call.cx.run.zone).date())
}

fn date<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Text(text) => match time::parse_date(text) {
            Some(date) => Value::Date(date),
            None => call.cx.fail("not a date", text),
        },
        _ => match local(call, 0) {
            Ok(at) => Value::Date(at.date()),
            Err(value) => value,
        },
    }
}
