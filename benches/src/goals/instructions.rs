//! Goals 2 and 22: instructions, counted by callgrind, which no neighbour can disturb.

use std::process::{Command, Stdio};

use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::goals::encode::assert_same;
use crate::ours::Signature;
use crate::report::{Marks, Report};
use crate::server::Server;
use crate::work::{ENCODED_LOGS, OFFICIAL, OURS};

/// Goal 2: goal 1 in instructions.
pub(super) fn encode(_: &Selection, report: &mut Report) {
    if !has_valgrind(2) {
        return;
    }
    for kind in Kind::ALL {
        assert_same(&Corpus::new(kind, ENCODED_LOGS));
        let count = |contender| instructions(contender, &["encode", kind.name()]);
        let ratio = count(OFFICIAL) / count(OURS);
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
    let words = ["put", &port, Kind::Access.name(), "1", Signature::V1.name()];
    let count = |contender| instructions(contender, &words);
    let marks = Marks::AtMost {
        floor: 0.7,
        target: 0.5,
    };
    let ratio = count(OURS) / count(OFFICIAL);
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
fn instructions(contender: &str, words: &[&str]) -> f64 {
    const FEW: u32 = 2;
    const MORE: u32 = 12;
    let more = collected(contender, words, MORE) - collected(contender, words, FEW);
    more / f64::from(MORE - FEW)
}

fn collected(contender: &str, words: &[&str], times: u32) -> f64 {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["work", contender, &times.to_string()])
        .args(words)
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
