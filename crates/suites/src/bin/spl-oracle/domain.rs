//! What arguments may be: values that are likely to go wrong, and how to make others.

use crate::datum::{Datum, Kind};
use crate::subject::Domain;
use suites::random::Random;

fn domain(
    kind: Kind,
    edges: impl IntoIterator<Item = impl Into<Datum>>,
    random: fn(&mut Random) -> Datum,
) -> Domain {
    Domain {
        kind,
        edges: edges.into_iter().map(Into::into).collect(),
        random,
    }
}

impl Domain {
    /// The same values under a type that is carried in the same way.
    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// More edge cases.
    pub(crate) fn and(mut self, more: impl IntoIterator<Item = impl Into<Datum>>) -> Self {
        self.edges.extend(more.into_iter().map(Into::into));
        self
    }
}

/// Exactly these values.
pub(crate) fn only(kind: Kind, edges: impl IntoIterator<Item = impl Into<Datum>>) -> Domain {
    domain(kind, edges, |_| Datum::Null)
}

/// Pieces of which random text is made.
const PIECES: &[&str] = &[
    "a", "b", "Z", "0", "9", " ", ",", ".", "-", "_", "%", "\\", "é", "ß", "İ", "日", "👍",
    "\u{301}", "\n", "\t", "'", "\"", "foo", "=", "&", "/", "?", "+", "$", "(", ")", "[",
];

pub(crate) fn text() -> Domain {
    let long = "abc ".repeat(100);
    domain(
        Kind::Varchar,
        [
            "",
            " ",
            "a",
            "abc",
            "ABC",
            "Hello, World",
            "  padded \t\r\n",
            "\u{b}x\u{c}",
            "日本語",
            "naïve café",
            "ß",
            "İstanbul ı",
            "ΑΣ ας",
            "ﬁ ŉ ǆ",
            "e\u{301}",
            "👍🏽!",
            "\u{a0}x\u{3000}",
            "\u{2003}y\u{2028}",
            "\u{85}z\u{85}",
            "a,b,,c",
            ",",
            "123",
            "-1",
            "1.5",
            "NaN",
            "null",
            "true",
            "a%b_c",
            "a\\b",
            "it's",
            "\"",
            "\u{0}\u{7f}",
            "one\ntwo",
            "A=1&B=2",
            "ababab",
            "aaaa",
            "\u{10ffff}",
            &long,
        ],
        |random| Datum::Text(random.text(PIECES, 12)),
    )
}

/// Text of few characters, so that one is often found in another.
pub(crate) fn piece() -> Domain {
    domain(
        Kind::Varchar,
        [
            "", "a", "b", "ab", "aa", "abab", ",", ",,", "日", "日本", " ", "\u{301}", "x",
        ],
        |random| Datum::Text(random.text(&["a", "b", ",", "日"], 3)),
    )
}

/// Text that pieces occur in.
pub(crate) fn pieces() -> Domain {
    domain(
        Kind::Varchar,
        [
            "",
            "a",
            "ab",
            "aaa",
            "ababab",
            "a,b,,c,",
            ",",
            ",,,",
            "日本日本",
            "a b  c",
            "e\u{301}e",
            "xyz",
        ],
        |random| Datum::Text(random.text(&["a", "b", ",", "日", "ab"], 10)),
    )
}

pub(crate) fn bigint() -> Domain {
    domain(
        Kind::Bigint,
        [
            0,
            1,
            -1,
            2,
            -2,
            3,
            7,
            10,
            -10,
            15,
            25,
            -25,
            127,
            128,
            -128,
            -129,
            255,
            32767,
            32768,
            -32768,
            -32769,
            65535,
            2_147_483_647,
            2_147_483_648,
            -2_147_483_648,
            -2_147_483_649,
            9_007_199_254_740_993,
            i64::MAX,
            i64::MIN,
            i64::MAX - 1,
        ],
        |random| {
            let bits = random.below(64) as u32;
            Datum::Integer(random.between(i64::MIN, i64::MAX) >> bits)
        },
    )
}

