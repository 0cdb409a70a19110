//! Every recorded request of the official clients, with the signature check on.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use serde_json::Value;
use support::Answer;

/// What a server answers that did not understand a request, or not who sent it.
const NOT_UNDERSTOOD: &[&str] = &[
    "SignatureNotMatch",
    "Unauthorized",
    "MissAccessKeyId",
    "MissingSignatureMethod",
    "InvalidSignatureMethod",
    "MissingDate",
    "InvalidDateFormat",
    "RequestTimeExpired",
    "MissingAPIVersion",
    "InvalidAPIVersion",
    "MissingHost",
    "MissingContentType",
    "InvalidContentType",
    "MissingBodyRawSize",
    "InvalidBodyRawSize",
    "InvalidCompressType",
    "PostBodyUncompressError",
    "PostBodyInvalid",
    "PostBodyTooLarge",
    "InvalidEncoding",
    "InvalidMethod",
    "BadRequest",
    "InternalServerError",
];

fn vectors() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors/sls");
    let mut files: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|folder| fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    files
}

fn request(recorded: &Value) -> Request<Bytes> {
    let body = recorded["body"]["b64"].as_str().unwrap_or_default();
    let mut request = Request::builder()
        .method(recorded["method"].as_str().unwrap())
        .uri(recorded["target"].as_str().unwrap())
        .body(Bytes::from(STANDARD.decode(body).unwrap()))
        .unwrap();
    for header in recorded["headers"].as_array().unwrap() {
        let name: HeaderName = header[0].as_str().unwrap().parse().unwrap();
        let value = HeaderValue::from_bytes(header[1].as_str().unwrap().as_bytes()).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

#[tokio::test]
async fn no_recorded_request_is_refused_for_signature_date_digest_or_parsing() {
    let mut requests = 0;
    for file in vectors() {
        let vector: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let Some(exchanges) = vector["exchanges"].as_array() else {
            continue;
        };
        let (service, _) = support::service(4).await;
        for exchange in exchanges {
            let recorded = &exchange["request"];
            let answer = Answer::from(service.handle(request(recorded)).await);
            assert!(
                !NOT_UNDERSTOOD.contains(&answer.code().as_str()),
                "{}: {} {}: {}",
                file.display(),
                recorded["method"],
                recorded["target"],
                answer.message(),
            );
            requests += 1;
        }
    }
    assert!(
        requests >= 82,
        "only {requests} recorded requests were found"
    );
}

/// Files whose calls must succeed here as they did when recorded.
#[tokio::test]
async fn recorded_calls_of_every_kind_succeed() {
    for name in [
        "api-put/put-binary-value",
        "api-put/put-default-nanos",
        "api-put/put-empty-group",
        "api-put/put-incompressible",
        "api-put/put-lz4",
        "api-put/put-tags-default-source",
        "api-put/put-zstd",
        "api-pull/pull-binary",
        "api-pull/pull-blank-query",
        "api-pull/pull-deflate",
        "api-pull/pull-empty",
        "api-pull/pull-identity",
        "api-pull/pull-zstd",
        "api-cursor/cursor-begin",
        "api-cursor/cursor-end",
        "api-cursor/cursor-time",
        "api-consumer-group/cg-checkpoint-get-shard",
        "api-consumer-group/cg-checkpoint-update-anonymous",
        "api-consumer-group/cg-delete",
        "api-consumer-group/cg-heartbeat-first",
        "api-consumer-group/cg-update",
        "api-index/index-create",
        "api-logstore/logstore-update",
        "api-logstore/logstore-delete",
        "api-project/project-get",
        "api-project/project-list",
        "api-project/project-update",
        "api-query/getlogs-v3-incomplete",
        "api-query/getlogs-v3-scan",
        "api-query/histograms",
        "api-query/topics",
        "api-shard/shard-list",
        "api-shard/shard-merge",
        "sts/sts-v1",
        "sts/sts-v4",
        "sts/v4-empty-param",
        "sts/v4-put-plain",
        "retry/retry-credential-refresh",
    ] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors/sls");
        let file = root.join(name).with_extension("json");
        let vector: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        // Some ask for shards 2 and 3, one says that there are two.
        let wide = name.contains("cursor") || name.contains("merge");
        let shards = if wide { 4 } else { 2 };
        let (service, _) = support::service(shards).await;
        if name.contains("cg-") {
            let body = serde_json::json!({"consumerGroup": "golden-group", "timeout": 60});
            let path = "/logstores/golden-store/consumergroups";
            let create = support::Draft::new("POST", path).json(body);
            create.send(&service).await.expect_ok();
        }
        if name.contains("api-query") {
            let index = support::Draft::new("POST", "/logstores/golden-store/index");
            let index = index.json(serde_json::json!({"keys": {}}));
            index.send(&service).await.expect_ok();
        }
        for exchange in vector["exchanges"].as_array().unwrap() {
            let answer = Answer::from(service.handle(request(&exchange["request"])).await);
            assert_eq!(answer.code(), "", "{name}: {answer:?}");
        }
    }
}
