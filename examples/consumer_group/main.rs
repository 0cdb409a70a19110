//! Two workers of a group share the shards of a logstore; one leaves, the other takes over.
//!
//! ```sh
//! cargo run --release --example consumer_group
//! ```
//!
//! The service is a server inside this process. For the real one, make the client as the
//! README of `sls-client` shows; the rest stays as it is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sls_client::{Client, LogstoreHandle, StaticCredentials};
use sls_consumer::{FailurePolicy, ShardBatch, Worker, WorkerConfig, WorkerHandle};
use sls_core::BoxError;
use sls_core::model::{Log, LogGroup, LogstoreConfig};
use sls_core::wire::EncodedGroup;
use sls_local::LocalServer;

const SHARDS: u32 = 4;
/// Orders are written in two halves, one before and one after the first worker has left.
const HALF: u64 = 500;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let billed = run().await?;
    println!("billed {billed} orders, each at least once");
    Ok(())
}

/// How many orders were billed.
async fn run() -> Result<usize, BoxError> {
    let server = LocalServer::builder().start().await?;
    let key = StaticCredentials::new(server.credentials());
    let client = Client::builder(server.endpoint().parse()?, key).build()?;
    client.project("shop").create("").await?;
    let orders = client.logstore("shop", "orders");
    let config = LogstoreConfig::named("orders").with_shard_count(SHARDS);
    orders.create(config).await?;

    let billed = Billed::default();
    let mut first = start("first", &orders, &billed)?;
    let mut second = start("second", &orders, &billed)?;
    write(&orders, 0..HALF).await?;
    billed.wait(HALF).await;
    show("both", [&first, &second]);

    // In order: what is in hand is finished and saved. The service gives its shards to the
    // other one when it has missed heartbeats for as long as the group's timeout.
    let report = first.shutdown(Duration::from_secs(10)).await;
    println!("first has left: {report}");
    write(&orders, HALF..2 * HALF).await?;
    billed.wait(2 * HALF).await;
    show("alone", [&second]);
    second.shutdown(Duration::from_secs(10)).await;
    server.shutdown(Duration::from_secs(1)).await;
    Ok(billed.count())
}

fn start(name: &str, orders: &LogstoreHandle, billed: &Billed) -> Result<WorkerHandle, BoxError> {
    let config = WorkerConfig::new("billing")
        // Shorter than one would have it, so that the example does not take long.
        .with_heartbeat(Duration::from_millis(200))
        .with_timeout(Duration::from_secs(2))
        .with_query("* | where cast(amount as bigint) > 0")
        .with_on_failure(FailurePolicy::stop().with_attempts(5));
    let billed = billed.clone();
    let processor = move |batch: ShardBatch| {
        let billed = billed.clone();
        async move {
            for row in batch.rows() {
                let order: Order = row.deserialize()?;
                billed.add(order.id);
            }
            Ok(())
        }
    };
    let worker = Worker::new(orders.clone(), config, processor).with_consumer(name);
    Ok(worker.start()?)
}

/// What a log says.
#[derive(Debug, serde::Deserialize)]
struct Order {
    id: u64,
}

/// The orders that were billed; an order that comes a second time changes nothing.
#[derive(Debug, Clone, Default)]
struct Billed(Arc<Mutex<BTreeSet<u64>>>);

impl Billed {
    fn add(&self, id: u64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id);
    }

    fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn wait(&self, orders: u64) {
        while (self.count() as u64) < orders {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn write(orders: &LogstoreHandle, ids: std::ops::Range<u64>) -> Result<(), BoxError> {
    for id in ids {
        let log = Log::at(1_700_000_000)
            .with("id", id.to_string())
            .with("amount", "7");
        orders
            .put(&EncodedGroup::from(&LogGroup::new(vec![log])))
            .await?;
    }
    Ok(())
}

fn show<const N: usize>(what: &str, workers: [&WorkerHandle; N]) {
    for worker in workers {
        for shard in worker.progress() {
            println!(
                "{what}: {} has shard {}, {} logs, {}",
                worker.consumer(),
                shard.shard,
                shard.logs,
                shard.phase
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_order_is_billed_although_a_worker_leaves() {
        assert_eq!(run().await.unwrap() as u64, 2 * HALF);
    }
}
