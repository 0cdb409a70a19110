//! Reads what a codec wrote: obfuscation off, decompressed, then JSON or protobuf.
//!
//! A collector and tests use it; a tracker does not. It is tolerant where SDKs differ:
//! unknown fields are passed over, texts may be numbers, a single JSON object stands for a
//! list of one. Nothing is believed about sizes.
//!
//! ```
//! use std::time::UNIX_EPOCH;
//!
//! use growingio_codecs::decode::{DecodeLimits, Packing, decode};
//! use growingio_codecs::{Batch, Codec, EventRecord, Json, Snappy, Xor};
//!
//! let batch = Batch::Events(vec![EventRecord::custom("paid", 7).with_anonymous_id("a")]);
//! let sent = Xor::new(Snappy::new(Json)).encode(&batch, UNIX_EPOCH)?;
//!
//! let headers = [("Content-Type", sent.content_type)].into_iter().chain(sent.headers.clone());
//! let packing = Packing::of_request(headers, &sent.query().unwrap_or_default())?;
//! let decoded = decode(sent.route, &packing, &sent.body, &DecodeLimits::default())?;
//! assert_eq!(decoded, batch);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod json;
mod limits;
mod packing;
mod protobuf;
mod reader;

use std::borrow::Cow;

use crate::batch::{Batch, Format};
use crate::route::Route;

pub use error::DecodeError;
pub use json::decode_json;
pub use limits::DecodeLimits;
pub use packing::{Packing, unsnap};
pub use protobuf::decode_protobuf;

/// Decodes the body of a request; the path has told the route.
///
/// # Errors
/// [`DecodeError`], which says how far it came.
pub fn decode(
    route: Route,
    packing: &Packing,
    body: &[u8],
    limits: &DecodeLimits,
) -> Result<Batch<'static>, DecodeError> {
    let plain = packing.unpack(body, limits)?;
    match packing.format {
        Format::Json => decode_json(route, &plain, limits),
        Format::Protobuf => decode_protobuf(route, &plain, limits),
    }
}

fn lossy(bytes: &[u8]) -> Cow<'static, str> {
    Cow::Owned(String::from_utf8_lossy(bytes).into_owned())
}
