use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Disk, DiskFile, Lock};

/// A file system in memory, with faults, processes that are killed, and losses of power.
///
/// Clones share the files.
#[derive(Debug, Clone)]
pub(in crate::spool) struct MemoryDisk {
    machine: Arc<Mutex<Machine>>,
    process: u32,
}

/// What fails once, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::spool) enum Fault {
    /// A write stops after this many bytes.
    Write(usize, ErrorKind),
    Sync,
    SyncFolder,
    Create,
    Remove,
    Rename,
    Truncate,
    Read,
}

#[derive(Debug, Default)]
struct Machine {
    files: BTreeMap<PathBuf, Entry>,
    folders: BTreeSet<PathBuf>,
    /// Removed, and the folder not synchronised since.
    removed: Vec<Entry>,
    locks: BTreeMap<PathBuf, u32>,
    dead: BTreeSet<u32>,
    processes: u32,
    faults: Vec<Fault>,
    /// The bytes and calls that the running process lives on.
    lifetime: Option<u64>,
    capacity: Option<u64>,
    writes: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    inode: Arc<Mutex<Inode>>,
    /// Where it is found after a loss of power.
    durable: Option<PathBuf>,
}

#[derive(Debug, Default)]
struct Inode {
    data: Vec<u8>,
    durable: usize,
}

impl MemoryDisk {
    pub(in crate::spool) fn new() -> Self {
        Self {
            machine: Arc::default(),
            process: 0,
        }
    }

    /// The same files, seen by another process.
    pub(in crate::spool) fn process(&self) -> Self {
        let mut machine = self.machine();
        machine.processes += 1;
        Self {
            machine: Arc::clone(&self.machine),
            process: machine.processes,
        }
    }

    /// Lets a call fail, the first one of its kind.
    pub(in crate::spool) fn fail(&self, fault: Fault) {
        self.machine().faults.push(fault);
    }

    pub(in crate::spool) fn no_faults(&self) {
        self.machine().faults.clear();
    }

    pub(in crate::spool) fn set_capacity(&self, bytes: Option<u64>) {
        self.machine().capacity = bytes;
    }

    /// Kills the process once it has written this many bytes; any other call counts as one.
    pub(in crate::spool) fn kill_after(&self, bytes: u64) {
        self.machine().lifetime = Some(bytes);
    }

    pub(in crate::spool) fn is_dead(&self) -> bool {
        self.machine().dead.contains(&self.process)
    }

    pub(in crate::spool) fn kill(&self) {
        self.machine().kill(self.process);
    }

    /// Kills the process and takes from the files what was not durable, or only a part of it, as
    /// `choose` says: it is given a number of choices.
    pub(in crate::spool) fn lose_power(&self, mut choose: impl FnMut(usize) -> usize) {
        let mut machine = self.machine();
        machine.kill(self.process);
        let mut entries: Vec<(Option<PathBuf>, Entry)> = std::mem::take(&mut machine.files)
            .into_iter()
            .map(|(path, entry)| (Some(path), entry))
            .collect();
        entries.extend(
            std::mem::take(&mut machine.removed)
                .into_iter()
                .map(|entry| (None, entry)),
        );
        for (path, mut entry) in entries {
            let path = if choose(2) == 0 {
                path
            } else {
                entry.durable.clone()
            };
            let Some(path) = path else { continue };
            {
                let mut inode = entry.inode.lock().unwrap();
                let unsafe_bytes = inode.data.len() - inode.durable;
                let kept = inode.durable + choose(unsafe_bytes + 1);
                let length = kept + choose(inode.data.len() - kept + 1);
                inode.data.truncate(kept);
                // The length may arrive before the data.
                inode.data.resize(length, 0);
                inode.durable = length;
            }
            machine.folders.insert(path.parent().unwrap().to_owned());
            entry.durable = Some(path.clone());
            machine.files.entry(path).or_insert(entry);
        }
    }

