//! What a case recommends instead of what was recorded.

use growingio_codecs::decode::{DecodeLimits, decode_json};
use growingio_codecs::decode::{Packing, decode};
use growingio_codecs::{AttributeValue, Encoded};
use serde_json::{Value, json};
use testkit::first_difference;

use super::call::{Message, attributes};
use super::recorded::as_values;

/// The kinds of recommendation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recommended {
    /// The message is refused when it is made.
    Refuse,
    /// It is sent as recorded, except that lists are joined and no text is Python's.
    Send,
}

pub(super) fn of(case: &Value) -> Recommended {
    let sentence = case["recommended"].as_str().unwrap_or_default();
    if case["verdict"] != "must_match" && sentence.to_lowercase().contains("reject") {
        Recommended::Refuse
    } else {
        Recommended::Send
    }
}

/// Compares the message's content with the recorded one, in which the attributes are
/// replaced by what the rules say, worked out here once more in another way.
pub(super) fn compare(message: &Message, request: &Value, encoded: &Encoded) -> Result<(), String> {
    let recorded = &request["decoded"];
    let protobuf = recorded["codec"] == "protobuf";
    let member = if protobuf { "values" } else { "json" };
    let mut want = recorded[member].clone();
    if let Some(attributes) = attributes(message) {
        let pairs = attributes.iter().filter_map(|(key, value)| {
            let value = if protobuf {
                text(value)?
            } else {
                json_value(value)
            };
            Some((key.to_string(), value))
        });
        want[0]["attributes"] = Value::Object(pairs.collect());
    }
    let headers = [("content-type", encoded.content_type)];
    let headers = headers.into_iter().chain(encoded.headers.iter().copied());
    let query = encoded.query().unwrap_or_default();
    let packing = Packing::of_request(headers, &query).map_err(|error| error.to_string())?;
    let limits = DecodeLimits::default();
    let got = if protobuf {
        let batch = decode(encoded.route, &packing, &encoded.body, &limits);
        as_values(&batch.map_err(|error| error.to_string())?)
    } else {
        let plain = packing.unpack(&encoded.body, &limits);
        let plain = plain.map_err(|error| error.to_string())?;
        decode_json(encoded.route, &plain, &limits).map_err(|error| error.to_string())?;
        serde_json::from_slice(&plain).map_err(|error| error.to_string())?
    };
    match first_difference(&want, &got) {
        Some(difference) => Err(format!("recommended: {difference}")),
        None => Ok(()),
    }
}

/// JSON keeps types; a list is its text.
fn json_value(value: &AttributeValue<'_>) -> Value {
    match value {
        AttributeValue::Null => Value::Null,
        AttributeValue::Bool(value) => json!(value),
        AttributeValue::Integer(value) => {
            serde_json::from_str(&value.to_string()).unwrap_or_default()
        }
        AttributeValue::Double(value) => json!(value),
        other => text(other).unwrap_or_default(),
    }
}

/// The text of a value, none for null.
fn text(value: &AttributeValue<'_>) -> Option<Value> {
    Some(match value {
        AttributeValue::Null => return None,
        AttributeValue::Bool(value) => json!(value.to_string()),
        AttributeValue::Integer(value) => json!(value.to_string()),
        AttributeValue::Double(value) => json!(double(*value)),
        AttributeValue::Text(value) => json!(value),
        AttributeValue::List(values) => {
            let texts = values.iter().filter_map(text);
            let texts = texts.filter_map(|text| Some(text.as_str()?.to_owned()));
            let texts: Vec<_> = texts.filter(|text| !text.is_empty()).collect();
            json!(texts.join("||"))
        }
        AttributeValue::Map(_) => json!(value.to_text()?),
    })
}

/// Section 6 of the wire reference, from the digits that the standard library finds.
fn double(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    match exponent.parse() {
        Ok(-4..=15) => format!("{value:?}"),
        Ok(exponent) if exponent < 0 => format!("{digits}e-{:02}", -exponent),
        _ => format!("{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::double;

    #[test]
    fn doubles_have_the_texts_of_the_reference() {
        for (value, want) in [
            (1.0, "1.0"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (0.0001, "0.0001"),
            (1e-5, "1e-05"),
            (-1.5e-7, "-1.5e-07"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(double(value), want);
        }
    }
}
