//! Properties that hold for every text and every row.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use sls_spl::{Error, ErrorKind, Field, Options, Program};

/// Words, marks and literals that make texts that look like programs.
const PIECES: &[&str] = &[
    "*",
    "|",
    "where",
    "extend",
    "project",
    "project-away",
    "project-rename",
    "parse-regexp",
    "parse-csv",
    "parse-kv",
    "parse-json",
    "expand-values",
    "pack-fields",
    "a",
    "b",
    "__time__",
    "\"x y\"",
    "'s'",
    "'\\d+'",
    "'$.a'",
    "1",
    "2.5",
    "-",
    "+",
    "/",
    "%",
    "||",
    "=",
    "!=",
    "<",
    ">",
    "(",
    ")",
    "[",
    "]",
    ",",
    ";",
    "->",
    "and",
    "or",
    "not",
    "in",
    "like",
    "between",
    "is",
    "null",
    "case",
    "when",
    "then",
    "else",
    "end",
    "cast",
    "try",
    "if",
    "as",
    "bigint",
    "varchar",
    "array",
    "-keep",
    "-mode='preserve'",
    "-wildcard",
    "-delim=','",
    "-limit=3",
    "-regexp",
    "-path='$.x'",
    "transform",
    "filter",
    "coalesce",
    "length",
    "split",
    "json_extract",
    "regexp_like",
    "true",
    "--",
    "/*",
    "*/",
    "'",
    "\"",
    ":",
    ".",
    "$",
    "\n",
    "\u{4e2d}",
];

fn programs_in_pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..40)
        .prop_map(|pieces| format!("* | {}", pieces.join(" ")))
}

/// Expressions that mostly compile; fields `a`, `b`, `c` are text, `n` may be anything.
fn expressions() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("n".to_owned()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("__time__".to_owned()),
        Just("array['x', a, null]".to_owned()),
        Just("array[3, 1, 2]".to_owned()),
        Just("map(array['k'], array[a])".to_owned()),
        Just("from_unixtime(__time__)".to_owned()),
        Just("date '2020'".to_owned()),
        Just("cast(a as varbinary)".to_owned()),
        Just("json_parse(b)".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter_map("finite", |x| {
            x.is_finite().then(|| format!("cast('{x}' as double)"))
        }),
        "[a-z%_\\\\$(){}\\[\\]+*?.0-9,:=&é中-]{0,8}".prop_map(|text| format!("'{text}'")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let one = inner.clone();
        let two = (inner.clone(), inner.clone());
        let three = (inner.clone(), inner.clone(), inner.clone());
        prop_oneof![
            (prop::sample::select(UNARY), one.clone()).prop_map(|(f, x)| f.replace('#', &x)),
            (prop::sample::select(BINARY), two)
                .prop_map(|(f, (x, y))| f.replace('#', &x).replace('@', &y)),
            (prop::sample::select(TERNARY), three)
                .prop_map(|(f, (x, y, z))| f.replace('#', &x).replace('@', &y).replace('~', &z)),
            (prop::sample::select(TYPES), one.clone())
                .prop_map(|(kind, x)| format!("cast({x} as {kind})")),
            (prop::sample::select(TYPES), one)
                .prop_map(|(kind, x)| format!("try_cast({x} as {kind})")),
        ]
    })
}

const TYPES: &[&str] = &[
    "boolean",
    "tinyint",
    "smallint",
    "integer",
    "bigint",
    "hugeint",
    "real",
    "double",
    "timestamp",
    "date",
    "varchar",
    "varbinary",
    "json",
    "array(varchar)",
    "map(varchar, bigint)",
];

