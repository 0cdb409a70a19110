//! Which crate may depend on which, here and in docs/architecture.md.

use std::collections::BTreeSet;

use super::Finding;
use crate::files::{File, slashed};
use crate::metadata::{Dependency, Kind, Package};

use Arrow::{Optional, To, Without};

/// A crate of the plan and what it may depend on inside this workspace.
pub(super) struct Crate {
    pub(super) name: &'static str,
    pub(super) published: bool,
    arrows: Arrows,
}

enum Arrows {
    Anything,
    Only(&'static [Arrow]),
}

/// One permitted dependency.
enum Arrow {
    To(&'static str),
    /// Behind a feature, so that it can be left out.
    Optional(&'static str),
    /// Never with this feature of it.
    Without(&'static str, &'static str),
}

/// The crates of the workspace, those that exist and those that are planned.
///
/// A new crate or arrow is entered here and in the table of docs/architecture.md.
pub(super) const CRATES: &[Crate] = &[
    published("telemetry-delivery", &[]),
    published("sls-core", &[]),
    published("sls-spl", &[]),
    published("growingio-codecs", &[]),
    published("sls-client", &[To("sls-core"), To("telemetry-delivery")]),
    published(
        "sls-consumer",
        &[To("sls-core"), Without("telemetry-delivery", "https")],
    ),
    published(
        "sls-logging",
        &[
            To("sls-core"),
            To("telemetry-delivery"),
            Optional("sls-client"),
        ],
    ),
    published(
        "growingio-tracker",
        &[To("growingio-codecs"), To("telemetry-delivery")],
    ),
    published(
        "sls-local",
        &[
            To("sls-core"),
            To("sls-spl"),
            To("growingio-codecs"),
            Without("telemetry-delivery", "https"),
        ],
    ),
    published(
        "sls-cli",
        &[
            To("sls-client"),
            To("sls-consumer"),
            To("sls-logging"),
            To("growingio-tracker"),
            To("sls-spl"),
            To("telemetry-delivery"),
            Optional("sls-local"),
        ],
    ),
    unpublished("testkit", Arrows::Only(&[To("telemetry-delivery")])),
    unpublished("suites", Arrows::Anything),
    unpublished("examples", Arrows::Anything),
    unpublished("xtask", Arrows::Only(&[])),
];

const fn published(name: &'static str, arrows: &'static [Arrow]) -> Crate {
    Crate {
        name,
        published: true,
        arrows: Arrows::Only(arrows),
    }
}

const fn unpublished(name: &'static str, arrows: Arrows) -> Crate {
    Crate {
        name,
        published: false,
        arrows,
    }
}

impl Arrow {
    const fn target(&self) -> &'static str {
        match self {
            To(name) | Optional(name) | Without(name, _) => name,
        }
    }
}

/// Where the map for readers is, and how its table of arrows begins.
const MAP: &str = "docs/architecture.md";
const TABLE_HEAD: &str = "| crate | may depend on |";

/// Checks the manifests and the map against [`CRATES`].
pub(super) fn check(packages: &[Package], files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        match find(&package.name) {
            Some(krate) => {
                findings.extend(check_package(krate, package));
                findings.extend(check_source(krate, package, files));
            }
            None => findings.push(Finding::new(
                manifest(package),
                format!(
                    "`{}` is not in the plan; add it to {MAP} and to CRATES in xtask/src/tidy/arrows.rs",
                    package.name
                ),
            )),
        }
    }
    match files.iter().find(|file| file.path == MAP) {
        Some(map) => findings.extend(check_map(&map.text)),
        None => findings.push(Finding::new(MAP, "missing; it holds the table of arrows")),
    }
    findings
}

pub(super) fn find(name: &str) -> Option<&'static Crate> {
    CRATES.iter().find(|krate| krate.name == name)
}

fn manifest(package: &Package) -> String {
    slashed(&package.folder.join("Cargo.toml"))
}

