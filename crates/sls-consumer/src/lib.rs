#![doc = include_str!("../README.md")]

mod all_shards; // a group of one, which nobody coordinates
mod batch; // what a processor is given
mod budget; // how much is read ahead, over all shards
mod checkpointer; // checkpoints at moments of the processor's choice
mod checkpoints; // stores of checkpoints beside the service
mod config; // settings
mod error; // why a worker ended by itself
mod fence; // the one place that says whether a shard may be worked on
mod holdings; // the shards a worker has, to look at
mod lease; // heartbeat answers -> shards to start and stop (pure)
#[cfg(feature = "metrics")]
mod metrics; // numbers for a recorder
mod pace; // how long to wait between two pulls
mod policy; // what to do when things go wrong
mod processor; // what the program does with logs
mod progress; // how far shards are
mod report; // what a worker says when it ends
mod row; // one log, flat or typed
mod shard; // one shard: state and task
mod supervisor; // heartbeats, and the tasks of shards
mod until; // whether a group has read up to a time
mod worker; // a member of a group, and its handle

pub use all_shards::AllShards;
pub use batch::ShardBatch;
pub use checkpointer::{Checkpointer, NotSaved};
pub use checkpoints::FileCheckpoints;
pub use config::WorkerConfig;
pub use error::Error;
pub use policy::{ExpiredCursor, FailurePolicy};
pub use processor::{Processor, ShardStart, ShardStop};
pub use progress::{Phase, ShardProgress};
pub use report::{Report, ShardReport};
pub use row::{Row, RowError};
pub use shard::StopReason;
pub use worker::{TaskFuture, Worker, WorkerHandle};
