//! The recorded requests, decoded.

use growingio_codecs::decode::{DecodeLimits, Packing, decode};
use growingio_codecs::record::PresetValue;
use growingio_codecs::{
    AttributeValue, Attributes, Batch, Codec, EventRecord, Format, ItemRecord, Json, Protobuf,
    Route,
};
use serde_json::{Map, Number, Value, json};
use std::time::UNIX_EPOCH;
use testkit::first_difference;

use super::{from_base64, text, text_difference};

/// Decodes every request that has a body, and tells how many those were.
pub(super) fn decode_all(case: &Value) -> Result<usize, String> {
    let requests = case["requests"].as_array().map_or(&[][..], Vec::as_slice);
    let mut decoded = 0;
    let mut route = None;
    for (index, request) in requests.iter().enumerate() {
        // A redirect may have turned the request into a GET, which has lost its body.
        let Some(body) = request["body_base64"].as_str() else {
            continue;
        };
        // Or it may have led to an address that says nothing about the kind.
        let path = text(request, "path")?;
        route = Route::of_path(path).map(|(route, _)| route).or(route);
        let route =
            route.ok_or_else(|| format!("request {index}: no route has the path {path}"))?;
        decode_one(request, route, &from_base64(body)?)
            .map_err(|difference| format!("request {index}: {difference}"))?;
        decoded += 1;
    }
    Ok(decoded)
}

fn decode_one(request: &Value, route: Route, body: &[u8]) -> Result<(), String> {
    let wanted = &request["decoded"];
    let headers = request["headers"].as_array().into_iter().flatten();
    let headers = headers.filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)));
    let query = request["query"].as_str().unwrap_or_default();
    let packing = Packing::of_request(headers, query).map_err(|error| error.to_string())?;

    let key = wanted["xor_key"].as_u64();
    if key != packing.key.map(u64::from) {
        return Err(format!("key: got {:?}, want {key:?}", packing.key));
    }
    if let Some(block) = wanted["snappy_base64"].as_str() {
        let without_snappy = Packing {
            snappy: false,
            ..packing
        };
        let got = without_snappy.unpack(body, &DecodeLimits::default());
        let got = got.map_err(|error| error.to_string())?;
        if let Some(difference) = text_difference(&from_base64(block)?, &got) {
            return Err(format!("snappy block {difference}"));
        }
    }
    let plain = packing.unpack(body, &DecodeLimits::default());
    let plain = plain.map_err(|error| error.to_string())?;
    let batch = decode(route, &packing, body, &DecodeLimits::default());

    if !wanted["invalid_json"].is_null() {
        return match batch {
            Ok(_) => Err("a body that is not JSON was decoded".to_owned()),
            Err(_) => Ok(()),
        };
    }
    let batch = batch.map_err(|error| error.to_string())?;
    if wanted["count"].as_u64() != Some(batch.len() as u64) {
        return Err(format!("{} records, want {}", batch.len(), wanted["count"]));
    }
    match packing.format {
        Format::Json => same_json(wanted, &plain, &batch)?,
        Format::Protobuf => same_protobuf(wanted, &batch)?,
    }
    again(packing.format, &plain, &batch)
}

fn same_json(wanted: &Value, plain: &[u8], batch: &Batch<'_>) -> Result<(), String> {
    let recorded = text(wanted, "json_text")?;
    if let Some(difference) = text_difference(recorded.as_bytes(), plain) {
        return Err(format!("text {difference}"));
    }
    // A long body is recorded as text only.
    let mut wanted = wanted["json"].clone();
    if wanted.is_null() {
        wanted = serde_json::from_str(recorded).map_err(|error| error.to_string())?;
    }
    match first_difference(&wanted, &as_json(batch)) {
        Some(difference) => Err(format!("decoded: {difference}")),
        None => Ok(()),
    }
}

fn same_protobuf(wanted: &Value, batch: &Batch<'_>) -> Result<(), String> {
    let list = match batch.route() {
        Route::Events => "EventV3List",
        Route::Items => "ItemDtoList",
        Route::UserMappings => "UserMappingDtoList",
    };
    super::same("message type", text(wanted, "message_type")?, list)?;
    match first_difference(&wanted["values"], &as_values(batch)) {
        Some(difference) => Err(format!("decoded: {difference}")),
        None => Ok(()),
    }
}

/// What was decoded, encoded again, is what was recorded: nothing was lost on the way.
///
/// Lists and maps are the exception, since we send their texts.
fn again(format: Format, plain: &[u8], batch: &Batch<'_>) -> Result<(), String> {
    if has_lists(batch) {
        return Ok(());
    }
    let encoded = match format {
        Format::Json => Json.encode(batch, UNIX_EPOCH),
        Format::Protobuf => Protobuf.encode(batch, UNIX_EPOCH),
    };
    let body = encoded.map_err(|error| error.to_string())?.body;
    match text_difference(plain, &body) {
        Some(difference) => Err(format!("encoded again: {difference}")),
        None => Ok(()),
    }
}

