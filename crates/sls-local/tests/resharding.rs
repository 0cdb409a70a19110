//! Shards split, merged, deleted, and gone with their last log.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use serde_json::{Value, json};
use sls_core::model::Cursor;
use sls_local::LocalService;
use support::{Answer, Draft, LOGSTORE, recorded_at};
use telemetry_delivery::ManualClock;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn open(shards: u32) -> (LocalService, ManualClock) {
    let clock = ManualClock::new(recorded_at());
    let builder = support::builder(&clock).no_auth(true);
    (support::with_logstore(builder, shards).await, clock)
}

fn key(first: &str) -> String {
    format!("{first:0<32}")
}

async fn ask(service: &LocalService, draft: Draft) -> Answer {
    support::send(service, draft.unsigned()).await
}

fn action(shard: u32, action: &str) -> Draft {
    Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/{shard}")).query("action", action)
}

/// `id status begin-end`, keys by their first digit.
fn short(shards: &Value) -> Vec<String> {
    let digit = |shard: &Value, name: &str| shard[name].as_str().unwrap()[..1].to_owned();
    let one = |shard: &Value| {
        let (begin, end) = (
            digit(shard, "inclusiveBeginKey"),
            digit(shard, "exclusiveEndKey"),
        );
        let status = shard["status"].as_str().unwrap();
        format!("{} {status} {begin}-{end}", shard["shardID"])
    };
    shards.as_array().unwrap().iter().map(one).collect()
}

async fn list(service: &LocalService) -> Vec<String> {
    let draft = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards"));
    short(&ask(service, draft).await.expect_ok().json())
}

async fn put_to(service: &LocalService, key: &str) -> Answer {
    let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/route"));
    let draft = draft
        .query("key", key)
        .body("application/x-protobuf", *b"\x1a\x01t");
    ask(service, draft).await
}

async fn range(service: &LocalService, shard: u32) -> u64 {
    let mut ends = Vec::new();
    for from in ["begin", "end"] {
        let draft = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/{shard}"));
        let draft = draft.query("type", "cursor").query("from", from);
        let answer = ask(service, draft).await.expect_ok().json();
        let cursor = Cursor::new(answer["cursor"].as_str().unwrap());
        ends.push(cursor.position().unwrap());
    }
    ends[1] - ends[0]
}

#[tokio::test]
async fn a_split_closes_the_shard_and_opens_two() {
    let (service, clock) = open(2).await;
    clock.advance(Duration::from_secs(5));
    put_to(&service, "9").await.expect_ok();
    let draft = action(1, "split")
        .query("key", key("c"))
        .query("shardCount", 2);
    let answer = ask(&service, draft).await.expect_ok().json();
    assert_eq!(
        short(&answer),
        ["1 readonly 8-f", "2 readwrite 8-c", "3 readwrite c-f"]
    );
    assert_eq!(answer[1]["createTime"], 1_700_000_005);
    assert_eq!(
        list(&service).await,
        [
            "0 readwrite 0-8",
            "1 readonly 8-f",
            "2 readwrite 8-c",
            "3 readwrite c-f"
        ]
    );
    // What was there stays there, what comes goes to the child.
    put_to(&service, "9").await.expect_ok();
    put_to(&service, "f").await.expect_ok();
    for (shard, groups) in [(0, 0), (1, 1), (2, 1), (3, 1)] {
        assert_eq!(range(&service, shard).await, groups, "shard {shard}");
    }
}

#[tokio::test]
async fn a_split_by_count_makes_equal_parts() {
    let (service, _) = open(1).await;
    let draft = action(0, "split").query("shardCount", 4);
    let answer = ask(&service, draft).await.expect_ok().json();
    let want = [
        "0 readonly 0-f",
        "1 readwrite 0-4",
        "2 readwrite 4-8",
        "3 readwrite 8-c",
        "4 readwrite c-f",
    ];
    assert_eq!(short(&answer), want);
}

