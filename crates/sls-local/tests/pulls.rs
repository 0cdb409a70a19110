//! Cursors and pulls: every boundary, routing, expiry, and the memory budget.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use http::HeaderMap;
use sls_core::model::Cursor;
use sls_core::wire::{Compression, GroupEncoder, GroupListView, GroupMeta};
use sls_local::LocalService;
use support::{Answer, Draft, LOGSTORE, recorded_at, service};
use telemetry_delivery::ManualClock;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn shard(shard: u32) -> Draft {
    Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/{shard}"))
}

/// Sends without a signature: the time of a test may be anywhere.
async fn ask(service: &LocalService, draft: Draft) -> Answer {
    support::send(service, draft.unsigned()).await
}

async fn open(shards: u32) -> (LocalService, ManualClock) {
    let clock = ManualClock::new(recorded_at());
    let builder = support::builder(&clock).no_auth(true);
    (support::with_logstore(builder, shards).await, clock)
}

fn group(text: &str) -> Vec<u8> {
    let mut group = GroupEncoder::new();
    group.log(1).field("text", text);
    group
        .finish(&GroupMeta::default().with_topic("t"))
        .into_bytes()
}

async fn put(service: &LocalService, text: &str) {
    let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"));
    let draft = draft.body("application/x-protobuf", group(text));
    ask(service, draft).await.expect_ok();
}

async fn cursor(service: &LocalService, id: u32, from: impl ToString) -> u64 {
    let draft = shard(id).query("type", "cursor").query("from", from);
    let answer = ask(service, draft).await.expect_ok().json();
    Cursor::new(answer["cursor"].as_str().unwrap())
        .position()
        .unwrap()
}

fn pull(id: u32, position: u64, count: impl ToString) -> Draft {
    shard(id)
        .query("type", "log")
        .query("cursor", Cursor::at_position(position))
        .query("count", count)
        .header("accept-encoding", "")
}

fn texts(body: &[u8]) -> Vec<String> {
    let list = GroupListView::parse(body).unwrap();
    list.groups()
        .flat_map(|group| group.logs().collect::<Vec<_>>())
        .map(|log| log.get("text").unwrap().to_string())
        .collect()
}

fn next(headers: &HeaderMap) -> u64 {
    let cursor = headers["x-log-cursor"].to_str().unwrap();
    Cursor::new(cursor).position().unwrap()
}

