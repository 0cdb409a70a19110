//! `cargo xtask budget`: how many packages a user of a crate builds.

use crate::command::{Command, Outcome, Result};
use crate::workspace::Workspace;

/// A crate with its default features, and the most lines that cargo may print about it.
struct Budget {
    name: &'static str,
    most: usize,
}

const BUDGETS: &[Budget] = &[
    Budget {
        name: "sls-client",
        most: 80,
    },
    Budget {
        name: "sls-core",
        most: 45,
    },
];

pub(crate) const COMMAND: Command = Command {
    name: "budget",
    usage: "",
    about: "Check how many packages the crates of the client bring along",
    help: "\
Counts the lines of

  cargo tree --package NAME --edges normal --prefix none | sort -u

with default features, and holds them against BUDGETS in xtask/src/budget.rs. A package that
several others need is printed a second time with `(*)` behind it, so there are fewer packages
than lines. Dependencies that build C are refused by `cargo xtask tidy`.",
    run,
};

fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<Outcome> {
    if let Some(arg) = args.next()? {
        return Err(arg.unexpected().into());
    }
    let mut over = Vec::new();
    for Budget { name, most } in BUDGETS {
        let tree = workspace.read(&mut workspace.cargo([
            "tree",
            "--locked",
            "--package",
            name,
            "--edges",
            "normal",
            "--prefix",
            "none",
        ]))?;
        let lines = distinct_lines(&tree);
        println!("budget: {name}: {lines} of {most}");
        if lines > *most {
            over.push(*name);
        }
    }
    if over.is_empty() {
        Ok(Outcome::Done)
    } else {
        Err(format!(
            "budget: too many packages for {}; `cargo tree --package NAME --edges normal` shows who brings them",
            over.join(", ")
        )
        .into())
    }
}

fn distinct_lines(tree: &str) -> usize {
    let mut lines: Vec<&str> = tree.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    lines.len()
}

#[cfg(test)]
mod tests {
    use super::distinct_lines;

    #[test]
    fn a_line_counts_once() {
        assert_eq!(distinct_lines("a v1\nb v1\na v1 (*)\nb v1\n"), 3);
    }
}
