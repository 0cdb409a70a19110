use std::fs;
use std::process::Command;

use crate::goals::Selection;
use crate::goals::pull::{pull_official, pull_ours};
use crate::goals::put::runtime;
use crate::ours::Signature;
use crate::report::{Marks, Report};
use crate::server::Server;
use crate::{official, ours};

const LIST: &str = "list-5mb";
const PULLS: usize = 8;

/// Goal 21: what pulling takes at its worst, above what the client takes when it is idle.
pub(super) fn run(_: &Selection, report: &mut Report) {
    let server = Server::start();
    let ours = peak(&server, "ours");
    let official = peak(&server, "official");
    let marks = Marks::AtMost {
        floor: 0.5,
        target: 0.25,
    };
    let case = format!("{PULLS} pulls of 5 MB, every field visited");
    report.add(21, case, ours / official, marks);
}

/// Peak above idle of a process that only pulls, in KiB.
fn peak(server: &Server, contender: &str) -> f64 {
    let program = std::env::current_exe().expect("the path of this program");
    let output = Command::new(program)
        .args(["pull-memory", contender, &server.port().to_string()])
        .output()
        .expect("a child process");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().expect("a number")
}

/// What the child does: prints its peak above idle in KiB.
pub(crate) fn pull_in_child(contender: &str, port: u16) {
    let runtime = runtime();
    let client = ours::client(port, Signature::V1);
    let official = official::client(port);
    let idle = status_kib("VmRSS:");
    for _ in 0..PULLS {
        let seen = match contender {
            "ours" => runtime.block_on(pull_ours(&client, LIST)),
            _ => runtime.block_on(pull_official(&official, LIST)),
        };
        assert!(seen > 0);
    }
    println!("{}", status_kib("VmHWM:").saturating_sub(idle));
}

fn status_kib(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number of KiB")
}
