use tokio::runtime::Runtime;

use crate::clock::speedup;
use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::ours::Signature;
use crate::report::{Marks, Report};
use crate::server::Server;
use crate::{official, ours};

const LOGS: usize = 4096;

/// Goals 7 and 8: from `&str` fields to the server's answer.
///
/// Everything a client does runs on this thread, its connection included, so the processor
/// time of this process is the client's.
pub(super) fn run(selection: &Selection, report: &mut Report) {
    let server = Server::start();
    let runtime = runtime();
    let official = official::client(server.port());
    for kind in [Kind::Access, Kind::Report] {
        let corpus = Corpus::new(kind, LOGS);
        let mut put_official = || {
            let group = official::build(&corpus);
            let put = official
                .put_logs(official::PROJECT, "bench")
                .log_group(group);
            runtime.block_on(put.send()).expect("accepted");
            LOGS
        };
        put_official();
        let theirs = server.last_put();
        for (goal, signature) in [(7, Signature::V1), (8, Signature::V4)] {
            if !selection.has(goal) {
                continue;
            }
            let logstore = ours::client(server.port(), signature).logstore("bench", "bench");
            let mut spare = None;
            let mut put_ours = || {
                let group = ours::encode(&corpus, spare.take());
                runtime.block_on(logstore.put(&group)).expect("accepted");
                spare = Some(group);
                LOGS
            };
            put_ours();
            assert!(
                server.last_put() == theirs,
                "the two clients put other bytes"
            );
            let ratio = speedup(&mut put_ours, &mut put_official);
            let (floor, target) = match (goal, kind) {
                (7, Kind::Access) => (2.5, 3.0),
                (7, _) => (2.0, 2.3),
                (_, Kind::Access) => (3.0, 3.4),
                (_, _) => (2.3, 2.6),
            };
            let case = format!("{signature:?}, lz4, {}", kind.name());
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
