//! Special forms: what is evaluated, and what is not.

use crate::datum::Kind;
use crate::domain::{bigint, boolean, count, double, only, piece, text};
use crate::subject::Group;

pub(super) fn add(group: &mut Group) {
    let digits = || only(Kind::Varchar, ["0", "1", "2", "x", ""]);
    group.add(
        "case",
        "case when a0 > 0 then 'more' when a0 = 0 then 'zero' else 'less' end",
        &[bigint()],
    );
    group
        .add("case", "case when a0 > 0 then a0 end", &[bigint()])
        .spelled("case when a0 > 0 then a0 else cast(null as bigint) end");
    group.add(
        "case",
        "case a0 when 'a' then 1 when 'b' then 2 else 0 end",
        &[piece()],
    );
    group
        .add("case", "case a0 when a1 then 1 end", &[piece(), piece()])
        .spelled("case a0 when a1 then 1 else cast(null as bigint) end");
    group.add(
        "case",
        "case when a0 = 'x' then 0 else cast(a0 as bigint) end",
        &[digits()],
    );
    group.add(
        "case",
        "case when a0 = 0 then 0 else 10 / a0 end",
        &[count()],
    );
    group.add(
        "case",
        "case when a0 then 1 when a1 then 2 else 3 end",
        &[boolean(), boolean()],
    );
    group.call("if", &[boolean(), text(), piece()]);
    group
        .add("if", "if(a0, a1)", &[boolean(), count()])
        .spelled("if(a0, a1, cast(null as bigint))");
    group.add("if", "if(a0 = 0, 0, 10 / a0)", &[count()]);
    group.call("coalesce", &[piece(), piece()]);
    group.call("coalesce", &[count(), count(), count()]);
    group.add("coalesce", "coalesce(a0, 10 / a1)", &[count(), count()]);
    group.add("coalesce", "coalesce(10 / a0, a1)", &[count(), count()]);
    group.add(
        "coalesce",
        "coalesce(try_cast(a0 as bigint), -1)",
        &[digits()],
    );
    for domain in [piece(), count(), double(), boolean()] {
        let kind = domain.kind.sql();
        group
            .call("nullif", &[domain.clone(), domain])
            .spelled(format!(
                "if(a0 is not null and a1 is not null and a0 = a1, cast(null as {kind}), a0)"
            ));
    }
    group.add("try", "try(10 / a0)", &[count()]);
    group.add("try", "try(cast(a0 as bigint))", &[digits()]);
    group.add(
        "try",
        "coalesce(try(json_parse(a0)), json_parse('1'))",
        &[digits()],
    );
    group.add("try", "try(split_part(a0, ',', a1))", &[piece(), count()]);
}
