use std::process::Command;
use std::time::Duration;

use sls_core::service::LogSink;
use sls_core::wire::{EncodedGroup, GroupListView};
use sls_logging::Handler;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::corpus::{Corpus, Kind};
use crate::goals::Selection;
use crate::ours;
use crate::report::{Marks, Report};

const LOGS: usize = 1000;

/// Goal 4: none, into a group that was used before, out of a list that is only read, and for a
/// log call of a thread that has made some.
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
    print_of_log_calls(count);
}

struct Nowhere;

impl LogSink for Nowhere {
    async fn put_logs(&self, _: &EncodedGroup) -> Result<(), sls_core::Error> {
        Ok(())
    }
}

/// The calls of this thread; what the handler's own does with the records is not theirs.
fn print_of_log_calls(count: &dyn Fn(&mut dyn FnMut()) -> u64) {
    let (handler, _guard) = Handler::builder()
        .build_with(|| Nowhere)
        .expect("a valid configuration");
    let subscriber = tracing_subscriber::registry().with(handler.layer());
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    log::set_boxed_logger(Box::new(handler.logger())).expect("the only one");
    log::set_max_level(log::LevelFilter::Info);
    let by_tracing = |order: usize| {
        tracing::info!(order, user = "user-17", "paid after {} ms", order % 97);
    };
    let by_log = |order: usize| log::info!("order {order} paid after {} ms", order % 97);
    let calls: [(&str, &dyn Fn(usize)); 2] = [
        ("tracing front end", &by_tracing),
        ("log front end", &by_log),
    ];
    for (name, call) in calls {
        let mut call_all = || (0..LOGS).for_each(call);
        // Warm: every buffer has been full before.
        for _ in 0..20 {
            call_all();
            assert!(handler.flush(Duration::from_secs(60)), "delivered in time");
        }
        println!("log call, {name}\t{}", count(&mut call_all));
    }
    assert_eq!(handler.stats().queue.dropped.total(), 0, "all were taken");
}
