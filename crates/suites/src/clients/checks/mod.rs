//! What every client should manage, whatever its language.
//!
//! A check starts programs by name; a suite brings one folder of them for its language:
//!
//! | program | input | result |
//! |---|---|---|
//! | `put` | `{"with": COMPRESSION, "puts": [{"group": GROUP, "key": TEXT?}]}` | none |
//! | `pull` | `{"with": COMPRESSION, "query": TEXT?, "count": N}` | `[{"groups": [GROUP], "cursors": [TEXT], "lines_seen": N, "lines_kept": N}]`, one for each shard |
//! | `cursors` | seconds since 1970 | `{"begin", "end", "at": [..], "begin_time", "previous_of_end"}` |
//! | `shards` | `{"key": TEXT}` | `{"split", "after_split", "split_closed", "merge", "after_merge"}` |
//! | `resources` | none | what each step was told |
//! | `index` | two index configurations | what each step was told |
//! | `search` | `{"from": S, "to": S, "questions": [{"way", "query", ..}]}` | `[{"complete", "count", "logs"}]` |
//! | `histograms` | as of `search` | `[{"complete", "count", "parts": [[from, to, count]]}]` |
//! | `context` | `{"from", "to", "query", "back", "forward"}` | `{"complete", "logs": [[distance, number]]}` |
//! | `consumer-group` | a cursor of shard 0 | what each step was told |
//! | `consumer` | see [`takeover`](super::takeover) | |
//! | `producer` | `{"logs": N, "topics": [..], "with", "linger_ms", "batch", "keys": [..]}` | `{"delivered", "refused", "attempts", "code", "request_id"}` |
//! | `refusal` | the name of a call | `{"status", "code", "message", "request_id"}` |
//!
//! A GROUP is as [`groups`](super::groups) tells. Each check gives the number of requests
//! that the program counted.

pub mod consumer_group; // a group of two, call by call
pub mod cursors; // positions and times
pub mod exchange; // what one client puts, the other pulls
pub mod index; // the index of a logstore
pub mod producer; // logs through a producer
pub mod refusals; // errors arrive as the client's errors
pub mod resources; // projects and logstores
pub mod search; // searches, histograms, neighbours
pub mod searched; // the logs that are searched
pub mod shards; // split and merge

use serde_json::Value;

use super::{Failure, Result};

/// Adds all that was told to a failure about a part of it.
fn about(told: &Value, result: Result<()>) -> Result<()> {
    result.map_err(|failure| -> Failure { format!("{failure} in {told}").into() })
}
