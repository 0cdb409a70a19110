//! The tasks that write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sls_core::model::{Cursor, LogstoreConfig, ShardId, ShardStatus};
use sls_core::wire::EncodedGroup;
use tokio::task::JoinSet;

use crate::ledger::{Ledger, group};
use crate::server::{GROUP, PROJECT, Server, track};

/// How many tasks put log groups.
const WRITERS: u32 = 8;

/// Numbers that are never used twice, over all cycles.
#[derive(Debug, Default)]
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// Starts everybody. Each ends with its first call that fails, which is how a kill looks.
pub(crate) fn start(server: &Server, ledger: &Arc<Ledger>, numbers: &Arc<Numbers>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for writer in 0..WRITERS {
        let (logstore, ledger, numbers) =
            (server.logstore(), Arc::clone(ledger), Arc::clone(numbers));
        tasks.spawn(async move {
            loop {
                let id = (writer, numbers.next());
                let put = EncodedGroup::from(&group(id));
                if logstore.put(&put).await.is_err() {
                    return;
                }
                ledger.acknowledged(id);
            }
        });
    }
    let (readers, saved) = (server.logstore().consumer_group(GROUP), Arc::clone(ledger));
    let positions = Arc::clone(numbers);
    tasks.spawn(async move {
        loop {
            let position = positions.next();
            saved.checkpoint_sent(position);
            let cursor = Cursor::at_position(position);
            if readers.save_checkpoint(ShardId(0), &cursor).await.is_err() {
                return;
            }
            saved.checkpoint_saved(position);
        }
    });
    let (address, tracked) = (server.address(), Arc::clone(ledger));
    let names = Arc::clone(numbers);
    tasks.spawn(async move {
        loop {
            let name = format!("event-{}", names.next());
            if !matches!(track(&address, &name).await, Ok(true)) {
                return;
            }
            tracked.tracked(name);
        }
    });
    let (client, logstore) = (server.client().clone(), server.logstore());
    let (made, numbers) = (Arc::clone(ledger), Arc::clone(numbers));
    tasks.spawn(async move {
        // One of each in a cycle: a logstore and, for as long as there is room, a split.
        let name = format!("made-{}", numbers.next());
        let config = LogstoreConfig::named(&name).with_shard_count(1);
        if client
            .logstore(PROJECT, &name)
            .create(config)
            .await
            .is_err()
        {
            return;
        }
        made.made(name);
        let Ok(shards) = logstore.shards().await else {
            return;
        };
        let open: Vec<_> = shards
            .iter()
            .filter(|shard| shard.status == ShardStatus::ReadWrite)
            .collect();
        let widest = open.iter().max_by_key(|shard| shard.end.0 - shard.begin.0);
        if let Some(shard) = widest.filter(|_| open.len() < 32) {
            let middle = shard.begin.0 + (shard.end.0 - shard.begin.0) / 2;
            let middle = sls_core::model::HashKey(middle);
            if logstore.split_shard(shard.id, middle).await.is_ok() {
                made.split();
            }
        }
    });
    tasks
}
