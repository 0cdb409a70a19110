//! All shards of a logstore as one stream, over the local service inside the process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod ends; // tails that end by themselves
mod logstore; // a logstore to write, split and merge
mod resharding; // writing, splitting and merging while it is read
mod troubled; // a reader that fails, is slow, counts
mod troubles; // errors, cancelled calls, bounds
