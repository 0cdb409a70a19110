//! Trouble on request: what to do to which requests, and how often.

mod quota; // so much per second
mod rules; // those that are in force

pub use quota::QuotaPer;
pub(crate) use rules::{Faults, Target, USED_UP};

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::growingio;
use crate::sls::OPERATIONS;

/// One kind of trouble for the requests that fit it.
///
/// A fault without further word meets every request that may be made at all, those of
/// trackers of GrowingIO included, until it is taken back. Of several that fit, the one that
/// was put in force first is taken; a [quota](Self::request_quota) that is not used up and a
/// [clock](Self::clock_ahead) let others come after them.
///
/// ```
/// use std::time::Duration;
/// use sls_local::{Fault, QuotaPer};
///
/// // The next two pulls of shard 3 are refused,
/// let refused = Fault::refuse(403, "ShardReadQuotaExceed").on_operation("PullLogs").on_shard(3).times(2);
/// // one put in ten is stored but never answered,
/// let lost = Fault::cut_after().on_operation("PutLogs").with_probability(0.1);
/// // and everything else is slow.
/// let slow = Fault::delay(Duration::from_millis(300));
/// // Shards take five puts a second each, and the server's clock is wrong.
/// let quota = Fault::request_quota(QuotaPer::Shard, 5).on_operation("PutLogs");
/// let late = Fault::clock_behind(Duration::from_secs(20 * 60));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Fault {
    #[serde(flatten)]
    pub(crate) effect: Effect,
    /// As the service's manual names it.
    operation: Option<String>,
    project: Option<String>,
    logstore: Option<String>,
    shard: Option<u32>,
    times: Option<u64>,
    probability: Option<f64>,
}

