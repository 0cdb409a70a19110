// The examples use the transport that is built in.
#![cfg_attr(any(not(doctest), feature = "https"), doc = include_str!("../README.md"))]

mod attempt; // a limit on the time of an attempt
mod config; // how a tracker is set up
mod counts; // what has become of messages
mod courier; // the thread that sends
mod dead_letter; // messages that were given up
pub mod delivery; // when messages are sent
#[cfg_attr(feature = "spool", path = "disk/mod.rs")]
#[cfg_attr(not(feature = "spool"), path = "no_disk.rs")]
mod disk; // what waits, on disk as well
mod error; // why a message was not taken or delivered
mod fate; // what becomes of records that were not accepted
pub mod message; // what is tracked
mod outbox; // records that wait, and how they leave
mod pending; // something that is awaited or waited for
mod per_process; // a value that a fork does not share
mod queue; // what waits, decided without I/O
mod redirect; // 307 and 308
mod report; // what a flush or a close came to
mod retry; // when a request is sent again
mod server; // where the collector is
mod tracker; // the calls
mod upload; // a batch becomes a request and is sent

#[cfg(feature = "config")]
pub use config::Settings;
pub use config::{ConfigError, Strategy, TrackerBuilder};
pub use counts::Counts;
pub use dead_letter::DeadLetter;
pub use delivery::{Asynchronous, Buffered, DebugPrint, Immediate};
pub use error::Error;
pub use message::{CustomEvent, Identity, Message, UserAttributes};
pub use outbox::Overflow;
pub use pending::Pending;
pub use report::Report;
pub use retry::Retry;
pub use tracker::Tracker;

#[cfg(feature = "spool")]
pub use telemetry_delivery::spool::{Fsync, SpoolConfig};

pub use growingio_codecs::record::{Preset, ResourceItem};
pub use growingio_codecs::{
    AttributeValue, Attributes, Codec, Field, Invalid, ItemRecord, Json, Limits, Protobuf, Rules,
    Snappy, UserMapping, Xor,
};
