//! Reading on and on, batch by batch.

mod shard; // one shard
mod start; // where one shard's stream starts or ends
mod tail; // all shards of a logstore

pub use shard::{ShardHandle, ShardStream};
pub use start::StreamStart;
pub use tail::{TailBatch, TailError, TailStart, TailStream};
