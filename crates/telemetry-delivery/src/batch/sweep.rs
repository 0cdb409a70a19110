//! What is in the buffers moves on, filled up or not.

use super::chunk::{BATCH_OVERHEAD, Chunk};
use super::engine::Engine;
use super::receipt::FatePart;
use super::shard::Taken;
use super::stats::Counters;
use super::sync::lock;

/// What a sweep found.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Swept {
    pub(super) items: usize,
    /// There was more, in lanes that have batches waiting already.
    pub(super) left_some: bool,
}

impl Engine {
    /// Seals what is in the buffers.
    ///
    /// Without `all`, only of lanes that have no batch waiting: for the others it is better to go
    /// on filling.
    pub(super) fn sweep(&self, all: bool, close: bool) -> Swept {
        let _sweeping = lock(&self.sweeping);
        let mut swept = Swept::default();
        for (index, lane) in self.lanes.all() {
            if !all && lock(&self.backlog).waiting(index) > 0 {
                swept.left_some |= lane.shards.iter().any(|shard| shard.count() > 0);
                continue;
            }
            if lane.is_ordered() {
                for shard in &lane.shards {
                    shard.take_to(self.around(), close, |taken| {
                        swept.items += taken.chunk.count();
                        self.hand_over(index, taken);
                    });
                }
                continue;
            }
            let mut taken: Vec<Taken> = lane
                .shards
                .iter()
                .filter_map(|shard| shard.take(self.around(), close))
                .collect();
            if taken.is_empty() {
                continue;
            }
            let items: usize = taken.iter().map(|it| it.chunk.count()).sum();
            swept.items += items;
            Counters::add(&self.counters.accepted, items);
            // The largest takes in the others as far as they fit.
            taken.sort_by_key(|it| std::cmp::Reverse(it.chunk.items_len()));
            let mut whole: Vec<(Chunk, Vec<FatePart>)> = Vec::new();
            let mut merged = 0;
            for it in taken {
                let (start, count) = match whole.last() {
                    Some((chunk, _)) => (chunk.count(), it.chunk.count()),
                    None => (0, it.chunk.count()),
                };
                let size = |chunk: &Chunk| (chunk.items_len(), chunk.count());
                match whole.last_mut() {
                    Some((chunk, fates))
                        if self.limits.fit_together(size(chunk), size(&it.chunk)) =>
                    {
                        chunk.extend(&it.chunk, self.limits.bytes);
                        fates.extend(it.fate.map(|fate| FatePart::whole(fate, start, count)));
                        self.pool.put(it.chunk);
                        // One batch from now on, and not two.
                        merged += 1;
                    }
                    _ => {
                        let fates = it.fate.map(|fate| FatePart::whole(fate, 0, count));
                        whole.push((it.chunk, fates.into_iter().collect()));
                    }
                }
            }
            let mut backlog = lock(&self.backlog);
            backlog.absorb(&self.lanes);
            for (chunk, fates) in whole {
                backlog.insert(&self.lanes, index, chunk, fates);
            }
            drop(backlog);
            self.give(merged * BATCH_OVERHEAD, 0);
        }
        swept
    }

    /// Whether any buffer holds an item.
    pub(super) fn has_filling(&self) -> bool {
        self.lanes
            .all()
            .any(|(_, lane)| lane.shards.iter().any(|shard| shard.count() > 0))
    }
}
