use std::time::Duration;

use sls_local::Fault;
use sls_logging::{Fsync, SpoolConfig};
use tokio::time::Instant;

use crate::delivery::log_one;
use crate::world::{LOGSTORE, LONG, World};

/// Closing does not wait long for a disk, and how fast this one is does not matter here.
fn disk() -> SpoolConfig {
    SpoolConfig::default().with_fsync(Fsync::System)
}

#[test]
fn what_is_left_at_the_end_is_delivered_by_the_next_start_under_its_topic() {
    let world = World::new();
    world.inject(Fault::refuse(503, "ServerBusy"));
    let root = tempfile::tempdir().unwrap();
    let (handler, guard) = world
        .handler()
        .topic("of the first")
        .spool(root.path(), disk())
        .build()
        .unwrap();
    for message in ["a", "b", "c"] {
        log_one(&handler, message);
    }
    let report = guard.close(Duration::ZERO);
    assert_eq!((report.spooled, report.dropped), (3, 0));
    assert_eq!(world.groups(), []);

    world.server.service().clear_faults();
    let (next, guard) = world
        .handler()
        .topic("of the next")
        .spool(root.path(), disk())
        .build()
        .unwrap();
    world.wait_for(3);
    drop((next, guard));
    let mut arrived = world.values("message");
    arrived.sort();
    assert_eq!(arrived, ["a", "b", "c"]);
    assert_eq!(world.groups()[0].topic, Some("of the first".into()));
}

#[test]
fn what_is_left_for_a_logstore_is_not_delivered_to_another_one_that_shares_the_root() {
    let world = World::new();
    world.create_logstore("audit");
    world.inject(Fault::refuse(503, "ServerBusy").on_logstore("audit"));
    let root = tempfile::tempdir().unwrap();
    let of = |logstore: &str| {
        let builder = world.handler().logstore(logstore);
        builder.spool(root.path(), disk()).build().unwrap()
    };
    let (handler, guard) = of("audit");
    log_one(&handler, "for the auditors");
    assert_eq!(guard.close(Duration::ZERO).spooled, 1);

    let (handler, guard) = of(LOGSTORE);
    log_one(&handler, "for everybody");
    // Left-overs are read before anything is delivered.
    assert!(handler.flush(LONG));
    assert_eq!(guard.close(LONG).total.recovered, 0);
    assert_eq!(world.values("message"), ["for everybody"]);

    let (handler, guard) = of("audit");
    log_one(&handler, "for the auditors, too");
    // The first one was given no time to end, and its thread may still have the folder.
    let begin = Instant::now();
    while handler.stats().queue.recovered == 0 {
        assert!(begin.elapsed() < LONG, "nothing was taken over");
        let _ = handler.flush(Duration::from_millis(10));
    }
    world.server.service().clear_faults();
    assert!(handler.flush(LONG));
    world.wait_for_in("audit", 2);
    assert_eq!(guard.close(LONG).total.recovered, 1);
}
