//! Events, users and items of GrowingIO, tracked by its package and taken by the collector.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use growingio_codecs::unix_ms;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::program::Program;
use suites::clients::python::Python;
use suites::clients::world::{Programs as _, without_proxies};
use telemetry_delivery::{Clock as _, SystemClock};

use crate::World;

const SOURCE: &str = "939c0b26233d3ed1";
/// The package takes a second; its own limits end it before this one.
const LIMIT: Duration = Duration::from_secs(40);

/// How records leave the program and what they are written in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    parser: Parser,
    consumer: Consumer,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Parser {
    Json,
    Snappy,
    SnappyXor,
    Protobuf,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Consumer {
    Default,
    Debug,
    Buffered,
    Async,
    /// Has sent nothing yet when it is stopped.
    AsyncStop,
}

/// Every parser with every consumer that sends in another way, and the two others once.
pub(crate) fn ways() -> impl Iterator<Item = Way> {
    use Consumer::{Async, AsyncStop, Buffered, Debug, Default};
    use Parser::{Json, Protobuf, Snappy, SnappyXor};

    let parsers = [Json, Snappy, SnappyXor, Protobuf].into_iter();
    let pairs = parsers
        .flat_map(|parser| [Default, Buffered, Async].map(|consumer| Way { parser, consumer }));
    pairs.chain([Debug, AsyncStop].map(|consumer| Way {
        parser: Json,
        consumer,
    }))
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parser = match self.parser {
            Parser::Json => "JSON",
            Parser::Snappy => "snappy",
            Parser::SnappyXor => "snappy + XOR",
            Parser::Protobuf => "protobuf",
        };
        let consumer = match self.consumer {
            Consumer::Default => "at once",
            Consumer::Debug => "at once and printed",
            Consumer::Buffered => "buffered",
            Consumer::Async => "async",
            Consumer::AsyncStop => "async, stopped at once",
        };
        write!(f, "tracked as {parser}, {consumer}")
    }
}

impl Way {
    /// What was tracked is what the collector shows, and came as the package sends it.
    pub(crate) async fn arrives(self, world: &World, python: &Python) -> Result<u64> {
        // Its path holds more than ASCII, and a space.
        let product = format!("商店 {}-{}", self.parser.name(), self.consumer.name());
        let mut samples = samples();
        if self.consumer == Consumer::AsyncStop {
            // An item would wake the thread.
            samples.retain(|sample| !sample.is_item());
        }
        let calls: Vec<_> = samples
            .iter()
            .map(|sample| json!({"call": sample.call, "arguments": sample.arguments}))
            .collect();
        let names = [self.parser.name(), self.consumer.name()];
        let args = [world.url(), &product, SOURCE, names[0], names[1]];
        let mut command = python.command("track_records.py", args);
        without_proxies(&mut command);
        // The other implementation is not there for every interpreter.
        command.env("PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION", "python");
        let before = unix_ms(SystemClock.now());
        let program = Program::new(command).with_limit(LIMIT);
        let answer = program.answer(&json!(calls).to_string()).await?;
        let tracking = before..=unix_ms(SystemClock.now());

        let filter = utf8_percent_encode(&product, NON_ALPHANUMERIC);
        let target = format!("/_local/growingio/events?project={filter}");
        let mut shown = world.shown(&target).await?["events"].take();
        let shown = shown.as_array_mut().ok_or("there is no list of events")?;
        let wanted: Vec<_> = self
            .in_order_of_arrival(&samples)
            .map(|sample| sample.shown(self.parser, &product))
            .collect();
        let batches = batches(shown);
        for (shown, wanted) in shown.iter_mut().zip(&wanted) {
            settle_time(&mut shown["record"], &wanted["record"], &tracking)?;
            for of_request in ["request", "received_ms"] {
                shown[of_request].take();
            }
        }
        expect("events", &json!(shown), &json!(wanted))?;
        let requests = self.check_requests(world, &product).await?;
        expect("calls", &json!(answer.calls), &json!(requests))?;
        let beside = if self.consumer.has_thread() {
            answer.calls
        } else {
            0
        };
        expect("posts", &answer.result, &json!({"beside": beside}))?;
        if let Some(wanted) = self.consumer.batches() {
            expect("sizes of requests", &json!(batches), &json!(wanted))?;
        }
        Ok(answer.calls)
    }

    /// Items overtake the events that wait in a buffer.
    fn in_order_of_arrival(self, samples: &[Sample]) -> impl Iterator<Item = &Sample> {
        let mut order: Vec<_> = samples.iter().collect();
        if self.consumer == Consumer::Buffered {
            let waiting = order.iter().position(|sample| sample.is_item());
            let waiting = waiting.unwrap_or(order.len()) % BUFFERED;
            let items = samples.iter().filter(|sample| sample.is_item()).count();
            let length = order.len();
            order[length - items - waiting..].rotate_left(waiting);
        }
        order.into_iter()
    }

