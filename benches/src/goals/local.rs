//! Goals 25 to 27: the local server itself.

use std::fs;
use std::path::PathBuf;

use sls_core::model::{Cursor, CursorPosition, ShardId};
use sls_core::wire::EncodedGroup;

use crate::clock::{ROUNDS, median};
use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::local::{Contender, take_down};
use crate::ours;
use crate::report::{Marks, Report};

/// A put: how many logs it has, and how many of them are sent in each round; all rounds together
/// fit into memory.
const PUTS: &[(usize, usize)] = &[(1, 1600), (100, 800), (4096, 16)];
/// Pulls in each round, each of about 2 MB.
const PULLS: usize = 32;
const PULLED_PUTS: usize = 3;

/// What goal 27 allows, and what it offers.
const LIMIT_MIB: usize = 256;
const OFFERED: usize = 10 << 30;

/// Where the server keeps its logs, and what it must reach of the bare one for a put of each
/// size and for a pull.
struct Place {
    name: &'static str,
    puts: [(f64, f64); 3],
    pull: (f64, f64),
}

const PLACES: [Place; 2] = [
    Place {
        name: "in memory",
        puts: [(0.2, 0.4), (0.1, 0.3), (0.05, 0.1)],
        pull: (0.05, 0.15),
    },
    Place {
        name: "durable",
        puts: [(0.05, 0.2), (0.05, 0.15), (0.05, 0.1)],
        pull: (0.05, 0.15),
    },
];

/// How many times as many requests the local server answers as a bare one, from 16 connections.
pub(super) fn run(selection: &Selection, report: &mut Report) {
    for place in &PLACES {
        for (&(logs, times), marks) in PUTS.iter().zip(place.puts) {
            if selection.has(25) {
                let folder = Folder::new();
                let local = Contender::start(&["serve-local", folder.place(place)]);
                let bare = Contender::start(&["serve-bare"]);
                let put = put(logs);
                let case = format!("put of {logs} logs, {}", place.name);
                report.add(25, case, share(&local, &bare, &put, times), at_least(marks));
            }
        }
        if selection.has(26) {
            let folder = Folder::new();
            let local = Contender::start(&["serve-local", folder.place(place)]);
            let bare = Contender::start(&["serve-bare"]);
            let ratio = pull(&local, &bare);
            let case = format!("pull of 2 MB, {}", place.name);
            report.add(26, case, ratio, at_least(place.pull));
        }
    }
}

/// Peak memory with far more logs than there is room for, as a share of the limit.
pub(super) fn memory(_: &Selection, report: &mut Report) {
    for place in &PLACES {
        let folder = Folder::new();
        let limit = LIMIT_MIB.to_string();
        let local = Contender::start(&["serve-local", folder.place(place), &limit]);
        let group = encoded(4096);
        let size = group.as_bytes().len();
        let times = OFFERED.div_ceil(size);
        let played = local.play(&put(4096), times);
        let peak = peak_kib(local.id()) as f64 / 1024.0;
        let marks = Marks::AtMost {
            floor: 1.0,
            target: 0.75,
        };
        // What is refused is refused for want of room and by nothing else.
        assert_eq!(played.refused > 0, place.name == "in memory");
        let case = format!(
            "10 GB offered, {} of {times} refused, {}",
            played.refused, place.name
        );
        report.add(27, case, peak / LIMIT_MIB as f64, marks);
    }
}

fn encoded(logs: usize) -> EncodedGroup {
    ours::encode(&Corpus::new(Kind::Access, logs), None)
}

fn put(logs: usize) -> Vec<u8> {
    let group = encoded(logs);
    take_down(|logstore| async move { logstore.put(&group).await })
}

/// From the first cursor of a shard, everything in one answer.
fn pull(local: &Contender, bare: &Contender) -> f64 {
    for _ in 0..2 * PULLED_PUTS {
        assert_eq!(local.answer(&put(2048)).status, 200);
    }
    let begin =
        take_down(
            |logstore| async move { logstore.cursor(ShardId(0), CursorPosition::Begin).await },
        );
    let answer = local.answer(&begin);
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    let cursor = Cursor::new(answer["cursor"].as_str().expect("a cursor"));
    let request = take_down(|logstore| async move {
        let pull = logstore.pull(ShardId(0), cursor);
        logstore.client().send(&pull).await
    });
    let answer = local.answer(&request);
    assert!(answer.status == 200 && answer.body.len() > 10_000);
    let head = format!(
        "PUT / HTTP/1.1\r\nhost: bare\r\ncontent-length: {}\r\n\r\n",
        answer.body.len()
    );
    bare.answer(&[head.as_bytes(), &answer.body].concat());
    assert_eq!(bare.answer(&request).body, answer.body);
    share(local, bare, &request, PULLS)
}

/// How many times as fast as `bare` the local server is: the median of rounds in which both
/// take turns to be first.
fn share(local: &Contender, bare: &Contender, request: &[u8], times: usize) -> f64 {
    let once = |contender: &Contender| {
        let played = contender.play(request, times);
        assert_eq!(played.refused, 0, "a request was refused");
        played.seconds
    };
    let (_, _) = (once(local), once(bare));
    let ratios = (0..ROUNDS).map(|round| {
        if round % 2 == 0 {
            let local = once(local);
            once(bare) / local
        } else {
            let bare = once(bare);
            bare / once(local)
        }
    });
    median(&mut ratios.collect::<Vec<_>>())
}

fn at_least((floor, target): (f64, f64)) -> Marks {
    Marks::AtLeast { floor, target }
}

fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .expect("a number of KiB")
}

/// A folder beside this program, where there is a disk and not only memory; gone in the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let folder = program.with_file_name("bench-data");
        let _ = fs::remove_dir_all(&folder);
        Self(folder)
    }

    /// The word that tells a server where to keep its logs.
    fn place(&self, place: &Place) -> &str {
        match place.name {
            "durable" => self.0.to_str().expect("a path of UTF-8"),
            _ => "memory",
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
