//! What a log call allocates; the counter is the whole process's, so this is all there is here.

use std::time::Duration;

use sls_core::service::LogSink;
use sls_core::wire::EncodedGroup;
use sls_logging::Handler;
use tracing_subscriber::prelude::*;

struct Nowhere;

impl LogSink for Nowhere {
    async fn put_logs(&self, _: &EncodedGroup) -> Result<(), sls_core::Error> {
        Ok(())
    }
}

/// So many calls one after the other, less than a batch, so that nothing may come now and then.
const CALLS: usize = 200;

#[test]
fn a_warm_log_call_allocates_nothing() {
    let (handler, _guard) = Handler::builder()
        .put_wait(Duration::from_secs(600))
        .build_with(|| Nowhere)
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(handler.layer());
    let logger = handler.logger();
    log::set_max_level(log::LevelFilter::Info);
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("outer", request = 7).entered();
        let call = || {
            tracing::info!(user = "bob", amount = 5, ratio = 0.5, "paid {} of {}", 1, 2);
            log::info!(logger: logger, target: "shop", "paid {}", 3);
            log::info!(logger: logger, "paid {}", 3);
        };
        // Buffers grow by doubling, until one has been as large as any will be.
        for _ in 0..10 * CALLS {
            call();
        }
        let fewest = (0..5).map(|_| {
            // What was filled has been delivered, and its memory is there to be filled again.
            assert!(handler.flush(Duration::from_secs(30)));
            let seen = allocation_counter::measure(|| (0..CALLS).for_each(|_| call()));
            seen.count_total
        });
        assert_eq!(fewest.min(), Some(0));
        assert!(handler.flush(Duration::from_secs(30)));
        let calls = (10 + 5) * CALLS as u64;
        assert_eq!(handler.stats().queue.delivered, 3 * calls);
    });
}
