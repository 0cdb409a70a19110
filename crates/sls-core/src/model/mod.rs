//! What the service talks about, in plain Rust.

mod checkpoint;
mod consumer_group;
mod cursor;
mod histogram;
mod index;
mod lenient;
mod log;
mod logstore;
mod page;
mod project;
mod query;
mod shard;
mod text;

pub use checkpoint::Checkpoint;
pub use consumer_group::{ConsumerGroup, ConsumerName};
pub use cursor::{Cursor, CursorPosition};
pub use histogram::Histogram;
pub use index::{DEFAULT_TOKENS, IndexConfig, KeyIndex, KeyType, LineIndex};
pub use log::{Content, Log, LogGroup, LogTag};
pub use logstore::{CustomerKey, EncryptConfig, LogstoreConfig};
pub use page::Page;
pub use project::Project;
pub use query::{
    LogQuery, PhraseQueryInfo, Progress, QueryMeta, QueryMode, QueryResult, QueryRow, QueryTerm,
};
pub use shard::{HashKey, InvalidHashKey, Shard, ShardId, ShardStatus};
pub use text::{Text, TextRef};

pub(crate) use lenient::{number, seconds};
pub(crate) use query::wire_time;
