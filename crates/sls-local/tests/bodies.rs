//! Bodies: compressed, truncated, oversized, lying, and what may be inside.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use serde_json::json;
use sls_core::model::{Log, LogGroup};
use sls_core::wire::{Compression, GroupEncoder, GroupListView, GroupMeta};
use sls_local::LocalService;
use support::{Draft, LOGSTORE, service};

const PROTOBUF: &str = "application/x-protobuf";
const MAX_RAW: usize = 10 << 20;

fn lb() -> Draft {
    Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"))
}

fn group(value: &[u8]) -> Vec<u8> {
    let mut group = GroupEncoder::new();
    group.log(1).field("k", value);
    group.finish(&GroupMeta::default()).into_bytes()
}

fn compressed(compression: Compression, raw: &[u8]) -> Draft {
    let size = raw.len().to_string();
    lb().body(PROTOBUF, compression.compress(raw))
        .header("x-log-bodyrawsize", size.as_str())
        .header("x-log-compresstype", compression.name())
}

#[tokio::test]
async fn every_compression_is_understood() {
    let (service, _) = service(1).await;
    for compression in [Compression::Lz4, Compression::Zstd, Compression::Deflate] {
        compressed(compression, &group(b"v"))
            .send(&service)
            .await
            .expect_ok();
    }
    lb().body(PROTOBUF, group(b"v"))
        .send(&service)
        .await
        .expect_ok();
}

#[tokio::test]
async fn the_raw_size_counts_only_beside_a_compression() {
    let (service, _) = service(1).await;
    for size in [None, Some("0"), Some("7777"), Some("nonsense")] {
        let draft = lb()
            .body(PROTOBUF, group(b"v"))
            .header("x-log-bodyrawsize", size);
        draft.send(&service).await.expect_ok();
    }
    let draft = compressed(Compression::Lz4, &group(b"v"));
    let answer = draft
        .clone()
        .header("x-log-bodyrawsize", None)
        .send(&service)
        .await;
    answer.expect(400, "MissingBodyRawSize");
    for size in ["", "-1", "+9", "1e3", "many", "99999999999999999999"] {
        let answer = draft
            .clone()
            .header("x-log-bodyrawsize", size)
            .send(&service)
            .await;
        answer.expect(400, "InvalidBodyRawSize");
    }
}

#[tokio::test]
async fn an_unknown_compression_is_named() {
    let (service, _) = service(1).await;
    let draft = compressed(Compression::Lz4, &group(b"v")).header("x-log-compresstype", "brotli");
    let answer = draft
        .send(&service)
        .await
        .expect(400, "InvalidCompressType");
    assert!(answer.message().contains("brotli"));
}

#[tokio::test]
async fn truncated_and_lying_bodies_are_refused() {
    let (service, _) = service(1).await;
    let raw = group(&[b'x'; 1000]);
    for compression in [Compression::Lz4, Compression::Zstd, Compression::Deflate] {
        let good = compressed(compression, &raw);
        let mut cut = good.clone();
        cut.body.truncate(good.body.len() / 2);
        let mut empty = good.clone();
        empty.body.clear();
        let more = (raw.len() + 1).to_string();
        let less = (raw.len() - 1).to_string();
        let lies = MAX_RAW.to_string();
        for draft in [
            cut,
            empty,
            good.clone().header("x-log-bodyrawsize", more.as_str()),
            good.clone().header("x-log-bodyrawsize", less.as_str()),
            good.clone().header("x-log-bodyrawsize", lies.as_str()),
        ] {
            draft
                .send(&service)
                .await
                .expect(400, "PostBodyUncompressError");
        }
    }
}

#[tokio::test]
async fn more_than_ten_mebibytes_are_refused_before_they_are_inflated() {
    let (service, _) = service(1).await;
    let size = (MAX_RAW + 1).to_string();
    let draft = compressed(Compression::Lz4, b"").header("x-log-bodyrawsize", size.as_str());
    draft.send(&service).await.expect(400, "PostBodyTooLarge");
    let draft = lb().body(PROTOBUF, vec![0; MAX_RAW + 1]);
    draft.send(&service).await.expect(400, "PostBodyTooLarge");
}

#[tokio::test]
async fn just_ten_mebibytes_are_accepted() {
    let (service, _) = service(1).await;
    let mut group = GroupEncoder::new();
    let value = vec![b'x'; 1 << 20];
    while group.raw_bytes() + value.len() + 100 < MAX_RAW {
        group.log(1).field("k", &value);
    }
    let rest = MAX_RAW - group.raw_bytes() - 20;
    group.log(1).field("k", &value[..rest]);
    let raw = group.finish(&GroupMeta::default()).into_bytes();
    assert!(
        (MAX_RAW - 8..=MAX_RAW).contains(&raw.len()),
        "{}",
        raw.len()
    );
    compressed(Compression::Lz4, &raw)
        .send(&service)
        .await
        .expect_ok();
}

#[tokio::test]
async fn a_body_needs_a_content_type_of_log_data() {
    let (service, _) = service(1).await;
    let draft = lb().body(PROTOBUF, group(b"v"));
    let answer = draft
        .clone()
        .header("content-type", None)
        .send(&service)
        .await;
    answer.expect(400, "MissingContentType");
    let answer = draft
        .clone()
        .header("content-type", "text/plain")
        .send(&service)
        .await;
    answer.expect(415, "InvalidContentType");
    let with_parameter = "application/x-protobuf; charset=utf-8";
    let answer = draft
        .header("content-type", with_parameter)
        .send(&service)
        .await;
    answer.expect_ok();
}

