//! The protobuf body: a list message, fields in ascending order.

mod append;
mod varint;

/// The generated types: the reference that the code above and the decoder are tested against.
#[cfg(test)]
mod reference;

use std::time::SystemTime;

use crate::batch::{Batch, Format, Serialized};
use crate::codec::{Codec, EncodeError, Encoded, Uncompressed, Uncrypted};

pub(crate) use append::{append_event, append_item, append_user_mapping};
pub(crate) use varint::take_varint;

/// Writes records as protobuf.
///
/// A request has no query. Attributes are texts here, so null ones are left out, and zeros
/// and empty texts outside attributes leave no bytes.
#[doc(alias = "ProtobufParser")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Protobuf;

impl Codec for Protobuf {
    fn encode(&self, batch: &Batch<'_>, sent_at: SystemTime) -> Result<Encoded, EncodeError> {
        self.encode_reusing(batch, sent_at, Vec::new())
    }

    fn encode_reusing(
        &self,
        batch: &Batch<'_>,
        _sent_at: SystemTime,
        mut memory: Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        batch.write(Format::Protobuf, &mut memory)?;
        let content_type = Format::Protobuf.content_type();
        Ok(Encoded::new(batch.route(), content_type, memory))
    }

    fn encode_serialized(
        &self,
        records: Serialized,
        _sent_at: SystemTime,
    ) -> Result<Encoded, EncodeError> {
        let route = records.route();
        let body = records.into_body(Format::Protobuf)?;
        Ok(Encoded::new(route, Format::Protobuf.content_type(), body))
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Protobuf)
    }
}

impl Uncompressed for Protobuf {}
impl Uncrypted for Protobuf {}
