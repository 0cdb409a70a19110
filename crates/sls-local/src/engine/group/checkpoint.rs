//! How far the shards of a group were read.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sls_core::model::{Cursor, ShardId};

use super::{ConsumerGroup, ShardFact, Slot};
use crate::refusal::Refusal;

/// The longest checkpoint, in bytes; a cursor has 28.
const MAX_CHECKPOINT: usize = 1024;

/// A checkpoint as it was saved last; empty when it never was.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Saved {
    text: String,
    /// Microseconds since the Unix epoch.
    at: u64,
    by: String,
}

impl Saved {
    /// The position in it, when it is a cursor.
    pub(super) fn position(&self) -> Option<u64> {
        Cursor::new(self.text.as_str()).position()
    }
}

/// A checkpoint as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Checkpoint {
    pub(crate) shard: ShardId,
    pub(crate) checkpoint: String,
    /// Microseconds since the Unix epoch; 0 when nothing was saved.
    #[serde(rename = "updateTime")]
    pub(crate) update_time: u64,
    /// Who has the shard, or who saved last; nobody when nothing was saved.
    pub(crate) consumer: String,
}

/// A checkpoint to save, and on whose word.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Save<'a> {
    pub(crate) shard: ShardId,
    pub(crate) checkpoint: &'a str,
    pub(crate) consumer: Option<&'a str>,
    /// Whether it is saved whoever has the shard.
    pub(crate) force: bool,
}

impl ConsumerGroup {
    /// The checkpoints of all shards, those without one included: clients look for theirs.
    pub(crate) fn checkpoints(&mut self, shards: &[ShardFact], now: SystemTime) -> Vec<Checkpoint> {
        self.expire(now);
        self.follow(shards);
        let describe = |(id, slot): (&ShardId, &Slot)| Checkpoint {
            shard: *id,
            checkpoint: slot.saved.text.clone(),
            update_time: slot.saved.at,
            consumer: match slot.saved.at {
                0 => String::new(),
                _ => slot.holder().unwrap_or(&slot.saved.by).to_owned(),
            },
        };
        self.slots.iter().map(describe).collect()
    }

    /// Saves a checkpoint.
    pub(crate) fn save(
        &mut self,
        save: Save<'_>,
        shards: &[ShardFact],
        now: SystemTime,
    ) -> Result<(), Refusal> {
        let text = save.checkpoint.trim();
        if text.len() > MAX_CHECKPOINT || STANDARD.decode(text).is_err() {
            let message = "shard checkpoint not encoded by base64";
            return Err(Refusal::bad("InvalidShardCheckPoint", message));
        }
        self.expire(now);
        self.follow(shards);
        if !self.slots.contains_key(&save.shard) {
            let message = format!("Shard {} does not exist", save.shard);
            return Err(Refusal::missing("ShardNotExist", message));
        }
        if !save.force {
            self.check_holder(&save)?;
        }
        if let Some(slot) = self.slots.get_mut(&save.shard) {
            slot.saved = Saved {
                text: text.to_owned(),
                at: now
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |since| since.as_micros() as u64),
                by: save.consumer.unwrap_or_default().to_owned(),
            };
        }
        self.follow(shards);
        Ok(())
    }

    fn check_holder(&self, save: &Save<'_>) -> Result<(), Refusal> {
        let name = save
            .consumer
            .ok_or_else(|| Refusal::parameter("without a consumer forceSuccess must be true"))?;
        let Some(consumer) = self.consumers.get(name) else {
            let message = format!("consumer {name} does not exist");
            return Err(Refusal::missing("ConsumerNotExist", message));
        };
        let slot = self.slots.get(&save.shard);
        let holds = slot.is_some_and(|slot| match slot.holder() {
            Some(holder) => holder == name,
            // Read to its end: whoever did so may say it again.
            None => consumer.reported.contains(&save.shard) || slot.saved.by == name,
        });
        if holds {
            return Ok(());
        }
        let message = format!("shard {} is not held by consumer {name}", save.shard);
        Err(Refusal::bad("ConsumerNotMatch", message))
    }
}