#[tokio::test]
async fn bytes_that_are_no_log_group_are_refused_as_a_whole() {
    let (service, _) = service(1).await;
    let mut raw = group(b"v");
    raw.truncate(raw.len() - 1);
    lb().body(PROTOBUF, raw)
        .send(&service)
        .await
        .expect(400, "PostBodyInvalid");
    let mut group = GroupEncoder::new();
    group.log(1).field("good", "v");
    group.log(1).field("__time__", "v");
    let raw = group.finish(&GroupMeta::default()).into_bytes();
    lb().body(PROTOBUF, raw)
        .send(&service)
        .await
        .expect(400, "InvalidKey");
    let pull = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/0"))
        .query("type", "cursor")
        .query("from", "begin");
    let begin = pull.clone().send(&service).await.json();
    let end = pull.clone().query("from", "end");
    let mut end = end;
    end.query
        .retain(|(key, value)| *key != "from" || value == "end");
    assert_eq!(begin, end.send(&service).await.json(), "nothing was stored");
}

#[tokio::test]
async fn a_put_into_nothing_or_by_an_unknown_way_is_refused() {
    let (service, _) = service(1).await;
    let body = group(b"v");
    let put = |path: &str| Draft::new("POST", path).body(PROTOBUF, body.clone());
    let answer = put("/logstores/none/shards/lb").send(&service).await;
    answer.expect(404, "LogStoreNotExist");
    let route = format!("/logstores/{LOGSTORE}/shards/route");
    put(&route)
        .send(&service)
        .await
        .expect(400, "ParameterInvalid");
    for key in ["xyz", "0123456789abcdef0123456789abcdef0"] {
        let answer = put(&route).query("key", key).send(&service).await;
        answer.expect(400, "ParameterInvalid");
    }
    put(&route)
        .query("key", "5F")
        .send(&service)
        .await
        .expect_ok();
    let answer = lb()
        .body(PROTOBUF, body.clone())
        .query("processor", "p")
        .send(&service)
        .await;
    answer.expect(404, "ConsumeProcessorNotExist");
}

/// What a logstore of one shard has, group by group.
async fn stored(service: &LocalService) -> Vec<LogGroup> {
    let draft = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/0"))
        .query("type", "log")
        .query("cursor", "MTcwMDAwMDAwMDAwMDAwMDAwMA==");
    let answer = draft.send(service).await.expect_ok();
    GroupListView::parse(&answer.body).unwrap().to_owned()
}

#[tokio::test]
async fn a_group_may_come_as_json() {
    let (service, _) = service(1).await;
    let body = json!({
        "__topic__": "t", "__source__": "s", "__tags__": {"k": "v"},
        "__logs__": [
            {"__time__": 7, "__time_ns_part__": 8, "b": "2", "a": "付款"},
            {"c": ""},
        ],
    });
    let raw = body.to_string().into_bytes();
    compressed(Compression::Lz4, &raw)
        .header("content-type", "application/json")
        .send(&service)
        .await
        .expect_ok();
    let wanted = LogGroup::new(vec![
        Log::at(7).with_time_ns(8).with("a", "付款").with("b", "2"),
        // Of the time of its arrival.
        Log::at(1_700_000_000).with("c", ""),
    ])
    .with_topic("t")
    .with_source("s")
    .with_tag("k", "v");
    assert_eq!(stored(&service).await, [wanted]);
    for (body, code) in [
        (json!({"__topic__": "t"}), "PostBodyInvalid"),
        (json!({"__logs__": [{"__time__": -1}]}), "PostBodyInvalid"),
        (json!({"__logs__": [{"a": 1}]}), "PostBodyInvalid"),
        (json!({"__logs__": [{"__topic__": "t"}]}), "InvalidKey"),
    ] {
        let answer = lb().json(body).send(&service).await;
        answer.expect(400, code);
    }
    assert_eq!(stored(&service).await.len(), 1);
}

#[tokio::test]
async fn several_groups_may_come_in_one_body() {
    let (service, _) = service(1).await;
    // Packages with data, size before compression and compression.
    let package = |raw: &[u8]| {
        let data = Compression::Lz4.compress(raw);
        let mut package = vec![0x0a, data.len() as u8];
        package.extend(data);
        package.extend([0x10, raw.len() as u8, 0x18, 2]);
        let mut list = vec![0x0a, package.len() as u8];
        list.extend(package);
        list
    };
    // The head names the compression of the packages, and the body is not compressed itself.
    let put = |packages: &[Vec<u8>]| {
        let body = packages.concat();
        let size = body.len().to_string();
        lb().body(PROTOBUF, body)
            .header("x-log-bodyrawsize", size.as_str())
            .header("x-log-compresstype", "lz4")
            .header("x-log-mode", "batch_group")
    };
    let good = [package(&group(b"one")), package(&group(b"two"))];
    put(&good).send(&service).await.expect_ok();
    let values = |groups: &[LogGroup]| -> Vec<String> {
        let logs = groups.iter().flat_map(|group| &group.logs);
        logs.map(|log| log.contents[0].value.to_string()).collect()
    };
    assert_eq!(values(&stored(&service).await), ["one", "two"]);

    let bad = [good[0].clone(), package(b"no group")];
    let answer = put(&bad).send(&service).await;
    answer.expect(400, "PostBodyInvalid");
    let cut = [good[0].clone(), vec![0x0a, 0x7f]];
    let answer = put(&cut).send(&service).await;
    answer.expect(400, "PostBodyInvalid");
    assert_eq!(stored(&service).await.len(), 2, "all of them or none");
}