const UNARY: &[&str] = &[
    "not #",
    "- #",
    "+ #",
    "# is null",
    "# is not null",
    "try(#)",
    "length(#)",
    "lower(#)",
    "upper(#)",
    "reverse(#)",
    "trim(#)",
    "chr(#)",
    "codepoint(#)",
    "to_utf8(#)",
    "from_utf8(#)",
    "to_hex(#)",
    "from_hex(#)",
    "to_base64(#)",
    "from_base64(#)",
    "md5(#)",
    "sha1(#)",
    "sha256(#)",
    "sha512(#)",
    "xxhash64(#)",
    "crc32(#)",
    "url_encode(#)",
    "url_decode(#)",
    "url_extract_host(#)",
    "url_extract_path(#)",
    "url_extract_port(#)",
    "json_parse(#)",
    "json_format(#)",
    "json_array_length(#)",
    "abs(#)",
    "ceil(#)",
    "floor(#)",
    "round(#)",
    "truncate(#)",
    "sign(#)",
    "sqrt(#)",
    "exp(#)",
    "random(#)",
    "bitwise_not(#)",
    "is_nan(#)",
    "from_unixtime(#)",
    "to_unixtime(#)",
    "to_iso8601(#)",
    "from_iso8601_timestamp(#)",
    "date(#)",
    "year(#)",
    "week(#)",
    "day_of_week(#)",
    "hour(#)",
    "cardinality(#)",
    "array_distinct(#)",
    "array_sort(#)",
    "array_max(#)",
    "array_min(#)",
    "map_keys(#)",
    "map_values(#)",
    "(#)",
    "transform(#, x -> x)",
    "filter(#, x -> x is not null)",
    "transform(#, x -> transform(array[x], y -> concat(y, x)))",
];

const BINARY: &[&str] = &[
    "# + @",
    "# - @",
    "# * @",
    "# / @",
    "# % @",
    "# || @",
    "# = @",
    "# != @",
    "# < @",
    "# >= @",
    "# and @",
    "# or @",
    "# like @",
    "# like @ escape '!'",
    "# in (@, null)",
    "#[@]",
    "(#)[@]",
    "nullif(#, @)",
    "coalesce(#, @)",
    "split(#, @)",
    "strpos(#, @)",
    "substr(#, @)",
    "replace(#, @)",
    "regexp_like(#, @)",
    "regexp_extract(#, @)",
    "regexp_extract_all(#, @)",
    "regexp_split(#, @)",
    "regexp_replace(#, @)",
    "json_extract(#, @)",
    "json_extract_scalar(#, @)",
    "json_size(#, @)",
    "json_array_contains(#, @)",
    "mod(#, @)",
    "power(#, @)",
    "round(#, @)",
    "truncate(#, @)",
    "from_base(#, @)",
    "to_base(#, @)",
    "greatest(#, @)",
    "least(#, @)",
    "element_at(#, @)",
    "contains(#, @)",
    "array_position(#, @)",
    "array_join(#, @)",
    "map(#, @)",
    "date_format(#, @)",
    "date_parse(#, @)",
    "date_trunc('week', #)",
    "date_trunc(@, #)",
    "atan2(#, @)",
    "bitwise_xor(#, @)",
    "url_extract_parameter(#, @)",
    "starts_with(#, @)",
    "concat(#, @)",
    "array[#, @]",
    "from_utf8(#, @)",
];

const TERNARY: &[&str] = &[
    "if(#, @, ~)",
    "case when # then @ else ~ end",
    "case # when @ then ~ end",
    "# between @ and ~",
    "# not in (@, ~)",
    "lpad(#, @, ~)",
    "rpad(#, @, ~)",
    "replace(#, @, ~)",
    "split(#, @, ~)",
    "split_part(#, @, ~)",
    "split_to_map(#, @, ~)",
    "strpos(#, @, ~)",
    "substr(#, @, ~)",
    "slice(#, @, ~)",
    "regexp_replace(#, @, ~)",
    "regexp_extract(#, @, ~)",
    "date_add('month', @, #)",
    "date_add(~, @, #)",
    "date_diff('month', #, @)",
    "date_diff(~, #, @)",
    "array_join(#, @, ~)",
    "width_bucket(#, @, ~, 3)",
    "coalesce(#, @, ~)",
    "greatest(#, @, ~)",
];

