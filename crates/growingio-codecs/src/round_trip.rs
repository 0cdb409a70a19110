//! What every codec writes is what every decoder reads, and any bytes do no harm.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::decode::{DecodeLimits, Packing, decode};
use crate::record::{Preset, PresetValue, Presets, ResourceItem};
use crate::{
    AttributeValue, Attributes, Batch, Codec, EventRecord, EventType, Format, ItemRecord, Json,
    Protobuf, Route, Serialized, Snappy, UserMapping, Xor,
};

type Owned = Cow<'static, str>;

fn text() -> impl Strategy<Value = Owned> {
    prop_oneof![
        "[a-z]{0,9}",
        "[\\x00-\\x7f]{0,20}",
        ".{0,12}",
        "[a中🙂|]{120,140}"
    ]
    .prop_map(Cow::Owned)
}

fn value() -> impl Strategy<Value = AttributeValue<'static>> {
    let leaf = prop_oneof![
        4 => text().prop_map(AttributeValue::Text),
        1 => Just(AttributeValue::Null),
        1 => any::<bool>().prop_map(AttributeValue::Bool),
        1 => any::<i128>().prop_map(AttributeValue::Integer),
        2 => any::<i32>().prop_map(AttributeValue::from),
        2 => (proptest::num::f64::NORMAL | proptest::num::f64::ZERO).prop_map(AttributeValue::Double),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(AttributeValue::from),
            vec((text(), inner), 0..4)
                .prop_map(|pairs| AttributeValue::Map(pairs.into_iter().collect())),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Attributes<'static>> {
    vec((text(), value()), 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

fn preset() -> impl Strategy<Value = Preset<'static>> {
    prop_oneof![
        text().prop_map(Preset::GioId),
        text().prop_map(Preset::SessionId),
        text().prop_map(Preset::Domain),
        text().prop_map(Preset::Path),
        text().prop_map(Preset::Language),
        text().prop_map(Preset::AppVersion),
        text().prop_map(Preset::UrlScheme),
        text().prop_map(Preset::DeviceBrand),
        text().prop_map(Preset::AppName),
        text().prop_map(Preset::Xcontent),
        any::<i32>().prop_map(Preset::ScreenHeight),
        any::<i64>().prop_map(Preset::GlobalSequenceId),
        proptest::num::f64::NORMAL.prop_map(Preset::Longitude),
    ]
}

fn resource_item() -> impl Strategy<Value = ResourceItem<'static>> {
    (text(), text(), attributes()).prop_map(|(item_key, item_id, attributes)| ResourceItem {
        item_key,
        item_id,
        attributes,
    })
}

pub(crate) fn event() -> impl Strategy<Value = EventRecord<'static>> {
    let texts = || vec(option::of(text()), 8);
    let times = (any::<Option<i64>>(), any::<Option<i64>>());
    let extra = (option::weighted(0.2, resource_item()), vec(preset(), 0..3));
    (0..12, texts(), times, attributes(), extra).prop_map(
        |(event_type, mut texts, (timestamp_ms, send_time_ms), attributes, (item, presets))| {
            let mut text = || texts.pop().flatten();
            let mut event = EventRecord {
                sdk_version: text(),
                platform: text(),
                timestamp_ms,
                send_time_ms,
                event_name: text(),
                anonymous_id: text(),
                login_user_key: text(),
                login_user_id: text(),
                attributes,
                resource_item: item,
                data_source_id: text(),
                product_id: text(),
                ..EventRecord::of_type(EventType::from_number(event_type))
            };
            for preset in presets {
                event.presets.set(preset);
            }
            event
        },
    )
}

fn item() -> impl Strategy<Value = ItemRecord<'static>> {
    let texts = vec(option::of(text()), 4);
    (texts, option::of(attributes())).prop_map(|(mut texts, attributes)| {
        let mut text = || texts.pop().flatten();
        ItemRecord {
            item_key: text(),
            item_id: text(),
            attributes,
            data_source_id: text(),
            product_id: text(),
        }
    })
}

