//! The lanes of a batcher: items of one lane travel together.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::shard::Shard;

/// Names one lane of one batcher; cheap to copy and to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lane {
    pub(super) owner: u32,
    pub(super) index: u32,
}

impl Lane {
    /// Belongs to no batcher.
    pub(crate) const NOWHERE: Self = Self { owner: 0, index: 0 };

    /// Counts the batcher's lanes from 0 on, in the order they were registered in.
    ///
    /// Small enough to index a table with.
    #[must_use]
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// What a lane is like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct LaneConfig {
    name: Arc<[u8]>,
    ordered: bool,
    pace_group: Option<u64>,
}

impl LaneConfig {
    /// A lane called `name`: any bytes, which the sink sees and which a spool keeps.
    ///
    /// What a sink needs to know of a lane goes in here, since after a restart nothing else of it
    /// is left.
    pub fn new(name: impl Into<Vec<u8>>) -> Self {
        Self {
            name: Arc::from(name.into()),
            ordered: false,
            pace_group: None,
        }
    }

    /// How [`on_disk`](Self::on_disk) begins.
    #[cfg(feature = "spool")]
    const LAYOUT: u8 = 1;

    /// The lane that an earlier process wrote items of: layout (1), order, pace group, name.
    ///
    /// Bytes that are not laid out like that are a name.
    #[cfg(feature = "spool")]
    pub(super) fn on_disk(bytes: &[u8]) -> Self {
        let Some(([Self::LAYOUT, ordered @ (0 | 1), group @ ..], name)) =
            bytes.split_first_chunk::<10>()
        else {
            return Self::new(bytes);
        };
        let mut pace_group = [0; 8];
        pace_group.copy_from_slice(group);
        let pace_group = u64::from_le_bytes(pace_group);
        Self {
            name: Arc::from(name),
            ordered: *ordered == 1,
            pace_group: (pace_group != 0).then_some(pace_group),
        }
    }

    /// Keeps the order of the items: one batch in flight, and the next when it is done with.
    /// Default: off.
    ///
    /// A batch that has to be tried again holds up those behind it.
    pub fn with_order(mut self, ordered: bool) -> Self {
        self.ordered = ordered;
        self
    }

    /// Shares pace and pauses with the other lanes of the same group, for instance all of one
    /// quota. Default: a group of its own.
    pub fn with_pace_group(mut self, group: impl AsRef<[u8]>) -> Self {
        // The top bit is for lanes without a group.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(group.as_ref());
        self.pace_group = Some(hash | 1 << 63);
        self
    }
}

/// There is no room for one more lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {limit} lanes already")]
pub struct TooManyLanes {
    /// How many there may be.
    pub limit: usize,
}

#[derive(Debug)]
pub(super) struct LaneState {
    pub(super) config: LaneConfig,
    pub(super) pace_group: u64,
    pub(super) shards: Box<[Shard]>,
}

impl LaneState {
    fn new(config: LaneConfig, index: u32, shards: usize, open: bool) -> Self {
        let shards = if config.ordered { 1 } else { shards };
        Self {
            pace_group: config.pace_group.unwrap_or_else(|| u64::from(index)),
            shards: (0..shards).map(|_| Shard::new(open)).collect(),
            config,
        }
    }

    pub(super) fn name(&self) -> &Arc<[u8]> {
        &self.config.name
    }

    pub(super) fn is_ordered(&self) -> bool {
        self.config.ordered
    }

    /// Writes down what [`LaneConfig::on_disk`] reads.
    #[cfg(feature = "spool")]
    pub(super) fn to_disk(&self, out: &mut Vec<u8>) {
        out.clear();
        out.push(LaneConfig::LAYOUT);
        out.push(u8::from(self.config.ordered));
        // Zero is no group: the top bit of one is set.
        out.extend_from_slice(&self.config.pace_group.unwrap_or(0).to_le_bytes());
        out.extend_from_slice(&self.config.name);
    }

    /// The buffer of the thread with this ticket.
    #[inline]
    pub(super) fn shard(&self, ticket: u32) -> &Shard {
        // Their number is a power of two.
        &self.shards[ticket as usize & (self.shards.len() - 1)]
    }
}

/// All lanes; read without a lock.
#[derive(Debug)]
pub(super) struct LaneTable {
    slots: Box<[OnceLock<LaneState>]>,
    registry: Mutex<Registry>,
    shards: usize,
}

#[derive(Debug)]
struct Registry {
    by_name: HashMap<Arc<[u8]>, u32>,
    next: u32,
    open: bool,
}

impl LaneTable {
    pub(super) fn new(limit: usize, shards: usize) -> Self {
        Self {
            slots: (0..limit).map(|_| OnceLock::new()).collect(),
            registry: Mutex::new(Registry {
                by_name: HashMap::new(),
                next: 0,
                open: true,
            }),
            shards: shards.next_power_of_two(),
        }
    }

    /// The lanes of `other` under the same numbers, with buffers of their own.
    ///
    /// Takes none of the other's locks: a thread that no longer exists may hold them.
    pub(super) fn like(other: &Self) -> Self {
        let table = Self::new(other.slots.len(), other.shards);
        let mut registry = table.lock();
        for (index, lane) in other.slots.iter().enumerate() {
            if let Some(lane) = lane.get() {
                registry.next = index as u32;
                table.enter(&mut registry, lane.config.clone());
            }
        }
        drop(registry);
        table
    }

    /// The number of the lane of this name, a new one if need be.
    pub(super) fn register(&self, config: LaneConfig) -> Result<u32, TooManyLanes> {
        let mut registry = self.lock();
        if let Some(index) = registry.by_name.get(&config.name) {
            return Ok(*index);
        }
        if registry.next as usize >= self.slots.len() {
            return Err(TooManyLanes {
                limit: self.slots.len(),
            });
        }
        Ok(self.enter(&mut registry, config))
    }

    fn enter(&self, registry: &mut Registry, config: LaneConfig) -> u32 {
        let index = registry.next;
        registry.next += 1;
        registry.by_name.insert(Arc::clone(&config.name), index);
        let lane = LaneState::new(config, index, self.shards, registry.open);
        // Only the holder of the registry's lock fills a slot, and each number is used once.
        let _ = self.slots[index as usize].set(lane);
        index
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> Option<&LaneState> {
        self.slots.get(index as usize)?.get()
    }

    /// The lanes there are, and all that were being registered meanwhile.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, &LaneState)> {
        let count = self.lock().next;
        (0..count).filter_map(|index| Some((index, self.get(index)?)))
    }

    pub(super) fn count(&self) -> u32 {
        self.lock().next
    }

    /// Lanes registered from now on take nothing.
    pub(super) fn close(&self) {
        self.lock().open = false;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
