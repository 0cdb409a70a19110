//! Puts a handler together.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use sls_core::service::LogSink;
use telemetry_delivery::batch::{BatchConfig, Batcher, Event, StartError};

use super::announcer::Announcer;
use super::builder::{DeadLetters, HandlerBuilder};
use super::dead_records::DeadRecords;
use super::outlet::Queue;
use super::{Core, Handler, HandlerGuard};
use crate::dead_letter_file::DeadLetterFile;
use crate::encoder::RecordEncoder;
use crate::error::Error;
use crate::producer::Route;
use crate::producer::group_sink::GroupSink;

/// The largest record, in bytes: half of what the service takes in one request, which is 10 MB
/// before compression.
const MOST_RECORD_BYTES: usize = 5 << 20;
/// The size from which a group goes without waiting for company.
const BATCH_BYTES: usize = 1 << 20;

/// What records of one topic share.
#[derive(Debug, Clone)]
pub(crate) struct Shared {
    source: String,
    tags: Vec<(String, String)>,
}

impl Shared {
    /// Where groups of this topic go, and what they say.
    pub(crate) fn route(&self, topic: &str) -> Route {
        let mut route = Route::new().with_topic(topic);
        if !self.source.is_empty() {
            route = route.with_source(self.source.as_str());
        }
        for (key, value) in &self.tags {
            route = route.with_tag(key.as_str(), value.as_str());
        }
        route
    }
}

pub(crate) fn with_sink<S: LogSink>(
    builder: HandlerBuilder,
    source: String,
    sink: impl Fn() -> S + Send + Sync + 'static,
) -> Result<(Handler, HandlerGuard), Error> {
    let encoder = RecordEncoder::new(builder.format.clone())?;
    let shared = Shared {
        source,
        tags: builder.tags.clone(),
    };
    let unwritten = Arc::new(AtomicU64::new(0));
    // The engine is there before the handler that its callbacks are about.
    let core: Arc<OnceLock<Weak<Core>>> = Arc::default();
    let announcer = Announcer::new(Arc::clone(&core), builder.announce_drops);
    let mut config = BatchConfig::default()
        .with_memory_bytes(builder.queue_bytes)
        .with_memory_items(builder.queue_size)
        .with_batch_items(builder.batch_size.min(builder.queue_size))
        .with_batch_bytes(BATCH_BYTES.min(builder.queue_bytes))
        .with_item_bytes(MOST_RECORD_BYTES.min(builder.queue_bytes.saturating_sub(8)))
        .with_linger(builder.put_wait)
        .with_overflow(builder.overflow_policy())
        .with_close_deadline(builder.close_wait)
        .with_thread_name("sls-logging");
    let context_ids = builder.context_ids;
    #[cfg(feature = "spool")]
    if let Some((root, spool)) = builder.spool.clone() {
        config = config.with_spool(root, spool);
    }
    let on_event = builder.on_event.clone();
    config = config.with_on_event(move |event: &Event| {
        if let Some(tell) = &on_event {
            tell(event);
        }
        announcer.on_event(event);
    });
    config = match builder.dead_letters.clone() {
        DeadLetters::Dropped => config,
        DeadLetters::Call(take) => {
            config.with_dead_letters(move |letter| take(&DeadRecords::of(letter)))
        }
        DeadLetters::File(path, max_bytes) => {
            let file = DeadLetterFile::open(&path, max_bytes)
                .map_err(|cause| Error::invalid("dead_letter_file", cause))?;
            let unwritten = Arc::clone(&unwritten);
            config.with_dead_letters(move |letter| {
                let dead = DeadRecords::of(letter);
                let written = file.write(&dead.group, &dead.reason.to_string());
                let left = letter.batch.count() - written;
                unwritten.fetch_add(left as u64, Ordering::Relaxed);
            })
        }
    };
    let (batcher, guard) = Batcher::start(config, move || GroupSink::new(sink(), context_ids))
        .map_err(|error| match error {
            StartError::Config(cause) => Error::invalid("queue_bytes", cause),
            #[cfg(feature = "spool")]
            StartError::Spool(cause) => Error::invalid("spool", cause),
            other => Error::Start {
                cause: other.into(),
            },
        })?;
    let lane = batcher
        .lane(shared.route(&builder.topic).lane())
        .map_err(|cause| Error::invalid("topic", cause))?;
    let handler = Handler {
        core: Arc::new(Core {
            encoder,
            level: builder.level,
            clock: builder.clock,
            close_wait: builder.close_wait,
            outlet: Box::new(Queue::new(batcher, guard)),
            shared,
            main_lane: lane,
            skipped: AtomicU64::new(0),
            shadowed: AtomicU64::new(0),
            unwritten,
        }),
        lane,
    };
    // Set once, here.
    let _ = core.set(Arc::downgrade(&handler.core));
    Ok((handler.clone(), HandlerGuard::new(handler)))
}
