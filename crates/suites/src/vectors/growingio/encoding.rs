//! The recorded calls, encoded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use growingio_codecs::{Codec, Encoded, Json, Protobuf, Rules, Snappy, Xor};
use serde_json::Value;

use super::argument::Trouble;
use super::call::{Message, Tracker, message};
use super::{from_base64, recommended, same, text, text_difference};

/// Steps that make a message.
const MESSAGES: &[&str] = &[
    "track_custom_event",
    "track_user",
    "track_user_positional",
    "submit_item",
    "build_and_track",
];

/// Groups that are about how requests travel, or when, whatever is in them.
const DELIVERY: &[&str] = &[
    "async",
    "buffered",
    "debug",
    "exit",
    "response",
    "retry",
    "transport",
];

/// Encodes the calls of a case; false when that needs what the tracker will do.
pub(super) fn check(case: &Value) -> Result<bool, String> {
    if case["python_only"] == Value::Bool(true) {
        // Nothing to call: the requests, which were decoded, are all that counts.
        return Ok(true);
    }
    if needs_the_tracker(case) {
        return Ok(false);
    }
    let config = &case["config"];
    let codec = codec(text(config, "parser")?)?;
    let consumer_product = text(config, "product_id")?;
    let ids = match &config["tracker_ids"] {
        Value::Null => config,
        ids => ids,
    };
    let tracker = Tracker {
        product_id: text(ids, "product_id")?,
        data_source_id: text(ids, "data_source_id")?,
    };

    let mut now_ms = case["clock_start_ms"]
        .as_i64()
        .ok_or("the case has no clock")?;
    let requests = case["requests"].as_array().map_or(&[][..], Vec::as_slice);
    let mut requests = requests.iter().enumerate();
    for step in case["steps"].as_array().into_iter().flatten() {
        now_ms += step["ms"].as_i64().unwrap_or(0);
        let message = match message(step, tracker, now_ms) {
            Ok(Some(message)) => message,
            Ok(None) => continue,
            // The compiler refuses it, which is as good as any recommendation.
            Err(Trouble::Unwritable(_)) if case["verdict"] != "must_match" => {
                requests.next();
                continue;
            }
            Err(trouble) => return Err(trouble.into()),
        };
        let Some((index, request)) = requests.next() else {
            return Err("more messages than requests".to_owned());
        };
        let compare = || match (recommended::of(case), case["verdict"].as_str()) {
            (recommended::Recommended::Refuse, _) => {
                refused(codec.as_ref(), &message, request, now_ms, consumer_product)
            }
            (_, Some("must_match")) => {
                as_recorded(codec.as_ref(), &message, request, now_ms, consumer_product)
            }
            _ => {
                let encoded = encode(codec.as_ref(), &message, now_ms)?;
                same_head(&encoded, request, consumer_product)?;
                recommended::compare(&message, request, &encoded)
            }
        };
        compare().map_err(|difference| format!("request {index}: {difference}"))?;
    }
    match requests.count() {
        0 => Ok(true),
        left => Err(format!("{left} requests that no message made")),
    }
}

/// Whether the case is about more than one request per call, made at once and answered.
fn needs_the_tracker(case: &Value) -> bool {
    let config = &case["config"];
    let is = |member: &str, value: &str| config[member].as_str() == Some(value);
    let steps = case["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let plain_steps = steps.iter().all(|step| {
        let op = step["op"].as_str().unwrap_or_default();
        op == "advance_clock" || (MESSAGES.contains(&op) && step["outcome"]["raised"].is_null())
    });
    let group = case["group"].as_str().unwrap_or_default();
    !is("consumer", "default")
        || !is("server_host", "{server}")
        || !is("retry", "as_shipped")
        || !config["server_tls"].is_null()
        || !config["environment"].is_null()
        || !case["construct_error"].is_null()
        || case["server_script"]
            .as_array()
            .is_some_and(|script| !script.is_empty())
        || DELIVERY.contains(&group)
        || steps.is_empty()
        || !plain_steps
}

/// The codec that a parser's name stands for.
pub(super) fn codec(parser: &str) -> Result<Box<dyn Codec>, String> {
    Ok(match parser {
        "json" => Box::new(Json),
        "snappy" => Box::new(Snappy::new(Json)),
        "snappy_xor" => Box::new(Xor::new(Snappy::new(Json))),
        "protobuf" => Box::new(Protobuf),
        other => return Err(format!("parser {other:?} is not known")),
    })
}

pub(super) fn at(ms: i64) -> SystemTime {
    match u64::try_from(ms) {
        Ok(ms) => UNIX_EPOCH + Duration::from_millis(ms),
        Err(_) => UNIX_EPOCH - Duration::from_millis(ms.unsigned_abs()),
    }
}

fn encode(codec: &dyn Codec, message: &Message, now_ms: i64) -> Result<Encoded, String> {
    codec
        .encode(&message.batch(), at(now_ms))
        .map_err(|error| error.to_string())
}

/// The message must be refused; without rules it must be what was recorded.
fn refused(
    codec: &dyn Codec,
    message: &Message,
    request: &Value,
    now_ms: i64,
    product_id: &str,
) -> Result<(), String> {
    if message.check(&Rules::strict()).is_ok() {
        return Err("was accepted, should be refused".to_owned());
    }
    match message.check(&Rules::lenient()) {
        Ok(()) => as_recorded(codec, message, request, now_ms, product_id),
        // What cannot be written is refused always.
        Err(_) => Ok(()),
    }
}

fn as_recorded(
    codec: &dyn Codec,
    message: &Message,
    request: &Value,
    now_ms: i64,
    product_id: &str,
) -> Result<(), String> {
    if let Err(invalid) = message.check(&Rules::lenient()) {
        return Err(format!("refused: {invalid}"));
    }
    let encoded = encode(codec, message, now_ms)?;
    same_head(&encoded, request, product_id)?;
    let want = from_base64(text(request, "body_base64")?)?;
    match text_difference(&want, &encoded.body) {
        Some(difference) => Err(format!("body {difference}")),
        None => Ok(()),
    }
}

/// Method, path, query and the headers that a codec decides.
fn same_head(encoded: &Encoded, request: &Value, product_id: &str) -> Result<(), String> {
    same("method", text(request, "method")?, "POST")?;
    same(
        "path",
        text(request, "path")?,
        &encoded.route.path(product_id),
    )?;
    let query = encoded.query().unwrap_or_default();
    same("query", text(request, "query")?, &query)?;
    for name in ["content-type", "X-Compress-Codec", "X-Crypt-Codec"] {
        let recorded = request["headers"].as_array().into_iter().flatten();
        let want = recorded
            .filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value);
        let ours = [("content-type", encoded.content_type)];
        let mut ours = ours.into_iter().chain(encoded.headers.iter().copied());
        let got = ours
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value);
        if want != got {
            return Err(format!("header {name}: got {got:?}, want {want:?}"));
        }
    }
    Ok(())
}
