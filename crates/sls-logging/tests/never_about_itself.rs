//! A handler below everything a program logs, at the finest level, ships nothing of its own.

use std::time::Duration;

use sls_core::model::LogstoreConfig;
use sls_local::LocalServer;
use sls_logging::Handler;
use tracing_subscriber::prelude::*;

#[test]
fn shipping_a_record_makes_no_further_record() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(async {
        let server = LocalServer::builder().start().await.unwrap();
        server.service().create_project("shop").await.unwrap();
        let config = LogstoreConfig::named("app").with_shard_count(1);
        server
            .service()
            .create_logstore("shop", config)
            .await
            .unwrap();
        server
    });
    let (handler, _guard) = Handler::builder()
        .endpoint(server.endpoint())
        .credentials(server.credentials())
        .project("shop")
        .logstore("app")
        .build()
        .unwrap();
    // For the whole process, the delivery's own thread included.
    tracing_subscriber::registry()
        .with(handler.layer())
        .try_init()
        .unwrap();
    for _ in 0..3 {
        tracing::info!("m");
        assert!(handler.flush(Duration::from_secs(30)));
    }
    let stored = server.logs("shop", "app");
    let logs: usize = stored.iter().map(|stored| stored.group.logs.len()).sum();
    assert_eq!(logs, 3, "{stored:?}");
    // It is not that nothing was said.
    assert!(handler.stats().skipped > 0);
}
