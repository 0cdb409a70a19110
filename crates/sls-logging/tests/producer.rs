//! The producer, against the local service inside the process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use sls_core::api::{CreateIndex, GetContextLogs, GetLogs};
use sls_core::model::{IndexConfig, LineIndex, Log, LogGroup, LogQuery, LogstoreConfig, Text};
use sls_core::wire::GroupView;
use sls_local::{Fault, LocalLogstore, LocalServer, LocalService};
use sls_logging::producer::{
    DeadReason, Guard, Outcome, Producer, ProducerBuilder, Rejected, Route, RouteError,
};
use telemetry_delivery::Backoff;

/// Longer than anything here takes, so that a broken promise fails and does not hang.
const LONG: Duration = Duration::from_secs(30);
const MS: Duration = Duration::from_millis(1);
const TIME: SystemTime = SystemTime::UNIX_EPOCH;

async fn service(shards: u32) -> (LocalService, LocalLogstore) {
    let service = LocalServer::builder().into_service();
    service.create_project("shop").await.unwrap();
    let config = LogstoreConfig::named("orders").with_shard_count(shards);
    service.create_logstore("shop", config).await.unwrap();
    let logstore = service.logstore("shop", "orders");
    (service, logstore)
}

/// Sends when it is flushed and tries again soon.
fn builder(logstore: &LocalLogstore) -> ProducerBuilder {
    let logstore = logstore.clone();
    Producer::builder(move || logstore.clone())
        .with_linger(Duration::from_secs(3600))
        .with_backoff(Backoff::new(MS, 5 * MS))
        .with_close_deadline(LONG)
}

fn start(logstore: &LocalLogstore) -> (Producer, Guard) {
    builder(logstore).build().unwrap()
}

/// The value of a field, or of a tag.
fn text<'a>(pairs: impl IntoIterator<Item = (&'a Text, &'a Text)>, key: &str) -> Option<String> {
    let found = pairs
        .into_iter()
        .find(|(name, _)| name.as_bytes() == key.as_bytes());
    found.map(|(_, value)| String::from_utf8(value.as_bytes().to_vec()).unwrap())
}

fn field(log: &Log, key: &str) -> String {
    text(log.contents.iter().map(|it| (&it.key, &it.value)), key).unwrap()
}

fn tag(group: &LogGroup, key: &str) -> Option<String> {
    text(group.tags.iter().map(|it| (&it.key, &it.value)), key)
}

fn numbers(logstore: &LocalLogstore) -> Vec<u32> {
    let stored = logstore.stored();
    let logs = stored.iter().flat_map(|stored| &stored.group.logs);
    logs.map(|log| field(log, "n").parse().unwrap()).collect()
}

fn numbered(n: u32) -> Log {
    Log::at(1).with("n", n.to_string())
}

#[tokio::test]
async fn logs_arrive_with_what_their_route_says() {
    let (_, logstore) = service(1).await;
    let (producer, guard) = builder(&logstore)
        .with_topic("checkout")
        .with_source("10.0.0.1")
        .with_tag("zone", "a")
        .build()
        .unwrap();
    let receipt = producer.send(&numbered(7)).await.unwrap();
    producer.flush(LONG).await.unwrap();
    assert_eq!(receipt.await, Outcome::Delivered);
    let stored = logstore.stored();
    let group = &stored[0].group;
    assert_eq!(group.topic, Some("checkout".into()));
    assert_eq!(group.source, Some("10.0.0.1".into()));
    assert_eq!(tag(group, "zone").as_deref(), Some("a"));
    assert_eq!(group.logs, [numbered(7)]);
    guard.close(LONG).await;
}

#[tokio::test]
async fn a_log_without_structs_is_the_same_as_one_with() {
    let (_, logstore) = service(1).await;
    let (producer, guard) = builder(&logstore).with_pack_ids(false).build().unwrap();
    let time = TIME + Duration::new(1_700_000_000, 5);
    let draft = producer.draft(time, |log| {
        log.field("a", "1").field("b", "2");
    });
    draft.post().unwrap();
    let mut owned = Log::at(1_700_000_000).with("a", "1").with("b", "2");
    owned.time_ns = Some(5);
    producer.try_send(&owned).unwrap();
    guard.close(LONG).await;
    let group = &logstore.stored()[0].group;
    assert_eq!(*group, LogGroup::new(vec![owned.clone(), owned]));
}

#[tokio::test]
async fn a_draft_that_is_dropped_sends_nothing() {
    let (_, logstore) = service(1).await;
    let (producer, guard) = start(&logstore);
    let _ = producer.draft_of(&numbered(1));
    // A draft while another is open.
    let one = producer.draft_of(&numbered(2));
    producer.try_send(&numbered(3)).unwrap();
    one.try_send().unwrap();
    guard.close(LONG).await;
    assert_eq!(numbers(&logstore), [3, 2]);
}

