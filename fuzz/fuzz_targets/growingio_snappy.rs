//! A block comes out within the limit or not at all; what was compressed comes back.
#![no_main]

use std::time::UNIX_EPOCH;

use growingio_codecs::decode::{DecodeLimits, Packing, unsnap};
use growingio_codecs::{Batch, Codec as _, Format, Protobuf, Route, Serialized, Snappy};
use libfuzzer_sys::fuzz_target;

/// Small, so that not every try is spent on clearing memory.
const LIMIT: usize = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    let limits = DecodeLimits::default().with_body_bytes(LIMIT);
    if let Ok(plain) = unsnap(bytes, &limits) {
        assert!(plain.len() <= LIMIT);
    }
    if bytes.len() > LIMIT / 2 {
        return;
    }
    let records = Serialized::from_sequence(Format::Protobuf, Route::Events, 1, bytes.to_vec());
    let encoded = Snappy::new(Protobuf)
        .encode(&Batch::Serialized(records), UNIX_EPOCH)
        .expect("small enough");
    let headers = [("content-type", encoded.content_type)];
    let headers = headers.into_iter().chain(encoded.headers.iter().copied());
    let packing = Packing::of_request(headers, "").expect("our own headers");
    let plain = packing
        .unpack(&encoded.body, &limits)
        .expect("our own block");
    assert_eq!(&plain[..], bytes);
});
