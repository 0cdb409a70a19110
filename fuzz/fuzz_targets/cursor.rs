//! Any text can be a cursor; one that has a position stands for exactly that position.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sls_core::model::Cursor;

fuzz_target!(|bytes: &[u8]| {
    if let Some(position) = bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes)) {
        assert_eq!(Cursor::at_position(position).position(), Some(position));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let cursor = Cursor::new(text);
    assert_eq!(cursor.as_str(), text);
    if let Some(position) = cursor.position() {
        assert_eq!(Cursor::at_position(position).position(), Some(position));
        // White space around it is all that may differ besides leading zeros.
        assert_eq!(Cursor::new(text.trim()).position(), Some(position));
    }
});
