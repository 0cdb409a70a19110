//! A disk without room.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use sls_core::model::{CursorPosition, Log, LogGroup, LogstoreConfig, ShardId};
use sls_core::service::{Pull, ShardReader};
use sls_core::wire::EncodedGroup;
use sls_core::{Error, ErrorCode};
use suites::clients::Result;
use suites::clients::program::Program as Process;
use suites::clients::server::ServerProcess;
use suites::clients::skip::Skip;
use suites::clients::table::{Subject, Table};

use tokio::time::Instant;

use crate::server::{self, LOGSTORE, PROJECT, Program, Server};

/// One put.
const GROUP: usize = 512 << 10;
/// How many puts are refused one after the other, and how long that may take: a try for each
/// would be seconds for each.
const REFUSED: usize = 50;
const REFUSED_WITHIN: Duration = Duration::from_secs(20);
/// The longest pause between two tries, and the try.
const RECOVERED_WITHIN: Duration = Duration::from_secs(30);
/// More than fit on either of the small disks.
const MOST: usize = 1000;

pub(crate) async fn check(table: &mut Table, program: &Program) {
    let server = Subject::server();
    let name = "a full disk refuses, reads on and recovers";
    match SmallDisk::mount() {
        Ok(disk) => {
            let result = fills_up(program, &disk).await;
            table.add(&server, name, result);
            disk.unmount();
        }
        Err(why) => {
            Skip::new(format!("no small disk can be made here: {why}")).tell(name);
            table.skip(&server, name);
        }
    }
    let name = "a write that fails loses nothing";
    table.check(&server, name, hits_a_limit(program)).await;
}

/// A file system in memory, which only an administrator can make.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Result<Self> {
        let folder = server::folder()?;
        let disk = Self { folder };
        disk.command("mount", &["-t", "tmpfs", "-o", "size=48m", "tmpfs"])?;
        Ok(disk)
    }

    fn grow(&self) -> Result<()> {
        self.command("mount", &["-o", "remount,size=96m"])
    }

    fn unmount(&self) {
        if let Err(error) = self.command("umount", &[]) {
            eprintln!("{error}");
        }
    }

    fn command(&self, name: &str, args: &[&str]) -> Result<()> {
        let output = Command::new(name)
            .args(args)
            .arg(self.folder.path())
            .output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr)
            .trim()
            .to_owned()
            .into())
    }
}

