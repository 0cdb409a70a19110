use std::collections::VecDeque;
use std::future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use sls_core::api::{ApiReply, Operation as _, PullLogs, PulledLogs};
use sls_core::model::{Cursor, CursorPosition, HashKey, Shard, ShardId, ShardStatus};
use sls_core::service::{Pull, ShardReader};
use sls_core::{Call, Error};
use sls_local::LocalLogstore;
use tokio::task::yield_now;

/// How long a call takes that gets no answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No answer, at once.
    Fails,
    /// No answer, after [`TIMEOUT`].
    TimesOut,
    /// No answer ever.
    Hangs,
}

/// Which calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Shards,
    Cursor(u32),
    Pull(u32),
}

/// A shard without logs, whose reader never has to wait.
#[derive(Debug)]
pub(crate) struct Prompt;

impl ShardReader for Prompt {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        Ok(vec![Shard {
            id: ShardId(0),
            status: ShardStatus::ReadWrite,
            begin: HashKey::MIN,
            end: HashKey::MAX,
            create_time: 0,
        }])
    }

    async fn cursor(&self, _: ShardId, _: CursorPosition) -> Result<Cursor, Error> {
        Ok(Cursor::at_position(1))
    }

    async fn pull(&self, pull: Pull) -> Result<PulledLogs, Error> {
        let cursor = pull.cursor.as_str().parse().unwrap();
        let headers = [
            (HeaderName::from_static("x-log-cursor"), cursor),
            (HeaderName::from_static("x-log-count"), 0.into()),
            (HeaderName::from_static("x-log-bodyrawsize"), 0.into()),
        ];
        PullLogs::new("shop", "access", pull.shard, pull.cursor).read(&ApiReply {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter(headers),
            body: Bytes::new(),
        })
    }
}

/// A reader with troubles to come, used up one by one. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct Troubled {
    inner: LocalLogstore,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    // Held for a moment at a time, never across an await.
    troubles: Mutex<VecDeque<(About, Trouble)>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    pulls: AtomicUsize,
}

impl Troubled {
    pub(crate) fn new(
        inner: LocalLogstore,
        troubles: impl IntoIterator<Item = (About, Trouble)>,
    ) -> Self {
        let state = State {
            troubles: Mutex::new(troubles.into_iter().collect()),
            ..State::default()
        };
        Self {
            inner,
            state: Arc::new(state),
        }
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.state.most_in_flight.load(Ordering::Relaxed)
    }

    pub(crate) fn pulls(&self) -> usize {
        self.state.pulls.load(Ordering::Relaxed)
    }

    /// Meets the next trouble about this, with a pause before and after: two more points at
    /// which a call can be given up.
    async fn meet(&self, about: About) -> Result<(), Error> {
        yield_now().await;
        let trouble = {
            let mut troubles = self.state.troubles.lock().unwrap();
            let place = troubles.iter().position(|(what, _)| *what == about);
            place.and_then(|place| troubles.remove(place))
        };
        match trouble.map(|(_, trouble)| trouble) {
            None => {
                yield_now().await;
                return Ok(());
            }
            Some(Trouble::Fails) => {}
            Some(Trouble::TimesOut) => tokio::time::sleep(TIMEOUT).await,
            Some(Trouble::Hangs) => future::pending().await,
        }
        Err(no_answer(about))
    }

    fn count(&self) -> Counted<'_> {
        let now = self.state.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.state.most_in_flight.fetch_max(now, Ordering::Relaxed);
        Counted(&self.state.in_flight)
    }
}

struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn no_answer(about: About) -> Error {
    Error::NoAnswer {
        call: Call::new("Test", format!("{about:?}")),
        may_have_acted: true,
        transient: true,
        cause: "it was to be so".into(),
    }
}

impl ShardReader for Troubled {
    async fn shards(&self) -> Result<Vec<Shard>, Error> {
        let _counted = self.count();
        self.meet(About::Shards).await?;
        self.inner.shards().await
    }

    async fn cursor(&self, shard: ShardId, from: CursorPosition) -> Result<Cursor, Error> {
        let _counted = self.count();
        self.meet(About::Cursor(shard.0)).await?;
        self.inner.cursor(shard, from).await
    }

    async fn pull(&self, pull: Pull) -> Result<PulledLogs, Error> {
        let _counted = self.count();
        self.state.pulls.fetch_add(1, Ordering::Relaxed);
        self.meet(About::Pull(pull.shard.0)).await?;
        let pulled = self.inner.pull(pull).await;
        yield_now().await;
        pulled
    }
}
