//! Consumer groups over HTTP: their settings, heartbeats, checkpoints and refusals.

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

async fn open(shards: u32) -> (LocalService, ManualClock) {
    let clock = ManualClock::new(recorded_at());
    let builder = support::builder(&clock).no_auth(true);
    let service = support::with_logstore(builder, shards).await;
    (service, clock)
}

async fn ask(service: &LocalService, draft: Draft) -> Answer {
    support::send(service, draft.unsigned()).await
}

fn groups(method: &'static str) -> Draft {
    Draft::new(method, format!("/logstores/{LOGSTORE}/consumergroups"))
}

fn group(method: &'static str) -> Draft {
    Draft::new(
        method,
        format!("/logstores/{LOGSTORE}/consumergroups/readers"),
    )
}

async fn create(service: &LocalService, order: bool) {
    let body = json!({"consumerGroup": "readers", "timeout": 60, "order": order});
    ask(service, groups("POST").json(body)).await.expect_ok();
}

fn beat(consumer: &str, reported: Value) -> Draft {
    let draft = group("POST").query("type", "heartbeat");
    draft.query("consumer", consumer).json(reported)
}

async fn held(service: &LocalService, consumer: &str, reported: Value) -> Value {
    ask(service, beat(consumer, reported))
        .await
        .expect_ok()
        .json()
}

fn save(consumer: &str, force: &str, shard: u32, position: u64) -> Draft {
    let checkpoint = Cursor::at_position(position);
    group("POST")
        .query("type", "checkpoint")
        .query("consumer", consumer)
        .query("forceSuccess", force)
        .json(json!({"shard": shard, "checkpoint": checkpoint.as_str()}))
}

#[tokio::test]
async fn groups_are_made_listed_changed_and_deleted() {
    let (service, _) = open(2).await;
    create(&service, true).await;
    let list = ask(&service, groups("GET")).await.expect_ok().json();
    assert_eq!(
        list,
        json!([{"name": "readers", "timeout": 60, "order": true}])
    );
    ask(&service, group("PUT").json(json!({"timeout": 9})))
        .await
        .expect_ok();
    ask(&service, group("PUT").json(json!({"order": false})))
        .await
        .expect_ok();
    let list = ask(&service, groups("GET")).await.json();
    assert_eq!(
        list,
        json!([{"name": "readers", "timeout": 9, "order": false}])
    );
    ask(&service, group("DELETE")).await.expect_ok();
    assert_eq!(ask(&service, groups("GET")).await.json(), json!([]));
}

#[tokio::test]
async fn what_is_wrong_with_a_call_has_its_own_code() {
    let (service, _) = open(2).await;
    for draft in [
        group("GET"),
        group("DELETE"),
        group("PUT").json(json!({"timeout": 9})),
        beat("a", json!([])),
        save("", "true", 0, 1),
    ] {
        ask(&service, draft)
            .await
            .expect(404, "ConsumerGroupNotExist");
    }
    create(&service, false).await;
    let again = json!({"consumerGroup": "readers", "timeout": 60, "order": true});
    let answer = ask(&service, groups("POST").json(again)).await;
    answer.expect(400, "ConsumerGroupAlreadyExist");
    for (draft, status, code) in [
        (
            groups("POST").json(json!({"timeout": 60})),
            400,
            "JsonInfoInvalid",
        ),
        (
            groups("POST").json(json!({"consumerGroup": "x", "timeout": -1})),
            400,
            "JsonInfoInvalid",
        ),
        (
            groups("POST").json(json!({"consumerGroup": "x", "timeout": 0})),
            400,
            "ParameterInvalid",
        ),
        (
            groups("POST").json(json!({"consumerGroup": "", "timeout": 1})),
            400,
            "ParameterInvalid",
        ),
        (group("PUT").json(json!({})), 400, "JsonInfoInvalid"),
        (beat("a", json!({"shards": []})), 400, "JsonInfoInvalid"),
        (beat("a", json!(["0"])), 400, "JsonInfoInvalid"),
        (beat("", json!([])), 400, "ParameterInvalid"),
        (beat("ghost", json!([0])), 400, "NotExistConsumerWithBody"),
        (save("a", "maybe", 0, 1), 400, "ParameterInvalid"),
        (save("", "false", 0, 1), 400, "ParameterInvalid"),
        (save("a", "False", 0, 1), 404, "ConsumerNotExist"),
        (save("", "True", 9, 1), 404, "ShardNotExist"),
        (
            group("POST").query("type", "other").json(json!([])),
            400,
            "ParameterInvalid",
        ),
        (
            group("POST").query("type", "checkpoint").json(json!({})),
            400,
            "JsonInfoInvalid",
        ),
    ] {
        let answer = ask(&service, draft).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (status, code),
            "{answer:?}"
        );
    }
    let broken = group("POST")
        .query("type", "checkpoint")
        .query("forceSuccess", "true")
        .json(json!({"shard": 0, "checkpoint": "?"}));
    ask(&service, broken)
        .await
        .expect(400, "InvalidShardCheckPoint");
}