async fn fills_up(program: &Program, disk: &SmallDisk) -> Result<u64> {
    let folder = disk.folder.path().join("data");
    let server = program.start(&folder, &[]).await?;
    prepare(&server).await?;
    let (before, refusal) = put_until_refused(&server).await?;
    if refusal.code() != Some(&ErrorCode::ServerBusy) {
        return Err(format!("refused with {refusal}").into());
    }
    check_stored(&server, before).await?;
    disk.grow()?;
    let (more, _) = put_until_refused(&server).await?;
    if more == 0 {
        return Err("nothing is stored when there is room again".into());
    }
    check_stored(&server, before + more).await?;
    server.kill().await?;
    let server = program.start(&folder, &[]).await?;
    check_stored(&server, before + more).await?;
    // Deleted logs make room for others without the disk's help.
    server.logstore().delete().await?;
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    server.logstore().create(config).await?;
    for attempt in 0.. {
        match put(&server, 0).await {
            Ok(()) => break,
            // A minute, which is a thousand times what it takes.
            Err(error) if attempt > 1200 => return Err(error.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    check_stored(&server, 1).await?;
    server.stop().await?;
    Ok((before + more) as u64)
}

/// Files that may not grow any more: the disk has room, so the write itself fails.
async fn hits_a_limit(program: &Program) -> Result<u64> {
    const BLOCKS: u32 = 40 << 10;
    let folder = server::folder()?;
    let script = folder.path().join("limited");
    let path = program.path().display();
    std::fs::write(
        &script,
        format!("#!/bin/sh\nulimit -S -f {BLOCKS}\nexec '{path}' \"$@\"\n"),
    )?;
    let mut executable = Command::new("chmod");
    executable.arg("+x").arg(&script);
    Process::new(executable).run("").await?;
    let data = folder.path().join("data");
    let server = start_limited(&script, &data).await?;
    prepare(&server).await?;
    let (before, refusal) = put_until_refused(&server).await?;
    if refusal.code() != Some(&ErrorCode::ServerBusy) {
        return Err(format!("refused with {refusal}").into());
    }
    // The file is opened again, and everything can be read.
    check_stored(&server, before).await?;
    // Not for each put: most are refused without a try, and told the same.
    let began = Instant::now();
    for _ in 0..REFUSED {
        match put(&server, before).await {
            Ok(()) => return Err("a put is taken where there is no room".into()),
            Err(error) if error.code() == Some(&ErrorCode::ServerBusy) => {}
            Err(error) => return Err(format!("refused with {error}").into()),
        }
    }
    let took = began.elapsed();
    if took > REFUSED_WITHIN {
        return Err(format!("{REFUSED} puts were refused in {} s", took.as_secs()).into());
    }
    // What is small still goes.
    let other = server.client().logstore(PROJECT, "other");
    other.create(LogstoreConfig::named("other")).await?;
    other.delete().await?;
    check_stored(&server, before).await?;
    let mut stored = before;
    if lift_limit(&server) {
        let began = Instant::now();
        while let Err(error) = put(&server, stored).await {
            if began.elapsed() > RECOVERED_WITHIN {
                return Err(error.into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        stored += 1;
        check_stored(&server, stored).await?;
    }
    server.kill().await?;
    let server = program.start(&data, &[]).await?;
    check_stored(&server, stored).await?;
    put(&server, stored).await?;
    check_stored(&server, stored + 1).await?;
    server.stop().await?;
    Ok(stored as u64)
}

/// Lets the server's files grow again, where that can be done to a running program.
#[cfg(target_os = "linux")]
fn lift_limit(server: &Server) -> bool {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};

    let id = server.process().id().and_then(|id| i32::try_from(id).ok());
    let Some(id) = id.and_then(Pid::from_raw) else {
        return false;
    };
    let none = Rlimit {
        current: None,
        maximum: None,
    };
    prlimit(Some(id), Resource::Fsize, none).is_ok()
}

#[cfg(not(target_os = "linux"))]
fn lift_limit(_: &Server) -> bool {
    false
}

async fn start_limited(script: &Path, data: &Path) -> Result<Server> {
    let data = data.to_str().ok_or("the folder's name is not UTF-8")?;
    let keys = [
        "ALIBABA_CLOUD_ACCESS_KEY_ID",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
    ];
    Server::new(ServerProcess::start(script, &["--data", data], &keys).await?)
}

async fn prepare(server: &Server) -> Result<()> {
    server.client().project(PROJECT).create("").await?;
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    Ok(server.logstore().create(config).await?)
}

/// How many were acknowledged before one was refused, and how that was refused.
async fn put_until_refused(server: &Server) -> Result<(usize, Error)> {
    for stored in 0..MOST {
        if let Err(error) = put(server, stored).await {
            return Ok((stored, error));
        }
    }
    Err(format!("{MOST} puts were taken").into())
}

async fn put(server: &Server, number: usize) -> Result<(), Error> {
    let mut state = number as u64 + 1;
    let letters = (0..GROUP).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from(b' ' + ((state >> 33) % 95) as u8)
    });
    let log = Log::at(1).with("text", letters.collect::<String>());
    let group = LogGroup::new(vec![log]);
    server.logstore().put(&EncodedGroup::from(&group)).await
}

/// Checks that so many groups are stored and can be read.
async fn check_stored(server: &Server, wanted: usize) -> Result<()> {
    let logstore = server.logstore();
    let mut cursor = logstore.cursor(ShardId(0), CursorPosition::Begin).await?;
    let mut stored = 0;
    loop {
        let pull = Pull {
            shard: ShardId(0),
            cursor: cursor.clone(),
            count: 1000,
            end_cursor: None,
            processing: None,
        };
        let pulled = ShardReader::pull(&logstore, pull).await?;
        if pulled.group_count() == 0 {
            break;
        }
        stored += pulled.group_count();
        cursor = pulled.next_cursor().clone();
    }
    if stored != wanted {
        return Err(format!("{wanted} were acknowledged, {stored} are stored").into());
    }
    Ok(())
}
