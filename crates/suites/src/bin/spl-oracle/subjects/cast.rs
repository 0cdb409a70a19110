//! Casts from every type to every type.

use std::slice::from_ref;

use crate::datum::{Datum, Kind};
use crate::domain::{self, only};
use crate::subject::{Domain, Group, Subject};

use super::datetime::DATES;

/// What a cast can name.
const TARGETS: [Kind; 12] = [
    Kind::Boolean,
    Kind::Tinyint,
    Kind::Smallint,
    Kind::Integer,
    Kind::Bigint,
    Kind::Real,
    Kind::Double,
    Kind::Varchar,
    Kind::Varbinary,
    Kind::Timestamp,
    Kind::Date,
    Kind::Json,
];

pub(super) fn add(group: &mut Group) {
    let from = [
        words(),
        domain::bigint(),
        domain::tinyint(),
        domain::smallint(),
        domain::integer(),
        domain::double().and([127.5, 127.4, -128.5, 32767.5, 2_147_483_647.4, 1e19]),
        domain::real(),
        domain::boolean(),
        domain::binary(),
        domain::timestamp(),
        domain::day(),
        domain::json(),
    ];
    for domain in from {
        for target in TARGETS {
            for subject in both(group, &target, &domain) {
                // Only text has such a cast, and to read bytes as numbers takes the engine long.
                if domain.kind == Kind::Varbinary && target != Kind::Varchar {
                    subject.rows.truncate(4);
                }
            }
        }
    }
    for domain in [domain::texts(), domain::integers(), domain::map()] {
        for target in TARGETS {
            for subject in both(group, &target, &domain) {
                // There is no such cast, except to JSON; to say so takes the engine long.
                if target != Kind::Json {
                    subject.rows.truncate(1);
                }
            }
        }
    }
    let moments = || only(Kind::Varchar, DATES).and(TIMES);
    both(group, &Kind::Timestamp, &moments());
    both(group, &Kind::Date, &moments());
    let documents = || {
        domain::json().and([
            "[1,2,null]",
            "[\"1\",\"x\"]",
            "[1.5]",
            "[true]",
            "{\"a\":1,\"b\":null}",
            "{\"a\":\"1\"}",
            "{\"a\":[1]}",
            "\"12\"",
            "\"true\"",
            "1.9",
            "-1.5",
            "1e2",
            "\"x\"",
            "300",
        ])
    };
    for target in [
        Kind::Varchar,
        Kind::Bigint,
        Kind::Double,
        Kind::Boolean,
        Kind::array(Kind::Varchar),
        Kind::array(Kind::Bigint),
        Kind::array(Kind::Json),
        Kind::map(Kind::Varchar, Kind::Varchar),
        Kind::map(Kind::Varchar, Kind::Bigint),
    ] {
        both(group, &target, &documents().of_kind(Kind::Json));
    }
    both(group, &Kind::array(Kind::Bigint), &domain::texts());
    both(group, &Kind::array(Kind::Varchar), &domain::integers());
    both(group, &Kind::array(Kind::Double), &domain::integers());
    both(
        group,
        &Kind::map(Kind::Varchar, Kind::Varchar),
        &domain::map(),
    );
}

/// `cast` and `try_cast`.
fn both<'g>(group: &'g mut Group, target: &Kind, domain: &Domain) -> &'g mut [Subject] {
    let name = format!("{} to {target}", domain.kind);
    let first = group.subjects.len();
    for cast in ["cast", "try_cast"] {
        let expression = format!("{cast}(a0 as {})", target.sql());
        let subject = group.add(name.clone(), expression, from_ref(domain));
        subject.spelled(format!("{cast}(a0 as {})", target.engine_sql()));
    }
    &mut group.subjects[first..]
}

/// Text, little of it other than ASCII: to refuse that as a number takes the engine long.
fn words() -> Domain {
    let mut words = domain::text().and(NUMBERS).and(WORDS);
    words
        .edges
        .retain(|datum| matches!(datum, Datum::Text(text) if text.is_ascii()));
    let mut words = words.and(["日本語", "\u{a0}1", "１２", "é"]);
    words.random = |random| Datum::Text(random.text(&["1", "0", "9", "-", ".", "e", " ", "t"], 5));
    words
}

const NUMBERS: [&str; 62] = [
    "0",
    "-0",
    "+5",
    "007",
    " 12 ",
    "\t7\n",
    "1 2",
    "12.7",
    "12.0",
    "1e3",
    "1E3",
    "1e",
    "e1",
    "1.",
    ".5",
    ".",
    "-",
    "+",
    "--1",
    "+-1",
    "127",
    "128",
    "-128",
    "-129",
    "32767",
    "32768",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "99999999999999999999999",
    "0x10",
    "1_000",
    "1,000",
    "１２",
    "1a",
    "nan",
    "NAN",
    "inf",
    "Infinity",
    "-Infinity",
    "+Infinity",
    "infinity",
    "INF",
    "-inf",
    "1e400",
    "-1e400",
    "1e-400",
    "1.5e3",
    "-1.5e-3",
    "1.7976931348623157e308",
    "0.1",
    "3.4028235e38",
    "3.5e38",
    "1e39",
    "1d",
    "1f",
    "\u{a0}1",
    "1\u{0}",
    "00000000000000000000001",
];

const WORDS: [&str; 16] = [
    "t", "f", "T", "F", "TRUE", "False", "yes", "no", "y", "on", "off", " true", "true ", "10",
    "tru", "ok",
];

const TIMES: [&str; 40] = [
    "2023-09-20 06:30:02",
    "2023-09-20T06:30:02",
    "2023-09-20 6:3:2",
    "2023-09-20 06:30",
    "2023-09-20 06",
    "2023-09-20 06:30:02.1",
    "2023-09-20 06:30:02.123",
    "2023-09-20 06:30:02.123456",
    "2023-09-20 06:30:02.123456789",
    "2023-09-20 06:30:02.1234567890",
    "2023-09-20 06:30:02.",
    "2023-09-20 24:00:00",
    "2023-09-20 23:59:60",
    "2023-09-20 23:60:00",
    "2023-09-20  06:30:02",
    "2023-09-20 06:30:02 ",
    " 2023-09-20 06:30:02",
    "2023-09-20 06:30:02Z",
    "2023-09-20 06:30:02 UTC",
    "2023-09-20 06:30:02+08:00",
    "2023-09-20T06:30:02.000Z",
    "2023-09-20 06:30:02 Asia/Shanghai",
    "2023-09-20t06:30:02",
    "2023-09-20 ",
    "2023-09-20T",
    "2023-9-20 06:30:02",
    "1969-12-31 23:59:59.999",
    "0001-01-01 00:00:00",
    "9999-12-31 23:59:59.999",
    "10000-01-01 00:00:00",
    "06:30:02",
    "x",
    "2023-09-20 -1:00:00",
    "2023-09-20 06:30:02x",
    "2023-02-30 00:00:00",
    "1600333200",
    "2023-09-20 06:30:02.12x",
    "2023-09-20 006:30:02",
    "2023-09",
    "2023-09-20_06:30:02",
];
