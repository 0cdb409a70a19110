//! The end of an engine, flushes and receipts, against those who append and the worker.
//!
//! All of it is the engine's own code but for the worker, whose loop is here without delivery:
//! batches arrive at once.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;
use tokio::time::Instant;

use super::append::Rejected;
use super::backlog::{Cut, Pick};
use super::config::{BatchConfig, Overflow};
use super::drops::DropReason;
use super::engine::Engine;
use super::lane::{Lane, LaneConfig};
use super::pace::Leave;
use super::receipt::{Fate, FatePart, Outcome, Receipt};
use super::reentry;
use super::stats::Stats;
use super::sync::lock;

fn config() -> BatchConfig {
    BatchConfig::default().with_shards(1).with_max_lanes(1)
}

fn engine(config: BatchConfig) -> (Arc<Engine>, Lane) {
    let engine = Engine::new(1, Arc::new(config), None);
    let lane = engine.register(LaneConfig::new("lane")).unwrap();
    (Arc::new(engine), lane)
}

fn bounded(preemptions: usize) -> loom::model::Builder {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 100_000;
    model
}

/// What the worker does with a batch of several items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Large {
    Arrives,
    IsCut,
}

/// As the worker goes around, where lingering takes no time.
fn work(engine: &Engine, large: Large) {
    reentry::become_worker(engine.id);
    while !lock(&engine.control).quit {
        loop {
            let swept = engine.sweep(false, false);
            dispatch(engine, large);
            let is_empty = swept.items == 0 && !swept.left_some;
            if is_empty && engine.rest.begin(|| engine.has_filling()) {
                break;
            }
        }
        engine.notify.wait();
    }
    engine.give_up();
}

fn dispatch(engine: &Engine, large: Large) {
    loop {
        let mut backlog = lock(&engine.backlog);
        backlog.absorb(&engine.lanes);
        backlog.wanted = true;
        let pick = backlog.pick(&engine.lanes, Instant::now(), |_| Leave::Yes);
        drop(backlog);
        let Pick::Start(key, batch) = pick else {
            return;
        };
        if large == Large::IsCut && batch.count() > 1 {
            let cut = lock(&engine.backlog).split(key, *batch);
            assert!(matches!(cut, Cut::Parts(_) | Cut::Gone));
        } else {
            engine.finish(key, Some(*batch), &Outcome::Delivered);
        }
    }
}

fn spawn_worker(engine: &Arc<Engine>, large: Large) -> thread::JoinHandle<()> {
    let engine = Arc::clone(engine);
    thread::spawn(move || work(&engine, large))
}

fn append(engine: &Engine, lane: Lane) -> Result<Receipt, Rejected> {
    engine.append(lane, b"item")
}

/// Every item came to one end, its receipt says which, and all room is free again.
fn check(engine: &Engine, appended: &[Result<Receipt, Rejected>]) -> Stats {
    let (mut delivered, mut dropped, mut refused) = (0, 0, 0);
    for appended in appended {
        match appended.as_ref().map(Receipt::outcome) {
            Ok(Some(Outcome::Delivered)) => delivered += 1,
            Ok(Some(Outcome::Dropped(DropReason::ShutDown))) => dropped += 1,
            Err(Rejected::Closed) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    let stats = engine.stats();
    assert_eq!((stats.delivered, stats.lost), (delivered, dropped));
    assert_eq!(stats.accepted, delivered + dropped);
    assert_eq!((stats.in_memory_items, stats.in_memory_bytes), (0, 0));
    assert_eq!(stats.dropped.closed, refused);
    stats
}

/// A caller of one item, the worker, and one that closes and has all the time; 2 preemptions.
#[test]
fn closing_with_time_delivers_all_that_was_taken_in() {
    bounded(2).check(|| {
        let (engine, lane) = engine(config());
        let worker = spawn_worker(&engine, Large::Arrives);
        let caller = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || append(&engine, lane))
        };
        engine.close(None);
        let appended = [caller.join().unwrap()];
        worker.join().unwrap();
        assert_eq!(check(&engine, &appended).lost, 0);
    });
}

