//! Version 1: order does not matter, signing twice changes nothing, and a server that
//! recomputes the signature from what arrived agrees.
#![no_main]

mod request;

use libfuzzer_sys::fuzz_target;
use sls_core::sign::{SignV1, v1};

use request::{Input, request, signed, value};

fuzz_target!(|input: Input| {
    let (mut query, mut headers) = (input.query(), input.headers());
    let Some(arrived) = signed(&SignV1, &input, &query, &headers) else {
        return;
    };

    let borrowed: Vec<_> = arrived
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    let text = v1::string_to_sign(&request(&input, &query, &borrowed), value(&arrived, "date"));
    let expected = v1::signature(input.credentials().access_key_secret(), &text);
    assert!(value(&arrived, "authorization").ends_with(&expected));

    query.reverse();
    headers.reverse();
    let again = signed(&SignV1, &input, &query, &headers).expect("signed before");
    assert_eq!(
        value(&again, "authorization"),
        value(&arrived, "authorization")
    );
    let again = signed(&SignV1, &input, &query, &arrived).expect("signed before");
    assert_eq!(
        value(&again, "authorization"),
        value(&arrived, "authorization")
    );
});
