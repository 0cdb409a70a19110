//! Date and time functions, in UTC.

use std::slice::from_ref;

use crate::datum::{Datum, Kind};
use crate::domain::{self, day, timestamp};
use crate::subject::{Domain, Group};
use suites::random::Random;

const UNITS: &[&str] = &[
    "millisecond",
    "second",
    "minute",
    "hour",
    "day",
    "week",
    "month",
    "quarter",
    "year",
];
const NO_UNITS: &[&str] = &["DAY", "days", "", "microsecond", "century"];

pub(super) fn add(group: &mut Group) {
    parts(group);
    arithmetic(group);
    text(group);
    unix(group);
}

fn parts(group: &mut Group) {
    for name in [
        "year",
        "quarter",
        "month",
        "week",
        "week_of_year",
        "day",
        "day_of_month",
        "day_of_week",
        "dow",
        "day_of_year",
        "doy",
        "hour",
        "minute",
        "second",
    ] {
        group.call(name, &[timestamp()]);
        group.call(name, &[day()]);
    }
}

fn arithmetic(group: &mut Group) {
    let numbers = || Domain {
        random: |random: &mut Random| Datum::Integer(random.between(-400, 400)),
        ..domain::only(
            Kind::Bigint,
            [0, 1, -1, 2, 11, 12, 13, -12, 31, 365, 1000, -1000, 100_000],
        )
    };
    for unit in UNITS.iter().chain(NO_UNITS) {
        for moment in [timestamp(), day()] {
            let twice = [moment.clone(), moment.clone()];
            group.add(
                "date_trunc",
                format!("date_trunc('{unit}', a0)"),
                &twice[..1],
            );
            group.add("date_diff", format!("date_diff('{unit}', a0, a1)"), &twice);
            let both = [numbers(), moment];
            group.add("date_add", format!("date_add('{unit}', a0, a1)"), &both);
        }
    }
    let units = || domain::only(Kind::Varchar, UNITS.iter().chain(NO_UNITS).copied());
    group.call("date_trunc", &[units(), timestamp()]);
    group.call("date_add", &[units(), numbers(), timestamp()]);
    group.call("date_diff", &[units(), timestamp(), timestamp()]);
    group
        .add(
            "date_add",
            "date_add('month', a0, a1)",
            &[numbers(), timestamp()],
        )
        .with([[
            // 1907-01-30T11:00:25.435
            Datum::from(75),
            Datum::Timestamp(-1_985_605_174_565_000_000),
        ]]);
    let far = domain::only(
        Kind::Bigint,
        [i64::MAX, i64::MIN, 1 << 40, -(1 << 40), 1 << 31],
    );
    for unit in UNITS {
        group.add(
            "date_add",
            format!("date_add('{unit}', a0, a1)"),
            &[far.clone(), timestamp()],
        );
    }
}

fn text(group: &mut Group) {
    let letters = ('a'..='z')
        .chain('A'..='Z')
        .map(|letter| format!("%{letter}"));
    let mixed = [
        "%Y-%m-%d %H:%i:%s",
        "%Y-%m-%dT%H:%i:%s.%f",
        "%d/%b/%Y:%H:%i:%s",
        "",
        "%",
        "%%",
        "a%",
        "日%Y本",
        "100%%",
        "%Y%m%d",
        "%T %p",
        "%h:%i %p",
        "%-d",
        "%5Y",
        "% Y",
        "it''s %Y",
        "%x-%v",
        "%j of %Y",
        "%W, %M %e",
    ];
    let formats: Vec<_> = letters.chain(mixed.map(str::to_owned)).collect();
    for format in &formats {
        let expression = format!("date_format(a0, '{format}')");
        let subject = group.add("date_format", expression.clone(), &[timestamp()]);
        if LITTLE_SAID.contains(&format.as_str()) {
            subject.rows.truncate(4);
        }
        let subject = group.add("date_format", expression, &[day()]);
        subject.spelled(format!("date_format(cast(a0 as timestamp), '{format}')"));
        // What a letter gives for a time it gives for a day.
        subject.rows.truncate(4);
    }
    for (format, inputs) in PARSED {
        let domain = domain::only(Kind::Varchar, inputs.iter().copied());
        group.add(
            "date_parse",
            format!("date_parse(a0, '{format}')"),
            &[domain],
        );
    }
    let unreadable = domain::only(Kind::Varchar, ["", "1", "2020", "x", "12", "%"]);
    for format in &formats {
        group.add(
            "date_parse",
            format!("date_parse(a0, '{format}')"),
            from_ref(&unreadable),
        );
    }
    let iso = domain::only(Kind::Varchar, ISO);
    group
        .call("from_iso8601_timestamp", from_ref(&iso))
        .spelled("from_unixtime(to_unixtime(from_iso8601_timestamp(a0)))");
    group.call("to_iso8601", &[timestamp()]);
    group.call("to_iso8601", &[day()]);
    group.call("date", from_ref(&iso));
    group.call("date", &[domain::only(Kind::Varchar, DATES)]);
    group.call("date", &[timestamp()]);
}

fn unix(group: &mut Group) {
    let seconds = [
        1_600_333_200.123,
        0.001,
        -0.001,
        0.0005,
        0.9999,
        1.999_999_9,
        253_402_300_800.0,
        -62_135_596_801.0,
    ];
    group.call("from_unixtime", &[domain::double().and(seconds)]);
    let whole = domain::bigint().and([1_600_333_200, 253_402_300_799]);
    group
        .call("from_unixtime", &[whole])
        .spelled("from_unixtime(cast(a0 as double))");
    group.call("to_unixtime", &[timestamp()]);
}