/// The same without any time, and one item that is there before; 2 preemptions.
#[test]
fn closing_without_time_ends_every_item_once() {
    bounded(2).check(|| {
        let (engine, lane) = engine(config());
        let before = append(&engine, lane);
        let worker = spawn_worker(&engine, Large::Arrives);
        let caller = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || append(&engine, lane))
        };
        engine.close(Some(Instant::now()));
        let appended = [before, caller.join().unwrap()];
        worker.join().unwrap();
        check(&engine, &appended);
    });
}

/// A batch of two items that the worker cuts in two while it is closed, without any time; 3
/// preemptions.
#[test]
fn what_is_cut_while_closing_is_ended_with_the_rest() {
    bounded(3).check(|| {
        let (engine, lane) = engine(config().with_batch_items(2));
        let appended = [append(&engine, lane), append(&engine, lane)];
        let worker = spawn_worker(&engine, Large::IsCut);
        engine.close(Some(Instant::now()));
        worker.join().unwrap();
        check(&engine, &appended);
    });
}

/// Two that close at the same time, the worker, and one item; 2 preemptions.
#[test]
fn two_may_close_at_once() {
    bounded(2).check(|| {
        let (engine, lane) = engine(config());
        let appended = [append(&engine, lane)];
        let worker = spawn_worker(&engine, Large::Arrives);
        let other = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || engine.close(None))
        };
        let report = engine.close(None);
        let reports = [report, other.join().unwrap()];
        worker.join().unwrap();
        check(&engine, &appended);
        assert!(reports.iter().all(|it| it.total.delivered == 1));
    });
}

/// One that appends and flushes, another that appends, and the worker; 2 preemptions.
#[test]
fn a_flush_is_over_when_what_was_before_it_has_ended_and_not_sooner() {
    bounded(2).check(|| {
        let (engine, lane) = engine(config());
        let worker = spawn_worker(&engine, Large::Arrives);
        let caller = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || append(&engine, lane))
        };
        let before = append(&engine, lane);
        engine.barrier().wait_until(None);
        let outcome = before.as_ref().unwrap().outcome();
        assert_eq!(outcome, Some(Outcome::Delivered));
        let other = caller.join().unwrap();
        engine.close(None);
        worker.join().unwrap();
        assert_eq!(check(&engine, &[before, other]).lost, 0);
    });
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// One that waits for room, the worker, and one that closes without any time; 2 preemptions.
#[test]
fn who_waits_for_room_when_it_ends_is_woken_and_refused() {
    bounded(2).check(|| {
        let forever = Overflow::Wait(Duration::MAX);
        let (engine, lane) = engine(config().with_memory_items(1).with_overflow(forever));
        let before = append(&engine, lane);
        let worker = spawn_worker(&engine, Large::Arrives);
        let closer = {
            let engine = Arc::clone(&engine);
            thread::spawn(move || engine.close(Some(Instant::now())))
        };
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        let mut append = pin!(engine.append_async::<Receipt>(lane, b"item"));
        let first = append.as_mut().poll(&mut context);
        closer.join().unwrap();
        worker.join().unwrap();
        let appended = match first {
            Poll::Ready(appended) => appended,
            Poll::Pending => {
                assert!(flag.0.load(Ordering::SeqCst), "waits for ever");
                match append.as_mut().poll(&mut context) {
                    Poll::Ready(appended) => appended,
                    Poll::Pending => panic!("waits for ever"),
                }
            }
        };
        check(&engine, &[before, appended]);
    });
}

/// One that asks for a receipt's outcome while it becomes known.
#[test]
fn who_awaits_a_receipt_finds_the_outcome_or_is_woken() {
    loom::model(|| {
        let fate = Arc::new(Fate::default());
        let mut receipt = pin!(Receipt::new(Arc::clone(&fate), 0));
        let mut given_up = Receipt::new(Arc::clone(&fate), 0);
        let settler = thread::spawn(move || {
            FatePart::whole(fate, 0, 1)
                .settle(&Outcome::Delivered)
                .wake();
        });
        let flag = Arc::new(Flag(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&flag));
        let mut context = Context::from_waker(&waker);
        // A second one whose place is left again.
        let _ = Pin::new(&mut given_up).poll(&mut Context::from_waker(Waker::noop()));
        drop(given_up);
        let found = receipt.as_mut().poll(&mut context).is_ready();
        settler.join().unwrap();
        assert!(found || flag.0.load(Ordering::SeqCst), "waits for ever");
        assert!(receipt.as_mut().poll(&mut context).is_ready());
    });
}
