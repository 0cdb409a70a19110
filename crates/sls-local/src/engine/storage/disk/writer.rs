//! The thread that writes: one commit for all that wait.

use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use redb::{ReadableTable as _, Table};
use tokio::time::Instant;

use super::super::{Changes, Done, LogId, StorageError};
use super::entry::{Entry, EntryHead, with_checksum};
use super::format::{FACTS, GROUPS, HEADS, HeadNumbers, LOGS, LogNumbers, LogRow};
use super::log::LogState;
use super::queue::{Job, Work};
use super::trouble::Trouble;
use super::{ReadError, Shared, format, room};

/// How many groups, and about how many bytes of them, are deleted in one commit.
const PURGED_GROUPS: usize = 1024;
const PURGED_BYTES: u64 = 32 << 20;

pub(super) fn start(shared: Arc<Shared>) -> io::Result<JoinHandle<()>> {
    let mut writer = Writer {
        shared,
        postponed: Vec::new(),
        groups: Trouble::default(),
        changes: Trouble::default(),
        noted: true,
    };
    let thread = thread::Builder::new().name("sls-local-disk".to_owned());
    thread.spawn(move || writer.run())
}

struct Writer {
    shared: Arc<Shared>,
    /// Logs whose deletion failed; tried again when there is nothing else to do.
    postponed: Vec<LogId>,
    /// Groups that could not be written, for a reason that the free room does not show.
    groups: Trouble,
    /// The same of everything else.
    changes: Trouble,
    /// Whether the file tells which of its pages are in use.
    noted: bool,
}

/// The logs that a commit touches, as they will be after it.
type Touched = BTreeMap<LogId, (Arc<LogState>, LogRow)>;

/// A result that waits for the commit before it is told.
struct Told {
    done: Done,
    result: Result<(), StorageError>,
}

impl Writer {
    fn run(&mut self) {
        loop {
            match self.shared.queue.next(self.shared.upkeep.idle_after) {
                Work::Over => return,
                Work::Nothing => self.rest(),
                Work::Jobs(jobs, purge) => self.perform(jobs, purge),
            }
        }
    }

    /// What there is time for while nobody wants anything.
    fn rest(&mut self) {
        for log in self.postponed.drain(..) {
            self.shared.queue.purge(log);
        }
        let opened = self.shared.database().is_some();
        let due = !opened || (!self.noted && self.shared.space.check_change().is_ok());
        if due && self.changes.too_early(Instant::now()).is_none() {
            // Opens the file if it has to, and notes what is in use.
            self.commit(Vec::new(), None, true);
        }
    }

    /// Writes all, or tells those who wait why not.
    fn perform(&mut self, jobs: Vec<Job>, purge: Option<LogId>) {
        let jobs = self.refuse_for_want_of_room(jobs);
        if jobs.is_empty() && self.shared.space.check_change().is_err() {
            self.postponed.extend(purge);
            return;
        }
        if !self.groups.is_there() && !self.changes.is_there() {
            self.commit(jobs, purge, false);
            return;
        }
        // Whatever deletes must not fail with groups for which there is no room.
        let is_group = |job: &Job| matches!(job, Job::Append { .. });
        let (groups, changes): (Vec<_>, Vec<_>) = jobs.into_iter().partition(is_group);
        let now = Instant::now();
        match self.groups.too_early(now).cloned() {
            Some(why) => refuse(groups, &why),
            None if groups.is_empty() => {}
            None => self.commit(groups, None, false),
        }
        match self.changes.too_early(now).cloned() {
            Some(why) => {
                refuse(changes, &why);
                self.postponed.extend(purge);
            }
            None if changes.is_empty() && purge.is_none() => {}
            None => self.commit(changes, purge, false),
        }
    }

