use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::disk::{Disk, DiskFile, SystemDisk};
use super::folder::Folder;
use super::format::{MAX_BODY, RECORD_HEAD, ends_fit, segment_head, write_record};
use super::name::SegmentName;
use super::reader::Reader;
use super::segment::Segment;
use super::{Damage, EntryId, Fsync, Record, SpoolConfig, SpoolError, SpoolStats};

/// How many reports of damage are kept for the reader; more are only counted.
const MAX_NOTICES: usize = 256;
/// A buffer that a record has grown above this is not kept.
const KEPT_SCRATCH: usize = 1 << 20;

/// A write-ahead log on disk for what is not delivered yet.
///
/// Not synchronised and blocking: one thread owns it.
/// In a child process made by `fork` every call fails with [`SpoolError::Forked`] or does
/// nothing; the child drops it and opens its own in the same folder.
///
/// Dropping it closes it, errors aside; see [`close`](Self::close).
#[derive(Debug)]
pub struct Spool {
    pub(super) disk: Box<dyn Disk>,
    config: SpoolConfig,
    pub(super) root: PathBuf,
    /// The process that opened it.
    owner: u32,
    pub(super) folder: Folder,
    /// By age.
    pub(super) segments: BTreeMap<SegmentName, Segment>,
    active: Option<Active>,
    pub(super) reader: Option<Reader>,
    pub(super) ack_file: Option<(SegmentName, Box<dyn DiskFile>)>,
    next_sequence: u64,
    scratch: Vec<u8>,
    /// Damage that was found while something else was done.
    pub(super) notices: VecDeque<Damage>,
    sync: SyncState,
    pub(super) stats: SpoolStats,
}

/// The segment that records are appended to.
#[derive(Debug)]
struct Active {
    name: SegmentName,
    file: Box<dyn DiskFile>,
}

/// What is not known to be durable.
#[derive(Debug, Default)]
struct SyncState {
    /// Records in the active segment.
    records: bool,
    /// Names of files.
    folder: bool,
    /// When a commit first saw it.
    since: Option<Instant>,
    /// A failure that the next commit tells.
    failed: Option<SpoolError>,
}

impl SyncState {
    fn is_dirty(&self) -> bool {
        self.records || self.folder || self.failed.is_some()
    }

    /// Keeps a failure for the next commit; the first one is enough.
    fn fail(&mut self, path: PathBuf, source: io::Error) {
        if self.failed.is_none() {
            self.failed = Some(SpoolError::NotDurable { path, source });
        }
    }
}

impl Spool {
    /// Opens a spool in `root`, which is created when it is missing.
    ///
    /// Each open spool has a folder of its own in there, so any number of processes and instances
    /// may share a root. What ended ones have left is taken over by the first who opens, and comes
    /// out of [`next_pending`](Self::next_pending). The root has to be on a local file system that
    /// supports locks.
    ///
    /// # Errors
    /// [`SpoolError::Config`], and [`SpoolError::Io`] when the root cannot be written to. Files
    /// that cannot be read are not an error: they come out of `next_pending` as [`Damage`].
    pub fn open(root: impl AsRef<Path>, config: SpoolConfig) -> Result<Self, SpoolError> {
        Self::open_on(Box::new(SystemDisk), root.as_ref(), config)
    }

    pub(super) fn open_on(
        disk: Box<dyn Disk>,
        root: &Path,
        config: SpoolConfig,
    ) -> Result<Self, SpoolError> {
        config.validate()?;
        let folder = Folder::claim(&*disk, root, config.fsync() != Fsync::System)?;
        let stats = SpoolStats {
            max_bytes: config.max_bytes(),
            ..SpoolStats::default()
        };
        let mut spool = Self {
            owner: disk.process_id(),
            disk,
            config,
            root: root.to_owned(),
            folder,
            segments: BTreeMap::new(),
            active: None,
            reader: None,
            ack_file: None,
            next_sequence: 0,
            scratch: Vec::new(),
            notices: VecDeque::new(),
            sync: SyncState::default(),
            stats,
        };
        spool.adopt()?;
        Ok(spool)
    }

