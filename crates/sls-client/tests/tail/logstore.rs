use std::time::{Duration, UNIX_EPOCH};

use sls_client::{TailBatch, TailStream};
use sls_core::api::{DeleteShard, MergeShards, Operation, PutBody, PutLogs, SplitShard};
use sls_core::model::{HashKey, LogstoreConfig, ShardId};
use sls_core::service::ShardReader;
use sls_core::wire::{Compression, GroupEncoder, GroupMeta, LogView};
use sls_local::{LocalLogstore, LocalServer, LocalService};
use telemetry_delivery::ManualClock;

const PROJECT: &str = "shop";
const NAME: &str = "access";

/// A logstore of a service of its own.
pub(crate) struct Logstore {
    pub(crate) service: LocalService,
}

impl Logstore {
    pub(crate) async fn with_shards(count: u32) -> Self {
        let start = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let builder = LocalServer::builder().clock(ManualClock::new(start));
        let service = builder.into_service();
        service.create_project(PROJECT).await.unwrap();
        let config = LogstoreConfig::named(NAME).with_shard_count(count);
        service.create_logstore(PROJECT, config).await.unwrap();
        Self { service }
    }

    pub(crate) fn reader(&self) -> LocalLogstore {
        self.service.logstore(PROJECT, NAME)
    }

    /// Writes a group of one log, to the shard of the key.
    pub(crate) async fn put(&self, key: u8, number: usize) {
        let mut group = GroupEncoder::new();
        group
            .log(1_700_000_000)
            .field("key", key.to_string())
            .field("number", number.to_string());
        let body = PutBody::new(&group.finish(&GroupMeta::default()), Compression::None);
        let hash = HashKey(u128::from(key) << 120);
        self.perform(&PutLogs::new(PROJECT, NAME, body).with_hash_key(hash))
            .await;
    }

    pub(crate) async fn split(&self, shard: u32, key: &str) {
        let key = key.parse().unwrap();
        self.perform(&SplitShard::new(PROJECT, NAME, ShardId(shard), key))
            .await;
    }

    pub(crate) async fn merge(&self, left: u32) {
        self.perform(&MergeShards::new(PROJECT, NAME, ShardId(left)))
            .await;
    }

    pub(crate) async fn delete_shard(&self, shard: u32) {
        self.perform(&DeleteShard::new(PROJECT, NAME, ShardId(shard)))
            .await;
    }

    async fn perform(&self, operation: &impl Operation) {
        self.service.perform(operation).await.unwrap();
    }
}

/// Keys and numbers of the logs in a batch.
pub(crate) fn logs(batch: &TailBatch) -> Vec<(u8, usize)> {
    let value = |log: LogView<'_>, name: &str| -> usize {
        log.get(name).unwrap().to_str().unwrap().parse().unwrap()
    };
    let groups = batch.logs.groups().groups();
    let logs = groups.flat_map(|group| group.logs());
    logs.map(|log| (value(log, "key") as u8, value(log, "number")))
        .collect()
}

/// The numbers of all logs up to the end, which has to come without an error.
pub(crate) async fn numbers<R: ShardReader>(mut tail: TailStream<R>) -> Vec<usize> {
    let mut numbers = Vec::new();
    while let Some(batch) = tail.next().await {
        numbers.extend(logs(&batch.unwrap()).into_iter().map(|(_, number)| number));
    }
    numbers.sort_unstable();
    numbers
}