    /// Writes all in one commit, or tells those who wait why not.
    fn commit(&mut self, jobs: Vec<Job>, purge: Option<LogId>, at_rest: bool) {
        let any_group = jobs.iter().any(|job| matches!(job, Job::Append { .. }));
        if self.shared.database().is_none() {
            // Where this fails, writing tells so.
            self.shared.reopen();
        }
        let noted = at_rest || self.is_large();
        let mut told = Vec::with_capacity(jobs.len());
        let mut touched = Touched::new();
        let write = AssertUnwindSafe(|| self.write(jobs, purge, noted, &mut touched, &mut told));
        // What the store panicked over must not take the thread along.
        let written = catch_unwind(write).unwrap_or_else(|_| {
            let message = "the store failed to write";
            Err(ReadError(StorageError::Failed(message.into())))
        });
        let failure = written.err().map(|error| error.0);
        match &failure {
            None => {
                self.noted = noted;
                self.changes.over();
                if any_group {
                    self.groups.over();
                }
                for (state, row) in touched.values() {
                    state.written(*row);
                }
                self.purge_more(&touched);
            }
            Some(error) => {
                tracing::error!(%error, "nothing could be written");
                let opened = self.shared.database().is_some() && self.shared.reopen();
                // Only groups may have been too much for it.
                if any_group {
                    self.groups.failed(error.clone(), Instant::now());
                }
                if !any_group || !opened {
                    self.changes.failed(error.clone(), Instant::now());
                }
                self.postponed.extend(purge);
            }
        }
        for Told { done, result } in told {
            done(failure.clone().map_or(result, Err));
        }
    }

    /// Whether it would take too long to find out what is in use.
    fn is_large(&self) -> bool {
        room::taken(&format::store(&self.shared.folder)) >= self.shared.upkeep.noted_from
    }

    /// Tells those that they cannot be written, and gives the rest.
    fn refuse_for_want_of_room(&self, jobs: Vec<Job>) -> Vec<Job> {
        let space = &self.shared.space;
        let sizes = jobs.iter().map(|job| match job {
            Job::Append { entry, .. } => entry.bytes.len() as u64,
            Job::Change { .. } => 0,
        });
        let bytes: u64 = sizes.sum();
        let groups = match bytes {
            0 => Ok(()),
            // What the file has to spare is looked for only when the disk has none.
            _ => space
                .check_groups(bytes, 0)
                .or_else(|_| space.check_groups(bytes, self.spare())),
        };
        let changes = space.check_change();
        if groups.is_ok() && changes.is_ok() {
            return jobs;
        }
        let mut kept = Vec::new();
        for job in jobs {
            match (job, &groups, &changes) {
                (Job::Append { done, .. }, Err(full), _)
                | (Job::Change { done, .. }, _, Err(full)) => done(Err(full.clone())),
                (job, ..) => kept.push(job),
            }
        }
        kept
    }

    /// How much room the file has for groups without growing.
    fn spare(&self) -> u64 {
        let logs = self.shared.logs();
        let groups = logs.values().map(|log| log.get().bytes).sum();
        room::spare(room::taken(&format::store(&self.shared.folder)), groups)
    }

