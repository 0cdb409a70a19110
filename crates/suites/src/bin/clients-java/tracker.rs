//! Events, users, items and user mappings of GrowingIO, tracked by its package and taken by the
//! collector.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value, json};
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::java::JavaClients;
use suites::clients::program::Program;
use suites::clients::world::{Programs as _, without_proxies};

use crate::World;

const PRODUCT: &str = "java-product";
const SOURCE: &str = "939c0b26233d3ed1";

/// What was tracked is what the collector shows, once each, and nothing of it is doubtful.
pub(crate) async fn everything_arrives(world: &World, java: &JavaClients) -> Result<u64> {
    let samples = samples();
    let tracked: Vec<_> = samples.iter().map(|sample| &sample.tracked).collect();
    let mut command = java.command("track", [world.url(), PRODUCT, SOURCE]);
    without_proxies(&mut command);
    let answer = Program::new(command)
        .answer(&json!(tracked).to_string())
        .await?;
    expect("tracked", &answer.result, &json!(samples.len()))?;

    let product = utf8_percent_encode(PRODUCT, NON_ALPHANUMERIC);
    let target = format!("/_local/growingio/events?project={product}&limit=1000");
    let shown = world.shown(&target).await?;
    let shown = shown["events"].as_array().ok_or("there is no list")?;
    expect("events", &json!(shown.len()), &json!(samples.len()))?;
    // Each kind comes in requests of its own, in whatever order.
    for sample in &samples {
        let found = shown
            .iter()
            .find(|shown| shown["kind"] == sample.kind && shown["name"] == sample.name.clone());
        let found = found.ok_or_else(|| format!("no {} {}", sample.kind, sample.name))?;
        let mut record = sample.record.clone();
        record["projectKey"] = PRODUCT.into();
        record["dataSourceId"] = SOURCE.into();
        let wanted = json!({"record": record, "warnings": [], "project": PRODUCT});
        let found = json!({
            "record": found["record"], "warnings": found["warnings"], "project": found["project"],
        });
        expect(sample.kind, &found, &wanted)?;
    }
    check_requests(world).await
}

/// All were protobuf, and accepted; gives how many there are.
async fn check_requests(world: &World) -> Result<u64> {
    let shown = world.shown("/_local/growingio/requests?limit=1000").await?;
    let requests = shown["requests"].as_array().into_iter().flatten();
    let requests: Vec<_> = requests
        .filter(|request| request["project"] == PRODUCT)
        .collect();
    for request in &requests {
        let headers = request["headers"].as_array().into_iter().flatten();
        let headers: Map<_, _> = headers
            .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())))
            .collect();
        let found = json!([
            request["status"],
            request["repeat_of"],
            headers["content-type"]
        ]);
        expect(
            "request",
            &found,
            &json!([200, null, "application/protobuf"]),
        )?;
    }
    Ok(requests.len() as u64)
}

/// What the program tracks, and what the collector shows of it.
struct Sample {
    tracked: Value,
    kind: &'static str,
    name: Value,
    record: Value,
}

fn samples() -> Vec<Sample> {
    let attributes = json!({"text": "付款 ✅", "empty": "", "名称": "值"});
    let mut samples = vec![
        Sample {
            tracked: json!({
                "kind": "event", "name": "order_paid", "time": 1_700_000_000_123_u64,
                "user": "a@b.example", "user_key": "email", "device": "设备-1",
                "attributes": attributes, "list": ["x", "", "y"],
                "item": ["sku-1", "商品", {"price": "9.9"}],
            }),
            kind: "CUSTOM",
            name: json!("order_paid"),
            record: json!({
                "eventType": "CUSTOM", "eventName": "order_paid",
                "timestamp": 1_700_000_000_123_u64, "sendTime": 1_700_000_000_123_u64,
                "userId": "a@b.example", "gioId": "a@b.example", "userKey": "email",
                "deviceId": "设备-1",
                "attributes": {"text": "付款 ✅", "empty": "", "名称": "值", "list": "x||||y"},
                "resourceItem": {"id": "sku-1", "key": "商品", "attributes": {"price": "9.9"}},
            }),
        },
        Sample {
            tracked: json!({
                "kind": "user", "time": 1_700_000_000_456_u64, "user": "用户", "user_key": "手机",
                "device": "d", "attributes": {"age": "30"}, "list": [],
            }),
            kind: "LOGIN_USER_ATTRIBUTES",
            name: Value::Null,
            record: json!({
                "eventType": "LOGIN_USER_ATTRIBUTES",
                "timestamp": 1_700_000_000_456_u64, "sendTime": 1_700_000_000_456_u64,
                "userId": "用户", "gioId": "用户", "userKey": "手机", "deviceId": "d",
                "attributes": {"age": "30"},
            }),
        },
        Sample {
            tracked: json!({"kind": "item", "name": "商品", "id": "sku-1", "attributes": attributes}),
            kind: "ITEM",
            name: json!("商品"),
            record: json!({"id": "sku-1", "key": "商品", "attributes": attributes}),
        },
        Sample {
            tracked: json!({
                "kind": "mapping", "time": 1_700_000_000_789_u64,
                "attributes": {"email": "a@b.example", "手机": "1"},
            }),
            kind: "USER_MAPPING",
            name: Value::Null,
            record: json!({
                "sendTime": 1_700_000_000_789_u64,
                "identifies": {"email": "a@b.example", "手机": "1"},
            }),
        },
    ];
    // More than one request holds.
    for n in 0..250_u64 {
        let name = format!("event {n}");
        let time = 1_700_000_001_000 + n;
        samples.push(Sample {
            tracked: json!({
                "kind": "event", "name": name, "time": time, "user": "u", "attributes": {},
                "list": [],
            }),
            kind: "CUSTOM",
            name: json!(name),
            record: json!({
                "eventType": "CUSTOM", "eventName": name, "timestamp": time, "sendTime": time,
                "userId": "u", "gioId": "u",
            }),
        });
    }
    samples
}
