use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use log::Log as _;
use sls_logging::{Error, Field, Level, Record, RecordFormat, Redaction, Signature, SpanFields};
use tracing_subscriber::prelude::*;

use crate::world::{LONG, World};

#[derive(Debug, thiserror::Error)]
#[error("the order was not stored")]
struct NotStored(#[source] std::io::Error);

/// Runs `program` under a subscriber, the only one of the process meanwhile: what a call site is to
/// do is remembered for all of them together, and looked at again while others come and go.
fn under(subscriber: impl tracing::Subscriber + Send + Sync, program: impl FnOnce()) {
    static ONLY: Mutex<()> = Mutex::new(());
    let _only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    tracing::subscriber::with_default(subscriber, program);
}

#[test]
fn records_of_both_front_ends_arrive_with_topic_source_and_tags() {
    let world = World::new();
    let (handler, guard) = world
        .handler()
        .topic("checkout")
        .source("10.0.0.1")
        .tag("env", "dev")
        .build()
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(handler.layer());
    let failure = NotStored(std::io::Error::other("disk full"));
    under(subscriber, || {
        tracing::info!(target: "sls", "test1");
        let error: &dyn std::error::Error = &failure;
        tracing::error!(target: "sls", error, "giving up");
    });
    let record = log::Record::builder()
        .args(format_args!("by log"))
        .level(log::Level::Warn)
        .target("sls")
        .build();
    handler.logger().log(&record);
    assert!(handler.flush(LONG));

    let groups = world.groups();
    assert_eq!(groups.len(), 1);
    assert_eq!(groups[0].topic, Some("checkout".into()));
    assert_eq!(groups[0].source, Some("10.0.0.1".into()));
    assert_eq!(groups[0].tags.len(), 1);
    assert_eq!(world.values("message"), ["test1", "giving up", "by log"]);
    assert_eq!(world.values("level"), ["INFO", "ERROR", "WARNING"]);
    assert_eq!(world.values("record_name"), ["sls"; 3]);
    assert_eq!(
        world.values("error"),
        ["the order was not stored\ncaused by: disk full"]
    );
    assert_eq!(world.values("file_path").len(), 2);
    assert_eq!(
        world.values("process_id"),
        vec![std::process::id().to_string(); 3]
    );
    assert_eq!(world.values("process_name").len(), 3);
    assert_eq!(world.values("thread_id").len(), 3);
    assert!(groups[0].logs.iter().all(|log| log.time_ns.is_some()));
    let report = guard.close(LONG);
    assert_eq!((report.total.delivered, report.dropped), (3, 0));
}

/// The sorted names of the fields of an event in a span, of which these were wanted.
fn keys_with(spans: SpanFields) -> Vec<String> {
    let world = World::new();
    let format = RecordFormat::new().with_fields([
        Field::Level,
        Field::FuncName,
        Field::Module,
        Field::LineNo,
    ]);
    let (handler, guard) = world.handler().format(format).build().unwrap();
    let layer = handler.layer().with_span_fields(spans);
    under(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("pay", user = 7).in_scope(|| tracing::info!("test1"));
    });
    drop(guard);
    assert_eq!(world.values("func_name"), ["pay"]);
    assert_eq!(world.values("module"), ["delivery"]);
    let groups = world.groups();
    let contents = &groups[0].logs[0].contents;
    let mut keys: Vec<_> = contents.iter().map(|pair| pair.key.to_string()).collect();
    keys.sort();
    keys
}

#[test]
fn of_the_fields_only_those_named_arrive_and_the_message() {
    assert_eq!(
        keys_with(SpanFields::Off),
        ["func_name", "level", "line_no", "message", "module"]
    );
}

#[test]
fn spans_arrive_beside_the_fields_that_are_named_unless_they_are_off() {
    let named = keys_with(SpanFields::Off);
    let beside = |spans| {
        let mut keys = keys_with(spans);
        keys.retain(|key| !named.contains(key));
        keys
    };
    assert_eq!(beside(SpanFields::Names), ["spans"]);
    assert_eq!(beside(SpanFields::Fields), ["spans", "user"]);
}

#[test]
fn without_a_source_the_own_address_is_told() {
    let world = World::new();
    let (handler, guard) = world.handler().build().unwrap();
    log_one(&handler, "m");
    drop(guard);
    assert_eq!(world.groups()[0].source, Some("127.0.0.1".into()));
}

#[test]
fn every_record_keeps_the_topic_it_was_shipped_under() {
    let world = World::new();
    let (handler, guard) = world.handler().topic("first").build().unwrap();
    let later = handler.with_topic("later").unwrap();
    for message in ["m0", "m1"] {
        log_one(&handler, message);
    }
    for message in ["m2", "m3"] {
        log_one(&later, message);
    }
    drop(guard);
    let mut topics: Vec<(String, usize)> = world
        .groups()
        .iter()
        .map(|group| {
            let topic = group.topic.as_ref().map(ToString::to_string);
            (topic.unwrap_or_default(), group.logs.len())
        })
        .collect();
    topics.sort();
    assert_eq!(topics, [("first".to_owned(), 2), ("later".to_owned(), 2)]);
}

#[test]
fn version_4_of_the_signature_is_accepted() {
    let world = World::new();
    let region = Some("cn-hangzhou".to_owned());
    let (handler, guard) = world
        .handler()
        .signature(Signature::V4 { region })
        .build()
        .unwrap();
    log_one(&handler, "m");
    let report = guard.close(LONG);
    assert_eq!(report.delivered, 1);
}

#[test]
fn flushing_waits_for_what_was_before_and_can_be_repeated() {
    let world = World::new();
    world.inject(sls_local::Fault::delay(Duration::from_millis(100)));
    let (handler, _guard) = world.handler().build().unwrap();
    for round in 1..=3 {
        log_one(&handler, "m");
        assert!(handler.flush(LONG));
        assert_eq!(world.values("message").len(), round);
    }
}

#[test]
fn what_is_hidden_never_reaches_the_service() {
    let world = World::new();
    let redaction = Redaction::new()
        .key("password")
        .and_then(|rules| rules.pattern(r"\b\d{16}\b", "<card>"))
        .unwrap();
    let format = RecordFormat::new()
        .with_extract_json(true)
        .with_redaction(redaction);
    let (handler, guard) = world.handler().format(format).build().unwrap();
    let record = Record::new(
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        Level::Info,
        "shop",
        r#"{"password":"hunter2","card":"4111111111111111"}"#,
    );
    handler.log(&record.with_extra(&[("Password", "hunter3")]));
    drop(guard);
    let groups = format!("{:?}", world.groups());
    assert!(
        !groups.contains("hunter") && !groups.contains("4111"),
        "{groups}"
    );
    assert_eq!(world.values("card"), ["<card>"]);
}

#[test]
fn every_setting_that_is_missing_is_named_at_once() {
    let error = sls_logging::Handler::builder()
        .project(" ")
        .logstore("app")
        .build()
        .unwrap_err();
    assert!(matches!(error, Error::Missing { .. }));
    assert_eq!(
        error.to_string(),
        "settings not given: endpoint, project, credentials"
    );
}

pub(crate) fn log_one(handler: &sls_logging::Handler, message: &str) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    handler.log(&Record::new(time, Level::Info, "shop", message));
}
