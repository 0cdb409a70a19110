//! The numbers that the front page promises, with the feature `metrics`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use sls_core::wire::EncodedGroup;
use support::{client, done, failed, refused};
use telemetry_delivery::Reply;

/// What was recorded, a line for each time: `name{labels} value`.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

#[derive(Debug)]
struct Series {
    name: String,
    lines: Lines,
}

impl Lines {
    fn series(&self, key: &Key) -> Arc<Series> {
        let labels = key.labels();
        let labels: Vec<_> = labels
            .map(|it| format!("{}={}", it.key(), it.value()))
            .collect();
        Arc::new(Series {
            name: format!("{}{{{}}}", key.name(), labels.join(",")),
            lines: self.clone(),
        })
    }
}

impl Series {
    fn push(&self, value: impl std::fmt::Display) {
        let line = format!("{} {value}", self.name);
        self.lines.0.lock().unwrap().push(line);
    }
}

impl CounterFn for Series {
    fn increment(&self, value: u64) {
        self.push(value);
    }

    fn absolute(&self, _: u64) {
        panic!("counters only grow");
    }
}

impl HistogramFn for Series {
    fn record(&self, value: f64) {
        self.push(value);
    }
}

impl Recorder for Lines {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.series(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        panic!("{key} is not in the table");
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.series(key))
    }
}

/// What one put records, given its answers; sorted.
#[expect(clippy::future_not_send, reason = "the recorder is that of the thread")]
async fn recorded(replies: Vec<Reply>) -> Vec<String> {
    let lines = Lines::default();
    let _guard = metrics::set_default_local_recorder(&lines);
    let (client, _) = client(replies);
    let group = EncodedGroup::from(&sls_core::model::LogGroup::default());
    // What it ends with is not the question here.
    drop(client.logstore("shop", "access").put(&group).await);
    let mut lines = lines.0.lock().unwrap().clone();
    lines.sort();
    lines
}

#[tokio::test(start_paused = true)]
async fn a_call_that_succeeds_tells_its_sizes_and_its_time() {
    let reply = done().after(std::time::Duration::from_millis(250));
    assert_eq!(
        recorded(vec![reply]).await,
        [
            "sls_client_attempts_total{operation=PutLogs} 1",
            // Nothing at all, compressed.
            "sls_client_request_bytes{operation=PutLogs} 1",
            "sls_client_response_bytes{operation=PutLogs} 0",
            "sls_client_retries_total{operation=PutLogs} 0",
            "sls_client_round_trip_seconds{operation=PutLogs} 0.25",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_tells_the_class_of_its_last_answer() {
    for (status, code, class) in [
        (404, "LogStoreNotExist", "refused"),
        (401, "SignatureNotMatch", "refused"),
        (403, "WriteQuotaExceed", "quota"),
        (500, "InternalServerError", "busy"),
    ] {
        let lines = recorded(vec![refused(status, code)]).await;
        let want = format!("sls_client_failures_total{{operation=PutLogs,class={class}}} 1");
        assert!(lines.contains(&want), "{code}: {lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_counted_whether_an_answer_comes_or_not() {
    let lines = recorded(vec![refused(503, "ServerBusy"), done()]).await;
    for want in [
        "sls_client_attempts_total{operation=PutLogs} 2",
        "sls_client_retries_total{operation=PutLogs} 1",
    ] {
        assert!(lines.iter().any(|line| line == want), "{lines:?}");
    }
    assert!(!lines.iter().any(|line| line.contains("failures")));

    assert_eq!(
        recorded(vec![failed(), failed()]).await,
        [
            "sls_client_attempts_total{operation=PutLogs} 2",
            "sls_client_failures_total{operation=PutLogs,class=no_answer} 1",
            "sls_client_retries_total{operation=PutLogs} 1",
        ]
    );
}
