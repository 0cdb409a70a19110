//! What the journals say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use suites::clients::Result;
use tokio::time::{Instant, sleep};

use crate::journal::{Line, What};
use crate::load::Put;
use crate::process::{Events, Run, Stage};
use crate::{PER_GROUP, TIMEOUT};

/// How long the workers may take to finish once nothing is broken any more.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often the journals are read meanwhile.
const LOOK: Duration = Duration::from_secs(2);
/// How many violations are shown in full.
const SHOWN: usize = 10;

/// Batches that one process was handed, one shard after the other, each with what became of it.
type Handings = Vec<Handing>;

/// One time that groups of a shard were handed to a processor.
#[derive(Debug, Clone)]
struct Handing {
    run: usize,
    shard: u32,
    /// Counts the times that the process was given the shard.
    tenure: usize,
    from: u64,
    to: u64,
    groups: Vec<u64>,
    at: u64,
    /// When the processor was done with it.
    done: Option<u64>,
    /// When the turn began in which it was done.
    last_turn: u64,
    /// When it failed.
    failed: Option<u64>,
    /// When the shard was given up with it in hand.
    cut: Option<u64>,
    saved: bool,
    /// Whether the process went on to the batch behind it.
    went_on: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Verdict {
    put: u64,
    repeated: u64,
    missing: Vec<u64>,
    duplicates: u64,
    /// Groups that are stored twice, since a put was repeated whose answer was lost.
    stored_twice: u64,
    violations: Vec<String>,
    takeovers: Vec<Duration>,
    handings: usize,
    failed: usize,
    events: Events,
    ends: Vec<String>,
}

/// Waits until every group was processed; a verdict without the ends of the workers.
pub(crate) async fn await_all(stage: &Stage, put: &Put) -> Result<Verdict> {
    let begin = Instant::now();
    loop {
        let handings = handings(&stage.read_journals()?);
        let missing = missing(&handings, put.groups);
        if missing.is_empty() || begin.elapsed() > PATIENCE {
            return Ok(Verdict::default());
        }
        sleep(LOOK).await;
    }
}

impl Verdict {
    pub(crate) fn with_ends(
        self,
        ends: Vec<String>,
        journals: &[Vec<Line>],
        put: &Put,
        events: &Events,
    ) -> Self {
        let handings = handings(journals);
        let mut verdict = Self {
            put: put.groups * PER_GROUP,
            repeated: put.repeated,
            missing: missing(&handings, put.groups),
            stored_twice: stored_twice(&handings),
            takeovers: takeovers(&handings, journals, events),
            failed: handings
                .iter()
                .filter(|handing| handing.failed.is_some())
                .count(),
            handings: handings.len(),
            events: events.clone(),
            ends,
            ..self
        };
        verdict.look_for_gaps(&handings);
        verdict.look_at_duplicates(&handings);
        verdict.look_for_two_owners(&handings, &events.runs);
        verdict.look_for_late_ends(&handings, &events.runs);
        verdict
    }

    pub(crate) fn holds(&self) -> bool {
        self.missing.is_empty() && self.violations.is_empty() && self.ends.is_empty()
    }

    pub(crate) fn summary(&self) -> String {
        let missing = self.missing.len() as u64 * PER_GROUP;
        format!(
            "{} logs, {missing} missing, {} duplicates",
            self.put, self.duplicates
        )
    }

    /// As long as a process has a shard, it hands its batches over one behind the other.
    fn look_for_gaps(&mut self, handings: &Handings) {
        for pair in handings.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            let of = |handing: &Handing| (handing.run, handing.shard, handing.tenure);
            let same = of(before) == of(after);
            if same && before.done.is_some() && after.from > before.to {
                self.violations
                    .push(format!("groups were skipped between {before} and {after}"));
            }
        }
        for handing in handings {
            if handing.to - handing.from != handing.groups.len() as u64 {
                self.violations
                    .push(format!("groups are missing within {handing}"));
            }
        }
    }

    /// Only what was in hand when its process was killed, stopped or cut off may be done twice.
    fn look_at_duplicates(&mut self, handings: &Handings) {
        let mut done: BTreeMap<(u32, u64), Vec<&Handing>> = BTreeMap::new();
        for handing in handings.iter().filter(|handing| handing.done.is_some()) {
            for position in handing.from..handing.to {
                done.entry((handing.shard, position))
                    .or_default()
                    .push(handing);
            }
        }
        let mut bad = BTreeSet::new();
        for times in done.values_mut().filter(|times| times.len() > 1) {
            self.duplicates += (times.len() as u64 - 1) * PER_GROUP;
            times.sort_by_key(|handing| handing.at);
            for earlier in &times[..times.len() - 1] {
                let why = match () {
                    () if earlier.saved => "although it was saved",
                    () if earlier.went_on => "although its process had gone on",
                    () => continue,
                };
                bad.insert(format!("{earlier} was processed again {why}"));
            }
        }
        self.violations.extend(bad);
    }

