//! What is read as JSON is written as JSON that reads the same, and nothing panics.
#![no_main]

use std::time::UNIX_EPOCH;

use growingio_codecs::decode::{DecodeLimits, decode_json};
use growingio_codecs::{Batch, Codec as _, Json, Route};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = DecodeLimits::default();
    for route in Route::ALL {
        let Ok(batch) = decode_json(route, bytes, &limits) else {
            continue;
        };
        assert_eq!(batch.route(), route);
        if route == Route::UserMappings {
            // There is no JSON for these.
            assert!(batch.is_empty() || Json.encode(&batch, UNIX_EPOCH).is_err());
            continue;
        }
        let again = round(&batch, &limits);
        assert_eq!(again.len(), batch.len());
        // Lists and maps have become texts; from now on nothing changes.
        assert_eq!(round(&again, &limits), again);
    }
});

fn round(batch: &Batch<'_>, limits: &DecodeLimits) -> Batch<'static> {
    let body = Json
        .encode(batch, UNIX_EPOCH)
        .expect("JSON has a form for it")
        .body;
    assert!(body.is_ascii());
    decode_json(batch.route(), &body, limits).expect("our own bytes")
}
