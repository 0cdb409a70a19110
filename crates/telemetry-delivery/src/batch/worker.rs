//! The one thread that owns what is sealed: it lingers, delivers, tries again and tells.

use std::collections::HashMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::backlog::{Cut, Key, Pick, pause};
use super::batcher::StartError;
use super::config::Event;
use super::drops::{DropReason, Drops};
use super::engine::Engine;
use super::pace::{Leave, Pace};
use super::receipt::{DeadReason, Outcome};
use super::reentry;
use super::signal::wake_all;
use super::stats::Counters;
use super::storage::Storage;
use super::sync::{Ordering, lock};
use crate::retry::Jitter;
use crate::sink::{BatchHead, Delivery, Sealed, Sink};

/// Drops are told of at most this often.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// A batch that makes the sink panic is given up after so many attempts.
const MOST_PANICS: u32 = 3;
/// Between two runs of a worker that panicked itself.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// Starts the thread; it ends when the engine is closed.
///
/// `sink` is made on that thread, within its runtime.
pub(super) fn start<S, F>(engine: Arc<Engine>, sink: F) -> Result<(), StartError>
where
    S: Sink,
    F: Fn() -> S + Send + 'static,
{
    let mut builder = Builder::new_current_thread();
    builder.enable_all();
    #[cfg(test)]
    builder.start_paused(engine.config.paused);
    let runtime = builder.build()?;
    let storage = Storage::open(&engine)?;
    thread::Builder::new()
        .name(engine.config.thread_name.clone())
        .spawn(move || {
            // Whatever happens on this thread, nobody waits for it in vain.
            let _end = End(Arc::clone(&engine));
            reentry::become_worker(engine.id);
            run(&runtime, &engine, &sink, storage);
            // Blocking calls of the sink, a name resolution say, are not waited for.
            runtime.shutdown_background();
        })?;
    // Not joined: in a copy of this process the handle would name a thread that is not there.
    // Its end is `Engine::gone`.
    Ok(())
}

struct End(Arc<Engine>);

impl Drop for End {
    fn drop(&mut self) {
        // What closing has left: nothing, unless this thread ends by itself.
        self.0.give_up();
    }
}

fn run<S: Sink>(
    runtime: &Runtime,
    engine: &Arc<Engine>,
    make: &impl Fn() -> S,
    storage: Option<Storage>,
) {
    let mut worker = Worker::new(Arc::clone(engine), runtime, storage);
    while !lock(&engine.control).quit {
        let round = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let sink = Arc::new(make());
                worker.deliver(&sink).await;
            });
        }));
        if round.is_err() {
            // The sink could not be made, or this engine has a mistake. Everything is still there.
            Counters::add(&engine.counters.panics, 1);
            let recovered = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(worker.recover());
            }));
            if recovered.is_err() {
                Counters::add(&engine.counters.panics, 1);
                thread::park_timeout(RESTART_AFTER);
            }
        }
    }
    worker.tasks.abort_all();
    worker.close_storage();
    // Also when others were told of a moment ago: there is no later time.
    worker.tell_of_all_drops(None);
}

pub(super) struct Worker {
    pub(super) engine: Arc<Engine>,
    pub(super) storage: Option<Storage>,
    tasks: JoinSet<Delivery>,
    pub(super) running: HashMap<Id, Running>,
    paces: HashMap<u64, Pace>,
    /// By lane: how many batches were tried.
    numbers: Vec<u64>,
    /// When the buffers are emptied next; `None` while idle or `overdue`.
    pub(super) linger_at: Option<Instant>,
    /// Some lanes should have been emptied, and are when their waiting batch has gone.
    overdue: bool,
    jitter: Jitter,
    told: Told,
}

pub(super) struct Running {
    pub(super) key: Key,
    pub(super) batch: Arc<Sealed>,
}

/// What the user was told of last.
struct Told {
    drops: Drops,
    at: Option<Instant>,
    failing: bool,
    /// What had been dropped when things went well last.
    resumed_at: Drops,
}

impl Worker {
    fn new(engine: Arc<Engine>, runtime: &Runtime, storage: Option<Storage>) -> Self {
        let _inside = runtime.enter();
        Self {
            engine,
            storage,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            paces: HashMap::new(),
            numbers: Vec::new(),
            linger_at: None,
            overdue: false,
            jitter: Jitter::new(),
            told: Told {
                drops: Drops::default(),
                at: None,
                failing: false,
                resumed_at: Drops::default(),
            },
        }
    }

