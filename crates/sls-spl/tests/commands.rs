//! Rules of the commands that the recorded cases do not reach.

use std::time::UNIX_EPOCH;

use sls_spl::{ErrorKind, Field, Options, Program, Row};

/// Runs a program over one row; rows as `name=text` pairs, sorted, rows joined by ` | `.
fn run(query: &str, row: &dyn Row) -> String {
    let program = match Program::compile(query, &Options::default()) {
        Ok(program) => program,
        Err(error) => return error.one_line(),
    };
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let mut rows = Vec::new();
    let result = evaluator.row(row, &mut |row| {
        let mut fields = Vec::new();
        row.visit(&mut |name, text| {
            fields.push(format!("{name}={}", String::from_utf8_lossy(text)));
        });
        fields.sort();
        rows.push(fields.join(" "));
    });
    result.expect("no limit is near");
    rows.join(" | ")
}

#[track_caller]
fn check(query: &str, fields: &[(&str, &str)], wanted: &str) {
    let row: Vec<(&str, Field<'_>)> = fields
        .iter()
        .map(|(name, text)| match *name {
            "__time__" | "__time_ns_part__" => {
                (*name, Field::BigInt(text.parse().expect("digits")))
            }
            _ => (*name, Field::Text(text.as_bytes())),
        })
        .collect();
    assert_eq!(run(query, &row), wanted, "{query}");
}

#[track_caller]
fn refuse(query: &str, kind: ErrorKind) {
    let error = Program::compile(query, &Options::default()).expect_err(query);
    assert_eq!(error.kind(), kind, "{query}: {error}");
}

#[test]
fn time_fields_are_out_of_reach_of_all_but_extend() {
    let row = [
        ("__time__", "5"),
        ("__time_ns_part__", "7"),
        ("a", "9"),
        ("j", "{\"__time__\":1}"),
    ];
    let same = "__time__=5 __time_ns_part__=7 a=9 j={\"__time__\":1}";
    for query in [
        "* | project-rename __time__ = a",
        "* | project-away -wildcard \"__time*\"",
        "* | parse-json j",
        "* | parse-regexp a, '(.)' as __time__",
        "* | parse-csv a as __time_ns_part__",
        "* | expand-values j as __time__",
        "* | pack-fields as __time__",
    ] {
        check(query, &row, same);
    }
    check(
        "* | project t = __time__",
        &row,
        "__time__=5 __time_ns_part__=7",
    );
    check(
        "* | project __time__ = a",
        &row,
        "__time__=5 __time_ns_part__=7",
    );
    check(
        "* | pack-fields -include='a|__.*' as p | project p",
        &row,
        "__time__=5 __time_ns_part__=7 p={\"a\":\"9\"}",
    );
    check(
        "* | extend __time__ = a - 4 | project a",
        &row,
        "__time__=5 __time_ns_part__=7 a=9",
    );
    refuse("* | extend __time__ = 1.5", ErrorKind::Type);
    refuse("* | extend __time__ = a", ErrorKind::Type);
}

#[test]
fn values_of_another_type_are_not_replaced_by_text() {
    let row = [("n", "5"), ("k", "n=6&m=7"), ("c", "8")];
    for query in [
        "* | extend n = cast(n as bigint) | parse-kv k, '&', '=' | project n, m",
        "* | extend n = cast(n as bigint) | parse-regexp k, '(\\d)&m=(.)' as n, m | project n, m",
    ] {
        check(query, &row, "m=7 n=5");
    }
    check(
        "* | extend n = cast(n as bigint) | parse-csv c as n | project n",
        &row,
        "n=5",
    );
    // A typed field that became null is no value any more.
    check(
        "* | extend n = try_cast(k as bigint) | parse-csv c as n | project n",
        &row,
        "n=8",
    );
    check(
        "* | extend n = true | extend n = 'x' | project n",
        &row,
        "n=x",
    );
    check(
        "* | extend n = 1.5 | project-rename c = n | project c, n",
        &row,
        "c=8",
    );
}

#[test]
fn renames_read_the_row_as_it_entered() {
    let row = [("a", "1"), ("b", "2"), ("c", "3")];
    check(
        "* | project-rename a = b, b = c, c = a",
        &row,
        "a=2 b=3 c=1",
    );
    check("* | project a, b = a", &row, "b=1");
    check("* | project z = nope, a", &row, "a=1");
    check("* | project-rename a = nope", &row, "a=1 b=2 c=3");
    check("* | project -wildcard \"*\", z = a", &row, "b=2 c=3 z=1");
    check("* | project b, b", &row, "b=2");
    refuse("* | project a, a = b", ErrorKind::Semantic);
    refuse("* | project-rename a = b, a = c", ErrorKind::Semantic);
    refuse("* | project-rename a = c, b = c", ErrorKind::Semantic);
}

#[test]
fn options_are_checked() {
    for query in [
        "* | parse-json -mode='other' a",
        "* | parse-json -mode a",
        "* | parse-json -path='$[' a",
        "* | parse-json -prefix='a' -prefix='b' a",
        "* | parse-csv -strict='yes' a as b",
        "* | parse-csv -delim='' a as b",
        "* | parse-csv -delim='abcd' a as b",
        "* | parse-csv -delim='中' a as b",
        "* | parse-csv -quote='ab' a as b",
        "* | parse-csv -quote=',' a as b",
        "* | parse-csv -delim='||' -quote='\"' a as b",
        "* | parse-csv a as b, b",
        "* | parse-kv a",
        "* | parse-kv a, ','",
        "* | parse-kv a, '', '='",
        "* | parse-kv a, '&', '123456'",
        "* | parse-kv a, '&=', '='",
        "* | parse-kv -regexp a, '(x)'",
        "* | parse-kv -regexp a, '(x)(y)(z)'",
        "* | parse-kv -regexp a, ',', '='",
        "* | parse-kv -delims=',' a, ',', '='",
        "* | parse-kv -delims=',' -greedy a",
        "* | parse-regexp -flags='i' a, '(x)' as b",
        "* | parse-regexp a, '(x)' as b, c",
        "* | parse-regexp a, '(x)(y)' as b, b",
        "* | expand-values -limit=0 a",
        "* | expand-values -limit=11 a",
        "* | expand-values -limit='x' a",
        "* | pack-fields -include='(' as p",
        "* | project-rename -wildcard a = b",
    ] {
        refuse(query, ErrorKind::Semantic);
    }
    for query in [
        "* | pack-fields p",
        "* | expand-values a as",
        "* | parse-kv a, ',', '=', 'x'",
        "* | parse-json 'a'",
        "* | project -wildcard a*",
        "* | project-rename a",
        "* | where",
        "* | parse - json a",
        "* | where a = \"\"",
        "* || project a",
        "*; * | project a",
    ] {
        refuse(query, ErrorKind::Syntax);
    }
    for query in [
        "* | stats count(1)",
        "* | Render x",
        "* | log-to-metric a",
        "*; .let x = y",
        "$t | project a",
        "* and a: 1 | project a",
        "中文 | project a",
    ] {
        refuse(query, ErrorKind::Unsupported);
    }
}

#[test]
fn types_are_checked() {
    for query in [
        "* | where a",
        "* | where a - b",
        "* | where length(5) = 1",
        "* | where abs(a) > 1",
        "* | where md5(a) is null",
        "* | where a and b = '1'",
        "* | where (a = '1') = 'x'",
        "* | where array[1] < array['x']",
        "* | where array[1, 'x'] is null",
        "* | where coalesce(1, 'x') is null",
        "* | where if(true, a - b, 'x') is null",
        "* | where a[1] = '1'",
        "* | where array['x']['y'] = 'x'",
        "* | where from_unixtime(__time__) + 1 is null",
        "* | where cast(1 as timestamp) is null",
        "* | where a || 1 = 'x'",
        "* | where 1 like 'x'",
        "* | where contains(array[1], 'x')",
        "* | where filter(array[1], x -> x) is null",
    ] {
        refuse(query, ErrorKind::Type);
    }
    for query in [
        "* | where sum(a) > 1",
        "* | where nope(a)",
        "* | where length() = 1",
        "* | where length(a, b) = 1",
        "* | where map(array[1]) is null",
        "* | where regexp_like(a, '(')",
        "* | where json_extract(a, '$[') is null",
        "* | where date_trunc('eon', from_unixtime(1)) is null",
        "* | where 9223372036854775808 = 1",
        "* | where transform(array[1], 2) is null",
        "* | where coalesce(x -> x) is null",
        "* | where a like 'x' escape 'xy'",
    ] {
        refuse(query, ErrorKind::Semantic);
    }
}

#[test]
fn words_of_the_language_may_be_field_names() {
    let row = [
        ("end", "1"),
        ("not", "2"),
        ("case", "3"),
        ("project", "4"),
        ("In", "5"),
    ];
    check(
        "* | where end = '1' and not = '2' and case = '3' and In = '5' | project end",
        &row,
        "end=1",
    );
    check(
        "* | extend x = case when end = '1' then case else project end | project x",
        &row,
        "x=3",
    );
    check(
        "* | extend as = cast(not as bigint) | project as",
        &row,
        "as=2",
    );
}

#[test]
fn bytes_that_are_not_text_pass_through_and_are_read_lossily() {
    let program = Program::compile(
        "* | extend b = a, n = length(a), u = upper(a)",
        &Options::default(),
    );
    let program = program.expect("a good program");
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let row = [("a", Field::Text(b"x\xff"))];
    let mut fields = Vec::new();
    let result = evaluator.row(&row, &mut |row| fields = row.to_fields());
    result.expect("no limit is near");
    let field = |name: &str| {
        fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, text)| text.as_slice())
    };
    assert_eq!(field("a"), Some(&b"x\xff"[..]));
    assert_eq!(field("b"), Some(&b"x\xff"[..]));
    assert_eq!(field("n"), Some(&b"2"[..]));
    assert_eq!(field("u"), Some("X\u{fffd}".as_bytes()));
}