    /// No shard is in two processors at the same time.
    fn look_for_two_owners(&mut self, handings: &Handings, runs: &[Run]) {
        let mut by_shard: BTreeMap<u32, Vec<&Handing>> = BTreeMap::new();
        for handing in handings {
            by_shard.entry(handing.shard).or_default().push(handing);
        }
        for handings in by_shard.values_mut() {
            handings.sort_by_key(|handing| handing.at);
            for (index, first) in handings.iter().enumerate() {
                let end = in_hand_until(first, &runs[first.run]);
                let others = handings[index + 1..].iter();
                for second in others.take_while(|second| second.at < end) {
                    if second.run != first.run {
                        self.violations.push(format!(
                            "{second} was handed over while {first} was still in hand"
                        ));
                    }
                }
            }
        }
    }

    /// Whoever was stopped for longer than its lease gives nothing more to do to its processor.
    fn look_for_late_ends(&mut self, handings: &Handings, runs: &[Run]) {
        let lease = TIMEOUT.as_micros() as u64;
        for handing in handings.iter().filter(|handing| handing.done.is_some()) {
            let stops = runs[handing.run].stops.iter();
            let mut long = stops.filter(|(from, until)| until - from >= lease);
            // What was in the middle of its turn when it was stopped may finish that.
            if long.any(|(from, until)| handing.at < *from && handing.last_turn >= *until) {
                self.violations.push(format!(
                    "{handing} was worked on after its process had been stopped for longer than \
                     the lease"
                ));
            }
        }
    }
}

/// Until when a processor had a batch. One that was stopped while it had it has been cut off by
/// the time it goes on, and does no more than it is in the middle of.
fn in_hand_until(handing: &Handing, run: &Run) -> u64 {
    let ended = handing
        .done
        .or(handing.failed)
        .or(handing.cut)
        .or(run.killed_at);
    let ended = ended.unwrap_or(u64::MAX);
    let stopped = run.stops.iter().map(|(from, _)| *from);
    let stop = stopped
        .filter(|from| (handing.at..ended).contains(from))
        .min();
    stop.unwrap_or(ended)
}

impl fmt::Display for Handing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            run,
            shard,
            from,
            to,
            at,
            ..
        } = self;
        write!(f, "shard {shard} {from}..{to} of run {run} at {at}")
    }
}

/// In the order of processes, shards and time.
fn handings(journals: &[Vec<Line>]) -> Handings {
    let mut all = Vec::new();
    for (run, lines) in journals.iter().enumerate() {
        let mut shards: BTreeMap<u32, Handings> = BTreeMap::new();
        let mut tenures: BTreeMap<u32, usize> = BTreeMap::new();
        for line in lines {
            let shard = shards.entry(line.shard).or_default();
            let tenure = tenures.entry(line.shard).or_default();
            if line.what == What::Started {
                *tenure += 1;
            }
            match &line.what {
                What::Handed { from, to, groups } => {
                    if let Some(before) = shard.last_mut() {
                        before.went_on = before.done.is_some() && before.to == *from;
                    }
                    shard.push(Handing {
                        run,
                        shard: line.shard,
                        tenure: *tenure,
                        from: *from,
                        to: *to,
                        groups: groups.clone(),
                        at: line.at,
                        done: None,
                        last_turn: 0,
                        failed: None,
                        cut: None,
                        saved: false,
                        went_on: false,
                    });
                }
                What::Done { to, since } => {
                    if let Some(last) = shard.last_mut().filter(|last| last.to == *to) {
                        last.done = Some(line.at);
                        last.last_turn = *since;
                    }
                }
                What::Failed => {
                    if let Some(last) = shard.last_mut() {
                        last.failed = Some(line.at);
                    }
                }
                // Of this tenure: an earlier one may have had the same batch, and not saved it.
                What::Saved { to } => {
                    let mut latest = shard.iter_mut().rev();
                    if let Some(last) = latest.find(|last| last.to == *to && last.tenure == *tenure)
                    {
                        last.saved = last.done.is_some();
                    }
                }
                What::Started | What::Stopped => {
                    if let Some(last) = shard.last_mut() {
                        last.cut.get_or_insert(line.at);
                    }
                }
            }
        }
        all.extend(shards.into_values().flatten());
    }
    all
}

