//! The entries. Sections are those of the reference of the language.

use serde::de::IgnoredAny;
use serde_json::Value;

use crate::datum::{Datum, Kind};
use crate::outcome::{Ours, Theirs, is_document, ulps};
use crate::subjects::CAN_BE_EMPTY;

use super::{Difference, Evaluation, Names};

/// The last moment of the calendar we count with, in every time zone: 9999-12-30T22:00:00Z.
const LAST_MOMENT: i128 = 253_402_207_200_000_000_000;
/// The largest number below one half.
const BELOW_HALF: f64 = 0.499_999_999_999_999_94;
/// 9999-12-31.
const LAST_DAY: i64 = 2_932_896;

pub(crate) const DIFFERENCES: &[Difference] = &[
    // Casts.
    Difference {
        what: "text of large and small fractions",
        reason: "plain decimal, never an exponent (section 2; section 12, 17)",
        names: Names::Of(&["DOUBLE to VARCHAR", "REAL to VARCHAR", "DOUBLE to JSON"]),
        applies: |e| {
            let (Some(ours), Some(theirs)) = (e.our_text(), e.their_text()) else {
                return false;
            };
            let same = ours.parse::<f64>().ok() == theirs.parse::<f64>().ok()
                || ours.parse::<f32>().ok() == theirs.parse::<f32>().ok();
            same && theirs.contains('E') && !ours.contains(['e', 'E'])
        },
        may_be_idle: false,
    },
    Difference {
        what: "large fractions in array_join",
        reason: "plain decimal, never an exponent (section 2; section 12, 17)",
        names: Names::Of(&["array_join"]),
        applies: |e| {
            let plain = e.our_text().is_some_and(|text| !text.contains('E'));
            plain
                && e.their_text()
                    .is_some_and(|text| text.contains("1.0E21") || text.contains("E-324"))
        },
        may_be_idle: false,
    },
    Difference {
        what: "text of a time",
        reason: "has a T between date and time (section 2)",
        names: Names::From("TIMESTAMP"),
        applies: |e| {
            let theirs = e.their_text().map(|text| text.replacen(' ', "T", 1));
            theirs.is_some() && theirs.as_deref() == e.our_text()
        },
        may_be_idle: false,
    },
    Difference {
        what: "casts to VARBINARY",
        reason: "from VARCHAR only (section 7)",
        names: Names::To("VARBINARY"),
        applies: |e| e.we_refuse(),
        may_be_idle: false,
    },
    Difference {
        what: "casts from VARBINARY",
        reason: "to VARCHAR only (section 7)",
        names: Names::From("VARBINARY"),
        applies: |e| e.we_refuse(),
        may_be_idle: false,
    },
    Difference {
        what: "try_cast to TIMESTAMP of what has no such cast",
        reason: "refused when compiling, as cast is (section 10, type)",
        names: Names::To("TIMESTAMP"),
        applies: impossible,
        may_be_idle: false,
    },
    Difference {
        what: "try_cast of TIMESTAMP where there is no such cast",
        reason: "refused when compiling, as cast is (section 10, type)",
        names: Names::From("TIMESTAMP"),
        applies: impossible,
        may_be_idle: false,
    },
    Difference {
        what: "try_cast of text that is not ASCII to an integer",
        reason: "null; the engine fails in spite of try",
        names: Names::Of(&[
            "VARCHAR to TINYINT",
            "VARCHAR to SMALLINT",
            "VARCHAR to INTEGER",
            "VARCHAR to BIGINT",
            "ARRAY<VARCHAR> to ARRAY<BIGINT>",
        ]),
        applies: |e| {
            let null = e.is_try_cast() && *e.ours == Ours::Null;
            null && e.they_fail("Unicode characters are not supported")
        },
        may_be_idle: false,
    },
    Difference {
        what: "+Infinity as a number",
        reason: "only NaN, Infinity and -Infinity are words for numbers (section 7)",
        names: Names::Of(&["VARCHAR to DOUBLE", "VARCHAR to REAL"]),
        applies: |e| e.text(0) == "+Infinity" && e.we_fail(),
        may_be_idle: false,
    },
    // Dates and times.
    Difference {
        what: "dates with a plus or with slashes",
        reason: "the form is YYYY-M-D (section 7)",
        names: Names::Of(&["VARCHAR to DATE", "VARCHAR to TIMESTAMP", "date"]),
        applies: |e| (e.text(0).starts_with('+') || e.text(0).contains('/')) && e.we_fail(),
        may_be_idle: false,
    },
    Difference {
        what: "times with a T in a cast",
        reason: "a T or a blank stands between date and time (section 7)",
        names: Names::Of(&["VARCHAR to TIMESTAMP"]),
        applies: |e| {
            let read = e.text(0).contains('T') && e.our_text().is_some();
            let refused = e.they_fail("Unknown timezone value: \"T");
            read && (refused || e.is_try_cast() && *e.theirs == Theirs::Null)
        },
        may_be_idle: false,
    },
    Difference {
        what: "times with a zone in a cast",
        reason: "the form ends with the fraction of the second (section 7)",
        names: Names::Of(&["VARCHAR to TIMESTAMP"]),
        applies: |e| {
            let zones = ["Z", " UTC", "+08:00"];
            zones.iter().any(|zone| e.text(0).ends_with(zone)) && e.we_fail()
        },
        may_be_idle: false,
    },
    Difference {
        what: "a sign before the hour in a cast",
        reason: "the form has none (section 7)",
        names: Names::Of(&["VARCHAR to TIMESTAMP"]),
        applies: |e| e.text(0).ends_with(" -1:00:00") && e.we_fail(),
        may_be_idle: false,
    },
    Difference {
        what: "second 60",
        reason: "there is none without leap seconds",
        names: Names::Of(&["VARCHAR to TIMESTAMP", "from_iso8601_timestamp"]),
        applies: |e| e.text(0).ends_with(":60") && e.we_fail(),
        may_be_idle: false,
    },
    Difference {
        what: "times after 9999-12-30T22:00Z, days after 9999-12-31",
        reason: "the calendar ends there, which is a data error",
        names: Names::Of(&[
            "VARCHAR to DATE",
            "VARCHAR to TIMESTAMP",
            "DATE to TIMESTAMP",
            "date",
            "date_add",
            "date_parse",
            "from_iso8601_timestamp",
            "from_unixtime",
        ]),
        applies: |e| {
            let beyond = match e.theirs {
                Theirs::Value(_, Datum::Timestamp(nanos)) => nanos.abs() >= LAST_MOMENT,
                Theirs::Value(_, Datum::Date(days)) => days.abs() > LAST_DAY,
                _ => false,
            };
            beyond && e.we_fail()
        },
        may_be_idle: false,
    },
    Difference {
        what: "from_unixtime(NaN)",
        reason: "a data error, as the cast of NaN to an integer is (section 7)",
        names: Names::Of(&["from_unixtime"]),
        applies: |e| e.double(0).is_some_and(f64::is_nan) && e.we_fail(),
        may_be_idle: false,
    },
    Difference {
        what: "fractions of to_unixtime before 1970",
        reason: "the engine's are off by rounding",
        names: Names::Of(&["to_unixtime"]),
        applies: |e| {
            let early = matches!(e.row[0], Datum::Timestamp(nanos) if nanos < 0);
            let ours = e.our_text().and_then(|text| text.parse::<f64>().ok());
            let both = ours.zip(e.their_double());
            early && both.is_some_and(|(ours, theirs)| (ours - theirs).abs() < 1e-9)
        },
        may_be_idle: false,
    },
    Difference {
        what: "date_add of more than 32 bits",
        reason: "the engine computes with 32 bits",
        names: Names::Of(&["date_add"]),
        applies: |e| {
            let amount = e
                .subject
                .kinds
                .iter()
                .position(|kind| *kind == Kind::Bigint);
            let amount = amount.and_then(|at| e.integer(at));
            let large = amount.is_some_and(|amount| i32::try_from(amount).is_err());
            large && e.our_text().is_some() && e.they_fail("integer overflow")
        },
        may_be_idle: false,
    },
    Difference {
        what: "months added to times before 1970",
        reason: "keep the day, or end with the month; the engine's are off by days for some",
        names: Names::Of(&["date_add"]),
        applies: |e| {
            let early = |datum: &Datum| matches!(datum, Datum::Timestamp(nanos) if *nanos < 0);
            let units = ["month", "quarter", "year"];
            let months = units
                .iter()
                .any(|unit| e.has_literal(unit) || e.text(0) == *unit);
            months && e.row.iter().any(early) && e.our_text().is_some()
        },
        may_be_idle: false,
    },
    Difference {
        what: "date_trunc to milliseconds",
        reason: "is a unit (section 9)",
        names: Names::Of(&["date_trunc"]),
        applies: |e| e.our_text().is_some() && e.they_fail("millisecond is not a valid"),
        may_be_idle: false,
    },
    Difference {
        what: "unknown letters of date_format",
        reason: "print themselves (section 9)",
        names: Names::Of(&["date_format"]),
        applies: |e| {
            let letters = ["D", "U", "V", "X", "u", "w"];
            let unknown = letters.iter().any(|c| e.has_literal(&format!("%{c}")));
            unknown && e.they_fail("Date format specifier is not supported")
        },
        may_be_idle: false,
    },
    Difference {
        what: "an empty format",
        reason: "prints nothing, and reads nothing",
        names: Names::Of(&["date_format", "date_parse"]),
        applies: |e| e.has_literal("") && e.they_fail("Both printing and parsing not supported"),
        may_be_idle: false,
    },
    Difference {
        what: "%f of seven to nine digits",
        reason: "are read: logs have nanoseconds",
        names: Names::Of(&["date_parse"]),
        applies: |e| {
            let digits = e.text(0).rsplit('.').next().map_or(0, str::len);
            let long = e.subject.ours.contains("%f") && (7..=9).contains(&digits);
            long && e.our_text().is_some() && e.they_fail("is malformed at")
        },
        may_be_idle: false,
    },
    Difference {
        what: "week 53",
        reason: "the engine refuses it in years that have it",
        names: Names::Of(&["date_parse"]),
        applies: |e| e.text(0) == "2020 53" && e.our_text().is_some(),
        may_be_idle: false,
    },
    // JSON.
    Difference {
        what: "other forms of JSON paths",
        reason: "are malformed (section 9)",
        names: Names::Starting("json_"),
        applies: |e| match e.ours {
            Ours::Refused(reason) | Ours::Error(reason) => reason.contains("JSON path"),
            _ => false,
        },
        may_be_idle: false,
    },
    Difference {
        what: "an empty name in a JSON path",
        reason: "is a name, quoted",
        names: Names::Starting("json_"),
        applies: |e| {
            let path = "$[\"\"]";
            (e.has_literal(path) || e.text(1) == path) && e.they_fail("Invalid JSON path")
        },
        may_be_idle: false,
    },
    Difference {
        what: "text that is no JSON",
        reason: "null (section 9); the engine reads as far as it must",
        names: Names::Starting("json_"),
        applies: |e| {
            let valid = serde_json::from_str::<IgnoredAny>(e.text(0)).is_ok();
            e.subject.kinds[0] == Kind::Varchar && !valid && *e.ours == Ours::Null
        },
        may_be_idle: false,
    },
    Difference {
        what: "half of a surrogate pair in JSON",
        reason: "is U+FFFD: VARCHAR is UTF-8",
        names: Names::Starting("json_"),
        applies: |e| {
            let half = e.text(0).contains("\\ud83d\"");
            half && e.our_text().is_some_and(|text| text.contains('\u{fffd}'))
        },
        may_be_idle: false,
    },
    Difference {
        what: "numbers of JSON beyond those of DOUBLE",
        reason: "keep their text (section 9)",
        names: Names::Of(&["json_extract", "json_parse"]),
        applies: |e| e.text(0) == "1e400" && e.our_text() == Some("1e400"),
        may_be_idle: false,
    },
    Difference {
        what: "json_array_contains(.., NaN) of no array",
        reason: "null, as for other numbers; the engine looks at NaN first",
        names: Names::Of(&["json_array_contains"]),
        applies: |e| e.double(1).is_some_and(f64::is_nan) && *e.ours == Ours::Null,
        may_be_idle: false,
    },
    Difference {
        what: "order of keys and escapes in json_format",
        reason: "are those of the source, escapes decoded (section 9)",
        names: Names::Of(&["json_format"]),
        applies: |e| {
            let theirs = e.their_text();
            let theirs = theirs.and_then(|text| serde_json::from_str::<Value>(&text).ok());
            let both = e.our_text().zip(theirs);
            both.is_some_and(|(ours, theirs)| is_document(ours, &theirs))
        },
        may_be_idle: false,
    },
    Difference {
        what: "order of members under a wildcard",
        reason: "is that of the source; the engine's json_parse sorts them (section 9)",
        names: Names::Of(&["json_extract"]),
        applies: |e| {
            let items = |text: &str| {
                let items = serde_json::from_str::<Vec<Value>>(text).ok()?;
                let mut items: Vec<_> = items.iter().map(Value::to_string).collect();
                items.sort_unstable();
                Some(items)
            };
            let ours = e.our_text().and_then(items);
            let same = ours.is_some() && ours == e.their_text().as_deref().and_then(items);
            same && e.subject.kinds[0] == Kind::Json
        },
        may_be_idle: false,
    },
    // Regular expressions.
    Difference {
        what: "\\C in a pattern",
        reason: "is refused (section 9)",
        names: Names::Starting("regexp_"),
        applies: |e| {
            let fails = e.we_refuse() || e.we_fail();
            fails && (e.subject.ours.contains("'\\C'") || e.text(1) == "\\C")
        },
        may_be_idle: false,
    },
    Difference {
        what: "(?<name>..) in a pattern",
        reason: "newer releases of the engine's library take it, too",
        names: Names::Starting("regexp_"),
        applies: |e| {
            let group = e.subject.ours.contains("(?<n>") || e.text(1).contains("(?<n>");
            group && e.they_fail("invalid perl operator: (?<")
        },
        may_be_idle: false,
    },
    Difference {
        what: "a group that repeats without taking anything",
        reason: "took part with an empty match; libraries differ",
        names: Names::Of(&["regexp_extract", "regexp_extract_all"]),
        applies: |e| e.subject.ours.contains("'(a*)*', 1"),
        may_be_idle: false,
    },
    Difference {
        what: "regexp_split at empty matches",
        reason: "loses nothing; the engine drops characters, and stumbles at the end of the text",
        names: Names::Of(&["regexp_split"]),
        applies: |e| {
            let mut patterns = CAN_BE_EMPTY.iter();
            let empty = patterns.any(|pattern| e.has_literal(pattern) || e.text(1) == *pattern);
            e.our_text().is_some() && (empty || e.they_fail("(-1 vs. 0)"))
        },
        may_be_idle: false,
    },
    // Text.
    Difference {
        what: "split and replace of nothing between characters",
        reason: "characters stay whole; the engine cuts them into bytes",
        names: Names::Of(&["split", "replace"]),
        applies: |e| {
            let broken = e.their_text().is_some_and(|text| text.contains('\u{fffd}'));
            broken && e.text(1).is_empty() && !e.text(0).is_ascii()
        },
        may_be_idle: false,
    },
    Difference {
        what: "upper of sharp s",
        reason: "has no simple mapping in Unicode (section 9)",
        names: Names::Of(&["upper"]),
        applies: |e| e.their_text().map(|text| text.replace('ẞ', "ß")).as_deref() == e.our_text(),
        may_be_idle: false,
    },
    Difference {
        what: "from_base64 of padding only",
        reason: "is no base64",
        names: Names::Of(&["from_base64"]),
        applies: |e| e.text(0) == "====" && e.we_fail(),
        may_be_idle: false,
    },
    Difference {
        what: "parts that a URL does not have",
        reason: "null (section 9)",
        names: Names::Starting("url_extract_"),
        applies: |e| *e.ours == Ours::Null && e.their_text().as_deref() == Some(""),
        may_be_idle: false,
    },
    Difference {
        what: "escaped delimiters in the query of a URL",
        reason: "do not delimit; the engine decodes before it splits",
        names: Names::Of(&["url_extract_parameter"]),
        applies: |e| e.text(0).contains("%3D") || e.text(0).contains("%26"),
        may_be_idle: false,
    },
    // Numbers.
    Difference {
        what: "abs of the smallest integer",
        reason: "overflow is a data error (section 8)",
        names: Names::Of(&["abs"]),
        applies: |e| e.we_fail() && e.their_text().is_some_and(|text| text.starts_with('-')),
        may_be_idle: false,
    },
    Difference {
        what: "round of an integer before the point",
        reason: "rounds it, half away from zero (section 9); the engine returns it",
        names: Names::Of(&["round"]),
        applies: |e| {
            let before = e.integer(1).is_some_and(|digits| digits < 0);
            before && e.their_text() == e.integer(0).map(|value| value.to_string())
        },
        may_be_idle: false,
    },
    Difference {
        what: "round to more digits than a number can have",
        reason: "is the number; the engine's scale overflows",
        names: Names::Of(&["round"]),
        applies: |e| {
            let many = e.integer(1).is_some_and(|digits| digits >= 300);
            many && e.their_double().is_some_and(|value| !value.is_finite())
        },
        may_be_idle: false,
    },
    Difference {
        what: "last digit of round and truncate",
        reason: "the engine's is off by rounding",
        names: Names::Of(&["round", "truncate"]),
        applies: |e| e.subject.kinds[0] == Kind::Double && near(e, 2),
        may_be_idle: false,
    },
    Difference {
        what: "last digits of functions of the mathematical library",
        reason: "depend on the machine's",
        names: Names::Of(&[
            "acos", "asin", "atan", "atan2", "cbrt", "cos", "cosh", "exp", "ln", "log10", "log2",
            "pow", "power", "sin", "tan", "tanh",
        ]),
        applies: |e| near(e, 2),
        may_be_idle: true,
    },
    Difference {
        what: "width_bucket at the edge of what DOUBLE holds",
        reason: "the engine rounds at other places, or overflows",
        names: Names::Of(&["width_bucket"]),
        applies: |e| {
            let beyond = |at| {
                e.double(at)
                    .is_some_and(|bound| bound.abs() >= 2f64.powi(53))
            };
            let below_half = e.double(0) == Some(BELOW_HALF);
            e.integer(3) == Some(i64::MAX) || beyond(1) || beyond(2) || below_half
        },
        may_be_idle: false,
    },
    Difference {
        what: "to_base of the largest integers",
        reason: "the engine makes room for a digit too many and does not fill it",
        names: Names::Of(&["to_base"]),
        applies: |e| {
            let digits = e.our_text().zip(e.their_text());
            let more = digits.is_some_and(|(ours, theirs)| theirs.get(1..) == Some(ours));
            more && e.integer(0).is_some_and(|value| value > i64::MAX - 1024)
        },
        may_be_idle: false,
    },
    // Arrays.
    Difference {
        what: "the smallest integer as a position or code point",
        reason: "is out of range; the engine cuts it to 32 bits",
        names: Names::Of(&["chr", "element_at", "slice", "subscript"]),
        applies: |e| e.integer(if e.row.len() > 1 { 1 } else { 0 }) == Some(i64::MIN),
        may_be_idle: false,
    },
    Difference {
        what: "array_distinct(null)",
        reason: "null (section 5); the engine makes it an empty array",
        names: Names::Of(&["array_distinct"]),
        applies: |e| e.row[0] == Datum::Null && *e.ours == Ours::Null,
        may_be_idle: false,
    },
    // Failing parts.
    Difference {
        what: "a part of an expression that fails",
        reason: "is null and is counted, the rest goes on (section 5, 3); in the engine all fails",
        names: Names::Of(&["coalesce", "is null", "filter", "transform"]),
        applies: |e| {
            let reasons = [
                "division by zero",
                "integer overflow",
                "Cannot cast VARCHAR",
                "Unicode characters are not supported",
            ];
            e.our_text().is_some() && reasons.iter().any(|reason| e.they_fail(reason))
        },
        may_be_idle: false,
    },
];

/// A `try_cast` that never works: refused here, always null there.
fn impossible(e: &Evaluation<'_>) -> bool {
    e.is_try_cast() && e.we_refuse() && *e.theirs == Theirs::Null
}

/// Whether both are numbers at most so many numbers apart.
fn near(e: &Evaluation<'_>, most: u64) -> bool {
    let ours = e.our_text().and_then(|text| text.parse::<f64>().ok());
    match ours.zip(e.their_double()) {
        Some((ours, theirs)) => ulps(ours, theirs) <= most,
        None => false,
    }
}
