//! `cargo xtask codegen`: protobuf schemas to Rust.
//!
//! ```text
//! proto/sls/v1/*.proto --protox--> descriptors --prost-build--> text --rustfmt--> generated/
//! ```
//!
//! The result is committed, so nobody needs this command to build a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};

use lexopt::Arg;
use prost_build::Module;

use crate::command::{Command, Outcome, Result};
use crate::files::slashed;
use crate::workspace::Workspace;

/// Who owns which schemas: the folder below `proto/`, and the crate its code goes to.
///
/// A schema folder has one owner. A new one needs a line here and a `mod generated;` there.
const OWNERS: &[(&str, &str)] = &[("growingio/v3", "growingio-codecs"), ("sls/v1", "sls-core")];

pub(crate) const COMMAND: Command = Command {
    name: "codegen",
    usage: "[--check]",
    about: "Compile the protobuf schemas in proto/ to Rust",
    help: "\
Each schema folder has one owner, whose src/generated/ is rewritten; commit the result.
Comments of a schema become the documentation of the generated types.

  --check   write nothing; fail when something would change, and say what",
    run,
};

/// File contents by path below the root of the repository.
type Tree = BTreeMap<PathBuf, String>;

fn run(workspace: &Workspace, mut args: lexopt::Parser) -> Result<Outcome> {
    let mut check = false;
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("check") => check = true,
            _ => return Err(arg.unexpected().into()),
        }
    }

    let wanted = generate(workspace.root())?;
    let present = committed(workspace.root())?;
    let changes = compare(&present, &wanted);
    if changes.is_empty() {
        println!("codegen: {} files are up to date", wanted.len());
        return Ok(Outcome::Done);
    }
    for change in &changes {
        println!("{change}");
    }
    if check {
        return Err(format!(
            "{} generated files differ from the schemas; run `cargo xtask codegen` and commit",
            changes.len()
        )
        .into());
    }
    write(workspace.root(), &present, &wanted)?;
    Ok(Outcome::Done)
}

/// What the generated folders should contain.
fn generate(root: &Path) -> Result<Tree> {
    let schemas = root.join("proto");
    refuse_orphans(&schemas)?;

    let mut tree = Tree::new();
    let mut modules: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for &(folder, owner) in OWNERS {
        for (module, code) in compile(&schemas, folder)? {
            let path = folder_of(owner).join(format!("{module}.rs"));
            let text = rustfmt(root, &format!("{}\n{code}", header(folder)))?;
            if tree.insert(path, text).is_some() {
                return Err(format!("two schema folders of {owner} share a package name").into());
            }
            modules.entry(owner).or_default().insert(module);
        }
    }
    for (owner, modules) in modules {
        tree.insert(
            folder_of(owner).join("mod.rs"),
            rustfmt(root, &contents_page(&modules))?,
        );
    }
    Ok(tree)
}

/// Compiles the schemas of one folder; the names of the results are package names as Rust has them.
fn compile(schemas: &Path, folder: &str) -> Result<Vec<(String, String)>> {
    let files = protos_in(&schemas.join(folder))?;
    let set = protox::compile(&files, [schemas])?;

    // Imports are part of the set; only what the folder itself declares becomes code.
    let prefix = format!("{folder}/");
    let own = set
        .file
        .into_iter()
        .filter(|file| file.name().starts_with(&prefix));
    let mut requests = Vec::new();
    for file in own {
        if file.package().is_empty() {
            return Err(format!("proto/{}: needs a `package` line", file.name()).into());
        }
        requests.push((Module::from_protobuf_package_name(file.package()), file));
    }

    let code = prost_build::Config::new().generate(requests)?;
    Ok(code
        .into_iter()
        .map(|(module, code)| (module.parts().collect::<Vec<_>>().join("_"), code))
        .collect())
}

