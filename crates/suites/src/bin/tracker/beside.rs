//! The same calls from the Python package and from ours; the collector shows the same records.

use std::time::Duration;

use growingio_codecs::{AttributeValue, Attributes, Codec, Json, Protobuf, Snappy, Xor};
use growingio_tracker::{
    Asynchronous, Buffered, CustomEvent, Identity, Immediate, ItemRecord, Message, Strategy,
    Tracker, UserAttributes,
};
use serde_json::{Map, Value, json};
use sls_local::{CollectedRecord, LocalServer};
use suites::clients::program::Program;
use suites::clients::python::{Packages, Python};
use suites::clients::world::{Programs as _, without_proxies};
use suites::clients::{Result, build};

const SOURCE: &str = "939c0b26233d3ed1";
const LIMIT: Duration = Duration::from_secs(300);

/// The Python package's name of each parser, and our codec.
fn codecs() -> [(&'static str, Box<dyn Codec>); 4] {
    [
        ("json", Box::new(Json)),
        ("snappy", Box::new(Snappy::new(Json))),
        ("snappy-xor", Box::new(Xor::new(Snappy::new(Json)))),
        ("protobuf", Box::new(Protobuf)),
    ]
}

/// The Python package's name of each consumer, and our strategy; the sizes are those of
/// `track_records.py`.
fn strategies() -> [(&'static str, Strategy); 3] {
    let half_a_second = Duration::from_millis(500);
    [
        ("default", Immediate.into()),
        ("buffered", Buffered::default().with_max_size(3).into()),
        (
            "async",
            Asynchronous::default()
                .with_flush_after(half_a_second)
                .into(),
        ),
    ]
}

/// Prints a table; whether all records are equal, or there is no Python.
pub(crate) async fn compare() -> Result<bool> {
    let target = build::target_dir()?;
    let python = match Python::prepare(&target, Packages::TRACKER).await {
        Ok(python) => python,
        Err(skip) => {
            skip.tell("tracker, beside the Python package");
            return Ok(true);
        }
    };
    let version = python.version_of("growingio-tracker").await?;
    println!("beside growingio-tracker {version} for Python");
    let server = LocalServer::builder().start().await?;
    let mut good = true;
    for (parser, codec) in codecs() {
        let codec = std::sync::Arc::from(codec);
        for (consumer, strategy) in strategies() {
            let (ours, theirs) = (
                format!("ours {parser} {consumer}"),
                format!("theirs {parser} {consumer}"),
            );
            theirs_track(&python, &server, &theirs, parser, consumer).await?;
            ours_track(&server, &ours, std::sync::Arc::clone(&codec), strategy).await?;
            let (ours, theirs) = (records(&server, &ours), records(&server, &theirs));
            let verdict = if ours == theirs && ours.len() == calls().len() {
                "equal".to_owned()
            } else {
                good = false;
                format!("FAILED: ours {ours:#?}, theirs {theirs:#?}")
            };
            println!(
                "  {parser:10} {consumer:8} {:>2} records, {verdict}",
                ours.len()
            );
        }
    }
    server.shutdown(Duration::from_secs(1)).await;
    Ok(good)
}

async fn theirs_track(
    python: &Python,
    server: &LocalServer,
    product: &str,
    parser: &str,
    consumer: &str,
) -> Result<()> {
    let endpoint = server.endpoint();
    let args = [&*endpoint, product, SOURCE, parser, consumer];
    let mut command = python.command("track_records.py", args);
    without_proxies(&mut command);
    // The other implementation is not there for every interpreter.
    command.env("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python");
    let program = Program::new(command).with_limit(LIMIT);
    program.answer(&json!(calls()).to_string()).await?;
    Ok(())
}

async fn ours_track(
    server: &LocalServer,
    product: &str,
    codec: std::sync::Arc<dyn Codec>,
    strategy: Strategy,
) -> Result<()> {
    let tracker = Tracker::builder(product, SOURCE, server.endpoint())
        .no_proxy()
        .sdk("python", "1.0.5")
        .codec(codec)
        .delivery(strategy)
        .build()?;
    for call in calls() {
        track(&tracker, &call).await?;
    }
    let report = tracker.close(LIMIT).await;
    match report.error {
        None => Ok(()),
        Some(error) => Err(error.into()),
    }
}

/// What arrived for a product, as texts that can be compared: sorted, since the strategies
/// differ in who overtakes whom, and without the product and the clock.
fn records(server: &LocalServer, product: &str) -> Vec<String> {
    let events = server.growingio().events();
    let events = events.iter().filter(|event| event.product_id == product);
    let mut texts: Vec<_> = events
        .map(|event| match event.record.clone() {
            CollectedRecord::Event(mut event) => {
                event.product_id = None;
                if event.send_time_ms.is_none() {
                    event.timestamp_ms = None;
                }
                format!("{event:?}")
            }
            CollectedRecord::Item(mut item) => {
                item.product_id = None;
                format!("{item:?}")
            }
            other => format!("{other:?}"),
        })
        .collect();
    texts.sort();
    texts
}

/// Calls with everything that the manual promises: texts, numbers, and lists of them.
fn calls() -> Vec<Value> {
    let awkward = "tab\tquote\" slash\\/ <&> zero\0 del\u{7f} 付款 – оплачено ✅";
    vec![
        json!({"call": "track_custom_event", "arguments": {
            "event_name": "order_paid", "event_time": 1_700_000_000_123_u64,
            "anonymous_id": "设备-1", "login_user_key": "email", "login_user_id": "a@b.example",
            "attributes": {"text": awkward, "empty": "", "名称 with space": "值",
                "list": ["x", 1, 2.5, 0, "", null, " ", "y||z"], "empty list": []},
        }}),
        json!({"call": "track_custom_event", "arguments": {
            "event_name": "numbers", "anonymous_id": "a",
            "attributes": {"zero": 0, "least": i64::MIN, "most": u64::MAX, "whole": 1.0,
                "tenth": 0.1, "negative zero": -0.0, "large": 1e16, "not yet large": 1e15,
                "small": 0.00001, "smallest": 5e-324, "largest": f64::MAX},
        }}),
        json!({"call": "track_custom_event", "arguments": {
            "event_name": "浏览 😀", "login_user_id": "u", "attributes": {},
        }}),
        json!({"call": "track_user", "arguments": {
            "login_user_key": "手机", "login_user_id": "用户", "anonymous_id": "a",
            "event_time": -1,
            "attributes": {"education": ["本科", "硕士"], "age": 30},
        }}),
        json!({"call": "track", "arguments": {
            "event_name": "built", "anonymous_id": "b",
            "product_id": "of another", "data_source_id": "of another",
        }}),
        json!({"call": "submit_item", "arguments": {
            "item_key": "商品", "item_id": "sku-1",
            "item_attrs": {"price": 9.9, "名": "茶叶", "stock": 3},
        }}),
        json!({"call": "submit_item", "arguments": {"item_key": "bare", "item_id": "0"}}),
    ]
}

async fn track(tracker: &Tracker, call: &Value) -> Result<()> {
    let arguments = &call["arguments"];
    let text = |name: &str| arguments[name].as_str().map(str::to_owned);
    let mut identity = text("login_user_id").map_or_else(Identity::default, Identity::login_user);
    if let Some(key) = text("login_user_key") {
        identity = identity.with_key(key);
    }
    if let Some(id) = text("anonymous_id") {
        identity = identity.with_anonymous_id(id);
    }
    let attributes = arguments["attributes"].as_object().map(attributes);
    let time = arguments["event_time"].as_i64().map(|ms| {
        let epoch = std::time::UNIX_EPOCH;
        let offset = Duration::from_millis(ms.unsigned_abs());
        if ms < 0 {
            epoch - offset
        } else {
            epoch + offset
        }
    });
    let message: Message<'_> = match call["call"].as_str() {
        Some("track_custom_event" | "track") => {
            let name = text("event_name").unwrap_or_default();
            let mut event: CustomEvent<'_> = tracker.custom_event(name).with_identity(identity);
            if let Some(attributes) = attributes {
                event = event.with_attributes(attributes);
            }
            if let Some(time) = time {
                event = event.with_event_time(time);
            }
            event.into()
        }
        Some("track_user") => {
            let mut user: UserAttributes<'_> = tracker.user_attributes().with_identity(identity);
            if let Some(attributes) = attributes {
                user = user.with_attributes(attributes);
            }
            if let Some(time) = time {
                user = user.with_event_time(time);
            }
            user.into()
        }
        _ => {
            let key = text("item_key").unwrap_or_default();
            let mut item = ItemRecord::new(key, text("item_id").unwrap_or_default());
            item.attributes = arguments["item_attrs"].as_object().map(self::attributes);
            item.into()
        }
    };
    Ok(tracker.track(message).await?)
}

fn attributes(pairs: &Map<String, Value>) -> Attributes<'static> {
    let pairs = pairs.iter();
    pairs.map(|(key, one)| (key.clone(), value(one))).collect()
}

fn value(value: &Value) -> AttributeValue<'static> {
    match value {
        Value::Null => AttributeValue::Null,
        Value::Bool(value) => (*value).into(),
        Value::String(text) => text.clone().into(),
        Value::Array(values) => values.iter().map(self::value).collect::<Vec<_>>().into(),
        Value::Object(pairs) => attributes(pairs).into(),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => integer.into(),
            (None, Some(integer)) => integer.into(),
            (None, None) => number.as_f64().unwrap_or_default().into(),
        },
    }
}
