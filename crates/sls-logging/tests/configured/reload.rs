use std::collections::BTreeSet;
use std::fmt;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use log::Log as _;
use sls_logging::config::{Settings, Syntax};

use crate::world::{LONG, World, file, log};

fn to(world: &World, logstore: &str, level: &str) -> String {
    format!(
        "[root]\nlevel = \"{level}\"\nhandlers = [\"{logstore}\"]\n{}",
        world.handler(logstore, "queue_size = 1000000")
    )
}

#[test]
fn no_record_is_lost_or_doubled_while_configurations_change() {
    const THREADS: usize = 4;
    const RELOADS: usize = 12;
    /// So many in a round at most: a slow machine has to deliver all of them.
    const RECORDS: u32 = 1000;
    /// Ends the threads, also when a check fails.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let world = World::new();
    let files = ["one", "two"].map(|logstore| file("toml", &to(&world, logstore, "info")));
    let settings = Settings::from_file(&files[0]).unwrap();
    let (logging, guard) = settings.start().unwrap();
    let done = AtomicBool::new(false);
    let logged = AtomicU32::new(0);
    let allowed = AtomicU32::new(0);
    thread::scope(|scope| {
        let _done = Done(&done);
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    if logged.load(Ordering::Relaxed) < allowed.load(Ordering::Relaxed) {
                        let number = logged.fetch_add(1, Ordering::Relaxed);
                        log(&logging, log::Level::Info, "shop", &number.to_string());
                    }
                    thread::yield_now();
                }
            });
        }
        for round in 1..=RELOADS {
            // Each has something to deliver before the next comes.
            let before = logged.load(Ordering::Relaxed);
            allowed.store(before + RECORDS, Ordering::Relaxed);
            while logged.load(Ordering::Relaxed) < before + 100 {
                thread::yield_now();
            }
            let report = guard.reload_from(&files[round % 2]).unwrap();
            assert_eq!((report.started, report.kept), (1, 0));
            let (name, closed) = &report.closed[0];
            assert_eq!(name, ["one", "two"][(round - 1) % 2]);
            assert_eq!(closed.total.dropped, Default::default(), "{closed:?}");
        }
    });
    let reports = guard.close(LONG);
    assert_eq!(reports[0].1.dropped, 0);
    let mut arrived = world.values("one", "message");
    let of_one = arrived.len();
    arrived.extend(world.values("two", "message"));
    assert!(of_one > 0 && of_one < arrived.len());
    let logged = logged.into_inner();
    assert_eq!(arrived.len(), logged as usize);
    let different = arrived.into_iter().collect::<BTreeSet<_>>();
    assert_eq!(different.len(), logged as usize);
}

#[test]
fn a_broken_file_leaves_the_old_configuration_running_and_says_why() {
    let world = World::new();
    let good = file("toml", &to(&world, "one", "info"));
    let (logging, guard) = Settings::from_file(&good).unwrap().start().unwrap();
    let broken = to(&world, "one", "info")
        .replace("put_wait", "put_wiat")
        .replace("access_key_secret = \"", "access_key_secret = \"hush-");
    std::fs::write(&good, broken).unwrap();
    let error = guard.reload().unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(":11:1: unknown key"), "{shown}");
    assert!(shown.contains("did you mean `put_wait`?"), "{shown}");
    assert!(!shown.contains("hush"), "{shown}");
    log(&logging, log::Level::Info, "shop", "still here");
    assert!(guard.flush(LONG));
    assert_eq!(world.values("one", "message"), ["still here"]);
}

#[test]
fn a_handler_that_cannot_be_started_leaves_the_old_configuration_running() {
    let world = World::new();
    let (logging, guard) = world.start(&to(&world, "one", "info"));
    let broken = format!(
        "{}extract_kv = true\nextract_kv_sep = \"(\"\n",
        to(&world, "two", "info")
    );
    let error = guard.reload_from(file("toml", &broken)).unwrap_err();
    assert!(
        error.to_string().contains("\"two\" cannot be started"),
        "{error}"
    );
    log(&logging, log::Level::Info, "shop", "still here");
    assert!(guard.flush(LONG));
    assert_eq!(world.values("one", "message"), ["still here"]);
}

#[test]
fn a_handler_goes_on_when_only_levels_change() {
    let world = World::new();
    let path = file("toml", &to(&world, "one", "warning"));
    let (logging, guard) = Settings::from_file(&path).unwrap().start().unwrap();
    log(&logging, log::Level::Info, "shop", "not yet");
    std::fs::write(&path, to(&world, "one", "info")).unwrap();
    let report = guard.reload().unwrap();
    assert_eq!(
        (report.started, report.kept, report.closed.len()),
        (0, 1, 0)
    );
    assert_eq!(logging.max_level(), log::LevelFilter::Info);
    log(&logging, log::Level::Info, "shop", "now");
    assert!(guard.flush(LONG));
    assert_eq!(world.values("one", "message"), ["now"]);
}

#[test]
fn a_text_cannot_be_read_again_and_an_ended_guard_is_ended() {
    let world = World::new();
    let (logging, guard) = world.start(&to(&world, "one", "info"));
    let error = guard.reload().unwrap_err();
    assert!(
        error.to_string().contains("cannot be read again"),
        "{error}"
    );
    let handlers = guard.handlers();
    assert_eq!(handlers[0].0, "one");
    drop(guard);
    // Nobody takes it any more, and nothing goes wrong.
    log(&logging, log::Level::Error, "shop", "late");
    assert_eq!(logging.max_level(), log::LevelFilter::Off);
    assert!(world.values("one", "message").is_empty());
}

/// Tells that it is being shown, and is not done before its other end says so.
struct Hangs(mpsc::Sender<()>, mpsc::Receiver<()>);

impl fmt::Display for Hangs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.send(()).unwrap();
        let _ = self.1.recv();
        f.write_str("hung")
    }
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a thread waits, without a runtime"
)]
fn closing_takes_no_longer_than_told_when_a_record_hangs_and_nobody_answers() {
    const WITHIN: Duration = Duration::from_secs(2);
    // Takes connections, by the system's queue for them, and says nothing.
    let silent = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let text = format!(
        "[root]\nlevel = \"info\"\nhandlers = [\"h\"]\n[handlers.h]\ntype = \"sls\"\n\
         endpoint = \"http://{}\"\nproject = \"shop\"\nlogstore = \"one\"\n\
         access_key_id = \"id\"\naccess_key_secret = \"key\"\n",
        silent.local_addr().unwrap()
    );
    let settings = Settings::from_str(&text, Syntax::Toml).unwrap();
    let (logging, guard) = settings.start().unwrap();
    log(&logging, log::Level::Info, "shop", "nobody takes it");
    let (shown, is_shown) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let hanging = thread::spawn(move || {
        let hangs = Hangs(shown, released);
        logging.logger().log(
            &log::Record::builder()
                .level(log::Level::Info)
                .target("shop")
                .args(format_args!("{hangs}"))
                .build(),
        );
    });
    is_shown.recv().unwrap();
    let begun = Instant::now();
    let reports = guard.close(WITHIN);
    let took = begun.elapsed();
    drop(release);
    hanging.join().unwrap();
    // Two waits one after the other, each for all of the time, would take this long.
    assert!(took < WITHIN * 2, "{took:?}");
    assert_eq!((reports[0].1.delivered, reports[0].1.dropped), (0, 1));
}
