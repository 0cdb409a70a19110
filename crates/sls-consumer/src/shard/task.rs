//! Performs what the state of a shard asks for.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use sls_core::model::{ConsumerName, Cursor, ShardId};
use sls_core::service::{CheckpointStore, ShardReader};
use telemetry_delivery::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::StopReason;
use super::reading::ReadAnswer;
use super::state::{Action, ShardState};
use super::turn;
use super::working::{WorkAnswer, caught};
use crate::batch::ShardBatch;
use crate::budget::{Budget, Held, ShareId};
use crate::checkpointer::{Checkpointer, Marks, Place};
use crate::config::ReadSettings;
use crate::error::Error;
use crate::fence::Fence;
use crate::processor::{Processor, ShardStart, ShardStop};
use crate::progress::Board;

/// How long user code may take before what was read ahead of it is given back to shards that
/// wait for room.
const SLOW_WORK: Duration = Duration::from_secs(1);
/// How long the hook of a shard that was lost may take.
const LOST_HOOK: Duration = Duration::from_secs(5);

pub(super) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a task is told while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) is_draining: bool,
    pub(crate) is_paused: bool,
}

/// How a task ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) shard: ShardId,
    pub(crate) reason: StopReason,
    /// Until when a checkpoint that got no answer may still arrive.
    pub(crate) stray: Option<Instant>,
    /// What the worker has to stop for.
    pub(crate) error: Option<Error>,
}

/// Reads one shard and hands its batches over, for as long as the fence is open.
pub(crate) struct ShardTask<R, P> {
    pub(crate) shard: ShardId,
    pub(crate) reader: Arc<R>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) processor: Arc<P>,
    pub(crate) consumer: ConsumerName,
    pub(crate) settings: Arc<ReadSettings>,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) fence: Fence,
    pub(crate) instructions: watch::Receiver<Instruction>,
    pub(crate) board: Arc<Board>,
    /// A checkpoint of an earlier task may arrive until then.
    pub(crate) settled_at: Option<Instant>,
}

/// A batch and the room it takes.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) batch: ShardBatch,
    pub(super) held: Held,
}

/// What is under way. Dropping it takes everything back.
#[derive(Default)]
pub(super) struct UnderWay {
    read: Option<BoxFuture<ReadAnswer>>,
    pub(super) work: Option<BoxFuture<WorkAnswer>>,
    pub(super) save: Option<BoxFuture<Result<(), sls_core::Error>>>,
    /// The room that the pull among them waits for or has, while it reads ahead.
    pub(super) ahead: Option<ShareId>,
}

impl<R: ShardReader, P: Processor> ShardTask<R, P> {
    /// Runs until the shard is given up or lost. When it returns, or is dropped, nothing of it
    /// runs any more.
    pub(crate) async fn run(self) -> Ended {
        let began = Instant::now();
        let mut state = ShardState::new(Arc::clone(&self.settings));
        if let Some(at) = self.settled_at {
            state.settle_until(at.saturating_duration_since(began));
        }
        let marks = Arc::new(Marks::new());
        let mut running = Running {
            began,
            worked_since: began,
            under_way: UnderWay::default(),
            last_size: 0,
            buried: 0,
            error: None,
            marks: Arc::clone(&marks),
            state,
            task: self,
        };
        let reason = running.run().await;
        // Whoever waits for a save is told, whatever happens from here on.
        marks.over();
        let Running {
            task, state, error, ..
        } = running;
        if state.is_started() {
            let place = state.position().cloned();
            let stop = task.stop(reason, place, &marks);
            let hook = turn::unhindering(caught(async { task.processor.stopped(&stop).await }));
            if timeout(LOST_HOOK, hook).await.is_err() {
                warn!(shard = %task.shard, "the hook of a lost shard took too long");
            }
        }
        info!(shard = %task.shard, %reason, "shard ended");
        let stray = state.stray_until(began.elapsed());
        Ended {
            shard: task.shard,
            reason,
            stray: stray.map(|until| began + until),
            error,
        }
    }

    fn stop(&self, reason: StopReason, place: Option<Place>, marks: &Arc<Marks>) -> ShardStop {
        ShardStop {
            shard: self.shard,
            reason,
            checkpointer: match place {
                Some(place) => Checkpointer::new(place, Arc::clone(marks)),
                None => Checkpointer::detached(),
            },
        }
    }
}

pub(super) struct Running<R, P> {
    pub(super) task: ShardTask<R, P>,
    pub(super) state: ShardState<Loaded>,
    pub(super) under_way: UnderWay,
    pub(super) marks: Arc<Marks>,
    began: Instant,
    /// When user code got its turn last.
    pub(super) worked_since: Instant,
    /// The size of the last answer.
    pub(super) last_size: usize,
    /// Groups of the batch in hand that are among the dead letters already.
    pub(super) buried: usize,
    pub(super) error: Option<Error>,
}

