use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::quota::Window;
use super::{Effect, Fault, FaultId, QuotaPer};
use crate::engine::unix_seconds;

/// Where the drawing of numbers begins; any number but 0 will do.
const SEED: u64 = 0x5EED_0F10_6511_CE5D;

/// What a request is told that is over a quota.
pub(crate) const USED_UP: &str = "the quota of this second is used up";

/// What a request is about, as far as faults look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) operation: &'a str,
    /// The name that stands for several operations together.
    pub(crate) family: Option<&'a str>,
    pub(crate) project: Option<&'a str>,
    pub(crate) logstore: Option<&'a str>,
    pub(crate) shard: Option<u32>,
    /// The size of the body as sent.
    pub(crate) bytes: usize,
}

/// The faults of a server in the order they came; the first that fits is taken.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Held for a comparison of a few names.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    kept: Vec<Kept>,
    next: u64,
    random: u64,
}

#[derive(Debug)]
struct Kept {
    id: FaultId,
    fault: Fault,
    /// What was used of it, when it is a quota.
    window: Window,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                kept: Vec::new(),
                next: 1,
                random: SEED,
            }),
        }
    }
}

impl Faults {
    /// Puts a fault in force.
    pub(crate) fn add(&self, fault: Fault) -> FaultId {
        let mut state = self.state();
        let id = FaultId(state.next);
        state.next += 1;
        let window = Window::default();
        state.kept.push(Kept { id, fault, window });
        id
    }

    /// Takes a fault back; whether it was still in force.
    pub(crate) fn remove(&self, id: FaultId) -> bool {
        let mut state = self.state();
        let before = state.kept.len();
        state.kept.retain(|kept| kept.id != id);
        state.kept.len() < before
    }

    pub(crate) fn clear(&self) {
        self.state().kept.clear();
    }

    pub(crate) fn list(&self) -> Vec<(FaultId, Fault)> {
        let state = self.state();
        let kept = state.kept.iter();
        kept.map(|kept| (kept.id, kept.fault.clone())).collect()
    }

    /// What is to happen to a request, if anything. The clock is another matter, see
    /// [`offset_ms`](Self::offset_ms).
    pub(crate) fn take(&self, target: Target<'_>, now: SystemTime) -> Option<Effect> {
        self.state().take(|kept, random| {
            let fault = &kept.fault;
            match fault.effect {
                Effect::Clock { .. } => None,
                // The shard of a put is decided later.
                Effect::Quota { .. } if fault.needs_shard() && target.shard.is_none() => None,
                Effect::Quota { .. } => {
                    let (status, code) = kept.over_quota(target, now, random)?;
                    Some(Effect::Refuse {
                        status,
                        code: code.to_owned(),
                        message: USED_UP.to_owned(),
                        retry_after_s: None,
                    })
                }
                _ => (fault.fits(target) && fault.is_due(random)).then(|| fault.effect.clone()),
            }
        })
    }

    /// The code with which a put is refused once its shard is known, if it is.
    pub(crate) fn take_for_shard(
        &self,
        target: Target<'_>,
        now: SystemTime,
    ) -> Option<&'static str> {
        let taken = self.state().take(|kept, random| match kept.fault.effect {
            Effect::Quota { .. } if kept.fault.needs_shard() => {
                kept.over_quota(target, now, random)
            }
            _ => None,
        });
        taken.map(|(_, code)| code)
    }

    /// Counts the bytes of an answer, which are known only when it is made: what comes after
    /// it in the same second finds them used.
    pub(crate) fn spend(&self, target: Target<'_>, now: SystemTime) {
        for kept in &mut self.state().kept {
            if let Effect::Quota { per, .. } = kept.fault.effect {
                if kept.fault.fits(target) {
                    kept.window.spend(per, target, unix_seconds(now));
                }
            }
        }
    }

    /// How far the clock is off for a request, in milliseconds.
    pub(crate) fn offset_ms(&self, target: Target<'_>) -> i64 {
        let taken = self.state().take(|kept, random| {
            let fault = &kept.fault;
            let Effect::Clock { offset_ms } = fault.effect else {
                return None;
            };
            (fault.fits(target) && fault.is_due(random)).then_some(offset_ms)
        });
        taken.unwrap_or(0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The first thing that is found, which counts as one time of its fault.
    fn take<T>(&mut self, mut find: impl FnMut(&mut Kept, &mut u64) -> Option<T>) -> Option<T> {
        let Self { kept, random, .. } = self;
        let mut all = kept.iter_mut().enumerate();
        let (place, found) = all.find_map(|(place, one)| Some((place, find(one, random)?)))?;
        if let Some(times) = &mut kept[place].fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                let _ = kept.remove(place);
            }
        }
        Some(found)
    }
}

impl Kept {
    /// Status and code of the refusal of a request that is over this quota.
    fn over_quota(
        &mut self,
        target: Target<'_>,
        now: SystemTime,
        random: &mut u64,
    ) -> Option<(u16, &'static str)> {
        let Effect::Quota {
            per,
            requests_per_second,
            bytes_per_second,
        } = self.fault.effect
        else {
            return None;
        };
        if !self.fault.fits(target) {
            return None;
        }
        let limits = (requests_per_second, bytes_per_second);
        let within = self.window.admit(per, limits, target, unix_seconds(now));
        if within || !self.fault.is_due(random) {
            return None;
        }
        Some(per.refusal(target))
    }
}

impl Fault {
    fn fits(&self, target: Target<'_>) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        self.times != Some(0)
            && (same(&self.operation, Some(target.operation))
                || self.operation.as_deref() == target.family)
            && same(&self.project, target.project)
            && same(&self.logstore, target.logstore)
            && (self.shard.is_none() || self.shard == target.shard)
    }

