//! A member of a consumer group.

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use sls_core::BoxError;
use sls_core::model::{ConsumerName, ShardId};
use sls_core::service::{CheckpointStore, GroupCoordinator, MemoryCheckpoints, ShardReader};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::all_shards::AllShards;
use crate::config::{ReadSettings, WorkerConfig};
use crate::error::Error;
use crate::holdings::Holdings;
use crate::processor::Processor;
use crate::progress::ShardProgress;
use crate::report::Report;
use crate::supervisor::{Control, Supervisor};

/// Reads the shards that a consumer group gives it and hands their logs to a [`Processor`].
///
/// Every log is handed over at least once: a checkpoint moves past a batch after it was
/// processed, and is saved only while the service agrees that the shard is this consumer's.
/// No two workers have the same shard in hand at the same time, see [`Processor`] for what that
/// means when the network fails.
#[must_use = "a worker does nothing until it is started"]
pub struct Worker<R, C, P> {
    pub(crate) reader: Arc<R>,
    pub(crate) coordinator: Arc<C>,
    pub(crate) store: Arc<dyn CheckpointStore>,
    pub(crate) processor: Arc<P>,
    pub(crate) consumer: ConsumerName,
    pub(crate) config: WorkerConfig,
    pub(crate) reading: Arc<ReadSettings>,
    pub(crate) wrapper: Option<Wrapper>,
}

/// A task of a worker, see [`Worker::with_task_wrapper`].
pub type TaskFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

pub(crate) type Wrapper = Arc<dyn Fn(TaskFuture) -> TaskFuture + Send + Sync>;

/// Runs `work` inside what `wrapper` makes of it; `None` when that dropped it.
pub(crate) fn wrapped<T, W>(
    wrapper: Option<&Wrapper>,
    work: W,
) -> impl Future<Output = Option<T>> + Send + use<T, W>
where
    T: Send + 'static,
    W: Future<Output = T> + Send + 'static,
{
    let (sender, mut receiver) = oneshot::channel();
    let inner: TaskFuture = Box::pin(async move {
        // Nobody waits when the worker was dropped.
        let _ = sender.send(work.await);
    });
    let outer = match wrapper {
        Some(wrapper) => wrapper(inner),
        None => inner,
    };
    async move {
        outer.await;
        receiver.try_recv().ok()
    }
}

impl<L, P> Worker<L, L, P>
where
    L: ShardReader + GroupCoordinator + CheckpointStore,
    P: Processor,
{
    /// A worker over one logstore, with checkpoints where the service keeps them.
    pub fn new(logstore: L, config: WorkerConfig, processor: P) -> Self {
        let logstore = Arc::new(logstore);
        let store: Arc<dyn CheckpointStore> = Arc::<L>::clone(&logstore);
        Self::over(Arc::clone(&logstore), logstore, store, config, processor)
    }
}

impl<R: ShardReader, P: Processor> Worker<R, AllShards<R>, P> {
    /// A worker without a group: it reads all shards of a logstore, by itself.
    ///
    /// For a program of which one copy runs, and for accounts that may read logs and nothing
    /// else: no group is created and no heartbeat sent. The name of the group only names the
    /// checkpoints. They are kept in memory, so every run begins at the initial position,
    /// unless told otherwise with [`with_checkpoints`](Self::with_checkpoints), for instance
    /// to a [`FileCheckpoints`](crate::FileCheckpoints).
    ///
    /// Two copies at a time process everything twice. [`with_in_order`] is refused when the
    /// worker runs.
    ///
    /// [`with_in_order`]: WorkerConfig::with_in_order
    ///
    /// # Example
    /// ```
    /// use sls_consumer::{FileCheckpoints, ShardBatch, Worker, WorkerConfig, WorkerHandle};
    /// use sls_core::model::CursorPosition;
    /// use sls_core::service::ShardReader;
    ///
    /// async fn follow(logstore: impl ShardReader) -> Result<WorkerHandle, Box<dyn std::error::Error>> {
    ///     let config = WorkerConfig::new("report")
    ///         .with_query("* | where cast(cdn_in as bigint) > 70")
    ///         .with_start(CursorPosition::End);
    ///     let worker = Worker::alone(logstore, config, |batch: ShardBatch| async move {
    ///         println!("{batch}");
    ///         Ok(())
    ///     });
    ///     Ok(worker.with_checkpoints(FileCheckpoints::open("checkpoints")?).start()?)
    /// }
    /// ```
    pub fn alone(logstore: R, config: WorkerConfig, processor: P) -> Self {
        let reader = Arc::new(logstore);
        // Before the worker would take the heartbeat for lost.
        let patience = config.heartbeat.min(config.patience()) / 2;
        let all = AllShards::new(Arc::clone(&reader)).with_patience(patience);
        let all = Arc::new(all);
        let store: Arc<dyn CheckpointStore> = Arc::new(MemoryCheckpoints::new());
        Self::over(reader, all, store, config, processor)
    }
}

impl<R: ShardReader, C: GroupCoordinator, P: Processor> Worker<R, C, P> {
    /// A worker over any three that play the roles.
    pub fn over(
        reader: Arc<R>,
        coordinator: Arc<C>,
        store: Arc<dyn CheckpointStore>,
        config: WorkerConfig,
        processor: P,
    ) -> Self {
        Self {
            reader,
            coordinator,
            store,
            processor: Arc::new(processor),
            consumer: random_name(),
            reading: Arc::new(config.read_settings()),
            config,
            wrapper: None,
        }
    }

