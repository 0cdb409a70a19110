use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use futures_core::future::BoxFuture;
use sls_core::api::{Processing, PullLogs, PulledLogs};
use sls_core::model::{Cursor, Shard, ShardId};
use sls_core::service::{Pull, ShardReader};
use sls_core::{Error, ErrorCode};
use tokio::time::{Instant, Sleep, sleep_until};

use super::plan::{Arrived, Edge, Failure, Plan, Rules, Task};
use super::{TailBatch, TailError, TailStart};

/// After so long without anybody awaiting it, a call that got no answer proves nothing.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// A reader whose answers are always there at once does not keep the thread for longer.
const MAX_ROUNDS: usize = 32;

/// Reads all shards of a logstore as one stream.
///
/// Follows splits and merges: a shard is read once every shard it came from has been read to
/// its end, so that what was written under one hash key comes in the order of writing. Between
/// other shards there is no order. Every batch that moves a cursor is given, one that a query
/// left empty included.
///
/// ```text
///   shard 0 (readonly)  ====|
///   shard 1                  '-> ==========>     children wait for their parents
///   shard 2                  '-> ======>
///   shard 3             =====================>   others do not
/// ```
///
/// Nothing runs in the background: calls are under way while [`next`](Self::next) is awaited.
/// At most one batch of each shard is read ahead, within
/// [`with_max_in_flight`](Self::with_max_in_flight) and
/// [`with_max_held_bytes`](Self::with_max_held_bytes); shards take turns.
///
/// It works over the client, with [`LogstoreHandle::tail`](crate::LogstoreHandle::tail), and
/// over anything else that is a [`ShardReader`].
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = sls_local::LocalServer::builder().start().await?;
/// # let client = sls_client::Client::builder(
/// #     server.endpoint().parse()?,
/// #     sls_client::StaticCredentials::new(server.credentials()),
/// # ).build()?;
/// # client.project("shop").create("").await?;
/// use sls_core::model::{CursorPosition, Log, LogGroup, LogstoreConfig};
/// use sls_core::wire::EncodedGroup;
///
/// let logstore = client.logstore("shop", "access");
/// logstore.create(LogstoreConfig::named("access").with_shard_count(2)).await?;
/// for key in ["00", "ff"] {
///     let group = LogGroup::new(vec![Log::at(1).with("key", key)]);
///     logstore.put_routed(&EncodedGroup::from(&group), key.parse()?).await?;
/// }
///
/// let mut tail = logstore.tail(CursorPosition::Begin);
/// let mut logs = 0;
/// while logs < 2 {
///     match tail.next().await {
///         Some(Ok(batch)) => logs += batch.logs.log_count(),
///         // The tail goes on by itself; leaving is up to the program.
///         Some(Err(error)) => eprintln!("{error}"),
///         None => break,
///     }
/// }
///
/// // Another time, from here on.
/// if let Some(positions) = tail.positions() {
///     let later = logstore.tail(positions);
/// #   assert_eq!(later.positions(), tail.positions());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a tail reads nothing until its next batch is asked for"]
pub struct TailStream<R> {
    reader: Arc<R>,
    plan: Plan,
    count: u32,
    processing: Option<Processing>,
    in_flight: Vec<InFlight>,
    /// What has arrived and not been given, in that order.
    arrived: VecDeque<Result<TailBatch, TailError>>,
    timer: Option<Pin<Box<Sleep>>>,
    began: Option<Instant>,
    /// Since when nobody awaits it, if so.
    left: Option<Instant>,
}

/// A question and what will answer it.
struct InFlight {
    answer: BoxFuture<'static, Answer>,
    was_left_alone: bool,
}

/// Notes when it ends that nobody awaits the tail any more.
struct Watch<'a, R>(&'a mut TailStream<R>);

impl<R> Drop for Watch<'_, R> {
    fn drop(&mut self) {
        self.0.left = Some(Instant::now());
    }
}

enum Answer {
    Listed(Result<Vec<Shard>, Error>),
    Fixed(ShardId, Edge, Result<Cursor, Error>),
    Pulled(ShardId, Result<PulledLogs, Error>),
}

impl<R: ShardReader> TailStream<R> {
    /// How long a shard without news is left alone, unless told otherwise.
    pub const DEFAULT_IDLE: Duration = Duration::from_secs(1);
    /// How often shards are listed, unless told otherwise.
    pub const DEFAULT_LIST_INTERVAL: Duration = Duration::from_secs(10);
    /// How many calls are under way at a time, unless told otherwise.
    pub const DEFAULT_MAX_IN_FLIGHT: usize = 4;
    /// How much is read ahead, unless told otherwise: 16 MiB, decompressed.
    pub const DEFAULT_MAX_HELD_BYTES: usize = 16 << 20;