    pub(in crate::spool) fn files(&self) -> Vec<PathBuf> {
        self.machine().files.keys().cloned().collect()
    }

    pub(in crate::spool) fn folders(&self) -> Vec<PathBuf> {
        self.machine().folders.iter().cloned().collect()
    }

    pub(in crate::spool) fn contents(&self, path: &Path) -> Vec<u8> {
        let entry = self.machine().files[path].clone();
        let inode = entry.inode.lock().unwrap();
        inode.data.clone()
    }

    pub(in crate::spool) fn put(&self, path: &Path, data: Vec<u8>) {
        let mut machine = self.machine();
        machine.folders.insert(path.parent().unwrap().to_owned());
        let inode = Inode {
            durable: data.len(),
            data,
        };
        let entry = Entry {
            inode: Arc::new(Mutex::new(inode)),
            durable: Some(path.to_owned()),
        };
        machine.files.insert(path.to_owned(), entry);
    }

    /// How often a file was written to.
    pub(in crate::spool) fn writes(&self) -> u64 {
        self.machine().writes
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap()
    }

    /// Begins a call, of a process that may not survive it.
    fn call(&self, fault: Option<Fault>) -> io::Result<MutexGuard<'_, Machine>> {
        let mut machine = self.machine();
        machine.live(self.process, 1)?;
        if let Some(at) = machine.faults.iter().position(|next| Some(*next) == fault) {
            machine.faults.remove(at);
            return Err(io::Error::other("a fault"));
        }
        Ok(machine)
    }

    fn opened(&self, inode: Arc<Mutex<Inode>>) -> Box<dyn DiskFile> {
        Box::new(MemoryFile {
            disk: self.clone(),
            inode,
        })
    }
}

impl Machine {
    fn kill(&mut self, process: u32) {
        self.dead.insert(process);
        self.locks.retain(|_, holder| *holder != process);
        self.lifetime = None;
    }

    /// Takes from the lifetime; fails when the process is dead, and kills it when it is used up.
    fn live(&mut self, process: u32, cost: u64) -> io::Result<()> {
        let dead = || Err(io::Error::other("the process is dead"));
        if self.dead.contains(&process) {
            return dead();
        }
        if let Some(left) = &mut self.lifetime {
            match left.checked_sub(cost) {
                Some(rest) => *left = rest,
                None => {
                    self.kill(process);
                    return dead();
                }
            }
        }
        Ok(())
    }
}

