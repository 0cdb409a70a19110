//! Every recorded request of the official tracker, in the collector.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use growingio_codecs::{AttributeValue, Attributes, Batch, Codec, Json, Protobuf, Route};
use http::{HeaderName, HeaderValue, Request};
use serde_json::Value;
use sls_local::{CollectedEvent, CollectedRecord, LocalServer, LocalService};
use support::recorded_at;
use telemetry_delivery::ManualClock;

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors/growingio/cases");
    let mut files: Vec<_> = fs::read_dir(root)
        .unwrap()
        .flat_map(|group| fs::read_dir(group.unwrap().path()).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn service(strict: bool) -> LocalService {
    LocalServer::builder()
        .clock(ManualClock::new(recorded_at()))
        .growingio_strict(strict)
        .into_service()
}

fn request(recorded: &Value) -> Request<Bytes> {
    let text = |name: &str| recorded[name].as_str().unwrap_or_default();
    let mut target = text("path").replace("{server_authority}", "127.0.0.1:1");
    target = target.replace("{server}", "http://127.0.0.1:1");
    if !text("query").is_empty() {
        target = format!("{target}?{}", text("query"));
    }
    let body = STANDARD.decode(text("body_base64")).unwrap();
    let mut request = Request::builder()
        .method(text("method"))
        .uri(target)
        .body(Bytes::from(body))
        .unwrap();
    for header in recorded["headers"].as_array().unwrap() {
        let name: HeaderName = header[0].as_str().unwrap().parse().unwrap();
        let value = HeaderValue::from_bytes(header[1].as_str().unwrap().as_bytes()).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

/// The recorded requests that are meant for the collector; a redirect led some elsewhere.
fn requests() -> Vec<(String, Value)> {
    let mut all = Vec::new();
    for file in cases() {
        let case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let name = case["name"].as_str().unwrap().to_owned();
        for recorded in case["requests"].as_array().into_iter().flatten() {
            if Route::of_path(request(recorded).uri().path()).is_some() {
                all.push((name.clone(), recorded.clone()));
            }
        }
    }
    assert!(all.len() >= 146, "only {} requests were found", all.len());
    all
}

/// Records as a codec takes them.
fn batch(records: &[Arc<CollectedEvent>]) -> Batch<'static> {
    let (mut events, mut items) = (Vec::new(), Vec::new());
    for collected in records {
        match &collected.record {
            CollectedRecord::Event(event) => events.push(event.clone()),
            CollectedRecord::Item(item) => items.push(item.clone()),
            other => panic!("nobody recorded {other:?}"),
        }
    }
    if items.is_empty() {
        Batch::Events(events)
    } else {
        assert!(events.is_empty());
        Batch::Items(items)
    }
}

/// Our encoders send a list or a map as its text, so those do not come back as they were.
fn has_lists(records: &[Arc<CollectedEvent>]) -> bool {
    let any = |attributes: &Attributes<'_>| {
        attributes
            .iter()
            .any(|(_, value)| matches!(value, AttributeValue::List(_) | AttributeValue::Map(_)))
    };
    records.iter().any(|collected| match &collected.record {
        CollectedRecord::Event(event) => any(&event.attributes),
        CollectedRecord::Item(item) => item.attributes.as_ref().is_some_and(any),
        _ => false,
    })
}

#[tokio::test]
async fn every_recorded_request_is_collected_as_what_it_was() {
    let service = service(false);
    let (mut compared, mut refused) = (0, 0);
    for (name, recorded) in requests() {
        let response = service.handle(request(&recorded)).await;
        let requests = service.growingio().requests();
        let collected = requests.last().unwrap();
        let wanted = &recorded["decoded"];
        if !wanted["invalid_json"].is_null() {
            assert_eq!(response.status(), 400, "{name}");
            let body: Value = serde_json::from_slice(response.body()).unwrap();
            let reason = body["reason"].as_str().unwrap();
            assert!(reason.starts_with("malformed JSON at byte"), "{reason}");
            assert_eq!(collected.reason.as_deref(), Some(reason));
            assert!(!collected.accepted);
            refused += 1;
            continue;
        }
        assert_eq!(response.status(), 200, "{name}: {:?}", collected.reason);
        assert!(response.body().is_empty(), "{name}");
        assert_eq!(
            collected.body.len() as u64,
            recorded["body_len"].as_u64().unwrap()
        );
        let records = &collected.records;
        assert_eq!(
            records.len() as u64,
            wanted["count"].as_u64().unwrap(),
            "{name}"
        );
        if has_lists(records) {
            continue;
        }
        // Encoded again it is what was recorded: nothing was lost on the way.
        let batch = batch(records);
        match wanted["json_text"].as_str() {
            Some(text) => {
                let again = Json.encode(&batch, UNIX_EPOCH).unwrap();
                assert_eq!(String::from_utf8(again.body).unwrap(), text, "{name}");
            }
            None => {
                let again = Protobuf.encode(&batch, UNIX_EPOCH).unwrap();
                assert_eq!(again.body, collected.body, "{name}");
            }
        }
        compared += 1;
    }
    assert_eq!(refused, 1, "the manual's JSON has no NaN");
    assert!(compared >= 135, "only {compared} requests were compared");
    let counts = service.growingio().counts();
    assert!(
        counts.repeats > 0 && counts.dropped_requests == 0,
        "{counts:?}"
    );
}

#[tokio::test]
async fn a_strict_collector_refuses_the_cases_that_are_incomplete() {
    for (name, recorded) in requests() {
        let service = service(true);
        let status = service.handle(request(&recorded)).await.status();
        let incomplete = matches!(
            name.as_str(),
            "custom-no-ids"
                | "custom-empty-strings"
                | "custom-nan-infinity"
                | "protobuf-empty-values"
                | "user-no-id"
                | "item-empty-ids"
                | "tracker-ids-differ"
        );
        let reason = service.growingio().requests()[0].reason.clone();
        assert_eq!(status == 400, incomplete, "{name}: {reason:?}");
    }
}
