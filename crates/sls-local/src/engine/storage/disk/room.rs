//! How full the disk is.
//!
//! The store is useless after its first failed write until it is opened anew, so a full disk
//! is noticed before something is written to it.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::super::StorageError;

/// Left free by puts, so that logs can still be deleted and groups still be trimmed.
const RESERVE: u64 = 16 << 20;
/// Left free by everything else, for the pages that any change touches, and for the note of
/// those that are in use.
const LEAST: u64 = 4 << 20;
/// Pages have sizes of powers of two, so a group may take twice its size.
const AMPLIFICATION: u64 = 2;

/// Tells how many bytes are free; `None` where the system does not say.
type Free = dyn Fn() -> Option<u64> + Send + Sync;

/// The room on the disk of a folder.
#[derive(Clone)]
pub(super) struct FreeSpace(Arc<Free>);

impl FreeSpace {
    pub(super) fn of(folder: &Path) -> Self {
        let folder = folder.to_owned();
        Self(Arc::new(move || free(&folder)))
    }

    #[cfg(test)]
    pub(super) fn new(free: impl Fn() -> Option<u64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(free))
    }

    /// Whether so many bytes of groups can be written. `spare` is what the file holds and does
    /// not need.
    pub(super) fn check_groups(&self, bytes: u64, spare: u64) -> Result<(), StorageError> {
        let needed = bytes.saturating_mul(AMPLIFICATION);
        match (self.0)() {
            Some(free) if free.saturating_sub(RESERVE).saturating_add(spare) < needed.max(1) => {
                Err(StorageError::DiskFull)
            }
            _ => Ok(()),
        }
    }

    /// Whether a small change can be written.
    pub(super) fn check_change(&self) -> Result<(), StorageError> {
        match (self.0)() {
            Some(free) if free < LEAST => Err(StorageError::DiskFull),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for FreeSpace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("FreeSpace").field(&(self.0)()).finish()
    }
}

/// How much of a file so many bytes of groups take at most.
pub(super) fn used(groups: u64) -> u64 {
    groups.saturating_mul(AMPLIFICATION)
}

/// How much of a file's size is not taken by so many bytes of groups.
pub(super) fn spare(file: u64, groups: u64) -> u64 {
    file.saturating_sub(used(groups)).saturating_sub(RESERVE)
}

#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

/// The bytes that a file really takes, holes not counted.
#[cfg(unix)]
pub(super) fn taken(file: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    const BLOCK: u64 = 512;
    std::fs::metadata(file).map_or(0, |file| file.blocks() * BLOCK)
}

/// The bytes that a file takes.
#[cfg(not(unix))]
pub(super) fn taken(file: &Path) -> u64 {
    std::fs::metadata(file).map_or(0, |file| file.len())
}

/// Whether a write failed for want of room: on the disk, by a quota, or by a limit of files.
pub(super) fn is_full(cause: &io::Error) -> bool {
    matches!(
        cause.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}
