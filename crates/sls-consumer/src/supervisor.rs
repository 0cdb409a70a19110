//! Sends heartbeats, and starts and stops the tasks of shards as the lease has it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use sls_core::model::{ConsumerGroup, ShardId};
use sls_core::service::{GroupCoordinator, ShardReader};
use sls_core::{BoxError, ErrorCode, RetryClass};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, error, info, warn};

use crate::budget::Budget;
use crate::error::Error;
use crate::fence::{Fence, Term};
use crate::holdings::Holdings;
use crate::lease::{Lease, LeaseRules, Moment, Order, Silence};
use crate::processor::Processor;
use crate::progress::{Board, Phase};
use crate::report::{Report, ShardReport};
use crate::shard::{Ended, Instruction, ShardTask};
use crate::until;
use crate::worker::{Worker, wrapped};

/// How many refusals in a row, outside of a lease, end the worker.
const MOST_REFUSALS: u32 = 5;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the handle asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Control {
    pub(crate) paused: BTreeSet<ShardId>,
    /// Give everything up before this time.
    pub(crate) shutdown: Option<Instant>,
}

/// What came of a heartbeat.
struct BeatAnswer {
    /// Whether the group is known to exist now.
    is_ensured: bool,
    shards: Result<Vec<ShardId>, BeatFailure>,
}

enum BeatFailure {
    /// Nothing came within its time.
    TimedOut,
    /// The group could not be made sure of; no heartbeat was sent.
    Group(sls_core::Error),
    Beat(sls_core::Error),
}

type Looked = Result<(BTreeSet<ShardId>, bool), sls_core::Error>;

/// The shell around the lease.
pub(crate) struct Supervisor<R, C, P> {
    worker: Worker<R, C, P>,
    rules: LeaseRules,
    lease: Lease,
    began: Instant,
    term: watch::Sender<Option<Term>>,
    control: watch::Receiver<Control>,
    tasks: JoinSet<Option<Ended>>,
    names: HashMap<tokio::task::Id, ShardId>,
    instructions: BTreeMap<ShardId, watch::Sender<Instruction>>,
    /// Until when a checkpoint that was sent in an earlier lease may still arrive.
    strays: BTreeMap<ShardId, Instant>,
    holdings: Arc<Holdings>,
    budget: Arc<Budget>,
    beat: Option<BoxFuture<BeatAnswer>>,
    is_ensured: bool,
    refusals: u32,
    /// Looks whether the group has read up to the time that was asked for.
    look: Option<BoxFuture<Looked>>,
    look_after: Moment,
    read_up: BTreeSet<ShardId>,
    deadline: Option<Instant>,
    report: Report,
}

enum Event {
    Beat(BeatAnswer),
    Ended(Result<(tokio::task::Id, Option<Ended>), JoinError>),
    Looked(Looked),
    Control,
    Deadline,
    Time,
}

impl<R: ShardReader, C: GroupCoordinator, P: Processor> Supervisor<R, C, P> {
    pub(crate) fn new(
        worker: Worker<R, C, P>,
        rules: LeaseRules,
        control: watch::Receiver<Control>,
        holdings: Arc<Holdings>,
    ) -> Self {
        let config = &worker.config;
        let budget = Budget::new(config.max_held_bytes, config.max_pulls);
        Self {
            rules,
            lease: Lease::new(rules),
            began: Instant::now(),
            term: watch::Sender::new(None),
            control,
            tasks: JoinSet::new(),
            names: HashMap::new(),
            instructions: BTreeMap::new(),
            strays: BTreeMap::new(),
            holdings,
            budget,
            beat: None,
            is_ensured: false,
            refusals: 0,
            look: None,
            look_after: Duration::ZERO,
            read_up: BTreeSet::new(),
            deadline: None,
            report: Report::default(),
            worker,
        }
    }

    /// Runs until the worker has left its group.
    pub(crate) async fn run(mut self) -> Report {
        info!(group = %self.worker.config.group, consumer = %self.worker.consumer, "worker begins");
        loop {
            let now = self.began.elapsed();
            self.follow_control();
            self.publish();
            while let Some(order) = self.lease.next(now) {
                self.publish();
                self.obey(order);
            }
            if self.lease.is_over() {
                break;
            }
            self.look_when_due(now);
            match self.wait().await {
                Event::Beat(answer) => self.answered(answer),
                Event::Ended(ended) => self.ended(ended),
                Event::Looked(looked) => self.looked(looked),
                Event::Deadline => break,
                Event::Control | Event::Time => {}
            }
        }
        self.conclude()
    }

