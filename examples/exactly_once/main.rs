//! Sums up orders so that each counts exactly once, whatever crashes.
//!
//! ```sh
//! cargo run --release --example exactly_once
//! ```
//!
//! A worker hands every log over at least once. Here sums and checkpoint are in one embedded
//! database, and change in one transaction: a batch is added together with the cursor behind
//! it, and only if it does not begin in front of the one that is stored. What comes a second
//! time changes nothing.

mod ledger; // sums and checkpoints in one database
mod orders; // the logs, in a server inside this process

use std::time::Duration;

use sls_consumer::{ShardBatch, Worker, WorkerConfig};
use sls_core::BoxError;

use ledger::Ledger;
use orders::Orders;

/// How often the worker is cut off in the middle of its work.
const CRASHES: u32 = 5;
const ORDERS: u64 = 20_000;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let folder = tempfile::tempdir()?;
    let (expected, found) = run(&folder.path().join("ledger.redb")).await?;
    println!("orders: {expected}");
    println!("ledger: {found}");
    if expected == found {
        Ok(())
    } else {
        Err("the ledger is wrong".into())
    }
}

/// What was ordered and what the ledger says.
async fn run(path: &std::path::Path) -> Result<(Totals, Totals), BoxError> {
    let ledger = Ledger::open(path)?;
    let orders = Orders::write(ORDERS).await?;
    for crash in 0..CRASHES {
        let handle = worker(&orders, &ledger)?.start()?;
        let some = ORDERS * u64::from(crash + 1) / u64::from(CRASHES + 1);
        while ledger.totals()?.orders < some {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // Dropped, not shut down: as a crash would end it, with batches in hand.
        drop(handle);
    }
    let mut handle = worker(&orders, &ledger)?.start()?;
    while ledger.totals()?.orders < ORDERS {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    handle.shutdown(Duration::from_secs(10)).await;
    Ok((orders.totals(), ledger.totals()?))
}

fn worker(
    orders: &Orders,
    ledger: &Ledger,
) -> Result<orders::LedgerWorker<impl sls_consumer::Processor + use<>>, BoxError> {
    // Small batches, so that there are some in hand at each crash.
    let config = WorkerConfig::new("ledger").with_count(5);
    let to = ledger.clone();
    let processor = move |batch: ShardBatch| {
        let to = to.clone();
        async move {
            // Writing waits for the disk, which the runtime should not.
            tokio::task::spawn_blocking(move || to.add(&batch)).await??;
            Ok::<(), BoxError>(())
        }
    };
    Ok(Worker::alone(orders.logstore(), config, processor).with_checkpoints(ledger.clone()))
}

/// How many orders there are, and what they come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Totals {
    orders: u64,
    amount: u64,
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} orders, {} in all", self.orders, self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sls_core::model::{Cursor, CursorPosition, ShardId};
    use sls_core::service::{Pull, ShardReader};

    async fn batch(orders: &Orders, cursor: &Cursor, count: u32) -> ShardBatch {
        let pull = Pull {
            shard: ShardId(0),
            cursor: cursor.clone(),
            count,
            end_cursor: None,
            processing: None,
        };
        let logs = ShardReader::pull(&orders.logstore(), pull).await.unwrap();
        ShardBatch::new(ShardId(0), logs)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn batches_that_overlap_neither_count_twice_nor_vanish() {
        let folder = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&folder.path().join("ledger.redb")).unwrap();
        // Three groups of 20 in each of the four shards.
        let orders = Orders::write(240).await.unwrap();
        let begin = orders.logstore();
        let begin = begin.cursor(ShardId(0), CursorPosition::Begin).await;
        let begin = begin.unwrap();
        let first = batch(&orders, &begin, 1).await;
        let all = batch(&orders, &begin, 3).await;
        let second = batch(&orders, first.next_cursor(), 1).await;
        let third = batch(&orders, second.next_cursor(), 1).await;
        let count = || ledger.totals().unwrap().orders;

        ledger.add(&first).unwrap();
        ledger.add(&first).unwrap();
        assert_eq!(count(), 20, "the same once more");
        assert!(ledger.add(&all).is_err(), "it would be lost in silence");
        assert_eq!(count(), 20);
        // As if what is in between had expired.
        ledger.add(&third).unwrap();
        ledger.add(&all).unwrap();
        assert_eq!(count(), 40);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_order_counts_once_although_the_worker_crashes() {
        let folder = tempfile::tempdir().unwrap();
        let result = run(&folder.path().join("ledger.redb")).await;
        let (expected, found) = result.unwrap();
        assert_eq!(expected, found);
        assert_eq!(found.orders, ORDERS);
    }
}
