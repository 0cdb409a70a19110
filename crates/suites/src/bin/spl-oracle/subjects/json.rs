//! JSON functions.

use crate::datum::{Datum, Kind};
use crate::domain::{self, document, json};
use crate::subject::Group;

const PATHS: &[&str] = &[
    "$",
    "$.a",
    "$.a.b",
    "$.a.b[1].c",
    "$[0]",
    "$[1]",
    "$[-1]",
    "$[10]",
    "$.a[0]",
    "$[\"a\"]",
    "$['a']",
    "$['a b']",
    "$[\"c.d\"]",
    "$.日本",
    "$[*]",
    "$[*].a",
    "$.*",
    "$.a.*",
    "a",
    "a.b",
    "$a",
    "",
    " ",
    "$.",
    "$..a",
    "$[",
    "$[]",
    "$[a]",
    "$.a[",
    "$.a b",
    "$.0",
    "$[\"\"]",
    "$['0']",
    "@",
    ".a",
    "[0]",
    "$[0",
    "$.a.",
    "$. a",
    "$[ 0 ]",
    "$[0][1]",
    "$.b[0]",
    "$[1:2]",
    "$[?(@.a)]",
    "$.store.book[*].author",
    "$.a-b",
    "$.$",
    "$[00]",
    "$['a",
    "$[\"a\\\"b\"]",
];

/// Those of them that are refused here.
const MALFORMED: &[&str] = &[
    "$[-1]",
    "a.b",
    "$a",
    "",
    " ",
    "$.",
    "$..a",
    "$[",
    "$[]",
    "$[a]",
    "$.a[",
    "$.a b",
    "@",
    ".a",
    "[0]",
    "$[0",
    "$.a.",
    "$. a",
    "$[ 0 ]",
    "$[1:2]",
    "$[?(@.a)]",
    "$['a",
    "$[\"\"]",
];

pub(super) fn add(group: &mut Group) {
    for name in ["json_extract", "json_extract_scalar", "json_size"] {
        for path in PATHS {
            let literal = path.replace('\'', "''");
            let subject = group.add(name, format!("{name}(a0, '{literal}')"), &[document()]);
            if MALFORMED.contains(path) {
                // The document does not matter.
                subject.rows.truncate(4);
            }
        }
        let paths = domain::only(Kind::Varchar, PATHS.iter().copied());
        group.call(name, &[document(), paths.clone()]);
        let members = [Datum::from("{\"b\":1,\"a\":2}"), Datum::from("$.*")];
        group.call(name, &[json(), paths]).with([members]);
    }
    group.call("json_array_length", &[document()]);
    group.call("json_array_length", &[json()]);
    group.call("json_parse", &[document()]);
    group.call("json_format", &[json()]);
    let arrays = || {
        document().and([
            "[1,2]",
            "[1.0]",
            "[1e0]",
            "[true]",
            "[false,null]",
            "[\"\"]",
            "[\"1\",\"a\"]",
            "[[1]]",
            "[9223372036854775807]",
            "[9223372036854775808]",
            "[0.5,-0.0]",
            "[0]",
            "[-1]",
            "[\"\\u0061\"]",
        ])
    };
    let texts = domain::only(Kind::Varchar, ["", "a", "1", "true", "null", "日"]);
    group.call("json_array_contains", &[arrays(), texts]);
    let integers = domain::only(Kind::Bigint, [0, 1, -1, 2, i64::MAX]);
    group.call("json_array_contains", &[arrays(), integers]);
    let doubles = domain::only(Kind::Double, [0.0, 1.0, 0.5, -0.0, 1e300, f64::NAN]);
    group.call("json_array_contains", &[arrays(), doubles]);
    group.call("json_array_contains", &[arrays(), domain::boolean()]);
}
