use std::borrow::Cow;

use super::limits::Budget;
use super::{DecodeError, DecodeLimits, lossy};
use crate::batch::{Batch, Format};
use crate::protobuf::take_varint;
use crate::record::{
    DecodedPreset, EventRecord, EventType, ItemRecord, Preset, ResourceItem, UserMapping,
};
use crate::route::Route;

type Result<T> = std::result::Result<T, DecodeError>;

/// Decodes a protobuf body that is neither compressed nor obfuscated: the list message of
/// the route.
///
/// Attributes come out as texts, and a text that is not UTF-8 with replacement characters.
/// Absent, empty and zero are the same on this wire; outside attributes they come out as
/// absent.
///
/// # Errors
/// [`DecodeError::Malformed`] when it is not protobuf, and the errors of the limits.
pub fn decode_protobuf(route: Route, body: &[u8], limits: &DecodeLimits) -> Result<Batch<'static>> {
    limits.check_body(body.len())?;
    let mut decoder = Decoder {
        body,
        budget: Budget::new(limits),
    };
    match route {
        Route::Events => decoder.list(1, Decoder::event).map(Batch::Events),
        Route::Items => decoder.list(2, Decoder::item).map(Batch::Items),
        Route::UserMappings => decoder
            .list(1, Decoder::user_mapping)
            .map(Batch::UserMappings),
    }
}

struct Decoder<'b> {
    body: &'b [u8],
    budget: Budget,
}

/// Key and value of a map entry.
type Entry = (Cow<'static, str>, Cow<'static, str>);

