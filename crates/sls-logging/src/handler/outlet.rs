use std::time::Duration;

/// Names one kind of groups: those with the same topic, source and tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lane(pub(crate) usize);

/// Where encoded logs go. Object safe, so that a handler does not show what it sends with.
pub(crate) trait Outlet: Send + Sync + 'static {
    /// Takes the bytes of one log; what it cannot take it counts.
    fn append(&self, lane: Lane, log: &[u8]);

    /// See [`Handler::flush`](super::Handler::flush).
    fn flush(&self, within: Duration) -> bool;

    /// How many forks this process has lived through.
    fn forks(&self) -> u64;
}

const _: fn(&dyn Outlet) = |_| {};
