//! A body with a claimed size comes out at exactly that size or not at all, and never larger
//! than the limit; what was compressed comes back.
#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use sls_core::wire::Compression;

/// Small, so that not every try is spent on clearing memory.
const LIMIT: usize = 1 << 16;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    compression: u8,
    claimed: u32,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    // LZ4 is what everybody sends, so it gets most of the tries.
    let compression = match input.compression {
        0..16 => Compression::None,
        16..32 => Compression::Zstd,
        32..48 => Compression::Deflate,
        _ => Compression::Lz4,
    };
    let claimed = input.claimed as usize % (LIMIT + LIMIT / 8);
    if let Ok(raw) = compression.decompress(input.body, claimed, LIMIT) {
        assert_eq!(raw.len(), claimed);
        assert!(claimed <= LIMIT);
    }

    // The other compressors are slow, and are not ours.
    if !matches!(compression, Compression::None | Compression::Lz4)
        && !input.claimed.is_multiple_of(16)
    {
        return;
    }
    let compressed = compression.compress(input.body);
    let raw = compression.decompress(&compressed, input.body.len(), LIMIT);
    assert_eq!(raw.as_deref(), Ok(input.body));
});
