//! Records straight into the bytes of the list message.
//!
//! Fields stand in ascending order of their numbers and map entries in the order of their
//! keys' insertion, both halves always written: that makes the bytes those of the Python SDK.

use std::borrow::Cow;

use super::varint::{put_varint, varint_len};
use crate::number::{with_double, with_integer};
use crate::record::{
    AttributeValue, Attributes, EventRecord, ItemRecord, Preset, PresetValue, ResourceItem,
    UserMapping,
};
use crate::text;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;

pub(crate) fn append_event(event: &EventRecord<'_>, buf: &mut Vec<u8>) {
    // The only list in which the number is not 1 is that of the items.
    put_message(buf, 1, RECORD_WIDTH, |buf| push_event(buf, event));
}

pub(crate) fn append_item(item: &ItemRecord<'_>, buf: &mut Vec<u8>) {
    put_message(buf, 2, RECORD_WIDTH, |buf| {
        push_text(buf, 1, &item.item_id);
        push_text(buf, 2, &item.item_key);
        if let Some(attributes) = &item.attributes {
            push_attributes(buf, 3, attributes);
        }
        push_text(buf, 4, &item.data_source_id);
        push_text(buf, 5, &item.product_id);
    });
}

pub(crate) fn append_user_mapping(mapping: &UserMapping<'_>, buf: &mut Vec<u8>) {
    put_message(buf, 1, RECORD_WIDTH, |buf| {
        put_text(buf, 1, &mapping.product_id);
        put_integer(buf, 2, mapping.send_time_ms);
        for (key, id) in &mapping.identities {
            put_entry(buf, 3, key, id);
        }
        put_text(buf, 4, &mapping.data_source_id);
    });
}

fn push_event(buf: &mut Vec<u8>, event: &EventRecord<'_>) {
    let mut presets = event.presets.iter().as_slice();
    push_text(buf, 1, &event.anonymous_id);
    push_text(buf, 2, &event.login_user_id);
    push_presets(buf, &mut presets, 5);
    push_text(buf, 5, &event.data_source_id);
    put_integer(buf, 6, event.event_type.number().map_or(0, i64::from));
    push_text(buf, 7, &event.platform);
    put_integer(buf, 8, event.timestamp_ms.unwrap_or(0));
    push_presets(buf, &mut presets, 19);
    push_text(buf, 19, &event.sdk_version);
    push_presets(buf, &mut presets, 22);
    push_text(buf, 22, &event.event_name);
    push_presets(buf, &mut presets, 24);
    push_attributes(buf, 24, &event.attributes);
    if let Some(item) = &event.resource_item {
        push_resource_item(buf, item);
    }
    push_presets(buf, &mut presets, 53);
    push_text(buf, 53, &event.product_id);
    put_integer(buf, 54, event.send_time_ms.unwrap_or(0));
    push_text(buf, 55, &event.login_user_key);
    push_presets(buf, &mut presets, u32::MAX);
}

fn push_resource_item(buf: &mut Vec<u8>, item: &ResourceItem<'_>) {
    put_message(buf, 25, 1, |buf| {
        put_text(buf, 1, &item.item_id);
        put_text(buf, 2, &item.item_key);
        push_attributes(buf, 3, &item.attributes);
    });
}