    async fn wait(&mut self) -> Event {
        let wakes_at = self.lease.wakes_at();
        let looks_at = self.may_look().then_some(self.look_after);
        let wake = [wakes_at, looks_at].into_iter().flatten().min();
        let wake = wake.and_then(|wake| self.began.checked_add(wake));
        let timer: OptionFuture<_> = wake.map(sleep_until).into();
        let deadline: OptionFuture<_> = self.deadline.map(sleep_until).into();
        let id_of = |(id, ended)| (id, ended);
        tokio::select! {
            biased;
            Some(answer) = OptionFuture::from(self.beat.as_mut()) => {
                self.beat = None;
                Event::Beat(answer)
            }
            Some(ended) = self.tasks.join_next_with_id() => Event::Ended(ended.map(id_of)),
            Some(()) = deadline => Event::Deadline,
            changed = self.control.changed() => {
                if changed.is_err() {
                    // Nobody can ask for anything any more; the handle is gone.
                    return Event::Deadline;
                }
                Event::Control
            }
            Some(looked) = OptionFuture::from(self.look.as_mut()) => {
                self.look = None;
                Event::Looked(looked)
            }
            Some(()) = timer => Event::Time,
        }
    }

    /// Shows the lease to the tasks.
    fn publish(&self) {
        let term = self.lease.grant().map(|grant| Term {
            epoch: grant.epoch,
            until: self.began + grant.until,
        });
        self.term.send_if_modified(|shown| {
            let is_other = *shown != term;
            *shown = term;
            is_other
        });
    }

    fn follow_control(&mut self) {
        let control = self.control.borrow_and_update().clone();
        for (shard, instruction) in &self.instructions {
            let is_paused = control.paused.contains(shard);
            instruction.send_if_modified(|told| {
                let is_other = told.is_paused != is_paused;
                told.is_paused = is_paused;
                is_other
            });
        }
        if let Some(deadline) = control.shutdown {
            self.leave(deadline);
        }
    }

