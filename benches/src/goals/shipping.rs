//! Goals 9 and 15: the batching producer and the whole handler, against the published producer.

use sls_core::wire::{GroupListEncoder, GroupListView};

use crate::clock::speedup;
use crate::corpus::Kind;
use crate::goals::Selection;
use crate::report::{Marks, Report};
use crate::server::Server;
use crate::work::{OFFICIAL, OURS, Worker};

/// Goal 9: from `&str` fields to the server's answer, 4096 logs at a time.
pub(super) fn produce(_: &Selection, report: &mut Report) {
    let server = Server::start();
    let port = server.port().to_string();
    for kind in [Kind::Access, Kind::Report] {
        let words = ["produce", &port, kind.name(), "4096"];
        let ratio = against_official(&server, &words, &[]);
        let marks = Marks::AtLeast {
            floor: 4.0,
            target: 7.0,
        };
        let case = format!("producer, lz4, {}", kind.name());
        report.add(9, case, ratio, marks);
    }
}

/// Goal 15: from the log call to the server's answer, 2048 records at a time.
pub(super) fn ship(_: &Selection, report: &mut Report) {
    let server = Server::start();
    let port = server.port().to_string();
    // What the two processes cannot have in common.
    let own = ["line_no", "process_id", "thread_id"];
    let ratio = against_official(&server, &["ship", &port, "2048"], &own);
    let marks = Marks::AtLeast {
        floor: 4.0,
        target: 9.0,
    };
    report.add(15, "records from call to answer, lz4", ratio, marks);
}

fn against_official(server: &Server, words: &[&str], own: &[&str]) -> f64 {
    let mut official = Worker::start(OFFICIAL, words);
    official.result();
    let theirs = contents(&server.last_put(), own);
    let mut ours = Worker::start(OURS, words);
    ours.result();
    let logs = contents(&server.last_put(), own);
    assert_eq!(
        logs.len(),
        theirs.len(),
        "the two put other numbers of logs"
    );
    for (ours, theirs) in logs.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "the two put other logs");
    }
    speedup(&mut ours, &mut official)
}

/// Keys and values of every log of a group, in an order of their own; of what differs from
/// process to process, only the key.
fn contents(group: &[u8], own: &[&str]) -> Vec<Vec<(String, String)>> {
    let mut list = GroupListEncoder::new();
    list.push(group);
    let list = list.into_bytes();
    let list = GroupListView::parse(&list).expect("a well-formed group");
    let logs = list.groups().flat_map(|group| group.logs());
    logs.map(|log| {
        let mut pairs: Vec<_> = log
            .contents()
            .map(|(key, value)| {
                let key = key.to_str().expect("UTF-8").to_owned();
                let value = match own.contains(&key.as_str()) {
                    true => String::new(),
                    false => value.to_str().expect("UTF-8").to_owned(),
                };
                (key, value)
            })
            .collect();
        pairs.sort();
        pairs
    })
    .collect()
}