/// Formats that the engine refuses, or that say nothing of the time.
const LITTLE_SAID: &[&str] = &[
    "", "%", "%%", "a%", "100%%", "%D", "%U", "%V", "%X", "%u", "%w",
];

const PARSED: &[(&str, &[&str])] = &[
    (
        "%Y-%m-%d",
        &[
            "2020-02-29",
            "2021-02-29",
            "2020-2-9",
            "2020-13-01",
            "2020-00-10",
            "2020-01-32",
            "20-01-01",
            "2020-01-01 ",
            " 2020-01-01",
            "2020-01-01x",
            "12020-01-01",
            "-2020-01-01",
            "0000-01-01",
            "0001-01-01",
            "9999-12-31",
        ],
    ),
    (
        "%Y-%m-%d %H:%i:%s",
        &[
            "2023-11-11 01:23:45",
            "2023-11-11 24:00:00",
            "2023-11-11 23:59:60",
            "2023-11-11 1:2:3",
            "2023-11-11T01:23:45",
            "2023-11-11 01:23",
            "2023-11-11  01:23:45",
        ],
    ),
    (
        "%Y-%m-%d %H:%i:%s.%f",
        &[
            "2023-11-11 01:23:45.1",
            "2023-11-11 01:23:45.123456",
            "2023-11-11 01:23:45.123456789",
            "2023-11-11 01:23:45.",
            "2023-11-11 01:23:45",
        ],
    ),
    (
        "%d/%b/%Y:%H:%i:%s",
        &[
            "05/Mar/2021:10:11:12",
            "05/mar/2021:10:11:12",
            "05/March/2021:10:11:12",
            "5/Mar/2021:10:11:12",
            "05/Foo/2021:10:11:12",
        ],
    ),
    (
        "%M %e %Y",
        &[
            "March 5 2021",
            "march 05 2021",
            "Mar 5 2021",
            "December 31 1999",
        ],
    ),
    (
        "%h:%i %p",
        &[
            "12:00 AM", "12:00 PM", "01:30 pm", "13:00 PM", "00:30 AM", "1:05 AM", "11:59 XM",
        ],
    ),
    ("%I %p", &["12 AM", "12 PM", "0 AM", "7 pm"]),
    ("%l", &["1", "12", "13"]),
    ("%p %h", &["PM 3", "AM 12"]),
    ("%H", &["0", "23", "24", "7", "007", "-1"]),
    ("%k", &["0", "23", "24", "7"]),
    ("%T", &["10:11:12", "1:2:3", "24:00:00"]),
    ("%r", &["10:11:12 PM", "12:00:00 AM", "13:00:00 PM"]),
    ("%Y%m%d", &["20200229", "2020022", "20201301"]),
    (
        "%y-%m-%d",
        &["69-01-01", "70-01-01", "00-01-01", "99-12-31", "20-02-29"],
    ),
    ("%j", &["001", "1", "366", "60", "367", "0"]),
    ("%Y %j", &["2020 366", "2021 366", "2020 060", "2021 60"]),
    ("%x %v", &["2020 53", "2021 53", "2021 01", "2020 54"]),
    ("%x-%v %a", &["2021-01 Mon", "2021-01 Sun"]),
    (
        "%a %d %b %Y",
        &["Sat 29 Feb 2020", "Mon 29 Feb 2020", "sat 29 feb 2020"],
    ),
    ("%W", &["Saturday", "Sat", "funday"]),
    ("%c", &["1", "12", "13", "01"]),
    ("%S", &["59", "60", "5"]),
    ("%f", &["5", "000001", "123", "1234567"]),
    ("%%%Y", &["%2020", "2020"]),
    ("%Y年%m月", &["2020年05月", "2020年5月"]),
    ("%s", &["1", "59", "1600333200"]),
];

const ISO: [&str; 36] = [
    "2020-01-01",
    "2020-01-01T01:02:03",
    "2020-01-01T01:02:03Z",
    "2020-01-01T01:02:03.123Z",
    "2020-01-01T01:02:03.123456789Z",
    "2020-01-01T01:02:03+08:00",
    "2020-01-01T01:02:03-0330",
    "2020-01-01T01:02:03+08",
    "2020-01-01 01:02:03",
    "2020-01-01T01:02",
    "2020-01-01T01",
    "2020-01-01T",
    "2020-01",
    "2020",
    "20200101",
    "20200101T010203",
    "2020-001",
    "2020-W01-1",
    "T01:02",
    "",
    "x",
    "2020-1-1",
    "2020-01-01T1:2:3",
    "2020-01-01T24:00:00",
    "2020-01-01T25:00",
    "2020-02-30",
    "2020-13-01",
    " 2020-01-01",
    "2020-01-01 ",
    "2020-01-01T01:02:03,5",
    "2020-01-01t01:02:03z",
    "2020-01-01T01:02:03+25:00",
    "0001-01-01",
    "9999-12-31T23:59:59.999",
    "2020-01-01T01:02:60",
    "2020-01-01T01:02:03 Z",
];

/// Text that is a date, or nearly.
pub(super) const DATES: [&str; 24] = [
    "2023-09-20",
    "2023-9-2",
    "2023-02-29",
    "2024-02-29",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "-0001-01-01",
    "+2023-01-01",
    "2023-13-01",
    "2023-00-01",
    "2023-01-00",
    "2023-01-32",
    " 2023-01-01",
    "2023-01-01 ",
    "2023-01-01x",
    "2023/01/01",
    "20230101",
    "2023-1",
    "2023",
    "",
    "23-01-01",
    "2023-01-01 01:02:03",
    "2023-001-01",
];
