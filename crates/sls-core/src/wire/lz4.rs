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
        let compressed = self.output[..written].to_vec();
        if self.output.len() > KEPT_OUTPUT {
            self.output = Vec::new();
        }
        compressed
    }
}
