//! Panics as records; the hook is the whole process's.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sls_core::model::LogGroup;
use sls_core::service::LogSink;
use sls_core::wire::{EncodedGroup, GroupView};
use sls_logging::{Handler, PanicHook};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<LogGroup>>>);

impl LogSink for Kept {
    async fn put_logs(&self, group: &EncodedGroup) -> Result<(), sls_core::Error> {
        let group = GroupView::parse(group.as_bytes()).unwrap().to_owned();
        self.0.lock().unwrap().push(group);
        Ok(())
    }
}

#[test]
fn a_panic_is_one_record_with_place_and_backtrace_and_the_former_hook_is_called() {
    let kept = Kept::default();
    let made = kept.clone();
    let (handler, guard) = Handler::builder().build_with(move || made.clone()).unwrap();

    let former = Arc::new(AtomicUsize::new(0));
    panic::set_hook(Box::new({
        let former = Arc::clone(&former);
        move |_| {
            former.fetch_add(1, Ordering::SeqCst);
        }
    }));
    PanicHook::new()
        .with_backtrace(true)
        .with_flush(Duration::from_secs(30))
        .install(&handler);

    let worker = thread::Builder::new().name("worker-7".to_owned());
    let line = line!() + 1;
    let panicked = worker.spawn(|| panic!("two\nlines {}", 5)).unwrap().join();
    assert!(panicked.is_err());
    assert_eq!(former.load(Ordering::SeqCst), 1);

    // The hook has waited for it.
    let groups = kept.0.lock().unwrap().clone();
    let logs: Vec<_> = groups.iter().flat_map(|group| &group.logs).collect();
    assert_eq!(logs.len(), 1);
    let value = |key: &str| {
        let found = logs[0]
            .contents
            .iter()
            .find(|c| c.key.as_bytes() == key.as_bytes());
        found.map(|content| content.value.to_string())
    };
    let message = value("message").unwrap();
    assert!(
        message.starts_with(&format!(
            "thread 'worker-7' panicked at {}:{line}:",
            file!()
        )),
        "{message}"
    );
    assert!(
        message.contains(":\ntwo\nlines 5\nstack backtrace:\n"),
        "{message}"
    );
    assert!(
        message.contains("rust_begin_unwind") || message.contains("panic"),
        "{message}"
    );
    assert_eq!(value("level").as_deref(), Some("ERROR"));
    assert_eq!(value("record_name").as_deref(), Some("panic"));
    assert_eq!(value("thread_name").as_deref(), Some("worker-7"));
    assert_eq!(value("file_path").as_deref(), Some(file!()));
    assert_eq!(value("line_no"), Some(line.to_string()));

    // A value that panics while a record of it is being encoded.
    struct Broken;
    impl std::fmt::Display for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("while shown")
        }
    }
    let record = handler.logger();
    let shown = panic::catch_unwind(panic::AssertUnwindSafe(|| {
        log::Log::log(
            &record,
            &log::Record::builder()
                .args(format_args!("{Broken}"))
                .level(log::Level::Info)
                .target("t")
                .build(),
        );
    }));
    assert!(shown.is_err());
    let report = guard.close(Duration::from_secs(30));
    assert_eq!(
        report.total.delivered, 2,
        "the panic is shipped, the record is not"
    );
}
