use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use growingio_codecs::decode::{DecodeLimits, decode_protobuf};
use growingio_codecs::record::Attribute;
use growingio_codecs::{
    AttributeValue, Attributes, Batch, Codec, EventRecord, Format, Json, Protobuf, Route, Rules,
    Serialized, Snappy, Xor,
};
use growingio_tracker::{Buffered, Identity, Tracker};
use http::{Request, Response};
use prost::Message as _;
use serde::Serialize;
use serde_json::Value;
use telemetry_delivery::{Clock, TransportError};

use crate::clock::speedup;
use crate::goals::Selection;
use crate::python::{self, TRACKER};
use crate::report::{Marks, Report};

#[allow(
    clippy::all,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "generated"
)]
#[path = "../../../crates/growingio-codecs/src/generated/growingio_v3.rs"]
mod generated;

const PRODUCT: &str = "bc675c65b3b0290e";
const SOURCE: &str = "939c0b26233d3ed1";
const EVENTS: usize = 500;
const AMOUNT: f64 = 15.52;
const MADE_MS: i64 = 1_700_000_000_123;

/// What differs from event to event, as a program has it.
struct Sale {
    visitor: String,
    user: String,
    count: i64,
}

fn sales() -> Vec<Sale> {
    (0..EVENTS)
        .map(|number| Sale {
            visitor: format!("visitor-{number:06}"),
            user: format!("user-{number:06}@example.com"),
            count: number as i64,
        })
        .collect()
}

fn sent_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(MADE_MS as u64)
}

/// Goal 19: a batch of 500 events from the caller's values to a body.
pub(super) fn encode(_selection: &Selection, report: &mut Report) {
    let sales = sales();
    let mut json = Ours::new(Format::Json);
    let body = json.body(&sales, &Json);
    assert_eq!(body, serde(&sales), "both write the same JSON");
    let marks = Marks::AtLeast {
        floor: 5.0,
        target: 8.0,
    };
    let ratio = speedup(&mut || json.encode(&sales, &Json), &mut || {
        serde(&sales).len()
    });
    report.add(19, "500 events, JSON, to serde_json", ratio, marks);

    let mut protobuf = Ours::new(Format::Protobuf);
    let body = protobuf.body(&sales, &Protobuf);
    let read = |body: &[u8]| {
        let batch = decode_protobuf(Route::Events, body, &DecodeLimits::default());
        sorted(batch.expect("a well-formed list"))
    };
    assert_eq!(
        read(&body),
        read(&prost(&sales)),
        "both write the same records"
    );
    let marks = Marks::AtLeast {
        floor: 8.0,
        target: 14.0,
    };
    let ratio = speedup(&mut || protobuf.encode(&sales, &Protobuf), &mut || {
        prost(&sales).len()
    });
    report.add(19, "500 events, protobuf, to prost", ratio, marks);
}

