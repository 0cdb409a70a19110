//! What the spool asks of a file system.

mod held; // open lock files, for a child to let go of
mod system; // the real one

#[cfg(test)]
pub(super) mod memory; // one in memory, with faults and crashes

use std::fmt::Debug;
use std::io;
use std::path::Path;

#[cfg(unix)]
pub(crate) use held::let_go_in_child;
pub(super) use system::SystemDisk;

/// A file system. Object safe.
///
/// One method per call of the system, so that a fault can be put into each of them.
pub(super) trait Disk: Debug + Send {
    /// Creates a folder and those above it that are missing, durably.
    fn create_root(&self, path: &Path) -> io::Result<()>;
    /// Creates a folder; fails with `AlreadyExists` when it is there.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Names and lengths of what is in a folder, in no order; folders have length 0.
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, u64)>>;
    /// Creates an empty file; fails with `AlreadyExists` when it is there.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Opens a file for reading and appending; fails with `NotFound` when it is not there.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    /// Removes an empty folder.
    fn remove_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// Locks a file, which is created when it is missing, until the answer is dropped.
    ///
    /// Nothing when somebody else holds it, or when the file was removed meanwhile.
    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>>;
    fn process_id(&self) -> u32;
}

const _: fn(&dyn Disk) = |_| {};

/// A lock that ends when it is dropped, or with the process.
pub(super) trait Lock: Debug + Send {}

/// An open file. Object safe.
pub(super) trait DiskFile: Debug + Send {
    /// Writes all of `head` and then all of `body` at the end. After an error any part of them
    /// may be there.
    fn append(&mut self, head: &[u8], body: &[u8]) -> io::Result<()>;
    /// Fills `into` from `offset` on, as far as there are bytes, and says how far.
    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// Cuts off what is behind `bytes`.
    fn truncate(&mut self, bytes: u64) -> io::Result<()>;
    /// Makes the contents durable.
    fn sync(&mut self) -> io::Result<()>;
}
