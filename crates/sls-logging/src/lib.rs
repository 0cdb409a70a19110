#![doc = include_str!("../README.md")]

mod announcement; // the record that tells of records that are missing
mod caches; // fields that will come again
#[cfg(feature = "config")]
pub mod config; // logging by configuration alone
mod dead_letter_file; // records that the service will never take
mod encoder; // a record as the bytes of one log
mod error; // why logging could not be set up
#[cfg(any(feature = "kv", feature = "tracing"))]
mod error_chain; // an error with its causes
mod extract; // fields out of the message's text
mod field; // what is known about a record beside its message
mod format; // what a record looks like when it is uploaded
mod handler; // where records of all front ends meet
#[cfg(feature = "client")]
mod index; // the index that makes the fields searchable
#[cfg(feature = "tracing")]
mod layer; // events of tracing
mod level; // how severe a record is
#[cfg(feature = "https")]
mod local_address; // the source of records
#[cfg(feature = "log")]
mod logger; // records of log
mod origin; // which process and thread this is
mod own_targets; // records about shipping records
mod panic_hook; // panics as records
mod per_process; // a value with a lock that no fork can leave taken
pub mod producer; // logs of your own, with receipts
mod record; // a record, whoever made it
mod record_clock; // where records get their time from
mod redaction; // what must not leave the process
mod secret_end; // where a secret in a text ends
#[cfg(all(unix, feature = "signal"))]
mod signals; // signals that end the process
mod site; // where in a program a record was made
#[cfg(feature = "tracing")]
mod span_fields; // what of the spans around an event is uploaded

#[cfg(feature = "config")]
pub use config::{init_from_env, init_from_file, init_from_str};
pub use encoder::RecordEncoder;
pub use error::Error;
pub use field::{Field, FieldName, FieldNaming};
pub use format::RecordFormat;
pub use handler::{
    CloseReport, DeadRecords, Handler, HandlerBuilder, HandlerGuard, Signature, Stats,
};
#[cfg(feature = "client")]
pub use index::{IndexChange, handler_index, set_up_index};
#[cfg(feature = "tracing")]
pub use layer::SlsLayer;
pub use level::{Level, LevelNames};
#[cfg(feature = "log")]
pub use logger::SlsLogger;
pub use panic_hook::PanicHook;
pub use record::Record;
pub use redaction::{MAX_RULES, Redaction};
#[cfg(all(unix, feature = "signal"))]
pub use signals::{SignalGuard, SignalHook};
#[cfg(feature = "tracing")]
pub use span_fields::SpanFields;
/// What becomes of records for which there is no room, what a handler tells of its work, and why
/// records were dropped or are dead.
pub use telemetry_delivery::batch::{DeadReason, DropReason, Drops, Event, Overflow};
#[cfg(feature = "spool")]
pub use telemetry_delivery::spool::{Fsync, SpoolConfig};
