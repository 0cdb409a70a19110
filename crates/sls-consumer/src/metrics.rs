//! Numbers about shards and heartbeats.
//!
//! The table of names is on the front page.

use metrics::{counter, gauge};
use sls_core::model::ShardId;

use crate::progress::ShardProgress;

pub(crate) fn held(shards: usize) {
    gauge!("sls_consumer_shards_held").set(shards as f64);
}

/// A gauge cannot be taken back: one that is zero does not count among those of other workers.
pub(crate) fn given_up(shard: ShardId, left: usize) {
    held(left);
    gauge!("sls_consumer_lag_seconds", "shard" => shard.to_string()).set(0.0);
}

pub(crate) fn heartbeat_failed() {
    counter!("sls_consumer_heartbeats_failed_total").increment(1);
}

pub(crate) fn processed(shard: ShardId, logs: u64) {
    let shard = shard.to_string();
    counter!("sls_consumer_logs_total", "shard" => shard.clone()).increment(logs);
    counter!("sls_consumer_batches_total", "shard" => shard).increment(1);
}

pub(crate) fn failed(shard: ShardId) {
    counter!("sls_consumer_failures_total", "shard" => shard.to_string()).increment(1);
}

/// Gauges that have a meaning at any moment.
pub(crate) fn shard(progress: &ShardProgress) {
    let shard = progress.shard.to_string();
    if let Some(lag) = progress.lag {
        gauge!("sls_consumer_lag_seconds", "shard" => shard.clone()).set(lag.as_secs_f64());
    }
    if let Some(position) = progress
        .position
        .as_ref()
        .and_then(|cursor| cursor.position())
    {
        gauge!("sls_consumer_position", "shard" => shard).set(position as f64);
    }
}
