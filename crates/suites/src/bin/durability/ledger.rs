//! What was sent, and what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sls_core::model::{Cursor, CursorPosition, Log, LogGroup, ShardId};
use sls_core::service::{Pull, ShardReader};
use suites::clients::Result;

use crate::server::Server;

/// Who sent a log group, and the how many-th of that sender it is.
pub(crate) type GroupId = (u32, u64);

/// Everything that the tasks know, over all cycles.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    acknowledged: BTreeSet<GroupId>,
    /// Seen to be stored, acknowledged or not.
    stored: BTreeSet<GroupId>,
    /// How far each shard was read and found to be right.
    read: BTreeMap<ShardId, Cursor>,
    /// The last checkpoint that was acknowledged, and the last that was sent.
    checkpoint: (u64, u64),
    events: BTreeSet<String>,
    logstores: BTreeSet<String>,
    /// Splits that were acknowledged.
    splits: usize,
}

/// The group with this name: always the same, so that it can be compared whole.
pub(crate) fn group(id: GroupId) -> LogGroup {
    let (writer, number) = id;
    // Mostly small ones, now and then one that needs pages of its own.
    let (logs, length) = match number % 23 {
        0 => (1, 200_000),
        1..=3 => (40, 500),
        _ => (1 + (number % 5) as usize, 30),
    };
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(writer);
    let mut text = || {
        let letters = (0..length).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(b'a' + (state % 26) as u8)
        });
        letters.collect::<String>()
    };
    let logs = (0..logs).map(|place| {
        Log::at(1_700_000_000 + place as u32)
            .with("writer", writer.to_string())
            .with("number", number.to_string())
            .with("text", text())
    });
    LogGroup::new(logs.collect()).with_topic(format!("{writer}-{number}"))
}

impl Ledger {
    pub(crate) fn acknowledged(&self, id: GroupId) {
        self.state().acknowledged.insert(id);
    }

    pub(crate) fn checkpoint_sent(&self, position: u64) {
        self.state().checkpoint.1 = position;
    }

    pub(crate) fn checkpoint_saved(&self, position: u64) {
        self.state().checkpoint.0 = position;
    }

    pub(crate) fn tracked(&self, name: String) {
        self.state().events.insert(name);
    }

    pub(crate) fn made(&self, logstore: String) {
        self.state().logstores.insert(logstore);
    }

    pub(crate) fn split(&self) {
        self.state().splits += 1;
    }

    /// How many were acknowledged, how many of those are stored, and how many others.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let state = self.state();
        let found = state.acknowledged.intersection(&state.stored).count();
        (state.acknowledged.len(), found, state.stored.len() - found)
    }

    /// Reads on in every shard from where it was read last, or from its beginning, and checks
    /// that every group is as it was sent and comes once.
    pub(crate) async fn read(&self, server: &Server, from_the_beginning: bool) -> Result<()> {
        if from_the_beginning {
            let mut state = self.state();
            state.read.clear();
            state.stored.clear();
        }
        let logstore = server.logstore();
        for shard in logstore.shards().await? {
            let known = self.state().read.get(&shard.id).cloned();
            let mut cursor = match known {
                Some(cursor) => cursor,
                None => logstore.cursor(shard.id, CursorPosition::Begin).await?,
            };
            loop {
                let pull = Pull {
                    shard: shard.id,
                    cursor: cursor.clone(),
                    count: 1000,
                    end_cursor: None,
                    processing: None,
                };
                let pulled = ShardReader::pull(&logstore, pull).await?;
                for found in pulled.groups().groups() {
                    self.seen(&found.to_owned())?;
                }
                if pulled.group_count() == 0 {
                    break;
                }
                cursor = pulled.next_cursor().clone();
            }
            self.state().read.insert(shard.id, cursor);
        }
        Ok(())
    }

    fn seen(&self, found: &LogGroup) -> Result<()> {
        let topic = found.topic.as_ref().map(ToString::to_string);
        let id = topic.as_deref().and_then(|topic| {
            let (writer, number) = topic.split_once('-')?;
            Some((writer.parse().ok()?, number.parse().ok()?))
        });
        let id = id.ok_or_else(|| format!("a group that nobody sent: {topic:?}"))?;
        if *found != group(id) {
            return Err(format!("group {id:?} is not as it was sent").into());
        }
        if !self.state().stored.insert(id) {
            return Err(format!("group {id:?} is stored twice").into());
        }
        Ok(())
    }

    /// What was acknowledged and is not there.
    pub(crate) fn lost(&self) -> Vec<GroupId> {
        let state = self.state();
        let lost = state.acknowledged.difference(&state.stored);
        lost.copied().collect()
    }

    /// Checks everything that is not a log group.
    pub(crate) async fn check_the_rest(&self, server: &Server) -> Result<()> {
        let group = server.logstore().consumer_group(crate::server::GROUP);
        let found = group.checkpoint(ShardId(0)).await?;
        let found = found.and_then(|found| found.cursor?.position());
        let (saved, sent) = self.state().checkpoint;
        let allowed = [saved, sent];
        if !allowed.contains(&found.unwrap_or(0)) {
            let message = format!("checkpoint {found:?}, but {saved} was saved and {sent} sent");
            return Err(message.into());
        }
        self.state().checkpoint.0 = found.unwrap_or(0);

        let shown = server
            .process()
            .shown("/_local/growingio/events?limit=1000");
        let mut shown = shown.await?;
        let mut names = BTreeSet::new();
        loop {
            let events = shown["events"].as_array().ok_or("no list of events")?;
            let found = events.iter().filter_map(|event| event["name"].as_str());
            names.extend(found.map(str::to_owned));
            let Some(next) = shown["next"].as_u64() else {
                break;
            };
            let target = format!("/_local/growingio/events?limit=1000&offset={next}");
            shown = server.process().shown(&target).await?;
        }
        let missing: Vec<_> = self.state().events.difference(&names).cloned().collect();
        if !missing.is_empty() {
            return Err(format!("events are lost: {missing:?}").into());
        }

        let project = server.client().project(crate::server::PROJECT);
        let found: BTreeSet<_> = project.logstores().await?.into_iter().collect();
        let missing: Vec<_> = self.state().logstores.difference(&found).cloned().collect();
        if !missing.is_empty() {
            return Err(format!("logstores are lost: {missing:?}").into());
        }
        let shards = server.logstore().shards().await?.len();
        let splits = self.state().splits;
        // Each leaves the parent and adds two; one that was not acknowledged may be there.
        if shards < crate::kill::SHARDS as usize + 2 * splits {
            return Err(format!("{shards} shards after {splits} splits").into());
        }
        Ok(())
    }

    /// How many events, logstores and splits were acknowledged.
    pub(crate) fn others(&self) -> (usize, usize, usize) {
        let state = self.state();
        (state.events.len(), state.logstores.len(), state.splits)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
