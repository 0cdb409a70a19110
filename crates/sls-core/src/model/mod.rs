//! What the service talks about, in plain Rust.

mod cursor;
mod log;
mod logstore;
mod project;
mod shard;
mod text;

pub use cursor::{Cursor, CursorPosition};
pub use log::{Content, Log, LogGroup, LogTag};
pub use logstore::LogstoreConfig;
pub use project::Project;
pub use shard::{HashKey, InvalidHashKey, Shard, ShardId, ShardStatus};
pub use text::{Text, TextRef};
