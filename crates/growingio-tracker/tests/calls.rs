//! What calls check, fill in and send.

#![expect(clippy::unwrap_used, reason = "a test fails where it panics")]
#![expect(dead_code, reason = "each test uses a part of the support")]

mod support;

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use growingio_codecs::{Batch, unix_ms};
use growingio_tracker::{
    Attributes, CustomEvent, DebugPrint, Error, Identity, ItemRecord, Preset, Protobuf,
    ResourceItem, Retry, Rules, Tracker,
};
use support::{Answer, Collector, MINUTE, batch, events, track};
use telemetry_delivery::ManualClock;

#[test]
fn a_program_without_a_runtime_tracks_and_waits() {
    let collector = Collector::kind();
    let tracker = collector.builder().build().unwrap();
    let called = tracker.track_custom_event("e", Identity::anonymous("a"), [("n", 1)]);
    called.wait().unwrap();
    tracker
        .track_user(Identity::login_user("u").with_key("email"), [("age", 30)])
        .wait()
        .unwrap();
    tracker.submit_item("k", "i", [("a", "b")]).wait().unwrap();
    assert!(tracker.close(MINUTE).wait().is_complete());
    let paths: Vec<_> = collector
        .requests()
        .iter()
        .map(|request| request.uri().path().to_owned())
        .collect();
    let events = "/v3/projects/p/collect";
    assert_eq!(paths, [events, events, "/projects/p/collect/item"]);
}

#[tokio::test]
async fn a_runtime_with_one_thread_awaits_a_tracker_with_its_own() {
    let collector = Collector::kind();
    let tracker = collector.builder().build().unwrap();
    track(&tracker, "e").await.unwrap();
    assert_eq!(tracker.counts().delivered, 1);
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_message_is_refused_with_the_name_of_the_field() {
    let collector = Collector::kind();
    let tracker = collector.tracker().build().unwrap();
    let call = tracker.track_custom_event("e", Identity::login_user("").with_key("email"), ());
    let error = call.await.unwrap_err();
    assert_eq!(error.to_string(), "one of the events was not tracked");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "neither anonymous_id nor login_user_id is given");
    let identity = Identity::anonymous("a");
    let error = tracker
        .track_custom_event("e", identity, [("x", f64::NAN)])
        .await;
    let error = error.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(cause, "attribute \"x\" is not a finite number");
    assert_eq!(tracker.counts().failed, 2);
    assert!(collector.requests().is_empty());

    let lenient = collector.tracker().rules(Rules::lenient()).build().unwrap();
    let nobody = lenient.track_custom_event("e", Identity::default(), ());
    nobody.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_refused_message_is_an_error_with_the_status_and_is_not_sent_again() {
    let collector = Collector::new(|_, _| Answer::Status(400));
    let tracker = collector.tracker().build().unwrap();
    let error = track(&tracker, "e").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the collector refused the events with http 400 (1 attempts)"
    );
    assert!(!error.is_retryable());
    assert_eq!(tracker.counts().requests, 1);
}

