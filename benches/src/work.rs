//! One contender doing one thing over and over, in a process of its own.
//!
//! `benches work WHAT DETAIL CONTENDER TIMES`, for callgrind and for profilers:
//!
//! ```text
//! benches work encode "access log" ours 1000
//! benches work put PORT official 1000      PORT as printed by: benches serve
//! benches work pull PORT ours 1000
//! ```

use std::hint::black_box;

use sls_client::LogstoreHandle;

use crate::corpus::{Corpus, Kind};
use crate::goals::{pull_official, pull_ours, runtime};
use crate::ours::Signature;
use crate::{official, ours};

pub(crate) const OURS: &str = "ours";
pub(crate) const OFFICIAL: &str = "official";

/// How many logs are encoded at a time.
pub(crate) const ENCODED_LOGS: usize = 1000;

pub(crate) fn run(what: &str, detail: &str, contender: &str, times: u32) {
    let port = || detail.parse().expect("a port");
    let is_ours = contender == OURS;
    match what {
        "encode" => encode(
            Kind::from_name(detail).expect("a kind of logs"),
            is_ours,
            times,
        ),
        "put" => put(port(), is_ours, times),
        "pull" => pull(port(), is_ours, times),
        _ => panic!("unknown work {what}"),
    }
}

fn encode(kind: Kind, is_ours: bool, times: u32) {
    let corpus = Corpus::new(kind, ENCODED_LOGS);
    let mut spare = None;
    for _ in 0..times {
        if is_ours {
            spare = Some(black_box(ours::encode(&corpus, spare.take())));
        } else {
            black_box(official::encode(&corpus));
        }
    }
}

/// Puts one log at a time.
fn put(port: u16, is_ours: bool, times: u32) {
    let corpus = Corpus::new(Kind::Access, 1);
    let runtime = runtime();
    if is_ours {
        let logstore: LogstoreHandle = ours::client(port, Signature::V1).logstore("bench", "bench");
        let mut spare = None;
        for _ in 0..times {
            let group = ours::encode(&corpus, spare.take());
            runtime.block_on(logstore.put(&group)).expect("accepted");
            spare = Some(group);
        }
    } else {
        let client = official::client(port);
        for _ in 0..times {
            let group = official::build(&corpus);
            let put = client.put_logs(official::PROJECT, "bench").log_group(group);
            runtime.block_on(put.send()).expect("accepted");
        }
    }
}

fn pull(port: u16, is_ours: bool, times: u32) {
    let runtime = runtime();
    let list = crate::server::LISTS[0].0;
    if is_ours {
        let client = ours::client(port, Signature::V1);
        for _ in 0..times {
            black_box(runtime.block_on(pull_ours(&client, list)));
        }
    } else {
        let client = official::client(port);
        for _ in 0..times {
            black_box(runtime.block_on(pull_official(&client, list)));
        }
    }
}
