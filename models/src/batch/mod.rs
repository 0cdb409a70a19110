//! The engine's own modules, and the models, which see what is private to them.

macro_rules! engine {
    ($($name:ident $path:literal;)*) => {
        $(#[path = $path] mod $name;)*
    };
}

engine! {
    account "../../../crates/telemetry-delivery/src/batch/account.rs";
    append "../../../crates/telemetry-delivery/src/batch/append.rs";
    appended "../../../crates/telemetry-delivery/src/batch/appended.rs";
    backlog "../../../crates/telemetry-delivery/src/batch/backlog.rs";
    barrier "../../../crates/telemetry-delivery/src/batch/barrier.rs";
    budget "../../../crates/telemetry-delivery/src/batch/budget.rs";
    chunk "../../../crates/telemetry-delivery/src/batch/chunk.rs";
    close "../../../crates/telemetry-delivery/src/batch/close.rs";
    config "../../../crates/telemetry-delivery/src/batch/config.rs";
    control "../../../crates/telemetry-delivery/src/batch/control.rs";
    drops "../../../crates/telemetry-delivery/src/batch/drops.rs";
    engine "../../../crates/telemetry-delivery/src/batch/engine.rs";
    filling "../../../crates/telemetry-delivery/src/batch/filling.rs";
    lane "../../../crates/telemetry-delivery/src/batch/lane.rs";
    pace "../../../crates/telemetry-delivery/src/batch/pace.rs";
    receipt "../../../crates/telemetry-delivery/src/batch/receipt.rs";
    reentry "../../../crates/telemetry-delivery/src/batch/reentry.rs";
    rest "../../../crates/telemetry-delivery/src/batch/rest.rs";
    seal "../../../crates/telemetry-delivery/src/batch/seal.rs";
    shard "../../../crates/telemetry-delivery/src/batch/shard.rs";
    signal "../../../crates/telemetry-delivery/src/batch/signal.rs";
    stats "../../../crates/telemetry-delivery/src/batch/stats.rs";
    sweep "../../../crates/telemetry-delivery/src/batch/sweep.rs";
    sync "../../../crates/telemetry-delivery/src/batch/sync.rs";
}

#[cfg(test)]
mod budget_model;
#[cfg(test)]
mod close_model;
#[cfg(test)]
mod shard_model;
mod storage; // in place of the disk

pub(crate) use chunk::Chunk;
pub(crate) use lane::Lane;

use crate::fork;
