//! Regular expressions; patterns are constants, as they nearly always are, and values.

use crate::datum::{Datum, Kind};
use crate::domain::{self, count};
use crate::subject::{Domain, Group};

/// Patterns of which each asks for something of its own.
const PATTERNS: &[&str] = &[
    "",
    "a",
    "(a)(b)?",
    "(a)|(b)",
    "a*",
    "a*?",
    "(?:ab)+",
    "^a",
    "b$",
    "^$",
    "a.c",
    "(?s)a.c",
    "(?i)ABC",
    "(?m)^b",
    "(?m)a$",
    "\\d+",
    "\\D",
    "\\w+",
    "\\W+",
    "\\s",
    "\\S+",
    "\\b",
    "\\bfoo\\b",
    "\\B",
    "[^[\\]]+",
    "[[:alpha:]]+",
    "[[:^digit:]]",
    "[a&&b]",
    "[a-c--b]",
    "[~~]",
    "[a\\-z]",
    "[]a]",
    "{a",
    "a{2}",
    "a{2,}",
    "a{1,2}",
    "a{,2}",
    "a{",
    "x{1001}",
    "\\pL+",
    "\\p{Han}+",
    "\\p{Greek}",
    "\\P{L}",
    "\\x41",
    "\\x{65e5}",
    "\\101",
    "\\0",
    "\\1",
    "\\Qa.c\\E",
    "\\Qa",
    "\\C",
    "\\z",
    "\\Z",
    "\\A",
    "(?P<n>a)(?P<m>b)",
    "(?<n>a)",
    "(?=a)",
    "(?!a)",
    "a++",
    "(?>a)",
    "(",
    ")",
    "[",
    "a**",
    "*",
    "a|",
    "日",
    "[日本]+",
    "é",
    ".",
    "[\\w.]+@[\\w]+",
    "([^=&]+)=([^&]*)",
    "(\\d+)-(\\d+)",
    "(?i)É",
    "(?U)a+",
    "\\t",
    "\\n",
    "\\e",
    "\\_",
    "\\-",
    "\\/",
    "\\ ",
    "\\\"",
    "\\'",
    "\\é",
    "a#b",
    "(?x)a b",
    "[a-",
    "[z-a]",
    "(?i:a)b",
    "\\v",
    "\\a",
    "\\f",
    "\\h",
    "\\N",
    "\\R",
    "\\X",
    "\\G",
    "\\<",
    "\\k<n>",
    "(?#x)a",
    "[\\d\\D]",
    "[^\\n]",
    "[\\b]",
    "\\cA",
    "x*",
    "(|a)+",
    "(a*)*",
    "(a|b)*c|(a|ab)*c",
];

/// Those that match without taking anything, over which the engine stumbles when it splits.
pub(crate) const CAN_BE_EMPTY: &[&str] = &[
    "", "a*", "a*?", "x*", "a|", "(|a)+", "(a*)*", "\\z", "\\A", "\\b", "\\B", "^$",
];
/// Those that only one side takes, or neither.
const REFUSED: &[&str] = &[
    "\\C", "(?<n>a)", "(?=a)", "(?!a)", "(?>a)", "(", ")", "[", "*", "a**",
];

fn subject() -> Domain {
    let extra = [
        "aab",
        "abc",
        "ABC foo",
        "b\na\nb",
        "日本語 テスト",
        "x@y z@w",
        "k=1&m=2&n=",
        "10-20 30-4",
        "a.c",
        "[a]",
        "{a}",
        "É é",
        "Αβ",
        "a#b",
        "--",
        "~",
        "a b",
        "A",
        "foo_bar",
        "\t",
    ];
    let mut domain = domain::pieces().and(extra);
    domain.random = |random| {
        Datum::Text(random.text(
            &["a", "b", "c", "1", " ", "日", "=", "-", "foo", "A", "\n"],
            8,
        ))
    };
    domain
}

pub(super) fn add(group: &mut Group) {
    for pattern in PATTERNS {
        let literal = pattern.replace('\'', "''");
        for name in [
            "regexp_like",
            "regexp_extract",
            "regexp_extract_all",
            "regexp_split",
            "regexp_replace",
        ] {
            let subject = group.add(name, format!("{name}(a0, '{literal}')"), &[subject()]);
            let stumbles = name == "regexp_split" && CAN_BE_EMPTY.contains(pattern);
            if stumbles || REFUSED.contains(pattern) {
                // The text matters little, and to fail takes the engine long.
                subject.rows.truncate(4);
            }
        }
        for name in ["regexp_extract", "regexp_extract_all"] {
            let subject = group.add(name, format!("{name}(a0, '{literal}', 1)"), &[subject()]);
            if REFUSED.contains(pattern) {
                subject.rows.truncate(4);
            }
        }
    }
    let patterns = || domain::only(Kind::Varchar, PATTERNS.iter().copied());
    for name in [
        "regexp_like",
        "regexp_extract",
        "regexp_extract_all",
        "regexp_split",
        "regexp_replace",
    ] {
        group.call(name, &[subject(), patterns()]);
    }
    for pattern in ["(a)(b)?", "(?P<n>a)", "a", "(日)|(本)"] {
        for name in ["regexp_extract", "regexp_extract_all"] {
            group.add(
                name,
                format!("{name}(a0, '{pattern}', a1)"),
                &[subject(), count()],
            );
        }
        let replacement = domain::only(
            Kind::Varchar,
            [
                "", "x", "\\0", "\\1", "\\2", "\\9", "$0", "$1", "$2", "$12", "${1}", "${n}",
                "${m}", "\\\\", "\\$", "$", "\\", "a\\", "$x", "${", "${}", "<$1>", "$$", "\\x",
                "日$1本", "\\10", "$1$2", "${n", "$n", "\\n", "{1}",
            ],
        );
        group.add(
            "regexp_replace",
            format!("regexp_replace(a0, '{pattern}', a1)"),
            &[subject(), replacement.clone()],
        );
        for datum in &replacement.edges {
            let text = datum.output(&Kind::Varchar);
            group.add(
                "regexp_replace",
                format!("regexp_replace(a0, '{pattern}', '{text}')"),
                &[subject()],
            );
        }
    }
}
