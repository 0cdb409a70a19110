//! Decoding a list of log groups agrees with the generated types, and nothing panics.
#![no_main]

#[allow(clippy::all, dead_code, reason = "generated")]
#[path = "../../crates/sls-core/src/generated/sls_v1.rs"]
mod reference;

use libfuzzer_sys::fuzz_target;
use prost::Message as _;
use sls_core::model::{LogGroup, Text};
use sls_core::wire::{EncodedGroup, GroupListView};

fuzz_target!(|bytes: &[u8]| {
    let theirs = reference::LogGroupList::decode(bytes);
    let Ok(list) = GroupListView::parse(bytes) else {
        assert!(theirs.is_err(), "only the generated types read this");
        return;
    };
    let owned = list.to_owned();
    // The generated types refuse a known field of the wrong wire type; ours skips it.
    if let Ok(theirs) = theirs {
        assert_eq!(theirs.log_groups.len(), owned.len());
        for (ours, theirs) in owned.iter().zip(&theirs.log_groups) {
            assert_same(ours, theirs);
        }
    }
    assert_eq!(list.group_count(), owned.len());
    let logs: usize = owned.iter().map(|group| group.logs.len()).sum();
    assert_eq!(list.log_count(), logs);
    for (view, owned) in list.groups().zip(&owned) {
        assert_eq!(view.log_count(), owned.logs.len());
        for (view, owned) in view.logs().zip(&owned.logs) {
            assert_eq!(view.contents().count(), owned.contents.len());
            for ((key, value), content) in view.contents().zip(&owned.contents) {
                assert_eq!(key.as_bytes(), content.key.as_bytes());
                assert_eq!(key.to_str(), content.key.to_str());
                assert_eq!(value.as_bytes(), content.value.as_bytes());
                assert_eq!(value.to_str(), content.value.to_str());
            }
        }
        let again = EncodedGroup::from(owned);
        let again = sls_core::wire::GroupView::parse(again.as_bytes()).expect("our own bytes");
        assert_eq!(again.to_owned(), *owned);
    }
});

fn assert_same(ours: &LogGroup, theirs: &reference::LogGroup) {
    assert_eq!(ours.logs.len(), theirs.logs.len());
    for (ours, theirs) in ours.logs.iter().zip(&theirs.logs) {
        assert_eq!(ours.time, theirs.time.unwrap_or_default());
        assert_eq!(ours.time_ns, theirs.time_ns);
        assert_eq!(ours.contents.len(), theirs.contents.len());
        for (ours, theirs) in ours.contents.iter().zip(&theirs.contents) {
            assert_eq!(ours.key.as_bytes(), theirs.key());
            assert_eq!(ours.value.as_bytes(), theirs.value());
        }
    }
    for (ours, theirs) in [
        (&ours.category, &theirs.category),
        (&ours.topic, &theirs.topic),
        (&ours.source, &theirs.source),
        (&ours.machine_uuid, &theirs.machine_uuid),
    ] {
        assert_eq!(ours.as_ref().map(Text::as_bytes), theirs.as_deref());
    }
    assert_eq!(ours.tags.len(), theirs.log_tags.len());
    for (ours, theirs) in ours.tags.iter().zip(&theirs.log_tags) {
        assert_eq!(ours.key.as_bytes(), theirs.key());
        assert_eq!(ours.value.as_bytes(), theirs.value());
    }
}