    /// Gives everything up before `deadline`; an earlier one stays.
    fn leave(&mut self, deadline: Instant) {
        if self.deadline.is_none() {
            info!(consumer = %self.worker.consumer, "worker leaves its group");
            self.lease.leave();
        }
        self.deadline = Some(
            self.deadline
                .map_or(deadline, |before| before.min(deadline)),
        );
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Beat(held) => self.beat = Some(self.send(held)),
            Order::Start(shard, epoch) => self.start(shard, epoch),
            Order::Drain(shard) => {
                if let Some(instruction) = self.instructions.get(&shard) {
                    instruction.send_modify(|told| told.is_draining = true);
                }
            }
            Order::Lost => {
                self.report.lost += 1;
                let consumer = &self.worker.consumer;
                warn!(%consumer, "lease is over, everything is given up");
            }
        }
    }

    fn send(&self, held: Vec<ShardId>) -> BoxFuture<BeatAnswer> {
        let coordinator = Arc::clone(&self.worker.coordinator);
        let config = &self.worker.config;
        let group =
            ConsumerGroup::new(config.group.clone(), config.timeout).with_in_order(config.in_order);
        let consumer = self.worker.consumer.clone();
        let mut is_ensured = self.is_ensured;
        let patience = self.rules.interval.min(config.patience());
        Box::pin(async move {
            let ask = async {
                if !is_ensured {
                    coordinator
                        .ensure_group(&group)
                        .await
                        .map_err(BeatFailure::Group)?;
                    is_ensured = true;
                }
                let answer = coordinator.heartbeat(&group.name, &consumer, &held).await;
                answer.map_err(BeatFailure::Beat)
            };
            let shards = timeout(patience, ask).await;
            let shards = shards.unwrap_or(Err(BeatFailure::TimedOut));
            BeatAnswer { is_ensured, shards }
        })
    }

    fn start(&mut self, shard: ShardId, epoch: u64) {
        let worker = &self.worker;
        let board = Arc::new(Board::new(shard, worker.config.clock.now()));
        let is_paused = self.control.borrow().paused.contains(&shard);
        let (sender, instructions) = watch::channel(Instruction {
            is_draining: false,
            is_paused,
        });
        self.strays.retain(|_, until| Instant::now() < *until);
        let task = ShardTask {
            shard,
            settled_at: self.strays.get(&shard).copied(),
            reader: Arc::clone(&worker.reader),
            store: Arc::clone(&worker.store),
            processor: Arc::clone(&worker.processor),
            consumer: worker.consumer.clone(),
            settings: Arc::clone(&worker.reading),
            budget: Arc::clone(&self.budget),
            clock: Arc::clone(&worker.config.clock),
            fence: Fence::new(epoch, self.term.subscribe()),
            instructions,
            board: Arc::clone(&board),
        };
        self.holdings.insert(shard, board);
        self.instructions.insert(shard, sender);
        let task = wrapped(worker.wrapper.as_ref(), task.run());
        let started = self.tasks.spawn(task);
        self.names.insert(started.id(), shard);
        #[cfg(feature = "metrics")]
        crate::metrics::held(self.lease.held().len());
    }

    fn answered(&mut self, answer: BeatAnswer) {
        let now = self.began.elapsed();
        self.is_ensured = answer.is_ensured;
        let failure = match answer.shards {
            Ok(shards) => {
                self.refusals = 0;
                self.lease.answered(now, &shards);
                debug!(consumer = %self.worker.consumer, held = self.lease.held().len(), "heartbeat");
                return;
            }
            Err(failure) => failure,
        };
        #[cfg(feature = "metrics")]
        crate::metrics::heartbeat_failed();
        let silence = self.silence(&failure);
        let consumer = &self.worker.consumer;
        match failure {
            BeatFailure::TimedOut => warn!(%consumer, "heartbeat got no answer in time"),
            BeatFailure::Group(cause) | BeatFailure::Beat(cause) => {
                warn!(%consumer, error = %cause, "heartbeat failed");
                let is_lasting = cause.retry_class() == RetryClass::Never;
                if is_lasting && silence != Silence::Unknown {
                    self.refusals += 1;
                }
                if self.refusals >= MOST_REFUSALS && self.lease.grant().is_none() {
                    let group = self.worker.config.group.clone();
                    let cause = Box::new(cause);
                    self.fail(Error::Group { group, cause });
                }
            }
        }
        self.lease.failed(now, silence);
    }

    fn silence(&mut self, failure: &BeatFailure) -> Silence {
        match failure {
            BeatFailure::TimedOut => Silence::NoAnswer,
            BeatFailure::Group(_) => Silence::Refused,
            BeatFailure::Beat(cause) => match cause.code() {
                Some(ErrorCode::NotExistConsumerWithBody) => Silence::Unknown,
                Some(ErrorCode::ConsumerGroupNotExist) => {
                    self.is_ensured = false;
                    Silence::Unknown
                }
                _ if cause.may_have_acted() => Silence::NoAnswer,
                _ => Silence::Refused,
            },
        }
    }

    fn ended(&mut self, ended: Result<(tokio::task::Id, Option<Ended>), JoinError>) {
        let now = self.began.elapsed();
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(cause) => cause.id(),
        };
        let shard = self.names.remove(&id);
        let defect = |cause: BoxError| (None, Some(Error::Defect { cause }));
        let (reason, error) = match ended {
            Ok((_, Some(ended))) => {
                if let Some(until) = ended.stray {
                    let before = self.strays.entry(ended.shard).or_insert(until);
                    *before = until.max(*before);
                }
                (Some(ended.reason), ended.error)
            }
            Ok((_, None)) => defect("its wrapper dropped it".into()),
            Err(cause) => defect(cause.into()),
        };
        if let Some(shard) = shard {
            self.instructions.remove(&shard);
            self.lease.stopped(now, shard);
            #[cfg(feature = "metrics")]
            crate::metrics::given_up(shard, self.lease.held().len());
            if let Some(progress) = self.holdings.remove(shard) {
                self.report.add(&progress);
                if self.deadline.is_some() || error.is_some() {
                    self.report.shards.push(ShardReport { progress, reason });
                }
            }
        }
        if let Some(error) = error {
            self.fail(error);
        }
    }

    /// Leaves for a reason of its own.
    fn fail(&mut self, cause: Error) {
        error!(consumer = %self.worker.consumer, error = %cause, "worker fails");
        if self.report.error.is_none() {
            self.report.error = Some(Arc::new(cause));
        }
        self.leave(Instant::now() + self.rules.timeout);
    }

    fn may_look(&self) -> bool {
        let is_wanted = self.worker.reading.until.is_some() && self.deadline.is_none();
        is_wanted && self.look.is_none() && self.lease.is_joined()
    }

    fn look_when_due(&mut self, now: Moment) {
        let Some(time) = self.worker.reading.until.filter(|_| self.may_look()) else {
            return;
        };
        if now < self.look_after {
            return;
        }
        self.look_after = now + self.rules.interval.min(Duration::from_secs(1));
        let has_come = self.worker.config.clock.now() >= time;
        let held = self.holdings.look();
        if has_come && held.iter().all(|shard| shard.phase == Phase::Finished) {
            self.look = Some(Box::pin(until::look(
                Arc::clone(&self.worker.reader),
                Arc::clone(&self.worker.store),
                self.worker.config.group.clone(),
                time,
                self.read_up.clone(),
            )));
        }
    }

    fn looked(&mut self, looked: Looked) {
        match looked {
            Ok((read_up, is_all)) => {
                self.read_up = read_up;
                if is_all {
                    self.leave(Instant::now() + self.rules.timeout);
                }
            }
            Err(cause) => debug!(error = %cause, "whether the group is done is not known now"),
        }
    }

    fn conclude(mut self) -> Report {
        for progress in self.holdings.look() {
            self.holdings.remove(progress.shard);
            #[cfg(feature = "metrics")]
            crate::metrics::given_up(progress.shard, 0);
            self.report.add(&progress);
            self.report.shards.push(ShardReport {
                progress,
                reason: None,
            });
        }
        info!(consumer = %self.worker.consumer, report = %self.report, "worker ends");
        self.report
    }
}