impl Disk for MemoryDisk {
    fn create_root(&self, path: &Path) -> io::Result<()> {
        self.call(None)?.folders.insert(path.to_owned());
        Ok(())
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        if self.call(None)?.folders.insert(path.to_owned()) {
            Ok(())
        } else {
            Err(ErrorKind::AlreadyExists.into())
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, u64)>> {
        let machine = self.call(None)?;
        let name = |path: &Path| {
            (path.parent() == Some(folder))
                .then(|| path.file_name().unwrap().to_string_lossy().into_owned())
        };
        let files = machine.files.iter().filter_map(|(path, entry)| {
            let bytes = entry.inode.lock().unwrap().data.len() as u64;
            Some((name(path)?, bytes))
        });
        let folders = machine
            .folders
            .iter()
            .filter_map(|path| Some((name(path)?, 0)));
        Ok(files.chain(folders).collect())
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut machine = self.call(Some(Fault::Create))?;
        if machine.files.contains_key(path) {
            return Err(ErrorKind::AlreadyExists.into());
        }
        let inode: Arc<Mutex<Inode>> = Arc::default();
        let entry = Entry {
            inode: Arc::clone(&inode),
            durable: None,
        };
        machine.files.insert(path.to_owned(), entry);
        drop(machine);
        Ok(self.opened(inode))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let machine = self.call(None)?;
        let entry = machine.files.get(path).ok_or(ErrorKind::NotFound)?;
        let inode = Arc::clone(&entry.inode);
        drop(machine);
        Ok(self.opened(inode))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut machine = self.call(Some(Fault::Rename))?;
        let entry = machine.files.remove(from).ok_or(ErrorKind::NotFound)?;
        machine.files.insert(to.to_owned(), entry);
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.call(Some(Fault::Remove))?;
        let entry = machine.files.remove(path).ok_or(ErrorKind::NotFound)?;
        machine.removed.push(entry);
        Ok(())
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.call(None)?;
        if machine.files.keys().any(|file| file.parent() == Some(path)) {
            return Err(ErrorKind::DirectoryNotEmpty.into());
        }
        machine.folders.remove(path);
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.call(Some(Fault::SyncFolder))?;
        let within = |file: &Path| file.parent() == Some(path);
        for (file, entry) in &mut machine.files {
            if within(file) {
                entry.durable = Some(file.clone());
            }
        }
        machine
            .removed
            .retain(|entry| !entry.durable.as_deref().is_some_and(within));
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<Box<dyn Lock>>> {
        let mut machine = self.call(None)?;
        if !machine.folders.contains(path.parent().unwrap()) {
            return Ok(None);
        }
        if machine.locks.contains_key(path) {
            return Ok(None);
        }
        machine.locks.insert(path.to_owned(), self.process);
        machine
            .files
            .entry(path.to_owned())
            .or_insert_with(|| Entry {
                inode: Arc::default(),
                durable: None,
            });
        Ok(Some(Box::new(MemoryLock {
            disk: self.clone(),
            path: path.to_owned(),
        })))
    }

    /// A dead process is no longer who it was, so that what it left in memory does nothing more.
    fn process_id(&self) -> u32 {
        if self.is_dead() { 0 } else { self.process }
    }
}

#[derive(Debug)]
struct MemoryLock {
    disk: MemoryDisk,
    path: PathBuf,
}

impl Lock for MemoryLock {}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        let mut machine = self.disk.machine();
        if machine.locks.get(&self.path) == Some(&self.disk.process) {
            machine.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    inode: Arc<Mutex<Inode>>,
}

impl DiskFile for MemoryFile {
    fn append(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let mut machine = self.disk.call(None)?;
        machine.writes += 1;
        let mut bytes = [head, body].concat();
        let mut result = Ok(());
        let faulty = |fault: &Fault| matches!(fault, Fault::Write(..));
        if let Some(at) = machine.faults.iter().position(faulty) {
            if let Fault::Write(limit, kind) = machine.faults.remove(at) {
                bytes.truncate(limit);
                result = Err(kind.into());
            }
        }
        if let Some(capacity) = machine.capacity {
            let used: usize = machine
                .files
                .values()
                .map(|entry| entry.inode.lock().unwrap().data.len())
                .sum();
            let room = capacity.saturating_sub(used as u64) as usize;
            if bytes.len() > room {
                bytes.truncate(room);
                result = Err(ErrorKind::StorageFull.into());
            }
        }
        if let Some(left) = machine.lifetime {
            bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len()));
        }
        let alive = machine.live(self.disk.process, (head.len() + body.len()) as u64);
        self.inode.lock().unwrap().data.extend_from_slice(&bytes);
        alive.and(result)
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let _machine = self.disk.call(Some(Fault::Read))?;
        let inode = self.inode.lock().unwrap();
        let rest = inode.data.get(offset as usize..).unwrap_or(&[]);
        let bytes = rest.len().min(into.len());
        into[..bytes].copy_from_slice(&rest[..bytes]);
        Ok(bytes)
    }

    fn truncate(&mut self, bytes: u64) -> io::Result<()> {
        let _machine = self.disk.call(Some(Fault::Truncate))?;
        let mut inode = self.inode.lock().unwrap();
        inode.data.truncate(bytes as usize);
        inode.durable = inode.durable.min(inode.data.len());
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let _machine = self.disk.call(Some(Fault::Sync))?;
        let mut inode = self.inode.lock().unwrap();
        inode.durable = inode.data.len();
        Ok(())
    }
}
