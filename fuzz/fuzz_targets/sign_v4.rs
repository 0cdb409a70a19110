//! Version 4: order does not matter, signing twice changes nothing, and a server that
//! recomputes the signature from what arrived agrees.
#![no_main]

mod request;

use libfuzzer_sys::fuzz_target;
use sls_core::sign::{SignV4, v4};

use request::{Input, request, signed, value};

const REGION: &str = "cn-hangzhou";

fuzz_target!(|input: Input| {
    let signer = SignV4::new(REGION);
    let (mut query, mut headers) = (input.query(), input.headers());
    let Some(arrived) = signed(&signer, &input, &query, &headers) else {
        return;
    };

    let borrowed: Vec<_> = arrived
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        // Authorization is no part of what it proves.
        .filter(|(name, _)| *name != "authorization")
        .collect();
    let date_time = value(&arrived, "x-log-date");
    let hash = value(&arrived, "x-log-content-sha256");
    let canonical = v4::canonical_request(&request(&input, &query, &borrowed), hash);
    let scope = v4::scope(date_time, REGION);
    let key = v4::signing_key(input.credentials().access_key_secret(), date_time, REGION);
    let expected = v4::signature(&key, &v4::string_to_sign(date_time, &scope, &canonical));
    assert!(value(&arrived, "authorization").ends_with(&expected));

    query.reverse();
    headers.reverse();
    let again = signed(&signer, &input, &query, &headers).expect("signed before");
    assert_eq!(
        value(&again, "authorization"),
        value(&arrived, "authorization")
    );
    let again = signed(&signer, &input, &query, &arrived).expect("signed before");
    assert_eq!(
        value(&again, "authorization"),
        value(&arrived, "authorization")
    );
});
