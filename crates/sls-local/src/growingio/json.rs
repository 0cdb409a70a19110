//! What was collected, as JSON for people and for programs in other languages.

use growingio_codecs::record::PresetValue;
use growingio_codecs::{Attributes, EventRecord, ItemRecord, UserMapping, unix_ms};
use serde_json::{Map, Value, json};

use super::collected::{CollectedEvent, CollectedRecord, CollectedRequest};

pub(super) fn of_request(request: &CollectedRequest) -> Value {
    let records: Vec<_> = request
        .records
        .iter()
        .map(|event| of_event(event))
        .collect();
    json!({
        "number": request.number,
        "connection": request.connection,
        "received_ms": unix_ms(request.received),
        "method": request.method,
        "target": request.target,
        "headers": request.headers,
        "body_bytes": request.body.len(),
        "route": request.route.to_string(),
        "project": request.product_id,
        "status": request.status,
        "accepted": request.accepted,
        "reason": request.reason,
        "repeat_of": request.repeat_of,
        "records": records,
    })
}

pub(super) fn of_event(event: &CollectedEvent) -> Value {
    json!({
        "request": event.request,
        "received_ms": unix_ms(event.received),
        "project": event.product_id,
        "kind": event.kind(),
        "name": event.name(),
        "record": of_record(&event.record),
        "warnings": event.warnings,
    })
}

/// The fields under the names that they have in a body of JSON. Attributes are texts, since
/// that is what the service keeps of them, whatever they were sent as.
fn of_record(record: &CollectedRecord) -> Value {
    let mut object = Map::new();
    match record {
        CollectedRecord::Event(event) => put_event(&mut object, event),
        CollectedRecord::Item(item) => put_item(&mut object, item),
        CollectedRecord::UserMapping(mapping) => put_mapping(&mut object, mapping),
    }
    Value::Object(object)
}

fn put_event(object: &mut Map<String, Value>, event: &EventRecord<'_>) {
    put(object, "eventType", Some(event.event_type.name()));
    put(object, "sdkVersion", event.sdk_version.as_deref());
    put(object, "platform", event.platform.as_deref());
    put(object, "timestamp", event.timestamp_ms);
    put(object, "eventName", event.event_name.as_deref());
    put(object, "deviceId", event.anonymous_id.as_deref());
    put(object, "userKey", event.login_user_key.as_deref());
    put(object, "userId", event.login_user_id.as_deref());
    if !event.attributes.is_empty() {
        put(object, "attributes", Some(of_attributes(&event.attributes)));
    }
    if let Some(item) = &event.resource_item {
        let item = json!({
            "key": item.item_key,
            "id": item.item_id,
            "attributes": of_attributes(&item.attributes),
        });
        put(object, "resourceItem", Some(item));
    }
    for preset in &event.presets {
        let value = match preset.value() {
            PresetValue::Text(text) => Value::from(text),
            PresetValue::Integer(value) => Value::from(value),
            PresetValue::Double(value) => Value::from(value),
        };
        put(object, preset.key(), Some(value));
    }
    put(object, "sendTime", event.send_time_ms);
    put(object, "dataSourceId", event.data_source_id.as_deref());
    put(object, "projectKey", event.product_id.as_deref());
}

fn put_item(object: &mut Map<String, Value>, item: &ItemRecord<'_>) {
    put(object, "key", item.item_key.as_deref());
    put(object, "id", item.item_id.as_deref());
    put(
        object,
        "attributes",
        item.attributes.as_ref().map(of_attributes),
    );
    put(object, "dataSourceId", item.data_source_id.as_deref());
    put(object, "projectKey", item.product_id.as_deref());
}

fn put_mapping(object: &mut Map<String, Value>, mapping: &UserMapping<'_>) {
    put(object, "sendTime", Some(mapping.send_time_ms));
    let ids = mapping.identities.iter();
    let ids = ids.map(|(key, id)| (key.to_string(), Value::from(id.as_ref())));
    put(object, "identifies", Some(Value::Object(ids.collect())));
    put(
        object,
        "dataSourceId",
        Some(mapping.data_source_id.as_ref()),
    );
    put(object, "projectKey", Some(mapping.product_id.as_ref()));
}

fn put(object: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

fn of_attributes(attributes: &Attributes<'_>) -> Value {
    let pairs = attributes.iter();
    let pairs = pairs.map(|(key, value)| {
        let text = value.to_text().map(|text| Value::from(text.as_ref()));
        (key.to_string(), text.unwrap_or_default())
    });
    Value::Object(pairs.collect())
}
