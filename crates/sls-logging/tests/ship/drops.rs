use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use sls_local::Fault;
use sls_logging::{DeadReason, Event, Handler, Overflow, RecordFormat};
use tokio::time::Instant;

use crate::delivery::log_one;
use crate::world::{LONG, World};

#[test]
fn a_queue_that_is_full_drops_and_counts_and_the_stream_tells_of_it() {
    let world = World::new();
    world.inject(Fault::refuse(503, "ServerBusy"));
    let told = Arc::new(AtomicU64::new(0));
    let (handler, guard) = world
        .handler()
        .queue_size(10)
        .put_wait(Duration::from_millis(50))
        .format(RecordFormat::new().with_fields(["level", "record_name"]))
        .on_event({
            let told = Arc::clone(&told);
            move |event| {
                if let Event::Dropped { since, .. } = event {
                    told.fetch_add(since.total(), Ordering::SeqCst);
                }
            }
        })
        .build()
        .unwrap();
    for _ in 0..100 {
        log_one(&handler, "m");
    }
    let stats = handler.stats();
    assert_eq!(stats.queue.dropped.total(), 90, "{stats:?}");
    world.server.service().clear_faults();
    assert!(handler.flush(LONG));
    // The announcement is made when the first ones are there.
    world.wait_for(11);

    let messages = world.values("message");
    assert_eq!(messages.iter().filter(|text| *text == "m").count(), 10);
    let announced: Vec<_> = messages.iter().filter(|text| *text != "m").collect();
    assert_eq!(announced.len(), 1, "{announced:?}");
    assert!(
        announced[0].starts_with("90 records were dropped since "),
        "{announced:?}"
    );
    assert!(announced[0].ends_with(": 90 no room"), "{announced:?}");
    assert_eq!(world.values("dropped"), ["90"]);
    let levels = world.values("level");
    let mut levels = messages.iter().zip(&levels);
    let (_, level) = levels.find(|(text, _)| *text == announced[0]).unwrap();
    assert_eq!(level, "WARNING");
    drop(guard);
    assert_eq!(told.load(Ordering::SeqCst), 90);
}

#[test]
fn an_announcement_that_finds_no_room_is_made_later_and_complete() {
    let world = World::new();
    world.inject(Fault::refuse(503, "ServerBusy"));
    let handler: Arc<OnceLock<Handler>> = Arc::default();
    let filled = Arc::new(AtomicBool::new(false));
    let (made, _guard) = world
        .handler()
        .queue_size(10)
        .on_event({
            let (handler, filled) = (Arc::clone(&handler), Arc::clone(&filled));
            move |event| {
                let Some(handler) = handler.get() else { return };
                if matches!(event, Event::Resumed { .. }) && !filled.swap(true, Ordering::SeqCst) {
                    // The queue is full again before the announcement comes, and none is dropped.
                    std::thread::scope(|scope| {
                        scope.spawn(|| (0..10).for_each(|_| log_one(handler, "m")));
                    });
                }
            }
        })
        .build()
        .unwrap();
    for _ in 0..100 {
        log_one(&made, "m");
    }
    handler.set(made.clone()).unwrap();
    world.server.service().clear_faults();
    let begun = Instant::now();
    while world.values("dropped").is_empty() {
        assert!(begun.elapsed() < LONG, "{:?}", made.stats());
        assert!(made.flush(LONG));
    }
    assert!(made.flush(LONG));
    assert_eq!(world.values("dropped"), ["90"]);
    assert_eq!(world.values("message").len(), 21);
    // What was announced in the end was not dropped.
    assert_eq!(made.stats().queue.dropped.total(), 90);
}

#[test]
fn what_an_announcement_told_that_was_dropped_itself_is_told_by_the_next() {
    let world = World::new();
    world.inject(Fault::refuse(503, "ServerBusy"));
    let server = world.server.service().clone();
    let (away, resumed) = (Arc::new(AtomicBool::new(false)), mpsc::channel());
    let (handler, _guard) = world
        .handler()
        .queue_size(10)
        .batch_size(10)
        .put_wait(Duration::from_millis(50))
        .overflow(Overflow::DropOldest)
        .on_event({
            let away = Arc::clone(&away);
            move |event| {
                if matches!(event, Event::Resumed { .. }) && !away.swap(true, Ordering::SeqCst) {
                    // Busy again, before the announcement goes out.
                    let busy = Fault::refuse(503, "ServerBusy");
                    server.inject(busy.on_operation("PutLogs"));
                    let _ = resumed.0.send(());
                }
            }
        })
        .build()
        .unwrap();
    for _ in 0..100 {
        log_one(&handler, "m");
    }
    world.server.service().clear_faults();
    resumed.1.recv_timeout(LONG).unwrap();
    for _ in 0..100 {
        log_one(&handler, "m");
    }
    world.server.service().clear_faults();
    let told = || -> u64 {
        let told = world.values("dropped");
        told.iter().map(|it| it.parse::<u64>().unwrap()).sum()
    };
    let begun = Instant::now();
    while told() != handler.stats().queue.dropped.total() {
        assert!(begun.elapsed() < LONG, "{} {:?}", told(), handler.stats());
        assert!(handler.flush(LONG));
    }
    let logs = world
        .values("message")
        .iter()
        .filter(|it| *it == "m")
        .count() as u64;
    assert!(told() + logs >= 200, "{} told, {logs} arrived", told());
}