impl<R: ShardReader, P: Processor> Running<R, P> {
    async fn run(&mut self) -> StopReason {
        loop {
            // Before anything is handed over or saved, and nothing is awaited in between.
            if !self.task.fence.is_open() {
                self.state.lose();
            }
            self.follow_instructions();
            let now = self.began.elapsed();
            while let Some(action) = self.state.next(now, self.task.clock.now()) {
                self.perform(action);
            }
            if self.state.front().is_none() {
                // Nothing is in hand, so what was to be read ahead has become urgent.
                if let Some(share) = self.under_way.ahead.take() {
                    self.task.budget.hand_over(share);
                }
            }
            self.show();
            if let Some(reason) = self.state.stopped() {
                self.under_way = UnderWay::default();
                return reason;
            }
            self.wait().await;
        }
    }

    /// Waits for one event and takes note of it.
    async fn wait(&mut self) {
        let Self {
            task,
            state,
            under_way,
            marks,
            began,
            buried,
            worked_since,
            ..
        } = self;
        let wake = state.wakes_at().and_then(|wake| began.checked_add(wake));
        let timer: OptionFuture<_> = wake.map(sleep_until).into();
        // A batch of which a part is among the dead letters already is kept.
        let with_front = state.waits_with_batch() && *buried == 0;
        let spare = match with_front {
            true => Some(*began),
            false => state.has_ahead().then(|| *worked_since + SLOW_WORK),
        };
        let room_is_wanted = spare.map(|from| {
            let budget = Arc::clone(&task.budget);
            async move {
                sleep_until(from).await;
                budget.wanted().await;
            }
        });
        let room_is_wanted: OptionFuture<_> = room_is_wanted.into();
        let UnderWay {
            read, work, save, ..
        } = under_way;
        let event = tokio::select! {
            // The processor gets no turn once the fence is closed.
            biased;
            () = task.fence.closed() => return,
            told = task.instructions.changed() => {
                // Whoever gives instructions is no more.
                if told.is_err() {
                    state.lose();
                }
                return;
            }
            Some(answer) = OptionFuture::from(work.as_mut()) => Event::Work(answer),
            mark = marks.next() => {
                state.marked(mark);
                return;
            }
            Some(answer) = OptionFuture::from(save.as_mut()) => Event::Save(answer),
            Some(answer) = OptionFuture::from(read.as_mut()) => Event::Read(answer),
            Some(()) = timer => return,
            Some(()) = room_is_wanted => {
                debug!(shard = %task.shard, with_front, "batches given back to be pulled again");
                match with_front {
                    true => state.give_back(),
                    false => state.give_back_ahead(),
                }
                *read = None;
                return;
            }
        };
        let now = self.began.elapsed();
        match event {
            Event::Work(answer) => {
                self.under_way.work = None;
                self.worked(now, answer);
            }
            Event::Save(answer) => {
                self.under_way.save = None;
                self.saved(now, answer);
            }
            Event::Read(answer) => {
                self.under_way.read = None;
                self.have_read(now, answer);
            }
        }
    }

    fn follow_instructions(&mut self) {
        let Instruction {
            is_draining,
            is_paused,
        } = *self.task.instructions.borrow_and_update();
        if is_draining {
            self.state.drain();
        } else if is_paused {
            self.state.pause();
        } else {
            self.state.resume();
        }
        if is_draining || is_paused {
            self.under_way.read = None;
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Load => self.under_way.read = Some(self.load()),
            Action::Locate(position) => self.under_way.read = Some(self.locate(position)),
            Action::Pull {
                cursor,
                end,
                is_ahead,
            } => self.under_way.read = Some(self.pull(cursor, end, is_ahead)),
            Action::Start { from, is_resumed } => {
                info!(shard = %self.task.shard, %from, is_resumed, "shard begins");
                let start = ShardStart {
                    shard: self.task.shard,
                    from,
                    is_resumed,
                };
                let processor = Arc::clone(&self.task.processor);
                self.work_on(async move {
                    let _ = caught(async { processor.started(&start).await }).await;
                    WorkAnswer::Started
                });
            }
            Action::Process { attempt } => self.process(attempt),
            Action::Bury => self.bury(),
            Action::Stop => {
                let place = self.state.position().cloned();
                let stop = self.task.stop(self.state.ending(), place, &self.marks);
                let processor = Arc::clone(&self.task.processor);
                self.work_on(async move {
                    let _ = caught(async { processor.stopped(&stop).await }).await;
                    WorkAnswer::Stopped
                });
            }
            Action::Save(cursor) => self.save(cursor),
        }
    }

    pub(super) fn trouble(&self, cause: Option<&sls_core::Error>) {
        self.task.board.with(|progress| {
            progress.trouble = cause.map(ToString::to_string);
        });
    }

    fn show(&self) {
        let state = &self.state;
        self.task.board.with(|progress| {
            progress.phase = state.phase();
            copy_if_other(&mut progress.position, state.position());
            copy_if_other(&mut progress.saved, state.saved_place());
        });
        #[cfg(feature = "metrics")]
        self.task
            .board
            .with(|progress| crate::metrics::shard(progress));
    }
}

enum Event {
    Work(WorkAnswer),
    Save(Result<(), sls_core::Error>),
    Read(ReadAnswer),
}

fn copy_if_other(to: &mut Option<Cursor>, from: Option<&Place>) {
    if to.as_ref() != from.map(|place| &place.cursor) {
        *to = from.map(|place| place.cursor.clone());
    }
}