    async fn deliver<S: Sink>(&mut self, sink: &Arc<S>) {
        loop {
            let now = Instant::now();
            let mut next = NextTime::default();
            if self.is_told_to_quit(now, &mut next) {
                return;
            }
            self.gather(now, &mut next);
            self.store(now, &mut next);
            self.dispatch(sink, now, &mut next);
            self.tell_of_drops(now, &mut next);
            self.wait(next.0).await;
        }
    }

    /// Puts batches that were under way back in line.
    async fn recover(&mut self) {
        self.tasks.shutdown().await;
        for (_, Running { key, batch }) in std::mem::take(&mut self.running) {
            match Arc::into_inner(batch) {
                Some(batch) => lock(&self.engine.backlog).put_back(key, batch, None),
                None => self.lost(key),
            }
        }
        for pace in self.paces.values_mut() {
            *pace = Pace::new(Instant::now());
        }
        let now = Instant::now();
        // Who waits for what does not come is not to wait for ever.
        self.is_told_to_quit(now, &mut NextTime::default());
        // The disk can have what nobody takes.
        self.store(now, &mut NextTime::default());
        let quit = self.engine.notify.notified();
        let _ = timeout(RESTART_AFTER, quit).await;
    }

    fn is_told_to_quit(&mut self, now: Instant, next: &mut NextTime) -> bool {
        let mut control = lock(&self.engine.control);
        let quit = control.quit;
        let hurry = std::mem::take(&mut control.hurry);
        let mut due = Vec::new();
        while let Some(timer) = control.timers.first_entry() {
            let (at, _) = *timer.key();
            if at > now {
                next.at(at);
                break;
            }
            due.push(timer.remove());
        }
        drop(control);
        wake_all(due);
        if hurry {
            lock(&self.engine.backlog).hurry();
            for pace in self.paces.values_mut() {
                pace.hurry();
            }
        }
        quit
    }

    /// Empties the buffers when it is time.
    fn gather(&mut self, now: Instant, next: &mut NextTime) {
        let engine = &self.engine;
        let linger = engine.config.linger;
        if self.linger_at.is_none() && !self.overdue {
            if engine.rest.is_on() {
                return;
            }
            self.linger_at = now.checked_add(linger);
        }
        let pressure = engine.pressure.load(Ordering::Relaxed);
        if self.overdue || pressure || self.linger_at.is_some_and(|at| at <= now) {
            let swept = engine.sweep(false, false);
            if swept.items > 0 {
                engine.pressure.store(false, Ordering::Relaxed);
            }
            self.overdue = swept.left_some;
            self.linger_at = None;
            if !swept.left_some {
                if swept.items > 0 && !linger.is_zero() {
                    // Where there was one there will be more: stay up, so that nobody need wake
                    // this thread.
                    self.linger_at = now.checked_add(linger);
                } else if !engine.rest.begin(|| engine.has_filling()) {
                    self.linger_at = now.checked_add(linger);
                }
            }
        }
        if let Some(at) = self.linger_at {
            next.at(at);
        }
    }

    fn dispatch<S: Sink>(&mut self, sink: &Arc<S>, now: Instant, next: &mut NextTime) {
        let engine = Arc::clone(&self.engine);
        loop {
            let mut backlog = lock(&engine.backlog);
            backlog.absorb(&engine.lanes);
            backlog.wanted = self.running.len() < engine.config.max_in_flight;
            if !backlog.wanted {
                return;
            }
            let pick = backlog.pick(&engine.lanes, now, |lane| self.leave(lane, now));
            drop(backlog);
            match pick {
                Pick::Start(key, batch) => self.start(sink, key, *batch, now),
                Pick::Later(at) => {
                    if let Some(at) = at {
                        next.at(at);
                    }
                    return;
                }
            }
        }
    }

    fn leave(&self, lane: u32, now: Instant) -> Leave {
        self.engine
            .lanes
            .get(lane)
            .and_then(|lane| self.paces.get(&lane.pace_group))
            .map_or(Leave::Yes, |pace| pace.leave(now))
    }

    fn pace(&mut self, lane: u32, now: Instant) -> &mut Pace {
        let group = self
            .engine
            .lanes
            .get(lane)
            .map_or_else(|| u64::from(lane), |lane| lane.pace_group);
        self.paces.entry(group).or_insert_with(|| Pace::new(now))
    }

