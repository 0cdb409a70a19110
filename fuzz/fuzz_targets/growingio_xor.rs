//! A request in any packing, obfuscated or not, is read without a panic; what was obfuscated
//! comes back.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use growingio_codecs::decode::{DecodeLimits, Packing, decode};
use growingio_codecs::{Batch, Codec as _, Format, Protobuf, Route, Serialized, Xor};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    kind: &'a str,
    compression: &'a str,
    crypt: &'a str,
    stamp: &'a str,
    query: &'a str,
    route: u8,
    sent_ms: u32,
    body: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let limits = DecodeLimits::default().with_body_bytes(1 << 16);
    let route = Route::ALL[usize::from(input.route) % Route::ALL.len()];
    let headers = [
        ("content-type", input.kind),
        ("x-compress-codec", input.compression),
        ("x-crypt-codec", input.crypt),
        ("x-timestamp", input.stamp),
    ];
    if let Ok(packing) = Packing::of_request(headers, input.query) {
        let _ = decode(route, &packing, input.body, &limits);
    }

    if input.body.len() > 1 << 16 {
        return;
    }
    let sequence = input.body.to_vec();
    let records = Serialized::from_sequence(Format::Protobuf, route, 1, sequence);
    let sent_at = UNIX_EPOCH + Duration::from_millis(input.sent_ms.into());
    let encoded = Xor::new(Protobuf)
        .encode(&Batch::Serialized(records), sent_at)
        .expect("protobuf carries every kind");
    let headers = [("content-type", encoded.content_type)];
    let headers = headers.into_iter().chain(encoded.headers.iter().copied());
    let query = encoded.query().expect("obfuscation needs the time");
    let packing = Packing::of_request(headers, &query).expect("our own headers");
    assert_eq!(packing.key, Some(input.sent_ms as u8));
    let plain = packing
        .unpack(&encoded.body, &limits)
        .expect("our own body");
    assert_eq!(&plain[..], input.body);
});
