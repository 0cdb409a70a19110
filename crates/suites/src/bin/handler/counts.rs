use std::collections::HashMap;
use std::fmt;
use std::ops::AddAssign;

/// What became of the logs of a section.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) logs: u64,
    /// Neither delivered nor counted as dropped by a stated policy.
    pub(crate) lost: u64,
    pub(crate) duplicates: u64,
}

impl Counts {
    /// Compares what was logged, numbered from zero on, with what arrived; `dropped` of them were
    /// counted as dropped.
    pub(crate) fn of(logged: u64, dropped: u64, arrived: &HashMap<u64, u64>) -> Self {
        let distinct = (0..logged).filter(|number| arrived.contains_key(number));
        let distinct = distinct.count() as u64;
        let copies: u64 = arrived.values().sum();
        Self {
            logs: logged,
            lost: (logged - distinct).saturating_sub(dropped),
            duplicates: copies.saturating_sub(arrived.len() as u64),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.logs += other.logs;
        self.lost += other.lost;
        self.duplicates += other.duplicates;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            logs,
            lost,
            duplicates,
        } = self;
        write!(f, "{logs} logs, {lost} lost, {duplicates} duplicates")
    }
}
