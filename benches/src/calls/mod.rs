//! Log calls: one logger in a process of its own, called at a pace.
//!
//! ```text
//! benches logger "log front end" PORT      PORT as printed by: benches serve
//! pace 2000000 500                         500 calls, one every 2 ms
//! burst 4 5000                             5000 calls from each of 4 threads, at once
//! ```

mod burst; // many at once
mod loggers; // who is called
mod pace; // one at a time

use std::io;

use crate::conversation::Conversation;

/// Reading the clock around nothing.
pub(crate) const NOTHING: &str = "nothing";
/// Formatting the message into a text that is used again.
pub(crate) const FORMATTING: &str = "formatting";
/// Our handler behind `tracing`, and behind `log`.
pub(crate) const OURS: [&str; 2] = ["tracing front end", "log front end"];
/// Whom it is compared with.
pub(crate) const PEERS: [&str; 4] = ["tracing-appender", "fast_log", "spdlog-rs", "slog-async"];

/// A logger in a process of its own.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    process: Conversation,
}

/// What came out of calls at a pace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paced {
    /// Nanoseconds of a call, as the mean of the middle half of them, the reading of the clock
    /// included.
    pub(crate) p50: f64,
    /// Nanoseconds that all calls but one in ten thousand stay below.
    pub(crate) p9999: f64,
    /// How often for each call one of the process's other threads went to sleep: at least as
    /// often as it was woken.
    pub(crate) wakes: f64,
    /// How many records had been dropped when it was over.
    pub(crate) dropped: f64,
}

impl Caller {
    pub(crate) fn start(name: &'static str, port: u16) -> Self {
        let process = Conversation::with_self(&["logger", name, &port.to_string()]);
        Self { name, process }
    }

    pub(crate) fn pace(&mut self, gap_ns: u64, calls: usize) -> Paced {
        let [p50, p9999, wakes, dropped] = self.process.numbers(&format!("pace {gap_ns} {calls}"));
        Paced {
            p50,
            p9999,
            wakes,
            dropped,
        }
    }

    /// Nanoseconds of the calling thread's processor time for a call.
    pub(crate) fn burst(&mut self, threads: usize, calls: usize) -> f64 {
        let [nanos] = self.process.numbers(&format!("burst {threads} {calls}"));
        nanos
    }
}

/// What a [`Caller`]'s process does, until its standard input ends.
pub(crate) fn serve(name: &str, port: u16) -> io::Result<()> {
    let logger = loggers::find(name, port);
    for line in io::stdin().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        match words.as_slice() {
            ["pace", gap_ns, calls] => {
                let gap_ns = gap_ns.parse().expect("nanoseconds");
                let paced = pace::run(&logger, gap_ns, calls.parse().expect("a number"));
                let Paced {
                    p50,
                    p9999,
                    wakes,
                    dropped,
                } = paced;
                println!("{p50} {p9999} {wakes} {dropped}");
            }
            ["burst", threads, calls] => {
                let threads = threads.parse().expect("a number");
                let nanos = burst::run(&logger, threads, calls.parse().expect("a number"));
                println!("{nanos}");
            }
            _ => panic!("unknown order {line:?}"),
        }
    }
    Ok(())
}