impl<'b> Decoder<'b> {
    fn list<R>(
        &mut self,
        number: u32,
        record: impl Fn(&mut Self, &'b [u8]) -> Result<R>,
    ) -> Result<Vec<R>> {
        let mut records = Vec::new();
        let mut fields = Fields(self.body);
        while let Some(field) = self.next(&mut fields)? {
            if let (found, Wire::Bytes(bytes)) = field {
                if found == number {
                    self.budget.record()?;
                    records.push(record(self, bytes)?);
                }
            }
        }
        Ok(records)
    }

    fn event(&mut self, bytes: &'b [u8]) -> Result<EventRecord<'static>> {
        let mut event = EventRecord::of_type(EventType::Visit);
        let mut attributes = Vec::new();
        let mut item_attributes = Vec::new();
        let mut fields = Fields(bytes);
        while let Some((number, value)) = self.next(&mut fields)? {
            match (number, value) {
                (1, Wire::Bytes(bytes)) => event.anonymous_id = text(bytes),
                (2, Wire::Bytes(bytes)) => event.login_user_id = text(bytes),
                (5, Wire::Bytes(bytes)) => event.data_source_id = text(bytes),
                // An enum is an int32: what is above 32 bits does not count.
                (6, Wire::Varint(value)) => event.event_type = EventType::from_number(value as i32),
                (7, Wire::Bytes(bytes)) => event.platform = text(bytes),
                (8, Wire::Varint(value)) => event.timestamp_ms = integer(value),
                (19, Wire::Bytes(bytes)) => event.sdk_version = text(bytes),
                (22, Wire::Bytes(bytes)) => event.event_name = text(bytes),
                (24, Wire::Bytes(bytes)) => attributes.push(self.entry(bytes)?),
                (25, Wire::Bytes(bytes)) => {
                    let item = event.resource_item.get_or_insert_default();
                    self.resource_item(item, &mut item_attributes, bytes)?;
                }
                (53, Wire::Bytes(bytes)) => event.product_id = text(bytes),
                (54, Wire::Varint(value)) => event.send_time_ms = integer(value),
                (55, Wire::Bytes(bytes)) => event.login_user_key = text(bytes),
                (number, value) => {
                    if let Some(preset) = preset(number, value) {
                        event.presets.set(preset);
                    }
                }
            }
        }
        event.attributes = attributes.into_iter().collect();
        if let Some(item) = &mut event.resource_item {
            item.attributes = item_attributes.into_iter().collect();
        }
        Ok(event)
    }

    fn item(&mut self, bytes: &'b [u8]) -> Result<ItemRecord<'static>> {
        let mut item = ItemRecord::default();
        let mut attributes = Vec::new();
        let mut fields = Fields(bytes);
        while let Some((number, value)) = self.next(&mut fields)? {
            match (number, value) {
                (1, Wire::Bytes(bytes)) => item.item_id = text(bytes),
                (2, Wire::Bytes(bytes)) => item.item_key = text(bytes),
                (3, Wire::Bytes(bytes)) => attributes.push(self.entry(bytes)?),
                (4, Wire::Bytes(bytes)) => item.data_source_id = text(bytes),
                (5, Wire::Bytes(bytes)) => item.product_id = text(bytes),
                _ => {}
            }
        }
        if !attributes.is_empty() {
            item.attributes = Some(attributes.into_iter().collect());
        }
        Ok(item)
    }

    fn user_mapping(&mut self, bytes: &'b [u8]) -> Result<UserMapping<'static>> {
        let mut mapping = UserMapping::default();
        let mut identities = Vec::new();
        let mut fields = Fields(bytes);
        while let Some((number, value)) = self.next(&mut fields)? {
            match (number, value) {
                (1, Wire::Bytes(bytes)) => mapping.product_id = lossy(bytes),
                (2, Wire::Varint(value)) => mapping.send_time_ms = value as i64,
                (3, Wire::Bytes(bytes)) => identities.push(self.entry(bytes)?),
                (4, Wire::Bytes(bytes)) => mapping.data_source_id = lossy(bytes),
                _ => {}
            }
        }
        mapping.set_identities(identities);
        Ok(mapping)
    }

    /// A message may come in parts, which are put together; the attributes are put in order
    /// once, when all parts are there.
    fn resource_item(
        &mut self,
        item: &mut ResourceItem<'static>,
        attributes: &mut Vec<Entry>,
        bytes: &'b [u8],
    ) -> Result<()> {
        let mut fields = Fields(bytes);
        while let Some((number, value)) = self.next(&mut fields)? {
            match (number, value) {
                (1, Wire::Bytes(bytes)) => item.item_id = lossy(bytes),
                (2, Wire::Bytes(bytes)) => item.item_key = lossy(bytes),
                (3, Wire::Bytes(bytes)) => attributes.push(self.entry(bytes)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn entry(&mut self, bytes: &'b [u8]) -> Result<Entry> {
        self.budget.value()?;
        let mut entry = Entry::default();
        let mut fields = Fields(bytes);
        while let Some((number, value)) = self.next(&mut fields)? {
            match (number, value) {
                (1, Wire::Bytes(bytes)) => entry.0 = lossy(bytes),
                (2, Wire::Bytes(bytes)) => entry.1 = lossy(bytes),
                _ => {}
            }
        }
        Ok(entry)
    }

    /// The next field; `None` at the end of the message.
    fn next(&self, fields: &mut Fields<'b>) -> Result<Option<(u32, Wire<'b>)>> {
        if fields.0.is_empty() {
            return Ok(None);
        }
        // Both are slices of one allocation.
        let offset = fields.0.as_ptr() as usize - self.body.as_ptr() as usize;
        let field = fields.take().ok_or(DecodeError::Malformed {
            format: Format::Protobuf,
            offset,
            what: "a field that is cut or of no known type",
        })?;
        Ok(Some(field))
    }
}

fn text(bytes: &[u8]) -> Option<Cow<'static, str>> {
    (!bytes.is_empty()).then(|| lossy(bytes))
}

fn integer(value: u64) -> Option<i64> {
    (value != 0).then_some(value as i64)
}

fn preset(number: u32, value: Wire<'_>) -> Option<Preset<'static>> {
    let value = match value {
        Wire::Bytes(bytes) => DecodedPreset::Text(text(bytes)?),
        Wire::Varint(value) => DecodedPreset::Integer(integer(value)?),
        Wire::Fixed64(bits) if bits != 0 => DecodedPreset::Double(f64::from_bits(bits)),
        _ => return None,
    };
    Preset::from_number(number, value)
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
enum Wire<'b> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'b [u8]),
    /// A type that no field here has.
    Other,
}

/// The fields of a message that are left.
struct Fields<'b>(&'b [u8]);

/// Groups, which nobody uses, may nest; this many levels are passed over.
const MAX_GROUP_DEPTH: u32 = 32;

impl<'b> Fields<'b> {
    /// The next field; `None` when there is none that can be read.
    fn take(&mut self) -> Option<(u32, Wire<'b>)> {
        let tag = u32::try_from(take_varint(&mut self.0)?).ok()?;
        let value = self.value(tag, MAX_GROUP_DEPTH)?;
        Some((tag >> 3, value))
    }

    fn value(&mut self, tag: u32, depth: u32) -> Option<Wire<'b>> {
        if tag >> 3 == 0 {
            return None;
        }
        match tag & 7 {
            0 => take_varint(&mut self.0).map(Wire::Varint),
            1 => {
                let bytes = self.bytes(8)?.try_into().ok()?;
                Some(Wire::Fixed64(u64::from_le_bytes(bytes)))
            }
            2 => {
                let len = take_varint(&mut self.0)?;
                self.bytes(usize::try_from(len).ok()?).map(Wire::Bytes)
            }
            3 => self.group(tag, depth).map(|()| Wire::Other),
            5 => self.bytes(4).map(|_| Wire::Other),
            _ => None,
        }
    }

    fn bytes(&mut self, len: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn group(&mut self, start: u32, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        loop {
            let tag = u32::try_from(take_varint(&mut self.0)?).ok()?;
            if tag == start + 1 {
                return Some(());
            }
            self.value(tag, depth)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(route: Route, body: &[u8]) -> Result<Batch<'static>> {
        decode_protobuf(route, body, &DecodeLimits::default())
    }

    #[test]
    fn unknown_fields_of_every_wire_type_are_passed_over() {
        // Field 60 as varint, 64 bits, bytes, group and 32 bits; then the item's key, and a
        // field 1 of the list, which is no item.
        let item = [
            0xe0, 0x03, 1, 0xe1, 0x03, 1, 2, 3, 4, 5, 6, 7, 8, 0xe2, 0x03, 1, 0xff, 0xe3, 0x03,
            0x08, 1, 0xe4, 0x03, 0xe5, 0x03, 1, 2, 3, 4, 0x12, 1, b'k',
        ];
        let mut body = vec![0x12, item.len() as u8];
        body.extend(item);
        body.extend([0x0a, 1, b'x']);
        let want = ItemRecord {
            item_key: Some("k".into()),
            ..ItemRecord::default()
        };
        assert_eq!(
            decode(Route::Items, &body).unwrap(),
            Batch::Items(vec![want])
        );
    }

    #[test]
    fn a_cut_body_is_refused_with_its_place() {
        let error = decode(Route::Events, &[0x0a, 0x04, 0x0a, 0x05, b'a', b'b']).unwrap_err();
        assert_eq!(
            error.to_string(),
            "malformed protobuf at byte 2: a field that is cut or of no known type"
        );
    }

    #[test]
    fn deep_groups_do_not_exhaust_the_stack() {
        assert!(decode(Route::Events, &vec![0x7b; 1 << 20]).is_err());
    }

    #[test]
    fn a_text_that_is_not_utf8_does_not_fail_the_batch() {
        let Batch::Items(items) = decode(Route::Items, &[0x12, 3, 0x12, 1, 0xff]).unwrap() else {
            panic!("not items");
        };
        assert_eq!(items[0].item_key.as_deref(), Some("\u{fffd}"));
    }

    /// The attributes were once put in order with every part, in time that grew with the square
    /// of their number.
    #[test]
    fn a_resource_item_in_many_parts_is_put_together() {
        let mut event = vec![0xca, 0x01, 3, 0x0a, 1, b'i', 0xca, 0x01, 3, 0x12, 1, b'k'];
        for n in 0..200_000u32 {
            let key = format!("{n:06}");
            event.extend([0xca, 0x01, 10, 0x1a, 8, 0x0a, 6]);
            event.extend(key.as_bytes());
        }
        let len = event.len() as u32;
        let mut body = vec![0x0a, len as u8 | 0x80, (len >> 7) as u8 | 0x80];
        body.extend([(len >> 14) as u8 | 0x80, (len >> 21) as u8]);
        body.extend(event);
        let Batch::Events(events) = decode(Route::Events, &body).unwrap() else {
            panic!("not events");
        };
        let item = events[0].resource_item.as_ref().unwrap();
        assert_eq!((&*item.item_key, &*item.item_id), ("k", "i"));
        assert_eq!(item.attributes.len(), 200_000);
    }

    #[test]
    fn many_tiny_records_meet_the_limit() {
        let limits = DecodeLimits::default().with_records(10).with_values(1);
        let body = [0x0a, 0].repeat(11);
        let error = decode_protobuf(Route::Events, &body, &limits).unwrap_err();
        assert_eq!(error.to_string(), "there are more than 10 records");
        let body = [0x12, 4, 0x1a, 0, 0x1a, 0];
        let error = decode_protobuf(Route::Items, &body, &limits).unwrap_err();
        assert_eq!(error.to_string(), "there are more than 1 values");
    }
}
