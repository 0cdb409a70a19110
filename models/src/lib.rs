//! Models of the batching engine: every interleaving of a few threads, with the orderings that
//! the memory model allows, over the engine's own code.
//!
//! Included is all of `crates/telemetry-delivery/src/batch/` that callers and the worker share:
//! buffers, budget, backlog, barriers, receipts, appending, sweeping, accounting and closing, as
//! they are there. Left out are the worker's own loop, for which the models have one without
//! delivery, and the disk, which is the worker's alone.
//!
//! | model | threads | bounds |
//! |---|---|---|
//! | appends and a sweep: nothing lost, doubled or out of order | 3 | two items each, batches of two, 3 preemptions |
//! | appends and closing a buffer: sealed or refused | 3 | one item each |
//! | appends without room: no trace is left | 3 | one item each, room for one |
//! | an append and the worker's way to rest: never left alone | 2 | one item |
//! | the budget's limit, and that all comes back | 3 | twice each, 2 preemptions |
//! | waiting for room: found or woken | 2 | one item |
//! | the same with two that wait | 3 | one item each, 3 preemptions |
//! | closing with time, an append, the worker: delivered or refused | 3 | one item, 2 preemptions |
//! | closing without time, an append, the worker: one end for each | 3 | one item before and one meanwhile, 2 preemptions |
//! | closing without time while the worker cuts a batch: one end for each | 2 | two items, 3 preemptions |
//! | closing twice at once, the worker: both report all | 3 | one item, 2 preemptions |
//! | a flush, an append, the worker: over when what was before it has ended, and known to receipts | 3 | one item before and one meanwhile, 2 preemptions |
//! | waiting for room, closing, the worker: woken and refused | 3 | one item, room for one, 2 preemptions |
//! | awaiting a receipt while its outcome becomes known: found or woken | 2 | one item |
//!
//! Without a number of preemptions all interleavings are checked.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "what is included has more than the models use"
)]

mod batch;
#[path = "../../crates/telemetry-delivery/src/clock.rs"]
mod clock;
#[path = "../../crates/telemetry-delivery/src/error.rs"]
mod error;
mod fork; // there are none
mod local; // values of one thread
mod notify; // what wakes the worker
#[path = "../../crates/telemetry-delivery/src/sink.rs"]
mod sink;

#[path = "../../crates/telemetry-delivery/src/retry/backoff.rs"]
mod backoff;

use backoff::Backoff;
