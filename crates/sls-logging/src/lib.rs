#![doc = include_str!("../README.md")]
// The front ends that use all of it come with the queue under them.
#![expect(dead_code, reason = "the queue under the front ends is on its way")]

#[cfg(feature = "config")]
pub mod config; // logging by configuration alone
mod encoder; // a record as the bytes of one log
mod error; // why logging could not be set up
mod extract; // fields out of the message's text
mod field; // what is known about a record beside its message
mod format; // what a record looks like when it is uploaded
mod handler; // where records of all front ends meet
mod level; // how severe a record is
mod origin; // which process and thread this is
mod record; // a record, whoever made it
mod redaction; // what must not leave the process

pub use encoder::RecordEncoder;
pub use error::Error;
pub use field::{Field, FieldName, FieldNaming};
pub use format::RecordFormat;
pub use handler::{Handler, HandlerBuilder, Signature, WhenFull};
pub use level::{Level, LevelNames};
pub use record::Record;
pub use redaction::{MAX_RULES, Redaction};
