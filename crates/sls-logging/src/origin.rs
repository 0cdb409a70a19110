//! Which process and thread this is.

use std::sync::OnceLock;
use std::thread;

/// The name of the executable without its extension; empty when the system does not tell.
///
/// Whoever prepares for records asks once at the start: a process that is forked off while
/// another thread asks for the first time would wait for that thread for ever.
pub(crate) fn process_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let path = std::env::current_exe().unwrap_or_default();
        let stem = path.file_stem().unwrap_or_default();
        stem.to_string_lossy().into_owned()
    })
}

/// The system's id of the calling thread.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn thread_id() -> u64 {
    u64::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or_default()
}

/// The standard library's number for the calling thread.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn thread_id() -> u64 {
    // There is no stable way to the number but the text it is shown as.
    let shown = format!("{:?}", thread::current().id());
    shown
        .trim_start_matches("ThreadId(")
        .trim_end_matches(')')
        .parse()
        .unwrap_or_default()
}

/// Calls `with` with the name of the calling thread, if it has one.
pub(crate) fn with_thread_name<T>(with: impl FnOnce(Option<&str>) -> T) -> T {
    with(thread::current().name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_threads_differ_and_one_stays_the_same() {
        let other = thread::spawn(thread_id).join().unwrap();
        assert_ne!(thread_id(), other);
        assert_eq!(thread_id(), thread_id());
    }

    #[test]
    fn a_test_runs_in_an_executable_with_a_name() {
        assert!(
            process_name().starts_with("sls_logging"),
            "{}",
            process_name()
        );
    }
}
