//! What has arrived, as a test in the same process sees it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use sls_core::model::{Log, LogGroup, LogstoreConfig, ShardId};
use sls_core::service::LogSink as _;
use sls_core::wire::EncodedGroup;
use sls_local::LocalService;
use support::{Draft, LOGSTORE, PROJECT, recorded_at, service};
use telemetry_delivery::ManualClock;

const WAIT: Duration = Duration::from_secs(20);

fn group(logs: u32) -> LogGroup {
    let logs = (0..logs).map(|number| Log::at(number).with("n", number.to_string()));
    LogGroup::new(logs.collect())
        .with_topic("t")
        .with_source("s")
        .with_tag("host", "h")
}

async fn put(service: &LocalService, logs: u32) {
    let logstore = service.logstore(PROJECT, LOGSTORE);
    let group = EncodedGroup::from(&group(logs));
    logstore.put_logs(&group).await.unwrap();
}

#[tokio::test]
async fn stored_groups_are_whole_and_say_where_and_when() {
    let (service, clock) = service(2).await;
    for logs in 1..=3 {
        put(&service, logs).await;
        clock.advance(Duration::from_secs(1));
    }
    let logstore = service.logstore(PROJECT, LOGSTORE);
    let stored = logstore.stored();
    let seen: Vec<_> = stored
        .iter()
        .map(|stored| {
            let since = stored.received.duration_since(recorded_at()).unwrap();
            (stored.shard.0, since.as_secs(), stored.group.logs.len())
        })
        .collect();
    assert_eq!(seen, [(0, 0, 1), (0, 2, 3), (1, 1, 2)]);
    assert_eq!(stored[1].group, group(3));
    let positions: Vec<_> = stored[..2]
        .iter()
        .map(|stored| stored.cursor.position().unwrap())
        .collect();
    assert_eq!(positions[1], positions[0] + 1);
    assert_eq!(logstore.arrived_logs(), 6);
    let puts = BTreeMap::from([(ShardId(0), 2), (ShardId(1), 1)]);
    assert_eq!(logstore.puts_by_shard(), puts);
}

#[tokio::test]
async fn what_expired_is_no_longer_stored_but_still_counted() {
    let (service, clock) = service(1).await;
    put(&service, 2).await;
    clock.advance(Duration::from_secs(31 * 24 * 60 * 60));
    let logstore = service.logstore(PROJECT, LOGSTORE);
    assert!(logstore.stored().is_empty());
    assert_eq!(logstore.arrived_logs(), 2);
    assert_eq!(logstore.puts_by_shard()[&ShardId(0)], 1);
}

#[tokio::test]
async fn a_logstore_that_is_not_there_has_nothing() {
    let (service, _) = service(1).await;
    let logstore = service.logstore(PROJECT, "none");
    assert!(logstore.stored().is_empty());
    assert_eq!(logstore.arrived_logs(), 0);
    assert!(logstore.puts_by_shard().is_empty());
}

#[tokio::test(start_paused = true)]
async fn waiting_sees_a_logstore_that_is_made_meanwhile_and_ends_at_the_deadline() {
    let builder = support::builder(&ManualClock::new(recorded_at()));
    let server = builder.start().await.unwrap();
    let writer = {
        let service = server.service().clone();
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            service.create_project(PROJECT).await.unwrap();
            let config = LogstoreConfig::named(LOGSTORE).with_shard_count(2);
            service.create_logstore(PROJECT, config).await.unwrap();
            for _ in 0..3 {
                tokio::task::yield_now().await;
                put(&service, 2).await;
            }
        })
    };
    let stored = server
        .wait_for_logs(PROJECT, LOGSTORE, 6, WAIT)
        .await
        .unwrap();
    assert_eq!(stored.len(), 3);
    assert_eq!(server.logs(PROJECT, LOGSTORE), stored);
    writer.await.unwrap();
    let error = server.wait_for_logs(PROJECT, LOGSTORE, 7, WAIT).await;
    let text = error.unwrap_err().to_string();
    assert_eq!(text, "6 of 7 logs arrived within 20s");
}

#[tokio::test]
async fn web_tracking_arrives_as_well_and_what_is_refused_does_not() {
    let (service, _) = service(1).await;
    let tracking = serde_json::json!({
        "logstoreName": LOGSTORE, "ttl": 30, "shardCount": 1, "enable_tracking": true,
    });
    let update = Draft::new("PUT", format!("/logstores/{LOGSTORE}")).json(tracking);
    update.send(&service).await.expect_ok();
    let track = Draft::new("GET", format!("/logstores/{LOGSTORE}/track"));
    let track = track.query("APIVersion", "0.6.0").query("page", "home");
    support::send(&service, track.unsigned()).await.expect_ok();
    service.fail_next("PutLogs", 403, "WriteQuotaExceed");
    let refused = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"));
    let refused = refused.body("application/x-protobuf", *b"\x1a\x01t");
    refused.send(&service).await.expect(403, "WriteQuotaExceed");
    let stored = service
        .logstore(PROJECT, LOGSTORE)
        .wait_for_logs(1, WAIT)
        .await;
    assert_eq!(stored.unwrap().len(), 1);
}