    /// Reads all shards of the logstore that `reader` reads.
    pub fn new(reader: R, from: impl Into<TailStart>) -> Self {
        let rules = Rules {
            from: from.into(),
            to: None,
            until_caught_up: false,
            max_in_flight: Self::DEFAULT_MAX_IN_FLIGHT,
            max_held_bytes: Self::DEFAULT_MAX_HELD_BYTES,
            idle: Self::DEFAULT_IDLE,
            list_interval: Self::DEFAULT_LIST_INTERVAL,
        };
        Self {
            reader: Arc::new(reader),
            plan: Plan::new(rules),
            count: PullLogs::DEFAULT_COUNT,
            processing: None,
            in_flight: Vec::new(),
            arrived: VecDeque::new(),
            timer: None,
            began: None,
            left: None,
        }
    }

    /// Ends in front of `to`, in every shard that exists when reading begins. Default: never.
    ///
    /// A time means the time of receipt, not the time inside the logs. The end is fixed before
    /// the first batch is read: what is written later does not belong to it, also when `to`
    /// lies in the future.
    pub fn up_to(mut self, to: impl Into<TailStart>) -> Self {
        self.plan.rules.to = Some(to.into());
        self
    }

    /// Ends once every shard that exists when reading begins has given all it has. Default: no.
    ///
    /// All that was written before is given; of what is written meanwhile, some may be.
    pub fn until_caught_up(mut self) -> Self {
        self.plan.rules.until_caught_up = true;
        self
    }

    /// Has the service run an SPL query over the logs. Default: none.
    pub fn with_query(self, query: impl Into<String>) -> Self {
        self.with_processing(Processing::Query(query.into()))
    }

    /// Has the service filter and change the logs. Default: nothing.
    pub fn with_processing(mut self, processing: Processing) -> Self {
        self.processing = Some(processing);
        self
    }

    /// The most log groups in a batch, 1 to 1000. Default: 1000.
    pub fn with_count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// How long a shard without news is left alone. Default: 1 second.
    ///
    /// Also the pause after a failure, doubled up to five times while it fails again.
    pub fn with_idle(mut self, wait: Duration) -> Self {
        self.plan.rules.idle = wait;
        self
    }

    /// How often shards are listed, to find those that came out of a split or a merge.
    /// Default: every 10 seconds. Of no effect on a tail that ends by itself.
    ///
    /// So long the first log of a new shard may have to wait. When a shard has been read to
    /// its end, they are listed sooner.
    pub fn with_list_interval(mut self, interval: Duration) -> Self {
        self.plan.rules.list_interval = interval;
        self
    }

    /// How many calls may be under way at a time, at least 1. Default: 4.
    ///
    /// More reads a logstore of many shards faster, and holds more answers at a time.
    pub fn with_max_in_flight(mut self, calls: usize) -> Self {
        self.plan.rules.max_in_flight = calls.max(1);
        self
    }

    /// From how many bytes of batches not yet given on nothing more is pulled, at least 1.
    /// Default: 16 MiB, decompressed.
    ///
    /// Answers that are under way then still arrive, so this many bytes and an answer for each
    /// call is the most that is held.
    pub fn with_max_held_bytes(mut self, bytes: usize) -> Self {
        self.plan.rules.max_held_bytes = bytes.max(1);
        self
    }

    /// Where the next batch of each shard starts; a later tail can start from it.
    ///
    /// Counts what [`next`](Self::next) gave, and nothing that was read ahead. A shard that is
    /// missing has not been begun and is to be read from its beginning, which is what
    /// [`TailStart::Positions`] does.
    ///
    /// `None` before the first batch, as long as it is not known where that start is: of a
    /// tail from the end or from a time, until the service has given all cursors.
    pub fn positions(&self) -> Option<BTreeMap<ShardId, Cursor>> {
        self.plan.positions()
    }

    /// The next batch; `None` when reading only until caught up or up to an end, and that is
    /// reached in every shard.
    ///
    /// # Errors
    /// [`TailError::Shards`] when the shards could not be listed, [`TailError::Shard`] when
    /// one of them could not be read. No position is lost by an error and other shards are not
    /// held up: calling again goes on, and tries again after a pause. Only before the first
    /// batch all wait for one another, where each needs a cursor to start from or to end at.
    ///
    /// A shard with a cursor that has outlived what the logstore keeps gives `InvalidCursor`
    /// again and again. To read it from its beginning, start a new tail from
    /// [`positions`](Self::positions) without that shard.
    ///
    /// # Cancel safety
    /// Safe: what is under way belongs to the tail and not to the future, so dropping the
    /// future loses nothing. While no future is awaited nothing moves; a call that ends without
    /// an answer for want of attention is repeated once before it counts as an error.
    pub async fn next(&mut self) -> Option<Result<TailBatch, TailError>> {
        self.notice_neglect();
        let watch = Watch(self);
        poll_fn(|cx| watch.0.poll_next(cx)).await
    }