fn check_package(krate: &Crate, package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |what: String| findings.push(Finding::new(manifest(package), what));
    for dependency in package.dependencies.iter().filter(|d| d.in_workspace) {
        let name = &dependency.name;
        if dependency.kind == Kind::Dev {
            // Cargo drops a dev-dependency without a version when it packages a crate; one with a
            // version would have to be on the registry first, and it may point upward.
            if krate.published && dependency.has_version {
                find(format!(
                    "the dev-dependency `{name}` names a version; write {{ path = \"..\" }} so that the crate can be published alone"
                ));
            }
            continue;
        }
        match krate.arrow_to(name) {
            Verdict::Free => {}
            Verdict::Absent => find(format!(
                "must not depend on `{name}`; see the table of arrows in {MAP}"
            )),
            Verdict::Through(arrow) => {
                if let Some(wrong) = check_condition(arrow, dependency, package) {
                    find(wrong);
                }
            }
        }
    }
    findings
}

enum Verdict {
    Free,
    Through(&'static Arrow),
    Absent,
}

impl Crate {
    fn arrow_to(&self, name: &str) -> Verdict {
        match self.arrows {
            Arrows::Anything => Verdict::Free,
            Arrows::Only(arrows) => arrows
                .iter()
                .find(|arrow| arrow.target() == name)
                .map_or(Verdict::Absent, Verdict::Through),
        }
    }
}

fn check_condition(arrow: &Arrow, dependency: &Dependency, package: &Package) -> Option<String> {
    match arrow {
        To(_) => None,
        Optional(name) => (!dependency.optional).then(|| {
            format!("the dependency `{name}` must be optional, so that it can be left out")
        }),
        Without(name, feature) => {
            let asked = dependency.default_features
                || dependency.features.iter().any(|asked| asked == feature);
            let forwarded = package
                .features
                .values()
                .flatten()
                .any(|enables| enables.replace('?', "") == format!("{name}/{feature}"));
            (asked || forwarded).then(|| {
                format!(
                    "`{name}` is needed without its feature `{feature}`; name the features instead of taking the default ones"
                )
            })
        }
    }
}

/// A dev-dependency that points upward may be used in `tests/` and in documentation only: inside
/// `src/` it would bring a second copy of the crate into its own tests.
fn check_source(krate: &Crate, package: &Package, files: &[File]) -> Vec<Finding> {
    let upward: BTreeSet<String> = package
        .dependencies
        .iter()
        .filter(|d| d.in_workspace && d.kind == Kind::Dev && d.name != krate.name)
        .filter(|d| matches!(krate.arrow_to(&d.name), Verdict::Absent))
        .map(|d| d.name.replace('-', "_"))
        .collect();
    let source = format!("{}/src/", slashed(&package.folder));
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.path.starts_with(&source)) {
        for (index, line) in file.text.lines().enumerate() {
            let code = line.trim_start();
            if code.starts_with("//") {
                continue;
            }
            if let Some(name) = upward
                .iter()
                .find(|name| code.contains(&format!("{name}::")))
            {
                findings.push(Finding::at(
                    &file.path,
                    index + 1,
                    format!("uses the dev-dependency `{name}`; move the test to tests/"),
                ));
            }
        }
    }
    findings
}

/// The table of the map is exactly [`CRATES`], row by row.
fn check_map(map: &str) -> Option<Finding> {
    let Some(start) = map.lines().position(|line| line.trim() == TABLE_HEAD) else {
        return Some(Finding::new(
            MAP,
            format!("has no table that begins with `{TABLE_HEAD}`"),
        ));
    };
    let rows: Vec<&str> = map
        .lines()
        .skip(start + 2)
        .map(str::trim)
        .take_while(|line| line.starts_with('|'))
        .collect();
    let wanted: Vec<String> = CRATES.iter().map(row).collect();
    for (index, want) in wanted.iter().enumerate() {
        if rows.get(index) != Some(&want.as_str()) {
            return Some(Finding::at(
                MAP,
                start + 3 + index,
                format!("the table of arrows should say here: {want}"),
            ));
        }
    }
    (rows.len() > wanted.len()).then(|| {
        Finding::at(
            MAP,
            start + 3 + wanted.len(),
            "the table of arrows has a row too many; CRATES in xtask/src/tidy/arrows.rs has no such crate",
        )
    })
}