#[test]
fn expanded_rows_go_on_separately() {
    let row = [("j", "[1,2,3]"), ("k", "x")];
    check(
        "* | expand-values j as v | where v != '2' | extend w = v + 1",
        &row,
        "k=x v=1 w=2 | k=x v=3 w=4",
    );
    let object = [("j", "{\"a\": 1, \"b\": [2, 3]}")];
    check(
        "* | expand-values j",
        &object,
        "j={\"a\":1} | j={\"b\":[2,3]}",
    );
    check(
        "* | expand-values j | expand-values -path='$.b' -keep j as e",
        &object,
        "j={\"a\":1} | e=2 j={\"b\":[2,3]} | e=3 j={\"b\":[2,3]}",
    );
}

#[test]
fn many_extracted_fields_are_found_again() {
    let members: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
    let json = format!("{{{}}}", members.join(","));
    let row = [("j", json.as_str()), ("k7", "old")];
    check(
        "* | parse-json j | parse-json j | project k7, k99, k100",
        &row,
        "k7=7 k99=99",
    );
    check(
        "* | parse-json j | project-away -wildcard \"k*\" | project-away j | pack-fields as p",
        &row,
        "p={}",
    );
}

/// A row that counts how often it is walked.
#[derive(Default)]
struct Walks(std::cell::Cell<usize>);

