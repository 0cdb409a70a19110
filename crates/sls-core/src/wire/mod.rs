//! What goes over the wire: protobuf, compression, header names.
//!
//! [`GroupEncoder`] and [`GroupListView`] are the only code that touches every byte of a
//! log, and both work on one buffer without a struct per field. The owned
//! [`LogGroup`](crate::model::LogGroup) is a convenience on top of them.

mod buffer;
mod check;
pub mod compress;
mod decode;
mod encode;
mod field;
mod fields;
pub mod headers;
mod lz4;
mod pairs;
mod varint;

pub use compress::{Compression, DecompressError};
pub use decode::{GroupList, GroupListView, GroupView, LogView, WireError};
pub use encode::{
    EncodedFields, EncodedGroup, GroupEncoder, GroupListEncoder, GroupMeta, LogEncoder,
};

/// The generated protobuf types: the reference that the code above is tested against.
#[cfg(test)]
mod protobuf;
