//! Folders that are refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use suites::clients::Result;
use suites::clients::program::Program as Process;
use suites::clients::table::{Subject, Table};

use crate::server::{self, Program};

const STORE: &str = "store.redb";

pub(crate) async fn check(table: &mut Table, program: &Program) {
    let server = Subject::server();
    let name = "a damaged folder is refused";
    table.check(&server, name, damaged(program)).await;
    let name = "a folder in use is refused";
    table.check(&server, name, in_use(program)).await;
    let name = "a folder of nothing it knows is refused";
    table.check(&server, name, foreign(program)).await;
}

/// A folder that a server made and ended in order.
async fn made(program: &Program) -> Result<tempfile::TempDir> {
    let folder = server::folder()?;
    let server = program.start(folder.path(), &[]).await?;
    server.client().project(server::PROJECT).create("").await?;
    server.stop().await?;
    Ok(folder)
}

async fn damaged(program: &Program) -> Result<u64> {
    let folder = made(program).await?;
    let store = folder.path().join(STORE);
    let whole = fs::read(&store)?;
    let mut header = whole.clone();
    header[..64].fill(0xAA);
    let mut pages = whole.clone();
    pages[4096..].fill(0xAA);
    let cases = [
        ("empty", Vec::new()),
        ("cut short", whole[..whole.len() / 3].to_vec()),
        ("a broken header", header),
        ("broken pages", pages),
    ];
    let count = cases.len() as u64;
    for (name, bytes) in cases {
        fs::write(&store, &bytes)?;
        refused(program, folder.path(), "damaged")
            .await
            .map_err(|error| format!("{name}: {error}"))?;
        if fs::read(&store)? != bytes {
            return Err(format!("{name}: the refused file was changed").into());
        }
    }
    fs::write(&store, whole)?;
    let server = program.start(folder.path(), &[]).await?;
    server.client().project(server::PROJECT).get().await?;
    server.stop().await?;
    Ok(count)
}

async fn in_use(program: &Program) -> Result<u64> {
    let folder = server::folder()?;
    let first = program.start(folder.path(), &[]).await?;
    refused(program, folder.path(), "another server uses it").await?;
    first.kill().await?;
    let second = program.start(folder.path(), &[]).await?;
    second.stop().await?;
    Ok(2)
}

async fn foreign(program: &Program) -> Result<u64> {
    let folder = server::folder()?;
    fs::write(
        folder.path().join(STORE),
        "notes that nobody wants to lose".repeat(500),
    )?;
    refused(program, folder.path(), "damaged").await?;
    Ok(1)
}

/// Checks that the program says why on one line, with the folder's name, and ends with 1.
pub(crate) async fn refused(program: &Program, folder: &Path, why: &str) -> Result<()> {
    let mut command = Command::new("sh");
    let script = r#""$0" --listen 127.0.0.1:0 --data "$1" 2>&1"#;
    command.args(["-c", script]).arg(program.path()).arg(folder);
    let ended = Process::new(command).end().await?;
    let last = ended.printed.trim().lines().last().unwrap_or_default();
    let name = folder.display().to_string();
    let right = ended.code == 1
        && last.starts_with("sls-local: cannot use the data folder")
        && last.contains(&name)
        && last.contains(why);
    if right {
        return Ok(());
    }
    Err(format!("ended with {}: {}", ended.code, ended.printed).into())
}
