use std::time::SystemTime;

use crate::batch::{Batch, Format};
use crate::codec::{CRYPT_HEADER, Codec, EncodeError, Encoded, Uncrypted, unix_ms};

/// Obfuscates the body of another codec: every byte is combined with the low byte of the
/// time of sending.
///
/// The time stands in the query, so this hides nothing from anyone; it is `crypt_data` of
/// the Python SDK. Over an encrypted connection it adds nothing.
#[doc(alias = "crypt_data")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Xor<C> {
    inner: C,
}

impl<C: Uncrypted> Xor<C> {
    /// Obfuscates what `inner` encodes.
    pub const fn new(inner: C) -> Self {
        Self { inner }
    }
}

impl<C: Uncrypted> Codec for Xor<C> {
    fn encode(&self, batch: &Batch<'_>, sent_at: SystemTime) -> Result<Encoded, EncodeError> {
        self.encode_reusing(batch, sent_at, Vec::new())
    }

    fn encode_reusing(
        &self,
        batch: &Batch<'_>,
        sent_at: SystemTime,
        memory: Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        let mut encoded = self.inner.encode_reusing(batch, sent_at, memory)?;
        let stm = unix_ms(sent_at);
        apply(&mut encoded.body, key(stm));
        // A key of zero changes nothing, and the header is sent all the same.
        encoded.headers.push((CRYPT_HEADER, "1"));
        encoded.stm = Some(stm);
        Ok(encoded)
    }

    fn format(&self) -> Option<Format> {
        self.inner.format()
    }
}

/// The key of a request that carries this time of sending.
pub(crate) const fn key(stm: i64) -> u8 {
    (stm & 0xff) as u8
}

/// Puts the obfuscation on, or takes it off.
pub(crate) fn apply(bytes: &mut [u8], key: u8) {
    for byte in bytes {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Json, Protobuf};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn the_key_is_the_low_byte_of_the_time_in_the_query() {
        let sent_at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        let encoded = Xor::new(Json)
            .encode(&Batch::Items(Vec::new()), sent_at)
            .unwrap();
        assert_eq!(encoded.stm, Some(1_700_000_000_123));
        assert_eq!(encoded.body, [b'[' ^ 123, b']' ^ 123]);
        assert_eq!(encoded.headers, [("X-Crypt-Codec", "1")]);
    }

    #[test]
    fn obfuscated_protobuf_has_a_query() {
        let encoded = Xor::new(Protobuf)
            .encode(&Batch::Items(Vec::new()), UNIX_EPOCH)
            .unwrap();
        assert_eq!(encoded.query().as_deref(), Some("stm=0"));
    }
}
