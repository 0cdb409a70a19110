//! When user code gets its turn, and what it cannot hold up meanwhile.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// Runs user code, which gets no turn once it is not open any more: then this never ends, and is
/// to be dropped.
///
/// Asked at every turn, since the timer that closes a fence may come late: in a process that
/// was stopped and has just gone on. And asked last of all: before, the thread is made over to
/// others, which takes a while on a busy machine.
pub(super) async fn while_open<T>(is_open: impl Fn() -> bool, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    unhindering(poll_fn(move |context| match is_open() {
        true => work.as_mut().poll(context),
        // Whoever waits for this waits for the fence, too.
        false => Poll::Pending,
    }))
    .await
}

/// Runs user code so that heartbeats go on although it blocks its thread, and others do the
/// same with theirs; on a runtime of one thread it had better not.
pub(super) async fn unhindering<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(move |context| {
        let runtime = Handle::current();
        match runtime.runtime_flavor() {
            // Work that is always ready has to yield now and then, as anywhere else, so that it
            // can be cut off; a blocking section alone would let it run for ever.
            RuntimeFlavor::MultiThread => block_in_place(|| {
                runtime.block_on(poll_fn(|_| Poll::Ready(work.as_mut().poll(context))))
            }),
            _ => work.as_mut().poll(context),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::mpsc;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use tokio::task::{consume_budget, yield_now};

    use super::*;

    #[tokio::test]
    async fn work_in_hand_gets_no_turn_once_it_may_not_go_on() {
        let (turns, most) = (Cell::new(0), Cell::new(u32::MAX));
        let work = async {
            loop {
                turns.set(turns.get() + 1);
                yield_now().await;
            }
        };
        let mut work = pin!(while_open(|| turns.get() < most.get(), work));
        for _ in 0..3 {
            assert!(work.as_mut().now_or_never().is_none());
        }
        assert_eq!(turns.get(), 3);
        most.set(3);
        assert!(work.as_mut().now_or_never().is_none());
        assert_eq!(turns.get(), 3);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whether_work_may_go_on_is_asked_when_others_have_got_the_thread() {
        let task = tokio::spawn(async {
            let (sender, receiver) = mpsc::channel();
            tokio::spawn(async move { sender.send(()) });
            // The other task runs meanwhile, although this blocks the only thread.
            let is_open = || receiver.recv_timeout(Duration::from_secs(10)).is_ok();
            while_open(is_open, async {}).now_or_never().is_some()
        });
        assert!(task.await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn work_that_is_always_ready_yields_so_that_it_can_be_cut_off() {
        let work = async {
            for _ in 0..10_000 {
                consume_budget().await;
            }
        };
        let mut work = pin!(unhindering(work));
        assert!(work.as_mut().now_or_never().is_none());
        work.await;
    }
}