fn user_mapping() -> impl Strategy<Value = UserMapping<'static>> {
    let identities = vec((text(), text()), 0..4);
    (any::<i64>(), identities, text(), text()).prop_map(|(time, identities, product, source)| {
        let mapping = UserMapping::new(time).with_ids(product, source);
        identities
            .into_iter()
            .fold(mapping, |mapping, (key, id)| mapping.with_identity(key, id))
    })
}

fn records() -> impl Strategy<Value = Batch<'static>> {
    prop_oneof![
        vec(event(), 0..4).prop_map(Batch::Events),
        vec(item(), 0..4).prop_map(Batch::Items),
    ]
}

/// A batch of any kind, which only protobuf can carry.
pub(crate) fn batch() -> impl Strategy<Value = Batch<'static>> {
    prop_oneof![
        2 => records(),
        1 => vec(user_mapping(), 0..4).prop_map(Batch::UserMappings),
    ]
}

fn codecs() -> [Box<dyn Codec>; 8] {
    [
        Box::new(Json),
        Box::new(Snappy::new(Json)),
        Box::new(Xor::new(Json)),
        Box::new(Xor::new(Snappy::new(Json))),
        Box::new(Protobuf),
        Box::new(Snappy::new(Protobuf)),
        Box::new(Xor::new(Protobuf)),
        Box::new(Xor::new(Snappy::new(Protobuf))),
    ]
}

/// What is left of a batch on the wire of a format.
fn carried(batch: &Batch<'static>, format: Format) -> Batch<'static> {
    let attributes = |attributes: &Attributes<'static>| -> Attributes<'static> {
        attributes
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), carried_value(value, format)?)))
            .collect()
    };
    let text = |text: &Option<Owned>| match format {
        Format::Json => text.clone(),
        Format::Protobuf => text.clone().filter(|text| !text.is_empty()),
    };
    let time = |time: Option<i64>| time.filter(|time| format == Format::Json || *time != 0);
    match batch {
        Batch::Events(events) => Batch::Events(
            events
                .iter()
                .map(|event| EventRecord {
                    event_type: event.event_type.clone(),
                    sdk_version: text(&event.sdk_version),
                    platform: text(&event.platform),
                    timestamp_ms: time(event.timestamp_ms),
                    send_time_ms: time(event.send_time_ms),
                    event_name: text(&event.event_name),
                    anonymous_id: text(&event.anonymous_id),
                    login_user_key: text(&event.login_user_key),
                    login_user_id: text(&event.login_user_id),
                    attributes: attributes(&event.attributes),
                    resource_item: event.resource_item.as_ref().map(|item| ResourceItem {
                        attributes: attributes(&item.attributes),
                        ..item.clone()
                    }),
                    presets: carried_presets(&event.presets, format),
                    data_source_id: text(&event.data_source_id),
                    product_id: text(&event.product_id),
                })
                .collect(),
        ),
        Batch::Items(items) => Batch::Items(
            items
                .iter()
                .map(|item| ItemRecord {
                    item_key: text(&item.item_key),
                    item_id: text(&item.item_id),
                    attributes: item
                        .attributes
                        .as_ref()
                        .map(attributes)
                        .filter(|attributes| format == Format::Json || !attributes.is_empty()),
                    data_source_id: text(&item.data_source_id),
                    product_id: text(&item.product_id),
                })
                .collect(),
        ),
        other => other.clone(),
    }
}

/// JSON keeps types other than list and map; protobuf has texts only.
fn carried_value(
    value: &AttributeValue<'static>,
    format: Format,
) -> Option<AttributeValue<'static>> {
    let is_text = format == Format::Protobuf
        || matches!(value, AttributeValue::List(_) | AttributeValue::Map(_));
    if is_text {
        return value.to_text().map(|text| text.into_owned().into());
    }
    Some(value.clone())
}