impl Row for Walks {
    fn field(&self, name: &str) -> Option<Field<'_>> {
        self.0.set(self.0.get() + 1);
        (name != "z").then_some(Field::Text(b"1 2"))
    }

    fn fields<'r>(&'r self, names: &[Box<str>], found: &mut [Option<Field<'r>>]) {
        self.0.set(self.0.get() + 1);
        for (name, place) in names.iter().zip(found) {
            assert!(place.is_none());
            *place = (**name != *"z").then_some(Field::Text(b"1 2"));
        }
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>)) {
        visitor("a", Field::Text(b"1 2"));
    }
}

#[test]
fn a_stage_finds_all_its_fields_in_one_walk() {
    for (query, walks) in [
        ("* | where a = '1'", 1),
        ("* | where a = b and c = d and z is null", 1),
        ("* | where a = b | where a = b and c = b", 2),
        ("* | parse-regexp a, '(.) (.)' as b, z", 1),
        ("* | parse-csv -delim=' ' a as a, b | where b = '2'", 1),
        // More than one walk finds at a time.
        (
            "* | where a in (b1, b2, b3, b4, b5, b6, b7, b8, b9, c1, c2, c3, c4, c5, c6, c7, c8)",
            2,
        ),
    ] {
        let row = Walks::default();
        run(query, &row);
        assert_eq!(row.0.get(), walks, "{query}");
    }
}

#[test]
fn empty_groups_inside_a_character_are_empty_texts() {
    check(
        "* | parse-kv -regexp s, '([a-z])()'",
        &[("s", "中a中")],
        "a= s=中a中",
    );
    check(
        "* | parse-kv -regexp s, '(\\B|a)(\\B|)'",
        &[("s", "a中")],
        "a= s=a中",
    );
}
