//! Body compression and its raw-size rule.
//!
//! An LZ4 body is a bare block: its size before compression travels in the header
//! `x-log-bodyrawsize` and nowhere else. So that header decides how much memory is
//! allocated, and it is checked against a limit and against what the compressed bytes can
//! possibly expand to before anything is. A claim that is larger than what the service sends
//! has to be proven, too: the body is decompressed once without keeping anything.

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
    /// `body` can expand to; above 16 MiB, nothing until it is known to be true.
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
        // What the decoder keeps to look back at; of LZ4 it is the output itself.
        let window = match self {
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd_window(body).map_or(0, |bytes| bytes.min(MAX_WINDOW) as usize),
            _ => 0,
        };
        if raw_size.saturating_add(window) > TRUSTED_BYTES {
            self.prove(body, raw_size)?;
        }
        // Pages that nothing is written to cost nothing, so a short body costs little.
        let mut raw = vec![0; raw_size];
        let written = match self {
            Self::None => {
                raw.copy_from_slice(body.get(..raw_size).unwrap_or_default());
                body.len()
            }
            Self::Lz4 => lz4_flex::block::decompress_into(body, &mut raw)
                .map_err(|cause| self.malformed(cause))?,
            #[cfg(feature = "zstd")]
            Self::Zstd => self.fill(zstd_decoder(body)?, &mut raw)?,
            #[cfg(feature = "deflate")]
            Self::Deflate => self.fill(flate2::bufread::ZlibDecoder::new(body), &mut raw)?,
        };
        check_size(raw_size, written)?;
        Ok(raw)
    }

    /// Decompresses without keeping anything, to see whether `raw_size` is true.
    fn prove(self, body: &[u8], raw_size: usize) -> Result<(), DecompressError> {
        let size = match self {
            Self::None => body.len(),
            Self::Lz4 => lz4_size(body).ok_or_else(|| self.malformed("a sequence ends early"))?,
            #[cfg(feature = "zstd")]
            Self::Zstd => self.count(zstd_decoder(body)?, raw_size)?,
            #[cfg(feature = "deflate")]
            Self::Deflate => self.count(flate2::bufread::ZlibDecoder::new(body), raw_size)?,
        };
        check_size(raw_size, size)
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

    /// Fills `raw` from a decoder; gives how much there is, more than fits counting as one more.
    #[cfg(any(feature = "zstd", feature = "deflate"))]
    fn fill(
        self,
        mut decoder: impl std::io::Read,
        raw: &mut [u8],
    ) -> Result<usize, DecompressError> {
        let mut filled = 0;
        while filled < raw.len() {
            // zstd's decoder gathers as much as it is asked for, beside its window.
            let end = raw.len().min(filled + STEP);
            match decoder.read(&mut raw[filled..end]) {
                Ok(0) => return Ok(filled),
                Ok(more) => filled += more,
                Err(cause) => return Err(self.malformed(cause)),
            }
        }
        // Also has the decoder look at what comes last, such as a checksum.
        let rest = decoder.read(&mut [0]);
        rest.map(|more| filled + more)
            .map_err(|cause| self.malformed(cause))
    }

    /// Reads a decoder to its end; gives how much there is, more than `most` as one more.
    #[cfg(any(feature = "zstd", feature = "deflate"))]
    fn count(self, decoder: impl std::io::Read, most: usize) -> Result<usize, DecompressError> {
        let mut some = std::io::Read::take(decoder, most as u64 + 1);
        let size = std::io::copy(&mut some, &mut std::io::sink());
        size.map(|size| usize::try_from(size).unwrap_or(usize::MAX))
            .map_err(|cause| self.malformed(cause))
    }

    fn malformed(self, cause: impl fmt::Display) -> DecompressError {
        DecompressError::Malformed {
            compression: self.name().unwrap_or("identity"),
            reason: cause.to_string(),
        }
    }
}

/// The most memory that is taken for a claim before it is proven: more than the service puts
/// into an answer, which is about 10 MB.
const TRUSTED_BYTES: usize = 16 << 20;

/// How much is asked of a decoder at once.
#[cfg(any(feature = "zstd", feature = "deflate"))]
const STEP: usize = 128 * 1024;

/// Whether as much came out as was announced; `found` is at least what did.
fn check_size(announced: usize, found: usize) -> Result<(), DecompressError> {
    match found {
        found if found == announced => Ok(()),
        found if found < announced => Err(DecompressError::WrongSize {
            announced,
            found: Some(found),
        }),
        _ => Err(DecompressError::WrongSize {
            announced,
            found: None,
        }),
    }
}

