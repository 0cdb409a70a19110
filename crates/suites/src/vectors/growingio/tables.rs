//! The tables: texts of numbers, strings and lists, keys, and messages in every codec.

use growingio_codecs::decode::{DecodeLimits, Packing, decode, decode_json, decode_protobuf};
use growingio_codecs::{
    AttributeValue, Attributes, Batch, Codec, Format, ItemRecord, Json, Protobuf, Route, Snappy,
    UserMapping, Xor,
};
use serde_json::Value;
use testkit::first_difference;

use super::argument::value as any_value;
use super::call::{Tracker, table_message};
use super::encoding::at;
use super::recorded::as_values;
use super::{from_base64, same, text, text_difference};

type Checked = Result<(), String>;

/// Every entry with its first difference.
pub(super) fn check(tables: &Value) -> Vec<(String, Option<String>)> {
    let mut checked = Vec::new();
    let mut each = |table: &str, check: &dyn Fn(&Value) -> Checked| {
        let entries = tables[table].as_array().into_iter().flatten();
        for (index, entry) in entries.enumerate() {
            checked.push((format!("{table}[{index}]"), check(entry).err()));
        }
    };
    each("numbers", &number);
    each("strings", &string);
    each("list_join", &list);
    each("xor_keys", &xor_key);
    each("messages", &|entry| message(tables, entry));
    each("user_mappings", &user_mapping);
    checked
}

