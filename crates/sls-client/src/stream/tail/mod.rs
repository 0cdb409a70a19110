//! All shards of a logstore as one stream.
//!
//! ```text
//!   Plan      what to ask next, whose batch may be given, when to end    no I/O, no clock
//!     ^ answers, the time
//!     v tasks
//!   TailStream   asks the reader, holds what has arrived, waits
//! ```

mod batch; // what it gives
mod error; // what it could not do
mod lineage; // which shard came from which
mod plan; // decides
mod start; // where it starts or ends
mod tail_stream; // performs

pub use batch::TailBatch;
pub use error::TailError;
pub use start::TailStart;
pub use tail_stream::TailStream;
