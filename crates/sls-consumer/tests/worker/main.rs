//! Whole workers against a service in the same process, under a clock that a test moves.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

mod alone; // without a group
mod blocking; // the processor does not let go of its thread
mod failures; // the processor fails
mod fairness; // shards that fail or hang, beside others
mod leases; // the network fails, or the service forgets
mod reading; // what is read, and where it ends
mod saving; // checkpoints that are late
mod sharing; // several workers
mod support; // the service and what was seen