/// The text of a value as an attribute in JSON.
fn json_text(value: AttributeValue<'_>) -> Result<String, String> {
    let item = ItemRecord::default().with_attributes(Attributes::new().with("k", value));
    let encoded = Json.encode(&Batch::Items(vec![item]), at(0));
    let body = encoded.map_err(|error| error.to_string())?.body;
    let body = String::from_utf8(body).map_err(|error| error.to_string())?;
    let inside = body.strip_prefix(r#"[{"attributes":{"k":"#);
    let inside = inside.and_then(|rest| rest.strip_suffix("}}]"));
    inside.map(str::to_owned).ok_or(body)
}

fn number(entry: &Value) -> Checked {
    let value = any_value(&entry["value"])?;
    same("json", text(entry, "json")?, &json_text(value.clone())?)?;
    let read = decode_json(
        Route::Items,
        format!("{{\"attributes\":{{\"k\":{}}}}}", text(entry, "json")?).as_bytes(),
        &DecodeLimits::default(),
    );
    let wanted = ItemRecord::default().with_attribute("k", value.clone());
    if read.map_err(|error| error.to_string())? != Batch::Items(vec![wanted]) {
        return Err("json: another value is read".to_owned());
    }
    let protobuf = text(entry, "protobuf")?;
    // Python's words for booleans and null are an accident; section 6 of the wire reference.
    match &value {
        AttributeValue::Bool(_) => same("protobuf", &protobuf.to_lowercase(), &plain(&value)),
        AttributeValue::Null => match value.to_text() {
            Some(text) => Err(format!("protobuf: got {text:?}, want nothing")),
            None => Ok(()),
        },
        _ => same("protobuf", protobuf, &plain(&value)),
    }
}

fn plain(value: &AttributeValue<'_>) -> String {
    value.to_text().unwrap_or_default().into_owned()
}

fn string(entry: &Value) -> Checked {
    let value = text(entry, "value")?;
    same("json", text(entry, "json")?, &json_text(value.into())?)
}

fn list(entry: &Value) -> Checked {
    let value = any_value(&entry["list"])?;
    same("joined", text(entry, "joined")?, &plain(&value))
}

/// The key shows in an empty list: two brackets, obfuscated.
fn xor_key(entry: &Value) -> Checked {
    let stm = entry["stm"].as_i64().ok_or("no stm")?;
    let key = entry["key"].as_u64().ok_or("no key")?;
    let encoded = Xor::new(Json).encode(&Batch::Items(Vec::new()), at(stm));
    let encoded = encoded.map_err(|error| error.to_string())?;
    same(
        "query",
        &format!("stm={stm}"),
        &encoded.query().unwrap_or_default(),
    )?;
    let got = encoded.body.first().map(|byte| u64::from(byte ^ b'['));
    if got != Some(key) {
        return Err(format!("key: got {got:?}, want {key}"));
    }
    Ok(())
}

fn message(tables: &Value, entry: &Value) -> Checked {
    let tracker = Tracker {
        product_id: text(tables, "product_id")?,
        data_source_id: text(tables, "data_source_id")?,
    };
    let made_at = entry["clock_ms"].as_i64().ok_or("no clock_ms")?;
    let stm = entry["stm"].as_i64().ok_or("no stm")?;
    let batch = table_message(entry, tracker, made_at)?.batch();

    let json = text(entry, "json")?.as_bytes().to_vec();
    let codecs: [(&str, &dyn Codec, Vec<u8>); 4] = [
        ("json", &Json, json),
        ("protobuf", &Protobuf, bytes(entry, "protobuf_base64")?),
        (
            "snappy_xor",
            &Xor::new(Snappy::new(Json)),
            bytes(entry, "snappy_xor_base64")?,
        ),
        (
            "protobuf_snappy_xor",
            &Xor::new(Snappy::new(Protobuf)),
            bytes(entry, "protobuf_snappy_xor_base64")?,
        ),
    ];
    for (name, codec, want) in codecs {
        let encoded = codec.encode(&batch, at(stm));
        let encoded = encoded.map_err(|error| error.to_string())?;
        if let Some(difference) = text_difference(&want, &encoded.body) {
            return Err(format!("{name} {difference}"));
        }
        let headers = [("content-type", encoded.content_type)];
        let headers = headers.into_iter().chain(encoded.headers.iter().copied());
        let query = encoded.query().unwrap_or_default();
        let packing = Packing::of_request(headers, &query).map_err(|error| error.to_string())?;
        let decoded = decode(encoded.route, &packing, &want, &DecodeLimits::default());
        let decoded = decoded.map_err(|error| format!("{name}: {error}"))?;
        if packing.format == Format::Protobuf {
            let difference = first_difference(&entry["protobuf_values"], &as_values(&decoded));
            if let Some(difference) = difference {
                return Err(format!("{name} decoded: {difference}"));
            }
        }
    }
    Ok(())
}

fn bytes(entry: &Value, member: &str) -> Result<Vec<u8>, String> {
    from_base64(text(entry, member)?)
}

fn user_mapping(entry: &Value) -> Checked {
    let time = entry["send_time"].as_i64().ok_or("no send_time")?;
    let identifies = entry["identifies"].as_object().ok_or("no identifies")?;
    let ids = (text(entry, "project_key")?, text(entry, "data_source_id")?);
    let mut mapping = UserMapping::new(time).with_ids(ids.0, ids.1);
    for (key, id) in identifies {
        mapping = mapping.with_identity(key, id.as_str().ok_or("an id is no text")?);
    }
    let want = bytes(entry, "list_protobuf_base64")?;
    let decoded = decode_protobuf(Route::UserMappings, &want, &DecodeLimits::default());
    let decoded = decoded.map_err(|error| error.to_string())?;
    let encode = |batch: &Batch<'_>| {
        let encoded = Protobuf.encode(batch, at(0));
        encoded
            .map(|encoded| encoded.body)
            .map_err(|error| error.to_string())
    };
    if let Some(difference) = text_difference(&want, &encode(&decoded)?) {
        return Err(format!("encoded again: {difference}"));
    }
    let Batch::UserMappings(mut found) = decoded else {
        return Err("decoded: no user mappings".to_owned());
    };
    // JSON has lost the order of the ids.
    for mapping in found.iter_mut().chain([&mut mapping]) {
        mapping.identities.sort();
    }
    if found != [mapping] {
        return Err(format!("decoded: got {found:?}"));
    }
    Ok(())
}
