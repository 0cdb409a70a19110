//! Operators: arithmetic, comparison, logic, and tests.

use std::slice::from_ref;

use crate::datum::Kind;
use crate::domain::{
    self, bigint, boolean, count, double, integer, only, piece, pieces, real, smallint, text,
    tinyint,
};
use crate::subject::{Domain, Group};

pub(super) fn add(group: &mut Group) {
    arithmetic(group);
    comparison(group);
    logic(group);
    like(group);
    sets(group);
}

fn arithmetic(group: &mut Group) {
    for operator in ["+", "-", "*", "/", "%"] {
        for domain in [bigint(), integer(), smallint(), tinyint(), double(), real()] {
            let expression = format!("a0 {operator} a1");
            group.add(operator, expression, &[domain.clone(), domain]);
        }
        // A wider side is what the engine is told.
        for (left, right, theirs) in [
            (bigint(), double(), ("cast(a0 as double)", "a1")),
            (double(), bigint(), ("a0", "cast(a1 as double)")),
            (integer(), bigint(), ("cast(a0 as bigint)", "a1")),
        ] {
            group
                .add(operator, format!("a0 {operator} a1"), &[left, right])
                .spelled(format!("{} {operator} {}", theirs.0, theirs.1));
        }
    }
    for domain in [bigint(), integer(), tinyint(), double(), real()] {
        group.add("negate", "-a0", &[domain]).spelled("negate(a0)");
    }
    group
        .add("*", "a0 * 1.0 / a1", &[bigint(), count()])
        .spelled("cast(a0 as double) * 1.0 / cast(a1 as double)");
    group.add("+", "a0 + a1 * a2 - a0", &[count(), count(), count()]);
    group
        .add("||", "a0 || a1", &[text(), piece()])
        .spelled("concat(a0, a1)");
    group
        .add("||", "a0 || a1 || 'x'", &[piece(), piece()])
        .spelled("concat(a0, a1, 'x')");
}

fn ordered() -> [Domain; 8] {
    [
        text(),
        bigint(),
        tinyint(),
        double(),
        real(),
        boolean(),
        domain::timestamp(),
        domain::day(),
    ]
}

fn comparison(group: &mut Group) {
    for operator in ["=", "!=", "<>", "<", "<=", ">", ">="] {
        for domain in ordered() {
            group.add(
                operator,
                format!("a0 {operator} a1"),
                &[domain.clone(), domain],
            );
        }
        group
            .add(operator, format!("a0 {operator} a1"), &[bigint(), double()])
            .spelled(format!("cast(a0 as double) {operator} a1"));
        group.add(
            operator,
            format!("a0 {operator} a1"),
            &[domain::binary(), domain::binary()],
        );
        group.add(
            operator,
            format!("a0 {operator} a1"),
            &[domain::texts(), domain::texts()],
        );
        group.add(
            operator,
            format!("a0 {operator} a1"),
            &[domain::integers(), domain::integers()],
        );
    }
    for operator in ["=", "!="] {
        group.add(
            operator,
            format!("a0 {operator} a1"),
            &[domain::map(), domain::map()],
        );
    }
    for domain in ordered() {
        if domain.kind == Kind::Boolean {
            continue;
        }
        let three = [domain.clone(), domain.clone(), domain];
        group.add("between", "a0 between a1 and a2", &three);
        group.add("between", "a0 not between a1 and a2", &three);
    }
}

fn logic(group: &mut Group) {
    for operator in ["and", "or"] {
        group.add(
            operator,
            format!("a0 {operator} a1"),
            &[boolean(), boolean()],
        );
        group.add(
            operator,
            format!("a0 {operator} 10 / a1 > 1"),
            &[boolean(), count()],
        );
        group.add(
            operator,
            format!("10 / a1 > 1 {operator} a0"),
            &[boolean(), count()],
        );
    }
    group.add("not", "not a0", &[boolean()]);
    group.add(
        "not",
        "not a0 and a1 or a2",
        &[boolean(), boolean(), boolean()],
    );
    group.add("or", "a0 or a1 and a2", &[boolean(), boolean(), boolean()]);
    for domain in ordered() {
        group.add("is null", "a0 is null", from_ref(&domain));
        group.add("is null", "a0 is not null", &[domain]);
    }
    group
        .add("is null", "10 / a0 is null", &[count()])
        .spelled("(10 / a0) is null");
}

fn like(group: &mut Group) {
    const PATTERNS: &[&str] = &[
        "", "%", "_", "a", "a%", "%a", "%a%", "a_c", "__", "%_%", "a%b%c", "%%", "A%", "日_",
        "_本%", "%\n%", "a\\%", "\\_", "a.c", "[a]%", "%ab%ab", "_%_", "abc%", "%,",
    ];
    let subject = || text().and(["abc", "a\nc", "日本", "a%", "a_c", "abab", "[a]x"]);
    for pattern in PATTERNS {
        group.add("like", format!("a0 like '{pattern}'"), &[subject()]);
    }
    group.add("like", "a0 not like 'a%'", &[subject()]);
    group.add(
        "like",
        "a0 like a1",
        &[subject(), only(Kind::Varchar, PATTERNS.iter().copied())],
    );
    for pattern in [
        "a^%", "^_", "^^", "%^%%", "a^", "^a", "a^^%", "^%", "_^_%", "日^_",
    ] {
        group.add(
            "like",
            format!("a0 like '{pattern}' escape '^'"),
            &[pieces().and(["a%", "_", "^", "a^b", "%", "x_y", "日_"])],
        );
    }
    group.add("like", "a0 like 'a\\%' escape '\\'", &[subject()]);
    group.add("like", "a0 like 'a%' escape ''", &[subject()]);
    group.add("like", "a0 like 'a%' escape 'xy'", &[subject()]);
}

fn sets(group: &mut Group) {
    group.add("in", "a0 in ('a', 'b', '')", &[piece()]);
    group.add("in", "a0 not in ('a', 'b')", &[piece()]);
    group.add("in", "a0 in ('a', null)", &[piece()]);
    group.add("in", "a0 not in ('a', null)", &[piece()]);
    group.add("in", "a0 in (1, 2, -1)", &[count()]);
    group.add("in", "a0 in (1, null)", &[count()]);
    group
        .add("in", "a0 in (a1, a2)", &[count(), count(), count()])
        .spelled("a0 = a1 or a0 = a2");
    group
        .add("in", "a0 not in (a1, a2)", &[piece(), piece(), piece()])
        .spelled("not (a0 = a1 or a0 = a2)");
    group.add("in", "a0 in (0.5, 1.5)", &[double()]);
    group.add("in", "a0 in (true)", &[boolean()]);
}
