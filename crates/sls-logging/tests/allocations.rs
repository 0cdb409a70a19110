//! What a log call allocates; the counter is the whole process's, so this is all there is here.

use std::time::Duration;

use log::Log as _;
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

#[test]
fn a_warm_log_call_allocates_nothing() {
    let (handler, _guard) = Handler::builder()
        .put_wait(Duration::from_secs(600))
        .build_with(|| Nowhere)
        .unwrap();
    let subscriber = tracing_subscriber::registry().with(handler.layer());
    let logger = handler.logger();
    tracing::subscriber::with_default(subscriber, || {
        let _span = tracing::info_span!("outer", request = 7).entered();
        let call = || {
            tracing::info!(user = "bob", amount = 5, ratio = 0.5, "paid {} of {}", 1, 2);
            logger.log(
                &log::Record::builder()
                    .args(format_args!("paid {}", 3))
                    .level(log::Level::Info)
                    .target("shop")
                    .file(Some("src/shop.rs"))
                    .line(Some(7))
                    .build(),
            );
        };
        // Buffers grow by doubling; past the first pages there is room for many records.
        for _ in 0..200 {
            call();
        }
        let mut fewest = u64::MAX;
        for _ in 0..10 {
            let seen = allocation_counter::measure(call);
            fewest = fewest.min(seen.count_total);
        }
        assert_eq!(fewest, 0);
    });
}
