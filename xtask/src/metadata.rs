//! What cargo knows about the crates of this workspace, as far as the commands need it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::Result;
use crate::workspace::Workspace;

/// One crate of the workspace.
#[derive(Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The crate's folder, relative to the root of the repository.
    pub(crate) folder: PathBuf,
    /// Whether the manifest lets the crate be published.
    pub(crate) publishable: bool,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) rust_version: Option<String>,
    pub(crate) readme: Option<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) features: BTreeMap<String, Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a dependency table.
#[derive(Debug, Default)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Whether the dependency is a folder of this repository.
    pub(crate) in_workspace: bool,
    /// Whether a version is named, here or in the workspace's table.
    pub(crate) has_version: bool,
    pub(crate) optional: bool,
    pub(crate) default_features: bool,
    pub(crate) features: Vec<String>,
}

/// What a dependency is needed for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    #[default]
    Normal,
    Build,
    Dev,
}

/// Asks cargo for the crates of the workspace, sorted by name.
pub(crate) fn read(workspace: &Workspace) -> Result<Vec<Package>> {
    let json =
        workspace.read(&mut workspace.cargo(["metadata", "--format-version", "1", "--no-deps"]))?;
    parse(&json)
}

fn parse(json: &str) -> Result<Vec<Package>> {
    let metadata: Value = serde_json::from_str(json)?;
    let root = PathBuf::from(text(&metadata["workspace_root"]));
    let mut packages: Vec<_> = list(&metadata["packages"])
        .iter()
        .map(|value| package(&root, value))
        .collect();
    if packages.is_empty() {
        return Err("cargo metadata names no crate".into());
    }
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(packages)
}

fn package(root: &Path, value: &Value) -> Package {
    let manifest = PathBuf::from(text(&value["manifest_path"]));
    let folder = manifest.parent().unwrap_or(&manifest);
    Package {
        name: text(&value["name"]),
        folder: folder.strip_prefix(root).unwrap_or(folder).to_path_buf(),
        // `null` allows every registry, a list the ones it names.
        publishable: value["publish"]
            .as_array()
            .is_none_or(|registries| !registries.is_empty()),
        description: optional_text(&value["description"]),
        license: optional_text(&value["license"]),
        rust_version: optional_text(&value["rust_version"]),
        readme: optional_text(&value["readme"]),
        keywords: texts(&value["keywords"]),
        categories: texts(&value["categories"]),
        features: value["features"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, enables)| (name.clone(), texts(enables)))
            .collect(),
        dependencies: list(&value["dependencies"])
            .iter()
            .map(dependency)
            .collect(),
    }
}

fn dependency(value: &Value) -> Dependency {
    Dependency {
        name: text(&value["name"]),
        kind: match value["kind"].as_str() {
            Some("build") => Kind::Build,
            Some("dev") => Kind::Dev,
            _ => Kind::Normal,
        },
        in_workspace: value["path"].is_string(),
        has_version: value["req"].as_str().is_some_and(|req| req != "*"),
        optional: value["optional"].as_bool().unwrap_or(false),
        default_features: value["uses_default_features"].as_bool().unwrap_or(true),
        features: texts(&value["features"]),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn optional_text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_with_its_dependencies() {
        let json = r#"{
            "workspace_root": "/w",
            "packages": [{
                "name": "a", "manifest_path": "/w/crates/a/Cargo.toml", "publish": null,
                "description": "A thing", "keywords": ["k"], "features": {"default": ["https"]},
                "dependencies": [
                    {"name": "b", "kind": null, "path": "/w/crates/b", "req": "^0.1.0",
                     "optional": true, "uses_default_features": false, "features": ["f"]},
                    {"name": "c", "kind": "dev", "path": "/w/crates/c", "req": "*"},
                    {"name": "bytes", "kind": "build", "req": "^1.0"}
                ]
            }]
        }"#;
        let packages = parse(json).unwrap();
        let a = &packages[0];
        assert_eq!(a.folder, PathBuf::from("crates/a"));
        assert!(a.publishable);
        assert_eq!(a.features["default"], ["https"]);

        let [b, c, bytes] = a.dependencies.as_slice() else {
            panic!("three dependencies")
        };
        assert!(b.in_workspace && b.has_version && b.optional && !b.default_features);
        assert_eq!(b.kind, Kind::Normal);
        assert!(c.in_workspace && !c.has_version && c.default_features);
        assert_eq!(c.kind, Kind::Dev);
        assert!(!bytes.in_workspace);
        assert_eq!(bytes.kind, Kind::Build);
    }

    #[test]
    fn an_empty_registry_list_means_not_published() {
        let json = r#"{"workspace_root": "/w", "packages": [{"name": "a", "publish": []}]}"#;
        assert!(!parse(json).unwrap()[0].publishable);
    }
}
