//! Whether a group has read everything up to a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::StreamExt as _;
use sls_core::model::{CursorPosition, ShardId};
use sls_core::service::{CheckpointStore, ShardReader};
use sls_core::{Error, ErrorCode};

/// How many shards are asked about at a time.
const AT_A_TIME: usize = 16;

/// The shards of which everything before the time is processed and saved, whoever did it, or in
/// which there is nothing from before it; and whether these are all.
///
/// Shards in `done` are not asked about again.
pub(crate) async fn look<R: ShardReader>(
    reader: Arc<R>,
    store: Arc<dyn CheckpointStore>,
    group: String,
    time: SystemTime,
    mut done: BTreeSet<ShardId>,
) -> Result<(BTreeSet<ShardId>, bool), Error> {
    let shards: Vec<_> = reader
        .shards()
        .await?
        .iter()
        .map(|shard| shard.id)
        .collect();
    let open: Vec<_> = shards
        .iter()
        .copied()
        .filter(|id| !done.contains(id))
        .collect();
    let (reader, store, group) = (&reader, &store, group.as_str());
    let mut answers = futures_util::stream::iter(open)
        .map(|shard| async move {
            let end = match reader.cursor(shard, CursorPosition::At(time)).await {
                // It expired with everything in it.
                Err(error) if error.code() == Some(&ErrorCode::ShardNotExist) => {
                    return Ok(Some(shard));
                }
                end => end?,
            };
            let read_to = match store.load(group, shard).await? {
                Some(saved) => saved,
                // With nothing in it from before the time it need not be begun. In a group with
                // order it may never be: the service waits until its parents are read to their
                // very ends, which may lie after the time.
                None => reader.cursor(shard, CursorPosition::Begin).await?,
            };
            let positions = read_to.position().zip(end.position());
            let is_done = read_to == end || positions.is_some_and(|(to, end)| to >= end);
            Ok::<_, Error>(is_done.then_some(shard))
        })
        .buffer_unordered(AT_A_TIME);
    while let Some(answer) = answers.next().await {
        done.extend(answer?);
    }
    let is_all = shards.iter().all(|shard| done.contains(shard));
    Ok((done, is_all))
}
