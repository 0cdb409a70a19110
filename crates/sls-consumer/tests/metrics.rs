//! The numbers that the front page promises, with the feature `metrics`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString,
    Unit,
};
use sls_consumer::{FailurePolicy, ShardBatch, Worker, WorkerConfig};
use sls_core::model::{Log, LogGroup, LogstoreConfig, ShardId};
use sls_core::service::{LogSink as _, ShardReader as _};
use sls_core::wire::EncodedGroup;
use sls_local::LocalServer;
use telemetry_delivery::{Clock as _, ManualClock, SystemClock};
use tokio::time::sleep;

/// The present value of every series: `kind name{labels}`.
#[derive(Debug, Clone, Default)]
struct Numbers(Arc<Mutex<BTreeMap<String, f64>>>);

#[derive(Debug)]
struct Series {
    name: String,
    numbers: Numbers,
}

impl Numbers {
    fn series(&self, kind: &str, key: &Key) -> Arc<Series> {
        let labels = key.labels();
        let labels: Vec<_> = labels
            .map(|it| format!("{}={}", it.key(), it.value()))
            .collect();
        Arc::new(Series {
            name: format!("{kind} {}{{{}}}", key.name(), labels.join(",")),
            numbers: self.clone(),
        })
    }

    fn get(&self, series: &str) -> Option<f64> {
        self.0.lock().unwrap().get(series).copied()
    }

    fn names(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }
}

impl Series {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut numbers = self.numbers.0.lock().unwrap();
        let value = numbers.entry(self.name.clone()).or_default();
        *value = change(*value);
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.change(|before| before + value as f64);
    }

    fn absolute(&self, _: u64) {
        panic!("counters only grow");
    }
}

impl GaugeFn for Series {
    fn increment(&self, value: f64) {
        self.change(|before| before + value);
    }

    fn decrement(&self, value: f64) {
        self.change(|before| before - value);
    }

    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl Recorder for Numbers {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series("counter", key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.series("gauge", key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        panic!("{key} is not in the table");
    }
}

/// One thread, so that the recorder of the thread is that of every task.
#[tokio::test(start_paused = true)]
async fn a_worker_tells_what_the_front_page_has_in_its_table() {
    let numbers = Numbers::default();
    let _guard = metrics::set_default_local_recorder(&numbers);
    let service = LocalServer::builder().into_service();
    service.create_project("shop").await.unwrap();
    let config = LogstoreConfig::named("orders").with_shard_count(2);
    service.create_logstore("shop", config).await.unwrap();
    let logstore = service.logstore("shop", "orders");
    // Two groups of three logs into each shard.
    for _ in 0..4 {
        let log = Log::at(1).with("amount", "7");
        let group = LogGroup::new(vec![log.clone(), log.clone(), log]);
        logstore
            .put_logs(&EncodedGroup::from(&group))
            .await
            .unwrap();
    }

    // The first hand-over of each shard fails.
    let processor = |batch: ShardBatch| async move {
        match (batch.shard(), batch.attempt()) {
            (ShardId(1), 1) => Err("not yet".into()),
            _ => Ok(()),
        }
    };
    let config = WorkerConfig::new("g")
        .with_count(1)
        .with_on_failure(FailurePolicy::retry_forever());
    let mut worker = Worker::new(logstore.clone(), config, processor)
        .start()
        .unwrap();
    sleep(Duration::from_millis(10)).await;
    let held = "gauge sls_consumer_shards_held{}";
    assert_eq!(numbers.get(held), Some(2.0), "at once");
    sleep(Duration::from_secs(20)).await;
    for (series, want) in [
        (held, 2.0),
        ("gauge sls_consumer_lag_seconds{shard=0}", 0.0),
        ("gauge sls_consumer_lag_seconds{shard=1}", 0.0),
        ("counter sls_consumer_logs_total{shard=0}", 6.0),
        ("counter sls_consumer_logs_total{shard=1}", 6.0),
        ("counter sls_consumer_batches_total{shard=0}", 2.0),
        ("counter sls_consumer_batches_total{shard=1}", 2.0),
        ("counter sls_consumer_failures_total{shard=1}", 2.0),
    ] {
        assert_eq!(numbers.get(series), Some(want), "{series}: {numbers:?}");
    }
    for shard in [0, 1] {
        let end = sls_core::model::CursorPosition::End;
        let end = logstore.cursor(ShardId(shard), end).await.unwrap();
        let series = format!("gauge sls_consumer_position{{shard={shard}}}");
        let want = end.position().map(|position| position as f64);
        assert_eq!(numbers.get(&series), want, "{series}");
    }
    let failed = "counter sls_consumer_heartbeats_failed_total{}";
    assert_eq!(numbers.get(failed), None, "nothing has failed");

    service.fail_next("HeartBeat", 503, "ServerBusy");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(numbers.get(failed), Some(1.0));
    assert_eq!(numbers.names().len(), 11, "and no others: {numbers:?}");

    worker.shutdown(Duration::from_secs(10)).await;
    assert_eq!(numbers.get(held), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_given_up_with_logs_in_it_no_longer_lags() {
    let numbers = Numbers::default();
    let _guard = metrics::set_default_local_recorder(&numbers);
    let service = LocalServer::builder().into_service();
    service.create_project("shop").await.unwrap();
    let config = LogstoreConfig::named("orders").with_shard_count(1);
    service.create_logstore("shop", config).await.unwrap();
    let logstore = service.logstore("shop", "orders");
    for amount in ["1", "2"] {
        let group = LogGroup::new(vec![Log::at(1).with("amount", amount)]);
        logstore
            .put_logs(&EncodedGroup::from(&group))
            .await
            .unwrap();
    }
    // An hour after they were received.
    let late = ManualClock::new(SystemClock.now() + Duration::from_secs(3600));
    let stuck = |batch: ShardBatch| async move {
        match batch.rows().any(|row| row.text("amount").unwrap() == "2") {
            true => std::future::pending().await,
            false => Ok(()),
        }
    };
    let config = WorkerConfig::new("g").with_count(1).with_clock(late);
    let mut worker = Worker::new(logstore, config, stuck).start().unwrap();
    sleep(Duration::from_secs(5)).await;
    let lag = "gauge sls_consumer_lag_seconds{shard=0}";
    assert!(numbers.get(lag) > Some(3000.0), "{numbers:?}");
    let report = worker.shutdown(Duration::from_secs(5)).await;
    assert_eq!(report.shards[0].reason, None, "cut off");
    assert_eq!(numbers.get(lag), Some(0.0));
    assert_eq!(numbers.get("gauge sls_consumer_shards_held{}"), Some(0.0));
}
