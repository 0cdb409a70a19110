#![doc = include_str!("../README.md")]

mod batch; // records of one kind, as values or already serialised
mod codec; // the seam: a batch and a time in, a request's body and headers out
pub mod decode; // the way back, with limits
mod json; // the JSON body
mod number; // the text of numbers
mod protobuf; // the protobuf body
pub mod record; // what a project collects
mod route; // where each kind of record is sent
mod rules; // what a record must have, and how long it may be
mod snappy; // compression around a codec
mod text; // the one text of a value
mod xor; // obfuscation around a codec

#[cfg(test)]
mod generated; // written by `cargo xtask codegen`; the reference for `protobuf`
#[cfg(test)]
mod round_trip; // every codec against every decoder

pub use batch::{Batch, Format, Record, Serialized};
pub use codec::{Codec, EncodeError, Encoded, Uncompressed, Uncrypted, unix_ms};
pub use json::Json;
pub use protobuf::Protobuf;
pub use record::{AttributeValue, Attributes, EventRecord, EventType, ItemRecord, UserMapping};
pub use route::Route;
pub use rules::{Field, Invalid, Limits, Rules};
pub use snappy::Snappy;
pub use xor::Xor;
