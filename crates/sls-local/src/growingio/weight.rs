//! About how much memory what was collected takes.

use std::mem::size_of;

use growingio_codecs::record::{Attribute, Preset, PresetValue};
use growingio_codecs::{AttributeValue, Attributes, EventRecord, ItemRecord, UserMapping};

use super::collected::{CollectedEvent, CollectedRecord, CollectedRequest};

/// What an allocation costs on top of its bytes.
const ALLOCATION: usize = 16;

pub(super) fn of_request(request: &CollectedRequest) -> usize {
    let headers = request.headers.iter();
    let headers =
        headers.map(|(name, value)| size_of::<(String, String)>() + of_text(name) + of_text(value));
    let records = request.records.iter().map(|record| of_event(record));
    size_of::<CollectedRequest>()
        // Once more as the key by which it is recognised when it is repeated.
        + 2 * of_text(&request.target)
        + of_text(&request.product_id)
        + request.body.len()
        + headers.sum::<usize>()
        + records.sum::<usize>()
}

fn of_event(event: &CollectedEvent) -> usize {
    let record = match &event.record {
        CollectedRecord::Event(event) => of_event_record(event),
        CollectedRecord::Item(item) => of_item(item),
        CollectedRecord::UserMapping(mapping) => of_mapping(mapping),
    };
    let warnings = event.warnings.iter().map(|text| of_text(text));
    size_of::<CollectedEvent>() + of_text(&event.product_id) + warnings.sum::<usize>() + record
}

fn of_event_record(event: &EventRecord<'_>) -> usize {
    let texts = [
        &event.sdk_version,
        &event.platform,
        &event.event_name,
        &event.anonymous_id,
        &event.login_user_key,
        &event.login_user_id,
        &event.data_source_id,
        &event.product_id,
    ];
    let presets = event.presets.iter().map(|preset| {
        let text = match preset.value() {
            PresetValue::Text(text) => of_text(text),
            _ => 0,
        };
        size_of::<Preset<'_>>() + text
    });
    let item = event.resource_item.as_ref().map_or(0, |item| {
        of_text(&item.item_key) + of_text(&item.item_id) + of_attributes(&item.attributes)
    });
    of_texts(&texts) + of_attributes(&event.attributes) + presets.sum::<usize>() + item
}

fn of_item(item: &ItemRecord<'_>) -> usize {
    let texts = [
        &item.item_key,
        &item.item_id,
        &item.data_source_id,
        &item.product_id,
    ];
    of_texts(&texts) + item.attributes.as_ref().map_or(0, of_attributes)
}

fn of_mapping(mapping: &UserMapping<'_>) -> usize {
    let ids = mapping.identities.iter();
    let ids = ids.map(|(key, id)| 2 * size_of::<String>() + of_text(key) + of_text(id));
    of_text(&mapping.data_source_id) + of_text(&mapping.product_id) + ids.sum::<usize>()
}

fn of_attributes(attributes: &Attributes<'_>) -> usize {
    let pairs = attributes.iter();
    let pairs =
        pairs.map(|(key, value)| size_of::<Attribute<'_>>() + of_text(key) + of_value(value));
    ALLOCATION + pairs.sum::<usize>()
}

/// The parts of a value; the value itself is part of what holds it.
fn of_value(value: &AttributeValue<'_>) -> usize {
    match value {
        AttributeValue::Text(text) => of_text(text),
        AttributeValue::List(values) => values
            .iter()
            .map(|value| size_of::<AttributeValue<'_>>() + of_value(value))
            .sum(),
        AttributeValue::Map(pairs) => of_attributes(pairs),
        _ => 0,
    }
}

fn of_texts(texts: &[&Option<std::borrow::Cow<'_, str>>]) -> usize {
    let given = texts.iter().filter_map(|text| text.as_deref());
    given.map(of_text).sum()
}

fn of_text(text: &str) -> usize {
    ALLOCATION + text.len()
}
