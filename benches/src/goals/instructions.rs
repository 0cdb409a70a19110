//! Goals 2 and 22: instructions, counted by callgrind, which no neighbour can disturb.

use std::hint::black_box;
use std::process::{Command, Stdio};

use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::goals::encode::assert_same;
use crate::goals::put::runtime;
use crate::ours::Signature;
use crate::report::{Marks, Report};
use crate::server::Server;
use crate::{official, ours};

const LOGS: usize = 1000;

/// Goal 2: goal 1 in instructions.
pub(super) fn encode(_: &Selection, report: &mut Report) {
    if !has_valgrind(2) {
        return;
    }
    for kind in Kind::ALL {
        assert_same(&Corpus::new(kind, LOGS));
        let count = |contender| instructions(&["encode", contender, kind.name()]);
        let ratio = count("official") / count("ours");
        let (floor, target) = match kind {
            Kind::Two => (8.0, 9.5),
            _ => (10.0, 14.0),
        };
        report.add(2, kind.name(), ratio, Marks::AtLeast { floor, target });
    }
}

/// Goal 22: one log, so that what is done per request is all there is.
pub(super) fn put(_: &Selection, report: &mut Report) {
    if !has_valgrind(22) {
        return;
    }
    let server = Server::start();
    let port = server.port().to_string();
    let count = |contender| instructions(&["put", contender, &port]);
    let marks = Marks::AtMost {
        floor: 0.7,
        target: 0.5,
    };
    let ratio = count("ours") / count("official");
    report.add(22, "one access log, V1, lz4", ratio, marks);
}

fn has_valgrind(goal: u32) -> bool {
    let answers = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !answers {
        eprintln!("goal {goal} SKIPPED: it needs valgrind, which is not installed");
    }
    answers
}

/// Instructions of one more repetition of the work, without start-up and first use.
fn instructions(work: &[&str]) -> f64 {
    const FEW: u32 = 2;
    const MORE: u32 = 12;
    let more = collected(work, MORE) - collected(work, FEW);
    more / f64::from(MORE - FEW)
}

fn collected(work: &[&str], repeat: u32) -> f64 {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .arg("counted")
        .args(work)
        .arg(repeat.to_string())
        .output()
        .expect("valgrind runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let count = text
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, count)| count.trim().parse().ok());
    count.expect("callgrind says what it collected")
}

/// What the counted child does.
pub(crate) fn work(work: &[String], repeat: u32) {
    let [what, contender, detail] = work else {
        panic!("three words of work");
    };
    let is_ours = contender == "ours";
    match what.as_str() {
        "encode" => {
            let kind = Kind::from_name(detail).expect("a kind of logs");
            let corpus = Corpus::new(kind, LOGS);
            let mut spare = None;
            for _ in 0..repeat {
                if is_ours {
                    spare = Some(black_box(ours::encode(&corpus, spare.take())));
                } else {
                    black_box(official::encode(&corpus));
                }
            }
        }
        "put" => {
            let port = detail.parse().expect("a port");
            let corpus = Corpus::new(Kind::Access, 1);
            let runtime = runtime();
            if is_ours {
                let logstore = ours::client(port, Signature::V1).logstore("bench", "bench");
                let mut spare = None;
                for _ in 0..repeat {
                    let group = ours::encode(&corpus, spare.take());
                    runtime.block_on(logstore.put(&group)).expect("accepted");
                    spare = Some(group);
                }
            } else {
                let client = official::client(port);
                for _ in 0..repeat {
                    let group = official::build(&corpus);
                    let put = client.put_logs(official::PROJECT, "bench").log_group(group);
                    runtime.block_on(put.send()).expect("accepted");
                }
            }
        }
        _ => panic!("unknown work {what}"),
    }
}
