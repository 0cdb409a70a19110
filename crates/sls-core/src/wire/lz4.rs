//! LZ4 blocks, with the compressor's memory kept from call to call.

use std::cell::RefCell;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

/// The largest output kept for the next call, in bytes: enough for a put of 3 MB, the most
/// that the service takes by default.
const KEPT_OUTPUT: usize = 4 << 20;

/// Inputs up to here fit the small table, which is quicker to clear.
const SMALL_INPUT: usize = u16::MAX as usize - 1;

/// What the compressor works in. A fresh one for every body would be mostly page faults.
struct Scratch {
    small: CompressTable,
    large: Option<CompressTable>,
    output: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        small: CompressTable::small(),
        large: None,
        output: Vec::new(),
    });
}

/// The compressed bytes, without size or frame around them.
pub(super) fn compress(raw: &[u8]) -> Vec<u8> {
    SCRATCH.with_borrow_mut(|scratch| scratch.compress(raw))
}

impl Scratch {
    fn compress(&mut self, raw: &[u8]) -> Vec<u8> {
        let table = if raw.len() <= SMALL_INPUT {
            &mut self.small
        } else {
            self.large.get_or_insert_with(CompressTable::large)
        };
        let most = get_maximum_output_size(raw.len());
        if self.output.len() < most {
            self.output.resize(most, 0);
        }
        let written = compress_into_with_table(raw, &mut self.output, table)
            .expect("the output is as large as it can ever have to be");
        if self.output.len() <= KEPT_OUTPUT {
            return self.output[..written].to_vec();
        }
        // It is not kept, so it need not be copied: a large put is in memory often enough.
        let mut compressed = std::mem::take(&mut self.output);
        compressed.truncate(written);
        compressed.shrink_to_fit();
        compressed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_output_is_handed_over_and_not_kept() {
        // It was copied once, and a put of 8 MiB took that much more at its peak.
        let mut scratch = Scratch {
            small: CompressTable::small(),
            large: None,
            output: Vec::new(),
        };
        let raw: Vec<u8> = (0..KEPT_OUTPUT as u32 / 2)
            .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
            .collect();
        let compressed = scratch.compress(&raw);
        assert!(scratch.output.is_empty() && scratch.output.capacity() == 0);
        let back = lz4_flex::block::decompress(&compressed, raw.len());
        assert_eq!(back.expect("it is a block"), raw);

        let kept = scratch.compress(b"small enough");
        assert!(!scratch.output.is_empty());
        assert_eq!(scratch.compress(b"small enough"), kept);
    }
}