#[tokio::test]
async fn shards_are_handed_over_after_release_and_taken_over_after_silence() {
    let (service, clock) = open(2).await;
    create(&service, false).await;
    assert_eq!(held(&service, "a", json!([])).await, json!([0, 1]));
    assert_eq!(held(&service, "b", json!([])).await, json!([]));
    assert_eq!(held(&service, "a", json!([0, 1])).await, json!([1]));
    assert_eq!(held(&service, "b", json!([])).await, json!([]));
    assert_eq!(held(&service, "a", json!([1])).await, json!([1]));
    assert_eq!(held(&service, "b", json!([])).await, json!([0]));
    // a falls silent.
    clock.advance(Duration::from_secs(40));
    assert_eq!(held(&service, "b", json!([0])).await, json!([0]));
    clock.advance(Duration::from_secs(40));
    assert_eq!(held(&service, "b", json!([0])).await, json!([0, 1]));
    ask(&service, beat("a", json!([1])))
        .await
        .expect(400, "NotExistConsumerWithBody");
}

#[tokio::test]
async fn checkpoints_are_given_for_every_shard_or_the_one_asked_for() {
    let (service, _) = open(2).await;
    create(&service, false).await;
    held(&service, "a", json!([])).await;
    ask(&service, save("a", "false", 1, 7)).await.expect_ok();
    let unsaved = json!({"shard": 0, "checkpoint": "", "updateTime": 0, "consumer": ""});
    let checkpoint = Cursor::at_position(7);
    let saved = json!({
        "shard": 1, "checkpoint": checkpoint.as_str(), "updateTime": 1_700_000_000_000_000_u64,
        "consumer": "a",
    });
    let all = ask(&service, group("GET")).await.expect_ok().json();
    assert_eq!(all, json!([unsaved, saved]));
    let of = |shard: u32| group("GET").query("shard", shard);
    assert_eq!(ask(&service, of(1)).await.json(), json!([saved]));
    assert_eq!(ask(&service, of(9)).await.json(), json!([]));
    held(&service, "b", json!([])).await;
    let answer = ask(&service, save("b", "False", 1, 8)).await;
    answer.expect(400, "ConsumerNotMatch");
    ask(&service, save("b", "True", 1, 8)).await.expect_ok();
}

#[tokio::test]
async fn children_of_a_split_wait_until_their_parent_was_read() {
    let (service, _) = open(1).await;
    create(&service, true).await;
    let put = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"));
    let put = put.body("application/x-protobuf", *b"\x1a\x01t");
    ask(&service, put).await.expect_ok();
    let split = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/0"));
    let split = split.query("action", "split").query("shardCount", 2);
    ask(&service, split).await.expect_ok();
    assert_eq!(held(&service, "a", json!([])).await, json!([0]));
    let begin = 1_700_000_000_000_000_000;
    ask(&service, save("a", "false", 0, begin))
        .await
        .expect_ok();
    assert_eq!(held(&service, "a", json!([0])).await, json!([0]));
    ask(&service, save("a", "false", 0, begin + 1))
        .await
        .expect_ok();
    assert_eq!(held(&service, "a", json!([0])).await, json!([1, 2]));
}