    fn is_due(&self, random: &mut u64) -> bool {
        self.probability
            .is_none_or(|probability| draw(random) < probability)
    }

    /// Whether it cannot be decided before the shard of a put is known.
    fn needs_shard(&self) -> bool {
        let per_shard = matches!(
            self.effect,
            Effect::Quota {
                per: QuotaPer::Shard,
                ..
            }
        );
        per_shard || self.shard.is_some()
    }
}

/// A number from 0 up to 1, by xorshift.
fn draw(random: &mut u64) -> f64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    (*random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn put(logstore: &str) -> Target<'_> {
        Target {
            operation: "PutLogs",
            family: None,
            project: Some("p"),
            logstore: Some(logstore),
            shard: None,
            bytes: 0,
        }
    }

    const NOW: SystemTime = UNIX_EPOCH;

    #[test]
    fn the_first_fault_that_fits_is_taken_as_often_as_it_may() {
        let faults = Faults::default();
        faults.add(Fault::cut_before().on_operation("PullLogs"));
        faults.add(Fault::cut_before().on_shard(0));
        faults.add(Fault::cut_before().on_project("other"));
        faults.add(Fault::cut_before().times(0));
        faults.add(Fault::cut_after().on_logstore("a").times(2));
        let last = faults.add(Fault::refuse(500, "x"));
        for _ in 0..2 {
            assert_eq!(faults.take(put("a"), NOW), Some(Effect::CutAfter));
            assert!(matches!(
                faults.take(put("b"), NOW),
                Some(Effect::Refuse { .. })
            ));
        }
        assert!(matches!(
            faults.take(put("a"), NOW),
            Some(Effect::Refuse { .. })
        ));
        assert!(faults.remove(last));
        assert!(!faults.remove(last));
        assert_eq!(faults.take(put("a"), NOW), None);
        faults.clear();
        assert!(faults.list().is_empty());
    }

    #[test]
    fn a_family_stands_for_its_operations() {
        let faults = Faults::default();
        faults.add(Fault::cut_before().on_operation("growingio"));
        let target = Target {
            operation: "growingio.items",
            family: Some("growingio"),
            ..put("a")
        };
        assert!(faults.take(target, NOW).is_some());
        assert!(faults.take(put("a"), NOW).is_none());
    }

    #[test]
    fn a_quota_that_is_not_used_up_lets_others_come_after_it() {
        let faults = Faults::default();
        faults.add(Fault::request_quota(QuotaPer::Project, 1));
        faults.add(Fault::cut_after());
        assert_eq!(faults.take(put("a"), NOW), Some(Effect::CutAfter));
        let refused = faults.take(put("a"), NOW);
        assert!(matches!(refused, Some(Effect::Refuse { status: 403, .. })));
    }

    #[test]
    fn a_quota_of_shards_waits_until_the_shard_of_a_put_is_known() {
        let faults = Faults::default();
        faults.add(Fault::request_quota(QuotaPer::Shard, 0));
        faults.add(Fault::request_quota(QuotaPer::Project, 0).on_shard(7));
        assert!(faults.take(put("a"), NOW).is_none());
        let at = |shard| Target {
            shard: Some(shard),
            ..put("a")
        };
        assert!(faults.take_for_shard(at(1), NOW).is_some());
        assert_eq!(faults.list().len(), 2);
    }

    #[test]
    fn a_clock_is_taken_beside_what_else_there_is() {
        let faults = Faults::default();
        faults.add(Fault::clock_behind(std::time::Duration::from_secs(2)).times(1));
        faults.add(Fault::cut_before());
        assert_eq!(faults.take(put("a"), NOW), Some(Effect::CutBefore));
        assert_eq!(faults.offset_ms(put("a")), -2000);
        assert_eq!(faults.offset_ms(put("a")), 0);
    }

    #[test]
    fn probabilities_hold_and_repeat() {
        let run = |probability| {
            let faults = Faults::default();
            faults.add(Fault::cut_before().with_probability(probability));
            (0..1000)
                .map(|_| faults.take(put("a"), NOW).is_some())
                .collect::<Vec<_>>()
        };
        let met = |run: &[bool]| run.iter().filter(|met| **met).count();
        assert_eq!(met(&run(0.0)), 0);
        assert_eq!(met(&run(1.0)), 1000);
        assert!((200..300).contains(&met(&run(0.25))));
        assert_eq!(run(0.25), run(0.25));
    }

    #[test]
    fn a_fault_is_written_as_json() {
        let text = r#"{"effect": "refuse", "status": 503, "code": "ServerBusy", "operation": "PutLogs", "times": 2}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(
            fault,
            Fault::refuse(503, "ServerBusy")
                .on_operation("PutLogs")
                .times(2)
        );
        let text =
            r#"{"effect": "drip", "bytes": 10, "pause_ms": 5, "shard": 1, "probability": 0.5}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let pause = std::time::Duration::from_millis(5);
        assert_eq!(
            fault,
            Fault::drip(10, pause).on_shard(1).with_probability(0.5)
        );
        let text = r#"{"effect": "quota", "per": "shard", "requests_per_second": 5}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(fault, Fault::request_quota(QuotaPer::Shard, 5));
        let text = r#"{"effect": "clock", "offset_ms": -60000}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        let minute = std::time::Duration::from_secs(60);
        assert_eq!(fault, Fault::clock_behind(minute));
        for bad in [
            r#"{}"#,
            r#"{"effect": "explode"}"#,
            r#"{"effect": "delay"}"#,
        ] {
            assert!(serde_json::from_str::<Fault>(bad).is_err(), "{bad}");
        }
    }
}
