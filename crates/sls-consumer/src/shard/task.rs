//! Performs what the state of a shard asks for.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::OptionFuture;
use sls_core::api::PulledLogs;
use sls_core::model::{ConsumerName, Cursor, CursorPosition, ShardId};
use sls_core::service::{CheckpointStore, Pull, SaveCheckpoint, ShardReader};
use sls_core::{BoxError, ErrorCode, RetryClass};
use telemetry_delivery::Clock;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, error, info, warn};

use super::StopReason;
use super::state::{Action, Pulled, ReadFailure, SaveFailure, ShardState, Verdict};
use super::turn;
use crate::batch::ShardBatch;
use crate::budget::{Budget, Held};
use crate::checkpointer::{Checkpointer, Marks, Place};
use crate::config::ReadSettings;
use crate::error::Error;
use crate::fence::Fence;
use crate::policy::Exhausted;
use crate::processor::{Processor, ShardStart, ShardStop};
use crate::progress::Board;

/// How long the hook of a shard that was lost may take.
const LOST_HOOK: Duration = Duration::from_secs(5);

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

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
    pub(crate) saves_after: Option<Instant>,
}

/// A batch and the room it takes.
#[derive(Debug)]
struct Loaded {
    batch: ShardBatch,
    _held: Held,
}

enum ReadAnswer {
    Loaded(Result<Option<Cursor>, sls_core::Error>),
    Located(Result<Cursor, sls_core::Error>),
    Pulled(Result<(PulledLogs, Held), sls_core::Error>),
}

enum WorkAnswer {
    Started,
    Processed(Result<(), BoxError>),
    /// Gives how many groups were written when it failed.
    Buried(Result<(), (usize, sls_core::Error)>),
    Stopped,
}

/// What is under way. Dropping it takes everything back.
#[derive(Default)]
struct UnderWay {
    read: Option<BoxFuture<ReadAnswer>>,
    work: Option<BoxFuture<WorkAnswer>>,
    save: Option<BoxFuture<Result<(), sls_core::Error>>>,
}

