//! Array and map functions.

use std::slice::from_ref;

use crate::datum::Kind;
use crate::domain::{count, doubles, integers, map, only, piece, text, texts};
use crate::subject::Group;

pub(super) fn add(group: &mut Group) {
    for array in [texts(), integers(), doubles()] {
        for name in [
            "cardinality",
            "array_distinct",
            "array_sort",
            "array_max",
            "array_min",
        ] {
            group.call(name, from_ref(&array));
        }
        group.call("element_at", &[array.clone(), count()]);
        group
            .add("subscript", "a0[a1]", &[array.clone(), count()])
            .spelled("subscript(a0, a1)");
        group.call("slice", &[array.clone(), count(), count()]);
        group.call("array_join", &[array.clone(), piece()]);
        group.call("array_join", &[array, piece(), piece()]);
    }
    for name in ["contains", "array_position"] {
        group.call(
            name,
            &[texts(), only(Kind::Varchar, ["", "a", "b", "日本", "10"])],
        );
        group.call(
            name,
            &[integers(), only(Kind::Bigint, [0, 1, 2, 5, -1, i64::MAX])],
        );
        group.call(
            name,
            &[
                doubles(),
                only(Kind::Double, [0.0, -0.0, 1.5, f64::NAN, f64::INFINITY]),
            ],
        );
    }
    group.call("cardinality", &[map()]);
    for name in ["map_keys", "map_values"] {
        // The order of a map is its own; both sides are sorted.
        group.add(name, format!("array_sort({name}(a0))"), &[map()]);
    }
    let keys = || only(Kind::Varchar, ["a", "b", "", "日本", "zz"]);
    group.call("element_at", &[map(), keys()]);
    group
        .add("subscript", "a0[a1]", &[map(), keys()])
        .spelled("subscript(a0, a1)");
    group.call("map", &[texts(), integers()]);
    group.call("map", &[integers(), texts()]);
    group.add(
        "map",
        "map(array[a0, a1], array[a2, a3])",
        &[keys(), keys(), count(), count()],
    );
    group.add("array", "array[a0, a1]", &[text(), piece()]);
    group.add("array", "array[a0, a1, a0]", &[count(), count()]);
    group.add("transform", "transform(a0, x -> x * 2)", &[integers()]);
    group.add(
        "transform",
        "transform(a0, x -> x + a1)",
        &[integers(), count()],
    );
    group.add("transform", "transform(a0, x -> upper(x))", &[texts()]);
    group.add(
        "transform",
        "transform(a0, x -> cast(x as bigint))",
        &[texts()],
    );
    group.add(
        "transform",
        "transform(a0, x -> concat(x, a1))",
        &[texts(), piece()],
    );
    group.add("transform", "transform(a0, x -> 10 / x)", &[integers()]);
    group.add("filter", "filter(a0, x -> x > 0)", &[integers()]);
    group.add("filter", "filter(a0, x -> x is null)", &[integers()]);
    group.add("filter", "filter(a0, x -> x > a1)", &[integers(), count()]);
    group.add("filter", "filter(a0, x -> x = a1)", &[texts(), piece()]);
    group.add("filter", "filter(a0, x -> 10 / x > 1)", &[integers()]);
    group.add("filter", "filter(a0, x -> is_nan(x))", &[doubles()]);
}