fn missing(handings: &Handings, groups: u64) -> Vec<u64> {
    let done = handings.iter().filter(|handing| handing.done.is_some());
    let done: BTreeSet<u64> = done
        .flat_map(|handing| handing.groups.iter().copied())
        .collect();
    let all = (0..groups).map(|index| index * PER_GROUP);
    all.filter(|first| !done.contains(first)).collect()
}

fn stored_twice(handings: &Handings) -> u64 {
    let mut places: BTreeMap<u64, BTreeSet<(u32, u64)>> = BTreeMap::new();
    for handing in handings {
        for (position, first) in (handing.from..).zip(&handing.groups) {
            places
                .entry(*first)
                .or_default()
                .insert((handing.shard, position));
        }
    }
    places.values().map(|places| places.len() as u64 - 1).sum()
}

/// From the death of a worker to the first batch of another one, for each shard that it had.
fn takeovers(handings: &Handings, journals: &[Vec<Line>], events: &Events) -> Vec<Duration> {
    let mut all = Vec::new();
    for (run, life) in events.runs.iter().enumerate() {
        let Some(killed) = life.killed_at else {
            continue;
        };
        let mut held = BTreeSet::new();
        for line in &journals[run] {
            match line.what {
                What::Stopped => held.remove(&line.shard),
                _ => held.insert(line.shard),
            };
        }
        for shard in held {
            let next = handings
                .iter()
                .filter(|handing| {
                    handing.shard == shard && handing.run != run && handing.at > killed
                })
                .map(|handing| handing.at)
                .min();
            all.extend(next.map(|next| Duration::from_micros(next - killed)));
        }
    }
    all.sort_unstable();
    all
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Events {
            runs,
            server_kills,
            server_stops,
            faults,
        } = &self.events;
        let kills = runs.iter().filter(|run| run.killed_at.is_some()).count();
        let stops: usize = runs.iter().map(|run| run.stops.len()).sum();
        writeln!(f, "workers killed            {kills}")?;
        writeln!(f, "workers stopped for a while {stops}")?;
        writeln!(
            f,
            "server killed / restarted {server_kills} / {server_stops}"
        )?;
        writeln!(f, "faults injected           {faults}")?;
        writeln!(
            f,
            "batches handed over       {}, {} failed on purpose",
            self.handings, self.failed
        )?;
        writeln!(
            f,
            "puts repeated             {}, groups stored twice by that {}",
            self.repeated, self.stored_twice
        )?;
        if let (Some(longest), Some(middle)) = (
            self.takeovers.last(),
            self.takeovers.get(self.takeovers.len() / 2),
        ) {
            writeln!(
                f,
                "take-over of a shard      median {:.1} s, longest {:.1} s, of {}",
                middle.as_secs_f64(),
                longest.as_secs_f64(),
                self.takeovers.len()
            )?;
        }
        for bad in self.violations.iter().take(SHOWN) {
            writeln!(f, "VIOLATION: {bad}")?;
        }
        if self.violations.len() > SHOWN {
            writeln!(f, "and {} more", self.violations.len() - SHOWN)?;
        }
        for first in self.missing.iter().take(SHOWN) {
            writeln!(f, "MISSING: the group of number {first}")?;
        }
        for end in &self.ends {
            writeln!(f, "BAD END: {end}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u64, what: What) -> Line {
        Line { at, shard: 0, what }
    }

    fn handed(at: u64, from: u64, to: u64) -> Line {
        let groups = (from..to).map(|group| group * PER_GROUP).collect();
        line(at, What::Handed { from, to, groups })
    }

    fn done(at: u64, to: u64) -> Line {
        line(at, What::Done { to, since: at })
    }

    fn saved(at: u64, to: u64) -> Line {
        line(at, What::Saved { to })
    }

    fn judge(journals: &[Vec<Line>], runs: Vec<Run>, groups: u64) -> Verdict {
        let put = Put {
            groups,
            repeated: 0,
        };
        let events = Events {
            runs,
            ..Events::default()
        };
        Verdict::default().with_ends(Vec::new(), journals, &put, &events)
    }

    fn killed(at: u64) -> Run {
        Run {
            killed_at: Some(at),
            stops: Vec::new(),
        }
    }

    #[test]
    fn a_batch_in_hand_at_a_crash_may_be_processed_twice() {
        let first = vec![
            handed(1, 0, 1),
            done(2, 1),
            saved(3, 1),
            handed(4, 1, 2),
            done(5, 2),
        ];
        let second = vec![handed(9, 1, 2), done(10, 2), saved(11, 2)];
        let verdict = judge(&[first, second], vec![killed(6), Run::default()], 2);
        assert!(verdict.holds(), "{verdict}");
        assert_eq!(verdict.summary(), "400 logs, 0 missing, 200 duplicates");
        assert_eq!(verdict.takeovers, [Duration::from_micros(3)]);
    }

    #[test]
    fn what_was_saved_or_gone_on_from_must_not_be_processed_again() {
        let first = vec![handed(1, 0, 1), done(2, 1), saved(3, 1)];
        let second = vec![handed(9, 0, 1), done(10, 1)];
        let runs = vec![killed(6), Run::default()];
        let verdict = judge(&[first, second.clone()], runs.clone(), 1);
        assert!(
            verdict.to_string().contains("although it was saved"),
            "{verdict}"
        );

        let first = vec![handed(1, 0, 1), done(2, 1), handed(3, 1, 2)];
        let verdict = judge(&[first, second], runs, 1);
        assert!(verdict.to_string().contains("had gone on"), "{verdict}");
    }

    #[test]
    fn two_processors_must_not_have_a_shard_at_the_same_time() {
        let first = vec![handed(1, 0, 1), done(5, 1)];
        let second = vec![handed(4, 1, 2), done(6, 2)];
        let both = [first, second];
        let verdict = judge(&both, vec![Run::default(); 2], 2);
        assert!(verdict.to_string().contains("still in hand"), "{verdict}");
        // Unless the first was stopped while it had it.
        let stopped = Run {
            killed_at: None,
            stops: vec![(3, 5)],
        };
        let verdict = judge(&both, vec![stopped, Run::default()], 2);
        assert!(verdict.holds(), "{verdict}");
    }

    #[test]
    fn after_a_stop_longer_than_the_lease_nothing_more_is_done() {
        let lease = TIMEOUT.as_micros() as u64;
        let [stop, go_on] = [5, 5 + lease];
        let check = |done: Line, stops: Vec<(u64, u64)>, want: bool| {
            let run = Run {
                killed_at: None,
                stops,
            };
            let verdict = judge(&[vec![handed(1, 0, 1), done]], vec![run], 1);
            let is_late = verdict.to_string().contains("longer than the lease");
            assert_eq!(is_late, want, "{verdict}");
        };
        check(done(go_on, 1), vec![(stop, go_on)], true);
        // The stop was shorter, came before, or hit it in the middle of its last turn.
        check(done(go_on, 1), vec![(stop + 1, go_on)], false);
        check(done(go_on, 1), vec![(0, lease)], false);
        let in_the_middle = What::Done { to: 1, since: 4 };
        check(line(go_on, in_the_middle), vec![(stop, go_on)], false);
    }

    #[test]
    fn a_group_that_nobody_was_done_with_is_missing() {
        let verdict = judge(
            &[vec![handed(1, 0, 2), done(2, 2)]],
            vec![Run::default()],
            3,
        );
        assert_eq!(verdict.missing, [2 * PER_GROUP]);
        let verdict = judge(&[vec![handed(1, 0, 3)]], vec![Run::default()], 3);
        assert_eq!(verdict.missing.len(), 3);
    }

    #[test]
    fn skipping_groups_is_a_violation() {
        let lines = vec![handed(1, 0, 1), done(2, 1), handed(3, 2, 3), done(4, 3)];
        let verdict = judge(&[lines], vec![Run::default()], 1);
        assert!(
            verdict.to_string().contains("groups were skipped"),
            "{verdict}"
        );
    }

    #[test]
    fn what_another_worker_did_meanwhile_is_not_skipped() {
        let again = vec![
            line(0, What::Started),
            handed(1, 0, 1),
            done(2, 1),
            saved(3, 1),
            line(4, What::Stopped),
            line(9, What::Started),
            handed(10, 2, 3),
            done(11, 3),
        ];
        let other = vec![line(5, What::Started), handed(6, 1, 2), done(7, 2)];
        let verdict = judge(&[again, other], vec![Run::default(); 2], 3);
        assert!(verdict.holds(), "{verdict}");
    }

    #[test]
    fn a_batch_that_was_cut_off_before_it_was_saved_may_come_to_the_same_process_again() {
        let lines = vec![
            line(0, What::Started),
            handed(1, 0, 1),
            done(2, 1),
            line(3, What::Stopped),
            line(4, What::Started),
            handed(5, 0, 1),
            done(6, 1),
            saved(7, 1),
        ];
        let verdict = judge(&[lines], vec![Run::default()], 1);
        assert!(verdict.holds(), "{verdict}");
        assert_eq!(verdict.duplicates, PER_GROUP);
    }
}
