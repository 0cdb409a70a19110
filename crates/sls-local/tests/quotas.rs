//! Quotas per second of the server's clock, and a clock that is off.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use serde_json::json;
use sls_core::model::ShardId;
use sls_core::sign::{SignV1, SignV4, Signer};
use sls_local::{Fault, QuotaPer};
use support::{Draft, LOGSTORE, PROJECT, key, recorded_at, send, service};

const SECOND: Duration = Duration::from_secs(1);

fn put() -> Draft {
    Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"))
        .body("application/x-protobuf", *b"\x1a\x01t")
}

fn pull(shard: u32) -> Draft {
    Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/{shard}"))
        .query("type", "cursor")
        .query("from", "begin")
}

#[tokio::test]
async fn without_a_quota_everything_may_come_in_one_second() {
    let (service, _) = service(1).await;
    for _ in 0..600 {
        put().send(&service).await.expect_ok();
    }
    let puts = service.logstore(PROJECT, LOGSTORE).puts_by_shard();
    assert_eq!(puts[&ShardId(0)], 600);
}

#[tokio::test]
async fn every_shard_takes_so_many_puts_a_second() {
    let (service, clock) = service(2).await;
    service.inject(Fault::request_quota(QuotaPer::Shard, 2).on_operation("PutLogs"));
    for _ in 0..4 {
        put().send(&service).await.expect_ok();
    }
    for _ in 0..2 {
        let answer = put().send(&service).await;
        let answer = answer.expect(403, "ShardWriteQuotaExceed");
        assert!(answer.message().contains("used up"), "{}", answer.message());
    }
    pull(0).send(&service).await.expect_ok();
    clock.advance(SECOND);
    put().send(&service).await.expect_ok();
    let puts = service.logstore(PROJECT, LOGSTORE).puts_by_shard();
    assert_eq!(puts[&ShardId(0)] + puts[&ShardId(1)], 5);
    assert!(puts.values().all(|puts| (2..=3).contains(puts)), "{puts:?}");
}

#[tokio::test]
async fn a_quota_of_one_shard_leaves_the_others_alone() {
    let (service, _) = service(2).await;
    let quota = Fault::request_quota(QuotaPer::Shard, 0).on_shard(1);
    service.inject(quota.on_operation("PutLogs"));
    let route = |key: &str| {
        Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/route"))
            .query("key", key)
            .body("application/x-protobuf", *b"\x1a\x01t")
    };
    route("00").send(&service).await.expect_ok();
    let answer = route("ff").send(&service).await;
    answer.expect(403, "ShardWriteQuotaExceed");
}

#[tokio::test]
async fn reading_has_quotas_and_codes_of_its_own() {
    let (service, clock) = service(2).await;
    let quota = Fault::request_quota(QuotaPer::Shard, 1).on_operation("GetCursor");
    service.inject(quota.times(2));
    pull(0).send(&service).await.expect_ok();
    pull(1).send(&service).await.expect_ok();
    let answer = pull(0).send(&service).await;
    answer.expect(403, "ShardReadQuotaExceed");
    let answer = pull(1).send(&service).await;
    answer.expect(403, "ShardReadQuotaExceed");
    // It was to refuse twice.
    pull(0).send(&service).await.expect_ok();

    clock.advance(SECOND);
    service.inject(Fault::request_quota(QuotaPer::Project, 2).on_project(PROJECT));
    put().send(&service).await.expect_ok();
    pull(0).send(&service).await.expect_ok();
    put().send(&service).await.expect(403, "WriteQuotaExceed");
    pull(0).send(&service).await.expect(403, "ReadQuotaExceed");
}

#[tokio::test]
async fn bytes_count_as_they_are_sent() {
    let (service, clock) = service(1).await;
    let bytes = put().body.len() as u64;
    service.inject(Fault::byte_quota(QuotaPer::Logstore, 2 * bytes).on_logstore(LOGSTORE));
    put().send(&service).await.expect_ok();
    put().send(&service).await.expect_ok();
    put().send(&service).await.expect(403, "WriteQuotaExceed");
    clock.advance(SECOND);
    put().send(&service).await.expect_ok();
}