fn has_lists(batch: &Batch<'_>) -> bool {
    let any = |attributes: &Attributes<'_>| {
        attributes
            .iter()
            .any(|(_, value)| matches!(value, AttributeValue::List(_) | AttributeValue::Map(_)))
    };
    match batch {
        Batch::Events(events) => events.iter().any(|event| any(&event.attributes)),
        Batch::Items(items) => items
            .iter()
            .any(|item| item.attributes.as_ref().is_some_and(any)),
        _ => false,
    }
}

/// A batch in the JSON that the service has.
fn as_json(batch: &Batch<'_>) -> Value {
    match batch {
        Batch::Events(events) => events.iter().map(event_json).collect(),
        Batch::Items(items) => items.iter().map(item_json).collect(),
        _ => Value::Null,
    }
}

fn event_json(event: &EventRecord<'_>) -> Value {
    let mut object = Map::new();
    object.insert("eventType".to_owned(), json!(event.event_type.name()));
    for (key, text) in [
        ("sdkVersion", &event.sdk_version),
        ("platform", &event.platform),
        ("eventName", &event.event_name),
        ("deviceId", &event.anonymous_id),
        ("userKey", &event.login_user_key),
        ("userId", &event.login_user_id),
        ("dataSourceId", &event.data_source_id),
        ("projectKey", &event.product_id),
    ] {
        put(&mut object, key, text.as_deref());
    }
    put(&mut object, "timestamp", event.timestamp_ms);
    put(&mut object, "sendTime", event.send_time_ms);
    if !event.attributes.is_empty() {
        object.insert("attributes".to_owned(), map_json(&event.attributes));
    }
    for preset in &event.presets {
        let value = match preset.value() {
            PresetValue::Text(text) => json!(text),
            PresetValue::Integer(value) => json!(value),
            PresetValue::Double(value) => json!(value),
        };
        object.insert(preset.key().to_owned(), value);
    }
    Value::Object(object)
}

fn item_json(item: &ItemRecord<'_>) -> Value {
    let mut object = Map::new();
    for (key, text) in [
        ("key", &item.item_key),
        ("id", &item.item_id),
        ("dataSourceId", &item.data_source_id),
        ("projectKey", &item.product_id),
    ] {
        put(&mut object, key, text.as_deref());
    }
    if let Some(attributes) = &item.attributes {
        object.insert("attributes".to_owned(), map_json(attributes));
    }
    Value::Object(object)
}

fn put(object: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

fn map_json(attributes: &Attributes<'_>) -> Value {
    let pairs = attributes.iter();
    let pairs = pairs.map(|(key, value)| (key.to_string(), value_json(value)));
    Value::Object(pairs.collect())
}

fn value_json(value: &AttributeValue<'_>) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => json!(value),
        // What has more digits than serde_json keeps is compared as text, encoded again.
        AttributeValue::Integer(value) => {
            Number::from_i128(*value).map_or_else(|| json!(*value as f64), Value::Number)
        }
        AttributeValue::Double(value) => json!(value),
        AttributeValue::Text(value) => json!(value),
        AttributeValue::List(values) => values.iter().map(value_json).collect(),
        AttributeValue::Map(pairs) => map_json(pairs),
    }
}

/// A batch as `decoded.values` has it: the fields of the schema that are there.
pub(super) fn as_values(batch: &Batch<'_>) -> Value {
    match batch {
        Batch::Events(events) => events.iter().map(event_values).collect(),
        Batch::Items(items) => items.iter().map(item_values).collect(),
        _ => Value::Null,
    }
}

fn event_values(event: &EventRecord<'_>) -> Value {
    let mut object = Map::new();
    // The default of an enum leaves no bytes.
    if event.event_type.number() != Some(0) {
        object.insert("event_type".to_owned(), json!(event.event_type.name()));
    }
    for (key, text) in [
        ("device_id", &event.anonymous_id),
        ("user_id", &event.login_user_id),
        ("data_source_id", &event.data_source_id),
        ("platform", &event.platform),
        ("sdk_version", &event.sdk_version),
        ("event_name", &event.event_name),
        ("project_key", &event.product_id),
        ("user_key", &event.login_user_key),
    ] {
        put(&mut object, key, text.as_deref());
    }
    put(&mut object, "timestamp", event.timestamp_ms);
    put(&mut object, "send_time", event.send_time_ms);
    if !event.attributes.is_empty() {
        object.insert("attributes".to_owned(), map_json(&event.attributes));
    }
    Value::Object(object)
}

fn item_values(item: &ItemRecord<'_>) -> Value {
    let mut object = Map::new();
    for (key, text) in [
        ("id", &item.item_id),
        ("key", &item.item_key),
        ("data_source_id", &item.data_source_id),
        ("project_key", &item.product_id),
    ] {
        put(&mut object, key, text.as_deref());
    }
    if let Some(attributes) = &item.attributes {
        object.insert("attributes".to_owned(), map_json(attributes));
    }
    Value::Object(object)
}