fn stages() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(
        &[
            "project-away a",
            "project-away -wildcard \"*a*\"",
            "project -wildcard \"*\", z = b",
            "project-rename z = a, a = b",
            "project a, n = b, __time__",
            "parse-json b",
            "parse-json -mode='preserve' -prefix='p_' -path='$.a' b",
            "parse-kv a, '&', '='",
            "parse-kv -greedy a, ',', ':'",
            "parse-kv -regexp a, '(\\w+)=(\\w*)'",
            "parse-kv -delims=' ,' -kv-sep=':' b",
            "parse-csv -quote='\"' a as x, y, n",
            "parse-csv -strict -delim='\\x2c' b as x, y",
            "parse-regexp a, '(\\d+)(x)?' as n, y",
            "expand-values b as e",
            "expand-values -keep -limit=2 b",
            "pack-fields -keep -ltrim='__' as p",
            "pack-fields -include='[a-n].*' -exclude='b' as p",
            "extend n = cast(a as bigint)",
            "extend n = cast(b as json)",
        ][..],
    );
    prop_oneof![
        2 => fixed.prop_map(str::to_owned),
        3 => expressions().prop_map(|e| format!("extend n = {e}")),
        1 => expressions().prop_map(|e| format!("where ({e}) is not null")),
        1 => expressions().prop_map(|e| format!("extend __time__ = try_cast({e} as bigint), z = {e}")),
    ]
}

fn programs() -> impl Strategy<Value = String> {
    prop::collection::vec(stages(), 1..5).prop_map(|stages| format!("* | {}", stages.join(" | ")))
}

fn values() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        any::<f64>().prop_map(|x| x.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..12),
        "\\PC{0,12}".prop_map(String::into_bytes),
        prop::sample::select(
            &[
                "{\"a\": {\"x\": [1, 2.50, \"\\u6d4b\"]}, \"n\": null}",
                "[1, \"two\", {\"three\": 3}, null]",
                "k=v&a=1&b=2",
                "x:1, y:\"two\", n:3",
                "2023-11-11 01:23:45",
                "https://www.example.com:8080/p/a?x=1&y=%20b#f",
                "",
            ][..]
        )
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

/// All output rows of a program over a row, or the error that ended the run.
fn run(program: &Program, time: i64, a: &[u8], b: &[u8]) -> Result<Vec<Output>, Error> {
    let row = [
        ("__time__", Field::BigInt(time)),
        ("a", Field::Text(a)),
        ("b", Field::Text(b)),
    ];
    let mut evaluator = program.evaluator(UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    let mut rows = Vec::new();
    for _ in 0..2 {
        evaluator.row(&row, &mut |row| {
            rows.push((row.is_unchanged(), row.to_fields()))
        })?;
    }
    Ok(rows)
}

type Output = (bool, Vec<(String, Vec<u8>)>);

/// As many cases as the environment asks for, or a number that takes a second.
fn cases() -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.and_then(|cases| cases.parse().ok()).unwrap_or(512)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_text_panics_the_compiler(text in "\\PC{0,80}") {
        let _ = Program::compile(&text, &Options::default());
        let _ = Program::compile(&format!("* | where {text}"), &Options::default());
    }

    #[test]
    fn no_pieces_of_programs_panic_the_compiler(text in programs_in_pieces()) {
        if let Err(error) = Program::compile(&text, &Options::default()) {
            prop_assert!(error.kind().is_compile_time());
            prop_assert!(!error.to_string().is_empty());
            let span = error.span().expect("errors in the text have a place");
            prop_assert!(span.start() <= span.end() && span.end() <= text.len());
        }
    }

    #[test]
    fn no_program_panics_on_any_row(
        text in programs(),
        time in any::<i64>(),
        a in values(),
        b in values(),
    ) {
        if let Ok(program) = Program::compile(&text, &Options::default()) {
            if let Err(error) = run(&program, time, &a, &b) {
                prop_assert!(!error.kind().is_compile_time());
            }
        }
    }

    #[test]
    fn printed_programs_do_what_the_text_does(
        text in programs(),
        time in 0..2_000_000_000i64,
        a in values(),
        b in values(),
    ) {
        let options = Options::default().with_script_limit(1 << 20);
        if let Ok(program) = Program::compile(&text, &options) {
            let printed = program.to_string();
            let again = Program::compile(&printed, &options)
                .map_err(|error| TestCaseError::fail(format!("{printed}\n{error}")))?;
            prop_assert_eq!(again.to_string(), printed.clone());
            prop_assert_eq!(
                run(&program, time, &a, &b),
                run(&again, time, &a, &b),
                "{}", printed
            );
        }
    }

    #[test]
    fn no_regular_expression_panics(pattern in "[a-z0-9\\\\\\[\\](){}*+?.^$|,:<>!=PQEdws-]{0,24}", text in "\\PC{0,16}") {
        let program = format!("* | extend n = regexp_replace(a, '{pattern}', '<\\0>')");
        if let Ok(program) = Program::compile(&program, &Options::default()) {
            let result = run(&program, 0, text.as_bytes(), b"");
            prop_assert!(result.is_ok());
        }
    }
}

