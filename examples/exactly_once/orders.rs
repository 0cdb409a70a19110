use sls_client::{Client, LogstoreHandle, StaticCredentials};
use sls_consumer::{AllShards, Worker};
use sls_core::BoxError;
use sls_core::model::LogstoreConfig;
use sls_core::wire::{GroupEncoder, GroupMeta};
use sls_local::LocalServer;

use crate::Totals;

/// A worker over these orders.
pub(crate) type LedgerWorker<P> = Worker<LogstoreHandle, AllShards<LogstoreHandle>, P>;

/// Orders in a log group.
const PER_GROUP: u64 = 20;

/// Numbered orders, in a server inside this process.
pub(crate) struct Orders {
    // Ends with its last owner.
    _server: LocalServer,
    logstore: LogstoreHandle,
    totals: Totals,
}

impl Orders {
    pub(crate) async fn write(count: u64) -> Result<Self, BoxError> {
        let server = LocalServer::builder().start().await?;
        let credentials = StaticCredentials::new(server.credentials());
        let client = Client::builder(server.endpoint().parse()?, credentials).build()?;
        client.project("shop").create("orders").await?;
        let logstore = client.logstore("shop", "orders");
        let config = LogstoreConfig::named("orders").with_shard_count(4);
        logstore.create(config).await?;

        let mut totals = Totals::default();
        while totals.orders < count {
            let mut group = GroupEncoder::new();
            for _ in 0..PER_GROUP {
                totals.orders += 1;
                totals.amount += totals.orders % 100;
                let amount = (totals.orders % 100).to_string();
                group.log(1_700_000_000).field("amount", amount);
            }
            logstore.put(&group.finish(&GroupMeta::default())).await?;
        }
        Ok(Self {
            _server: server,
            logstore,
            totals,
        })
    }

    pub(crate) fn logstore(&self) -> LogstoreHandle {
        self.logstore.clone()
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }
}
