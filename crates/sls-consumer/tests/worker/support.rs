//! A service in the same process whose clock is tokio's, so that both stand still together.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sls_consumer::{Processor, ShardBatch, Worker, WorkerConfig, WorkerHandle};
use sls_core::api::SplitShard;
use sls_core::model::{HashKey, Log, LogGroup, LogstoreConfig, ShardId};
use sls_core::service::{CheckpointStore as _, LogSink as _};
use sls_core::wire::EncodedGroup;
use sls_local::{LocalLogstore, LocalServer, LocalService};
use telemetry_delivery::Clock;
use tokio::time::Instant;

/// The time of day so many seconds after the beginning of every test.
pub(crate) fn second(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + second)
}

#[derive(Debug, Clone)]
pub(crate) struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> SystemTime {
        second(0) + self.0.elapsed()
    }
}

pub(crate) struct World {
    pub(crate) service: LocalService,
    pub(crate) logstore: LocalLogstore,
    pub(crate) clock: TokioClock,
}

impl World {
    /// A logstore of so many shards.
    pub(crate) async fn new(shards: u32) -> Self {
        let clock = TokioClock(Instant::now());
        let service = LocalServer::builder().clock(clock.clone()).into_service();
        service.create_project("shop").await.unwrap();
        let config = LogstoreConfig::named("orders").with_shard_count(shards);
        service.create_logstore("shop", config).await.unwrap();
        let logstore = service.logstore("shop", "orders");
        Self {
            service,
            logstore,
            clock,
        }
    }

    /// Writes groups of one log each, numbered from `from` on, one shard after the other.
    pub(crate) async fn write(&self, from: u32, count: u32) {
        self.write_large(from, count, 0).await;
    }

    /// The same, with so many bytes more in each log.
    pub(crate) async fn write_large(&self, from: u32, count: u32, bytes: usize) {
        for number in from..from + count {
            let log = Log::at(1)
                .with("number", number.to_string())
                .with("padding", "-".repeat(bytes));
            let group = EncodedGroup::from(&LogGroup::new(vec![log]));
            self.logstore.put_logs(&group).await.unwrap();
        }
    }

    pub(crate) async fn split(&self, shard: u32) {
        let key: HashKey = "80".parse().unwrap();
        let split = SplitShard::new("shop", "orders", ShardId(shard), key);
        self.service.perform(&split).await.unwrap();
    }

    pub(crate) async fn saved(&self, shard: u32) -> Option<u64> {
        // There may be no group yet.
        let cursor = self.logstore.load("g", ShardId(shard)).await.ok().flatten();
        cursor.and_then(|cursor| cursor.position())
    }

    /// Whole seconds since the test began.
    pub(crate) fn clock_seconds(&self) -> u64 {
        self.clock.0.elapsed().as_secs()
    }

    pub(crate) fn config(&self) -> WorkerConfig {
        WorkerConfig::new("g").with_clock(self.clock.clone())
    }

    pub(crate) fn start(
        &self,
        name: &str,
        config: WorkerConfig,
        processor: impl Processor,
    ) -> WorkerHandle {
        Worker::new(self.logstore.clone(), config, processor)
            .with_consumer(name)
            .start()
            .unwrap()
    }
}

/// What was processed, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<(ShardId, u32)>>>);

impl Seen {
    pub(crate) fn note(&self, batch: &ShardBatch) {
        let rows = batch.rows().map(|row| (batch.shard(), number(&row)));
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.extend(rows);
    }

    /// The numbers, sorted.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<_> = self.all().into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    }

    pub(crate) fn all(&self) -> Vec<(ShardId, u32)> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// A processor that only takes note.
    pub(crate) fn processor(&self) -> impl Processor + use<> {
        let seen = self.clone();
        move |batch: ShardBatch| {
            seen.note(&batch);
            async { Ok(()) }
        }
    }

    /// Waits until so many were processed.
    pub(crate) async fn wait(&self, count: usize) {
        let enough = async {
            while self.all().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(600), enough)
            .await
            .unwrap();
    }
}

fn number(row: &sls_consumer::Row<'_>) -> u32 {
    row.text("number").unwrap().parse().unwrap()
}
