//! All expressions, a file for each group.

mod array; // arrays and maps
mod binary; // digests and encodings
mod cast; // between all types
mod conditional; // special forms
mod datetime;
mod inputs; // the values themselves
mod json;
mod math;
mod operator;
mod regexp;
mod string;
mod url;

use crate::subject::{Group, Subject};

pub(crate) use regexp::CAN_BE_EMPTY;

/// What no expression is about, and why.
pub(crate) const NOT_COVERED: &[(&str, &str)] = &[
    ("rand, random", "random on both sides"),
    ("now, current_timestamp", "the engine has neither"),
    ("current_date", "the engine reads the clock"),
    ("between of BOOLEAN", "the engine has no such function"),
    (
        "truncate of integers",
        "the engine takes floating point only",
    ),
    ("from_hex of VARBINARY", "the engine takes VARCHAR only"),
    (
        "ip_prefix, is_subnet_of",
        "the engine has types of their own for them",
    ),
    ("HUGEINT", "the engine has DECIMAL instead"),
    (
        "time zones other than UTC",
        "the engine's zone cannot be set from Python",
    ),
    ("text that is not UTF-8", "the engine takes it for UTF-8"),
];

/// Adds the subjects of a group.
type Add = fn(&mut Group);

/// In the order of the table.
const GROUPS: [(&str, Add); 12] = [
    ("inputs", inputs::add),
    ("operators", operator::add),
    ("casts", cast::add),
    ("conditional", conditional::add),
    ("string", string::add),
    ("regexp", regexp::add),
    ("json", json::add),
    ("date and time", datetime::add),
    ("math", math::add),
    ("url", url::add),
    ("binary", binary::add),
    ("array and map", array::add),
];

/// All subjects; the same seed gives the same.
pub(crate) fn all(seed: u64) -> Vec<Subject> {
    let groups = GROUPS.iter().map(|(name, add)| {
        let mut group = Group::new(name, seed);
        add(&mut group);
        group.subjects
    });
    groups.flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_function_is_covered_or_said_not_to_be() {
        let subjects = all(0);
        let mut known: BTreeSet<_> = subjects.iter().map(|s| s.name.as_str()).collect();
        known.extend(NOT_COVERED.iter().flat_map(|(what, _)| what.split(", ")));
        let unknown: Vec<_> = sls_spl::function_names()
            .filter(|name| !known.contains(name))
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}
