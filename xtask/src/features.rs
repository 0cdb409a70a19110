//! `cargo xtask features`: every feature set of every published crate compiles without a warning.

use std::collections::BTreeMap;
use std::io::{self, Write as _};

use crate::command::{Command, Outcome, Result};
use crate::metadata;
use crate::stopwatch::Stopwatch;
use crate::workspace::Workspace;

/// Combinations worth checking beside the ones every crate gets: a crate, and features separated
/// by commas.
///
/// The others are derived from the manifests, so a new feature is checked without an entry here.
const MORE_SETS: &[(&str, &str)] = &[];

pub(crate) const COMMAND: Command = Command {
    name: "features",
    usage: "[--list]",
    about: "Check and lint every published crate with each of its feature sets",
    help: "\
The sets are: no features, each feature alone, the default ones, and all. They are read from
the manifests; further combinations stand in MORE_SETS in xtask/src/features.rs. Each is one
`cargo clippy`, which is `cargo check` and the lints, for the library and the programs.

  --list   name the sets, check nothing",
    run,
};

fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<Outcome> {
    let mut list = false;
    while let Some(arg) = args.next()? {
        match arg {
            lexopt::Arg::Long("list") => list = true,
            _ => return Err(arg.unexpected().into()),
        }
    }

    let mut failed = 0;
    for package in metadata::read(workspace)?.iter().filter(|p| p.publishable) {
        for set in sets(&package.name, &package.features) {
            print!("{:20} {:24}", package.name, set.name());
            if list {
                println!();
                continue;
            }
            // The line is finished below; complaints of the build come between.
            io::stdout().flush()?;
            let watch = Stopwatch::start();
            let mut command =
                workspace.cargo(["clippy", "--quiet", "--package", package.name.as_str()]);
            command.args(set.args()).args(["--", "-D", "warnings"]);
            let passed = workspace.status(&mut command)?.success();
            failed += usize::from(!passed);
            let result = if passed { "passed" } else { "FAILED" };
            println!("{result} {:>9}", watch.elapsed());
        }
    }
    match failed {
        0 => Ok(Outcome::Done),
        1 => Err("features: 1 set failed".into()),
        count => Err(format!("features: {count} sets failed").into()),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Set {
    None,
    Only(String),
    Default,
    All,
}

impl Set {
    fn name(&self) -> &str {
        match self {
            Self::None => "(none)",
            Self::Only(features) => features,
            Self::Default => "(default)",
            Self::All => "(all)",
        }
    }

    fn args(&self) -> Vec<&str> {
        match self {
            Self::None => vec!["--no-default-features"],
            Self::Only(features) => vec!["--no-default-features", "--features", features],
            Self::Default => vec![],
            Self::All => vec!["--all-features"],
        }
    }
}

/// The sets of one crate; those that would be the same build are named once.
fn sets(name: &str, features: &BTreeMap<String, Vec<String>>) -> Vec<Set> {
    let default = features.get("default").map_or(0, Vec::len);
    let named: Vec<&String> = features.keys().filter(|name| *name != "default").collect();

    let mut sets = vec![Set::None];
    sets.extend(named.iter().map(|feature| Set::Only((*feature).clone())));
    sets.extend(
        MORE_SETS
            .iter()
            .filter(|(of, _)| *of == name)
            .map(|(_, features)| Set::Only((*features).to_owned())),
    );
    // One default feature was checked alone already, and none at all as well.
    if default > 1 {
        sets.push(Set::Default);
    }
    if named.len() > 1 && default < named.len() {
        sets.push(Set::All);
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(features: &[(&str, &[&str])], want: &[&str]) {
        let features = features
            .iter()
            .map(|(name, enables)| {
                let enables = enables.iter().map(|name| (*name).to_owned()).collect();
                ((*name).to_owned(), enables)
            })
            .collect();
        let sets = sets("a", &features);
        let names: Vec<_> = sets.iter().map(Set::name).collect();
        assert_eq!(names, want);
    }

    #[test]
    fn a_crate_without_features_has_one_set() {
        check(&[], &["(none)"]);
        check(&[("default", &[])], &["(none)"]);
    }

    #[test]
    fn each_feature_is_checked_alone_and_with_the_others() {
        check(&[("x", &[])], &["(none)", "x"]);
        check(&[("x", &[]), ("y", &[])], &["(none)", "x", "y", "(all)"]);
        check(
            &[("default", &["x"]), ("x", &[]), ("y", &[])],
            &["(none)", "x", "y", "(all)"],
        );
        check(
            &[("default", &["x", "y"]), ("x", &[]), ("y", &[])],
            &["(none)", "x", "y", "(default)"],
        );
    }
}
