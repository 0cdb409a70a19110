//! Text functions.

use crate::datum::{Datum, Kind};
use crate::domain::{self, count, piece, pieces, text};
use crate::subject::Group;

pub(super) fn add(group: &mut Group) {
    for name in [
        "length",
        "lower",
        "upper",
        "reverse",
        "trim",
        "ltrim",
        "rtrim",
        "codepoint",
    ] {
        group.call(name, &[text()]);
    }
    let blanks = (0..0x21)
        .chain([0x85, 0xa0, 0x1680, 0x180e])
        .chain(0x2000..0x2010);
    let blanks = blanks.chain([0x2028, 0x2029, 0x202f, 0x205f, 0x2060, 0x3000, 0xfeff]);
    let blanks = || domain::only(Kind::Bigint, blanks.clone());
    for name in ["trim", "ltrim", "rtrim"] {
        let surrounded = format!("{name}(concat(chr(a0), 'x', chr(a0)))");
        group.add(name, surrounded, &[blanks()]);
    }
    group.call("length", &[domain::binary()]);
    let points = [
        65,
        0x65e5,
        0x1f44d,
        0xd7ff,
        0xd800,
        0xdfff,
        0xe000,
        0x10_ffff,
        0x11_0000,
        1 << 32,
    ];
    group.call("chr", &[domain::bigint().and(points)]);
    group.call("concat", &[text(), piece()]);
    group.call("concat", &[pieces(), piece(), text()]);
    for name in ["lpad", "rpad"] {
        let size = domain::only(
            Kind::Bigint,
            [0, 1, 2, 3, 5, 8, 10, 1000, -1, 1 << 20, (1 << 20) + 1],
        );
        group.call(name, &[pieces(), size, piece()]);
        group.call(name, &[text(), count(), piece()]);
    }
    group.call("replace", &[pieces(), piece()]);
    group.call("replace", &[pieces(), piece(), piece()]);
    group.call("replace", &[text(), text(), piece()]);
    group.call("split", &[pieces(), piece()]);
    group.call("split", &[pieces(), piece(), count()]);
    group.call("split_part", &[pieces(), piece(), count()]);
    let entries = domain::only(
        Kind::Varchar,
        [
            "",
            "a=1",
            "a=1,b=2",
            "a=",
            "=1",
            "a",
            "a=1,",
            ",a=1",
            "a=1,,b=2",
            "a=1,a=2",
            "a=1=2",
            "日=本,x=",
            "=",
            ",",
        ],
    );
    let marks = || domain::only(Kind::Varchar, [",", "=", "", "=="]);
    group.call("split_to_map", &[entries, marks(), marks()]);
    group.call("strpos", &[pieces(), piece()]);
    group.call("strpos", &[text(), text()]);
    group.call("strpos", &[pieces(), piece(), count()]);
    for name in ["substr", "substring"] {
        for (domains, args) in [
            (vec![text(), count()], "a0, a1"),
            (vec![pieces(), count(), count()], "a0, a1, a2"),
        ] {
            group
                .add(name, format!("{name}({args})"), &domains)
                .spelled(format!("substr({args})"));
        }
    }
    for name in ["starts_with", "ends_with"] {
        group.call(name, &[pieces(), piece()]).with([
            [Datum::from("日本"), Datum::from("本")],
            [Datum::from("e\u{301}"), Datum::from("e")],
        ]);
    }
}
