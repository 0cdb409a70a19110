use tokio::runtime::Runtime;

use crate::clock::speedup;
use crate::corpus::Kind;
use crate::goals::Selection;
use crate::ours::Signature;
use crate::report::{Marks, Report};
use crate::server::Server;
use crate::work::{OFFICIAL, OURS, Worker};

const LOGS: &str = "4096";

/// Goals 7 and 8: from `&str` fields to the server's answer.
pub(super) fn run(selection: &Selection, report: &mut Report) {
    let server = Server::start();
    let port = server.port().to_string();
    for kind in [Kind::Access, Kind::Report] {
        let start = |contender, signature: Signature| {
            let words = ["put", &port, kind.name(), LOGS, signature.name()];
            Worker::start(contender, &words)
        };
        // The peer has version 1 only.
        let mut official = start(OFFICIAL, Signature::V1);
        official.result();
        let theirs = server.last_put();
        for (goal, signature) in [(7, Signature::V1), (8, Signature::V4)] {
            if !selection.has(goal) {
                continue;
            }
            let mut ours = start(OURS, signature);
            ours.result();
            assert!(
                server.last_put() == theirs,
                "the two clients put other bytes"
            );
            let ratio = speedup(&mut ours, &mut official);
            let (floor, target) = match (goal, kind) {
                (7, Kind::Access) => (2.5, 3.0),
                (7, _) => (2.0, 2.3),
                (_, Kind::Access) => (3.0, 3.4),
                (_, _) => (2.3, 2.6),
            };
            let case = format!("{}, lz4, {}", signature.name(), kind.name());
            report.add(goal, case, ratio, Marks::AtLeast { floor, target });
        }
    }
}

pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
