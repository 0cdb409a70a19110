//! Items in, batches out: bounded memory, delivery in the background, an end with a report.
//!
//! ```text
//!   append          append          append        any thread: one short lock, copy in, leave
//!     |               |               |
//!   [buffer]        [buffer]        [buffer]      a few per lane; full ones seal themselves
//!     +-------+-------+---------------+
//!             | full, or swept when the linger time is over
//!          backlog                                everything not yet done with, in order
//!             |
//!          worker --> Sink::deliver               own thread, own runtime
//!             |
//!             +-- delivered          receipts, counts
//!             +-- again, throttled   pauses, a rate that adapts
//!             +-- too large          two halves
//!             +-- refused            dead letters, once
//! ```
//!
//! An item is opaque bytes and belongs to a lane; items of one lane travel together, in the order
//! in which one thread appended them. The worker is woken by the first item after a rest and by
//! full buffers, and otherwise wakes by itself while there is something to do; at rest it sleeps.
//!
//! At any moment an item is in one of these places, and every one of them is counted:
//! [`Stats::in_memory_items`], `delivered`, `spooled`, `dead_lettered`, `dropped`.
//!
//! # Example
//! ```
//! use std::time::Duration;
//! use telemetry_delivery::batch::{BatchConfig, Batcher, Delivery, LaneConfig, Sealed, Sink};
//!
//! struct Print;
//!
//! impl Sink for Print {
//!     async fn deliver(&self, batch: &Sealed) -> Delivery {
//!         println!("{} items, {} bytes", batch.count(), batch.bytes().len());
//!         Delivery::Delivered
//!     }
//! }
//!
//! let (batcher, guard) = Batcher::start(BatchConfig::default(), || Print)?;
//! let lane = batcher.lane(LaneConfig::new("events"))?;
//! batcher.append(lane, b"one")?;
//! batcher.append(lane, b"two")?;
//! let report = guard.close_blocking(Duration::from_secs(5));
//! assert_eq!((report.delivered, report.dropped), (2, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # On disk
//! With the feature `spool` and [`BatchConfig::with_spool`], items survive the process:
//!
//! ```text
//!          backlog ---- written each interval, or before an append returns ----> disk
//!             |                                                                    |
//!             +<--- read back, oldest first: left-overs, and what was spilled -----+
//! ```
//!
//! They stay in memory as well, and what is delivered is struck off on disk at once; with
//! [`Overflow::Spill`] the newest leave memory when half of it is full, and all newer ones follow
//! them until those are back, so that the order stays. When the disk fails or is full, what is in
//! memory stays there and is delivered from there; writing is tried again.
//!
//! # Processes that are forked off
//! What is in memory when a process is forked stays its own and is delivered by it alone. The
//! first append in the child starts an engine of its own, with fresh locks, a thread and a sink,
//! under the same lanes; receipts of before tell
//! [`LeftToParent`](Outcome::LeftToParent) there, and counts begin at zero. Dropping the guard in
//! the child closes the child's engine. This works through `fork` of the C library, on Unix, for
//! up to 64 processes in a row, the first one included; what a later one appends is refused with
//! [`Rejected::Closed`] and counted as such.
//!
//! # What it does not do
//! It delivers at least once: when an answer is lost, the sink is asked to deliver again.

mod account; // the end of items, counted and told
mod append; // what callers do
mod appended; // what an append gives
mod backlog; // everything sealed and not yet done with
mod barrier; // what waits for all that was before
mod batcher; // the handle that callers hold
mod budget; // one limit over everything in memory
mod chunk; // items one behind the other in one piece of memory
mod close; // a barrier, and the end
#[cfg(any(test, feature = "test-util"))]
mod collect; // a sink for tests
mod config; // how much, how long, and what to do when that is not enough
mod control; // what the worker is asked for, and when it is to wake somebody
#[cfg(feature = "spool")]
mod desk; // what callers and the worker say to each other about the disk
mod drops; // what was not delivered, and why
mod engine; // what callers and the worker of one process share
mod filling; // what a buffer holds, the newest items close by
mod guard; // the end
mod lane; // items of one lane travel together
mod pace; // how fast the other side can be fed
mod receipt; // what became of one item
mod reentry; // what the current thread is in the middle of
mod rest; // whether the worker has to be woken
mod seal; // when a buffer is full
mod shard; // the buffers that callers append to
mod signal; // something that happens once
mod stats; // counts
#[cfg(feature = "spool")]
mod storage; // items on disk: written, spilled, read back
#[cfg(not(feature = "spool"))]
#[path = "no_storage.rs"]
mod storage; // without the spool
mod sweep; // what is in the buffers moves on
mod sync; // locks and atomics, or a model checker's
#[cfg(all(test, feature = "spool"))]
mod tests;
mod worker; // the one thread that delivers

pub use append::Rejected;
pub use batcher::{Batcher, FlushTimeout, StartError};
#[cfg(any(test, feature = "test-util"))]
pub use collect::Collect;
pub use config::{BatchConfig, DeadLetter, Event, Overflow};
pub use drops::{DropReason, Drops};
pub use fork::epoch as fork_epoch;
pub use fork::watch as watch_forks;
pub use guard::Guard;
pub use lane::{Lane, LaneConfig, TooManyLanes};
pub use receipt::{DeadReason, Outcome, Receipt};
pub use reentry::is_inside_delivery;
pub use stats::{Report, Stats};

pub use crate::sink::{BatchHead, Delivery, Sealed, Sink};

pub(crate) use chunk::Chunk;

use crate::fork;