/// Integers that are used to count or to index.
pub(crate) fn count() -> Domain {
    domain(
        Kind::Bigint,
        [
            0,
            1,
            -1,
            2,
            -2,
            3,
            5,
            10,
            100,
            -100,
            i64::from(i32::MAX),
            i64::MIN,
        ],
        |random| Datum::Integer(random.between(-3, 12)),
    )
}

pub(crate) fn tinyint() -> Domain {
    domain(Kind::Tinyint, [0, 1, -1, 5, 127, -128], |random| {
        Datum::Integer(random.between(-128, 127))
    })
}

pub(crate) fn smallint() -> Domain {
    domain(Kind::Smallint, [0, 1, -1, 300, 32767, -32768], |random| {
        Datum::Integer(random.between(-32768, 32767))
    })
}

pub(crate) fn integer() -> Domain {
    let limits = (i64::from(i32::MIN), i64::from(i32::MAX));
    domain(
        Kind::Integer,
        [0, 1, -1, 70000, limits.0, limits.1],
        |random| Datum::Integer(random.between(i64::from(i32::MIN), i64::from(i32::MAX))),
    )
}

pub(crate) fn double() -> Domain {
    domain(
        Kind::Double,
        [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            -0.5,
            1.5,
            -1.5,
            2.5,
            -2.5,
            12.5,
            -12.5,
            0.1,
            1.005,
            2.675,
            1e-7,
            123.456,
            -987.654,
            1e10,
            1e21,
            -1e300,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            2_147_483_647.5,
            9.223_372_036_854_775e18,
            9.223_372_036_854_776e18,
            -9.223_372_036_854_776e18,
            9_007_199_254_740_992.0,
            1_600_333_200.0,
            0.499_999_999_999_999_94,
        ],
        |random| match random.below(3) {
            0 => Datum::Double(random.between(-100_000, 100_000) as f64 / 1000.0),
            1 => Datum::Double(random.between(-1_000_000, 1_000_000) as f64),
            _ => {
                let value = f64::from_bits(random.bits());
                Datum::Double(if value.is_nan() { 0.25 } else { value })
            }
        },
    )
}

pub(crate) fn real() -> Domain {
    let edges = [
        0.0,
        -0.0,
        1.0,
        -1.5,
        2.5,
        0.1,
        16_777_216.0,
        f32::MAX,
        f32::MIN_POSITIVE,
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1e10,
        3.3,
    ];
    domain(Kind::Real, edges.map(f64::from), |random| {
        let value = random.between(-100_000, 100_000) as f32 / 1000.0;
        Datum::Double(f64::from(value))
    })
}

pub(crate) fn boolean() -> Domain {
    let edges = [Datum::Boolean(true), Datum::Boolean(false), Datum::Null];
    domain(Kind::Boolean, edges, |random| {
        Datum::Boolean(random.below(2) == 1)
    })
}

/// Bytes that are and that are not UTF-8.
pub(crate) fn binary() -> Domain {
    let edges: [&[u8]; 20] = [
        b"",
        b"a",
        b"abc",
        "日本".as_bytes(),
        b"\xff",
        b"a\xffb",
        b"\xe6\x97",
        b"\xe6\x97\xa5\xe6",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf5\x80\x80\x80",
        b"\x80\x80",
        b"\xf0\x9f\x91",
        b"\0\x01",
        b"\xf0\x28\x8c\x28",
        b"\xe2\x28\xa1",
        b"ab\xe6\x97z",
        b"\xf4\x90\x80\x80",
        b"\xe0\x80\x80",
        b"0123456789abcdef0123456789abcdef!",
    ];
    domain(
        Kind::Varbinary,
        edges.map(|bytes| Datum::Binary(bytes.to_vec())),
        |random| {
            let count = random.below(40);
            Datum::Binary((0..count).map(|_| random.bits() as u8).collect())
        },
    )
}

const DAY: i64 = 86_400;
const SECOND: i64 = 1_000_000_000;

