//! Which crates build without a runtime, and which without sockets.

use super::Finding;
use crate::command::Result;
use crate::files::slashed;
use crate::metadata::Package;
use crate::workspace::Workspace;

/// A crate, how it is built, and what must then not be among its dependencies.
struct Promise {
    name: &'static str,
    features: &'static str,
    without: &'static [&'static str],
}

const RUNTIME_OR_SOCKETS: &[&str] = &["tokio", "hyper", "hyper-util", "mio", "socket2"];
// tokio's own sockets are mio's and socket2's; without them it is timers and channels.
const SOCKETS: &[&str] = &[
    "hyper",
    "hyper-util",
    "hyper-rustls",
    "rustls",
    "mio",
    "socket2",
];

const PROMISES: &[Promise] = &[
    core("sls-core"),
    core("sls-spl"),
    core("growingio-codecs"),
    Promise {
        name: "telemetry-delivery",
        features: "--no-default-features",
        without: SOCKETS,
    },
];

const fn core(name: &'static str) -> Promise {
    Promise {
        name,
        features: "--all-features",
        without: RUNTIME_OR_SOCKETS,
    }
}

pub(super) fn check(workspace: &Workspace, packages: &[Package]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for promise in PROMISES {
        // Some of these crates are planned.
        let Some(package) = packages.iter().find(|p| p.name == promise.name) else {
            continue;
        };
        let tree = workspace.read(&mut workspace.cargo([
            "tree",
            "--locked",
            "--package",
            promise.name,
            "--edges",
            "normal",
            "--prefix",
            "none",
            promise.features,
        ]))?;
        for name in broken(promise, &tree) {
            findings.push(Finding::new(
                slashed(&package.folder.join("Cargo.toml")),
                format!(
                    "with {} it must build without `{name}`; `cargo tree -p {} -e normal {} -i {name}` shows who asks for it",
                    promise.features, promise.name, promise.features
                ),
            ));
        }
    }
    Ok(findings)
}

/// The packages of the tree that break the promise.
fn broken<'a>(promise: &'a Promise, tree: &str) -> impl Iterator<Item = &'static str> + 'a {
    let names: Vec<String> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    promise
        .without
        .iter()
        .copied()
        .filter(move |without| names.iter().any(|name| name == without))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_with_a_runtime_breaks_the_promise_of_a_core() {
        let tree = "sls-core v0.1.0 (crates/sls-core)\nbytes v1.10.0\ntokio v1.45.0\n";
        let found: Vec<_> = broken(&core("sls-core"), tree).collect();
        assert_eq!(found, ["tokio"]);
        let tree = "sls-core v0.1.0\nhyper-types v1.0.0\n";
        assert_eq!(broken(&core("sls-core"), tree).count(), 0);
    }
}
