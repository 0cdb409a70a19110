//! What is read as protobuf is written as protobuf that reads the same, and agrees with the
//! generated types; nothing panics.
#![no_main]

#[allow(clippy::all, dead_code, reason = "generated")]
#[path = "../../crates/growingio-codecs/src/generated/growingio_v3.rs"]
mod reference;

use std::time::UNIX_EPOCH;

use growingio_codecs::decode::{DecodeLimits, decode_protobuf};
use growingio_codecs::{Batch, Codec as _, Protobuf, Route};
use libfuzzer_sys::fuzz_target;
use prost::Message as _;

fuzz_target!(|bytes: &[u8]| {
    let limits = DecodeLimits::default();
    for route in Route::ALL {
        let Ok(batch) = decode_protobuf(route, bytes, &limits) else {
            continue;
        };
        assert_eq!(batch.route(), route);
        let body = Protobuf
            .encode(&batch, UNIX_EPOCH)
            .expect("protobuf has a form for all")
            .body;
        let again = decode_protobuf(route, &body, &limits).expect("our own bytes");
        assert_eq!(again.len(), batch.len());
        // Known by a name only, a type has no number to come back by.
        let once_more = Protobuf.encode(&again, UNIX_EPOCH).expect("as before").body;
        assert_eq!(once_more, body);
        same_as_generated(&again, &body);
    }
});

/// The generated types read what we wrote, and read as many records with the same fields.
fn same_as_generated(batch: &Batch<'_>, body: &[u8]) {
    match batch {
        Batch::Events(events) => {
            let list = reference::EventV3List::decode(body).expect("written by the schema");
            assert_eq!(list.values.len(), events.len());
            for (ours, theirs) in events.iter().zip(&list.values) {
                let text = ours.event_name.as_deref().unwrap_or_default();
                assert_eq!(text, theirs.event_name);
                let text = ours.anonymous_id.as_deref().unwrap_or_default();
                assert_eq!(text, theirs.device_id);
                assert_eq!(ours.timestamp_ms.unwrap_or_default(), theirs.timestamp);
                assert_eq!(ours.attributes.len(), theirs.attributes.len());
            }
        }
        Batch::Items(items) => {
            let list = reference::ItemDtoList::decode(body).expect("written by the schema");
            assert_eq!(list.values.len(), items.len());
            for (ours, theirs) in items.iter().zip(&list.values) {
                assert_eq!(ours.item_id.as_deref().unwrap_or_default(), theirs.id);
            }
        }
        Batch::UserMappings(mappings) => {
            let list = reference::UserMappingDtoList::decode(body).expect("written by the schema");
            assert_eq!(list.values.len(), mappings.len());
            for (ours, theirs) in mappings.iter().zip(&list.values) {
                assert_eq!(ours.identities.len(), theirs.identifies.len());
            }
        }
        _ => {}
    }
}
