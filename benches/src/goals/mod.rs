//! The goals, by the numbers of the table in docs/performance.md.

mod allocations;
mod decode;
mod encode;
mod instructions;
mod local;
mod log_call;
mod memory;
mod pull;
mod put;
mod shipping;
mod spl;
mod tracking;

use crate::report::Report;

pub use allocations::print_allocations;
pub(crate) use memory::pull_in_child;
pub(crate) use pull::{pull_official, pull_ours};
pub(crate) use put::runtime;

/// Some goals that are measured together.
pub(crate) struct Group {
    pub(crate) goals: &'static [u32],
    pub(crate) about: &'static str,
    pub(crate) run: fn(&Selection, &mut Report),
}

pub(crate) const GROUPS: &[Group] = &[
    Group {
        goals: &[1],
        about: "encode from &str, against the official build and encode",
        run: encode::against_official,
    },
    Group {
        goals: &[2],
        about: "the same in instructions",
        run: instructions::encode,
    },
    Group {
        goals: &[3],
        about: "encode, against a copy of the same strings",
        run: encode::against_copy,
    },
    Group {
        goals: &[4],
        about: "allocations per log",
        run: allocations::run,
    },
    Group {
        goals: &[5, 6],
        about: "decode, borrowed and owned, against the official decode",
        run: decode::run,
    },
    Group {
        goals: &[7, 8],
        about: "put with signature 1 and 4, client processor time",
        run: put::run,
    },
    Group {
        goals: &[9],
        about: "logs through the batching producer, against the published one",
        run: shipping::produce,
    },
    Group {
        goals: &[10],
        about: "pull, bare and through a worker, every field visited as &str, client processor time",
        run: pull::run,
    },
    Group {
        goals: &[11, 14],
        about: "a log call while the worker sleeps, and whether it wakes it",
        run: log_call::asleep,
    },
    Group {
        goals: &[12],
        about: "a log call while the workers are awake, against other loggers",
        run: log_call::awake,
    },
    Group {
        goals: &[13],
        about: "a log call, against formatting its message",
        run: log_call::between,
    },
    Group {
        goals: &[15],
        about: "records from the log call to the answer, against the published producer",
        run: shipping::ship,
    },
    Group {
        goals: &[16],
        about: "a log call, against Python's handler",
        run: log_call::beside_python,
    },
    Group {
        goals: &[17],
        about: "log calls of several threads at once, against formatting",
        run: log_call::threads,
    },
    Group {
        goals: &[18],
        about: "a log call while the server has stalled and the queue is full",
        run: log_call::stalled,
    },
    Group {
        goals: &[19],
        about: "a batch of 500 tracked events, against structs with serde_json and prost",
        run: tracking::encode,
    },
    Group {
        goals: &[20],
        about: "500 calls of the tracker, against GrowingIO's Python package",
        run: tracking::beside_python,
    },
    Group {
        goals: &[21],
        about: "peak memory above idle, pulling 5 MB lists",
        run: memory::run,
    },
    Group {
        goals: &[22],
        about: "user instructions of a put of one log",
        run: instructions::put,
    },
    Group {
        goals: &[23, 24],
        about: "SPL over log groups, `where` and `parse-regexp`, against decoding them",
        run: spl::run,
    },
    Group {
        goals: &[25, 26],
        about: "puts and pulls of the local server, in memory and durable, against a bare one",
        run: local::run,
    },
    Group {
        goals: &[27],
        about: "peak memory of the local server, 10 GB offered within 256 MiB",
        run: local::memory,
    },
];

/// Which goals were asked for; all when none was named.
#[derive(Debug, Default)]
pub(crate) struct Selection(pub(crate) Vec<u32>);

impl Selection {
    pub(crate) fn has(&self, goal: u32) -> bool {
        self.0.is_empty() || self.0.contains(&goal)
    }
}
