//! Models of the batching engine: every interleaving of a few threads, with the orderings that
//! the memory model allows, over the engine's own code.
//!
//! Included are the buffer, the budget and the worker's rest as they are in
//! `crates/telemetry-delivery/src/batch/`; a stand-in takes the place of receipts, whose locks are
//! not looked at.
//!
//! | model | threads | bounds |
//! |---|---|---|
//! | appends and a sweep: nothing lost, doubled or out of order | 3 | two items each, batches of two, 3 preemptions |
//! | appends and closing: sealed or refused | 3 | one item each |
//! | appends without room: no trace is left | 3 | one item each, room for one |
//! | an append and the worker's way to rest: never left alone | 2 | one item |
//! | the budget's limit, and that all comes back | 3 | twice each, 2 preemptions |
//! | waiting for room: found or woken | 2 | one item |
//! | the same with two that wait | 3 | one item each, 3 preemptions |
//!
//! Without a number of preemptions all interleavings are checked.

#![allow(dead_code, reason = "what is included has more than the models use")]

#[path = "../../crates/telemetry-delivery/src/batch/budget.rs"]
mod budget;
#[path = "../../crates/telemetry-delivery/src/batch/chunk.rs"]
mod chunk;
#[path = "../../crates/telemetry-delivery/src/batch/rest.rs"]
mod rest;
#[path = "../../crates/telemetry-delivery/src/batch/seal.rs"]
mod seal;
#[path = "../../crates/telemetry-delivery/src/batch/shard.rs"]
mod shard;
#[path = "../../crates/telemetry-delivery/src/batch/sync.rs"]
mod sync;

#[cfg(test)]
mod budget_model;
mod receipt;
#[cfg(test)]
mod shard_model;
