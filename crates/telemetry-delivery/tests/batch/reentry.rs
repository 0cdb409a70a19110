//! Appends made by the delivery itself.

use std::sync::{Arc, Mutex, OnceLock};

use telemetry_delivery::batch::{
    Batcher, Collect, Delivery, DropReason, Event, Lane, LaneConfig, Rejected, Sealed, Sink,
    is_inside_delivery,
};

use super::{LONG, config, patient, start, texts};

type Own = Arc<OnceLock<(Batcher, Lane)>>;

/// Logs about every delivery into the batcher that it delivers for.
struct Talks {
    own: Own,
    heard: Arc<Mutex<Vec<Result<(), Rejected>>>>,
    inner: Collect,
}

impl Sink for Talks {
    async fn deliver(&self, batch: &Sealed) -> Delivery {
        assert!(is_inside_delivery());
        let (batcher, lane) = self.own.get().unwrap();
        let said = batcher.append(*lane, b"delivering");
        self.heard.lock().unwrap().push(said);
        self.inner.deliver(batch).await
    }
}

#[test]
fn what_the_sink_appends_is_refused_and_counted() {
    let own = Own::default();
    let heard: Arc<Mutex<Vec<_>>> = Arc::default();
    let inner = Collect::new();
    let make = {
        let (own, heard, inner) = (Arc::clone(&own), Arc::clone(&heard), inner.clone());
        move || Talks {
            own: Arc::clone(&own),
            heard: Arc::clone(&heard),
            inner: inner.clone(),
        }
    };
    let (batcher, guard) = Batcher::start(config(), make).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    own.set((batcher.clone(), lane)).unwrap();
    assert!(!is_inside_delivery());
    batcher.append(lane, b"a").unwrap();
    let report = guard.close_blocking(LONG);
    assert_eq!(*heard.lock().unwrap(), [Err(Rejected::Reentrant)]);
    assert_eq!(texts(&inner.items()), ["a"]);
    assert_eq!(report.total.dropped.of(DropReason::Reentrant), 1);
}

#[test]
fn what_the_dead_letters_append_is_refused_and_does_not_recurse() {
    let own = Own::default();
    let said: Arc<Mutex<Vec<_>>> = Arc::default();
    let config = patient().with_item_bytes(1).with_dead_letters({
        let (own, said) = (Arc::clone(&own), Arc::clone(&said));
        move |_| {
            let (batcher, lane) = own.get().unwrap();
            let again = batcher.append(*lane, b"oversized");
            said.lock().unwrap().push(again);
        }
    });
    let (batcher, guard, lane) = start(config, &Collect::new());
    own.set((batcher.clone(), lane)).unwrap();
    assert_eq!(batcher.append(lane, b"oversized"), Err(Rejected::Oversized));
    assert_eq!(*said.lock().unwrap(), [Err(Rejected::Reentrant)]);
    // This thread is not inside any more.
    batcher.append(lane, b"a").unwrap();
    guard.close_blocking(LONG);
}

#[test]
fn a_notice_without_room_is_not_counted_and_asked_for_again() {
    let own = Own::default();
    let said: Arc<Mutex<Vec<_>>> = Arc::default();
    let sink = Collect::answering(|batch| match (batch.number(), batch.attempt()) {
        (0, 1) => Delivery::again("busy"),
        _ => Delivery::Delivered,
    });
    let config = config().with_memory_items(1).with_on_event({
        let (own, said) = (Arc::clone(&own), Arc::clone(&said));
        move |event| {
            let (Event::Resumed { .. }, Some((batcher, lane))) = (event, own.get()) else {
                return;
            };
            let mut said = said.lock().unwrap();
            if said.is_empty() {
                // Somebody else is quicker.
                std::thread::scope(|scope| {
                    scope.spawn(|| batcher.append(*lane, b"b").unwrap());
                });
            }
            if said.len() < 2 {
                said.push(batcher.append_notice(*lane, b"notice").map(|_| ()));
            }
        }
    });
    let (batcher, guard, lane) = start(config, &sink);
    own.set((batcher.clone(), lane)).unwrap();
    batcher.append(lane, b"a").unwrap();
    assert!(sink.wait_for_items(3, LONG));
    let report = guard.close_blocking(LONG);
    assert_eq!(*said.lock().unwrap(), [Err(Rejected::Full), Ok(())]);
    assert_eq!(texts(&sink.items()), ["a", "b", "notice"]);
    assert_eq!(report.total.dropped.total(), 0);
}

#[test]
fn a_callback_may_append_a_notice() {
    let own = Own::default();
    let config = config().with_memory_items(1).with_on_event({
        let own = Arc::clone(&own);
        move |event| {
            if let Event::Resumed { dropped } = event {
                let (batcher, lane) = own.get().unwrap();
                let notice = format!("{} dropped", dropped.total());
                batcher.append_notice(*lane, notice.as_bytes()).unwrap();
            }
        }
    });
    let (gate, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let sink = Collect::answering(move |batch| match batch.attempt() {
        1 if batch.number() == 0 => {
            let _ = wait.lock().unwrap().recv();
            Delivery::again("busy")
        }
        _ => Delivery::Delivered,
    });
    let (batcher, guard, lane) = start(config, &sink);
    own.set((batcher.clone(), lane)).unwrap();
    batcher.append(lane, b"a").unwrap();
    for _ in 0..7 {
        assert_eq!(batcher.append(lane, b"b"), Err(Rejected::Full));
    }
    drop(gate);
    assert!(sink.wait_for_items(2, LONG));
    guard.close_blocking(LONG);
    assert_eq!(texts(&sink.items())[..2], ["a", "7 dropped"]);
}