    /// Writes a record at the end, and hands out its name.
    ///
    /// From now on it survives the process, and after a [`commit`](Self::commit) also what
    /// [`Fsync`] says. The caller is taken to have it in memory: it is not read back before it is
    /// [released](Self::release).
    ///
    /// # Errors
    /// [`SpoolError::Full`], [`SpoolError::TooLarge`], [`SpoolError::Malformed`], or
    /// [`SpoolError::Io`]; nothing of the record is kept then, and a later call may succeed.
    pub fn append(&mut self, record: Record<'_>) -> Result<EntryId, SpoolError> {
        self.check_owner()?;
        if !ends_fit(record.ends, record.bytes.len()) {
            return Err(SpoolError::Malformed);
        }
        let body =
            record.lane.len() as u64 + 4 * record.ends.len() as u64 + record.bytes.len() as u64;
        let total = body + RECORD_HEAD as u64;
        let limit = self.config.largest_record();
        if body > MAX_BODY || total > limit {
            return Err(SpoolError::TooLarge {
                bytes: total,
                limit,
            });
        }
        self.make_room(total)?;
        let mut active = match self.active.take() {
            Some(active) => active,
            None => self.create_segment()?,
        };

        let name = active.name;
        let sequence = self.next_sequence;
        let mut head = std::mem::take(&mut self.scratch);
        write_record(
            &mut head,
            name.salt,
            sequence,
            record.lane,
            record.ends,
            record.bytes,
        );
        let written = active.file.append(&head, record.bytes);
        if head.capacity() <= KEPT_SCRATCH {
            self.scratch = head;
        }
        let offset = self.segments[&name].bytes;
        if let Err(source) = written {
            // What a reader has seen behind the end is about to change.
            self.reader = None;
            let restored = active.file.truncate(offset);
            self.active = Some(active);
            if restored.is_err() {
                self.grow(name, total);
                self.seal();
            }
            return Err(SpoolError::io("append to", &self.path(name.records()))(
                source,
            ));
        }
        self.active = Some(active);
        self.grow(name, total);
        if let Some(segment) = self.segments.get_mut(&name) {
            segment.held += 1;
        }
        self.next_sequence += 1;
        self.sync.records = true;
        self.stats.appended += 1;
        Ok(EntryId {
            segment: name,
            sequence,
            offset,
        })
    }

    /// Makes what was appended durable, if the configured policy wants that now.
    ///
    /// Called after every record or group of records, and when [`next_commit`](Self::next_commit)
    /// says so.
    ///
    /// # Errors
    /// [`SpoolError::NotDurable`] tells of everything since the last commit that succeeded.
    pub fn commit(&mut self, now: Instant) -> Result<(), SpoolError> {
        self.check_owner()?;
        if !self.sync.is_dirty() {
            return Ok(());
        }
        let since = *self.sync.since.get_or_insert(now);
        let wanted = match self.config.fsync() {
            Fsync::EveryRecord => true,
            Fsync::Interval(interval) => now.saturating_duration_since(since) >= interval,
            Fsync::System => false,
        };
        if wanted || self.sync.failed.is_some() {
            self.sync()
        } else {
            Ok(())
        }
    }

    /// When [`commit`](Self::commit) has something to do without another record, if ever.
    #[must_use]
    pub fn next_commit(&self) -> Option<Instant> {
        match self.config.fsync() {
            Fsync::Interval(interval) => self.sync.since?.checked_add(interval),
            Fsync::EveryRecord | Fsync::System => None,
        }
    }

