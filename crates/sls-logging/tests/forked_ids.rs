//! What records of a process that was forked off say about process and thread.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sls_core::service::LogSink;
use sls_core::wire::{EncodedGroup, GroupView};
use sls_logging::{Handler, SlsLogger};

/// After this long a child has hung.
const HUNG: Duration = Duration::from_secs(10);

/// Process and thread of every record, as texts.
#[derive(Clone, Default)]
struct Ids(Arc<Mutex<Vec<[String; 2]>>>);

impl LogSink for Ids {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), sls_core::Error> {
        let group = GroupView::parse(group.as_bytes()).unwrap().to_owned();
        let ids = group.logs.iter().map(|log| {
            ["process_id", "thread_id"].map(|key| {
                let mut contents = log.contents.iter();
                let found = contents.find(|pair| pair.key.as_bytes() == key.as_bytes());
                found.unwrap().value.to_string()
            })
        });
        self.0.lock().unwrap().extend(ids);
        Ok(())
    }
}

/// One call site, whose fields and those of the thread are remembered from the first call on.
fn log_here(logger: &SlsLogger) {
    log::info!(logger: logger, "where am I?");
}

#[test]
fn a_thread_that_logged_before_a_fork_tells_the_childs_own_ids_behind_it() {
    log::set_max_level(log::LevelFilter::Info);
    let ids = Ids::default();
    let made = ids.clone();
    let (handler, _guard) = Handler::builder().build_with(move || made.clone()).unwrap();
    let logger = handler.logger();
    log_here(&logger);
    assert!(handler.flush(HUNG));
    let [parent, parents_thread] = ids.0.lock().unwrap().remove(0);
    assert_eq!(parent, process::id().to_string());

    match fork::fork().unwrap() {
        fork::Fork::Parent(id) => assert_eq!(fork::waitpid(id).unwrap(), 0),
        fork::Fork::Child => {
            log_here(&logger);
            let arrived = handler.flush(HUNG);
            let told = ids.0.lock().map(|ids| ids.clone()).unwrap_or_default();
            // The thread that forks is the child's first, whose number is that of the process.
            let own = process::id().to_string();
            let good = arrived && told == [[own.clone(), own]];
            // What else is on the parent's stack is not the child's to end.
            process::exit(i32::from(!good));
        }
    }
    log_here(&logger);
    assert!(handler.flush(HUNG));
    assert_eq!(*ids.0.lock().unwrap(), [[parent, parents_thread]]);
}
