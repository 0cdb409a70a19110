//! A write-ahead log on disk for what is not delivered yet.
//!
//! ```text
//!  append ---> segment 3  (active)     records, one behind the other
//!              segment 2
//!              segment 1 ---> next_pending: left-overs and released entries, oldest first
//!                 ^
//!  acknowledge ---+               a segment is removed once all in it is done
//! ```
//!
//! A [`Spool`] is a folder that one open instance has to itself. What a process leaves behind is
//! taken over by the next one that opens the same root, and delivered before its own.
//! What every policy promises is in the table of [`Fsync`]; the format of the files, and what
//! damage does, in `docs/spool.md` of the repository.
//!
//! # Example
//!
//! ```
//! use std::time::Instant;
//! use telemetry_delivery::spool::{Record, Spool, SpoolConfig};
//!
//! # let folder = tempfile::tempdir().expect("a place for temporary files");
//! # let root = folder.path().join("spool");
//! let mut spool = Spool::open(&root, SpoolConfig::default())?;
//! let id = spool.append(Record { lane: b"orders", ends: &[3, 6], bytes: b"onetwo" })?;
//! spool.commit(Instant::now())?;
//! // Delivered before the process ended, or not:
//! drop(id);
//! spool.close()?;
//!
//! let mut spool = Spool::open(&root, SpoolConfig::default())?;
//! let entry = spool.next_pending().expect("not acknowledged").expect("not damaged");
//! assert_eq!((&entry.bytes[..], &entry.ends[..]), (&b"onetwo"[..], &[3, 6][..]));
//! spool.acknowledge(entry.id)?;
//! assert!(spool.next_pending().is_none());
//! # spool.close()?;
//! # std::fs::remove_dir(root).expect("empty");
//! # Ok::<(), telemetry_delivery::spool::SpoolError>(())
//! ```

mod acks; // which records of a segment are done
mod config; // limits and the promise
mod damage; // what is reported about files that are not as they were written
mod disk; // what is asked of a file system
mod error; // why something could not be spooled
mod folder; // one per open spool; those of ended processes are taken over
mod format; // the layout of segments, records and acknowledgements
mod inspect; // a segment in memory, for tools
mod log; // append, commit, acknowledge
mod name; // what files and folders are called
mod ranges; // sets of sequence numbers
mod reader; // what lies on disk, oldest first
mod record; // what goes in and comes out
mod scan; // over the records of a segment, and on behind damage
mod segment; // what is known of a segment
mod stats; // counts

pub use config::{Fsync, SpoolConfig};
pub use damage::{Damage, DamageKind};
pub use error::SpoolError;
pub use inspect::{Inspected, inspect};
pub use log::Spool;
pub use record::{Entry, EntryId, Record};
pub use stats::SpoolStats;

#[cfg(unix)]
pub(crate) use disk::let_go_in_child;

#[cfg(test)]
mod tests;
