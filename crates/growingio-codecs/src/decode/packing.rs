use std::borrow::Cow;

use super::{DecodeError, DecodeLimits};
use crate::batch::Format;
use crate::codec::{COMPRESS_HEADER, CRYPT_HEADER};
use crate::xor;

/// How a body is packed, as headers and query tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packing {
    /// What is inside.
    pub format: Format,
    /// Whether that is a snappy block.
    pub snappy: bool,
    /// The byte that all others are combined with.
    pub key: Option<u8>,
}

impl Packing {
    /// A body that is neither compressed nor obfuscated.
    pub const fn plain(format: Format) -> Self {
        Self {
            format,
            snappy: false,
            key: None,
        }
    }

    /// Reads the headers, in any order and case, and the query without its question mark.
    ///
    /// Any content type that is not protobuf's is taken for JSON, as browsers send some
    /// under other names.
    ///
    /// # Errors
    /// [`DecodeError::UnknownCompression`] and [`DecodeError::UnknownCrypt`] for codecs
    /// that only other SDKs have, [`DecodeError::NoKey`] when the key's time is missing.
    pub fn of_request<'r>(
        headers: impl IntoIterator<Item = (&'r str, &'r str)>,
        query: &str,
    ) -> Result<Self, DecodeError> {
        let mut packing = Self::plain(Format::Json);
        let mut crypt = false;
        let mut time = stm(query);
        for (name, value) in headers {
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-type") {
                packing.format = format(value);
            } else if name.eq_ignore_ascii_case(COMPRESS_HEADER) {
                packing.snappy = match value {
                    "" | "0" => false,
                    "2" => true,
                    other => return Err(DecodeError::UnknownCompression(other.to_owned())),
                };
            } else if name.eq_ignore_ascii_case(CRYPT_HEADER) {
                crypt = match value {
                    "" | "0" => false,
                    "1" => true,
                    other => return Err(DecodeError::UnknownCrypt(other.to_owned())),
                };
            } else if name.eq_ignore_ascii_case("x-timestamp") {
                time = time.or_else(|| value.parse().ok());
            }
        }
        if crypt {
            packing.key = Some(time.map(xor::key).ok_or(DecodeError::NoKey)?);
        }
        Ok(packing)
    }

    /// Takes obfuscation and compression off.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] before memory is taken for the result, and
    /// [`DecodeError::BadBlock`].
    pub fn unpack<'b>(
        &self,
        body: &'b [u8],
        limits: &DecodeLimits,
    ) -> Result<Cow<'b, [u8]>, DecodeError> {
        limits.check_body(body.len())?;
        let mut body = Cow::Borrowed(body);
        if let Some(key) = self.key {
            xor::apply(body.to_mut(), key);
        }
        if self.snappy {
            body = Cow::Owned(unsnap(&body, limits)?);
        }
        Ok(body)
    }
}

/// The time of sending that a query carries.
fn stm(query: &str) -> Option<i64> {
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix("stm="))
        .and_then(|time| time.parse().ok())
}

fn format(content_type: &str) -> Format {
    let name = content_type.split(';').next().unwrap_or_default().trim();
    let protobuf = ["application/protobuf", "application/x-protobuf"];
    if protobuf
        .iter()
        .any(|known| name.eq_ignore_ascii_case(known))
    {
        Format::Protobuf
    } else {
        Format::Json
    }
}

/// Decompresses a raw snappy block.
///
/// # Errors
/// [`DecodeError::TooLarge`] when the length that the block announces is over the limit,
/// and [`DecodeError::BadBlock`], both before memory is taken where the announcement alone
/// shows it.
pub fn unsnap(block: &[u8], limits: &DecodeLimits) -> Result<Vec<u8>, DecodeError> {
    let bytes = snap::raw::decompress_len(block).map_err(bad_block)?;
    limits.check_body(bytes)?;
    if bytes > block.len().saturating_mul(MOST_GROWTH) {
        return Err(bad_block(
            "announces more than a block of its size can hold",
        ));
    }
    let plain = snap::raw::Decoder::new().decompress_vec(block);
    plain.map_err(bad_block)
}

/// The element that grows most copies 64 bytes and takes three.
const MOST_GROWTH: usize = 22;

fn bad_block(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> DecodeError {
    DecodeError::BadBlock(cause.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&str, &str)], query: &str, want: Packing) {
        let packing = Packing::of_request(headers.iter().copied(), query);
        assert_eq!(packing.unwrap(), want);
    }

    #[test]
    fn headers_are_read_in_any_case() {
        check(&[], "", Packing::plain(Format::Json));
        check(
            &[("CONTENT-TYPE", "application/X-Protobuf; charset=utf-8")],
            "",
            Packing::plain(Format::Protobuf),
        );
        let packed = Packing {
            format: Format::Json,
            snappy: true,
            key: Some(123),
        };
        let headers = [("x-compress-codec", "2"), ("X-CRYPT-CODEC", " 1")];
        check(&headers, "a=b&stm=1700000000123", packed);
    }

    #[test]
    fn the_key_comes_from_the_query_before_the_header() {
        let headers = [("X-Crypt-Codec", "1"), ("X-Timestamp", "258")];
        let packed = |key| Packing {
            format: Format::Json,
            snappy: false,
            key: Some(key),
        };
        check(&headers, "stm=513", packed(1));
        check(&headers, "", packed(2));
        check(&headers, "stm=-1", packed(255));
        assert!(matches!(
            Packing::of_request([("X-Crypt-Codec", "1")], "stm=now"),
            Err(DecodeError::NoKey)
        ));
    }

    #[test]
    fn codecs_of_other_sdks_are_named() {
        let error = Packing::of_request([("X-Compress-Codec", "3")], "").unwrap_err();
        assert_eq!(error.to_string(), "compression \"3\" is not known");
        let error = Packing::of_request([("X-Crypt-Codec", "9")], "").unwrap_err();
        assert_eq!(error.to_string(), "obfuscation \"9\" is not known");
    }

    #[test]
    fn an_announced_length_is_checked_before_memory_is_taken() {
        let limits = DecodeLimits::default();
        // A varint of 4 GiB - 1, and one of 1 MiB with nothing behind it.
        let huge = [0xff, 0xff, 0xff, 0xff, 0x0f];
        assert!(matches!(
            unsnap(&huge, &limits),
            Err(DecodeError::TooLarge { .. })
        ));
        let hollow = [0x80, 0x80, 0x40];
        assert!(matches!(
            unsnap(&hollow, &limits),
            Err(DecodeError::BadBlock(_))
        ));
    }

    #[test]
    fn the_densest_block_is_not_refused() {
        let plain = vec![b'x'; 1 << 20];
        let block = snap::raw::Encoder::new().compress_vec(&plain).unwrap();
        assert_eq!(unsnap(&block, &DecodeLimits::default()).unwrap(), plain);
    }
}
