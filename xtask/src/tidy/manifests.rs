//! What a manifest says about its crate, and the files that lie beside it.

use std::path::Path;

use super::{Finding, arrows};
use crate::files::{File, slashed};
use crate::metadata::Package;

/// Files the root of the repository must have.
const AT_THE_ROOT: &[&str] = &["README.md", "LICENSE-APACHE", "LICENSE-MIT"];

pub(super) fn check(root: &Path, packages: &[Package], files: &[File]) -> Vec<Finding> {
    let mut findings: Vec<_> = AT_THE_ROOT
        .iter()
        .filter(|name| !root.join(name).exists())
        .map(|name| Finding::new(*name, "missing"))
        .collect();
    for package in packages {
        // A crate that is not in the plan already has a finding of its own.
        let Some(krate) = arrows::find(&package.name) else {
            continue;
        };
        let text = |name: &str| {
            let path = slashed(&package.folder.join(name));
            files
                .iter()
                .find(|file| file.path == path)
                .map(|file| file.text.as_str())
        };
        findings.extend(check_lints(package, text("Cargo.toml")));
        if krate.published {
            findings.extend(check_published(package));
            findings.extend(check_front_page(package, &text));
            findings.extend(check_changelog(package, text("CHANGELOG.md")));
        } else if package.publishable {
            findings.push(finding(package, "must say `publish = false`"));
        }
    }
    findings
}

fn finding(package: &Package, what: impl Into<String>) -> Finding {
    Finding::new(slashed(&package.folder.join("Cargo.toml")), what)
}

fn check_lints(package: &Package, manifest: Option<&str>) -> Option<Finding> {
    let lines: Vec<&str> = manifest?.lines().map(str::trim).collect();
    let inherits = lines.contains(&"lints.workspace = true")
        || lines
            .windows(2)
            .any(|pair| pair == ["[lints]", "workspace = true"]);
    (!inherits).then(|| finding(package, "must say `[lints]` and `workspace = true`"))
}

fn check_published(package: &Package) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |what: &str| findings.push(finding(package, what));
    if !package.publishable {
        find("is a published crate of the plan; remove `publish = false`");
    }
    if package.description.as_deref().is_none_or(str::is_empty) {
        find("needs a `description`");
    }
    if package.license.is_none() {
        find("needs `license.workspace = true`");
    }
    if package.rust_version.is_none() {
        find("needs `rust-version.workspace = true`");
    }
    // The registry refuses more than five, and keywords longer than twenty letters.
    if !(1..=5).contains(&package.keywords.len()) || package.keywords.iter().any(|k| k.len() > 20) {
        find("needs one to five `keywords` of at most twenty letters");
    }
    if !(1..=5).contains(&package.categories.len()) {
        find("needs one to five `categories`");
    }
    findings
}

fn check_front_page<'a>(
    package: &Package,
    text: &impl Fn(&str) -> Option<&'a str>,
) -> Option<Finding> {
    match package.readme.as_deref() {
        None => Some(finding(package, "needs `readme = \"README.md\"`")),
        Some(name) if text(name).is_none_or(|page| page.trim().is_empty()) => Some(finding(
            package,
            format!("names `{name}` as its readme, which is missing or empty"),
        )),
        Some(_) => None,
    }
}

fn check_changelog(package: &Package, changelog: Option<&str>) -> Option<Finding> {
    let what = match changelog {
        None => "missing; start it with a heading \"Unreleased\"",
        Some(text) if !has_unreleased(text) => "needs a heading \"Unreleased\", always",
        Some(_) => return None,
    };
    let path = slashed(&package.folder.join("CHANGELOG.md"));
    Some(Finding::new(path, what))
}

fn has_unreleased(changelog: &str) -> bool {
    changelog
        .lines()
        .any(|line| line.starts_with("##") && line.to_lowercase().contains("unreleased"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> Package {
        Package {
            name: "sls-core".to_owned(),
            folder: "crates/sls-core".into(),
            publishable: true,
            description: Some("A thing".to_owned()),
            license: Some("MIT OR Apache-2.0".to_owned()),
            rust_version: Some("1.85".to_owned()),
            readme: Some("README.md".to_owned()),
            keywords: vec!["sls".to_owned()],
            categories: vec!["encoding".to_owned()],
            ..Package::default()
        }
    }

    #[test]
    fn a_complete_manifest_has_no_findings() {
        assert_eq!(check_published(&complete()), []);
    }

    #[test]
    fn each_missing_entry_is_a_finding() {
        let bare = Package {
            name: "sls-core".to_owned(),
            ..Package::default()
        };
        assert_eq!(check_published(&bare).len(), 6);
    }

    #[test]
    fn six_keywords_are_too_many() {
        let mut package = complete();
        package.keywords = vec!["k".to_owned(); 6];
        assert_eq!(check_published(&package).len(), 1);
    }

    #[test]
    fn an_empty_front_page_is_a_finding() {
        assert!(check_front_page(&complete(), &|_| Some("# sls-core\n")).is_none());
        assert!(check_front_page(&complete(), &|_| Some("\n")).is_some());
        assert!(check_front_page(&complete(), &|_| None).is_some());
    }

    #[test]
    fn the_lints_table_is_inherited_in_either_spelling() {
        let package = complete();
        assert!(check_lints(&package, Some("[lints]\nworkspace = true\n")).is_none());
        assert!(check_lints(&package, Some("lints.workspace = true\n")).is_none());
        assert!(check_lints(&package, Some("[dependencies]\n")).is_some());
    }

    #[test]
    fn a_changelog_keeps_its_unreleased_heading() {
        assert!(has_unreleased("# Changelog\n\n## [Unreleased]\n"));
        assert!(has_unreleased("# Changelog\n\n## Unreleased\n"));
        assert!(!has_unreleased("# Changelog\n\n## 0.1.0\nUnreleased\n"));
    }
}