#[test]
fn no_runtime_is_needed_and_blocking_works() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (_, logstore) = runtime.block_on(service(1));
    drop(runtime);
    let (producer, guard) = start(&logstore);
    let receipt = producer.send_blocking(&numbered(1)).unwrap();
    producer.flush_blocking(LONG).unwrap();
    assert_eq!(receipt.wait(LONG), Some(Outcome::Delivered));
    let report = guard.close_blocking(LONG);
    assert_eq!((report.total.delivered, report.dropped), (1, 0));
    assert_eq!(
        producer.try_send(&numbered(2)).unwrap_err(),
        Rejected::Closed
    );
}

#[tokio::test]
async fn refusals_for_load_and_failures_lose_nothing() {
    let (service, logstore) = service(1).await;
    service.inject(
        Fault::refuse(403, "ShardWriteQuotaExceed")
            .on_operation("PutLogs")
            .times(2),
    );
    service.inject(
        Fault::refuse(500, "InternalServerError")
            .on_operation("PutLogs")
            .times(2),
    );
    service.inject(Fault::cut_before().on_operation("PutLogs").times(1));
    let (producer, guard) = builder(&logstore).with_group_logs(10).build().unwrap();
    for n in 0..100 {
        producer.send(&numbered(n)).await.unwrap();
    }
    let report = guard.close(LONG).await;
    assert_eq!((report.total.delivered, report.dropped), (100, 0));
    assert_eq!(report.total.throttled, 2);
    let mut arrived = numbers(&logstore);
    arrived.sort_unstable();
    assert_eq!(arrived, (0..100).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_is_refused_for_good_is_a_dead_letter_after_one_attempt() {
    let (service, logstore) = service(1).await;
    service.inject(Fault::refuse(404, "LogStoreNotExist").on_operation("PutLogs"));
    let letters: Arc<Mutex<Vec<(LogGroup, DeadReason)>>> = Arc::default();
    let kept = Arc::clone(&letters);
    let (producer, guard) = builder(&logstore)
        .with_topic("checkout")
        .with_dead_letters(move |dead| {
            let group = dead.to_group();
            let group = GroupView::parse(group.as_bytes()).unwrap().to_owned();
            kept.lock().unwrap().push((group, dead.reason().clone()));
        })
        .build()
        .unwrap();
    let receipt = producer.send(&numbered(1)).await.unwrap();
    let report = guard.close(LONG).await;
    assert_eq!((report.dead_lettered, report.dropped), (1, 0));
    assert_eq!(report.total.attempts, 1);
    let letters = std::mem::take(&mut *letters.lock().unwrap());
    let (group, reason) = &letters[0];
    assert_eq!(
        *group,
        LogGroup::new(vec![numbered(1)]).with_topic("checkout")
    );
    let DeadReason::Refused(cause) = reason else {
        panic!("{reason:?}");
    };
    assert!(cause.contains("LogStoreNotExist"), "{cause}");
    assert_eq!(receipt.await, Outcome::DeadLettered(reason.clone()));
}

#[tokio::test]
async fn a_group_that_is_too_large_is_cut() {
    let (service, logstore) = service(1).await;
    service.inject(
        Fault::refuse(413, "Whatever")
            .on_operation("PutLogs")
            .times(1),
    );
    service.inject(
        Fault::refuse(400, "PostBodyTooLarge")
            .on_operation("PutLogs")
            .times(1),
    );
    let (producer, guard) = start(&logstore);
    for n in 0..8 {
        producer.try_send(&numbered(n)).unwrap();
    }
    let report = guard.close(LONG).await;
    assert_eq!((report.delivered, report.total.splits), (8, 2));
    let mut arrived = numbers(&logstore);
    arrived.sort_unstable();
    assert_eq!(arrived, (0..8).collect::<Vec<_>>());
}

#[tokio::test]
async fn logs_of_a_key_go_to_one_shard() {
    let (_, logstore) = service(4).await;
    let (producer, guard) = start(&logstore);
    for n in 0..200 {
        let producer = producer.for_key(format!("key {}", n % 20)).unwrap();
        producer.try_send(&numbered(n)).unwrap();
    }
    guard.close(LONG).await;
    let mut places = BTreeSet::new();
    for stored in logstore.stored() {
        for log in &stored.group.logs {
            let n: u32 = field(log, "n").parse().unwrap();
            places.insert((n % 20, stored.shard));
        }
    }
    assert_eq!(places.len(), 20, "one shard per key: {places:?}");
    let shards: BTreeSet<_> = places.iter().map(|(_, shard)| shard).collect();
    assert_eq!(shards.len(), 4);
}

#[tokio::test]
async fn an_ordered_route_keeps_its_order_through_failures() {
    let (service, logstore) = service(2).await;
    for _ in 0..2 {
        service.inject(
            Fault::refuse(500, "InternalServerError")
                .on_operation("PutLogs")
                .times(1),
        );
        service.inject(
            Fault::refuse(413, "Whatever")
                .on_operation("PutLogs")
                .times(1),
        );
    }
    let (producer, guard) = builder(&logstore).with_group_logs(10).build().unwrap();
    let route = Route::new().with_key("order-17").with_order(true);
    let producer = producer.with_route(route).unwrap();
    for n in 0..300 {
        producer.send(&numbered(n)).await.unwrap();
    }
    guard.close(LONG).await;
    assert_eq!(numbers(&logstore), (0..300).collect::<Vec<_>>());
}

#[cfg(feature = "spool")]
#[tokio::test]
async fn what_a_producer_leaves_in_its_spool_is_sent_by_the_next_under_its_route() {
    let (service, logstore) = service(1).await;
    let root = tempfile::tempdir().unwrap();
    // Closing does not wait long for a disk, and how fast this one is does not matter here.
    let config = sls_logging::SpoolConfig::default().with_fsync(sls_logging::Fsync::System);
    let spooling = || builder(&logstore).with_spool(root.path(), config.clone());
    service.inject(Fault::refuse(503, "ServerBusy"));
    let (producer, guard) = spooling().with_topic("first").build().unwrap();
    let receipt = producer.try_send(&numbered(7)).unwrap();
    let report = guard.close(MS).await;
    assert_eq!((report.spooled, report.dropped), (1, 0));
    assert_eq!(receipt.await, Outcome::Spooled);

    service.clear_faults();
    let (_producer, guard) = spooling().with_topic("second").build().unwrap();
    logstore.wait_for_logs(1, LONG).await.unwrap();
    guard.close(LONG).await;
    let stored = logstore.stored();
    let groups: Vec<&LogGroup> = stored.iter().map(|stored| &stored.group).collect();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].topic, Some("first".into()));
    assert_eq!(field(&groups[0].logs[0], "n"), "7");
}

