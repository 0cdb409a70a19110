use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::batch::{Batch, Format, Serialized};
use crate::route::Route;

/// Turns a batch into the body, the headers and the query of one request. Object safe, pure.
///
/// [`Json`](crate::Json) and [`Protobuf`](crate::Protobuf) write records,
/// [`Snappy`](crate::Snappy) compresses what they wrote, [`Xor`](crate::Xor) obfuscates what
/// either gives:
///
/// ```
/// use growingio_codecs::{Codec, Json, Protobuf, Snappy, Xor};
///
/// let codecs: [Box<dyn Codec>; 4] = [
///     Box::new(Json),
///     Box::new(Snappy::new(Json)),
///     Box::new(Xor::new(Snappy::new(Json))),
///     Box::new(Xor::new(Snappy::new(Protobuf))),
/// ];
/// # let _ = codecs;
/// ```
///
/// `sent_at` is an argument because the obfuscation's key comes from the time that also
/// stands in the query. A request that is sent again is sent with the same bytes and the
/// same query; it is not encoded anew.
#[doc(alias = "data_parser")]
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// Encodes a batch that is sent at this time.
    ///
    /// # Errors
    /// [`EncodeError`] when the codec has no form for the batch.
    fn encode(&self, batch: &Batch<'_>, sent_at: SystemTime) -> Result<Encoded, EncodeError>;

    /// Encodes into memory that an earlier body has left; what is in it does not matter.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_reusing(
        &self,
        batch: &Batch<'_>,
        sent_at: SystemTime,
        memory: Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        drop(memory);
        self.encode(batch, sent_at)
    }

    /// Encodes records that are serialised already, in their own memory where that is possible.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    fn encode_serialized(
        &self,
        records: Serialized,
        sent_at: SystemTime,
    ) -> Result<Encoded, EncodeError> {
        self.encode(&Batch::Serialized(records), sent_at)
    }

    /// The format in which records may be serialised ahead, for [`Batch::Serialized`].
    ///
    /// `None` when the codec takes only batches of records.
    fn format(&self) -> Option<Format> {
        None
    }
}

const _: fn(&dyn Codec) = |_| {};

impl<C: Codec + ?Sized> Codec for Arc<C> {
    fn encode(&self, batch: &Batch<'_>, sent_at: SystemTime) -> Result<Encoded, EncodeError> {
        (**self).encode(batch, sent_at)
    }

    fn encode_reusing(
        &self,
        batch: &Batch<'_>,
        sent_at: SystemTime,
        memory: Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        (**self).encode_reusing(batch, sent_at, memory)
    }

    fn encode_serialized(
        &self,
        records: Serialized,
        sent_at: SystemTime,
    ) -> Result<Encoded, EncodeError> {
        (**self).encode_serialized(records, sent_at)
    }

    fn format(&self) -> Option<Format> {
        (**self).format()
    }
}

/// Marks a codec whose bodies are neither compressed nor obfuscated, so that compression fits.
pub trait Uncompressed: Uncrypted {}

/// Marks a codec whose bodies are not obfuscated.
///
/// Obfuscation comes last: a collector takes it off first, and taking it off twice would
/// put it back.
pub trait Uncrypted: Codec {}

/// One request, as far as it depends on the batch: everything but the server's address.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encoded {
    /// Where it is sent.
    pub route: Route,
    /// The value of the header `content-type`.
    pub content_type: &'static str,
    /// Further headers, names and values.
    pub headers: Vec<(&'static str, &'static str)>,
    /// The body.
    pub body: Vec<u8>,
    /// The time of sending, in milliseconds since the Unix epoch, when the query must be
    /// `stm={stm}`; without it, there is no query.
    pub stm: Option<i64>,
}

/// How a body is compressed: `2` for a snappy block.
pub(crate) const COMPRESS_HEADER: &str = "X-Compress-Codec";
/// How a body is obfuscated: `1` for one byte over all.
pub(crate) const CRYPT_HEADER: &str = "X-Crypt-Codec";

impl Encoded {
    /// A request without further headers and query, for codecs of your own.
    pub const fn new(route: Route, content_type: &'static str, body: Vec<u8>) -> Self {
        Self {
            route,
            content_type,
            headers: Vec::new(),
            body,
            stm: None,
        }
    }

    /// The query without its question mark; `None` when there is none.
    pub fn query(&self) -> Option<String> {
        self.stm.map(|stm| format!("stm={stm}"))
    }

    /// Path and query: what follows the server's address.
    pub fn path_and_query(&self, product_id: &str) -> String {
        let path = self.route.path(product_id);
        match self.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        }
    }
}

/// Without the body, which is the user's data.
impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoded")
            .field("route", &self.route)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .field("body_bytes", &self.body.len())
            .field("stm", &self.stm)
            .finish()
    }
}

/// Why a batch cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The format has no form for this kind of record.
    #[error("{format} has no form for {route}")]
    NotCarried {
        /// The codec's format.
        format: Format,
        /// The kind of record.
        route: Route,
    },
    /// The batch was serialised in a format that is not the codec's.
    #[error("records that were serialised as {batch} cannot be sent as {codec}")]
    OtherFormat {
        /// The codec's format.
        codec: Format,
        /// The batch's.
        batch: Format,
    },
    /// A record of another kind than the batch's.
    #[error("{record} cannot be in a batch of {batch}")]
    Mixed {
        /// What the batch has.
        batch: Route,
        /// What was to be added.
        record: Route,
    },
    /// The body is larger than its compression allows, 4 GiB.
    #[error("{bytes} bytes are too many for one block")]
    TooLarge {
        /// The size before compression.
        bytes: usize,
    },
}

/// Milliseconds since the Unix epoch, cut, negative before it.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let time = UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_999);
/// assert_eq!(growingio_codecs::unix_ms(time), 1_700_000_000_123);
/// ```
pub fn unix_ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |before| -before)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn milliseconds_are_cut_on_both_sides_of_the_epoch() {
        let part = Duration::from_micros(1_900);
        assert_eq!(unix_ms(UNIX_EPOCH + part), 1);
        assert_eq!(unix_ms(UNIX_EPOCH - part), -1);
        assert_eq!(unix_ms(UNIX_EPOCH), 0);
    }

    #[test]
    fn debug_shows_no_body() {
        let encoded = Encoded::new(Route::Items, "application/json", b"secret".to_vec());
        assert!(!format!("{encoded:?}").contains("115"));
        assert_eq!(encoded.path_and_query("p"), "/projects/p/collect/item");
    }
}
