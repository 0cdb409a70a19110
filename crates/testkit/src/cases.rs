use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tally::{Outcome, Tally};

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
/// A file that is not JSON is noted as failed and left out.
///
/// # Errors
/// When a folder or file cannot be read, with its path in the text, and when there is no
/// such file at all: a set without cases would pass whatever was broken.
pub fn cases_below(folder: &Path, tally: &mut Tally) -> io::Result<Vec<Case>> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    if files.is_empty() {
        let none = io::Error::new(io::ErrorKind::NotFound, "there is no case in this folder");
        return Err(at(folder, none));
    }
    files.sort();
    let mut cases = Vec::new();
    for path in files {
        let text = fs::read(&path).map_err(|cause| at(&path, cause))?;
        let below = path.strip_prefix(folder).unwrap_or(&path);
        let file = below.to_string_lossy().replace('\\', "/");
        match serde_json::from_slice(&text) {
            Ok(json) => cases.push(Case { file, json }),
            Err(cause) => tally.note(file, Outcome::Failed(format!("not JSON: {cause}"))),
        }
    }
    Ok(cases)
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
