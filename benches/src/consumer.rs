//! The server's lists, read by a worker of a consumer group.

use std::time::Duration;

use sls_client::Client;
use sls_consumer::{ShardBatch, Worker, WorkerConfig, WorkerHandle};
use tokio::sync::mpsc;

use crate::ours;

/// Longer than a measurement may leave the runtime standing, so that no lease ends meanwhile.
const TIMEOUT: Duration = Duration::from_secs(600);

/// A worker whose processor looks at every field as `&str` and does nothing else.
///
/// It runs only while [`next`](Self::next) is waited for, as its runtime has one thread.
#[derive(Debug)]
pub(crate) struct Reading {
    worker: WorkerHandle,
    seen: mpsc::Receiver<usize>,
}

impl Reading {
    /// Joins a group over a list; needs a runtime.
    pub(crate) fn start(client: &Client, list: &str) -> Self {
        // What is beyond one batch keeps the processor waiting, and so the worker.
        let (sender, seen) = mpsc::channel(1);
        let processor = move |batch: ShardBatch| {
            let sender = sender.clone();
            async move {
                sender
                    .send(ours::visit(&batch.pulled().groups()))
                    .await
                    .map_err(Into::into)
            }
        };
        let config = WorkerConfig::new("bench").with_timeout(TIMEOUT);
        let worker = Worker::new(client.logstore("bench", list), config, processor)
            .start()
            .expect("a valid configuration");
        Self { worker, seen }
    }

    /// What [`ours::visit`] gave for the next batch.
    pub(crate) async fn next(&mut self) -> usize {
        match self.seen.recv().await {
            Some(sum) => sum,
            None => panic!("the worker ended: {}", self.worker.wait().await),
        }
    }
}
