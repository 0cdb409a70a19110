use std::fmt;
use std::sync::Mutex;
use std::time::SystemTime;

use crate::batch::{Batch, Format};
use crate::codec::{COMPRESS_HEADER, Codec, EncodeError, Encoded, Uncompressed, Uncrypted};

/// Compresses the body of another codec as one raw snappy block.
///
/// ```
/// use growingio_codecs::{Json, Protobuf, Snappy, Xor};
///
/// let as_python_sends_it = Xor::new(Snappy::new(Json));
/// let as_go_sends_it = Xor::new(Snappy::new(Protobuf));
/// ```
#[doc(alias = "SnappyParser")]
pub struct Snappy<C> {
    inner: C,
    /// What the last batch has left; a batch that finds it taken makes its own.
    scratch: Mutex<Scratch>,
}

struct Scratch {
    encoder: snap::raw::Encoder,
    plain: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            encoder: snap::raw::Encoder::new(),
            plain: Vec::new(),
        }
    }
}

/// A body larger than this is not worth keeping its memory for.
const KEPT_BYTES: usize = 4 << 20;

impl<C: Uncompressed> Snappy<C> {
    /// Compresses what `inner` encodes.
    pub fn new(inner: C) -> Self {
        Self {
            inner,
            scratch: Mutex::default(),
        }
    }
}

impl Scratch {
    fn encode<C: Codec>(
        &mut self,
        inner: &C,
        batch: &Batch<'_>,
        sent_at: SystemTime,
        mut body: Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        let plain = std::mem::take(&mut self.plain);
        let mut encoded = inner.encode_reusing(batch, sent_at, plain)?;
        let bytes = encoded.body.len();
        let most = snap::raw::max_compress_len(bytes);
        if most == 0 {
            return Err(EncodeError::TooLarge { bytes });
        }
        body.resize(most, 0);
        let len = self
            .encoder
            .compress(&encoded.body, &mut body)
            .map_err(|_| EncodeError::TooLarge { bytes })?;
        body.truncate(len);
        let plain = std::mem::replace(&mut encoded.body, body);
        if plain.capacity() <= KEPT_BYTES {
            self.plain = plain;
        }
        encoded.headers.push((COMPRESS_HEADER, "2"));
        Ok(encoded)
    }
}

impl<C: Uncompressed> Codec for Snappy<C> {
    fn encode(&self, batch: &Batch<'_>, sent_at: SystemTime) -> Result<Encoded, EncodeError> {
        self.encode_reusing(batch, sent_at, Vec::new())
    }

    fn encode_reusing(
        &self,
        batch: &Batch<'_>,
        sent_at: SystemTime,
        memory: Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        match self.scratch.try_lock() {
            Ok(mut scratch) => scratch.encode(&self.inner, batch, sent_at, memory),
            Err(_) => Scratch::default().encode(&self.inner, batch, sent_at, memory),
        }
    }

    fn format(&self) -> Option<Format> {
        self.inner.format()
    }
}

impl<C: Uncompressed> Uncrypted for Snappy<C> {}

impl<C: Clone + Uncompressed> Clone for Snappy<C> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<C: fmt::Debug> fmt::Debug for Snappy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Snappy").field(&self.inner).finish()
    }
}

impl<C: Uncompressed + Default> Default for Snappy<C> {
    fn default() -> Self {
        Self::new(C::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventRecord, Json, Protobuf};
    use std::time::UNIX_EPOCH;

    #[test]
    fn a_codec_that_is_used_again_gives_the_same_block() {
        let codec = Snappy::new(Json);
        let batch = |name| Batch::Events(vec![EventRecord::custom(name, 7)]);
        let first = codec.encode(&batch("a"), UNIX_EPOCH).unwrap();
        let other = codec
            .encode(&batch("longer than that"), UNIX_EPOCH)
            .unwrap();
        let again = codec
            .encode_reusing(&batch("a"), UNIX_EPOCH, other.body)
            .unwrap();
        assert_eq!(first, again);
        assert_eq!(first.headers, [("X-Compress-Codec", "2")]);
        assert_eq!(first.stm, Some(0));
    }

    #[test]
    fn protobuf_needs_no_query_when_it_is_compressed_either() {
        let encoded = Snappy::new(Protobuf)
            .encode(&Batch::Items(Vec::new()), UNIX_EPOCH)
            .unwrap();
        assert_eq!(encoded.stm, None);
        assert_eq!(encoded.content_type, "application/protobuf");
    }
}
