//! Goals 11 to 14 and 16 to 18: what a log call costs its caller.

use std::net::TcpListener;

use crate::calls::{Caller, FORMATTING, NOTHING, OURS, PEERS, Paced};
use crate::clock::median;
use crate::conversation::Conversation;
use crate::goals::Selection;
use crate::python::{self, LOG_CLIENT};
use crate::report::{Marks, Report};
use crate::server::Server;

/// Rounds of goals 11 to 13 and 16; of each ratio the median counts.
const ROUNDS: usize = 9;

const ASLEEP_NS: u64 = 2_000_000;
const AWAKE_NS: u64 = 2_000;
const BETWEEN_NS: u64 = 20_000;

/// Goals 11 and 14: one event every 2 ms, workers asleep.
pub(super) fn asleep(selection: &Selection, report: &mut Report) {
    let server = Server::start();
    let mut contest = Contest::new(&[&OURS[..], &PEERS].concat(), server.port());
    let rounds = contest.rounds(ASLEEP_NS, 250);
    if selection.has(11) {
        let marks = Marks::AtLeast {
            floor: 12.0,
            target: 25.0,
        };
        for ours in OURS {
            let ratio = contest.ratio(&rounds, |times| times.best_peer() / times.of(ours));
            report.add(11, format!("{ours}, 2 ms gap, to the best"), ratio, marks);
        }
    }
    if selection.has(14) {
        let wakes = |name| contest.median(&rounds, name, |paced| paced.wakes);
        let most = PEERS.map(wakes).into_iter().fold(0.0, f64::max);
        assert!(
            most > 0.5,
            "the counter sees the wakes of the peers' threads"
        );
        let marks = Marks::AtMost {
            floor: 0.05,
            target: 0.0,
        };
        for ours in OURS {
            report.add(14, format!("{ours}, wakes, 2 ms gap"), wakes(ours), marks);
        }
    }
}

/// Goal 12: one event every 2 us, workers awake.
pub(super) fn awake(_: &Selection, report: &mut Report) {
    let server = Server::start();
    let mut contest = Contest::new(&[&OURS[..], &PEERS].concat(), server.port());
    let rounds = contest.rounds(AWAKE_NS, 20_000);
    let marks = Marks::AtMost {
        floor: 1.5,
        target: 1.1,
    };
    for ours in OURS {
        let ratio = contest.ratio(&rounds, |times| times.of(ours) / times.best_peer());
        report.add(
            12,
            format!("{ours}, 2 us gap, to the fastest"),
            ratio,
            marks,
        );
    }
}

/// Goal 13: one event every 20 us, against the message alone.
pub(super) fn between(_: &Selection, report: &mut Report) {
    let server = Server::start();
    let mut contest = Contest::new(&[&OURS[..], &[FORMATTING]].concat(), server.port());
    let rounds = contest.rounds(BETWEEN_NS, 10_000);
    let marks = Marks::AtMost {
        floor: 3.5,
        target: 2.2,
    };
    for ours in OURS {
        let ratio = contest.ratio(&rounds, |times| times.of(ours) / times.of(FORMATTING));
        report.add(
            13,
            format!("{ours}, 20 us gap, to formatting"),
            ratio,
            marks,
        );
    }
}

/// Goal 16: against Python's handler, at the same gap.
pub(super) fn beside_python(_: &Selection, report: &mut Report) {
    let interpreter = match python::prepare(&LOG_CLIENT) {
        Ok(interpreter) => interpreter,
        Err(why) => {
            println!("goal 16 was not measured: no Python package: {why}");
            return;
        }
    };
    let server = Server::start();
    let port = server.port().to_string();
    let mut peer = python::start(&interpreter, "log_call.py", &[&port]);
    let mut contest = Contest::new(&OURS, server.port());
    let mut ratios = [const { Vec::new() }; OURS.len()];
    for round in 0..=ROUNDS {
        let theirs = python_p50(&mut peer);
        let times = contest.round(round, BETWEEN_NS, 5_000);
        if round > 0 {
            for (ratios, ours) in ratios.iter_mut().zip(OURS) {
                ratios.push(theirs / times.of(ours));
            }
        }
    }
    let marks = Marks::AtLeast {
        floor: 120.0,
        target: 230.0,
    };
    for (ratios, ours) in ratios.iter_mut().zip(OURS) {
        let case = format!("{ours}, 20 us gap, to Python");
        report.add(16, case, median(ratios), marks);
    }
}

