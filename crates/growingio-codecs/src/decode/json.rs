use std::borrow::Cow;

use super::reader::Reader;
use super::{DecodeError, DecodeLimits};
use crate::batch::{Batch, Format};
use crate::record::{
    AttributeValue, DecodedPreset, EventRecord, EventType, ItemRecord, Preset, ResourceItem,
};
use crate::route::Route;

type Result<T> = std::result::Result<T, DecodeError>;

/// Decodes a JSON body that is neither compressed nor obfuscated: an array of records, or
/// one record alone.
///
/// # Errors
/// [`DecodeError::Malformed`] when it is not JSON, [`DecodeError::BadField`] when a known
/// field holds what it cannot hold, and the errors of the limits.
pub fn decode_json(route: Route, body: &[u8], limits: &DecodeLimits) -> Result<Batch<'static>> {
    limits.check_body(body.len())?;
    match route {
        Route::Events => records(body, limits, event).map(Batch::Events),
        Route::Items => records(body, limits, item).map(Batch::Items),
        Route::UserMappings => Err(DecodeError::NotCarried {
            format: Format::Json,
            route,
        }),
    }
}

fn records<R>(
    body: &[u8],
    limits: &DecodeLimits,
    record: impl Fn(&mut Reader<'_>) -> Result<R>,
) -> Result<Vec<R>> {
    let mut reader = Reader::new(body, limits)?;
    let mut records = Vec::new();
    let mut one = |reader: &mut Reader<'_>| {
        reader.budget.record()?;
        records.push(record(reader)?);
        Ok(())
    };
    match reader.peek() {
        Some(b'[') => reader.array(one)?,
        _ => one(&mut reader)?,
    }
    reader.end()?;
    Ok(records)
}