fn row(krate: &Crate) -> String {
    let arrows = match krate.arrows {
        Arrows::Anything => "anything".to_owned(),
        Arrows::Only([]) => "nothing".to_owned(),
        Arrows::Only(arrows) => arrows
            .iter()
            .map(|arrow| match arrow {
                To(name) => format!("`{name}`"),
                Optional(name) => format!("`{name}` behind a feature"),
                Without(name, feature) => format!("`{name}` without `{feature}`"),
            })
            .collect::<Vec<_>>()
            .join(", "),
    };
    format!("| `{}` | {arrows} |", krate.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: Vec<Dependency>) -> Package {
        Package {
            name: name.to_owned(),
            folder: format!("crates/{name}").into(),
            dependencies,
            ..Package::default()
        }
    }

    fn dependency(name: &str, kind: Kind) -> Dependency {
        Dependency {
            name: name.to_owned(),
            kind,
            in_workspace: true,
            ..Dependency::default()
        }
    }

    #[track_caller]
    fn check_one(package: &Package, want: Option<&str>) {
        let findings = check_package(find(&package.name).unwrap(), package);
        match (findings.first(), want) {
            (None, None) => {}
            (Some(got), Some(want)) if got.what.contains(want) => {}
            (got, want) => panic!("got {got:?}, want {want:?}"),
        }
    }

    #[test]
    fn an_arrow_of_the_table_is_allowed_and_another_is_not() {
        let core = dependency("sls-core", Kind::Normal);
        check_one(&package("sls-client", vec![core]), None);
        let spl = dependency("sls-spl", Kind::Build);
        check_one(&package("sls-client", vec![spl]), Some("must not depend"));
        let core = dependency("sls-core", Kind::Normal);
        check_one(&package("xtask", vec![core]), Some("must not depend"));
        let local = dependency("sls-local", Kind::Normal);
        check_one(&package("suites", vec![local]), None);
    }

    #[test]
    fn an_upward_dev_dependency_is_allowed_without_a_version() {
        let mut local = dependency("sls-local", Kind::Dev);
        check_one(
            &package("sls-client", vec![dependency("sls-local", Kind::Dev)]),
            None,
        );
        local.has_version = true;
        check_one(&package("sls-client", vec![local]), Some("path = "));
    }

    #[test]
    fn a_crates_io_dependency_of_the_same_name_is_not_an_arrow() {
        let mut foreign = dependency("suites", Kind::Normal);
        foreign.in_workspace = false;
        check_one(&package("sls-core", vec![foreign]), None);
    }

    #[test]
    fn a_conditional_arrow_is_held_to_its_condition() {
        let client = dependency("sls-client", Kind::Normal);
        check_one(&package("sls-logging", vec![client]), Some("optional"));

        let mut delivery = dependency("telemetry-delivery", Kind::Normal);
        check_one(
            &package(
                "sls-local",
                vec![dependency("telemetry-delivery", Kind::Normal)],
            ),
            None,
        );
        delivery.features = vec!["https".to_owned()];
        check_one(&package("sls-local", vec![delivery]), Some("without"));

        let delivery = dependency("telemetry-delivery", Kind::Normal);
        let mut forwarding = package("sls-local", vec![delivery]);
        forwarding.features.insert(
            "default".to_owned(),
            vec!["telemetry-delivery?/https".to_owned()],
        );
        check_one(&forwarding, Some("without"));
    }

    #[test]
    fn an_upward_use_inside_src_is_found_and_documentation_is_not() {
        let package = package("sls-client", vec![dependency("sls-local", Kind::Dev)]);
        let file = |path: &str, text: &str| File {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        let files = [
            file("crates/sls-client/src/lib.rs", "//! use sls_local::X;\n"),
            file("crates/sls-client/src/a.rs", "\n    use sls_local::X;\n"),
            file("crates/sls-client/tests/b.rs", "use sls_local::X;\n"),
        ];
        let findings = check_source(find("sls-client").unwrap(), &package, &files);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "crates/sls-client/src/a.rs:2");
    }

    #[test]
    fn the_map_agrees_row_by_row() {
        let mut map = format!("# Map\n\n{TABLE_HEAD}\n|---|---|\n");
        for krate in CRATES {
            map.push_str(&row(krate));
            map.push('\n');
        }
        assert_eq!(check_map(&map), None);
        assert!(check_map(&map.replace("`sls-spl` | nothing", "`sls-spl` | anything")).is_some());
        assert!(check_map(&format!("{map}| `more` | nothing |\n")).is_some());
        assert!(check_map("# Map\n").is_some());
    }

    #[test]
    fn every_arrow_leads_to_a_crate_of_the_table() {
        for krate in CRATES {
            if let Arrows::Only(arrows) = krate.arrows {
                for arrow in arrows {
                    assert!(find(arrow.target()).is_some(), "{}", arrow.target());
                }
            }
        }
    }
}