/// A map of the generated types has no order.
fn sorted(batch: Batch<'static>) -> Vec<EventRecord<'static>> {
    let Batch::Events(mut events) = batch else {
        panic!("no events");
    };
    for event in &mut events {
        let mut pairs: Vec<_> = event.attributes.iter().cloned().collect();
        pairs.sort_by(|one, other| one.0.cmp(&other.0));
        event.attributes = pairs.into_iter().collect();
    }
    events
}

/// Records that borrow from the caller, written into memory that is used again.
struct Ours {
    records: Option<Serialized>,
    keeps_body: bool,
    body: Vec<u8>,
    rules: Option<Rules>,
}

impl Ours {
    fn new(format: Format) -> Self {
        Self {
            records: Some(Serialized::new(format, Route::Events)),
            keeps_body: false,
            body: Vec::new(),
            rules: None,
        }
    }

    fn body(&mut self, sales: &[Sale], codec: &dyn Codec) -> Vec<u8> {
        self.keeps_body = true;
        self.encode(sales, codec);
        self.keeps_body = false;
        std::mem::take(&mut self.body)
    }

    fn encode(&mut self, sales: &[Sale], codec: &dyn Codec) -> usize {
        let mut records = self.records.take().expect("put back at the end");
        for sale in sales {
            with_record(sale, |record| {
                if let Some(rules) = &self.rules {
                    rules.check(record).expect("nothing is missing");
                }
                records
                    .push(record)
                    .expect("both formats have a form for it");
            });
        }
        let route = records.route();
        let format = records.format();
        let encoded = codec.encode_serialized(records, sent_at());
        let mut body = encoded.expect("both formats have a form for it").body;
        let length = body.len();
        if self.keeps_body {
            self.body.clone_from(&body);
        }
        body.clear();
        self.records = Some(Serialized::from_sequence(format, route, 0, body));
        length
    }
}

fn with_record(sale: &Sale, then: impl FnOnce(&EventRecord<'_>)) {
    let tags = tags();
    let attributes = attributes(sale, &tags);
    // Field by field: a record is large, and each `with` moves it.
    let mut record = EventRecord::custom("order_paid", MADE_MS);
    record.sdk_version = Some("1.0.5".into());
    record.platform = Some("python".into());
    record.anonymous_id = Some(sale.visitor.as_str().into());
    record.login_user_key = Some("email".into());
    record.login_user_id = Some(sale.user.as_str().into());
    record.data_source_id = Some(SOURCE.into());
    record.product_id = Some(PRODUCT.into());
    record.attributes = Attributes::from_slice(&attributes);
    then(&record);
}

fn tags() -> [AttributeValue<'static>; 2] {
    ["new".into(), "gift".into()]
}

/// In the order of their keys, as a sorted map has them.
fn attributes<'a>(sale: &Sale, tags: &'a [AttributeValue<'a>]) -> [Attribute<'a>; 5] {
    let key = |key: &'static str| Cow::Borrowed(key);
    [
        (key("amount"), AMOUNT.into()),
        (key("channel"), "mini program".into()),
        (key("count"), sale.count.into()),
        (key("currency"), "CNY".into()),
        (key("tags"), tags.into()),
    ]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_type: String,
    sdk_version: String,
    platform: String,
    timestamp: i64,
    event_name: String,
    device_id: String,
    user_key: String,
    user_id: String,
    attributes: BTreeMap<String, Value>,
    data_source_id: String,
    project_key: String,
}

/// Structs that own their texts, then serde_json.
fn serde(sales: &[Sale]) -> Vec<u8> {
    let events: Vec<_> = sales
        .iter()
        .map(|sale| Event {
            event_type: "CUSTOM".to_owned(),
            sdk_version: "1.0.5".to_owned(),
            platform: "python".to_owned(),
            timestamp: MADE_MS,
            event_name: "order_paid".to_owned(),
            device_id: sale.visitor.clone(),
            user_key: "email".to_owned(),
            user_id: sale.user.clone(),
            attributes: BTreeMap::from([
                ("amount".to_owned(), Value::from(AMOUNT)),
                ("channel".to_owned(), Value::from("mini program")),
                ("count".to_owned(), Value::from(sale.count)),
                ("currency".to_owned(), Value::from("CNY")),
                ("tags".to_owned(), Value::from(["new", "gift"].join("||"))),
            ]),
            data_source_id: SOURCE.to_owned(),
            project_key: PRODUCT.to_owned(),
        })
        .collect();
    serde_json::to_vec(&events).expect("nothing here fails to serialise")
}

/// The generated structs, then prost.
fn prost(sales: &[Sale]) -> Vec<u8> {
    let values = sales
        .iter()
        .map(|sale| generated::EventV3Dto {
            event_type: 1,
            sdk_version: "1.0.5".to_owned(),
            platform: "python".to_owned(),
            timestamp: MADE_MS,
            event_name: "order_paid".to_owned(),
            device_id: sale.visitor.clone(),
            user_key: "email".to_owned(),
            user_id: sale.user.clone(),
            attributes: HashMap::from([
                ("amount".to_owned(), AMOUNT.to_string()),
                ("channel".to_owned(), "mini program".to_owned()),
                ("count".to_owned(), sale.count.to_string()),
                ("currency".to_owned(), "CNY".to_owned()),
                ("tags".to_owned(), ["new", "gift"].join("||")),
            ]),
            data_source_id: SOURCE.to_owned(),
            project_key: PRODUCT.to_owned(),
            ..Default::default()
        })
        .collect();
    generated::EventV3List { values }.encode_to_vec()
}

/// Goal 20: a batch of 500 events from the caller's values to a body, checked on the way as
/// the tracker does.
///
/// What all of the tracker takes beside that, from its calls to a request that is accepted, is
/// told below the table; of Python's package, that would include its HTTP library.
pub(super) fn beside_python(_selection: &Selection, report: &mut Report) {
    let interpreter = match python::prepare(&TRACKER) {
        Ok(interpreter) => interpreter,
        Err(why) => {
            println!("goal 20 was not measured: no Python package: {why}");
            return;
        }
    };
    let sales = sales();
    let marks = |floor, target| Marks::AtLeast { floor, target };
    let mut remarks = Vec::new();
    for (name, codecs, marks) in [
        ("json", Codecs::Json, marks(15.0, 25.0)),
        ("snappy-xor", Codecs::SnappyXor, marks(40.0, 60.0)),
        ("protobuf", Codecs::Protobuf, marks(300.0, 600.0)),
    ] {
        let mut peer = python::Tracker::start(&interpreter, name);
        let codec = codecs.codec();
        let mut ours = Ours::new(codec.format().expect("all have one"));
        ours.rules = Some(Rules::strict());
        let lengths = (ours.encode(&sales, &*codec), peer.batches(1).1);
        assert_eq!(lengths.0, lengths.1, "both write bodies of a length");
        let ratio = speedup(&mut || ours.encode(&sales, &*codec), &mut peer);
        report.add(20, format!("500 events, {name}, to Python"), ratio, marks);

        let tracker = codecs.tracker();
        let ratio = speedup(&mut || track(&tracker, &sales), &mut peer);
        remarks.push(format!("{name} {ratio:.1}"));
    }
    let remarks = remarks.join(", ");
    println!("500 calls of the tracker, requests included, to Python's bodies alone: {remarks}");
}

fn track(tracker: &Tracker, sales: &[Sale]) -> usize {
    let mut last = None;
    for sale in sales {
        let identity = Identity::login_user(sale.user.as_str())
            .with_key("email")
            .with_anonymous_id(sale.visitor.as_str());
        let tags = tags();
        let attributes = attributes(sale, &tags);
        let attributes = Attributes::from_slice(&attributes);
        last = Some(tracker.track_custom_event("order_paid", identity, attributes));
    }
    // The call that has filled the buffer ends when the request has.
    let sent = last.expect("there are some").wait();
    sent.expect("everything is accepted");
    sales.len()
}

#[derive(Clone, Copy)]
enum Codecs {
    Json,
    SnappyXor,
    Protobuf,
}

impl Codecs {
    fn codec(self) -> Arc<dyn Codec> {
        match self {
            Self::Json => Arc::new(Json),
            Self::SnappyXor => Arc::new(Xor::new(Snappy::new(Json))),
            Self::Protobuf => Arc::new(Protobuf),
        }
    }

    /// A tracker whose requests are all accepted, and whose clock stands still.
    fn tracker(self) -> Tracker {
        let transport = tower::service_fn(|request: Request<Bytes>| {
            std::hint::black_box(request.body());
            std::future::ready(Ok::<_, TransportError>(Response::new(Bytes::new())))
        });
        let builder = Tracker::builder(PRODUCT, SOURCE, "http://collector.example")
            .sdk("python", "1.0.5")
            .clock(Still)
            .transport(transport)
            .codec(self.codec())
            .delivery(Buffered::default());
        builder.build().expect("the settings are in range")
    }
}

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn now(&self) -> SystemTime {
        sent_at()
    }
}
