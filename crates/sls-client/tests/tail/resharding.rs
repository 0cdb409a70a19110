use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sls_client::{TailBatch, TailStream};
use sls_core::model::CursorPosition;
use sls_core::service::ShardReader;

use crate::logstore::{Logstore, logs};

const WRITES: usize = 300;

/// What has come so far; panics when it came twice or out of order.
#[derive(Default)]
struct Seen {
    numbers: BTreeSet<usize>,
    last_of_key: BTreeMap<u8, usize>,
}

impl Seen {
    fn take(&mut self, batch: &TailBatch) {
        for (key, number) in logs(batch) {
            assert!(self.numbers.insert(number), "log {number} came twice");
            let last = self.last_of_key.insert(key, number);
            assert!(last < Some(number), "key {key} is out of order");
        }
    }
}

fn eager<R: ShardReader>(tail: TailStream<R>) -> TailStream<R> {
    tail.with_count(5)
        .with_idle(Duration::from_millis(10))
        .with_list_interval(Duration::from_millis(50))
}

/// Writes to keys all over the range, while shards come and go.
async fn write_and_reshard(logstore: &Logstore) {
    for number in 0..WRITES {
        match number {
            // 0: [00, 80), 1: [80, ff]
            40 => logstore.split(0, "40").await,  // 2, 3
            80 => logstore.merge(3).await,        // 3 and 1 become 4
            120 => logstore.split(4, "c0").await, // 5, 6
            121 => logstore.split(5, "80").await, // 7, 8: a child closed at once
            200 => logstore.merge(2).await,       // 2 and 7 become 9
            240 => logstore.merge(9).await,       // 9 and 8 become 10
            280 => logstore.merge(10).await,      // one shard, 11
            _ => {}
        }
        let key = (number * 37 % 16 * 16) as u8;
        logstore.put(key, number).await;
        if number % 7 == 0 {
            tokio::time::sleep(Duration::from_millis(9)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_log_comes_once_and_in_the_order_of_its_key_while_shards_come_and_go() {
    let logstore = Logstore::with_shards(2).await;
    let mut tail = eager(TailStream::new(logstore.reader(), CursorPosition::Begin));
    let mut seen = Seen::default();
    let read = async {
        while seen.numbers.len() < WRITES {
            seen.take(&tail.next().await.unwrap().unwrap());
        }
    };
    tokio::join!(write_and_reshard(&logstore), read);

    // What comes later comes from where the first one is, to either of two.
    let again = TailStream::new(logstore.reader(), tail.positions().unwrap());
    logstore.put(0x77, WRITES).await;
    for mut tail in [tail, eager(again)] {
        let batch = tail.next().await.unwrap().unwrap();
        assert_eq!(logs(&batch), [(0x77, WRITES)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_starts_again_after_every_batch_misses_nothing() {
    let logstore = Logstore::with_shards(2).await;
    let mut seen = Seen::default();
    let read = async {
        let mut positions = BTreeMap::new();
        while seen.numbers.len() < WRITES {
            let mut tail = eager(TailStream::new(logstore.reader(), positions));
            seen.take(&tail.next().await.unwrap().unwrap());
            positions = tail.positions().unwrap();
        }
    };
    tokio::join!(write_and_reshard(&logstore), read);
}

#[tokio::test(start_paused = true)]
async fn what_was_written_before_is_read_in_order_too() {
    let logstore = Logstore::with_shards(2).await;
    write_and_reshard(&logstore).await;
    let tail = TailStream::new(logstore.reader(), CursorPosition::Begin);
    let mut tail = eager(tail).until_caught_up();
    let mut seen = Seen::default();
    while let Some(batch) = tail.next().await {
        seen.take(&batch.unwrap());
    }
    assert_eq!(seen.numbers.len(), WRITES);
}

#[tokio::test(start_paused = true)]
async fn from_the_end_only_what_comes_is_read_from_new_shards_too() {
    let logstore = Logstore::with_shards(1).await;
    logstore.put(0, 0).await;
    let mut tail = TailStream::new(logstore.reader(), CursorPosition::End);
    // It begins when it is first asked, and there is nothing yet.
    let nothing = tokio::time::timeout(Duration::from_secs(1), tail.next()).await;
    assert!(nothing.is_err());
    logstore.split(0, "80").await;
    logstore.put(0xff, 1).await;
    let batch = tail.next().await.unwrap().unwrap();
    assert_eq!(logs(&batch), [(0xff, 1)]);
    assert_eq!(batch.shard.0, 2);
}