#[tokio::test]
async fn routes_are_bounded_in_number() {
    let (_, logstore) = service(1).await;
    let (producer, _guard) = builder(&logstore).with_max_routes(2).build().unwrap();
    let route = |topic: &str| Route::new().with_topic(topic);
    producer.with_route(route("a")).unwrap();
    producer.with_route(route("a")).unwrap();
    let refused = producer.with_route(route("b")).unwrap_err();
    assert_eq!(refused, RouteError::TooMany { limit: 2 });
    assert_eq!(producer.stats().lanes, 2);
    // Those there are go on.
    let known = producer.with_route(route("a")).unwrap();
    let receipts = [&producer, &known].map(|it| it.try_send(&numbered(1)).unwrap());
    producer.flush(LONG).await.unwrap();
    assert!(
        receipts
            .iter()
            .all(|it| it.outcome() == Some(Outcome::Delivered))
    );
}

#[tokio::test]
async fn the_service_shows_the_logs_around_a_log() {
    let (service, logstore) = service(2).await;
    let index = IndexConfig::default().with_line(LineIndex::default());
    let create = CreateIndex::new("shop", "orders", index);
    service.perform(&create).await.unwrap();
    let (producer, guard) = builder(&logstore).with_group_logs(2).build().unwrap();
    let ordered = producer.with_route(Route::new().with_order(true)).unwrap();
    for n in 0..7 {
        ordered.send(&numbered(n)).await.unwrap();
        // Another writer.
        producer.send(&numbered(100 + n)).await.unwrap();
    }
    guard.close(LONG).await;
    let query = LogQuery::between(TIME, TIME + LONG).with_query("n: 3 |with_pack_meta");
    let search = GetLogs::new("shop", "orders", query);
    let found = service.perform(&search).await.unwrap();
    let place = |name: &str| found.rows[0].get(name).unwrap().to_owned();
    let (id, meta) = (place("__tag__:__pack_id__"), place("__pack_meta__"));
    let around = GetContextLogs::new("shop", "orders", id, meta).with_lines(2, 2);
    let found = service.perform(&around).await.unwrap();
    let lines: Vec<_> = found.logs.iter().map(|log| log.get("n").unwrap()).collect();
    assert_eq!(lines, ["1", "2", "3", "4", "5"]);
}

#[cfg(feature = "https")]
#[tokio::test]
async fn a_client_that_cannot_be_built_a_second_time_is_not_needed_a_second_time() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let server = LocalServer::builder().start().await.unwrap();
    let service = server.service();
    service.create_project("shop").await.unwrap();
    let config = LogstoreConfig::named("orders").with_shard_count(1);
    service.create_logstore("shop", config).await.unwrap();
    let endpoint: sls_core::Endpoint = server.endpoint().parse().unwrap();
    let credentials = server.credentials();
    let built = AtomicBool::new(false);
    let client = move || {
        let credentials = sls_client::StaticCredentials::new(credentials.clone());
        let builder = sls_client::Client::builder(endpoint.clone(), credentials);
        if built.swap(true, Ordering::SeqCst) {
            // There is no region in a local address.
            return Err(builder.with_signature_v4(None).unwrap_err());
        }
        Ok(builder)
    };
    let builder = Producer::builder_over_https(client, "shop", "orders").unwrap();
    let (producer, guard) = builder.build().unwrap();
    let draft = producer.draft(SystemTime::UNIX_EPOCH, |log| {
        log.field("number", "1");
    });
    draft.post().unwrap();
    server
        .wait_for_logs("shop", "orders", 1, LONG)
        .await
        .unwrap();
    let report = tokio::task::spawn_blocking(move || guard.close_blocking(LONG))
        .await
        .unwrap();
    assert_eq!((report.total.delivered, report.total.panics), (1, 0));
}
