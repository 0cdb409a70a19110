use std::process::Command;

use sls_core::wire::GroupListView;

use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::ours;
use crate::report::{Marks, Report};

const LOGS: usize = 1000;

/// Goal 4: none, into a group that was used before and out of a list that is only read.
pub(super) fn run(_: &Selection, report: &mut Report) {
    let program = std::env::current_exe().expect("the path of this program");
    let name = format!("allocations{}", std::env::consts::EXE_SUFFIX);
    let output = Command::new(program.with_file_name(name))
        .output()
        .expect("the program beside this one");
    assert!(output.status.success(), "{output:?}");
    let marks = Marks::AtMost {
        floor: 0.0,
        target: 0.0,
    };
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let (case, count) = line.split_once('\t').expect("a case and a count");
        let count: f64 = count.parse().expect("a count");
        report.add(4, case, count / LOGS as f64, marks);
    }
}

/// What the counting program does, with `count` saying how many allocations some work makes.
pub fn print_allocations(count: &dyn Fn(&mut dyn FnMut()) -> u64) {
    for kind in Kind::ALL {
        let name = kind.name();
        let corpus = Corpus::new(kind, LOGS);
        let mut spare = Some(ours::encode(&corpus, None));
        let encode = count(&mut || spare = Some(ours::encode(&corpus, spare.take())));
        println!("encode, {name}\t{encode}");

        let list = ours::list(corpus, 500);
        let decode = count(&mut || {
            let list = GroupListView::parse(&list).expect("a well-formed list");
            std::hint::black_box(ours::visit(&list));
        });
        println!("checked borrowed decode, {name}\t{decode}");
    }
}