#[test]
fn dropping_the_oldest_keeps_the_newest() {
    let world = World::new();
    world.inject(Fault::refuse(503, "ServerBusy"));
    let (handler, _guard) = world
        .handler()
        .queue_size(10)
        .batch_size(1)
        .overflow(Overflow::DropOldest)
        .announce_drops(false)
        .build()
        .unwrap();
    for number in 0..100 {
        log_one(&handler, &number.to_string());
    }
    world.server.service().clear_faults();
    assert!(handler.flush(LONG));
    let arrived = world.values("message");
    assert!(arrived.contains(&"99".to_owned()), "{arrived:?}");
    let dropped = handler.stats().queue.dropped;
    assert_eq!(dropped.total() + arrived.len() as u64, 100);
}

#[test]
fn a_caller_that_waits_for_room_waits_no_longer_than_it_was_told() {
    let world = World::new();
    world.inject(Fault::refuse(503, "ServerBusy"));
    let wait = Duration::from_millis(200);
    let (handler, guard) = world
        .handler()
        .queue_size(1)
        .overflow(Overflow::Wait(wait))
        .build()
        .unwrap();
    log_one(&handler, "m");
    let begun = Instant::now();
    log_one(&handler, "no room");
    let waited = begun.elapsed();
    assert!(waited >= wait && waited < LONG, "{waited:?}");
    assert_eq!(handler.stats().queue.dropped.full, 1);
    let report = guard.close(Duration::ZERO);
    assert_eq!(report.dropped, 1);
}

#[test]
fn closing_keeps_its_deadline_and_tells_what_was_left() {
    let world = World::new();
    world.inject(Fault::refuse(503, "ServerBusy"));
    let (handler, guard) = world.handler().build().unwrap();
    for _ in 0..5 {
        log_one(&handler, "m");
    }
    let begun = Instant::now();
    let report = guard.close(Duration::from_millis(300));
    assert!(begun.elapsed() < LONG);
    assert_eq!((report.delivered, report.dropped), (0, 5));
    log_one(&handler, "late");
    let dropped = handler.stats().queue.dropped;
    assert_eq!((dropped.shut_down, dropped.closed), (5, 1));
}

#[test]
fn what_the_service_refuses_for_good_is_in_the_file_of_dead_letters() {
    let world = World::new();
    world.inject(Fault::refuse(403, "ProjectForbidden").times(1));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dead-letters");
    let (handler, guard) = world
        .handler()
        .topic("t")
        .dead_letter_file(&path, 1 << 20)
        .build()
        .unwrap();
    for message in ["a", "b"] {
        log_one(&handler, message);
    }
    assert!(handler.flush(LONG));
    log_one(&handler, "c");
    let report = guard.close(LONG);
    assert_eq!(report.total.dead_lettered, 2);
    assert_eq!(world.values("message"), ["c"]);

    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["contents"]["message"], "b");
    assert_eq!(lines[1]["topic"], "t");
    let reason = lines[1]["reason"].as_str().unwrap();
    assert!(reason.contains("ProjectForbidden"), "{reason}");
    assert_eq!(handler.stats().dead_letters_unwritten, 0);
}

#[test]
fn a_record_that_is_too_large_is_a_dead_letter_and_the_others_arrive() {
    let world = World::new();
    let dead = Arc::new(Mutex::new(Vec::new()));
    let (handler, guard) = world
        .handler()
        .on_dead_letter({
            let dead = Arc::clone(&dead);
            move |records| dead.lock().unwrap().push(records.clone())
        })
        .build()
        .unwrap();
    log_one(&handler, "before");
    log_one(&handler, &"x".repeat(6 << 20));
    log_one(&handler, "after");
    drop(guard);
    assert_eq!(world.values("message"), ["before", "after"]);
    let dead = dead.lock().unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, DeadReason::Oversized);
    assert_eq!(dead[0].group.logs.len(), 1);
}

#[test]
fn a_service_that_answers_413_gets_smaller_groups() {
    let world = World::new();
    world.inject(Fault::refuse(413, "PostBodyTooLarge").times(2));
    let (handler, guard) = world.handler().build().unwrap();
    for _ in 0..8 {
        log_one(&handler, "m");
    }
    let report = guard.close(LONG);
    assert_eq!((report.delivered, report.dropped), (8, 0));
    assert!(world.groups().len() > 1);
}
