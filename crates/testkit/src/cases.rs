use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// A recorded case: one JSON file.
#[derive(Debug, Clone)]
pub struct Case {
    /// The file's path below the folder of its set, with slashes.
    pub file: String,
    /// What is in it.
    pub json: Value,
}

/// The folder of one of the project's own sets: `sls`, `spl` or `growingio`.
pub fn vectors(set: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(set)
}

/// Every `*.json` file below a folder, in the order of their paths.
///
/// # Errors
/// What could not be read, with its path in the text.
pub fn cases_below(folder: &Path) -> io::Result<Vec<Case>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let text = fs::read(&path).map_err(|cause| at(&path, cause))?;
            let json = serde_json::from_slice(&text).map_err(|cause| at(&path, cause.into()))?;
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let file = below.to_string_lossy().replace('\\', "/");
            Ok(Case { file, json })
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder).map_err(|cause| at(folder, cause))? {
        let path = entry.map_err(|cause| at(folder, cause))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "json") {
            files.push(path);
        }
    }
    Ok(())
}

fn at(path: &Path, cause: io::Error) -> io::Error {
    io::Error::new(cause.kind(), format!("{}: {cause}", path.display()))
}
