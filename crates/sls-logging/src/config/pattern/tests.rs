use std::time::{Duration, UNIX_EPOCH};

use jiff::tz::TimeZone;

use super::*;
use crate::config::threshold::Threshold;

fn a_line() -> Line<'static> {
    Line {
        level: Threshold::Warn,
        target: "shop::cart",
        message: "paid",
        fields: " user=7",
        module_path: Some("shop::cart"),
        file: Some("src/cart/mod.rs"),
        line: Some(7),
        function: None,
        thread_id: 255,
        thread_name: Some("main"),
        process_id: 4321,
        process_name: "shop",
        time: UNIX_EPOCH + Duration::from_micros(1_700_000_000_250_500),
        started: UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    }
}

fn written(style: Style, format: &str) -> String {
    let date = DateFormat::default().in_zone(TimeZone::UTC);
    let pattern = match Pattern::parse(style, format, date) {
        Ok(pattern) => pattern,
        Err(malformed) => panic!("{format}: {malformed:?}"),
    };
    let mut out = String::new();
    pattern.write(&a_line(), false, &mut out);
    out
}

fn refused(style: Style, format: &str) -> Malformed {
    Pattern::parse(style, format, DateFormat::default())
        .err()
        .unwrap_or_else(|| panic!("{format} is read"))
}

#[test]
fn the_documents_format_is_written_as_python_writes_it() {
    assert_eq!(
        written(
            Style::Percent,
            "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
        ),
        "2023-11-14 22:13:20,250 - shop::cart - WARNING - paid"
    );
}

/// Every expectation is what CPython 3.11 prints for the same value.
#[test]
fn flags_width_and_precision_are_those_of_python() {
    for (format, expected) in [
        ("[%(levelname)-9s]", "[WARNING  ]"),
        ("[%(levelname)9s]", "[  WARNING]"),
        ("[%(levelname).4s]", "[WARN]"),
        ("[%(levelname)-6.3s]", "[WAR   ]"),
        ("[%(lineno)5d]", "[    7]"),
        ("[%(lineno)05d]", "[00007]"),
        ("[%(lineno)-5d]", "[7    ]"),
        ("[%(lineno)-05d]", "[7    ]"),
        ("[%(lineno)+d]", "[+7]"),
        ("[%(lineno).3d]", "[007]"),
        ("[%(lineno) d]", "[ 7]"),
        ("[%(lineno)05.3d]", "[00007]"),
        ("[%(lineno)05s]", "[    7]"),
        ("[%(lineno)s]", "[7]"),
        ("[%(lineno)x]", "[7]"),
        ("[%(thread)X]", "[FF]"),
        ("[%(created)f]", "[1700000000.250500]"),
        ("[%(created).1f]", "[1700000000.3]"),
        ("[%(created)d]", "[1700000000]"),
        ("[%(msecs)03d]", "[250]"),
        ("[%(msecs)s]", "[250.5]"),
        ("[%(relativeCreated)d]", "[250]"),
        ("[%(levelno)s]", "[30]"),
        ("100%% %(message)s", "100% paid"),
        (
            "%(filename)s %(pathname)s %(module)s",
            "mod.rs src/cart/mod.rs cart",
        ),
        ("%(process)d %(processName)s", "4321 shop"),
        ("%(threadName)s %(funcName)s", "main -"),
        ("%(message)s%(fields)s", "paid user=7"),
        ("日志 %(message)s 结束", "日志 paid 结束"),
    ] {
        assert_eq!(written(Style::Percent, format), expected, "{format}");
    }
}

#[test]
fn the_brace_style_writes_the_same_facts() {
    for (format, expected) in [
        ("{asctime} {message}", "2023-11-14 22:13:20,250 paid"),
        ("[{levelname:<9}]", "[WARNING  ]"),
        ("[{levelname:>9}]", "[  WARNING]"),
        ("[{levelname:^9}]", "[ WARNING ]"),
        ("[{levelname:^10}]", "[ WARNING  ]"),
        ("[{levelname:*^9}]", "[*WARNING*]"),
        ("[{levelname:9}]", "[WARNING  ]"),
        ("[{levelname:.4}]", "[WARN]"),
        ("[{levelname:08}]", "[WARNING0]"),
        ("[{msecs:8}]", "[   250.5]"),
        ("[{msecs:08.2f}]", "[00250.50]"),
        ("[{lineno:5}]", "[    7]"),
        ("[{lineno:05}]", "[00007]"),
        ("[{lineno:+}]", "[+7]"),
        ("[{thread:x}]", "[ff]"),
        ("[{created:.1f}]", "[1700000000.3]"),
        ("[{msecs}]", "[250.5]"),
        ("{{{message}}}", "{paid}"),
    ] {
        assert_eq!(written(Style::Brace, format), expected, "{format}");
    }
}

#[test]
fn what_is_no_format_is_refused_at_its_byte() {
    for (format, at, says) in [
        ("a %(mesage)s", 2, "did you mean `message`"),
        ("a %(asctime)d", 2, "this is text"),
        ("50% done", 2, "write `%%`"),
        ("%(message)", 0, "followed by"),
        ("%(message", 0, "without `)`"),
        ("%(lineno)99999d", 0, "wider than"),
        ("%(lineno)*d", 0, "not as `*`"),
        ("%(lineno)#x", 0, "flag `#`"),
        ("%(created)x", 0, "`d` or `f`"),
    ] {
        let malformed = refused(Style::Percent, format);
        assert_eq!(malformed.at, at, "{format}");
        assert!(malformed.what.contains(says), "{format}: {malformed:?}");
    }
    for (format, says) in [
        ("{mesage}", "did you mean `message`"),
        ("{message", "without `}`"),
        ("message}", "write `}}`"),
        ("{message:d}", "this is text"),
        ("{message:<<<}", "alignment"),
    ] {
        let malformed = refused(Style::Brace, format);
        assert!(malformed.what.contains(says), "{format}: {malformed:?}");
    }
    assert!(DateFormat::parse("%Q%!").is_err());
    assert!(
        refused(Style::Percent, &"x".repeat(5000))
            .what
            .contains("longer")
    );
}

#[test]
fn a_date_format_replaces_pythons() {
    let date = DateFormat::parse("%d.%m.%y %H:%M %Z")
        .unwrap()
        .in_zone(TimeZone::UTC);
    let pattern = Pattern::parse(Style::Percent, "%(asctime)s", date).unwrap();
    let mut out = String::new();
    pattern.write(&a_line(), false, &mut out);
    assert_eq!(out, "14.11.23 22:13 UTC");
}

#[test]
fn only_the_level_is_colored_and_only_when_asked() {
    let pattern = Pattern::parse(
        Style::Percent,
        "%(levelname)s %(message)s",
        DateFormat::default(),
    )
    .unwrap();
    let mut out = String::new();
    pattern.write(&a_line(), true, &mut out);
    assert_eq!(out, "\u{1b}[33mWARNING\u{1b}[0m paid");
    out.clear();
    pattern.write(&a_line(), false, &mut out);
    assert_eq!(out, "WARNING paid");
}

#[test]
fn the_default_is_the_message_alone() {
    assert!(Pattern::default().is_message());
    let parsed = Pattern::parse(Style::Percent, "%(message)s", DateFormat::default()).unwrap();
    assert!(parsed.is_message());
    let other = Pattern::parse(Style::Percent, "%(message)s.", DateFormat::default()).unwrap();
    assert!(!other.is_message());
}