fn carried_presets(presets: &Presets<'static>, format: Format) -> Presets<'static> {
    let mut kept = Presets::new();
    for preset in presets {
        let is_default = match preset.value() {
            PresetValue::Text(text) => text.is_empty(),
            PresetValue::Integer(value) => value == 0,
            PresetValue::Double(value) => value.to_bits() == 0,
        };
        if format == Format::Json || !is_default {
            kept.set(preset.clone());
        }
    }
    kept
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(batch in batch(), sent_at_ms in 0..1u64 << 42) {
        let sent_at = UNIX_EPOCH + Duration::from_millis(sent_at_ms);
        for codec in codecs() {
            let Some(format) = codec.format() else {
                panic!("{codec:?} has no format");
            };
            if format == Format::Json && batch.route() == Route::UserMappings {
                prop_assert!(codec.encode(&batch, sent_at).is_err());
                continue;
            }
            let encoded = codec.encode(&batch, sent_at).unwrap();
            let content_type = [("content-type", encoded.content_type)];
            let headers = content_type.into_iter().chain(encoded.headers.iter().copied());
            let query = encoded.query().unwrap_or_default();
            let packing = Packing::of_request(headers, &query).unwrap();
            let decoded =
                decode(encoded.route, &packing, &encoded.body, &DecodeLimits::default()).unwrap();
            prop_assert_eq!(decoded, carried(&batch, format), "{:?}", codec);
        }
    }

    #[test]
    fn records_that_are_serialised_one_by_one_give_the_same_body(batch in records()) {
        for format in [Format::Json, Format::Protobuf] {
            let mut serialized = Serialized::new(format, batch.route());
            match &batch {
                Batch::Events(events) => events.iter().for_each(|e| serialized.push(e).unwrap()),
                Batch::Items(items) => items.iter().for_each(|i| serialized.push(i).unwrap()),
                other => panic!("{other:?}"),
            }
            let (mut whole, mut pieces) = (Vec::new(), Vec::new());
            batch.write(format, &mut whole).unwrap();
            Batch::Serialized(serialized).write(format, &mut pieces).unwrap();
            prop_assert_eq!(&whole, &pieces);
        }
    }

    #[test]
    fn json_is_what_serde_json_reads(batch in records()) {
        let mut body = Vec::new();
        batch.write(Format::Json, &mut body).unwrap();
        prop_assert!(body.iter().all(|byte| (0x20..0x7f).contains(byte)));
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        prop_assert_eq!(json.as_array().unwrap().len(), batch.len());
    }

    #[test]
    fn owned_records_equal_borrowed_ones(event in event()) {
        prop_assert_eq!(event.clone().into_owned(), event);
    }

    #[test]
    fn any_bytes_do_no_harm(body in vec(any::<u8>(), 0..200), key: Option<u8>, snappy: bool) {
        for route in Route::ALL {
            for format in [Format::Json, Format::Protobuf] {
                let packing = Packing { format, snappy, key };
                let _ = decode(route, &packing, &body, &DecodeLimits::default());
            }
        }
    }

    #[test]
    fn damaged_bodies_do_no_harm(batch in batch(), at: prop::sample::Index, byte: u8, cut: bool) {
        for codec in codecs() {
            let Ok(mut encoded) = codec.encode(&batch, UNIX_EPOCH) else { continue };
            if encoded.body.is_empty() {
                continue;
            }
            let at = at.index(encoded.body.len());
            encoded.body[at] = byte;
            if cut {
                encoded.body.truncate(at);
            }
            let headers = [("content-type", encoded.content_type)];
            let headers = headers.into_iter().chain(encoded.headers.iter().copied());
            let query = encoded.query().unwrap_or_default();
            let packing = Packing::of_request(headers, &query).unwrap();
            let _ = decode(encoded.route, &packing, &encoded.body, &DecodeLimits::default());
        }
    }
}