fn event(reader: &mut Reader<'_>) -> Result<EventRecord<'static>> {
    let mut event = EventRecord::of_type(EventType::Unknown(Cow::Borrowed("")));
    reader.object(|reader, key| {
        match &*key {
            "eventType" => {
                if let Some(name) = text(reader, "eventType")? {
                    event.event_type = EventType::from_name(&name);
                }
            }
            "sdkVersion" => event.sdk_version = text(reader, "sdkVersion")?,
            "platform" => event.platform = text(reader, "platform")?,
            "timestamp" => event.timestamp_ms = integer(reader, "timestamp")?,
            "eventName" => event.event_name = text(reader, "eventName")?,
            "deviceId" => event.anonymous_id = text(reader, "deviceId")?,
            "userKey" => event.login_user_key = text(reader, "userKey")?,
            "userId" => event.login_user_id = text(reader, "userId")?,
            "attributes" => {
                let attributes = attributes(reader, "attributes")?;
                event.attributes = attributes.unwrap_or_default();
            }
            "resourceItem" => event.resource_item = resource_item(reader)?,
            "sendTime" => event.send_time_ms = integer(reader, "sendTime")?,
            "dataSourceId" => event.data_source_id = text(reader, "dataSourceId")?,
            "projectKey" => event.product_id = text(reader, "projectKey")?,
            other => match Preset::number_of(other) {
                Some(number) => {
                    if let Some(preset) = preset(reader, number)? {
                        event.presets.set(preset);
                    }
                }
                None => reader.skip(reader.budget.depth())?,
            },
        }
        Ok(())
    })?;
    Ok(event)
}

fn item(reader: &mut Reader<'_>) -> Result<ItemRecord<'static>> {
    let mut item = ItemRecord::default();
    reader.object(|reader, key| {
        match &*key {
            "key" => item.item_key = text(reader, "key")?,
            "id" => item.item_id = text(reader, "id")?,
            "attributes" => item.attributes = attributes(reader, "attributes")?,
            "dataSourceId" => item.data_source_id = text(reader, "dataSourceId")?,
            "projectKey" => item.product_id = text(reader, "projectKey")?,
            _ => reader.skip(reader.budget.depth())?,
        }
        Ok(())
    })?;
    Ok(item)
}

fn resource_item(reader: &mut Reader<'_>) -> Result<Option<ResourceItem<'static>>> {
    match reader.peek() {
        Some(b'{') => {}
        Some(b'n') => {
            reader.skip(0)?;
            return Ok(None);
        }
        _ => return Err(reader.bad_field("resourceItem", "is not an object")),
    }
    let mut item = ResourceItem::default();
    reader.object(|reader, key| {
        match &*key {
            "key" => item.item_key = text(reader, "key")?.unwrap_or_default(),
            "id" => item.item_id = text(reader, "id")?.unwrap_or_default(),
            "attributes" => {
                item.attributes = attributes(reader, "attributes")?.unwrap_or_default();
            }
            _ => reader.skip(reader.budget.depth())?,
        }
        Ok(())
    })?;
    Ok(Some(item))
}

fn attributes(
    reader: &mut Reader<'_>,
    field: &'static str,
) -> Result<Option<crate::record::Attributes<'static>>> {
    match reader.peek() {
        Some(b'{') => reader.attributes(reader.budget.depth()).map(Some),
        Some(b'n') => reader.skip(0).map(|()| None),
        _ => Err(reader.bad_field(field, "is not an object")),
    }
}

/// A text; the Python SDK sends numbers where it was given numbers.
fn text(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<Cow<'static, str>>> {
    match reader.value(reader.budget.depth())? {
        AttributeValue::Null => Ok(None),
        AttributeValue::Text(text) => Ok(Some(text)),
        AttributeValue::List(_) | AttributeValue::Map(_) => {
            Err(reader.bad_field(field, "is not a text"))
        }
        scalar => Ok(scalar.to_text().map(|text| Cow::Owned(text.into_owned()))),
    }
}

fn integer(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<i64>> {
    let wrong = |reader: &Reader<'_>| reader.bad_field(field, "is not an integer of 64 bits");
    match reader.value(reader.budget.depth())? {
        AttributeValue::Null => Ok(None),
        AttributeValue::Integer(value) => match i64::try_from(value) {
            Ok(value) => Ok(Some(value)),
            Err(_) => Err(wrong(reader)),
        },
        // Beyond 53 bits a double no longer names one integer.
        AttributeValue::Double(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
            Ok(Some(value as i64))
        }
        _ => Err(wrong(reader)),
    }
}

/// A field whose value is of the wrong type is passed over like one that is not known.
fn preset(reader: &mut Reader<'_>, number: u32) -> Result<Option<Preset<'static>>> {
    let value = reader.value(reader.budget.depth())?;
    let as_text = || {
        let text = value.to_text()?.into_owned();
        Preset::from_number(number, DecodedPreset::Text(text.into()))
    };
    Ok(match &value {
        AttributeValue::Text(_) => as_text(),
        AttributeValue::Integer(integer) => i64::try_from(*integer)
            .ok()
            .and_then(|integer| Preset::from_number(number, DecodedPreset::Integer(integer)))
            .or_else(|| Preset::from_number(number, DecodedPreset::Double(*integer as f64)))
            .or_else(as_text),
        AttributeValue::Double(double) => {
            Preset::from_number(number, DecodedPreset::Double(*double)).or_else(as_text)
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(body: &str) -> Result<Vec<EventRecord<'static>>> {
        match decode_json(Route::Events, body.as_bytes(), &DecodeLimits::default())? {
            Batch::Events(events) => Ok(events),
            other => panic!("not events: {other:?}"),
        }
    }

    #[test]
    fn unknown_members_are_passed_over_and_a_single_object_is_a_list_of_one() {
        let body = r#" {"x":{"y":[1,{"z":null}]},"eventType":"CUSTOM","eventName":"e","appName":"a","index":3,"latitude":1} "#;
        let event = EventRecord {
            event_name: Some("e".into()),
            ..EventRecord::of_type(EventType::Custom)
        }
        .with_preset(Preset::AppName("a".into()))
        .with_preset(Preset::Index(3))
        .with_preset(Preset::Latitude(1.0));
        assert_eq!(events(body).unwrap(), [event]);
    }

    #[test]
    fn numbers_may_stand_for_texts_and_null_for_nothing() {
        let body = r#"[{"eventType":"CUSTOM","userId":42,"deviceId":null,"timestamp":1.7e12,"attributes":null}]"#;
        let event = &events(body).unwrap()[0];
        assert_eq!(event.login_user_id.as_deref(), Some("42"));
        assert_eq!(event.anonymous_id, None);
        assert_eq!(event.timestamp_ms, Some(1_700_000_000_000));
        assert!(event.attributes.is_empty());
    }

    #[test]
    fn a_field_that_cannot_be_is_named_with_its_record() {
        let error = events(r#"[{},{"timestamp":"now"}]"#).unwrap_err();
        assert_eq!(
            error.to_string(),
            "timestamp of record 1 is not an integer of 64 bits"
        );
        let error = events(r#"[{"attributes":[]}]"#).unwrap_err();
        assert_eq!(error.to_string(), "attributes of record 0 is not an object");
        let error = events(r#"[{"userId":{}}]"#).unwrap_err();
        assert_eq!(error.to_string(), "userId of record 0 is not a text");
    }

    #[test]
    fn limits_hold() {
        let limits = DecodeLimits::default().with_records(2).with_values(3);
        let decode = |body: &str| decode_json(Route::Items, body.as_bytes(), &limits);
        assert_eq!(decode("[{},{}]").unwrap().len(), 2);
        let error = decode("[{},{},{}]").unwrap_err();
        assert_eq!(error.to_string(), "there are more than 2 records");
        let error = decode(r#"[{"attributes":{"a":[1,2,3]}}]"#).unwrap_err();
        assert_eq!(error.to_string(), "there are more than 3 values");
        let limits = limits.with_body_bytes(3);
        let error = decode_json(Route::Items, b"[{}]", &limits).unwrap_err();
        assert_eq!(error.to_string(), "4 bytes are more than the limit of 3");
    }
}