fn python_p50(peer: &mut Conversation) -> f64 {
    let [p50] = peer.numbers(&format!("{BETWEEN_NS} 5000"));
    p50
}

/// Goal 17: several threads at once, against formatting on as many.
pub(super) fn threads(_: &Selection, report: &mut Report) {
    const CALLS: usize = 6_000;
    const ROUNDS: usize = 15;
    let server = Server::start();
    let mut formatting = Caller::start(FORMATTING, server.port());
    let marks = Marks::AtMost {
        floor: 1.5,
        target: 1.2,
    };
    for ours in OURS {
        let mut ours = Caller::start(ours, server.port());
        for threads in [2, 4] {
            let mut ratios: Vec<f64> = (0..ROUNDS)
                .map(|_| {
                    let slow_down = |caller: &mut Caller| {
                        let one = caller.burst(1, CALLS);
                        caller.burst(threads, CALLS) / one
                    };
                    slow_down(&mut ours) / slow_down(&mut formatting)
                })
                .collect();
            let case = format!("{}, {threads} threads, to formatting", ours.name);
            report.add(17, case, median(&mut ratios), marks);
        }
    }
}

/// Goal 18: the server has stalled and the queue is full.
///
/// A neighbour that takes the processor away for a while is not the logger's doing, so the calls
/// are made one after the other, in rounds that are short, and of the rounds the quietest counts.
pub(super) fn stalled(_: &Selection, report: &mut Report) {
    const CALLS: usize = 100_000;
    const ROUNDS: usize = 40;
    // Connections are made and nobody ever answers.
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = server.local_addr().expect("an address").port();
    let marks = Marks::AtMost {
        floor: 50.0,
        target: 10.0,
    };
    for ours in OURS {
        let mut caller = Caller::start(ours, port);
        let full = caller.pace(0, CALLS);
        assert!(full.dropped > 0.0, "the queue is full");
        let quietest = (0..ROUNDS)
            .map(|_| caller.pace(0, CALLS).p9999)
            .fold(f64::INFINITY, f64::min);
        let case = format!("{ours}, stalled, p99.99 in us");
        report.add(18, case, quietest / 1000.0, marks);
    }
}

/// Loggers that are called in turns.
struct Contest {
    callers: Vec<Caller>,
    clock: Caller,
}

/// What came out of one round.
struct Times {
    paced: Vec<(&'static str, Paced)>,
    clock: f64,
}

impl Contest {
    fn new(names: &[&'static str], port: u16) -> Self {
        Self {
            callers: names.iter().map(|name| Caller::start(name, port)).collect(),
            clock: Caller::start(NOTHING, port),
        }
    }

    /// Several rounds; one before them, for warming up, does not count.
    fn rounds(&mut self, gap_ns: u64, calls: usize) -> Vec<Times> {
        self.round(0, gap_ns, calls);
        (1..=ROUNDS)
            .map(|round| self.round(round, gap_ns, calls))
            .collect()
    }

    /// Every contender once, another one first in every round.
    fn round(&mut self, round: usize, gap_ns: u64, calls: usize) -> Times {
        let contenders = self.callers.len();
        self.callers.rotate_left(round % contenders);
        let clock = self.clock.pace(gap_ns, calls.min(2_000)).p50;
        let callers = self.callers.iter_mut();
        let paced = callers.map(|caller| (caller.name, caller.pace(gap_ns, calls)));
        Times {
            paced: paced.collect(),
            clock,
        }
    }

    fn ratio(&self, rounds: &[Times], ratio: impl Fn(&Times) -> f64) -> f64 {
        let mut ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        median(&mut ratios)
    }

    fn median(&self, rounds: &[Times], name: &str, value: impl Fn(Paced) -> f64) -> f64 {
        let mut values: Vec<f64> = rounds
            .iter()
            .map(|times| value(times.paced(name)))
            .collect();
        median(&mut values)
    }
}

impl Times {
    fn paced(&self, name: &str) -> Paced {
        let found = self.paced.iter().find(|(known, _)| *known == name);
        found.expect("it took part").1
    }

    /// Nanoseconds of a call, without those for reading the clock.
    fn of(&self, name: &str) -> f64 {
        (self.paced(name).p50 - self.clock).max(1.0)
    }

    fn best_peer(&self) -> f64 {
        let times = PEERS.map(|peer| self.of(peer));
        times.into_iter().fold(f64::INFINITY, f64::min)
    }
}
