//! A consumer group of two, one of which is killed.
//!
//! A member is a program that is started as `PROGRAM GROUP NAME [QUERY]`. It prints a line
//! `{"shard": 0, "numbers": [..]}` about each pull, with the field `number` of its logs, and
//! saves the checkpoint after that. It leaves the group when its input is closed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use sls_client::LogstoreHandle;
use sls_core::model::{CursorPosition, Log, LogGroup, Shard};
use sls_core::wire::EncodedGroup;
use tokio::time::timeout;

use super::Result;
use super::groups::expect;
use super::program::{Answer, Running};
use super::world::{Programs, World};

/// The group of every check; each has a logstore of its own.
pub const GROUP: &str = "readers";
/// How many shards the logstore of a takeover has.
pub const SHARDS: u32 = 4;
/// How many logs are waiting in each shard when the first member is killed: some pulls of it,
/// and each takes a moment.
pub const BACKLOG: u32 = 20;
/// How long to listen to a member before it is given more to do.
pub const MOMENT: Duration = Duration::from_millis(300);

/// The second member takes shards from the first, the first is killed in the middle of its
/// work, and the second does what is left; every log was processed by one of them.
///
/// # Errors
/// When a log was processed by neither, or by the second twice, and when a call fails.
pub async fn nothing_is_missing<P: Programs>(world: &World<P>, program: &str) -> Result<u64> {
    let logstore = world.logstore("takeover", SHARDS).await?;
    let mut source = Source::new(&logstore).await?;
    source.put(2).await?;
    let mut first = Member::start(world, &logstore, &[program, "first"])?;
    while first.done.len() < SHARDS as usize {
        first.listen().await?;
    }
    let mut second = Member::start(world, &logstore, &[program, "second"])?;
    // Both must have their half; what is put meanwhile is something to tell about.
    while second.done.len() < SHARDS as usize / 2 {
        source.put(1).await?;
        let _ = timeout(MOMENT, second.listen()).await.ok().transpose()?;
    }

    let before = source.next;
    source.put(BACKLOG).await?;
    while first.told().all(|number| number < before) {
        first.listen().await?;
    }
    let first = first.kill().await?;
    let left: BTreeSet<u32> = (0..source.next).collect();
    let left: BTreeSet<u32> = left.difference(&first).copied().collect();
    let taken = left
        .iter()
        .filter(|n| !second.done.contains_key(&source.shard(**n)));
    if taken.count() == 0 {
        return Err("the killed member had nothing left to do".into());
    }
    source.put(1).await?;

    let all: BTreeSet<u32> = (0..source.next).collect();
    while !all
        .iter()
        .all(|n| first.contains(n) || second.told().any(|told| told == *n))
    {
        second.listen().await?;
    }
    for (shard, numbers) in &second.done {
        let what = format!("shard {shard} as the second member told it");
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        sorted.dedup();
        expect(&what, &json!(numbers), &json!(sorted))?;
    }
    let shards: Vec<_> = second.done.keys().copied().collect();
    let wanted: Vec<_> = (0..SHARDS).collect();
    expect(
        "shards of the second member",
        &json!(shards),
        &json!(wanted),
    )?;
    let answer = second.leave().await?;
    saved_to_the_end(&logstore).await?;
    Ok(answer.calls)
}

/// A member with a query processes what the query keeps, in order, and gets to the end.
///
/// # Errors
/// When it processed something else, and when a call fails.
pub async fn only_what_a_query_keeps<P: Programs>(world: &World<P>, program: &str) -> Result<u64> {
    let logstore = world.logstore("consumer-query", 2).await?;
    let mut source = Source::new(&logstore).await?;
    source.put(BACKLOG).await?;
    // The last of each shard is kept, so that what was told reaches their ends.
    let last = source.next - 2;
    let query =
        format!("* | where cast(number as bigint) % 5 = 0 or cast(number as bigint) >= {last}");
    let mut member = Member::start(world, &logstore, &[program, "only", &query])?;
    let wanted: BTreeSet<u32> = (0..source.next)
        .filter(|n| n % 5 == 0 || *n >= last)
        .collect();
    while member.told().count() < wanted.len() {
        member.listen().await?;
    }
    let mut told: Vec<_> = member.told().collect();
    told.sort_unstable();
    expect("kept", &json!(told), &json!(wanted))?;
    let answer = member.leave().await?;
    saved_to_the_end(&logstore).await?;
    Ok(answer.calls)
}