    fn start<S: Sink>(&mut self, sink: &Arc<S>, key: Key, mut batch: Sealed, now: Instant) {
        let lane = batch.lane.index;
        if batch.attempts == 0 {
            self.finish_sealing(sink.as_ref(), &mut batch);
        } else {
            Counters::add(&self.engine.counters.retried, batch.count());
        }
        batch.attempts = batch.attempts.saturating_add(1);
        Counters::add(&self.engine.counters.attempts, 1);
        self.pace(lane, now).started(batch.chunk.bytes.len(), now);
        let batch = Arc::new(batch);
        let limit = self.engine.config.attempt_timeout;
        let (sink, sealed) = (Arc::clone(sink), Arc::clone(&batch));
        let handle = self.tasks.spawn(async move {
            timeout(limit, sink.deliver(&sealed))
                .await
                .unwrap_or_else(|_| Delivery::again("the attempt took too long"))
        });
        self.running.insert(handle.id(), Running { key, batch });
    }

    /// Gives a batch its number and what the sink puts behind the items.
    fn finish_sealing<S: Sink>(&mut self, sink: &S, batch: &mut Sealed) {
        let lane = batch.lane.index();
        if self.numbers.len() <= lane {
            self.numbers.resize(lane + 1, 0);
        }
        batch.number = self.numbers[lane];
        self.numbers[lane] += 1;
        let head = BatchHead {
            lane: batch.lane,
            lane_name: &batch.lane_name,
            number: batch.number,
            items: batch.chunk.ends.len(),
        };
        let bytes = &mut batch.chunk.bytes;
        let items = bytes.len();
        let made = catch_unwind(AssertUnwindSafe(|| sink.trailer(head, bytes)));
        if made.is_err() {
            bytes.truncate(items);
            Counters::add(&self.engine.counters.panics, 1);
        }
    }

