//! Numeric functions.

use crate::datum::{Datum, Kind};
use crate::domain::{self, bigint, count, double, integer, only, real, text, tinyint};
use crate::subject::{Domain, Group};
use suites::random::Random;

/// Functions of one double.
pub(crate) const OF_DOUBLE: &[&str] = &[
    "acos", "asin", "atan", "cbrt", "cos", "cosh", "degrees", "exp", "ln", "log2", "log10",
    "radians", "sin", "sqrt", "tan", "tanh",
];

pub(super) fn add(group: &mut Group) {
    for name in OF_DOUBLE {
        group.call(name, &[double()]);
        widened(group, name);
    }
    for name in ["is_nan", "is_finite", "is_infinite"] {
        group.call(name, &[double()]);
    }
    for name in ["abs", "ceil", "ceiling", "floor", "round", "sign"] {
        for domain in [bigint(), tinyint(), integer()] {
            group.call(name, &[domain]);
        }
    }
    for name in [
        "abs", "ceil", "ceiling", "floor", "round", "sign", "truncate",
    ] {
        for domain in [double(), real()] {
            group.call(name, &[domain]);
        }
    }
    for (name, domains) in [
        ("round", vec![double(), real(), bigint()]),
        ("truncate", vec![double(), real()]),
    ] {
        for domain in domains {
            let digits = || {
                let random = |random: &mut Random| Datum::Integer(random.between(-4, 6));
                Domain {
                    random,
                    ..only(
                        Kind::Integer,
                        [0, 1, 2, 3, 5, -1, -2, -3, 15, 20, -20, 300, 400],
                    )
                }
            };
            group.call(name, &[domain, digits()]);
        }
    }
    for name in ["e", "pi", "infinity", "nan"] {
        group.call(name, &[]);
    }
    for name in ["atan2", "pow", "power", "mod", "greatest", "least"] {
        group.call(name, &[double(), double()]);
    }
    let bases = only(
        Kind::Double,
        [1.0, -1.0, 0.0, -0.0, f64::NAN, f64::INFINITY],
    );
    let powers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -1.0, 0.5];
    group.call("power", &[bases, only(Kind::Double, powers)]);
    group.call("pow", &[bigint(), count()]);
    group.call("mod", &[bigint(), bigint()]);
    group.call("mod", &[tinyint(), tinyint()]);
    let many = [bigint(), count(), bigint()];
    for name in ["greatest", "least"] {
        group.call(name, &many);
        group.call(name, &[text(), text()]);
        group.call(name, &[domain::timestamp(), domain::timestamp()]);
        group.call(name, &[domain::day(), domain::day()]);
        group.call(name, &[domain::boolean(), domain::boolean()]);
        group.call(name, &[double(), double(), double()]);
    }
    let counts = || only(Kind::Bigint, [1, 2, 5, 10, 0, -1, i64::MAX, 1_000_000]);
    group.call("width_bucket", &[double(), double(), double(), counts()]);
    let small = || {
        only(
            Kind::Double,
            [0.0, 1.0, 2.0, 5.0, 10.0, -1.0, 9.99, f64::NAN],
        )
    };
    group.call("width_bucket", &[small(), small(), small(), counts()]);
    for name in ["bitwise_and", "bitwise_or", "bitwise_xor"] {
        group.call(name, &[bigint(), bigint()]);
    }
    group.call("bitwise_not", &[bigint()]);
    let radix = || only(Kind::Bigint, [2, 8, 10, 16, 36, 1, 0, 37, -2]);
    group.call("to_base", &[bigint(), radix()]);
    let digits = only(
        Kind::Varchar,
        [
            "0",
            "1",
            "-1",
            "+1",
            "10",
            "ff",
            "FF",
            "Zz",
            "7fffffffffffffff",
            "8000000000000000",
            "-8000000000000000",
            "9223372036854775807",
            "9223372036854775808",
            "",
            " 1",
            "1 ",
            "1.0",
            "0x1f",
            "--1",
            "１",
        ],
    );
    group.call("from_base", &[digits, radix()]);
}

/// Integers are widened here; the engine is told to.
fn widened(group: &mut Group, name: &'static str) {
    group
        .call(name, &[bigint()])
        .spelled(format!("{name}(cast(a0 as double))"));
}