    /// The requests of the product have the marks of their parser; gives how many there are.
    async fn check_requests(self, world: &World, product: &str) -> Result<usize> {
        let shown = world.shown("/_local/growingio/requests").await?;
        let requests = shown["requests"].as_array().into_iter().flatten();
        let requests: Vec<_> = requests
            .filter(|request| request["project"] == product)
            .collect();
        let marks = ["content-type", "x-compress-codec", "x-crypt-codec"];
        for request in &requests {
            let headers = request["headers"].as_array().into_iter().flatten();
            let found: Map<_, _> = headers
                .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())))
                .filter(|(name, _)| marks.contains(&name.as_str()))
                .collect();
            expect("headers", &found.into(), &self.parser.headers())?;
            let target = request["target"].as_str().unwrap_or_default();
            let found = json!({
                "time in query": target.contains("?stm="),
                "status": request["status"],
                "repeat_of": request["repeat_of"],
            });
            let wanted = json!({
                "time in query": self.parser != Parser::Protobuf,
                "status": 200,
            });
            expect("request", &found, &wanted)?;
        }
        Ok(requests.len())
    }
}

impl Parser {
    /// As the program is told.
    const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Snappy => "snappy",
            Self::SnappyXor => "snappy-xor",
            Self::Protobuf => "protobuf",
        }
    }

    fn headers(self) -> Value {
        match self {
            Self::Json => json!({"content-type": "application/json"}),
            Self::Snappy => json!({"content-type": "application/json", "x-compress-codec": "2"}),
            Self::SnappyXor => json!({
                "content-type": "application/json",
                "x-compress-codec": "2",
                "x-crypt-codec": "1",
            }),
            Self::Protobuf => json!({"content-type": "application/protobuf"}),
        }
    }
}

/// How many events the buffer holds; see `track_records.py`.
const BUFFERED: usize = 3;

impl Consumer {
    /// As the program is told.
    const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Debug => "debug",
            Self::Buffered => "buffered",
            Self::Async => "async",
            Self::AsyncStop => "async-stop",
        }
    }

    fn has_thread(self) -> bool {
        matches!(self, Self::Async | Self::AsyncStop)
    }

    /// How many records each request has, where no clock decides it.
    const fn batches(self) -> Option<&'static [usize]> {
        match self {
            Self::Default | Self::Debug => Some(&[1; 7]),
            Self::Buffered => Some(&[3, 1, 1, 2]),
            Self::Async => None,
            Self::AsyncStop => Some(&[5]),
        }
    }
}

/// How many records came in each request.
fn batches(events: &[Value]) -> Vec<usize> {
    let same = |one: &Value, next: &Value| one["request"] == next["request"];
    events.chunk_by(same).map(<[_]>::len).collect()
}

/// The time that the package took from its clock is that of tracking; then nothing is left
/// of it to compare.
fn settle_time(found: &mut Value, wanted: &Value, tracking: &RangeInclusive<i64>) -> Result<()> {
    let by_clock = wanted["eventType"].is_string() && wanted["timestamp"].is_null();
    if !by_clock {
        return Ok(());
    }
    let time = found["timestamp"].take();
    match time.as_i64() {
        Some(time) if tracking.contains(&time) => Ok(()),
        _ => Err(format!("tracked at {time}, which is not within {tracking:?}").into()),
    }
}

/// A call of the tracker, and the record that it makes.
struct Sample {
    call: &'static str,
    arguments: Value,
    /// All but the attributes, and what every record has.
    record: Value,
    attributes: Vec<Attribute>,
}

/// A value, and the texts that the collector shows of it.
struct Attribute {
    key: &'static str,
    value: Value,
    as_json: Value,
    as_protobuf: Value,
}

fn attribute(key: &'static str, value: impl Into<Value>, text: impl Into<Value>) -> Attribute {
    let as_json = text.into();
    Attribute {
        key,
        value: value.into(),
        as_protobuf: as_json.clone(),
        as_json,
    }
}

/// With a value of which the package makes another text for protobuf.
fn differing(key: &'static str, value: Value, as_json: Value, as_protobuf: &str) -> Attribute {
    Attribute {
        as_protobuf: as_protobuf.into(),
        ..attribute(key, value, as_json)
    }
}

impl Sample {
    fn new(call: &'static str, arguments: Value, record: Value) -> Self {
        Self {
            call,
            arguments,
            record,
            attributes: Vec::new(),
        }
    }

    fn with(mut self, argument: &str, attributes: Vec<Attribute>) -> Self {
        let values = attributes.iter();
        let values = values.map(|one| (one.key.to_owned(), one.value.clone()));
        self.arguments[argument] = Value::Object(values.collect());
        self.attributes = attributes;
        self
    }

    fn is_item(&self) -> bool {
        self.call == "submit_item"
    }