#[tokio::test(start_paused = true)]
async fn retries_run_and_repeat_the_request_byte_for_byte() {
    let collector = Collector::new(|number, _| match number {
        0 => Answer::Lost,
        1 | 2 => Answer::Status(503),
        _ => Answer::Status(200),
    });
    let tracker = collector.tracker().build().unwrap();
    let began = tokio::time::Instant::now();
    track(&tracker, "e").await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_millis(1500));
    let requests = collector.requests();
    assert_eq!(requests.len(), 4);
    for request in &requests {
        assert_eq!(request.uri(), requests[0].uri());
        assert_eq!(request.body(), requests[0].body());
    }
    let counts = tracker.counts();
    assert_eq!((counts.requests, counts.retried), (4, 3));
    assert_eq!((counts.tracked, counts.delivered), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_all_attempts() {
    let collector = Collector::new(|_, _| Answer::Never);
    let retry = Retry::default().with_deadline(Duration::from_secs(3));
    let tracker = collector.tracker().retry(retry).build().unwrap();
    let began = tokio::time::Instant::now();
    let error = track(&tracker, "e").await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert!(error.is_retryable(), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn every_project_has_its_own_address_and_ids() {
    let collector = Collector::kind();
    let tracker = collector.tracker().build().unwrap();
    let other = tracker.project("商店", "d2").unwrap();
    let item = ItemRecord::new("k", "i").with_ids("of another", "of another");
    other.track(item).await.unwrap();
    track(&tracker, "e").await.unwrap();
    let requests = collector.requests();
    assert_eq!(
        requests[0].uri().path(),
        "/projects/%E5%95%86%E5%BA%97/collect/item"
    );
    let Batch::Items(items) = batch(&requests[0]) else {
        panic!("no items")
    };
    assert_eq!(items[0].product_id.as_deref(), Some("商店"));
    assert_eq!(items[0].data_source_id.as_deref(), Some("d2"));
    assert_eq!(requests[1].uri().path(), "/v3/projects/p/collect");
    assert!(tracker.project("", "d").is_err());
}

#[tokio::test(start_paused = true)]
async fn an_item_without_attributes_is_another_than_one_with_none() {
    let collector = Collector::kind();
    let tracker = collector.tracker().build().unwrap();
    tracker.submit_item("k", "i", ()).await.unwrap();
    tracker
        .submit_item("k", "i", Attributes::new())
        .await
        .unwrap();
    let bodies: Vec<_> = collector
        .requests()
        .iter()
        .map(|request| String::from_utf8(request.body().to_vec()).unwrap())
        .collect();
    assert!(!bodies[0].contains("attributes"), "{bodies:?}");
    assert!(bodies[1].contains("\"attributes\":{}"), "{bodies:?}");
}

#[tokio::test(start_paused = true)]
async fn ids_of_one_user_are_mapped_in_protobuf_only() {
    let collector = Collector::kind();
    let identities = [("email", "user@example.com"), ("phone", "13800000000")];
    let tracker = collector.tracker().codec(Protobuf).build().unwrap();
    tracker.map_user(identities).await.unwrap();
    let requests = collector.requests();
    assert_eq!(requests[0].uri().path(), "/projects/p/collect/user-mapping");
    let Batch::UserMappings(mappings) = batch(&requests[0]) else {
        panic!("no mappings")
    };
    assert_eq!(mappings[0].identities.len(), 2);

    let json = collector.tracker().build().unwrap();
    let error = json.map_user(identities).await.unwrap_err();
    assert!(matches!(error, Error::Encode { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn events_have_the_trackers_fields_where_they_have_none_of_their_own() {
    let now = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    let clock = ManualClock::new(now);
    let collector = Collector::kind();
    let tracker = collector
        .tracker()
        .clock(clock.clone())
        .sdk("shop", "9")
        .preset(Preset::AppName("shop".into()))
        .preset(Preset::Language("zh".into()))
        .build()
        .unwrap();
    let event = tracker
        .custom_event("e")
        .with_identity(Identity::not_user())
        .with_item(ResourceItem::new("k", "i"))
        .with_preset(Preset::Language("en".into()));
    clock.advance(Duration::from_secs(1));
    tracker.track(event).await.unwrap();
    let requests = collector.requests();
    // Sent a second after it was made.
    assert_eq!(requests[0].uri().query(), Some("stm=1700000001123"));
    let event = &events(&requests[0])[0];
    assert_eq!(event.timestamp_ms, Some(unix_ms(now)));
    assert_eq!(event.platform.as_deref(), Some("shop"));
    let preset = |kind| event.presets.get(&kind).cloned();
    assert_eq!(
        preset(Preset::AppName("".into())),
        Some(Preset::AppName("shop".into()))
    );
    assert_eq!(
        preset(Preset::Language("".into())),
        Some(Preset::Language("en".into()))
    );
    assert_eq!(event.resource_item.as_ref().unwrap().item_id, "i");
}

#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_prints_the_request_and_sends_nothing() {
    let printed = Printed::default();
    let collector = Collector::kind();
    let tracker = collector
        .tracker()
        .delivery(DebugPrint::dry_run().to(printed.clone()))
        .build()
        .unwrap();
    let event = CustomEvent::new("paid").with_identity(Identity::anonymous("a"));
    tracker.track(event).await.unwrap();
    assert!(collector.requests().is_empty());
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("event_name:paid"), "{text}");
    assert!(text.contains("\"eventName\":\"paid\""), "{text}");
    assert!(text.contains("<-- DRY RUN"), "{text}");
}

#[test]
fn settings_that_cannot_work_are_found_when_building() {
    let check = |result: Result<Tracker, growingio_tracker::ConfigError>, want: &str| {
        assert_eq!(result.unwrap_err().to_string(), want);
    };
    let builder = || Collector::kind().builder();
    check(
        builder().request_timeout(Duration::ZERO).build(),
        "request_timeout must be longer than zero",
    );
    check(Tracker::new("", "d", "http://h"), "product_id is missing");
    check(
        Tracker::new("p", "", "http://h"),
        "data_source_id is missing",
    );
    let long = "p".repeat(1024);
    check(
        Tracker::new(long.as_str(), "d", "http://h"),
        "product_id cannot be used: it has 1024 bytes or more",
    );
    check(
        Tracker::new("p", "d", format!("http://h/{}", long.repeat(8)).as_str()),
        "server_host cannot be used: it has 8192 bytes or more",
    );
    check(
        Tracker::new("p", "d", "collector.example"),
        "server_host cannot be used: it does not begin with http:// or https://",
    );
    let none = growingio_tracker::Buffered::default().with_max_size(0);
    check(
        builder().delivery(none).build(),
        "max_size must be at least one",
    );
}

#[test]
fn nothing_shows_the_password_of_the_address() {
    let builder = Tracker::builder("p", "d", "http://user:secret@h");
    assert!(!format!("{builder:?}").contains("secret"));
    let tracker = builder.build().unwrap();
    assert!(!format!("{tracker:?}").contains("secret"));
}
