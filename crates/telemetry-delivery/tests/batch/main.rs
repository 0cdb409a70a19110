//! The promises of the batching engine, by its public interface.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod closing;
mod delivery;
mod flow;
mod overflow;
mod panics;
mod reentry;
#[cfg(feature = "spool")]
mod spill;
#[cfg(feature = "spool")]
mod spool;

use std::time::Duration;

use telemetry_delivery::Backoff;
use telemetry_delivery::batch::{BatchConfig, Batcher, Collect, Guard, Lane, LaneConfig};

/// Longer than anything here takes, so that a broken promise fails and does not hang.
const LONG: Duration = Duration::from_secs(30);
const MS: Duration = Duration::from_millis(1);

/// Sends soon and tries again soon.
fn config() -> BatchConfig {
    BatchConfig::default()
        .with_linger(MS)
        .with_backoff(Backoff::new(MS, 5 * MS))
        .with_close_deadline(LONG)
}

/// Sends nothing before it is full or flushed.
fn patient() -> BatchConfig {
    config().with_linger(Duration::from_secs(3600))
}

fn start(config: BatchConfig, sink: &Collect) -> (Batcher, Guard, Lane) {
    let sink = sink.clone();
    let (batcher, guard) = Batcher::start(config, move || sink.clone()).unwrap();
    let lane = batcher.lane(LaneConfig::new("lane")).unwrap();
    (batcher, guard, lane)
}

fn texts(items: &[Vec<u8>]) -> Vec<&str> {
    items
        .iter()
        .map(|item| std::str::from_utf8(item).unwrap())
        .collect()
}