/// Every schema has an owner: a folder with schemas that the table does not know is an error.
fn refuse_orphans(schemas: &Path) -> Result<()> {
    let mut open = vec![schemas.to_path_buf()];
    while let Some(folder) = open.pop() {
        let name = slashed(folder.strip_prefix(schemas)?);
        let owned = OWNERS.iter().any(|(schemas, _)| *schemas == name);
        if !owned && !protos_in(&folder)?.is_empty() {
            return Err(format!(
                "proto/{name}: no crate owns these schemas; add a line to OWNERS in xtask/src/codegen.rs"
            )
            .into());
        }
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(())
}

/// The schemas directly in `folder`, sorted so that the result does not depend on the file system.
fn protos_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn header(folder: &str) -> String {
    format!("// Generated by `cargo xtask codegen` from proto/{folder}; edits are lost.\n")
}

fn contents_page(modules: &BTreeSet<String>) -> String {
    let mut text = String::from(
        "// Generated by `cargo xtask codegen`; edits are lost.\n\
         \n\
         //! The wire schemas as prost types, private to this crate.\n\
         \n\
         #![allow(\n\
             clippy::all, clippy::nursery, clippy::pedantic, clippy::restriction,\n\
             dead_code, missing_debug_implementations, missing_docs, unreachable_pub,\n\
             unused_qualifications,\n\
             reason = \"the generator's style is not ours to choose\"\n\
         )]\n\
         \n",
    );
    for module in modules {
        text.push_str(&format!("pub(crate) mod {module};\n"));
    }
    text
}

/// The folder of the repository that only this command writes.
fn folder_of(owner: &str) -> PathBuf {
    ["crates", owner, "src", "generated"].iter().collect()
}

fn rustfmt(root: &Path, code: &str) -> Result<String> {
    let program = std::env::var_os("RUSTFMT").unwrap_or_else(|| "rustfmt".into());
    let mut child = Process::new(program)
        .arg("--config-path")
        .arg(root.join("rustfmt.toml"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| {
            format!("cannot run rustfmt ({error}); `rustup component add rustfmt` installs it")
        })?;
    if let Some(mut stdin) = child.stdin.take() {
        // rustfmt reads all of its input before it writes, so this cannot fill a pipe both ways.
        stdin.write_all(code.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err("rustfmt refused the generated code".into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// What the generated folders contain now.
fn committed(root: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    for owner in OWNERS
        .iter()
        .map(|(_, owner)| *owner)
        .collect::<BTreeSet<_>>()
    {
        let folder = folder_of(owner);
        let entries = match fs::read_dir(root.join(&folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            // A checkout may have given the file the line ends of its platform.
            let text = fs::read_to_string(entry.path())?.replace("\r\n", "\n");
            tree.insert(folder.join(entry.file_name()), text);
        }
    }
    Ok(tree)
}

/// One line per file that differs, with the first line that does.
fn compare(present: &Tree, wanted: &Tree) -> Vec<String> {
    let mut changes = Vec::new();
    for (path, text) in wanted {
        let name = slashed(path);
        match present.get(path) {
            None => changes.push(format!("{name}: new")),
            Some(old) if old == text => {}
            Some(old) => changes.push(format!("{name}: {}", first_difference(old, text))),
        }
    }
    for path in present.keys().filter(|path| !wanted.contains_key(*path)) {
        changes.push(format!("{}: no schema makes this file", slashed(path)));
    }
    changes
}

fn first_difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let at = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let line = |lines: &[&str]| {
        lines
            .get(at)
            .map_or("end of file", |line| line.trim())
            .to_owned()
    };
    format!(
        "differs from line {} on ({} lines before, {} after)\n  before: {}\n  after:  {}",
        at + 1,
        old.len(),
        new.len(),
        line(&old),
        line(&new)
    )
}

fn write(root: &Path, present: &Tree, wanted: &Tree) -> Result<()> {
    for (path, text) in wanted {
        if present.get(path) == Some(text) {
            continue;
        }
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, text)?;
    }
    for path in present.keys().filter(|path| !wanted.contains_key(*path)) {
        fs::remove_file(root.join(path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> Tree {
        files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn equal_trees_have_no_changes() {
        let same = tree(&[("a.rs", "x\n"), ("b.rs", "y\n")]);
        assert_eq!(compare(&same, &same), Vec::<String>::new());
    }

    #[test]
    fn a_change_names_the_file_and_its_first_different_line() {
        let before = tree(&[("a.rs", "one\ntwo\n"), ("old.rs", "")]);
        let after = tree(&[("a.rs", "one\n2\nthree\n"), ("new.rs", "")]);
        assert_eq!(
            compare(&before, &after),
            [
                "a.rs: differs from line 2 on (2 lines before, 3 after)\n  before: two\n  after:  2",
                "new.rs: new",
                "old.rs: no schema makes this file",
            ]
        );
    }

    #[test]
    fn a_shorter_file_differs_at_its_end() {
        assert!(first_difference("one\ntwo\n", "one\n").contains("after:  end of file"));
    }
}
