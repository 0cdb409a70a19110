//! Folders of open spools, and those that ended processes left.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Lock};
use super::name::{self, FileName, LOCK, SegmentName};
use super::segment::Segment;
use super::{Damage, DamageKind, Spool, SpoolError};

/// How many numbers are tried, when others open spools at the same moment.
const ATTEMPTS: u64 = 1000;

/// A folder that is ours as long as this exists.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    #[expect(dead_code, reason = "held")]
    lock: Box<dyn Lock>,
}

impl Folder {
    /// Creates a folder with a number above all others.
    ///
    /// Its name is durable when this returns, if it is to be.
    pub(super) fn claim(disk: &dyn Disk, root: &Path, durable: bool) -> Result<Self, SpoolError> {
        disk.create_root(root)
            .map_err(SpoolError::io("create", root))?;
        let first = folders(disk, root)?.pop().map_or(1, |last| last + 1);
        for number in first..first + ATTEMPTS {
            let path = root.join(name::folder(number));
            match disk.create_folder(&path) {
                Ok(()) => {
                    let lock = disk
                        .lock(&path.join(LOCK))
                        .map_err(SpoolError::io("lock", &path))?;
                    // Another process may take an empty folder for a left-over and remove it.
                    if let Some(lock) = lock {
                        if durable {
                            disk.sync_folder(root)
                                .map_err(SpoolError::io("synchronise", root))?;
                        }
                        return Ok(Self { number, path, lock });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(SpoolError::io("create", &path)(error)),
            }
        }
        let busy = io::Error::other("other processes create folders all the time");
        Err(SpoolError::io("create a folder in", root)(busy))
    }

    /// Removes the folder if nothing but its lock is left in it.
    pub(super) fn remove(&self, disk: &dyn Disk) {
        remove_if_empty(disk, &self.path);
    }
}

impl Spool {
    /// Takes over what ended processes have left in the root since it was opened, and says how
    /// many folders that were.
    ///
    /// [`open`](Self::open) does this once. A process that runs for long may do it now and then,
    /// for the others that share its root.
    ///
    /// # Errors
    /// [`SpoolError::Io`] when the root cannot be listed.
    pub fn adopt(&mut self) -> Result<usize, SpoolError> {
        self.check_owner()?;
        let mut adopted = 0;
        let mut acks = BTreeMap::new();
        for number in folders(&*self.disk, &self.root)? {
            if number == self.folder.number {
                continue;
            }
            let path = self.root.join(name::folder(number));
            match self.adopt_folder(&path, &mut acks) {
                Ok(true) => adopted += 1,
                Ok(false) => {}
                Err(error) => self.notice(Damage {
                    path,
                    offset: 0,
                    bytes: 0,
                    kind: DamageKind::Unreadable(error.kind()),
                }),
            }
        }
        for (name, bytes) in acks {
            match self.segments.get_mut(&name) {
                Some(segment) => {
                    let before = std::mem::replace(&mut segment.ack_bytes, bytes);
                    self.stats.bytes = self.stats.bytes - before + bytes;
                }
                // Its segment was removed, and the process stopped before it came to this.
                None => {
                    let _ = self.disk.remove_file(&self.path(name.acks()));
                }
            }
        }
        self.stats.adopted += adopted;
        Ok(adopted)
    }

    /// Moves the files of a folder into ours. No when it is in use.
    fn adopt_folder(
        &mut self,
        from: &Path,
        acks: &mut BTreeMap<SegmentName, u64>,
    ) -> io::Result<bool> {
        let Some(lock) = self.disk.lock(&from.join(LOCK))? else {
            return Ok(false);
        };
        let mut files = Vec::new();
        for (file, bytes) in self.disk.list(from)? {
            match FileName::read(&file) {
                FileName::Lock => {}
                FileName::Acks(name) => files.push((false, name, file, bytes)),
                FileName::Records(name) => files.push((true, name, file, bytes)),
                FileName::Foreign => self.notice(Damage {
                    path: from.join(file),
                    offset: 0,
                    bytes,
                    kind: DamageKind::Foreign,
                }),
            }
        }
        // Acknowledgements first, so that no segment is ever without them; then by age.
        files.sort_unstable();
        let moved = !files.is_empty();
        for (is_records, name, file, bytes) in files {
            let to = self.path(file.clone());
            self.disk.rename(&from.join(file), &to)?;
            if !is_records {
                acks.insert(name, bytes);
                continue;
            }
            self.stats.bytes += bytes;
            self.segments.insert(name, Segment::found(name, bytes, 0));
            self.stats.segments = self.segments.len();
            // Who wrote it may have ended before the time to do this had come.
            if self.promises_power_loss()
                && self
                    .disk
                    .open(&to)
                    .and_then(|mut file| file.sync())
                    .is_err()
            {
                self.stats.failed_syncs += 1;
            }
        }
        if moved && self.promises_power_loss() {
            self.disk.sync_folder(&self.folder.path)?;
            self.disk.sync_folder(from)?;
        }
        remove_if_empty(&*self.disk, from);
        drop(lock);
        Ok(moved)
    }
}

/// The numbers of all folders in a root, lowest first.
fn folders(disk: &dyn Disk, root: &Path) -> Result<Vec<u64>, SpoolError> {
    let names = disk.list(root).map_err(SpoolError::io("list", root))?;
    let mut numbers: Vec<u64> = names
        .iter()
        .filter_map(|(name, _)| name::read_folder(name))
        // Leaves room to count on.
        .filter(|number| *number < u64::MAX - 2 * ATTEMPTS)
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Removes a folder whose lock is held, if there is nothing else in it.
///
/// A failure leaves a folder that the next one to look tries to remove.
fn remove_if_empty(disk: &dyn Disk, path: &Path) {
    let is_empty = disk
        .list(path)
        .is_ok_and(|files| files.iter().all(|(file, _)| file == LOCK));
    if is_empty && disk.remove_file(&path.join(LOCK)).is_ok() {
        let _ = disk.remove_folder(path);
    }
}