/// Runs on a stack of half the size threads usually have.
fn on_a_small_stack(work: fn()) {
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(work);
    thread.expect("a thread").join().expect("no panic");
}

#[test]
fn deep_nesting_is_a_limit_and_not_a_crash() {
    on_a_small_stack(refuse_deep_programs);
}

fn refuse_deep_programs() {
    let wide = Options::default().with_script_limit(1 << 24);
    for (open, close) in [
        ("(", ")"),
        ("not ", ""),
        ("- ", ""),
        ("+ ", ""),
        ("abs(", ")"),
        ("array[", "]"),
        ("case when true then ", " end"),
        ("cast(", " as bigint)"),
        ("a[", "]"),
        ("x -> ", ""),
        ("1 + ", ""),
        ("a || (", ")"),
        ("(a or ", ")"),
    ] {
        let text = format!(
            "* | where {}1{}",
            open.repeat(100_000),
            close.repeat(100_000)
        );
        let error = Program::compile(&text, &wide).expect_err("too deep");
        assert_eq!(error.kind(), ErrorKind::Limit, "{open}");
    }
    let subscripts = format!("* | extend x = a{}", "[1]".repeat(100_000));
    let error = Program::compile(&subscripts, &wide).expect_err("too deep");
    assert_eq!(error.kind(), ErrorKind::Limit);
    let types = format!(
        "* | extend x = cast(a as {}bigint{})",
        "array(".repeat(9999),
        ")".repeat(9999)
    );
    let error = Program::compile(&types, &wide).expect_err("too deep");
    assert_eq!(error.kind(), ErrorKind::Limit);
    // Long lists of one operator are wide and not deep.
    let wide_or = format!("* | where a = '1'{}", " or a = '2'".repeat(5000));
    assert!(Program::compile(&wide_or, &wide).is_ok());
}

#[test]
fn the_deepest_allowed_expressions_run() {
    on_a_small_stack(run_deep_programs);
}

fn run_deep_programs() {
    for (open, inner, close) in [
        ("abs(", "1", ")"),
        ("(", "1", ")"),
        ("array[", "1", "]"),
        ("case when true then ", "1", " end"),
        ("coalesce(null, try(", "1", "))"),
        ("- ", "s", ""),
        ("'a' || (", "s", ")"),
    ] {
        let text = |times: usize| {
            format!(
                "* | extend x = {}{inner}{}",
                open.repeat(times),
                close.repeat(times)
            )
        };
        let deepest = (1..100)
            .map_while(|times| Program::compile(&text(times), &Options::default()).ok())
            .last()
            .expect("one level is fine");
        let again = Program::compile(&deepest.to_string(), &Options::default());
        assert!(again.is_ok(), "{deepest}");
        assert!(run(&deepest, 0, b"1", b"").is_ok());
    }
}