#[tokio::test]
async fn an_empty_shard_begins_where_it_ends() {
    let (service, _) = open(1).await;
    let begin = cursor(&service, 0, "begin").await;
    assert_eq!(begin, cursor(&service, 0, "end").await);
    assert_eq!(begin, 1_700_000_000_000_000_000);
    let answer = ask(&service, pull(0, begin, 10)).await.expect_ok();
    assert_eq!(next(&answer.headers), begin);
    for (name, want) in [
        ("x-log-count", "0"),
        ("x-log-bodyrawsize", "0"),
        ("x-log-end-of-cursor", "1"),
        ("x-log-read-last-cursor", ""),
    ] {
        assert_eq!(answer.header(name), want, "{name}");
    }
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn what_was_put_is_pulled_as_it_was_put() {
    let (service, _) = open(1).await;
    put(&service, "a").await;
    let begin = cursor(&service, 0, "begin").await;
    for (accept, compression) in [
        ("", Compression::None),
        ("lz4", Compression::Lz4),
        ("zstd", Compression::Zstd),
        ("deflate", Compression::Deflate),
        ("gzip, deflate", Compression::None),
        ("br;q=1.0, LZ4;q=0.5", Compression::Lz4),
    ] {
        let draft = pull(0, begin, 10).header("accept-encoding", accept);
        let answer = ask(&service, draft).await.expect_ok();
        let name = compression.name().unwrap_or_default();
        assert_eq!(answer.header("x-log-compresstype"), name, "{accept:?}");
        assert_eq!(answer.header("content-type"), "application/x-protobuf");
        let raw_size = answer.header("x-log-bodyrawsize").parse().unwrap();
        let raw = compression
            .decompress(&answer.body, raw_size, 1 << 20)
            .unwrap();
        let list = GroupListView::parse(&raw).unwrap();
        let groups: Vec<_> = list
            .groups()
            .map(|group| group.as_bytes().to_vec())
            .collect();
        assert_eq!(groups, [group("a")]);
    }
}

#[tokio::test]
async fn pulls_stop_at_count_at_the_end_and_at_the_end_cursor() {
    let (service, _) = open(1).await;
    for text in ["a", "b", "c", "d"] {
        put(&service, text).await;
    }
    let begin = cursor(&service, 0, "begin").await;
    assert_eq!(cursor(&service, 0, "end").await, begin + 4);
    for (from, count, end, want, at_end) in [
        (0, 1000, None, "abcd", "1"),
        (0, 4, None, "abcd", "1"),
        (0, 3, None, "abc", "0"),
        (3, 1, None, "d", "1"),
        (4, 1, None, "", "1"),
        (1, 1000, Some(3), "bc", "0"),
        (1, 1, Some(3), "b", "0"),
        (1, 1000, Some(4), "bcd", "1"),
        (1, 1000, Some(9), "bcd", "1"),
        (2, 1000, Some(2), "", "0"),
        (2, 1000, Some(1), "", "0"),
    ] {
        let mut draft = pull(0, begin + from, count);
        if let Some(end) = end {
            draft = draft.query("end_cursor", Cursor::at_position(begin + end));
        }
        let answer = ask(&service, draft).await.expect_ok();
        let case = format!("{from} {count} {end:?}");
        assert_eq!(texts(&answer.body).concat(), want, "{case}");
        let read = want.len() as u64;
        assert_eq!(next(&answer.headers), begin + from + read, "{case}");
        assert_eq!(answer.header("x-log-count"), read.to_string(), "{case}");
        assert_eq!(answer.header("x-log-end-of-cursor"), at_end, "{case}");
        let last = if read == 0 {
            String::new()
        } else {
            (begin + from + read - 1).to_string()
        };
        assert_eq!(answer.header("x-log-read-last-cursor"), last, "{case}");
    }
}

#[tokio::test]
async fn other_spellings_of_a_pull_mean_the_same() {
    let (service, _) = open(1).await;
    for text in ["a", "b"] {
        put(&service, text).await;
    }
    let begin = cursor(&service, 0, "begin").await;
    let end = Cursor::at_position(begin + 1);
    let draft = shard(0)
        .query("type", "logs")
        .query("cursor", format!("{}\n", Cursor::at_position(begin)))
        .query("endCursor", end)
        .query("pullMode", "scan_on_stream")
        .query("query", "  ");
    let answer = ask(&service, draft).await.expect_ok();
    assert_eq!(texts(&answer.body), ["a"]);
}

#[tokio::test]
async fn a_head_of_a_pull_has_the_headers_only() {
    let (service, _) = open(1).await;
    put(&service, "a").await;
    let mut draft = pull(0, cursor(&service, 0, "begin").await, 10);
    draft.method = "HEAD";
    let answer = ask(&service, draft).await.expect_ok();
    assert_eq!(answer.header("x-log-count"), "1");
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn cursors_and_counts_outside_their_range_are_refused() {
    let (service, _) = open(2).await;
    put(&service, "a").await;
    let begin = cursor(&service, 0, "begin").await;
    for position in [begin - 1, begin + 2, 0, u64::MAX] {
        let answer = ask(&service, pull(0, position, 1)).await;
        answer.expect(400, "InvalidCursor");
        let draft = shard(0)
            .query("type", "cursor_time")
            .query("cursor", Cursor::at_position(position));
        ask(&service, draft).await.expect(400, "InvalidCursor");
    }
    for count in ["0", "1001", "-1", "ten"] {
        let answer = ask(&service, pull(0, begin, count)).await;
        answer.expect(400, "ParameterInvalid");
    }
    for text in ["nonsense", "!", "LTE="] {
        let draft = shard(0).query("type", "log").query("cursor", text);
        ask(&service, draft).await.expect(400, "ParameterInvalid");
    }
    let draft = pull(0, begin, 1).query("end_cursor", "nonsense");
    ask(&service, draft).await.expect(400, "ParameterInvalid");
    for kind in ["log", "cursor_time", "cursor"] {
        let draft = shard(0).query("type", kind);
        ask(&service, draft).await.expect(400, "ParameterInvalid");
    }
    for from in ["soon", "-1", "1.5", "99999999999999999999999"] {
        let draft = shard(0).query("type", "cursor").query("from", from);
        ask(&service, draft).await.expect(400, "ParameterInvalid");
    }
    ask(&service, pull(9, begin, 1))
        .await
        .expect(400, "ShardNotExist");
    let draft = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/first"));
    let draft = draft.query("type", "cursor").query("from", "begin");
    ask(&service, draft).await.expect(400, "ParameterInvalid");
    let draft = pull(0, begin, 1).query("processor", "stored");
    ask(&service, draft)
        .await
        .expect(404, "ConsumeProcessorNotExist");
}

#[tokio::test]
async fn cursors_by_time_go_by_the_time_of_receipt() {
    let (service, clock) = open(1).await;
    let begin = cursor(&service, 0, "begin").await;
    for text in ["a", "b", "c"] {
        clock.advance(Duration::from_secs(100));
        put(&service, text).await;
    }
    clock.advance(Duration::from_secs(100));
    let start = 1_700_000_000_u64;
    for (time, want) in [
        (0, 0),
        (start + 100, 0),
        (start + 101, 1),
        (start + 200, 1),
        (start + 300, 2),
        (start + 301, 3),
        (start + 9999, 3),
    ] {
        assert_eq!(cursor(&service, 0, time).await, begin + want, "{time}");
    }
    for (count, want) in [(1, start + 100), (1000, start + 300)] {
        let answer = ask(&service, pull(0, begin, count)).await.expect_ok();
        assert_eq!(answer.header("x-log-cursor-time"), want.to_string());
    }
    let answer = ask(&service, pull(0, begin + 3, 1)).await.expect_ok();
    assert_eq!(
        answer.header("x-log-cursor-time"),
        (start + 400).to_string()
    );
    for (position, want) in [(0, start + 100), (2, start + 300), (3, start + 400)] {
        let draft = shard(0)
            .query("type", "cursor_time")
            .query("cursor", Cursor::at_position(begin + position));
        let answer = ask(&service, draft).await.expect_ok().json();
        assert_eq!(answer["cursor_time"], want);
    }
}

#[tokio::test]
async fn expired_logs_are_gone_and_their_cursors_are_invalid() {
    let (service, clock) = open(1).await;
    let begin = cursor(&service, 0, "begin").await;
    put(&service, "old").await;
    clock.advance(DAY * 29);
    put(&service, "new").await;
    clock.advance(DAY - Duration::from_secs(1));
    assert_eq!(cursor(&service, 0, "begin").await, begin);
    clock.advance(Duration::from_secs(1));
    assert_eq!(cursor(&service, 0, "begin").await, begin + 1);
    let answer = ask(&service, pull(0, begin, 10)).await;
    let answer = answer.expect(400, "InvalidCursor");
    assert!(answer.message().contains("older than what is kept"));
    let answer = ask(&service, pull(0, begin + 1, 10)).await.expect_ok();
    assert_eq!(texts(&answer.body), ["new"]);
}

#[tokio::test]
async fn a_ttl_of_3650_days_keeps_for_ever() {
    let (service, clock) = open(1).await;
    let draft = Draft::new("PUT", format!("/logstores/{LOGSTORE}"));
    ask(&service, draft.json(serde_json::json!({"ttl": 3650})))
        .await
        .expect_ok();
    put(&service, "a").await;
    clock.advance(DAY * 5000);
    let begin = cursor(&service, 0, "begin").await;
    let answer = ask(&service, pull(0, begin, 10)).await.expect_ok();
    assert_eq!(texts(&answer.body), ["a"]);
}

#[tokio::test]
async fn balanced_puts_take_turns_and_routed_ones_follow_the_key() {
    let (service, _) = open(4).await;
    for text in ["a", "b", "c", "d", "e"] {
        put(&service, text).await;
    }
    for (key, text) in [
        ("5F", "f"),
        ("80", "g"),
        ("ffffffffffffffffffffffffffffffff", "h"),
    ] {
        let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/route"))
            .query("key", key)
            .body("application/x-protobuf", group(text));
        ask(&service, draft).await.expect_ok();
    }
    // Go puts without naming a way, and old clients route by a header.
    let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}"))
        .header("x-log-hashkey", "00")
        .body("application/x-protobuf", group("i"));
    ask(&service, draft).await.expect_ok();
    for (id, want) in [(0, "aei"), (1, "bf"), (2, "cg"), (3, "dh")] {
        let begin = cursor(&service, id, "begin").await;
        let answer = ask(&service, pull(id, begin, 100)).await.expect_ok();
        assert_eq!(texts(&answer.body).concat(), want, "shard {id}");
    }
}

#[tokio::test]
async fn a_pull_gives_about_ten_mebibytes_and_a_larger_group_alone() {
    let (service, _) = open(1).await;
    let mebibyte = "x".repeat(1 << 20);
    for _ in 0..12 {
        put(&service, &mebibyte).await;
    }
    let begin = cursor(&service, 0, "begin").await;
    let answer = ask(&service, pull(0, begin, 1000)).await.expect_ok();
    assert_eq!(answer.header("x-log-count"), "9");
    assert_eq!(answer.header("x-log-end-of-cursor"), "0");
    assert_eq!(next(&answer.headers), begin + 9);
}

#[tokio::test]
async fn a_full_server_refuses_clearly_until_logs_expire() {
    let clock = ManualClock::new(recorded_at());
    let builder = support::builder(&clock).no_auth(true).memory_budget(10_000);
    let service = support::with_logstore(builder, 2).await;
    let text = "x".repeat(4000);
    put(&service, &text).await;
    put(&service, &text).await;
    let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"));
    let draft = draft.body("application/x-protobuf", group(&text));
    let answer = ask(&service, draft.clone()).await;
    let answer = answer.expect(403, "WriteQuotaExceed");
    assert!(
        answer.message().contains("10000 bytes"),
        "{}",
        answer.message()
    );
    // Both shards hold expired logs; the put touches one, room is made in all.
    clock.advance(DAY * 31);
    ask(&service, draft.clone()).await.expect_ok();
    ask(&service, draft).await.expect_ok();
}

#[tokio::test]
async fn a_deleted_logstore_gives_its_memory_back() {
    let clock = ManualClock::new(recorded_at());
    let builder = support::builder(&clock).no_auth(true).memory_budget(10_000);
    let service = support::with_logstore(builder, 1).await;
    let text = "x".repeat(9000);
    for _ in 0..3 {
        put(&service, &text).await;
        let path = format!("/logstores/{LOGSTORE}");
        ask(&service, Draft::new("DELETE", path)).await.expect_ok();
        let config = sls_core::model::LogstoreConfig::named(LOGSTORE).with_shard_count(1);
        service
            .create_logstore(support::PROJECT, config)
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_puts_are_all_stored_once() {
    let (service, _) = open(2).await;
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let service = service.clone();
            tokio::spawn(async move {
                for number in 0..50 {
                    put(&service, &format!("{writer}-{number};")).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let mut found = Vec::new();
    for id in 0..2 {
        let begin = cursor(&service, id, "begin").await;
        let answer = ask(&service, pull(id, begin, 1000)).await.expect_ok();
        let texts = texts(&answer.body);
        assert_eq!(texts.len(), 200, "shard {id} took its turns");
        found.extend(texts);
    }
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 400);
}

#[tokio::test]
async fn append_meta_adds_the_time_of_receipt() {
    let (service, _) = service(1).await;
    let settings = serde_json::json!({"appendMeta": true, "enable_tracking": true});
    let draft = Draft::new("PUT", format!("/logstores/{LOGSTORE}")).json(settings);
    draft.send(&service).await.expect_ok();
    let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"));
    let draft = draft.body("application/x-protobuf", group("a"));
    draft.send(&service).await.expect_ok();
    let tracked = serde_json::json!({"__logs__": [{"a": "b"}]});
    let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}/track")).json(tracked);
    draft.send(&service).await.expect_ok();
    let answer = pull(0, 1_700_000_000_000_000_000, 2)
        .send(&service)
        .await
        .expect_ok();
    let list = GroupListView::parse(&answer.body).unwrap();
    let tags: Vec<_> = list
        .groups()
        .flat_map(|group| group.tags())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    // One for each way to write.
    assert_eq!(tags, ["__receive_time__=1700000000"; 2]);
}