    /// Sleeps until something changes, and takes in what has ended.
    async fn wait(&mut self, until: Option<Instant>) {
        let engine = Arc::clone(&self.engine);
        let mut notified = pin!(engine.notify.notified());
        let mut sleep = pin!(until.map(sleep_until));
        let ended = poll_fn(|context| {
            if let Poll::Ready(Some(ended)) = self.tasks.poll_join_next_with_id(context) {
                return Poll::Ready(Some(ended));
            }
            if notified.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            match sleep.as_mut().as_pin_mut() {
                Some(sleep) => sleep.poll(context).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await;
        match ended {
            Some(Ok((id, delivery))) => self.ended(id, Some(delivery)),
            Some(Err(panic)) => self.ended(panic.id(), None),
            None => {}
        }
    }

    /// Draws the conclusion from an attempt; `None` when it panicked.
    fn ended(&mut self, id: Id, delivery: Option<Delivery>) {
        let Some(Running { key, batch }) = self.running.remove(&id) else {
            return;
        };
        let now = Instant::now();
        // Room may have come up for those who found none.
        self.engine.pressure.store(false, Ordering::Relaxed);
        // The attempt has ended, and with it the only other reference.
        let Some(batch) = Arc::into_inner(batch) else {
            self.lost(key);
            return;
        };
        let (lane, bytes) = (batch.lane.index, batch.chunk.bytes.len());
        self.pace(lane, now).ended();
        match delivery {
            Some(Delivery::Delivered) => {
                self.works(lane, bytes, now);
                self.engine.succeeded();
                self.engine.finish(key, Some(batch), &Outcome::Delivered);
                self.resumed();
            }
            Some(Delivery::Refused { cause }) => {
                self.works(lane, bytes, now);
                self.engine.failed(&cause);
                self.bury(key, batch, DeadReason::Refused(cause));
            }
            Some(Delivery::TooLarge) => {
                self.works(lane, bytes, now);
                self.split(key, batch);
            }
            Some(Delivery::Throttled { cause, wait }) => {
                Counters::add(&self.engine.counters.throttled, 1);
                self.engine.failed(&cause);
                self.pace(lane, now).throttled(bytes, wait, now);
                self.again(key, batch, cause, wait.unwrap_or_default(), now);
            }
            Some(Delivery::Again { cause, wait }) => {
                self.engine.failed(&cause);
                let (backoff, random) = (self.engine.config.backoff, self.jitter.next());
                let pause = pause(backoff, batch.attempts, wait, random);
                self.pace(lane, now).failed(backoff, wait, random, now);
                self.failing(&cause);
                self.again(key, batch, cause, pause, now);
            }
            None => self.panicked(key, batch, now),
        }
    }

    /// Somebody else has a batch whose attempt is over, which cannot be.
    fn lost(&self, key: Key) {
        let outcome = Outcome::Dropped(DropReason::Panicked);
        self.engine.finish(key, None, &outcome);
    }

    fn works(&mut self, lane: u32, bytes: usize, now: Instant) {
        self.pace(lane, now).succeeded(bytes, now);
    }

    fn panicked(&mut self, key: Key, batch: Sealed, now: Instant) {
        Counters::add(&self.engine.counters.panics, 1);
        let cause: Arc<str> = "the sink panicked".into();
        self.engine.failed(&cause);
        let panics = lock(&self.engine.backlog).get_mut(key).map_or(0, |entry| {
            entry.panics += 1;
            entry.panics
        });
        if panics >= MOST_PANICS {
            self.bury(key, batch, DeadReason::Panicked);
        } else {
            let (backoff, random) = (self.engine.config.backoff, self.jitter.next());
            let pause = pause(backoff, batch.attempts, None, random);
            self.again(key, batch, cause, pause, now);
        }
    }

    /// Has a batch wait for its next attempt, unless its time is over.
    fn again(&mut self, key: Key, batch: Sealed, cause: Arc<str>, wait: Duration, now: Instant) {
        let mut backlog = lock(&self.engine.backlog);
        let Some(entry) = backlog.get_mut(key) else {
            // Dropped while it was under way.
            return;
        };
        let since = entry.first_attempt.unwrap_or(now);
        let over = self
            .engine
            .config
            .give_up_after
            .and_then(|limit| since.checked_add(limit))
            .is_some_and(|end| now.checked_add(wait).is_none_or(|next| next >= end));
        if over {
            drop(backlog);
            self.bury(key, batch, DeadReason::Expired(cause));
        } else {
            backlog.put_back(key, batch, now.checked_add(wait));
        }
    }

    fn split(&mut self, key: Key, batch: Sealed) {
        let cut = lock(&self.engine.backlog).split(key, batch);
        match cut {
            Cut::Parts(whole) => {
                Counters::add(&self.engine.counters.splits, 1);
                self.store_parts(whole);
            }
            Cut::Single(batch) => self.bury(key, *batch, DeadReason::Oversized),
            Cut::Gone => {}
        }
    }

    fn bury(&mut self, key: Key, batch: Sealed, reason: DeadReason) {
        // Not after somebody else has counted it as dropped.
        if lock(&self.engine.backlog).get_mut(key).is_some() {
            let outcome = self.engine.bury(&batch, reason);
            self.engine.finish(key, Some(batch), &outcome);
        }
    }

    fn failing(&mut self, cause: &Arc<str>) {
        if !std::mem::replace(&mut self.told.failing, true) {
            let cause = Arc::clone(cause);
            self.engine.tell(&Event::Failing { cause });
        }
    }

    fn resumed(&mut self) {
        let drops = self.engine.counters.dropped.read();
        let dropped = drops.since(&self.told.resumed_at);
        let was_failing = std::mem::replace(&mut self.told.failing, false);
        let notice_waits = self.engine.notice_waits.swap(false, Ordering::Relaxed);
        if was_failing || notice_waits || dropped.total() > 0 {
            self.told.resumed_at = drops;
            self.engine.tell(&Event::Resumed { dropped });
        }
    }

    fn tell_of_drops(&mut self, now: Instant, next: &mut NextTime) {
        if !self.engine.untold.load(Ordering::Relaxed) {
            return;
        }
        if let Some(at) = self
            .told
            .at
            .map(|at| at + TELL_EVERY)
            .filter(|at| *at > now)
        {
            // Until then nobody wakes this thread for drops.
            next.at(at);
            return;
        }
        self.tell_of_all_drops(Some(now));
    }

    fn tell_of_all_drops(&mut self, now: Option<Instant>) {
        // In this order, so that what is counted in between is told of the next time.
        self.engine.untold.swap(false, Ordering::AcqRel);
        let total = self.engine.counters.dropped.read();
        let since = total.since(&self.told.drops);
        if since.total() > 0 {
            self.told.drops = total;
            self.told.at = now;
            self.engine.tell(&Event::Dropped { since, total });
        }
    }
}

/// The earliest of several times.
#[derive(Default)]
pub(super) struct NextTime(Option<Instant>);

impl NextTime {
    pub(super) fn at(&mut self, at: Instant) {
        self.0 = Some(self.0.map_or(at, |other| other.min(at)));
    }
}
