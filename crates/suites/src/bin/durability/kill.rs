//! The cycles.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sls_core::model::LogstoreConfig;
use suites::clients::Result;

use crate::ledger::{GroupId, Ledger};
use crate::load::{self, Numbers};
use crate::server::{self, GROUP, LOGSTORE, PROJECT, Program, Server};
use crate::start;

pub(crate) const SHARDS: u32 = 2;

/// How long the server lives under load, in milliseconds: at least, and beyond that any time
/// up to so much, another one in each cycle; longer where nothing is acknowledged by then.
const LIFE_MS: (u64, u64) = (50, 250);
/// How long tasks may take to get something stored, and to see that the server is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// What became of all cycles.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    cycles: u32,
    acknowledged: usize,
    stored: usize,
    lost: Vec<GroupId>,
}

impl Outcome {
    /// The number of acknowledged groups, when none is lost.
    pub(crate) fn verdict(&self) -> Result<u64> {
        match self.lost.as_slice() {
            [] if self.acknowledged == 0 => Err("nothing was acknowledged".into()),
            [] => Ok(self.acknowledged as u64),
            [first, ..] => Err(format!("lost, among others: {first:?}").into()),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cycles,
            acknowledged,
            stored,
            lost,
        } = self;
        let lost = lost.len();
        write!(
            f,
            "{cycles} cycles, {acknowledged} acknowledged, {stored} stored, {lost} lost"
        )
    }
}

/// In the middle, the file becomes so large that it is written in another way; later it is
/// mostly free, and made smaller by the next start.
const LARGE_MIB: u64 = 96;
const LARGE: &str = "large";
/// After so many cycles there was time for that.
const MADE_SMALLER: u32 = 20;

async fn change_size(server: &Server, done: u32, cycles: u32) -> Result<()> {
    let large = server.client().logstore(PROJECT, LARGE);
    if done == cycles / 2 {
        large
            .create(LogstoreConfig::named(LARGE).with_shard_count(1))
            .await?;
        start::fill(&large, LARGE_MIB, &mut { start::SEED }).await?;
    } else if done == cycles * 3 / 4 {
        large.delete().await?;
    }
    Ok(())
}

fn file_of(folder: &Path) -> Result<u64> {
    Ok(std::fs::metadata(folder.join("store.redb"))?.len())
}

pub(crate) async fn run(program: &Program, cycles: u32) -> Result<Outcome> {
    let folder = server::folder()?;
    let first = program.start(folder.path(), &[]).await?;
    first.client().project(PROJECT).create("").await?;
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(SHARDS);
    first.logstore().create(config).await?;
    let readers = first.logstore().consumer_group(GROUP);
    readers.create(Duration::from_secs(60), false).await?;
    first.kill().await?;

    let ledger = Arc::new(Ledger::default());
    let numbers = Arc::new(Numbers::default());
    let mut random = 0x2545_F491_4F6C_DD1D_u64;
    let mut done = 0;
    let mut largest = 0;
    while done < cycles {
        let server = program.start(folder.path(), &[]).await?;
        check(&ledger, &server)
            .await
            .map_err(|error| format!("after {done} kills: {error}"))?;
        if !ledger.lost().is_empty() {
            break;
        }
        change_size(&server, done, cycles).await?;
        largest = largest.max(file_of(folder.path())?);
        let (before, ..) = ledger.counts();
        let mut tasks = load::start(&server, &ledger, &numbers);
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let life = Duration::from_millis(LIFE_MS.0 + random % LIFE_MS.1);
        tokio::time::sleep(life).await;
        // On a slow machine nothing may be acknowledged by then, and nothing could be lost.
        let some = async {
            while ledger.counts().0 == before {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, some)
            .await
            .map_err(|_| "nothing is acknowledged")?;
        server.kill().await?;
        done += 1;
        let ended = async { while tasks.join_next().await.is_some() {} };
        tokio::time::timeout(PATIENCE, ended)
            .await
            .map_err(|_| "a call to a server that was killed does not end")?;
    }
    let server = program.start(folder.path(), &[]).await?;
    check(&ledger, &server).await?;
    // Once more, all of it: what was right once may have been damaged since.
    ledger.read(&server, true).await?;
    server.stop().await?;
    let file = file_of(folder.path())?;
    println!(
        "kill -9: the file had up to {} MiB, and has {} MiB in the end",
        largest >> 20,
        file >> 20
    );
    if done >= MADE_SMALLER && file >= largest {
        return Err("the file is as large as before most of it was deleted".into());
    }

    let (acknowledged, stored, others) = ledger.counts();
    let (events, logstores, splits) = ledger.others();
    println!(
        "kill -9: {others} groups stored without an answer; {events} events, {logstores} \
         logstores and {splits} splits acknowledged and there"
    );
    Ok(Outcome {
        cycles: done,
        acknowledged,
        stored,
        lost: ledger.lost(),
    })
}

/// Reads what is new, and checks everything else; what is lost is in the ledger.
async fn check(ledger: &Ledger, server: &Server) -> Result<()> {
    ledger.read(server, false).await?;
    ledger.check_the_rest(server).await
}