    /// What the collector shows, except for time and number of the request.
    fn shown(&self, parser: Parser, product: &str) -> Value {
        let mut record = self.record.clone();
        record["dataSourceId"] = SOURCE.into();
        record["projectKey"] = product.into();
        if !self.attributes.is_empty() {
            let texts = self.attributes.iter().map(|one| {
                let text = match parser {
                    Parser::Protobuf => &one.as_protobuf,
                    _ => &one.as_json,
                };
                (one.key.to_owned(), text.clone())
            });
            record["attributes"] = Value::Object(texts.collect());
        }
        let (kind, name) = if self.is_item() {
            (json!("ITEM"), record["key"].clone())
        } else {
            record["sdkVersion"] = "1.0.5".into();
            record["platform"] = "python".into();
            (record["eventType"].clone(), record["eventName"].clone())
        };
        json!({
            "request": null,
            "received_ms": null,
            "project": product,
            "kind": kind,
            "name": name,
            "record": record,
            "warnings": [],
        })
    }
}

/// Five events, then two items.
fn samples() -> Vec<Sample> {
    vec![
        Sample::new(
            "track_custom_event",
            json!({
                "event_name": "order_paid", "event_time": 1_700_000_000_123_u64,
                "anonymous_id": "设备-1", "login_user_key": "email", "login_user_id": "a@b.example",
            }),
            json!({
                "eventType": "CUSTOM", "eventName": "order_paid",
                "timestamp": 1_700_000_000_123_u64, "sendTime": 1_700_000_000_123_u64,
                "deviceId": "设备-1", "userKey": "email", "userId": "a@b.example",
            }),
        )
        .with("attributes", texts_and_lists()),
        Sample::new(
            "track_custom_event",
            json!({"event_name": "numbers", "anonymous_id": "a"}),
            json!({"eventType": "CUSTOM", "eventName": "numbers", "deviceId": "a"}),
        )
        .with("attributes", numbers()),
        Sample::new(
            "track_custom_event",
            json!({"event_name": "浏览 😀", "login_user_id": "u", "attributes": {}}),
            json!({"eventType": "CUSTOM", "eventName": "浏览 😀", "userId": "u"}),
        ),
        Sample::new(
            "track_user",
            json!({
                "login_user_key": "手机", "login_user_id": "用户", "anonymous_id": "a",
                "event_time": -1,
            }),
            json!({
                "eventType": "LOGIN_USER_ATTRIBUTES", "userKey": "手机", "userId": "用户",
                "deviceId": "a", "timestamp": -1, "sendTime": -1,
            }),
        )
        .with(
            "attributes",
            vec![
                attribute("education", json!(["本科", "硕士"]), "本科||硕士"),
                attribute("age", 30, "30"),
            ],
        ),
        // The tracker's ids take the place of the message's own.
        Sample::new(
            "track",
            json!({
                "event_name": "built", "anonymous_id": "b",
                "product_id": "of another", "data_source_id": "of another",
            }),
            json!({"eventType": "CUSTOM", "eventName": "built", "deviceId": "b"}),
        ),
        Sample::new(
            "submit_item",
            json!({"item_key": "商品", "item_id": "sku-1"}),
            json!({"key": "商品", "id": "sku-1"}),
        )
        .with("item_attrs", item_attributes()),
        Sample::new(
            "submit_item",
            json!({"item_key": "bare", "item_id": "0"}),
            json!({"key": "bare", "id": "0"}),
        ),
    ]
}

fn texts_and_lists() -> Vec<Attribute> {
    let awkward = "tab\tline\nquote\" slash\\/ <&> zero\0 del\u{7f} 付款 – оплачено ✅";
    vec![
        attribute("text", awkward, awkward),
        attribute("名称 with space", "值", "值"),
        attribute("empty", "", ""),
        attribute(
            "list",
            json!(["x", 1, 2.5, 0, "", null, " ", "y||z"]),
            "x||1||2.5||0|| ||y||z",
        ),
        attribute("flags", json!([true, false]), "True||False"),
        attribute("nothing in list", json!(["", null]), ""),
        attribute("empty list", json!([]), ""),
    ]
}

fn numbers() -> Vec<Attribute> {
    vec![
        attribute("zero", 0, "0"),
        attribute("least", i64::MIN, "-9223372036854775808"),
        attribute("most", u64::MAX, "18446744073709551615"),
        attribute("whole", 1.0, "1.0"),
        attribute("tenth", 0.1, "0.1"),
        attribute("negative zero", -0.0, "-0.0"),
        attribute("large", 1e16, "1e+16"),
        attribute("not yet large", 1e15, "1000000000000000.0"),
        attribute("small", 0.00001, "1e-05"),
        attribute("smallest", 5e-324, "5e-324"),
        attribute("largest", f64::MAX, "1.7976931348623157e+308"),
        differing("yes", true.into(), "true".into(), "True"),
        differing("nothing", Value::Null, Value::Null, "None"),
        differing(
            "map",
            json!({"k": 1.0}),
            r#"{"k":1.0}"#.into(),
            "{'k': 1.0}",
        ),
    ]
}

/// The package joins lists of events only.
fn item_attributes() -> Vec<Attribute> {
    vec![
        attribute("price", 9.9, "9.9"),
        attribute("名", "茶叶", "茶叶"),
        differing("list", json!(["a", 1]), "a||1".into(), "['a', 1]"),
    ]
}
