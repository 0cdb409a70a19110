//! The logs that one writer wrote before and after a log.
//!
//! A writer that wants this gives each group the tag `__pack_id__`, in which a number in
//! hexadecimal follows what names the writer: `5FB1E7C6-1A`. The number orders the groups of
//! a writer, whichever shards they went to.

use std::str::FromStr;
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value};
use sls_core::model::{Cursor, ShardId};
use sls_core::wire::GroupView;

use super::{AnswerSize, item};
use crate::engine::logstore::{Logstore, Spot};
use crate::engine::spl::damaged;
use crate::refusal::Refusal;

const PACK_ID: &str = "__pack_id__";
const INDEX_NUMBER: &str = "__index_number__";

/// The place of a log among those of its logstore, as text
/// `{shard}|{cursor}|{logs of the group}|{number in the group}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackMeta {
    pub(super) spot: Spot,
    pub(super) logs: usize,
    pub(super) nth: usize,
}

/// A log and how many of its neighbours are wanted.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    pub(crate) pack_id: &'a str,
    pub(crate) meta: PackMeta,
    pub(crate) back: usize,
    pub(crate) forward: usize,
}

/// Logs in the order they were written.
#[derive(Debug)]
pub(crate) struct Neighbours {
    pub(crate) logs: Vec<Map<String, Value>>,
    pub(crate) back: usize,
    pub(crate) forward: usize,
}

/// A group of the writer.
struct Pack {
    number: u64,
    spot: Spot,
    logs: usize,
    group: Bytes,
}

impl Around<'_> {
    pub(crate) fn run(&self, logstore: &Logstore, now: SystemTime) -> Result<Neighbours, Refusal> {
        let packs = self.packs(logstore, now)?;
        let own = packs
            .iter()
            .position(|pack| pack.spot == self.meta.spot)
            .filter(|own| self.meta.nth < packs[*own].logs)
            .ok_or_else(|| {
                Refusal::parameter("no log has this pack_id and pack_meta, or it has expired")
            })?;
        let before: usize = packs[..own].iter().map(|pack| pack.logs).sum();
        let all: usize = packs.iter().map(|pack| pack.logs).sum();
        let center = before + self.meta.nth;
        let back = self.back.min(center);
        let forward = self.forward.min(all - 1 - center);
        let mut size = AnswerSize::default();
        let mut logs = Vec::new();
        let mut place = 0;
        for pack in &packs {
            let wanted = center - back..=center + forward;
            let first = place;
            place += pack.logs;
            if place <= *wanted.start() || first > *wanted.end() {
                continue;
            }
            let group = GroupView::parse(&pack.group).map_err(damaged)?;
            for (nth, log) in group.logs().enumerate() {
                let place = first + nth;
                if !wanted.contains(&place) {
                    continue;
                }
                size.add(log.as_bytes().len())?;
                let (spot, logs_of_group) = (pack.spot, pack.logs);
                let meta = PackMeta {
                    spot,
                    logs: logs_of_group,
                    nth,
                };
                let mut shown = item(&group, &log, Some(meta));
                let number = place as i64 - center as i64;
                shown.insert(INDEX_NUMBER.to_owned(), number.to_string().into());
                logs.push(shown);
            }
        }
        Ok(Neighbours {
            logs,
            back,
            forward,
        })
    }

    /// The writer's groups in the order they were written.
    fn packs(&self, logstore: &Logstore, now: SystemTime) -> Result<Vec<Pack>, Refusal> {
        let (writer, _) = parts(self.pack_id);
        let mut packs = Vec::new();
        logstore.scan(now, &mut |spot, record| {
            let group = GroupView::parse(&record.group).map_err(damaged)?;
            let Some(id) = pack_id(&group) else {
                return Ok(());
            };
            let (found, number) = parts(&id);
            if found == writer && group.log_count() > 0 {
                packs.push(Pack {
                    number,
                    spot,
                    logs: group.log_count(),
                    group: record.group.clone(),
                });
            }
            Ok(())
        })?;
        packs.sort_by_key(|pack| (pack.number, pack.spot));
        Ok(packs)
    }
}

/// The pack id that a writer gave; the last one counts.
pub(super) fn pack_id(group: &GroupView<'_>) -> Option<String> {
    let mut tags = group.tags().filter(|(key, _)| *key == *PACK_ID);
    let first = tags.next()?;
    let (_, id) = tags.last().unwrap_or(first);
    Some(id.to_string_lossy().into_owned())
}

/// The writer and the number in a pack id.
fn parts(id: &str) -> (&str, u64) {
    let numbered = id
        .rsplit_once('-')
        .and_then(|(writer, number)| Some((writer, u64::from_str_radix(number, 16).ok()?)));
    numbered.unwrap_or((id, 0))
}

impl std::fmt::Display for PackMeta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { spot, logs, nth } = self;
        let cursor = Cursor::at_position(spot.position);
        write!(f, "{}|{cursor}|{logs}|{nth}", spot.shard)
    }
}

impl FromStr for PackMeta {
    type Err = Refusal;

    fn from_str(text: &str) -> Result<Self, Refusal> {
        let wrong = || Refusal::parameter(format!("pack_meta cannot be read: {text:?}"));
        let mut parts = text.split('|');
        let mut next = || parts.next().ok_or_else(wrong);
        let shard = next()?.parse().map_err(|_| wrong())?;
        let position = Cursor::new(next()?).position().ok_or_else(wrong)?;
        let logs = next()?.parse().map_err(|_| wrong())?;
        let nth = next()?.parse().map_err(|_| wrong())?;
        if parts.next().is_some() {
            return Err(wrong());
        }
        let spot = Spot {
            shard: ShardId(shard),
            position,
        };
        Ok(Self { spot, logs, nth })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_and_nonsense_does_not() {
        let meta = PackMeta {
            spot: Spot {
                shard: ShardId(3),
                position: 1_559_285_112_875_464_558,
            },
            logs: 4,
            nth: 1,
        };
        let text = meta.to_string();
        assert_eq!(text, "3|MTU1OTI4NTExMjg3NTQ2NDU1OA==|4|1");
        assert_eq!(text.parse(), Ok(meta));
        for bad in [
            "",
            "3|x|4|1",
            "3|MTU1OQ==|4",
            "3|MTU1OQ==|4|1|",
            "-1|MTU1OQ==|4|1",
        ] {
            assert!(bad.parse::<PackMeta>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_number_of_a_pack_is_what_follows_the_last_dash() {
        assert_eq!(parts("5FB1-E7C6-1A"), ("5FB1-E7C6", 0x1a));
        assert_eq!(parts("5FB1-xyz"), ("5FB1-xyz", 0));
        assert_eq!(parts("plain"), ("plain", 0));
    }
}