    /// Names this consumer. Default: a random name.
    ///
    /// Two living consumers with one name take each other's shards. A name that a process
    /// bears again after a restart gets it its old shards back without waiting for the timeout;
    /// be sure then that the old process is dead.
    pub fn with_consumer(mut self, name: impl Into<ConsumerName>) -> Self {
        self.consumer = name.into();
        self
    }

    /// Keeps checkpoints elsewhere. Default: with the consumer group.
    ///
    /// The service learns from checkpoints kept with the group that a shard which was split or
    /// merged has been read to its end. With others it hands such a shard out again, and in a
    /// group with order never gives its successors out.
    pub fn with_checkpoints(mut self, store: impl CheckpointStore) -> Self {
        self.store = Arc::new(store);
        self
    }

    /// Has every task of this worker run inside another future, for instance one that sets
    /// task-local values or enters a `tracing` span. Default: as it is.
    ///
    /// A wrapper has to run the future it is given to its end.
    pub fn with_task_wrapper(
        mut self,
        wrapper: impl Fn(TaskFuture) -> TaskFuture + Send + Sync + 'static,
    ) -> Self {
        self.wrapper = Some(Arc::new(wrapper));
        self
    }

    /// Joins the group, in tasks of its own on the current tokio runtime.
    ///
    /// # Errors
    /// [`Error::Settings`] when the settings contradict each other. A service that refuses is
    /// no error here: see [`WorkerHandle::wait`].
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> Result<WorkerHandle, Error> {
        let rules = self.config.lease_rules()?;
        let (control, controlled) = watch::channel(Control::default());
        let holdings = Arc::new(Holdings::default());
        let consumer = self.consumer.clone();
        let wrapper = self.wrapper.clone();
        let supervisor = Supervisor::new(self, rules, controlled, Arc::clone(&holdings));
        Ok(WorkerHandle {
            consumer,
            control,
            holdings,
            running: tokio::spawn(wrapped(wrapper.as_ref(), supervisor.run())),
            report: None,
        })
    }
}

impl<R, C, P> fmt::Debug for Worker<R, C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker")
            .field("consumer", &self.consumer)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A worker that runs.
///
/// Dropping it stops the worker as a crash would: the processor's futures are dropped, nothing
/// more is saved, and the service gives the shards to others after the timeout.
#[derive(Debug)]
#[must_use = "dropping the handle stops the worker at once"]
pub struct WorkerHandle {
    consumer: ConsumerName,
    control: watch::Sender<Control>,
    holdings: Arc<Holdings>,
    running: JoinHandle<Option<Report>>,
    report: Option<Report>,
}

impl WorkerHandle {
    /// The name of this consumer.
    pub fn consumer(&self) -> &ConsumerName {
        &self.consumer
    }

    /// Where each shard stands that this worker has now.
    pub fn progress(&self) -> Vec<ShardProgress> {
        self.holdings.look()
    }

    /// Hands over no batch of this shard until it is resumed; the batch in hand is finished,
    /// and what was read ahead is given back. It stays this worker's. Also for a shard that the
    /// worker is yet to get.
    pub fn pause(&self, shard: ShardId) {
        self.control.send_modify(|control| {
            control.paused.insert(shard);
        });
    }

    /// Goes on with a shard.
    pub fn resume(&self, shard: ShardId) {
        self.control.send_modify(|control| {
            control.paused.remove(&shard);
        });
    }

    /// Leaves the group: batches in hand are finished and checkpoints saved, and what is not
    /// ready after `within` is cut off. Returns no later than that.
    ///
    /// The service has no call for leaving. It gives the shards to others one timeout after the
    /// last heartbeat, and no more are sent than the batches in hand need.
    ///
    /// # Cancel safety
    /// Safe: the worker goes on leaving; call this or [`wait`](Self::wait) again. A later call
    /// can bring the deadline forward.
    pub async fn shutdown(&mut self, within: Duration) -> Report {
        let deadline = Instant::now() + within;
        self.control.send_modify(|control| {
            let before = control.shutdown.unwrap_or(deadline);
            control.shutdown = Some(before.min(deadline));
        });
        self.wait().await
    }

    /// Returns when the worker has ended: after a shutdown, after an error, or when everything
    /// up to the [time](WorkerConfig::until) that was asked for is processed. Gives the same
    /// report when called again.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub async fn wait(&mut self) -> Report {
        if let Some(report) = &self.report {
            return report.clone();
        }
        let failed = |cause: BoxError| Report {
            error: Some(Arc::new(Error::Defect { cause })),
            ..Report::default()
        };
        let report = match (&mut self.running).await {
            Ok(Some(report)) => report,
            Ok(None) => failed("its wrapper dropped it".into()),
            Err(cause) => failed(cause.into()),
        };
        self.report.insert(report).clone()
    }
}

impl Drop for WorkerHandle {
    fn drop(&mut self) {
        self.running.abort();
    }
}

/// A name that no other consumer has.
fn random_name() -> ConsumerName {
    // Keys of hash maps are random, and nothing else here has to be.
    let random = RandomState::new().build_hasher().finish();
    ConsumerName::new(format!("rust-{}-{random:016x}", std::process::id()))
}