    /// Makes what was appended durable, whatever the policy.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        self.check_owner()?;
        self.sync.since = None;
        if self.sync.records {
            self.sync_active();
        }
        if std::mem::take(&mut self.sync.folder) {
            if let Err(source) = self.disk.sync_folder(&self.folder.path) {
                let path = self.folder.path.clone();
                self.sync.fail(path, source);
                // The next record begins a new file, whose name is made durable anew.
                self.seal();
            }
        }
        match self.sync.failed.take() {
            Some(error) => {
                self.stats.failed_syncs += 1;
                Err(error)
            }
            None => Ok(()),
        }
    }

    /// Says that an entry is done: it is never handed out again, also not after a restart.
    ///
    /// The record of this is written at once and survives the process. It is not forced to the
    /// disk: after a loss of power, what was delivered last may come again.
    ///
    /// # Errors
    /// [`SpoolError::Io`] when it could not be written. The entry is done for this process, the
    /// next acknowledgement tries again, and after a restart it may come again.
    pub fn acknowledge(&mut self, id: EntryId) -> Result<(), SpoolError> {
        self.check_owner()?;
        let name = id.segment;
        // Of a spool that was open before this one: not ours to tell.
        let Some(segment) = self.segments.get_mut(&name) else {
            return Ok(());
        };
        segment.held = segment.held.saturating_sub(1);
        let end = id.sequence.saturating_add(1);
        segment.done.insert(id.sequence, end);
        segment.unsaved.insert(id.sequence, end);
        self.stats.acknowledged += 1;
        if segment.is_done() && !segment.active && self.remove(name) {
            return Ok(());
        }
        self.save_acks(name)
    }

    /// Says that an entry is no longer in memory: [`next_pending`](Self::next_pending) hands it
    /// out again.
    pub fn release(&mut self, id: EntryId) {
        if let Some(segment) = self.segments.get_mut(&id.segment) {
            segment.held = segment.held.saturating_sub(1);
            segment.waiting.add(id.sequence, id.offset);
        }
    }

    /// Ends the use of the spool: makes everything durable, unless the policy leaves that to the
    /// system, and removes the folder when nothing is left in it.
    ///
    /// What is not acknowledged stays, and is handed out by the next spool that is opened in this
    /// root.
    ///
    /// # Errors
    /// [`SpoolError::NotDurable`], as [`commit`](Self::commit).
    pub fn close(mut self) -> Result<(), SpoolError> {
        self.finish()
    }

    fn finish(&mut self) -> Result<(), SpoolError> {
        self.check_owner()?;
        let synced = if self.promises_power_loss() && self.sync.is_dirty() {
            self.sync()
        } else {
            Ok(())
        };
        self.seal();
        self.reap();
        self.reader = None;
        self.ack_file = None;
        if self.segments.is_empty() {
            self.folder.remove(&*self.disk);
        }
        synced
    }

    /// The policy it was opened with.
    #[must_use]
    pub fn fsync(&self) -> Fsync {
        self.config.fsync()
    }

    pub(super) fn check_owner(&self) -> Result<(), SpoolError> {
        if self.is_owner() {
            Ok(())
        } else {
            Err(SpoolError::Forked)
        }
    }

    pub(super) fn is_owner(&self) -> bool {
        self.disk.process_id() == self.owner
    }

    /// Whether the policy promises anything for a loss of power.
    pub(super) fn promises_power_loss(&self) -> bool {
        self.config.fsync() != Fsync::System
    }

    pub(super) fn path(&self, file: String) -> PathBuf {
        self.folder.path.join(file)
    }

    /// Keeps a report for the reader.
    pub(super) fn notice(&mut self, damage: Damage) {
        if self.notices.len() < MAX_NOTICES {
            self.notices.push_back(damage);
        } else {
            self.stats.count(&damage);
        }
    }

    pub(super) fn folder_changed(&mut self) {
        self.sync.folder = true;
    }

    fn grow(&mut self, name: SegmentName, bytes: u64) {
        if let Some(segment) = self.segments.get_mut(&name) {
            segment.bytes += bytes;
            self.stats.bytes += bytes;
        }
    }

    /// Sees to it that a record of `total` bytes may be written, in a new segment if need be.
    fn make_room(&mut self, total: u64) -> Result<(), SpoolError> {
        let head = super::format::SEGMENT_HEAD as u64;
        let fits_active = |spool: &Self| {
            spool.active.as_ref().is_some_and(|active| {
                let bytes = spool.segments[&active.name].bytes;
                bytes == head || bytes + total <= spool.config.segment_bytes()
            })
        };
        let fits = |spool: &Self| {
            let head = if fits_active(spool) { 0 } else { head };
            spool.stats.bytes + head + total <= spool.config.max_bytes()
        };
        if !fits(self) {
            // Room is freed by whole segments, and the active one may be done, too.
            if let Some(active) = &self.active {
                if self.segments[&active.name].is_done() {
                    self.seal();
                }
            }
            self.reap();
        }
        if !fits(self) {
            return Err(SpoolError::Full {
                bytes: self.stats.bytes,
                max_bytes: self.config.max_bytes(),
            });
        }
        if !fits_active(self) {
            self.seal();
        }
        Ok(())
    }

    fn create_segment(&mut self) -> Result<Active, SpoolError> {
        let seed = (self.owner, self.folder.number, self.next_sequence);
        let name = SegmentName {
            folder: self.folder.number,
            first: self.next_sequence,
            // Random keys of the standard library, which are all that is wanted here.
            salt: RandomState::new().hash_one(seed),
        };
        let path = self.path(name.records());
        let created = self.disk.create(&path).and_then(|mut file| {
            match file.append(&segment_head(name.salt), &[]) {
                Ok(()) => Ok(file),
                Err(error) => {
                    drop(file);
                    // It holds nothing; where this fails it is found, and removed, later.
                    let _ = self.disk.remove_file(&path);
                    Err(error)
                }
            }
        });
        let file = created.map_err(SpoolError::io("create", &path))?;
        let segment = Segment::created(name);
        self.stats.bytes += segment.bytes;
        self.segments.insert(name, segment);
        self.stats.segments = self.segments.len();
        self.sync.folder = true;
        Ok(Active { name, file })
    }

    /// Makes the records of the active segment durable; gives the segment up when that fails.
    fn sync_active(&mut self) {
        self.sync.records = false;
        let Some(active) = &mut self.active else {
            return;
        };
        if let Err(source) = active.file.sync() {
            let path = self.path_of_active();
            self.sync.fail(path, source);
            self.seal();
        }
    }

    fn path_of_active(&self) -> PathBuf {
        match &self.active {
            Some(active) => self.path(active.name.records()),
            None => self.folder.path.clone(),
        }
    }

    /// Ends the active segment. The next record begins a new one.
    fn seal(&mut self) {
        if self.sync.records && self.promises_power_loss() {
            // Comes back here when it fails, with nothing left to sync.
            self.sync_active();
        }
        self.sync.records = false;
        if let Some(Active { name, file }) = self.active.take() {
            drop(file);
            if let Some(segment) = self.segments.get_mut(&name) {
                segment.active = false;
                if segment.is_done() {
                    self.remove(name);
                }
            }
        }
    }

    /// Removes every segment that is done, also those where it failed before.
    pub(super) fn reap(&mut self) {
        let done: Vec<SegmentName> = self
            .segments
            .iter()
            .filter(|(_, segment)| segment.is_done() && !segment.active)
            .map(|(name, _)| *name)
            .collect();
        for name in done {
            self.remove(name);
        }
    }

    /// Removes the files of a segment, and says whether that worked. Where it did not, the segment
    /// counts as on disk, and it is tried again.
    pub(super) fn remove(&mut self, name: SegmentName) -> bool {
        self.reader.take_if(|reader| reader.segment() == name);
        self.ack_file.take_if(|(segment, _)| *segment == name);
        // Acknowledgements last: without them, a segment would come out again.
        for file in [name.records(), name.acks()] {
            match self.disk.remove_file(&self.path(file)) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => return false,
            }
        }
        if let Some(segment) = self.segments.remove(&name) {
            self.stats.bytes -= segment.all_bytes();
        }
        self.stats.segments = self.segments.len();
        true
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        // Nobody is left to tell; `close` tells.
        let _ = self.finish();
    }
}