/// How many bytes an LZ4 block stands for, from the lengths of its sequences alone.
///
/// `None` when a sequence is cut short. What matches point to is not looked at.
fn lz4_size(mut block: &[u8]) -> Option<usize> {
    /// A length of four bits, continued in whole bytes when all four are set.
    fn length(bits: u8, block: &mut &[u8]) -> Option<usize> {
        let mut length = usize::from(bits);
        let mut goes_on = bits == 15;
        while goes_on {
            let (&more, rest) = block.split_first()?;
            *block = rest;
            length = length.checked_add(usize::from(more))?;
            goes_on = more == 255;
        }
        Some(length)
    }

    let mut size = 0usize;
    loop {
        let (&token, rest) = block.split_first()?;
        block = rest;
        let literals = length(token >> 4, &mut block)?;
        block = block.get(literals..)?;
        size = size.checked_add(literals)?;
        // The last sequence is literals only.
        if block.is_empty() {
            return Some(size);
        }
        block = block.get(2..)?;
        let matched = length(token & 15, &mut block)?;
        size = size.checked_add(matched)?.checked_add(4)?;
    }
}

/// The widest window a zstd frame may want, which is memory that the decoder has to keep:
/// as much as RFC 8878, section 3.1.1.1.2, wants every decoder to support, and as much as any
/// level up to 19 uses.
#[cfg(feature = "zstd")]
const MAX_WINDOW: u64 = 8 << 20;

#[cfg(feature = "zstd")]
fn zstd_decoder(body: &[u8]) -> Result<impl std::io::Read, DecompressError> {
    // ruzstd has a limit of its own for this, but not for every frame.
    if let Some(window) = zstd_window(body).filter(|window| *window > MAX_WINDOW) {
        return Err(DecompressError::WideWindow {
            window,
            limit: MAX_WINDOW,
        });
    }
    ruzstd::decoding::StreamingDecoder::new(body)
        .map_err(|cause| Compression::Zstd.malformed(cause))
}

/// The window of a zstd frame, from its header; `None` when it has none that can be read.
#[cfg(feature = "zstd")]
fn zstd_window(frame: &[u8]) -> Option<u64> {
    let [descriptor, rest @ ..] = frame.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])? else {
        return None;
    };
    let is_single_segment = descriptor & 0x20 != 0;
    if !is_single_segment {
        let window = rest.first()?;
        let base = 1u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // Without a window of its own, a frame's content is its window. A dictionary's number may
    // stand before the size.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let width = 1 << (descriptor >> 6);
    let mut size = [0; 8];
    size[..width].copy_from_slice(rest.get(dictionary..)?.get(..width)?);
    let size = u64::from_le_bytes(size);
    Some(if width == 2 { size + 256 } else { size })
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
    /// The frame wants more memory for looking back than this side gives.
    #[error("zstd frame with a window of {window} bytes is over the limit of {limit}")]
    WideWindow {
        /// What the frame wants, in bytes.
        window: u64,
        /// What this side gives, in bytes.
        limit: u64,
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
        fn a_large_claim_that_is_true_is_proven(raw: Vec<u8>, repeat in 1usize..50) {
            let raw = raw.repeat(repeat);
            for compression in ALL {
                let body = compression.compress(&raw);
                prop_assert!(compression.prove(&body, raw.len()).is_ok());
                prop_assert!(compression.prove(&body, raw.len() + 1).is_err());
                if let Some(less) = raw.len().checked_sub(1) {
                    prop_assert!(compression.prove(&body, less).is_err());
                }
            }
        }

        #[test]
        fn the_size_of_a_block_is_what_comes_out_of_it(body: Vec<u8>) {
            if let Ok(raw) = lz4_flex::block::decompress(&body, 1 << 20) {
                prop_assert_eq!(lz4_size(&body), Some(raw.len()));
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(body: Vec<u8>, raw_size in 0usize..10_000) {
            for compression in ALL {
                let _ = compression.decompress(&body, raw_size, 5_000);
                let _ = compression.prove(&body, raw_size);
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

    #[cfg(feature = "zstd")]
    #[test]
    fn a_frame_that_wants_too_wide_a_window_is_refused_before_decoding() {
        let magic = [0x28, 0xb5, 0x2f, 0xfd];
        let check = |header: &[u8], want: u64| {
            let frame = [&magic, header, &[0; 16]].concat();
            assert_eq!(zstd_window(&frame), Some(want), "{header:?}");
            let refused = Compression::Zstd.decompress(&frame, 1, 100);
            let is_too_wide = matches!(refused, Err(DecompressError::WideWindow { window, .. }) if window == want);
            assert_eq!(is_too_wide, want > MAX_WINDOW, "{refused:?}");
        };
        check(&[0x00, 0], 1024);
        check(&[0x00, 13 << 3], 8 << 20);
        check(&[0x00, 13 << 3 | 1], 9 << 20);
        check(&[0x00, 0xff], (1 << 41) / 8 * 15);
        // A single segment, its size in 1, 2, 4 and 8 bytes, the last behind a dictionary.
        check(&[0x20, 0xff], 255);
        check(&[0x60, 1, 0], 257);
        check(&[0xa0, 0, 0, 0, 1], 1 << 24);
        check(&[0xe3, 9, 9, 9, 9, 0, 0, 0, 0, 0, 1, 0, 0], 1 << 40);
        assert_eq!(zstd_window(&magic), None);
        assert_eq!(zstd_window(b"zstd"), None);
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
