//! What the contenders do, by name, so that a process of its own can be told to do it.
//!
//! ```text
//! benches work ours 1000 encode "access log"
//! benches work official 1000 put PORT "access log" 1 V1      PORT as printed by: benches serve
//! benches work ours 1000 pull PORT list-2mb
//! benches work consumer 1000 pull PORT list-2mb
//! ```
//!
//! That is for callgrind and for profilers. `benches worker ..` without a number is told on
//! its standard input how often to do it, and answers with its processor time.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::clock::{Side, cpu_time};
use crate::consumer::Reading;
use crate::corpus::{Corpus, Kind};
use crate::goals::{pull_official, pull_ours, runtime};
use crate::ours::Signature;
use crate::{official, ours};

pub(crate) const OURS: &str = "ours";
pub(crate) const OFFICIAL: &str = "official";
/// Ours, through the worker of a consumer group; only for pulls.
pub(crate) const CONSUMER: &str = "consumer";

/// How many logs are encoded at a time.
pub(crate) const ENCODED_LOGS: usize = 1000;

type Work = Box<dyn FnMut() -> usize>;

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
pub(crate) struct Worker {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Worker {
    pub(crate) fn start(contender: &str, words: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .args(["worker", contender])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let orders = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            orders,
            answers,
        }
    }

    /// Does the work once and gives its result.
    pub(crate) fn result(&mut self) -> usize {
        let answer = self.order(1);
        let (_, result) = answer.split_once(' ').expect("two numbers");
        result.parse().expect("a number")
    }

    fn order(&mut self, times: u32) -> String {
        writeln!(self.orders, "{times}").expect("the worker listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        answer.trim().to_owned()
    }
}

impl Side for Worker {
    fn run(&mut self, times: u32) -> f64 {
        let answer = self.order(times);
        let (seconds, _) = answer.split_once(' ').expect("two numbers");
        seconds.parse().expect("a number of seconds")
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
