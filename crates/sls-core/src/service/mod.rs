//! What a logstore can do for its users, as traits.
//!
//! A consumer needs something to read from and a handler something to write to; neither
//! cares whether it is the service across the network, a server in the same process or a
//! fake in a test. Each trait here is about one logstore.

mod checkpoint_store;
mod group_coordinator;
mod log_sink;
mod shard_reader;

pub use checkpoint_store::{CheckpointStore, MemoryCheckpoints, SaveCheckpoint, StoreFuture};
pub use group_coordinator::GroupCoordinator;
pub use log_sink::{LogSink, RawGroup};
pub use shard_reader::{Pull, ShardReader};
