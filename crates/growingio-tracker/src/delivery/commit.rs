use std::sync::{Arc, Weak};

use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::courier::Courier;
use crate::outbox::Outbox;

/// Sees to it that what a spool was given is made durable when its interval is over, also when
/// no other message comes.
///
/// There is one turn at a time. It sleeps until the spool wants a commit, and ends when nothing
/// is uncommitted, so that an idle tracker is never woken.
pub(super) fn commit_in_time(courier: &Courier, outbox: &Arc<Outbox>) {
    let Some(abandoned) = outbox.begin_commits() else {
        return;
    };
    let turn = Turn {
        outbox: Arc::downgrade(outbox),
        abandoned,
    };
    // Nobody waits for it; when it cannot be done, the next message tries again.
    drop(courier.ask_to_the_end(move |_| turn.run(), |_| ()));
}

struct Turn {
    /// Does not keep the tracker; it commits at its end by itself.
    outbox: Weak<Outbox>,
    abandoned: watch::Receiver<bool>,
}

impl Turn {
    async fn run(mut self) {
        while let Some(due) = self.outbox.upgrade().and_then(|outbox| outbox.commit()) {
            let ended = self.abandoned.wait_for(|abandoned| *abandoned);
            if timeout_at(due, ended).await.is_ok() {
                return;
            }
        }
        // The outbox has noted the end.
        self.outbox = Weak::new();
    }
}

impl Drop for Turn {
    /// The thread or the runtime has ended before its time.
    fn drop(&mut self) {
        if let Some(outbox) = self.outbox.upgrade() {
            outbox.end_commits();
        }
    }
}

#[cfg(test)]
#[cfg(feature = "spool")]
mod tests {
    use std::time::Duration;

    use growingio_codecs::{EventRecord, Format, Json};
    use telemetry_delivery::spool::{Fsync, SpoolConfig};
    use telemetry_delivery::{BoxTransport, Clock, SystemClock, TransportError};
    use tempfile::TempDir;
    use tokio::runtime::Handle;
    use tokio::time::sleep;

    use super::*;
    use crate::counts::Counters;
    use crate::dead_letter::DeadLetters;
    use crate::delivery::{
        Asynchronous, Background, Buffered, Delivery as _, FillAndSend, Parts, Then,
    };
    use crate::disk::DiskSettings;
    use crate::error::Error;
    use crate::message::Message;
    use crate::retry::Retry;
    use crate::server::Server;
    use crate::upload::Upload;

    const INTERVAL: Duration = Duration::from_millis(500);
    const MOMENT: Duration = Duration::from_millis(1);

    /// A folder of a test's own, removed in the end.
    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn disk(&self, fsync: Fsync) -> Option<DiskSettings> {
            Some(DiskSettings {
                root: self.0.path().to_path_buf(),
                config: SpoolConfig::default().with_fsync(fsync),
            })
        }
    }

    fn upload() -> Arc<Upload> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let retry = Retry::default().layer(INTERVAL, Arc::clone(&clock));
        Arc::new(Upload {
            server: Server::parse("http://collector.example").unwrap(),
            codec: Arc::new(Json),
            clock,
            retry: retry.unwrap(),
            request_timeout: INTERVAL,
            counters: Arc::new(Counters::default()),
        })
    }

    /// On the runtime of the test, whose time stands still; no answer ever comes.
    fn courier() -> Courier {
        let transport = BoxTransport::new(tower::service_fn(|_| {
            std::future::pending::<Result<http::Response<bytes::Bytes>, TransportError>>()
        }));
        Courier::new(Arc::new(move || transport.clone()), Some(Handle::current()))
    }

    fn parts(folder: &Folder, fsync: Fsync) -> Parts {
        Parts {
            format: Format::Json,
            upload: upload(),
            courier: courier(),
            dead_letters: DeadLetters(None),
            disk: folder.disk(fsync),
        }
    }

    fn buffered(folder: &Folder, fsync: Fsync) -> FillAndSend {
        FillAndSend::new(Buffered::default(), parts(folder, fsync))
    }

    fn event() -> Message<'static> {
        let mut event = EventRecord::custom("paid", 1).with_anonymous_id("a");
        event.product_id = Some("p".into());
        Message::Event(Box::new(event))
    }

    async fn taken(pending: crate::pending::Pending<Result<(), Error>>) {
        pending.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_buffer_commits_when_the_interval_is_over() {
        let folder = Folder::new();
        let delivery = buffered(&folder, Fsync::Interval(INTERVAL));
        let outbox = delivery.outbox.get();
        for _ in 0..3 {
            taken(delivery.take(event())).await;
            sleep(INTERVAL - MOMENT).await;
            assert!(outbox.is_uncommitted());
            sleep(MOMENT * 2).await;
            assert!(!outbox.is_uncommitted(), "no message came to commit it");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_background_commits_when_the_interval_is_over() {
        let folder = Folder::new();
        let parts = parts(&folder, Fsync::Interval(INTERVAL));
        let delivery = Background::new(Asynchronous::default(), parts);
        taken(delivery.take(event())).await;
        let outbox = delivery.outbox();
        assert!(outbox.is_uncommitted());
        sleep(INTERVAL + MOMENT).await;
        assert!(!outbox.is_uncommitted(), "no message came to commit it");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_awake_while_nothing_is_uncommitted() {
        let folder = Folder::new();
        let tasks = || Handle::current().metrics().num_alive_tasks();
        let delivery = buffered(&folder, Fsync::Interval(INTERVAL));
        assert_eq!(tasks(), 0);
        for _ in 0..10 {
            taken(delivery.take(event())).await;
        }
        sleep(MOMENT).await;
        assert_eq!(tasks(), 2, "the courier and one turn");
        sleep(INTERVAL).await;
        assert_eq!(tasks(), 1, "the courier");
    }

    #[tokio::test(start_paused = true)]
    async fn other_policies_start_nothing() {
        for fsync in [Fsync::EveryRecord, Fsync::System] {
            let folder = Folder::new();
            let delivery = buffered(&folder, fsync);
            taken(delivery.take(event())).await;
            sleep(MOMENT).await;
            assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_close_ends_the_turn() {
        let folder = Folder::new();
        let delivery = buffered(&folder, Fsync::Interval(Duration::from_secs(3600)));
        taken(delivery.take(event())).await;
        let report = delivery.settle(Duration::from_secs(1), Then::Close).await;
        assert_eq!(report.counts.spooled, 1);
        drop(delivery);
        sleep(MOMENT).await;
        assert_eq!(Handle::current().metrics().num_alive_tasks(), 0);
    }

    #[test]
    fn a_turn_that_could_not_be_done_is_started_again() {
        let folder = Folder::new();
        let new_runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_all().start_paused(true).build().unwrap()
        };
        let (first, second) = (new_runtime(), new_runtime());
        let delivery = first.block_on(async {
            let delivery = buffered(&folder, Fsync::Interval(INTERVAL));
            taken(delivery.take(event())).await;
            sleep(MOMENT).await;
            delivery
        });
        drop(first);
        let outbox = delivery.outbox.get();
        second.block_on(async {
            let courier = courier();
            commit_in_time(&courier, &outbox);
            assert!(outbox.is_uncommitted());
            sleep(INTERVAL * 2).await;
            assert!(!outbox.is_uncommitted());
        });
    }
}
