//! What must not be in a file.

use super::Finding;
use crate::files::File;

/// A file that passes this usually hides a second idea.
const LONGEST: usize = 800;

/// Files that may be longer, and why. Remove an entry when its file has become shorter.
const LONG_FILES: &[(&str, &str)] = &[];

/// What people write and read; data and licences may be as long as they are.
const WRITTEN_BY_HAND: &[&str] = &[
    "rs", "md", "toml", "proto", "yml", "yaml", "py", "sh", "js", "css", "html",
];

/// Traces of work that was not finished, and where it is described how to leave them.
///
/// In halves, so that this file does not find itself.
const LEFT_UNDONE: &[(&str, &str)] = &[
    (concat!("todo", "!("), "finish it"),
    (concat!("unimplemented", "!("), "finish it"),
    (
        concat!("#[", "ignore"),
        "make the test pass or move it to a suite",
    ),
    (
        concat!("FIX", "ME"),
        "fix it, or state the condition that would let someone do it",
    ),
    (
        concat!("X", "XX"),
        "fix it, or state the condition that would let someone do it",
    ),
];

/// Folders below `/` that exist on somebody's machine only.
const MACHINE_FOLDERS: &[&str] = &["work", "farm", "root", "home"];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.is_recorded()) {
        findings.extend(check_length(file, LONG_FILES));
        findings.extend(check_lines(file));
    }
    for (path, _) in LONG_FILES {
        if !files.iter().any(|file| file.path == *path) {
            findings.push(Finding::new(
                *path,
                "is gone; remove it from LONG_FILES in xtask/src/tidy/source.rs",
            ));
        }
    }
    findings
}

fn check_length(file: &File, long_files: &[(&str, &str)]) -> Option<Finding> {
    if file.is_generated() || !WRITTEN_BY_HAND.contains(&file.extension()) {
        return None;
    }
    let lines = file.text.lines().count();
    let excused = long_files.iter().any(|(path, _)| *path == file.path);
    match (lines > LONGEST, excused) {
        (true, false) => Some(Finding::new(
            &file.path,
            format!(
                "{lines} lines; look for the second idea in it, or give a reason in LONG_FILES in xtask/src/tidy/source.rs"
            ),
        )),
        (false, true) => Some(Finding::new(
            &file.path,
            format!("{lines} lines; it no longer needs its entry in LONG_FILES"),
        )),
        _ => None,
    }
}

fn check_lines(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let mut find = |what: String| findings.push(Finding::at(&file.path, index + 1, what));
        if let Some(folder) = machine_folder(line) {
            find(format!(
                "`/{folder}/` is a place on one machine; use a relative path"
            ));
        }
        if is_conflict_mark(line) {
            find("a conflict was committed; keep one side or both".to_owned());
        }
        if file.extension() == "rs" {
            for (mark, what_to_do) in LEFT_UNDONE {
                if line.contains(mark) {
                    find(format!("`{mark}`: {what_to_do}"));
                }
            }
        }
    }
    findings
}

/// The first or last line that git writes around two versions of a place.
fn is_conflict_mark(line: &str) -> bool {
    ["<", ">"].iter().any(|side| {
        let rest = line.strip_prefix(&side.repeat(7));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    })
}

/// The first machine's folder that a path in the line begins with.
fn machine_folder(line: &str) -> Option<&'static str> {
    MACHINE_FOLDERS.iter().copied().find(|folder| {
        line.match_indices(&format!("/{folder}/"))
            .any(|(at, _)| !line[..at].ends_with(continues_a_path))
    })
}

/// Whether a slash after this letter is in the middle of a path and not at its beginning.
fn continues_a_path(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '/' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> File {
        File {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_machines_path_is_found_at_its_beginning_only() {
        let place = |before: &str| format!("{before}/{}/x", "home");
        assert_eq!(machine_folder(&place("")), Some("home"));
        assert_eq!(machine_folder(&place("see `")), Some("home"));
        assert_eq!(machine_folder(&place("../data")), None);
        assert_eq!(machine_folder(&place("https://example.com")), None);
        assert_eq!(machine_folder(&place("a path with ü")), Some("home"));
    }

    #[test]
    fn unfinished_work_is_found_in_rust_files() {
        let text = format!("fn f() {{\n    {}\n}}\n", concat!("todo", "!()"));
        let findings = check_lines(&file("crates/a/src/lib.rs", &text));
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "crates/a/src/lib.rs:2");
        assert_eq!(check_lines(&file("notes.md", &text)), []);
    }

    #[test]
    fn a_committed_conflict_is_found() {
        let text = format!(
            "{} HEAD\na\n=======\nb\n{} b\n",
            "<".repeat(7),
            ">".repeat(7)
        );
        assert_eq!(check_lines(&file("a.md", &text)).len(), 2);
        assert_eq!(check_lines(&file("a.md", "a <<<<<<< b\n=======\n")), []);
    }

    #[test]
    fn a_long_file_needs_a_reason() {
        let long = "\n".repeat(LONGEST + 1);
        let none: &[(&str, &str)] = &[];
        let here: &[(&str, &str)] = &[("a.rs", "one table")];
        assert!(check_length(&file("a.rs", &long), none).is_some());
        assert!(check_length(&file("a.rs", &long), here).is_none());
        assert!(check_length(&file("a.rs", "\n"), here).is_some());
        assert!(check_length(&file("a.log", &long), none).is_none());
        assert!(check_length(&file("crates/a/src/generated/b.rs", &long), none).is_none());
    }
}
