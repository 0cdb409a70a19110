//! Body compression and its raw-size rule.
//!
//! An LZ4 body is a bare block: its size before compression travels in the header
//! `x-log-bodyrawsize` and nowhere else. So that header decides how much memory is
//! allocated, and it is checked against a limit and against what the compressed bytes can
//! possibly expand to before anything is.

use std::fmt;

use super::lz4;

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// As it is.
    None,
    /// An LZ4 block without frame or size prefix. Every client and server knows it.
    #[default]
    Lz4,
    /// A zstd frame.
    #[cfg(feature = "zstd")]
    Zstd,
    /// A zlib stream (RFC 1950), which this wire calls `deflate`.
    #[cfg(feature = "deflate")]
    Deflate,
}

impl Compression {
    /// The value of `x-log-compresstype`, absent for [`Compression::None`].
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Lz4 => Some("lz4"),
            #[cfg(feature = "zstd")]
            Self::Zstd => Some("zstd"),
            #[cfg(feature = "deflate")]
            Self::Deflate => Some("deflate"),
        }
    }

    /// The compression with this name, in any case; `None` when it is unknown or its
    /// feature is off.
    ///
    /// `gzip` is a second name of `deflate`: some clients label a zlib stream so.
    pub fn from_name(name: &str) -> Option<Self> {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match () {
            () if name.is_empty() => Some(Self::None),
            () if is("lz4") => Some(Self::Lz4),
            #[cfg(feature = "zstd")]
            () if is("zstd") => Some(Self::Zstd),
            #[cfg(feature = "deflate")]
            () if is("deflate") || is("gzip") => Some(Self::Deflate),
            () => None,
        }
    }

    /// Compresses a body.
    ///
    /// What cannot be made smaller comes out slightly larger, and is sent all the same:
    /// the receiver has only the header to go by.
    pub fn compress(self, raw: &[u8]) -> Vec<u8> {
        match self {
            Self::None => raw.to_vec(),
            Self::Lz4 => lz4::compress(raw),
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                ruzstd::encoding::compress_to_vec(raw, ruzstd::encoding::CompressionLevel::Fastest)
            }
            #[cfg(feature = "deflate")]
            Self::Deflate => deflate(raw),
        }
    }

    /// Undoes [`compress`](Self::compress) into exactly `raw_size` bytes.
    ///
    /// Allocates nothing until `raw_size` is known to be within `limit` and within what
    /// `body` can expand to.
    ///
    /// # Errors
    /// [`DecompressError`] says which of the three did not hold: the limit, the format, or
    /// the announced size.
    pub fn decompress(
        self,
        body: &[u8],
        raw_size: usize,
        limit: usize,
    ) -> Result<Vec<u8>, DecompressError> {
        if raw_size > limit {
            return Err(DecompressError::TooLarge { raw_size, limit });
        }
        let possible = self.most_from(body.len());
        if raw_size > possible {
            return Err(DecompressError::Lying {
                raw_size,
                body: body.len(),
            });
        }
        match self {
            Self::None => Ok(body.to_vec()),
            Self::Lz4 => {
                let mut raw = vec![0; raw_size];
                let written = lz4_flex::block::decompress_into(body, &mut raw)
                    .map_err(|cause| self.malformed(cause))?;
                if written != raw_size {
                    return Err(self.wrong_size(raw_size, Some(written)));
                }
                Ok(raw)
            }
            #[cfg(feature = "zstd")]
            Self::Zstd => {
                let decoder = ruzstd::decoding::StreamingDecoder::new(body)
                    .map_err(|cause| self.malformed(cause))?;
                self.read_exactly(decoder, raw_size)
            }
            #[cfg(feature = "deflate")]
            Self::Deflate => self.read_exactly(flate2::bufread::ZlibDecoder::new(body), raw_size),
        }
        .and_then(|raw: Vec<u8>| match raw.len() {
            len if len == raw_size => Ok(raw),
            len => Err(self.wrong_size(raw_size, Some(len))),
        })
    }

    /// The most bytes that `len` compressed bytes can stand for.
    const fn most_from(self, len: usize) -> usize {
        match self {
            Self::None => len,
            // A byte of a match length adds at most 255 bytes; short blocks get slack for
            // the token and the offset.
            Self::Lz4 => len.saturating_mul(255).saturating_add(64),
            // A run-length block of three bytes and one more gives up to 128 KiB.
            #[cfg(feature = "zstd")]
            Self::Zstd => len.saturating_mul(128 * 1024),
            // The format's bound is 1032 to 1.
            #[cfg(feature = "deflate")]
            Self::Deflate => len.saturating_mul(1032).saturating_add(64),
        }
    }

    /// Reads a decoder to its end, which must come after `raw_size` bytes.
    #[cfg(any(feature = "zstd", feature = "deflate"))]
    fn read_exactly(
        self,
        decoder: impl std::io::Read,
        raw_size: usize,
    ) -> Result<Vec<u8>, DecompressError> {
        use std::io::Read as _;
        // Grows with what really comes out, so a short body with a large claim costs little.
        let mut raw = Vec::new();
        decoder
            .take(raw_size as u64 + 1)
            .read_to_end(&mut raw)
            .map_err(|cause| self.malformed(cause))?;
        match raw.len() {
            len if len == raw_size => Ok(raw),
            len if len < raw_size => Err(self.wrong_size(raw_size, Some(len))),
            _ => Err(self.wrong_size(raw_size, None)),
        }
    }

    fn malformed(self, cause: impl fmt::Display) -> DecompressError {
        DecompressError::Malformed {
            compression: self.name().unwrap_or("identity"),
            reason: cause.to_string(),
        }
    }

    fn wrong_size(self, announced: usize, found: Option<usize>) -> DecompressError {
        DecompressError::WrongSize { announced, found }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().unwrap_or("none"))
    }
}