/// What the group saved for each shard is the shard's end.
///
/// # Errors
/// When it is not, and when a call fails.
pub async fn saved_to_the_end(logstore: &LogstoreHandle) -> Result<()> {
    for saved in logstore.consumer_group(GROUP).checkpoints().await? {
        let end = logstore.cursor(saved.shard, CursorPosition::End).await?;
        let what = format!("checkpoint of shard {}", saved.shard);
        let found = saved.cursor.as_ref().map(|cursor| cursor.as_str());
        expect(&what, &json!(found), &json!(end.as_str()))?;
    }
    Ok(())
}

/// Writes logs with consecutive numbers, to the shards in turns.
#[derive(Debug)]
pub struct Source<'a> {
    logstore: &'a LogstoreHandle,
    shards: Vec<Shard>,
    /// The number of the next log.
    pub next: u32,
}

impl<'a> Source<'a> {
    /// A source that has written nothing.
    ///
    /// # Errors
    /// When the shards cannot be listed.
    pub async fn new(logstore: &'a LogstoreHandle) -> Result<Self> {
        Ok(Self {
            logstore,
            shards: logstore.shards().await?,
            next: 0,
        })
    }

    /// As many logs to each shard, each in a group of its own.
    ///
    /// # Errors
    /// When a put fails.
    pub async fn put(&mut self, rounds: u32) -> Result<()> {
        for _ in 0..rounds {
            for shard in &self.shards {
                let log = Log::at(1).with("number", self.next.to_string());
                let group = EncodedGroup::from(&LogGroup::new(vec![log]));
                self.logstore.put_routed(&group, shard.begin).await?;
                self.next += 1;
            }
        }
        Ok(())
    }

    fn shard(&self, number: u32) -> u32 {
        self.shards[number as usize % self.shards.len()].id.0
    }
}

/// A process that reads as a member of the group.
#[derive(Debug)]
pub struct Member {
    running: Running,
    /// The numbers it processed, shard by shard, in its order.
    pub done: BTreeMap<u32, Vec<u32>>,
}

impl Member {
    /// Of the program its first word names, under the name that follows, with more arguments.
    ///
    /// # Errors
    /// When the program does not start.
    pub fn start<P: Programs>(
        world: &World<P>,
        logstore: &LogstoreHandle,
        words: &[&str],
    ) -> Result<Self> {
        let (program, args) = words.split_first().ok_or("no program")?;
        let args = [GROUP].into_iter().chain(args.iter().copied());
        let program = world.program(&world.access(), logstore.name(), program, args);
        Ok(Self {
            running: program.start()?,
            done: BTreeMap::new(),
        })
    }

    /// Waits for the next pull that it processed.
    ///
    /// # Errors
    /// When it says something else, or nothing for too long.
    pub async fn listen(&mut self) -> Result<()> {
        let line = self.running.line().await?;
        self.note(&line)
    }

    fn note(&mut self, line: &str) -> Result<()> {
        let told: Value = serde_json::from_str(line)?;
        let shard = serde_json::from_value(told["shard"].clone())?;
        let numbers: Vec<u32> = serde_json::from_value(told["numbers"].clone())?;
        self.done.entry(shard).or_default().extend(numbers);
        Ok(())
    }

    /// The numbers it processed.
    pub fn told(&self) -> impl Iterator<Item = u32> {
        self.done.values().flatten().copied()
    }

    /// Ends it as a crash would, and gives all that it had processed.
    ///
    /// # Errors
    /// When it cannot be ended, or what it said cannot be read.
    pub async fn kill(self) -> Result<BTreeSet<u32>> {
        let Self { running, done } = self;
        let mut told: BTreeSet<u32> = done.into_values().flatten().collect();
        for line in running.kill().await? {
            let pull: Value = serde_json::from_str(&line)?;
            let numbers: Vec<u32> = serde_json::from_value(pull["numbers"].clone())?;
            told.extend(numbers);
        }
        Ok(told)
    }

    /// Lets it leave the group in order.
    ///
    /// # Errors
    /// When it does not end, or not with success.
    pub async fn leave(self) -> Result<Answer> {
        self.running.answer().await
    }
}
