use proptest::prelude::*;
use prost::Message as _;

use super::{EncodedGroup, GroupListEncoder, GroupListView, GroupView};
use crate::generated::sls_v1 as reference;
use crate::model::{Log, LogGroup, LogTag, Text};

fn to_reference(group: &LogGroup) -> reference::LogGroup {
    let bytes = |text: &Text| Some(text.as_bytes().to_vec());
    reference::LogGroup {
        logs: group
            .logs
            .iter()
            .map(|log| reference::Log {
                time: Some(log.time),
                contents: log
                    .contents
                    .iter()
                    .map(|content| reference::LogContent {
                        key: bytes(&content.key),
                        value: bytes(&content.value),
                    })
                    .collect(),
                time_ns: log.time_ns,
            })
            .collect(),
        category: group.category.as_ref().and_then(bytes),
        topic: group.topic.as_ref().and_then(bytes),
        source: group.source.as_ref().and_then(bytes),
        machine_uuid: group.machine_uuid.as_ref().and_then(bytes),
        log_tags: group
            .tags
            .iter()
            .map(|tag| reference::LogTag {
                key: bytes(&tag.key),
                value: bytes(&tag.value),
            })
            .collect(),
    }
}

fn text() -> impl Strategy<Value = Text> {
    prop_oneof![
        ".{0,20}".prop_map(Text::from),
        proptest::collection::vec(any::<u8>(), 0..200).prop_map(Text::from),
    ]
}

fn log() -> impl Strategy<Value = Log> {
    let contents = proptest::collection::vec((text(), text()), 0..6);
    (any::<u32>(), any::<Option<u32>>(), contents).prop_map(|(time, time_ns, contents)| {
        let mut log = Log::at(time);
        log.time_ns = time_ns;
        for (key, value) in contents {
            log = log.with(key, value);
        }
        log
    })
}

fn group() -> impl Strategy<Value = LogGroup> {
    let meta = || proptest::option::of(text());
    let tags = proptest::collection::vec(
        (text(), text()).prop_map(|(key, value)| LogTag { key, value }),
        0..3,
    );
    (
        proptest::collection::vec(log(), 0..6),
        (meta(), meta(), meta(), meta()),
        tags,
    )
        .prop_map(
            |(logs, (category, topic, source, machine_uuid), tags)| LogGroup {
                logs,
                category,
                topic,
                source,
                machine_uuid,
                tags,
            },
        )
}

proptest! {
    #[test]
    fn the_encoder_writes_the_bytes_of_the_generated_types(group in group()) {
        let ours = EncodedGroup::from(&group);
        prop_assert_eq!(ours.as_bytes(), to_reference(&group).encode_to_vec());
    }

    #[test]
    fn the_view_reads_what_the_generated_types_wrote(groups in proptest::collection::vec(group(), 0..4)) {
        let list = reference::LogGroupList {
            log_groups: groups.iter().map(to_reference).collect(),
        };
        let bytes = list.encode_to_vec();
        prop_assert_eq!(GroupListView::parse(&bytes).unwrap().to_owned(), groups.clone());

        let mut encoder = GroupListEncoder::new();
        for group in &groups {
            encoder.push(EncodedGroup::from(group).as_bytes());
        }
        prop_assert_eq!(encoder.into_bytes(), bytes);
    }

    #[test]
    fn what_the_generated_types_accept_the_view_reads_alike(bytes: Vec<u8>) {
        // The reverse does not hold byte for byte: the generated types refuse a known field
        // of the wrong wire type, which official parsers skip as unknown.
        if let Ok(group) = reference::LogGroup::decode(bytes.as_slice()) {
            let view = GroupView::parse(&bytes).unwrap();
            prop_assert_eq!(to_reference(&view.to_owned()), group);
        }
    }

    #[test]
    fn a_damaged_list_never_panics(groups in proptest::collection::vec(group(), 1..3), at: prop::sample::Index, byte: u8) {
        let list = reference::LogGroupList {
            log_groups: groups.iter().map(to_reference).collect(),
        };
        let mut bytes = list.encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(list) = GroupListView::parse(&bytes) {
            prop_assert_eq!(list.to_owned().len(), list.group_count());
        }
    }
}