/// Days at which calendars do something.
const DAYS: [i64; 26] = [
    0, -1, 1, 58, 59, 60, 364, 365, // around 1970
    11_015, 11_016, 11_017, // the leap day of 2000
    18_321, 18_322, 18_261, 18_262, // 2020: leap day, first week
    18_627, 18_628, 18_629, 18_630, 18_631, // 2020 has a week 53
    17_896, 17_897, // 2018 ends on a Monday
    -25_509, -25_508, // 1900 has no leap day
    19_358, 20_000,
];

pub(crate) fn day() -> Domain {
    let far = [-719_162, 2_932_896].map(Datum::Date);
    let edges = DAYS.map(Datum::Date).into_iter().chain(far);
    domain(Kind::Date, edges, |random| {
        Datum::Date(random.between(-40_000, 60_000))
    })
}

/// Times with whole milliseconds.
pub(crate) fn timestamp() -> Domain {
    let parts = [0, 1, 3599, 3600, 43_199, 43_200, 46_800, 86_399];
    let edges = DAYS.iter().enumerate().map(|(at, day)| {
        let seconds = day * DAY + parts[at % parts.len()];
        Datum::Timestamp(i128::from(seconds * SECOND + (at as i64 % 4) * 333_000_000))
    });
    let more = [-1_000_000, 999_000_000, 1_695_191_402_000_000_000].map(Datum::Timestamp);
    domain(Kind::Timestamp, edges.chain(more), |random| {
        let millis = random.between(-3_000_000_000_000, 5_000_000_000_000);
        Datum::Timestamp(i128::from(millis) * 1_000_000)
    })
}

pub(crate) fn texts() -> Domain {
    let list = |items: &[Option<&str>]| {
        let item = |item: &Option<&str>| item.map_or(Datum::Null, Datum::from);
        Datum::Array(items.iter().map(item).collect())
    };
    domain(
        Kind::array(Kind::Varchar),
        [
            list(&[]),
            list(&[None]),
            list(&[Some("")]),
            list(&[Some("a")]),
            list(&[Some("b"), Some("a"), Some("c")]),
            list(&[Some("a"), None, Some("a"), None, Some("b")]),
            list(&[None, Some("日本"), Some("z"), Some("Z")]),
            list(&[Some("10"), Some("9"), Some("10")]),
            list(&[Some("é\"\\\n"), Some("e\u{301}")]),
        ],
        |random| {
            let count = random.below(6);
            let item = |random: &mut Random| match random.below(5) {
                0 => Datum::Null,
                _ => Datum::Text(random.text(&["a", "b", "日"], 2)),
            };
            Datum::Array((0..count).map(|_| item(random)).collect())
        },
    )
}

pub(crate) fn integers() -> Domain {
    let list = |items: &[Option<i64>]| {
        let item = |item: &Option<i64>| item.map_or(Datum::Null, Datum::from);
        Datum::Array(items.iter().map(item).collect())
    };
    domain(
        Kind::array(Kind::Bigint),
        [
            list(&[]),
            list(&[None]),
            list(&[Some(0)]),
            list(&[Some(3), Some(1), Some(2)]),
            list(&[Some(1), None, Some(1), None, Some(-1)]),
            list(&[Some(i64::MAX), Some(i64::MIN), Some(0)]),
            list(&[None, None, Some(5)]),
        ],
        |random| {
            let count = random.below(6);
            let item = |random: &mut Random| match random.below(5) {
                0 => Datum::Null,
                _ => Datum::Integer(random.between(-3, 3)),
            };
            Datum::Array((0..count).map(|_| item(random)).collect())
        },
    )
}

pub(crate) fn doubles() -> Domain {
    let list = |items: &[f64]| Datum::Array(items.iter().copied().map(Datum::from).collect());
    domain(
        Kind::array(Kind::Double),
        [
            list(&[]),
            list(&[1.5, -0.5, 1e21]),
            list(&[f64::NAN, 1.0, f64::INFINITY, f64::NAN]),
            list(&[0.0, -0.0]),
            list(&[f64::NEG_INFINITY, 5e-324]),
        ],
        |random| {
            let count = random.below(5);
            let item = |_| Datum::Double(random.between(-20, 20) as f64 / 4.0);
            Datum::Array((0..count).map(item).collect())
        },
    )
}

