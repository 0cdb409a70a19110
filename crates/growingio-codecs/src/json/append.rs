//! Records straight into the bytes of the array.
//!
//! Every object is written with a comma in front, so that sequences can be joined; closing
//! turns the first comma into the bracket.

use std::borrow::Cow;

use super::escape::{Escaped, push_escaped, push_quoted};
use crate::number::{with_double, with_integer};
use crate::record::{
    AttributeValue, Attributes, EventRecord, ItemRecord, Preset, PresetValue, ResourceItem,
};
use crate::text;

/// Makes the array of a sequence of objects.
pub(crate) fn close(sequence: &mut Vec<u8>) {
    match sequence.first_mut() {
        Some(comma) => *comma = b'[',
        None => sequence.push(b'['),
    }
    sequence.push(b']');
}

pub(crate) fn append_event(event: &EventRecord<'_>, buf: &mut Vec<u8>) {
    buf.extend_from_slice(b",{\"eventType\":\"");
    push_escaped(buf, event.event_type.name());
    buf.push(b'"');
    push_text(buf, b",\"sdkVersion\":\"", &event.sdk_version);
    push_text(buf, b",\"platform\":\"", &event.platform);
    push_time(buf, b",\"timestamp\":", event.timestamp_ms);
    push_text(buf, b",\"eventName\":\"", &event.event_name);
    push_text(buf, b",\"deviceId\":\"", &event.anonymous_id);
    push_text(buf, b",\"userKey\":\"", &event.login_user_key);
    push_text(buf, b",\"userId\":\"", &event.login_user_id);
    if !event.attributes.is_empty() {
        buf.extend_from_slice(b",\"attributes\":");
        push_attributes(buf, &event.attributes);
    }
    if let Some(item) = &event.resource_item {
        push_resource_item(buf, item);
    }
    for preset in &event.presets {
        push_preset(buf, preset);
    }
    push_time(buf, b",\"sendTime\":", event.send_time_ms);
    push_text(buf, b",\"dataSourceId\":\"", &event.data_source_id);
    push_text(buf, b",\"projectKey\":\"", &event.product_id);
    buf.push(b'}');
}

pub(crate) fn append_item(item: &ItemRecord<'_>, buf: &mut Vec<u8>) {
    buf.push(b',');
    let open = buf.len();
    push_text(buf, b",\"key\":\"", &item.item_key);
    push_text(buf, b",\"id\":\"", &item.item_id);
    if let Some(attributes) = &item.attributes {
        buf.extend_from_slice(b",\"attributes\":");
        push_attributes(buf, attributes);
    }
    push_text(buf, b",\"dataSourceId\":\"", &item.data_source_id);
    push_text(buf, b",\"projectKey\":\"", &item.product_id);
    // Any of the fields may be the first.
    match buf.get_mut(open) {
        Some(comma) => *comma = b'{',
        None => buf.push(b'{'),
    }
    buf.push(b'}');
}

/// A member with a text; `name` reaches up to its opening quote.
#[inline]
fn push_text(buf: &mut Vec<u8>, name: &[u8], text: &Option<Cow<'_, str>>) {
    if let Some(text) = text {
        buf.extend_from_slice(name);
        push_escaped(buf, text);
        buf.push(b'"');
    }
}

#[inline]
fn push_time(buf: &mut Vec<u8>, name: &[u8], time_ms: Option<i64>) {
    if let Some(time_ms) = time_ms {
        buf.extend_from_slice(name);
        push_integer(buf, i128::from(time_ms));
    }
}

fn push_resource_item(buf: &mut Vec<u8>, item: &ResourceItem<'_>) {
    buf.extend_from_slice(b",\"resourceItem\":{\"id\":");
    push_quoted(buf, &item.item_id);
    buf.extend_from_slice(b",\"key\":");
    push_quoted(buf, &item.item_key);
    if !item.attributes.is_empty() {
        buf.extend_from_slice(b",\"attributes\":");
        push_attributes(buf, &item.attributes);
    }
    buf.push(b'}');
}

fn push_preset(buf: &mut Vec<u8>, preset: &Preset<'_>) {
    buf.push(b',');
    push_quoted(buf, preset.key());
    buf.push(b':');
    match preset.value() {
        PresetValue::Text(text) => push_quoted(buf, text),
        PresetValue::Integer(value) => push_integer(buf, i128::from(value)),
        PresetValue::Double(value) => push_double(buf, value),
    }
}

#[inline]
fn push_attributes(buf: &mut Vec<u8>, attributes: &Attributes<'_>) {
    let mut separator = b'{';
    for (key, value) in attributes {
        buf.push(separator);
        separator = b',';
        push_quoted(buf, key);
        buf.push(b':');
        push_value(buf, value);
    }
    if separator == b'{' {
        buf.push(b'{');
    }
    buf.push(b'}');
}

#[inline]
fn push_value(buf: &mut Vec<u8>, value: &AttributeValue<'_>) {
    match value {
        AttributeValue::Text(text) => push_quoted(buf, text),
        AttributeValue::Integer(value) => push_integer(buf, *value),
        AttributeValue::Double(value) => push_double(buf, *value),
        AttributeValue::Bool(true) => buf.extend_from_slice(b"true"),
        AttributeValue::Bool(false) => buf.extend_from_slice(b"false"),
        AttributeValue::Null => buf.extend_from_slice(b"null"),
        AttributeValue::List(_) | AttributeValue::Map(_) => {
            buf.push(b'"');
            text::write(value, &mut Escaped(buf));
            buf.push(b'"');
        }
    }
}

#[inline]
fn push_integer(buf: &mut Vec<u8>, value: i128) {
    with_integer(value, |text| buf.extend_from_slice(text.as_bytes()));
}

#[inline]
fn push_double(buf: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        with_double(value, |text| buf.extend_from_slice(text.as_bytes()));
    } else {
        buf.extend_from_slice(b"null");
    }
}
