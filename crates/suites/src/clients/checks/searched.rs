//! Logs to search, and what ours finds among them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sls_client::LogstoreHandle;
use sls_core::api::GetHistograms;
use sls_core::model::{IndexConfig, Log, LogGroup};
use sls_core::wire::EncodedGroup;

use super::super::Result;
use super::super::world::{Programs, World};

/// The second of the first log.
pub const FIRST: u32 = 1_700_000_000;
/// Every second has one log in each of these.
pub const TOPICS: [&str; 3] = ["checkout", "search", "搜索"];
/// Where all logs come from.
pub const SOURCE: &str = "10.0.0.1";
/// What each of them says.
pub const MESSAGE: &str = "付款 was late, \"again\"";

/// Logs of so many seconds, numbered from 0.
#[derive(Debug, Clone, Copy)]
pub struct Searched {
    /// How many seconds have logs.
    pub seconds: u32,
    /// How many seconds are asked about, from the first log on.
    pub asked: u32,
}

impl Searched {
    /// The numbers and topics that a question is about, in their order.
    pub fn matching(
        &self,
        keep: impl Fn(u32, &str) -> bool,
    ) -> impl Iterator<Item = (u32, &'static str)> {
        let pairs = (0..self.seconds).flat_map(|n| TOPICS.map(|topic| (n, topic)));
        pairs.filter(move |(n, topic)| keep(*n, topic))
    }

    /// The times that are asked about.
    pub fn range(&self) -> (SystemTime, SystemTime) {
        let from = UNIX_EPOCH + Duration::from_secs(FIRST.into());
        (from, from + Duration::from_secs(self.asked.into()))
    }

    /// Two questions for histograms: query, topic, and how many logs are meant.
    pub fn bars(&self) -> [(&'static str, &'static str, usize); 2] {
        let errors = self.matching(|n, topic| level(n) == "ERROR" && topic == TOPICS[2]);
        [
            ("*", "", TOPICS.len() * self.seconds as usize),
            ("level: ERROR", TOPICS[2], errors.count()),
        ]
    }

    /// The bars that ours sees: begin, end and count of each.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn our_bars<P: Programs>(
        &self,
        world: &World<P>,
        logstore: &LogstoreHandle,
        query: &str,
        topic: &str,
    ) -> Result<Vec<(u64, u64, u64)>> {
        let (from, to) = self.range();
        let ours = GetHistograms::new(logstore.project(), logstore.name(), from, to)
            .with_query(query)
            .with_topic(topic);
        let ours = world.client.send(&ours).await?;
        let parts = ours.parts.iter();
        Ok(parts
            .map(|part| (seconds(part.from), seconds(part.to), part.count))
            .collect())
    }

    /// A logstore with an index and the logs, one shard, so that their order is known.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn store<P: Programs>(&self, world: &World<P>, name: &str) -> Result<LogstoreHandle> {
        let logstore = indexed(world, name).await?;
        for topic in TOPICS {
            let logs = (0..self.seconds).map(|n| {
                Log::at(FIRST + n)
                    .with("number", n.to_string())
                    .with("level", level(n))
                    .with("message", MESSAGE)
            });
            let group = LogGroup::new(logs.collect())
                .with_topic(topic)
                .with_source(SOURCE);
            logstore.put(&EncodedGroup::from(&group)).await?;
        }
        Ok(logstore)
    }
}

/// The fields of a log as a client shows them.
pub fn contents(n: u32) -> Value {
    json!({"number": n.to_string(), "level": level(n), "message": MESSAGE})
}

/// How bad a log is: every third is an error.
pub fn level(n: u32) -> &'static str {
    if n % 3 == 0 { "ERROR" } else { "INFO" }
}

/// An empty logstore with an index and one shard.
///
/// # Errors
/// When a call fails.
pub async fn indexed<P: Programs>(world: &World<P>, name: &str) -> Result<LogstoreHandle> {
    let logstore = world.logstore(name, 1).await?;
    let index: IndexConfig = serde_json::from_value(json!({
        "line": {"token": [",", " ", "\""], "caseSensitive": false, "chn": true},
    }))?;
    logstore.create_index(index).await?;
    Ok(logstore)
}

fn seconds(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
