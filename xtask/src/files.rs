//! The text files of the repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::Result;

/// A text file, read.
#[derive(Debug)]
pub(crate) struct File {
    /// Relative to the root of the repository, with `/` between the parts.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// What follows the last dot of the name; empty when there is none.
    pub(crate) fn extension(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }

    /// Recorded from other implementations and kept as they are.
    pub(crate) fn is_recorded(&self) -> bool {
        self.path.starts_with("crates/testkit/vectors/")
    }

    /// Written by `cargo xtask codegen`.
    pub(crate) fn is_generated(&self) -> bool {
        self.path.contains("/src/generated/")
    }
}

/// Folders with a leading dot that belong to the repository; others belong to someone's tools.
const DOT_FOLDERS: &[&str] = &[".cargo", ".ci", ".github"];

/// Folders that programs write into, see `.gitignore`.
const OUTPUT_FOLDERS: &[&str] = &["target", "artifacts"];

/// Reads every text file below `root`, in the order of their paths.
pub(crate) fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            if kind.is_dir() {
                let foreign = name.starts_with('.') && !DOT_FOLDERS.contains(&name.as_str());
                if !foreign && !OUTPUT_FOLDERS.contains(&name.as_str()) {
                    open.push(entry.path());
                }
            } else if kind.is_file() && name != ".git" {
                // What is not UTF-8 is not text, and nothing here has an opinion about it.
                if let Ok(text) = String::from_utf8(fs::read(entry.path())?) {
                    let path = slashed(entry.path().strip_prefix(root)?);
                    files.push(File { path, text });
                }
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// The path with `/` between its parts on every platform.
pub(crate) fn slashed(path: &Path) -> String {
    path.iter()
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}

/// The path with every `.` and `..` resolved by their meaning alone; nothing when it leaves the
/// folder it starts from.
pub(crate) fn resolved(path: &str) -> Option<PathBuf> {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_dot_is_not_an_extension_by_itself() {
        let file = |path: &str| File {
            path: path.to_owned(),
            text: String::new(),
        };
        assert_eq!(file("crates/a/src/lib.rs").extension(), "rs");
        assert_eq!(file(".ci/run").extension(), "");
        assert_eq!(file("LICENSE-MIT").extension(), "");
    }

    #[test]
    fn a_path_that_leaves_the_repository_is_not_resolved() {
        assert_eq!(resolved("docs/../README.md"), Some("README.md".into()));
        assert_eq!(resolved("docs/./a/b.md"), Some("docs/a/b.md".into()));
        assert_eq!(resolved("docs/../../README.md"), None);
    }
}