#[tokio::test]
async fn a_split_at_a_wrong_place_is_refused() {
    let (service, _) = open(2).await;
    for at in ["0", "80", "c0", "ffffffffffffffffffffffffffffffff"] {
        let answer = ask(&service, action(0, "split").query("key", key(at))).await;
        let answer = answer.expect(400, "ParameterInvalid");
        assert!(answer.message().contains("invalid mid hash"), "{at}");
    }
    for draft in [
        action(0, "split"),
        action(0, "split").query("key", "xyz"),
        action(0, "split").query("shardCount", 1),
        action(0, "split").query("shardCount", 257),
        action(0, "split").query("shardCount", 256),
        action(0, "join"),
    ] {
        ask(&service, draft).await.expect(400, "ParameterInvalid");
    }
    let answer = ask(&service, action(9, "split").query("key", key("4"))).await;
    answer.expect(400, "ShardNotExist");
    let split = action(0, "split").query("key", key("4"));
    ask(&service, split.clone()).await.expect_ok();
    let answer = ask(&service, split).await.expect(400, "ParameterInvalid");
    assert!(
        answer.message().contains("readonly"),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn a_merge_joins_a_shard_and_its_right_neighbour() {
    let (service, _) = open(4).await;
    let answer = ask(&service, action(1, "merge")).await.expect_ok().json();
    assert_eq!(
        short(&answer),
        ["4 readwrite 4-c", "1 readonly 4-8", "2 readonly 8-c"]
    );
    put_to(&service, "5").await.expect_ok();
    assert_eq!(range(&service, 4).await, 1);
    let answer = ask(&service, action(3, "merge"))
        .await
        .expect(400, "ParameterInvalid");
    assert!(answer.message().contains("can not merge the last shard"));
    for closed in [1, 2] {
        ask(&service, action(closed, "merge"))
            .await
            .expect(400, "ParameterInvalid");
    }
}

#[tokio::test]
async fn the_settings_count_the_shards_that_take_writes() {
    let (service, _) = open(2).await;
    let path = format!("/logstores/{LOGSTORE}");
    ask(&service, action(0, "split").query("key", key("4")))
        .await
        .expect_ok();
    let settings = ask(&service, Draft::new("GET", path.as_str())).await.json();
    assert_eq!(settings["shardCount"], 3);
    let update = Draft::new("PUT", path.as_str());
    let answer = ask(&service, update.clone().json(json!({"shardCount": 2}))).await;
    answer.expect(400, "ParameterInvalid");
    ask(&service, update.json(json!({"shardCount": 3, "ttl": 5})))
        .await
        .expect_ok();
}

#[tokio::test]
async fn a_closed_shard_is_gone_once_its_logs_have_expired() {
    let (service, clock) = open(1).await;
    put_to(&service, "0").await.expect_ok();
    clock.advance(DAY);
    ask(&service, action(0, "split").query("key", key("8")))
        .await
        .expect_ok();
    clock.advance(DAY * 29);
    assert_eq!(
        list(&service).await.len(),
        3,
        "empty, but closed not long enough ago"
    );
    clock.advance(DAY);
    assert_eq!(list(&service).await, ["1 readwrite 0-8", "2 readwrite 8-f"]);
    let draft = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/0"));
    let draft = draft.query("type", "cursor").query("from", "begin");
    ask(&service, draft).await.expect(400, "ShardNotExist");
}

#[tokio::test]
async fn only_closed_shards_can_be_deleted() {
    let (service, _) = open(1).await;
    let delete = |id: u32| Draft::new("DELETE", format!("/logstores/{LOGSTORE}/shards/{id}"));
    ask(&service, delete(0))
        .await
        .expect(400, "ParameterInvalid");
    ask(&service, action(0, "split").query("key", key("8")))
        .await
        .expect_ok();
    ask(&service, delete(0)).await.expect_ok();
    assert_eq!(list(&service).await.len(), 2);
    ask(&service, delete(0)).await.expect(400, "ShardNotExist");
}

#[tokio::test]
async fn splitting_and_merging_back_and_forth_comes_to_an_end() {
    let (service, _) = open(1).await;
    let mut shard = 0;
    for round in 0.. {
        assert!(round < 1000, "there is no end");
        let split = ask(&service, action(shard, "split").query("key", key("8"))).await;
        if split.status != 200 {
            split.expect(400, "ParameterInvalid");
            break;
        }
        let left = split.json()[1]["shardID"].as_u64().unwrap();
        let merged = ask(&service, action(left as u32, "merge")).await;
        if merged.status != 200 {
            merged.expect(400, "ParameterInvalid");
            break;
        }
        shard = merged.json()[0]["shardID"].as_u64().unwrap() as u32;
    }
}

#[tokio::test]
async fn more_shards_take_writes_when_that_is_wanted() {
    let make = |count: u32| {
        let config = json!({"logstoreName": "wide", "ttl": 1, "shardCount": count});
        Draft::new("POST", "/logstores").json(config)
    };
    let (service, _) = open(1).await;
    ask(&service, make(257))
        .await
        .expect(400, "LogStoreInfoInvalid");
    ask(&service, make(256)).await.expect_ok();

    let builder = support::builder(&ManualClock::new(recorded_at())).no_auth(true);
    let service = support::with_logstore(builder.max_shards(300), 1).await;
    ask(&service, make(301))
        .await
        .expect(400, "LogStoreInfoInvalid");
    ask(&service, make(300)).await.expect_ok();
    let parts = |count: u32| action(0, "split").query("shardCount", count);
    ask(&service, parts(301))
        .await
        .expect(400, "ParameterInvalid");
    let made = ask(&service, parts(300)).await.expect_ok().json();
    assert_eq!(made.as_array().unwrap().len(), 301);
    let child = made[1]["shardID"].as_u64().unwrap() as u32;
    let split = action(child, "split").query("shardCount", 2);
    ask(&service, split).await.expect(400, "ParameterInvalid");
}
