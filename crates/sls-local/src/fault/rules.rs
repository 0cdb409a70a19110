use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Effect, Fault, FaultId};

/// Where the drawing of numbers begins; any number but 0 will do.
const SEED: u64 = 0x5EED_0F10_6511_CE5D;

/// What a request is about, as far as faults look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) operation: &'a str,
    pub(crate) project: Option<&'a str>,
    pub(crate) logstore: Option<&'a str>,
    pub(crate) shard: Option<&'a str>,
}

/// The faults of a server in the order they came; the first that fits is taken.
#[derive(Debug)]
pub(crate) struct Faults {
    /// Held for a comparison of a few names.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    kept: Vec<(FaultId, Fault)>,
    next: u64,
    random: u64,
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
        state.kept.push((id, fault));
        id
    }

    /// Takes a fault back; whether it was still in force.
    pub(crate) fn remove(&self, id: FaultId) -> bool {
        let mut state = self.state();
        let before = state.kept.len();
        state.kept.retain(|(kept, _)| *kept != id);
        state.kept.len() < before
    }

    pub(crate) fn clear(&self) {
        self.state().kept.clear();
    }

    pub(crate) fn list(&self) -> Vec<(FaultId, Fault)> {
        self.state().kept.clone()
    }

    /// What is to happen to a request, if anything.
    pub(crate) fn take(&self, target: Target<'_>) -> Option<Effect> {
        let mut state = self.state();
        let State { kept, random, .. } = &mut *state;
        let place = kept
            .iter()
            .position(|(_, fault)| fault.fits(target) && fault.is_due(random))?;
        let (_, fault) = &mut kept[place];
        let effect = fault.effect.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                let _ = kept.remove(place);
            }
        }
        Some(effect)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn fits(&self, target: Target<'_>) -> bool {
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.is_none() || wanted.as_deref() == found
        };
        let shard = target.shard.and_then(|shard| shard.parse().ok());
        self.times != Some(0)
            && same(&self.operation, Some(target.operation))
            && same(&self.project, target.project)
            && same(&self.logstore, target.logstore)
            && (self.shard.is_none() || self.shard == shard)
    }

    fn is_due(&self, random: &mut u64) -> bool {
        self.probability
            .is_none_or(|probability| draw(random) < probability)
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
    use super::*;

    fn put(logstore: &str) -> Target<'_> {
        Target {
            operation: "PutLogs",
            project: Some("p"),
            logstore: Some(logstore),
            shard: None,
        }
    }

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
            assert_eq!(faults.take(put("a")), Some(Effect::CutAfter));
            assert!(matches!(faults.take(put("b")), Some(Effect::Refuse { .. })));
        }
        assert!(matches!(faults.take(put("a")), Some(Effect::Refuse { .. })));
        assert!(faults.remove(last));
        assert!(!faults.remove(last));
        assert_eq!(faults.take(put("a")), None);
        faults.clear();
        assert!(faults.list().is_empty());
    }

    #[test]
    fn probabilities_hold_and_repeat() {
        let run = |probability| {
            let faults = Faults::default();
            faults.add(Fault::cut_before().with_probability(probability));
            (0..1000)
                .map(|_| faults.take(put("a")).is_some())
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
        for bad in [
            r#"{}"#,
            r#"{"effect": "explode"}"#,
            r#"{"effect": "delay"}"#,
        ] {
            assert!(serde_json::from_str::<Fault>(bad).is_err(), "{bad}");
        }
    }
}
