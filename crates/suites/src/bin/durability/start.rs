//! What a start takes: time, and reading.

use std::path::Path;
use std::time::Duration;

use sls_client::LogstoreHandle;
use sls_core::model::{CursorPosition, Log, LogGroup, LogstoreConfig, ShardId};
use sls_core::wire::EncodedGroup;
use suites::clients::Result;
use suites::clients::table::{Subject, Table};
use tokio::time::Instant;

use crate::server::{self, LOGSTORE, PROJECT, Program, Server};

/// Where what is put begins.
pub(crate) const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
/// One put.
const GROUP: usize = 2 << 20;
/// Nothing is read through, however much there is and however the server ended: a start reads one
/// in so many of the bytes that are stored, at most. How long that takes depends on the machine.
const READ_ONE_IN: u64 = 8;
/// Where the system does not tell what was read, a machine at rest needs a hundredth of this.
const QUICK: Duration = Duration::from_secs(5);

pub(crate) async fn check(table: &mut Table, program: &Program, mib: u64) {
    let name = format!("a start with {mib} MiB reads little after an orderly end and after a kill");
    let result = quick(program, mib).await;
    table.add(&Subject::server(), name, result);
}

async fn quick(program: &Program, mib: u64) -> Result<u64> {
    let folder = server::folder()?;
    let server = program.start(folder.path(), &[]).await?;
    server.client().project(PROJECT).create("").await?;
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    server.logstore().create(config).await?;
    let mut random = SEED;
    let groups = fill(&server.logstore(), mib, &mut random).await?;
    let began = Instant::now();
    server.stop().await?;
    let stopped = began.elapsed();
    let (server, after_stop) = timed(program, folder.path()).await?;
    let read = bytes_read(&server);
    check_end(&server).await?;
    // Or else there is nothing that could have been left half done.
    server.logstore().put(&group(&mut random)).await?;
    server.kill().await?;
    let (server, after_kill) = timed(program, folder.path()).await?;
    let read_after_kill = bytes_read(&server);
    check_end(&server).await?;
    server.stop().await?;
    println!(
        "start: with {mib} MiB stored, ended in {} ms, ready after {} ms, and after a kill {} ms; \
         the first read {read:?} bytes, the second {read_after_kill:?}",
        stopped.as_millis(),
        after_stop.as_millis(),
        after_kill.as_millis(),
    );
    for (end, took, read) in [
        ("an orderly end", after_stop, read),
        ("a kill", after_kill, read_after_kill),
    ] {
        let is_quick = match read {
            Some(read) => read <= (mib << 20) / READ_ONE_IN,
            None => took <= QUICK,
        };
        if !is_quick {
            return Err(format!("ready {took:?} after {end}, and {read:?} bytes").into());
        }
    }
    Ok(groups)
}

/// Puts so much, and tells how many groups that were.
pub(crate) async fn fill(logstore: &LogstoreHandle, mib: u64, random: &mut u64) -> Result<u64> {
    let groups = mib * (1 << 20) / GROUP as u64;
    for _ in 0..groups {
        logstore.put(&group(random)).await?;
    }
    Ok(groups)
}

async fn timed(program: &Program, folder: &Path) -> Result<(Server, Duration)> {
    let began = Instant::now();
    let server = program.start(folder, &[]).await?;
    Ok((server, began.elapsed()))
}

/// How many bytes it has read from files so far, as Linux tells it.
fn bytes_read(server: &Server) -> Option<u64> {
    let id = server.process().id()?;
    let text = std::fs::read_to_string(format!("/proc/{id}/io")).ok()?;
    let read = text.lines().find_map(|line| line.strip_prefix("rchar:"))?;
    read.trim().parse().ok()
}

/// The last position can be asked for, so the shard is there.
async fn check_end(server: &Server) -> Result<()> {
    let logstore = server.logstore();
    let begin = logstore.cursor(ShardId(0), CursorPosition::Begin).await?;
    let end = logstore.cursor(ShardId(0), CursorPosition::End).await?;
    if begin == end {
        return Err("nothing is stored".into());
    }
    Ok(())
}

/// Letters that no compression makes much of.
fn group(random: &mut u64) -> EncodedGroup {
    let mut text = String::with_capacity(GROUP);
    while text.len() < GROUP / 2 {
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        text.extend(
            random
                .to_le_bytes()
                .map(|byte| char::from(b' ' + byte % 95)),
        );
    }
    let logs = text.as_bytes().chunks(64 << 10);
    let logs = logs.map(|part| Log::at(1).with("text", String::from_utf8_lossy(part).into_owned()));
    let mut logs: Vec<_> = logs.collect();
    logs.extend(logs.clone());
    EncodedGroup::from(&LogGroup::new(logs))
}