    /// The same as a [`Stream`], for combinators.
    pub fn into_stream(self) -> impl Stream<Item = Result<TailBatch, TailError>> + Send {
        futures_util::stream::unfold(self, |mut tail| async move {
            let batch = tail.next().await?;
            Some((batch, tail))
        })
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<TailBatch, TailError>>> {
        for _ in 0..MAX_ROUNDS {
            let now = self.now();
            while let Some(task) = self.plan.next_task(now) {
                let in_flight = self.ask(task);
                self.in_flight.push(in_flight);
            }
            let is_news = self.poll_in_flight(cx, now);
            if let Some(item) = self.arrived.pop_front() {
                if let Ok(batch) = &item {
                    self.plan.given(now, batch.shard);
                }
                return Poll::Ready(Some(item));
            }
            if self.plan.is_over() {
                return Poll::Ready(None);
            }
            if !is_news {
                ready!(self.poll_timer(cx));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Since when it reads.
    fn now(&mut self) -> Duration {
        self.began.get_or_insert_with(Instant::now).elapsed()
    }

    /// Marks what was under way while nobody awaited it: its time may have run out unused.
    fn notice_neglect(&mut self) {
        let neglected = self.left.take().map(|left| left.elapsed());
        if neglected.is_some_and(|time| time >= LEFT_ALONE) {
            for call in &mut self.in_flight {
                call.was_left_alone = true;
            }
        }
    }

    fn ask(&self, task: Task) -> InFlight {
        let reader = Arc::clone(&self.reader);
        let answer: BoxFuture<'static, Answer> =
            match task {
                Task::List => Box::pin(async move { Answer::Listed(reader.shards().await) }),
                Task::Fix {
                    shard,
                    edge,
                    position,
                } => Box::pin(async move {
                    Answer::Fixed(shard, edge, reader.cursor(shard, position).await)
                }),
                Task::Pull { shard, cursor, end } => {
                    let pull = Pull {
                        shard,
                        cursor,
                        count: self.count,
                        end_cursor: end,
                        processing: self.processing.clone(),
                    };
                    Box::pin(async move { Answer::Pulled(shard, reader.pull(pull).await) })
                }
            };
        InFlight {
            answer,
            was_left_alone: false,
        }
    }

    /// Takes the answers that are there; whether there was one.
    fn poll_in_flight(&mut self, cx: &mut Context<'_>, now: Duration) -> bool {
        let mut is_news = false;
        let mut index = 0;
        while let Some(call) = self.in_flight.get_mut(index) {
            let Poll::Ready(answer) = call.answer.as_mut().poll(cx) else {
                index += 1;
                continue;
            };
            // The order of the others stays, so that none is always polled last.
            let call = self.in_flight.remove(index);
            self.take(now, answer, call.was_left_alone);
            is_news = true;
        }
        is_news
    }

    fn take(&mut self, now: Duration, answer: Answer, was_left_alone: bool) {
        match answer {
            Answer::Listed(Ok(shards)) => self.plan.listed(now, shards),
            Answer::Listed(Err(error)) => {
                let failure = failure(&error, was_left_alone);
                if self.plan.not_listed(now, failure) {
                    self.arrived.push_back(Err(TailError::Shards(error)));
                }
            }
            Answer::Fixed(shard, edge, Ok(cursor)) => self.plan.fixed(now, shard, edge, cursor),
            Answer::Pulled(shard, Ok(logs)) => {
                let arrived = Arrived {
                    next: logs.next_cursor().clone(),
                    bytes: logs.raw_size(),
                    is_caught_up: logs.is_caught_up(),
                };
                if self.plan.pulled(now, shard, arrived) {
                    self.arrived.push_back(Ok(TailBatch { shard, logs }));
                }
            }
            Answer::Fixed(shard, _, Err(error)) | Answer::Pulled(shard, Err(error)) => {
                let failure = failure(&error, was_left_alone);
                if self.plan.failed(now, shard, failure) {
                    self.arrived
                        .push_back(Err(TailError::Shard { shard, error }));
                }
            }
        }
    }

    /// Ready when time alone allows another task.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let due = self.began.zip(self.plan.wakes_at());
        // A wait that no clock can show has no end.
        let Some(wake) = due.and_then(|(began, wake)| began.checked_add(wake)) else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(wake)));
        if timer.deadline() != wake {
            timer.as_mut().reset(wake);
        }
        timer.as_mut().poll(cx)
    }
}

fn failure(error: &Error, was_left_alone: bool) -> Failure {
    match error {
        error if error.code() == Some(&ErrorCode::ShardNotExist) => Failure::Gone,
        Error::NoAnswer { .. } if was_left_alone => Failure::LeftAlone,
        _ => Failure::Other,
    }
}

impl<R: fmt::Debug> fmt::Debug for TailStream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailStream")
            .field("reader", &self.reader)
            .field("plan", &self.plan)
            .field("in_flight", &self.in_flight.len())
            .field("arrived", &self.arrived.len())
            .finish_non_exhaustive()
    }
}