    fn write(
        &self,
        jobs: Vec<Job>,
        purge: Option<LogId>,
        noted: bool,
        touched: &mut Touched,
        told: &mut Vec<Told>,
    ) -> Result<(), ReadError> {
        let guard = self.shared.database();
        let Some(database) = &*guard else {
            for job in jobs {
                let (Job::Append { done, .. } | Job::Change { done, .. }) = job;
                let result = Ok(());
                told.push(Told { done, result });
            }
            let why = "it could not be opened again";
            return Err(ReadError(StorageError::Failed(why.into())));
        };
        // Whoever waits is told even when the store panics below.
        let mut writes = Vec::with_capacity(jobs.len());
        for job in jobs {
            let (write, done) = match job {
                Job::Append { log, entry, done } => (Write::Group(log, entry), done),
                Job::Change { changes, done } => (Write::Changes(changes), done),
            };
            writes.push(write);
            let result = Ok(());
            told.push(Told { done, result });
        }
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(noted);
        {
            let mut tables = Tables {
                facts: transaction.open_table(FACTS)?,
                logs: transaction.open_table(LOGS)?,
                heads: transaction.open_table(HEADS)?,
                groups: transaction.open_table(GROUPS)?,
            };
            for (write, told) in writes.into_iter().zip(told) {
                match write {
                    Write::Group(log, entry) => {
                        told.result = tables.append(touched, log, &entry)?;
                    }
                    Write::Changes(changes) => {
                        for log in &changes.removed {
                            let state = self.shared.state(*log, 0);
                            touch(touched, &state).removed = true;
                        }
                        tables.change(&changes)?;
                    }
                }
            }
            if let Some(log) = purge {
                let state = self.shared.state(log, 0);
                let row = touch(touched, &state);
                tables.purge(log, row)?;
            }
            for (id, (_, row)) in touched.iter() {
                tables.keep(*id, *row)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Goes on with what is not deleted yet, and forgets logs of which nothing is left.
    fn purge_more(&self, touched: &Touched) {
        for (id, (_, row)) in touched {
            if row.purged < row.purge_end() {
                self.shared.queue.purge(*id);
            } else if row.removed {
                self.shared.logs().remove(id);
            }
        }
    }
}

/// Tells those who wait that nothing was written.
fn refuse(jobs: Vec<Job>, why: &StorageError) {
    for job in jobs {
        let (Job::Append { done, .. } | Job::Change { done, .. }) = job;
        done(Err(why.clone()));
    }
}

enum Write {
    Group(Arc<LogState>, Entry),
    Changes(Changes),
}

/// The log as it will be after the commit.
fn touch<'a>(touched: &'a mut Touched, log: &Arc<LogState>) -> &'a mut LogRow {
    let begin = || (Arc::clone(log), log.get());
    &mut touched.entry(log.id).or_insert_with(begin).1
}

/// The tables of one transaction.
struct Tables<'a> {
    facts: Table<'a, &'static str, &'static [u8]>,
    logs: Table<'a, u64, LogNumbers>,
    heads: Table<'a, (u64, u64), HeadNumbers>,
    groups: Table<'a, (u64, u64), &'static [u8]>,
}

impl Tables<'_> {
    fn append(
        &mut self,
        touched: &mut Touched,
        log: Arc<LogState>,
        entry: &Entry,
    ) -> Result<Result<(), StorageError>, ReadError> {
        let row = touch(touched, &log);
        if row.removed {
            return Ok(Err(StorageError::Gone));
        }
        let head = EntryHead {
            // The clock may have been set back.
            received: entry.head.received.max(row.newest),
            ..entry.head
        };
        let key = (log.id.0, row.next);
        self.heads.insert(key, head.numbers())?;
        self.groups.insert(key, &*entry.bytes)?;
        if row.first == row.next {
            row.oldest = head.received;
        }
        row.next += 1;
        row.newest = head.received;
        row.bytes += u64::from(head.kept);
        row.logs += entry.logs;
        Ok(Ok(()))
    }

    fn change(&mut self, changes: &Changes) -> Result<(), ReadError> {
        for prefix in &changes.erased_under {
            let mut names = Vec::new();
            for fact in self.facts.range(prefix.as_str()..)? {
                let name = fact?.0.value().to_owned();
                if !name.starts_with(prefix) {
                    break;
                }
                names.push(name);
            }
            for name in names {
                self.facts.remove(name.as_str())?;
            }
        }
        for name in &changes.erased {
            self.facts.remove(name.as_str())?;
        }
        for (name, fact) in &changes.written {
            self.facts.insert(name.as_str(), &*with_checksum(fact))?;
        }
        Ok(())
    }

    /// Deletes some of what nobody can read any more.
    fn purge(&mut self, log: LogId, row: &mut LogRow) -> Result<(), ReadError> {
        let mut bytes = 0;
        for _ in 0..PURGED_GROUPS {
            if row.purged >= row.purge_end() || bytes > PURGED_BYTES {
                break;
            }
            let key = (log.0, row.purged);
            if let Some(head) = self.heads.remove(key)? {
                bytes += u64::from(EntryHead::of(head.value()).kept);
            }
            self.groups.remove(key)?;
            row.purged += 1;
        }
        row.bytes = row.bytes.saturating_sub(bytes);
        Ok(())
    }

    fn keep(&mut self, log: LogId, row: LogRow) -> Result<(), ReadError> {
        if row.removed && row.purged >= row.next {
            self.logs.remove(log.0)?;
        } else {
            self.logs.insert(log.0, row.numbers())?;
        }
        Ok(())
    }
}
