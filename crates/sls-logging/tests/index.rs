//! Sets up indexes on the local server.
#![cfg(feature = "https")]
#![expect(clippy::unwrap_used, reason = "a failure is the end of a test")]

use sls_client::{Client, LogstoreHandle, StaticCredentials};
use sls_core::model::{IndexConfig, KeyIndex, KeyType, LogstoreConfig};
use sls_local::LocalServer;
use sls_logging::{FieldNaming, IndexChange, handler_index, set_up_index};

async fn logstore(server: &LocalServer) -> LogstoreHandle {
    let credentials = StaticCredentials::new(server.credentials());
    let endpoint = server.endpoint().parse().unwrap();
    let client = Client::builder(endpoint, credentials).build().unwrap();
    client.project("shop").create("").await.unwrap();
    let logstore = client.logstore("shop", "logs");
    let config = LogstoreConfig::named("logs").with_shard_count(1);
    logstore.create(config).await.unwrap();
    logstore
}

#[tokio::test]
async fn an_index_is_made_once_and_then_left_alone() {
    let server = LocalServer::builder().start().await.unwrap();
    let logstore = logstore(&server).await;
    let index = handler_index(FieldNaming::Documented);
    let change = set_up_index(&logstore, &index).await.unwrap();
    assert_eq!(change, IndexChange::Created);
    let change = set_up_index(&logstore, &index).await.unwrap();
    assert_eq!(change, IndexChange::Unchanged);
    assert_eq!(logstore.index().await.unwrap().keys, index.keys);
}

#[tokio::test]
async fn an_index_that_is_there_keeps_its_other_fields() {
    let server = LocalServer::builder().start().await.unwrap();
    let logstore = logstore(&server).await;
    let own = IndexConfig::default()
        .with_key("own", KeyIndex::double())
        .with_key("line_no", KeyIndex::text());
    logstore.create_index(own).await.unwrap();
    let index = handler_index(FieldNaming::Documented);
    let change = set_up_index(&logstore, &index).await.unwrap();
    assert_eq!(change, IndexChange::Updated);
    let keys = logstore.index().await.unwrap().keys;
    assert_eq!(keys["own"].kind, KeyType::Double);
    assert_eq!(keys["line_no"].kind, KeyType::Long);
    assert!(keys.contains_key("message"));
}

#[tokio::test]
async fn a_logstore_that_is_not_there_is_an_error() {
    let server = LocalServer::builder().start().await.unwrap();
    let there = logstore(&server).await;
    there.delete().await.unwrap();
    let index = handler_index(FieldNaming::Documented);
    let error = set_up_index(&there, &index).await.unwrap_err();
    assert_eq!(error.code().unwrap().as_str(), "LogStoreNotExist");
}
