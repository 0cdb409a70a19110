//! What the contenders do, by name, so that a process of its own can be told to do it.
//!
//! ```text
//! benches work ours 1000 encode "access log"
//! benches work official 1000 put PORT "access log" 1 V1      PORT as printed by: benches serve
//! benches work ours 1000 pull PORT list-2mb
//! benches work consumer 1000 pull PORT list-2mb
//! benches work ours 100 produce PORT "access log" 4096
//! benches work ours 100 ship PORT 2048
//! ```
//!
//! That is for callgrind and for profilers. `benches worker ..` without a number is told on
//! its standard input how often to do it, and answers with its processor time.

use std::io;

use crate::clock::{Side, cpu_time};
use crate::consumer::Reading;
use crate::conversation::Conversation;
use crate::corpus::{Corpus, Kind};
use crate::goals::{pull_official, pull_ours, runtime};
use crate::ours::Signature;
use crate::{official, ours, shipping};

pub(crate) const OURS: &str = "ours";
pub(crate) const OFFICIAL: &str = "official";
/// Ours, through the worker of a consumer group; only for pulls.
pub(crate) const CONSUMER: &str = "consumer";

/// How many logs are encoded at a time.
pub(crate) const ENCODED_LOGS: usize = 1000;

pub(crate) type Work = Box<dyn FnMut() -> usize>;

/// The work of these words, ready to be done.
pub(crate) fn find(contender: &str, words: &[&str]) -> Work {
    let is_ours = contender == OURS;
    match words {
        ["encode", kind] => encode(Corpus::new(kind_of(kind), ENCODED_LOGS), is_ours),
        ["put", port, kind, logs, signature] => {
            let logs = logs.parse().expect("a number of logs");
            let signature = Signature::from_name(signature);
            put(
                port_of(port),
                Corpus::new(kind_of(kind), logs),
                signature,
                is_ours,
            )
        }
        ["produce", port, kind, logs] => {
            let logs = logs.parse().expect("a number of logs");
            let corpus = Corpus::new(kind_of(kind), logs);
            if is_ours {
                shipping::produce(port_of(port), corpus)
            } else {
                shipping::produce_official(port_of(port), corpus)
            }
        }
        ["ship", port, records] => {
            let records = records.parse().expect("a number of records");
            if is_ours {
                shipping::ship(port_of(port), records)
            } else {
                shipping::ship_official(port_of(port), records)
            }
        }
        ["pull", port, list] => pull(port_of(port), (*list).to_owned(), contender),
        _ => panic!("unknown work {words:?}"),
    }
}

fn kind_of(name: &str) -> Kind {
    Kind::from_name(name).expect("a kind of logs")
}

fn port_of(text: &str) -> u16 {
    text.parse().expect("a port")
}

fn encode(corpus: Corpus, is_ours: bool) -> Work {
    let mut spare = None;
    Box::new(move || {
        if is_ours {
            let group = ours::encode(&corpus, spare.take());
            let size = group.as_bytes().len();
            spare = Some(group);
            size
        } else {
            official::encode(&corpus).len()
        }
    })
}

/// From `&str` fields to the server's answer.
///
/// Everything a client does runs on the calling thread, its connection included.
fn put(port: u16, corpus: Corpus, signature: Signature, is_ours: bool) -> Work {
    let runtime = runtime();
    if is_ours {
        let logstore = ours::client(port, signature).logstore("bench", "bench");
        let mut spare = None;
        Box::new(move || {
            let group = ours::encode(&corpus, spare.take());
            runtime.block_on(logstore.put(&group)).expect("accepted");
            spare = Some(group);
            corpus.logs.len()
        })
    } else {
        let client = official::client(port);
        Box::new(move || {
            let group = official::build(&corpus);
            let put = client.put_logs(official::PROJECT, "bench").log_group(group);
            runtime.block_on(put.send()).expect("accepted");
            corpus.logs.len()
        })
    }
}

/// From the request to every key and value seen as `&str`.
fn pull(port: u16, list: String, contender: &str) -> Work {
    let runtime = runtime();
    match contender {
        OURS => {
            let client = ours::client(port, Signature::V1);
            Box::new(move || runtime.block_on(pull_ours(&client, &list)))
        }
        CONSUMER => {
            let client = ours::client(port, Signature::V1);
            let mut reading = {
                let _guard = runtime.enter();
                Reading::start(&client, &list)
            };
            Box::new(move || runtime.block_on(reading.next()))
        }
        _ => {
            let client = official::client(port);
            Box::new(move || runtime.block_on(pull_official(&client, &list)))
        }
    }
}

/// A process that does one contender's work.
///
/// Sharing a process would mean sharing an allocator: what one contender frees, the other
/// has to fault in again.
#[derive(Debug)]
pub(crate) struct Worker(Conversation);

impl Worker {
    pub(crate) fn start(contender: &str, words: &[&str]) -> Self {
        let words = [&["worker", contender], words].concat();
        Self(Conversation::with_self(&words))
    }

    /// Does the work once and gives its result.
    pub(crate) fn result(&mut self) -> usize {
        let [_, result] = self.0.numbers("1");
        result as usize
    }
}

impl Side for Worker {
    fn run(&mut self, times: u32) -> f64 {
        let [seconds, _] = self.0.numbers(&times.to_string());
        seconds
    }
}

/// What a [`Worker`]'s process does, until its standard input ends.
pub(crate) fn serve(contender: &str, words: &[&str]) -> io::Result<()> {
    let mut work = find(contender, words);
    for line in io::stdin().lines() {
        let times: u32 = line?.parse().expect("a number");
        let before = cpu_time();
        let mut result = 0;
        for _ in 0..times {
            result = work();
        }
        let spent = cpu_time().saturating_sub(before).as_secs_f64();
        println!("{spent} {result}");
    }
    Ok(())
}
