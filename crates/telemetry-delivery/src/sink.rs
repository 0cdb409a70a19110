//! Where batches go.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::batch::{Chunk, Lane};

/// Takes sealed batches to the other side. Generic: used once per program, on a busy path.
///
/// The engine decides when to call and how often; a sink makes one attempt and says how it went.
/// It runs on the engine's own thread and must not block it; it may be called several times at
/// once. A panic counts as a failed attempt.
pub trait Sink: Send + Sync + 'static {
    /// Makes one attempt at one batch.
    ///
    /// The future is dropped when the attempt takes longer than
    /// [`with_attempt_timeout`](crate::batch::BatchConfig::with_attempt_timeout) allows and when
    /// the engine ends.
    fn deliver(&self, batch: &Sealed) -> impl Future<Output = Delivery> + Send;

    /// Appends what follows the items of a batch to `out`, once, before the first attempt.
    ///
    /// `out` holds the items already, so that [`Sealed::body`] is one piece of memory: a format
    /// with a common part at its end needs no copy of the items. Nothing by default.
    fn trailer(&self, batch: BatchHead<'_>, out: &mut Vec<u8>) {
        let _ = (batch, out);
    }
}

/// How an attempt at a batch went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// The other side has the batch.
    Delivered,
    /// It may work later: try again after a growing pause, or after `wait` where it is longer.
    Again {
        /// What went wrong, for people.
        cause: Arc<str>,
        /// The pause that the other side asked for, if it did.
        wait: Option<Duration>,
    },
    /// Too much for now: try again, and send less per second from now on.
    Throttled {
        /// What the other side said, for people.
        cause: Arc<str>,
        /// The pause that the other side asked for, if it did.
        wait: Option<Duration>,
    },
    /// The batch is too large: cut it in two. A single item that is too large becomes a dead
    /// letter.
    TooLarge,
    /// The other side will never take the batch: it becomes a dead letter and is not tried again.
    Refused {
        /// What the other side said, for people.
        cause: Arc<str>,
    },
}

impl Delivery {
    /// [`Again`](Self::Again) after the usual pause.
    pub fn again(cause: impl Into<Arc<str>>) -> Self {
        Self::Again {
            cause: cause.into(),
            wait: None,
        }
    }

    /// [`Throttled`](Self::Throttled) without a wish for a certain pause.
    pub fn throttled(cause: impl Into<Arc<str>>) -> Self {
        Self::Throttled {
            cause: cause.into(),
            wait: None,
        }
    }

    /// [`Refused`](Self::Refused).
    pub fn refused(cause: impl Into<Arc<str>>) -> Self {
        Self::Refused {
            cause: cause.into(),
        }
    }
}

/// What is known of a batch before its first attempt.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BatchHead<'a> {
    /// The lane that the items were appended to.
    pub lane: Lane,
    /// The name that the lane was registered with.
    pub lane_name: &'a [u8],
    /// The batch's number in its lane, from 0 on, in the order of first attempts.
    pub number: u64,
    /// How many items there are.
    pub items: usize,
}

/// Items of one lane that travel together.
pub struct Sealed {
    pub(crate) lane: Lane,
    pub(crate) lane_name: Arc<[u8]>,
    pub(crate) number: u64,
    pub(crate) attempts: u32,
    pub(crate) chunk: Chunk,
    pub(crate) prepared: OnceLock<Box<dyn Any + Send + Sync>>,
}

impl Sealed {
    pub(crate) fn new(lane: Lane, lane_name: Arc<[u8]>, chunk: Chunk) -> Self {
        Self {
            lane,
            lane_name,
            number: 0,
            attempts: 0,
            chunk,
            prepared: OnceLock::new(),
        }
    }

    /// A batch that no engine made, for tests of sinks.
    pub fn of<'a>(lane_name: &[u8], items: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut chunk = Chunk::default();
        for item in items {
            chunk.push(item, usize::MAX);
        }
        Self::new(Lane::NOWHERE, lane_name.into(), chunk)
    }

    /// The lane that the items were appended to.
    pub fn lane(&self) -> Lane {
        self.lane
    }

    /// The name that the lane was registered with.
    pub fn lane_name(&self) -> &[u8] {
        &self.lane_name
    }

    /// The batch's number in its lane, from 0 on, in the order of first attempts; the parts of a
    /// batch that was cut have numbers of their own.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Which attempt this is, from 1 on.
    pub fn attempt(&self) -> u32 {
        self.attempts
    }

    /// The bytes of all items, one behind the other.
    pub fn bytes(&self) -> &[u8] {
        self.chunk.item_bytes()
    }

    /// The same with the [`trailer`](Sink::trailer) behind it.
    pub fn body(&self) -> &[u8] {
        &self.chunk.bytes
    }

    /// How many items there are; at least one.
    pub fn count(&self) -> usize {
        self.chunk.count()
    }

    /// The items, in the order they were appended in.
    pub fn items(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        self.chunk.items()
    }

    /// What `make` gave the first time it was asked for, so that later attempts need not
    /// compress or encode again.
    ///
    /// One value per batch: a `T` other than the first one's is made anew each time and not kept.
    pub fn prepare<T: Clone + Send + Sync + 'static>(&self, make: impl FnOnce(&Self) -> T) -> T {
        if let Some(kept) = self.prepared.get() {
            return kept
                .downcast_ref::<T>()
                .cloned()
                .unwrap_or_else(|| make(self));
        }
        let value = make(self);
        // Another attempt cannot have come first: a batch is in flight once at a time.
        let _ = self.prepared.set(Box::new(value.clone()));
        value
    }
}

// Items may hold anything a user logs.
impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed")
            .field("lane", &self.lane)
            .field("number", &self.number)
            .field("attempt", &self.attempts)
            .field("items", &self.chunk.count())
            .field("bytes", &self.chunk.bytes.len())
            .finish_non_exhaustive()
    }
}
