//! What was taken, what arrived, and what is missing.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use growingio_codecs::AttributeValue;
use growingio_tracker::{Counts, Report};
use sls_local::CollectedEvent;

/// The attribute by which events are told apart.
pub(crate) const ID: &str = "id";

/// The result of one trouble, or of all.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) trouble: &'static str,
    pub(crate) strategy: &'static str,
    /// Calls that were made.
    pub(crate) events: u64,
    /// Calls that took no message and said so.
    pub(crate) refused: u64,
    pub(crate) counts: Counts,
    /// Taken, and neither accepted nor given up with a count.
    pub(crate) lost: u64,
    /// Accepted more than once.
    pub(crate) duplicates: u64,
    /// How long closing took, and how long it might have taken.
    pub(crate) closing: Vec<(Duration, Duration)>,
    pub(crate) wrong: Vec<String>,
}

impl Ledger {
    pub(crate) const HEAD: &'static str = "\
trouble                    strategy      events requests retried accepted   dead dropped refused \
lost  dup.  close";

    /// Holds what was taken against what has arrived and what was given up.
    pub(crate) fn settle(
        &mut self,
        taken: &HashSet<u64>,
        given_up: &HashSet<u64>,
        arrived: &[Arc<CollectedEvent>],
    ) {
        let mut times = HashMap::new();
        for id in arrived.iter().filter_map(|event| id(event)) {
            *times.entry(id).or_insert(0_u64) += 1;
        }
        self.duplicates = times.values().map(|times| times - 1).sum();
        let missing = taken
            .iter()
            .filter(|id| !times.contains_key(id) && !given_up.contains(id))
            .count() as u64;
        // Dropped by a stated policy: no more than were counted so.
        self.lost = missing.saturating_sub(self.counts.dropped);
        let expected = taken.len() as u64;
        let Counts {
            tracked,
            delivered,
            dead_lettered,
            dropped,
            ..
        } = self.counts;
        if self.lost > 0 {
            self.wrong
                .push(format!("{missing} are missing, {dropped} were dropped"));
        }
        if tracked != expected {
            self.wrong
                .push(format!("{tracked} are counted as tracked, {expected} were"));
        }
        if delivered + dead_lettered + dropped != tracked {
            self.wrong
                .push(format!("{:?} does not add up", self.counts));
        }
    }

    /// Notes a close: it is back in time, with a report that has no open ends.
    pub(crate) fn closed(&mut self, took: Duration, deadline: Duration, report: &Report) {
        self.counts = report.counts;
        self.closing.push((took, deadline));
        // A machine that is busy wakes a thread late; what goes on without an end is never over.
        if took > deadline + Duration::from_secs(10) {
            self.wrong
                .push(format!("closing took {took:?} of {deadline:?}"));
        }
        if report.waiting > 0 {
            self.wrong
                .push(format!("closed, and {} wait", report.waiting));
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
    }
}

/// The number of an event that this suite has sent.
pub(crate) fn id(event: &CollectedEvent) -> Option<u64> {
    match event.event()?.attributes.get(ID)? {
        AttributeValue::Integer(id) => u64::try_from(*id).ok(),
        other => other.to_text()?.parse().ok(),
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            trouble,
            strategy,
            events,
            refused,
            counts,
            lost,
            duplicates,
            closing,
            ..
        } = self;
        let (requests, retried) = (counts.requests, counts.retried);
        let (accepted, dead) = (counts.delivered, counts.dead_lettered);
        let dropped = counts.dropped;
        write!(
            f,
            "{trouble:26} {strategy:12} {events:>7} {requests:>8} {retried:>7} {accepted:>8} \
             {dead:>6} {dropped:>7} {refused:>7} {lost:>4} {duplicates:>5}"
        )?;
        for (took, deadline) in closing {
            write!(
                f,
                "  {:.2} of {:.0} s",
                took.as_secs_f64(),
                deadline.as_secs_f64()
            )?;
        }
        Ok(())
    }
}