#[cfg(feature = "deflate")]
fn deflate(raw: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = encoder.write_all(raw).and_then(|()| encoder.finish());
    written.expect("writing to a Vec cannot fail")
}

/// Why a compressed body was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecompressError {
    /// The announced size is over the limit of this side.
    #[error("body of {raw_size} bytes is over the limit of {limit}")]
    TooLarge {
        /// What the other side announced, in bytes.
        raw_size: usize,
        /// What this side accepts, in bytes.
        limit: usize,
    },
    /// The announced size cannot come out of so few bytes.
    #[error("{body} bytes cannot expand to the announced {raw_size}")]
    Lying {
        /// What the other side announced, in bytes.
        raw_size: usize,
        /// How many compressed bytes there are.
        body: usize,
    },
    /// The bytes are not of this format.
    #[error("body is not valid {compression}: {reason}")]
    Malformed {
        /// The announced compression.
        compression: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// The bytes are fine but stand for more or fewer than announced.
    #[error("body holds {} bytes where {announced} were announced", .found.map_or_else(|| "more".to_owned(), |found| found.to_string()))]
    WrongSize {
        /// What the other side announced, in bytes.
        announced: usize,
        /// What came out; `None` when it was more and reading stopped.
        found: Option<usize>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: &[Compression] = &[
        Compression::None,
        Compression::Lz4,
        #[cfg(feature = "zstd")]
        Compression::Zstd,
        #[cfg(feature = "deflate")]
        Compression::Deflate,
    ];

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(raw: Vec<u8>, repeat in 1usize..50) {
            let raw = raw.repeat(repeat);
            for compression in ALL {
                let body = compression.compress(&raw);
                prop_assert_eq!(&compression.decompress(&body, raw.len(), 1 << 20).unwrap(), &raw);
            }
        }

        #[test]
        fn a_wrong_raw_size_is_an_error(raw in proptest::collection::vec(any::<u8>(), 1..500), off in 1usize..50) {
            for compression in ALL {
                let body = compression.compress(&raw);
                prop_assert!(compression.decompress(&body, raw.len() + off, 1 << 20).is_err());
                prop_assert!(compression.decompress(&body, raw.len().saturating_sub(off), 1 << 20).is_err());
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(body: Vec<u8>, raw_size in 0usize..10_000) {
            for compression in ALL {
                let _ = compression.decompress(&body, raw_size, 5_000);
            }
        }
    }

    #[test]
    fn the_limit_counts_before_anything_is_allocated() {
        let error = Compression::Lz4.decompress(&[0; 2 << 20], 512 << 20, 64 << 20);
        assert!(matches!(error, Err(DecompressError::TooLarge { .. })));
    }

    #[test]
    fn a_claim_that_no_block_can_keep_is_refused() {
        let error = Compression::Lz4.decompress(&[0x10, b'x'], 60 << 20, 64 << 20);
        assert!(matches!(error, Err(DecompressError::Lying { .. })));
    }

    #[test]
    fn the_longest_possible_run_is_not_taken_for_a_lie() {
        let raw = vec![b'a'; 1 << 20];
        for compression in ALL {
            let body = compression.compress(&raw);
            assert!(
                compression.decompress(&body, raw.len(), 1 << 20).is_ok(),
                "{compression}"
            );
        }
    }
}
