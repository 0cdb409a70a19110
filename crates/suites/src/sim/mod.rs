//! Consumer groups under virtual time, in all sorts of trouble, from one seed.
//!
//! ```text
//!   scenario   writes, splits, merges; crashes, freezes and cuts off workers; restarts the server
//!      |
//!   worker     the real thing, every task of it behind a gate that can be shut
//!      |
//!   network    delays and loses requests and answers, delivers some late
//!      |
//!   server     goes down with all connections; with every 16th seed it starts from its folder
//!      |
//!   engine     the local service, called at once, with the same clock
//!      |
//!   judge      sees every batch begin, go on and end, and every checkpoint that is saved
//! ```
//!
//! One thread, one paused clock and one source of random numbers: the same seed gives the same
//! run, event by event.

mod gate; // keeps a worker from being polled
mod judge; // what must never happen
mod network; // between a worker and the service
mod processor; // what a worker does with logs
pub mod scale; // many shards and workers, without trouble
mod scenario; // what happens when
mod server; // the service, which goes down and comes up again
mod world; // what all of them share

use std::fmt;

/// A worker that is broken on purpose, to see that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// Goes on after its lease has ended.
    NoFencing,
    /// Saves checkpoints whoever has the shard.
    ForcedCheckpoints,
    /// Takes a request without an answer for one that will not arrive.
    NoSettling,
    /// Stops reporting a shard before its task has stopped.
    EarlyRelease,
}

impl Flaw {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::NoFencing,
        Self::ForcedCheckpoints,
        Self::NoSettling,
        Self::EarlyRelease,
    ];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoFencing => "no-fencing",
            Self::ForcedCheckpoints => "forced-checkpoints",
            Self::NoSettling => "no-settling",
            Self::EarlyRelease => "early-release",
        }
    }
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Calls, hand-overs and troubles.
    pub events: u64,
    /// Logs that were written, each of which was processed.
    pub logs: u64,
    /// Logs that were processed more than once.
    pub repeated: u64,
    /// What must never happen, and did.
    pub violations: Vec<String>,
    /// What happened, in order; empty unless it was asked for.
    pub trace: Vec<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            logs,
            repeated,
            violations,
            ..
        } = self;
        let violations = violations.len();
        write!(
            f,
            "{events} events, {logs} logs, {repeated} repeated, {violations} violations"
        )
    }
}

/// Runs one seed from beginning to end.
///
/// # Panics
/// When no runtime can be made.
pub fn run(seed: u64, flaw: Option<Flaw>, with_trace: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets needs nothing");
    runtime.block_on(scenario::run(seed, flaw, with_trace))
}