pub(crate) fn map() -> Domain {
    let map = |entries: &[(&str, Option<i64>)]| {
        let entry = |(key, value): &(&str, Option<i64>)| {
            (Datum::from(*key), value.map_or(Datum::Null, Datum::from))
        };
        Datum::Map(entries.iter().map(entry).collect())
    };
    domain(
        Kind::map(Kind::Varchar, Kind::Bigint),
        [
            map(&[]),
            map(&[("a", Some(1))]),
            map(&[("a", Some(1)), ("b", None)]),
            map(&[("", Some(0)), ("日本", Some(-7)), ("a", Some(i64::MAX))]),
        ],
        |random| {
            let all = ["x", "日本", "a", "b"];
            let keys = &all[..random.below(all.len() + 1)];
            let entry = |key: &&str| (Datum::from(*key), Datum::Integer(random.between(-9, 9)));
            Datum::Map(keys.iter().map(entry).collect())
        },
    )
}

/// Documents, valid and not.
pub(crate) fn document() -> Domain {
    domain(
        Kind::Varchar,
        [
            "{}",
            "[]",
            "null",
            "true",
            "false",
            "0",
            "-0",
            "1.50",
            "1e3",
            "-1.5E-3",
            "12345678901234567890",
            "1e400",
            "\"\"",
            "\"text\"",
            "\"\\u65e5\\n\\\"\\/\"",
            "\"\\ud83d\\udc4d\"",
            "[1,2,3]",
            "[1,\"1\",1.0,true,null]",
            "[[1],[2,[3]]]",
            "{\"a\":1}",
            "{\"a\":{\"b\":[10,{\"c\":\"deep\"}]}}",
            "{\"a\":null}",
            "{\"b\":1,\"a\":2}",
            "{\"a\":1,\"a\":2}",
            " { \"a\" : [ 1 , 2 ] } ",
            "{\"日本\":\"値\"}",
            "{\"a b\":1,\"c.d\":2,\"\":3}",
            "{\"a\":\"x\",\"b\":true,\"c\":1.0,\"d\":[],\"e\":{}}",
            "[\"a\",\"b\"]",
            "[{\"a\":1},{\"a\":2},{\"b\":3}]",
            "",
            " ",
            "{",
            "[1,]",
            "{\"a\"}",
            "{'a':1}",
            "nul",
            "tru",
            "01",
            "1.",
            ".5",
            "+1",
            "\"a",
            "\"\\x\"",
            "\"\\ud83d\"",
            "[1] 2",
            "{\"a\":1}}",
            "NaN",
            "\"a\nb\"",
            "abc",
            "{\"0\":\"zero\"}",
        ],
        |random| {
            const PARTS: &[&str] = &[
                "{\"a\":1}",
                "[1,\"b\"]",
                "\"日\"",
                "null",
                "2.50",
                "{}",
                "true",
            ];
            let items: Vec<_> = (0..random.below(4)).map(|_| *random.pick(PARTS)).collect();
            Datum::Text(match random.below(3) {
                0 => format!("[{}]", items.join(", ")),
                1 => format!(
                    "{{\"a\":{},\"b\":[{}]}}",
                    random.pick(PARTS),
                    items.join(",")
                ),
                _ => items.join(","),
            })
        },
    )
}

/// Valid documents, as JSON.
pub(crate) fn json() -> Domain {
    let mut documents = document();
    let valid = |datum: &Datum| match datum {
        Datum::Text(text) => serde_json::from_str::<serde_json::Value>(text).is_ok(),
        _ => false,
    };
    documents.edges.retain(valid);
    documents.random =
        |random| Datum::from(*random.pick(&["[1,{\"a\":2}]", "7", "\"日本\"", "{\"x\":[]}"]));
    documents.of_kind(Kind::Json)
}
