use std::fs;
use std::path::Path;
use std::time::Duration;

use growingio_codecs::Route;
use tempfile::TempDir;
use tokio::time::advance;

use super::*;

const INTERVAL: Duration = Duration::from_millis(500);

/// A folder of a test's own, removed in the end.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn disk(&self) -> Disk {
        self.disk_with(Fsync::Interval(INTERVAL))
    }

    fn disk_with(&self, fsync: Fsync) -> Disk {
        let config = SpoolConfig::default().with_fsync(fsync);
        let root = self.0.path().join("root");
        Disk::open(&DiskSettings { root, config }).unwrap()
    }

    /// Takes the spool's folder away, so that nothing can be made durable in it.
    #[cfg(unix)]
    fn take_away(&self) {
        fs::rename(self.0.path().join("root"), self.0.path().join("away")).unwrap();
    }

    #[cfg(unix)]
    fn give_back(&self) {
        fs::rename(self.0.path().join("away"), self.0.path().join("root")).unwrap();
    }

    /// The files with records.
    fn segments(&self) -> Vec<PathBuf> {
        fn below(folder: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    below(&path, found);
                } else if fs::metadata(&path).unwrap().len() > 0 {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        below(self.0.path(), &mut found);
        found.sort();
        found
    }
}

fn write(disk: &mut Disk, record: &str) -> Mark {
    let to = Destination {
        product_id: "p".into(),
        route: Route::Events,
    };
    disk.write(&to, Format::Json, record.as_bytes()).unwrap()
}

fn read(disk: &mut Disk) -> Option<String> {
    let restored = disk.read(Format::Json)?;
    Some(String::from_utf8(restored.record.into()).unwrap())
}

fn rest(disk: &mut Disk) -> Vec<String> {
    std::iter::from_fn(|| read(disk)).collect()
}

/// A flush that failed was told to the log and forgotten.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn what_could_not_be_flushed_is_written_again_and_comes_once() {
    let folder = Folder::new();
    let mut disk = folder.disk();
    let first = write(&mut disk, "a");
    let marks = [write(&mut disk, "b"), write(&mut disk, "c")];
    let before = folder.segments();
    folder.take_away();
    for _ in 0..3 {
        assert!(disk.next_commit().is_some(), "it is tried again");
        advance(INTERVAL).await;
        disk.commit();
        assert_eq!(disk.fresh.len(), 3, "kept in memory meanwhile");
    }
    folder.give_back();
    // Delivered before it is durable.
    disk.done(first);
    while let Some(due) = disk.next_commit() {
        tokio::time::sleep_until(due).await;
        disk.commit();
    }
    assert_eq!(disk.fresh.len(), 0);
    let after = folder.segments();
    assert!(!after.is_empty());
    assert!(!after.iter().any(|segment| before.contains(segment)));
    drop((disk, marks));
    assert_eq!(rest(&mut folder.disk()), ["b", "c"]);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn what_is_on_disk_alone_stays_in_memory_until_it_is_safe_there() {
    let folder = Folder::new();
    let mut disk = folder.disk();
    for record in ["a", "b", "c", "d"] {
        let mark = write(&mut disk, record);
        disk.spill(mark);
    }
    assert!(disk.has_more());
    folder.take_away();
    advance(INTERVAL).await;
    disk.commit();
    assert_eq!(disk.spilled(), 4);
    assert_eq!(read(&mut disk).as_deref(), Some("a"));
    folder.give_back();
    while let Some(due) = disk.next_commit() {
        tokio::time::sleep_until(due).await;
        disk.commit();
    }
    // From the disk.
    assert_eq!((disk.fresh.len(), disk.spilled()), (0, 3));
    assert_eq!(read(&mut disk).as_deref(), Some("b"));
    // Older than what follows.
    let mark = write(&mut disk, "e");
    disk.spill(mark);
    assert_eq!(rest(&mut disk), ["c", "d", "e"]);
    assert_eq!((disk.has_more(), disk.spilled()), (false, 0));
    drop(disk);
    // Nobody sent any of them.
    let mut left_over = rest(&mut folder.disk());
    left_over.sort();
    assert_eq!(left_over, ["a", "b", "c", "d", "e"]);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn memory_for_what_is_not_durable_is_bounded() {
    let folder = Folder::new();
    let mut disk = folder.disk();
    let large = "x".repeat(1 << 20);
    for _ in 0..9 {
        let _ = write(&mut disk, &large);
        assert!(disk.fresh.bytes() <= MAX_FRESH);
    }
    folder.take_away();
    let to = Destination {
        product_id: "p".into(),
        route: Route::Events,
    };
    let mut write = || disk.write(&to, Format::Json, large.as_bytes()).err();
    let refused = (0..9).find_map(|_| write());
    assert!(
        matches!(refused, Some(Error::NotSpooled { .. })),
        "{refused:?}"
    );
    assert!(disk.fresh.bytes() <= MAX_FRESH);
    folder.give_back();
}

#[tokio::test(start_paused = true)]
async fn other_policies_keep_nothing_in_memory() {
    for fsync in [Fsync::EveryRecord, Fsync::System] {
        let folder = Folder::new();
        let mut disk = folder.disk_with(fsync);
        let mark = write(&mut disk, "a");
        assert_eq!(disk.fresh.len(), 0);
        let _ = write(&mut disk, "b");
        disk.done(mark);
        disk.close();
        assert_eq!(rest(&mut folder.disk()), ["b"]);
        assert!(folder.segments().len() <= 2);
    }
}