/// A fault that would never meet anything.
#[derive(Debug, thiserror::Error)]
#[error("no operation has the name {0:?}")]
pub(crate) struct UnknownOperation(String);

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub(crate) enum Effect {
    Refuse {
        status: u16,
        code: String,
        #[serde(default = "default_message")]
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    Delay {
        delay_ms: u64,
    },
    CutBefore,
    CutAfter,
    Drip {
        bytes: usize,
        pause_ms: u64,
    },
    Redirect {
        location: String,
        #[serde(default = "default_redirect")]
        status: u16,
    },
    Quota {
        per: QuotaPer,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        requests_per_second: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_per_second: Option<u64>,
    },
    Clock {
        offset_ms: i64,
    },
}

impl Fault {
    /// Whether it is about operations that exist; or else the name of the one that does not.
    pub(crate) fn check(&self) -> Result<(), UnknownOperation> {
        let known = |name: &&str| {
            let mut known = OPERATIONS.iter().chain(growingio::OPERATIONS);
            known.any(|known| known == name)
        };
        match self.operation.as_deref() {
            Some(name) if !known(&name) => Err(UnknownOperation(name.to_owned())),
            _ => Ok(()),
        }
    }

    const fn new(effect: Effect) -> Self {
        Self {
            effect,
            operation: None,
            project: None,
            logstore: None,
            shard: None,
            times: None,
            probability: None,
        }
    }

    /// Refuses with an HTTP status and a code; nothing is done.
    ///
    /// A status outside of 100 to 999 is answered as 500.
    pub fn refuse(status: u16, code: impl Into<String>) -> Self {
        Self::new(Effect::Refuse {
            status,
            code: code.into(),
            message: default_message(),
            retry_after_s: None,
        })
    }

    /// Does what is asked and answers so much later; to the millisecond.
    pub fn delay(by: Duration) -> Self {
        Self::new(Effect::Delay {
            delay_ms: millis(by),
        })
    }

    /// Hangs up without doing what is asked.
    pub const fn cut_before() -> Self {
        Self::new(Effect::CutBefore)
    }

    /// Does what is asked and hangs up without an answer.
    pub const fn cut_after() -> Self {
        Self::new(Effect::CutAfter)
    }

    /// Answers so many bytes at a time with a pause in between, to the millisecond. Bytes
    /// that do not cross a socket are not slowed down.
    pub fn drip(bytes: usize, pause: Duration) -> Self {
        Self::new(Effect::Drip {
            bytes: bytes.max(1),
            pause_ms: millis(pause),
        })
    }

    /// Sends the client elsewhere with status 307; nothing is done.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(Effect::Redirect {
            location: location.into(),
            status: default_redirect(),
        })
    }

    /// Refuses what is more than so many requests in a second of the server's clock: with 403
    /// `WriteQuotaExceed` or `ReadQuotaExceed`, `ShardWriteQuotaExceed` or
    /// `ShardReadQuotaExceed` for a quota per shard, and a tracker of GrowingIO with 429.
    ///
    /// A refused request is not counted, and only refused ones are among
    /// [`times`](Self::times). A put is about the shard that it would be stored in.
    pub const fn request_quota(per: QuotaPer, per_second: u64) -> Self {
        Self::new(Effect::Quota {
            per,
            requests_per_second: Some(per_second),
            bytes_per_second: None,
        })
    }

    /// The same for bytes that clients send, in bodies as they are sent. The first request in
    /// a second is taken however large it is.
    pub const fn byte_quota(per: QuotaPer, per_second: u64) -> Self {
        Self::new(Effect::Quota {
            per,
            requests_per_second: None,
            bytes_per_second: Some(per_second),
        })
    }

    /// Lets the server's clock be ahead when a signature's time is checked and when the time
    /// is told in an answer; to the millisecond. What is stored has the right time.
    pub fn clock_ahead(by: Duration) -> Self {
        Self::new(Effect::Clock {
            offset_ms: offset(by),
        })
    }

    /// Lets the server's clock be behind in the same way.
    pub fn clock_behind(by: Duration) -> Self {
        Self::new(Effect::Clock {
            offset_ms: -offset(by),
        })
    }

    /// Tells in a refusal when to try again, in whole seconds. Default: not.
    pub const fn with_retry_after(mut self, wait: Duration) -> Self {
        if let Effect::Refuse { retry_after_s, .. } = &mut self.effect {
            *retry_after_s = Some(wait.as_secs());
        }
        self
    }

    /// Redirects with this status. Default: 307, at which method and body stay the same.
    pub const fn with_redirect_status(mut self, wanted: u16) -> Self {
        if let Effect::Redirect { status, .. } = &mut self.effect {
            *status = wanted;
        }
        self
    }

    /// Says this in a refusal. Default: that it was asked for.
    pub fn with_message(mut self, text: impl Into<String>) -> Self {
        if let Effect::Refuse { message, .. } = &mut self.effect {
            *message = text.into();
        }
        self
    }

    /// Meets only this operation, named as in the service's manual: `PutLogs`, `PullLogs`.
    ///
    /// What trackers of GrowingIO send is `growingio`, or for one kind `growingio.events`,
    /// `growingio.items`, `growingio.user-mappings`; the product id is the project.
    pub fn on_operation(mut self, name: impl Into<String>) -> Self {
        self.operation = Some(name.into());
        self
    }

    /// Meets only requests to this project.
    pub fn on_project(mut self, name: impl Into<String>) -> Self {
        self.project = Some(name.into());
        self
    }

    /// Meets only requests about logstores of this name.
    pub fn on_logstore(mut self, name: impl Into<String>) -> Self {
        self.logstore = Some(name.into());
        self
    }

    /// Meets only requests that name this shard. Puts name none, but a quota knows it.
    pub const fn on_shard(mut self, shard: u32) -> Self {
        self.shard = Some(shard);
        self
    }

    /// Meets so many requests and is gone then. Default: until it is taken back.
    pub const fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Meets a request that fits with this probability, 0 to 1. Default: 1.
    ///
    /// Every server draws the same numbers, so a run can be repeated.
    pub const fn with_probability(mut self, probability: f64) -> Self {
        self.probability = Some(probability);
        self
    }
}

/// Names a fault, to take it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct FaultId(pub(crate) u64);

fn default_message() -> String {
    "refused on request".to_owned()
}

const fn default_redirect() -> u16 {
    307
}

fn offset(by: Duration) -> i64 {
    i64::try_from(by.as_millis()).unwrap_or(i64::MAX)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