/// Writes the presets whose numbers are below the next field's.
#[inline]
fn push_presets(buf: &mut Vec<u8>, presets: &mut &[Preset<'_>], below: u32) {
    // Few events have any.
    if !presets.is_empty() {
        push_presets_below(buf, presets, below);
    }
}

fn push_presets_below(buf: &mut Vec<u8>, presets: &mut &[Preset<'_>], below: u32) {
    while let Some((preset, rest)) = presets.split_first() {
        let number = preset.number();
        if number >= below {
            return;
        }
        match preset.value() {
            PresetValue::Text(text) => put_text(buf, number, text),
            PresetValue::Integer(value) => put_integer(buf, number, value),
            // Zero is left out, negative zero is not.
            PresetValue::Double(value) if value.to_bits() == 0 => {}
            PresetValue::Double(value) => {
                put_tag(buf, number, FIXED64);
                buf.extend_from_slice(&value.to_le_bytes());
            }
        }
        *presets = rest;
    }
}

#[inline]
fn push_text(buf: &mut Vec<u8>, number: u32, text: &Option<Cow<'_, str>>) {
    if let Some(text) = text {
        put_text(buf, number, text);
    }
}

#[inline]
fn push_attributes(buf: &mut Vec<u8>, number: u32, attributes: &Attributes<'_>) {
    for (key, value) in attributes {
        match value {
            AttributeValue::Text(text) => put_entry(buf, number, key, text),
            AttributeValue::Integer(value) => {
                with_integer(*value, |text| put_entry(buf, number, key, text));
            }
            AttributeValue::Double(value) if value.is_finite() => {
                with_double(*value, |text| put_entry(buf, number, key, text));
            }
            AttributeValue::Bool(true) => put_entry(buf, number, key, "true"),
            AttributeValue::Bool(false) => put_entry(buf, number, key, "false"),
            AttributeValue::Null | AttributeValue::Double(_) => {}
            AttributeValue::List(_) | AttributeValue::Map(_) => {
                put_message(buf, number, 1, |buf| {
                    put_bytes(buf, 1, key.as_bytes());
                    put_message(buf, 2, 1, |buf| text::write(value, buf));
                });
            }
        }
    }
}

/// A map entry: a message of two texts.
#[inline]
fn put_entry(buf: &mut Vec<u8>, number: u32, key: &str, value: &str) {
    let (key, value) = (key.as_bytes(), value.as_bytes());
    // The lengths of short texts, which most are, take one byte each.
    if key.len() + value.len() < 0x7c {
        let body = 4 + key.len() + value.len();
        put_short_head(buf, number, body as u8);
        buf.extend_from_slice(&[1 << 3 | BYTES as u8, key.len() as u8]);
        buf.extend_from_slice(key);
        buf.extend_from_slice(&[2 << 3 | BYTES as u8, value.len() as u8]);
        buf.extend_from_slice(value);
        return;
    }
    put_tag(buf, number, BYTES);
    let widths = varint_len(key.len() as u64) + varint_len(value.len() as u64);
    put_varint(buf, (2 + widths + key.len() + value.len()) as u64);
    put_bytes(buf, 1, key);
    put_bytes(buf, 2, value);
}

/// A text that is left out when it is empty.
#[inline]
fn put_text(buf: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        put_bytes(buf, number, text.as_bytes());
    }
}

/// An integer that is left out when it is zero; a negative one takes ten bytes.
#[inline]
fn put_integer(buf: &mut Vec<u8>, number: u32, value: i64) {
    if value != 0 {
        put_tag(buf, number, VARINT);
        put_varint(buf, value as u64);
    }
}

#[inline]
fn put_bytes(buf: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    if bytes.len() < 0x80 {
        put_short_head(buf, number, bytes.len() as u8);
        buf.extend_from_slice(bytes);
        return;
    }
    put_tag(buf, number, BYTES);
    put_varint(buf, bytes.len() as u64);
    buf.extend_from_slice(bytes);
}

/// The tag of a text or a message, and its length of less than 128, in one piece.
#[inline]
fn put_short_head(buf: &mut Vec<u8>, number: u32, len: u8) {
    let tag = number << 3 | BYTES;
    if tag < 0x80 {
        buf.extend_from_slice(&[tag as u8, len]);
    } else {
        // No number is as large as 2048.
        buf.extend_from_slice(&[tag as u8 | 0x80, (tag >> 7) as u8, len]);
    }
}

#[inline]
fn put_tag(buf: &mut Vec<u8>, number: u32, wire_type: u32) {
    put_varint(buf, u64::from(number << 3 | wire_type));
}

/// How many bytes the length of a record usually takes: those of 128 to 16383.
const RECORD_WIDTH: usize = 2;

/// A message whose length is known when it has been written.
///
/// The length gets as many bytes as it usually takes; when it takes another number, the
/// message is moved.
#[inline]
fn put_message(
    buf: &mut Vec<u8>,
    number: u32,
    usual_width: usize,
    write: impl FnOnce(&mut Vec<u8>),
) {
    put_tag(buf, number, BYTES);
    let len_at = buf.len();
    let body_at = len_at + usual_width;
    buf.resize(body_at, 0);
    write(buf);
    let len = buf.len() - body_at;
    let width = varint_len(len as u64);
    if width != usual_width {
        make_room(buf, body_at, len_at + width);
    }
    let mut rest = len as u64;
    let slot = &mut buf[len_at..len_at + width];
    for byte in slot.iter_mut() {
        *byte = rest as u8 | 0x80;
        rest >>= 7;
    }
    if let Some(last) = slot.last_mut() {
        *last &= 0x7f;
    }
}

/// Moves everything from `from` on to `to`.
#[cold]
fn make_room(buf: &mut Vec<u8>, from: usize, to: usize) {
    let end = buf.len();
    if to > from {
        buf.resize(end + to - from, 0);
    }
    buf.copy_within(from..end, to);
    buf.truncate(end + to - from);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_every_width_are_patched() {
        for size in [0, 1, 127, 128, 300, 16_383, 16_384, 70_000] {
            for usual_width in 1..=3 {
                let mut buf = vec![9];
                put_message(&mut buf, 1, usual_width, |buf| {
                    buf.resize(buf.len() + size, 7)
                });
                let mut want = vec![9];
                put_bytes(&mut want, 1, &vec![7; size]);
                assert_eq!(buf, want, "{size} in {usual_width}");
            }
        }
    }

    #[test]
    fn entries_of_every_length_are_messages_of_two_texts() {
        for size in [0, 1, 60, 61, 62, 63, 64, 130, 20_000] {
            let (key, value) = ("k".repeat(size), "v".repeat(size + 1));
            let mut buf = Vec::new();
            put_entry(&mut buf, 24, &key, &value);
            let mut want = Vec::new();
            put_message(&mut want, 24, 1, |buf| {
                put_bytes(buf, 1, key.as_bytes());
                put_bytes(buf, 2, value.as_bytes());
            });
            assert_eq!(buf, want, "{size}");
        }
    }

    #[test]
    fn items_are_field_2_of_their_list() {
        let mut buf = Vec::new();
        append_item(&ItemRecord::new("k", "i"), &mut buf);
        assert_eq!(buf, b"\x12\x06\x0a\x01i\x12\x01k");
    }

    #[test]
    fn null_attributes_are_left_out_and_empty_texts_are_not() {
        let mut buf = Vec::new();
        let item = ItemRecord::default()
            .with_attribute("n", AttributeValue::Null)
            .with_attribute("e", "")
            .with_attribute("l", [""]);
        append_item(&item, &mut buf);
        assert_eq!(
            buf,
            b"\x12\x0e\x1a\x05\x0a\x01e\x12\x00\x1a\x05\x0a\x01l\x12\x00"
        );
    }
}