#[tokio::test]
async fn bytes_that_are_read_count_for_what_comes_after_them() {
    let (service, clock) = service(1).await;
    put().send(&service).await.expect_ok();
    let begin = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/0"));
    let begin = begin.query("type", "cursor").query("from", "begin");
    let begin = begin.send(&service).await.json()["cursor"].clone();
    let read = || {
        let path = format!("/logstores/{LOGSTORE}/shards/0");
        let draft = Draft::new("GET", path)
            .query("type", "log")
            .query("count", 10);
        draft.query("cursor", begin.as_str().unwrap())
    };
    let bytes = read().send(&service).await.expect_ok().body.len() as u64;
    assert!(bytes > 0);
    let quota = Fault::byte_quota(QuotaPer::Shard, 2 * bytes - 1);
    service.inject(quota.on_operation("PullLogs"));
    read().send(&service).await.expect_ok();
    read().send(&service).await.expect_ok();
    let over = read().send(&service).await;
    over.expect(403, "ShardReadQuotaExceed");
    clock.advance(SECOND);
    read().send(&service).await.expect_ok();
}

#[tokio::test]
async fn quotas_and_clocks_are_set_over_http() {
    let (service, _) = service(1).await;
    for fault in [
        json!({"effect": "quota", "per": "project", "requests_per_second": 0, "times": 1}),
        json!({"effect": "clock", "offset_ms": 1000, "times": 2}),
    ] {
        let draft = Draft::new("POST", "/_local/faults").json(fault.clone());
        send(&service, draft.unsigned()).await.expect_ok();
        let list = Draft::new("GET", "/_local/faults").unsigned();
        let listed = send(&service, list).await.json();
        let last = listed.as_array().unwrap().last().unwrap();
        for (member, value) in fault.as_object().unwrap() {
            assert_eq!(&last[member], value);
        }
    }
    let answer = put().send(&service).await.expect(403, "WriteQuotaExceed");
    assert_eq!(answer.header("x-log-time"), "1700000001");
    let answer = put().send(&service).await.expect_ok();
    assert_eq!(answer.header("x-log-time"), "1700000001");
    let answer = put().send(&service).await.expect_ok();
    assert_eq!(answer.header("x-log-time"), "1700000000");
}

#[tokio::test]
async fn a_clock_that_is_off_refuses_right_times_and_tells_wrong_ones() {
    let hour = 60 * 60 * SECOND;
    let signers: [Box<dyn Signer>; 2] = [Box::new(SignV1), Box::new(SignV4::new("cn-hangzhou"))];
    for (fault, told, now) in [
        (
            Fault::clock_ahead(hour),
            "Tue, 14 Nov 2023 23:13:20 GMT",
            recorded_at() + hour,
        ),
        (
            Fault::clock_behind(hour),
            "Tue, 14 Nov 2023 21:13:20 GMT",
            recorded_at() - hour,
        ),
    ] {
        for signer in &signers {
            let (service, _) = service(1).await;
            service.inject(fault.clone().on_operation("PutLogs").on_logstore(LOGSTORE));
            let sign = |draft: &Draft, time| draft.signed_with(&**signer, &key(), time);
            let right = send(&service, sign(&put(), recorded_at())).await;
            let right = right.expect(400, "RequestTimeExpired");
            assert_eq!(right.header("date"), told);
            // Whoever believes the server gets in.
            send(&service, sign(&put(), now)).await.expect_ok();
            send(&service, sign(&pull(0), recorded_at()))
                .await
                .expect_ok();
            let stored = service.logstore(PROJECT, LOGSTORE).stored();
            assert_eq!(stored[0].received, recorded_at(), "what is stored is right");
        }
    }
}