impl<R: ShardReader, P: Processor> ShardTask<R, P> {
    /// Runs until the shard is given up or lost. When it returns, or is dropped, nothing of it
    /// runs any more.
    pub(crate) async fn run(self) -> Ended {
        let began = Instant::now();
        let mut state = ShardState::new(Arc::clone(&self.settings));
        if let Some(at) = self.saves_after {
            state.save_only_after(at.saturating_duration_since(began));
        }
        let marks = Arc::new(Marks::new());
        let mut running = Running {
            began,
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

struct Running<R, P> {
    task: ShardTask<R, P>,
    state: ShardState<Loaded>,
    under_way: UnderWay,
    marks: Arc<Marks>,
    began: Instant,
    /// The size of the last answer.
    last_size: usize,
    /// Groups of the batch in hand that are among the dead letters already.
    buried: usize,
    error: Option<Error>,
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
            ..
        } = self;
        let wake = state.wakes_at().and_then(|wake| began.checked_add(wake));
        let timer: OptionFuture<_> = wake.map(sleep_until).into();
        let UnderWay { read, work, save } = under_way;
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

    fn load(&self) -> BoxFuture<ReadAnswer> {
        let (store, settings) = (
            Arc::clone(&self.task.store),
            Arc::clone(&self.task.settings),
        );
        let shard = self.task.shard;
        Box::pin(async move { ReadAnswer::Loaded(store.load(&settings.group, shard).await) })
    }

    fn locate(&self, position: CursorPosition) -> BoxFuture<ReadAnswer> {
        let (reader, shard) = (Arc::clone(&self.task.reader), self.task.shard);
        Box::pin(async move { ReadAnswer::Located(reader.cursor(shard, position).await) })
    }

    fn pull(&self, cursor: Cursor, end: Option<Cursor>, is_ahead: bool) -> BoxFuture<ReadAnswer> {
        let (reader, budget) = (Arc::clone(&self.task.reader), Arc::clone(&self.task.budget));
        let expected = self.last_size;
        let pull = Pull {
            shard: self.task.shard,
            cursor,
            count: self.task.settings.count,
            end_cursor: end,
            processing: self.task.settings.processing.clone(),
        };
        Box::pin(async move {
            let admission = budget.admit(expected, is_ahead).await;
            let answer = reader.pull(pull).await;
            ReadAnswer::Pulled(answer.map(|logs| {
                let held = admission.arrived(logs.raw_size());
                (logs, held)
            }))
        })
    }

    fn process(&mut self, attempt: u32) {
        let Some(loaded) = self.state.front() else {
            return;
        };
        let batch = match attempt {
            1 => loaded.batch.clone(),
            attempt => loaded.batch.again(attempt),
        };
        let processor = Arc::clone(&self.task.processor);
        self.work_on(async move {
            let outcome = caught(async { processor.process(&batch).await }).await;
            WorkAnswer::Processed(outcome.and_then(|outcome| outcome))
        });
    }

    fn bury(&mut self) {
        let Exhausted::DeadLetter(letters) = &self.task.settings.on_failure.then else {
            return;
        };
        let Some(loaded) = self.state.front() else {
            return;
        };
        let (letters, batch, from) = (letters.clone(), loaded.batch.clone(), self.buried);
        self.work_on(async move { WorkAnswer::Buried(letters.write(&batch, from).await) });
    }

    fn save(&mut self, cursor: Cursor) {
        let (store, settings) = (
            Arc::clone(&self.task.store),
            Arc::clone(&self.task.settings),
        );
        let (shard, consumer) = (self.task.shard, self.task.consumer.clone());
        self.under_way.save = Some(Box::pin(async move {
            let checkpoint = SaveCheckpoint {
                group: &settings.group,
                shard,
                cursor: &cursor,
                consumer: &consumer,
                only_while_held: true,
            };
            store.save(checkpoint).await
        }));
    }

    fn work_on(&mut self, work: impl Future<Output = WorkAnswer> + Send + 'static) {
        let fence = self.task.fence.clone();
        self.under_way.work = Some(Box::pin(turn::while_open(move || fence.is_open(), work)));
    }

    fn worked(&mut self, now: Duration, answer: WorkAnswer) {
        // Marks that were set before the answer count before it.
        if let Some(mark) = self.marks.take() {
            self.state.marked(mark);
        }
        match answer {
            WorkAnswer::Started => self.state.started(),
            WorkAnswer::Stopped => self.state.ended(),
            WorkAnswer::Processed(Ok(())) => self.processed(),
            WorkAnswer::Processed(Err(cause)) => self.failed(now, cause),
            WorkAnswer::Buried(Ok(())) => {
                self.buried = 0;
                self.task.board.with(|progress| progress.dead_letters += 1);
                self.state.processed();
            }
            WorkAnswer::Buried(Err((written, cause))) => {
                self.buried = written;
                warn!(shard = %self.task.shard, error = %cause, "dead letters cannot be written");
                self.state.not_buried(now);
            }
        }
    }

    fn processed(&mut self) {
        let Some(loaded) = self.state.front() else {
            return;
        };
        let (logs, received) = (loaded.batch.log_count() as u64, loaded.batch.received());
        let wall = self.task.clock.now();
        self.task.board.with(|progress| {
            progress.logs += logs;
            progress.batches += 1;
            progress.last_success = Some(wall);
            // Clocks differ, so what came just now may seem to come from the future.
            progress.lag = received.map(|time| wall.duration_since(time).unwrap_or_default());
        });
        #[cfg(feature = "metrics")]
        crate::metrics::processed(self.task.shard, logs);
        self.state.processed();
    }

    fn failed(&mut self, now: Duration, cause: BoxError) {
        let shard = self.task.shard;
        let cursor = self
            .state
            .front()
            .map(|loaded| loaded.batch.cursor().clone());
        let cursor = cursor.unwrap_or_else(|| Cursor::new(""));
        let verdict = self.state.failed(now);
        self.task.board.with(|progress| progress.failures += 1);
        #[cfg(feature = "metrics")]
        crate::metrics::failed(shard);
        match verdict {
            Verdict::Again | Verdict::LeftToOthers => {
                warn!(%shard, %cursor, error = %cause, ?verdict, "batch failed");
            }
            Verdict::Bury => {
                error!(%shard, %cursor, error = %cause, "batch goes to the dead letters");
            }
            Verdict::Skipped => {
                self.task.board.with(|progress| progress.skipped += 1);
                error!(%shard, %cursor, error = %cause, "batch skipped");
            }
            Verdict::Stop => {
                let attempts = self.task.settings.on_failure.attempts;
                error!(%shard, %cursor, error = %cause, attempts, "batch failed for good");
                self.error = Some(Error::Processing {
                    shard,
                    cursor,
                    attempts,
                    cause,
                });
            }
        }
    }

    fn saved(&mut self, now: Duration, answer: Result<(), sls_core::Error>) {
        match answer {
            Ok(()) => {
                let sequence = self.state.saved(now);
                self.marks.saved(sequence);
                self.trouble(None);
            }
            Err(cause) => {
                warn!(shard = %self.task.shard, error = %cause, "checkpoint not saved");
                self.state.save_failed(now, save_failure(&cause));
                self.trouble(Some(&cause));
            }
        }
    }

    fn have_read(&mut self, now: Duration, answer: ReadAnswer) {
        match answer {
            ReadAnswer::Loaded(Ok(checkpoint)) => self.state.loaded(checkpoint),
            ReadAnswer::Located(Ok(cursor)) => self.state.located(cursor),
            ReadAnswer::Pulled(Ok((logs, held))) => self.pulled(now, logs, held),
            ReadAnswer::Loaded(Err(cause)) => {
                return self.read_failed(now, cause, ReadFailure::Gone);
            }
            ReadAnswer::Located(Err(cause)) => {
                return self.read_failed(now, cause, ReadFailure::Lasting);
            }
            ReadAnswer::Pulled(Err(cause)) => {
                return self.read_failed(now, cause, ReadFailure::Expired);
            }
        }
        self.trouble(None);
    }

    fn pulled(&mut self, now: Duration, logs: PulledLogs, held: Held) {
        let scan = logs.scan().copied();
        let (groups, bytes) = match scan {
            Some(scan) => (scan.groups, scan.bytes),
            None => (logs.group_count() as u64, logs.raw_size() as u64),
        };
        self.last_size = logs.raw_size();
        let next = logs.next_cursor().clone();
        let place = Place {
            sequence: self.state.next_sequence(),
            cursor: next.clone(),
        };
        let at_end = logs.end_of_cursor();
        let batch = (logs.log_count() > 0).then(|| Loaded {
            batch: ShardBatch::of(
                self.task.shard,
                logs,
                Checkpointer::new(place, Arc::clone(&self.marks)),
            ),
            _held: held,
        });
        self.state.pulled(
            now,
            Pulled {
                next,
                at_end,
                groups,
                bytes,
                batch,
            },
        );
        if self.state.is_caught_up() {
            self.task
                .board
                .with(|progress| progress.lag = Some(Duration::ZERO));
        }
    }

    /// `InvalidCursor` means that a cursor expired where one was sent.
    fn read_failed(&mut self, now: Duration, cause: sls_core::Error, on_cursor: ReadFailure) {
        let shard = self.task.shard;
        let failure = match (cause.code(), cause.retry_class()) {
            (Some(ErrorCode::InvalidCursor), _) if on_cursor == ReadFailure::Expired => on_cursor,
            (Some(ErrorCode::ShardNotExist), _) => ReadFailure::Gone,
            (_, RetryClass::Never) => ReadFailure::Lasting,
            _ => ReadFailure::Passing,
        };
        self.trouble(Some(&cause));
        if failure == ReadFailure::Expired {
            self.task.board.with(|progress| progress.expired += 1);
            let policy = self.task.settings.on_expired;
            warn!(%shard, error = %cause, ?policy, "checkpoint has expired");
        } else {
            debug!(%shard, error = %cause, "shard cannot be read now");
        }
        if self.state.read_failed(now, failure) {
            let cursor = self.state.position().map(|place| place.cursor.clone());
            self.error = Some(match (failure, cursor) {
                (ReadFailure::Expired, Some(cursor)) => Error::Expired { shard, cursor },
                _ => Error::Reading {
                    shard,
                    cause: Box::new(cause),
                },
            });
        }
    }

    fn trouble(&self, cause: Option<&sls_core::Error>) {
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

fn save_failure(error: &sls_core::Error) -> SaveFailure {
    match (error, error.code()) {
        (_, Some(ErrorCode::ConsumerNotMatch | ErrorCode::ConsumerNotExist)) => {
            SaveFailure::NotOurs
        }
        (_, Some(ErrorCode::ShardNotExist)) => SaveFailure::Gone,
        (sls_core::Error::Service { .. }, _) => SaveFailure::Refused,
        (
            sls_core::Error::NoAnswer {
                may_have_acted: false,
                ..
            },
            _,
        ) => SaveFailure::Refused,
        (sls_core::Error::InvalidRequest { .. } | sls_core::Error::NotSigned { .. }, _) => {
            SaveFailure::Refused
        }
        // Whatever came in its place says nothing about the save.
        _ => SaveFailure::NoAnswer,
    }
}

/// Waits for user code; a panic becomes an error with its message.
async fn caught<T>(work: impl Future<Output = T>) -> Result<T, BoxError> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .map_err(|payload| panic_message(payload.as_ref()).into())
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("without a message"))
}
