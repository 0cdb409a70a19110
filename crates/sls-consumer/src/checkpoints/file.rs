//! Checkpoints in a folder.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::BuildHasher;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sls_core::model::{Cursor, ShardId};
use sls_core::service::{CheckpointStore, SaveCheckpoint, StoreFuture};
use sls_core::{BoxError, Call, Error};

/// The first line of every file; another one means another, newer layout.
const HEADER: &str = "sls checkpoint 1";
/// A checkpoint is a few dozen bytes; what is much longer is not one.
const MAX_LEN: u64 = 64 << 10;

/// Keeps checkpoints in a folder: one small file for each shard of each group.
///
/// For programs that want their progress beside their data, or whose account may read logs and
/// not write checkpoints. The folder is for one logstore.
///
/// A saved checkpoint survives the process and, as far as the file system keeps its promises,
/// the loss of power: the file is written aside, synced, and put in place in one step. Several
/// processes may share the folder. It knows nothing of leases, so
/// [`only_while_held`](SaveCheckpoint::only_while_held) is not looked at; the worker does not
/// save after its lease.
///
/// A file whose name begins with a dot belongs to a save under way, or to one that was cut off
/// by a crash; when no process uses the folder it may be removed.
///
/// # Example
/// ```
/// # let outer = tempfile::tempdir()?;
/// # let folder = outer.path().join("checkpoints");
/// use sls_consumer::FileCheckpoints;
///
/// let checkpoints = FileCheckpoints::open(&folder)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FileCheckpoints {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    /// Tells the unfinished files of this store from those of other processes.
    mark: String,
    /// Held while a file is written, so that two saves of a process do not share one.
    saving: Mutex<()>,
}

impl FileCheckpoints {
    /// Opens a folder of checkpoints, and makes it when it does not exist.
    ///
    /// # Errors
    /// When the folder cannot be made or is something else.
    pub fn open(folder: impl Into<PathBuf>) -> io::Result<Self> {
        let folder = folder.into();
        fs::create_dir_all(&folder)?;
        let mark = format!("{:016x}", RandomState::new().hash_one(std::process::id()));
        let saving = Mutex::new(());
        Ok(Self {
            inner: Arc::new(Inner {
                folder,
                mark,
                saving,
            }),
        })
    }

    /// Where the checkpoints are.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }

    async fn blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Inner) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || act(&inner))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}

impl CheckpointStore for FileCheckpoints {
    /// # Cancel safety
    /// Safe. Needs a tokio runtime, whose threads for blocking work read the file.
    fn load<'a>(&'a self, group: &'a str, shard: ShardId) -> StoreFuture<'a, Option<Cursor>> {
        let group = group.to_owned();
        Box::pin(async move {
            let path = self.inner.path(&group, shard);
            self.blocking(move |_| read(&path))
                .await
                .map_err(|cause| failed("LoadCheckpoint", &group, shard, false, cause))
        })
    }

    /// # Cancel safety
    /// A save that was begun is finished in the background.
    fn save<'a>(&'a self, checkpoint: SaveCheckpoint<'a>) -> StoreFuture<'a, ()> {
        let group = checkpoint.group.to_owned();
        let shard = checkpoint.shard;
        let text = text_of(&checkpoint);
        Box::pin(async move {
            let path = self.inner.path(&group, shard);
            self.blocking(move |inner| inner.write(&path, text.as_bytes()))
                .await
                .map_err(|cause| failed("SaveCheckpoint", &group, shard, true, cause))
        })
    }
}

impl Inner {
    fn path(&self, group: &str, shard: ShardId) -> PathBuf {
        self.folder
            .join(folder_name(group))
            .join(format!("{}.checkpoint", shard.0))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let _one_at_a_time = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = path.parent().unwrap_or(&self.folder);
        if !folder.is_dir() {
            fs::create_dir_all(folder)?;
            sync_folder(&self.folder)?;
        }
        let aside = folder.join(format!(".{}", self.mark));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&aside, path)?;
        sync_folder(folder)
    }
}

/// Makes the names in a folder durable; where folders cannot be opened, the system does that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// The group's name, fit for any file system: what is not a letter, a digit, `-` or `_` is
/// written as `%` and two hexadecimal digits, capitals too, since some systems do not tell
/// them from small letters.
fn folder_name(group: &str) -> String {
    let mut name = String::with_capacity(group.len() + 6);
    // Never the name of another thing in the folder, a reserved one of some system, or empty.
    name.push_str("group-");
    for byte in group.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            other => {
                let _ = write!(name, "%{other:02x}");
            }
        }
    }
    name
}

fn text_of(checkpoint: &SaveCheckpoint<'_>) -> String {
    let SaveCheckpoint {
        cursor, consumer, ..
    } = checkpoint;
    // The consumer is there for people; a line feed in its name must not make a new line.
    let consumer = consumer.as_str().escape_default();
    let cursor = cursor.as_str().escape_default();
    format!("{HEADER}\ncursor {cursor}\nconsumer {consumer}\nend\n")
}

fn read(path: &Path) -> io::Result<Option<Cursor>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut text = String::new();
    io::Read::read_to_string(&mut io::Read::take(file, MAX_LEN), &mut text)?;
    cursor_of(&text).map(Some).ok_or_else(|| {
        let reason = match text.lines().next() {
            Some(first) if first.starts_with("sls checkpoint ") && first != HEADER => {
                "written by a newer version"
            }
            _ => "damaged",
        };
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!(
                "{} is {reason}; remove it to begin the shard anew",
                path.display()
            ),
        )
    })
}

fn cursor_of(text: &str) -> Option<Cursor> {
    let mut lines = text.lines();
    if lines.next()? != HEADER {
        return None;
    }
    let cursor = lines.next()?.strip_prefix("cursor ")?;
    lines.next()?.strip_prefix("consumer ")?;
    let is_whole = lines.next()? == "end" && lines.next().is_none() && text.ends_with('\n');
    // Cursors are Base64, so nothing in one was escaped, unless it is not one.
    let is_plain = !cursor.is_empty() && !cursor.contains('\\');
    (is_whole && is_plain).then(|| Cursor::new(cursor))
}

fn failed(
    operation: &'static str,
    group: &str,
    shard: ShardId,
    may_have_acted: bool,
    cause: io::Error,
) -> Error {
    let transient = cause.kind() != io::ErrorKind::InvalidData;
    Error::NoAnswer {
        call: Call::new(operation, format!("{group} shard {}", shard.0)),
        may_have_acted,
        transient,
        cause: BoxError::from(cause),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_never_leave_the_folder_and_never_meet() {
        let names = ["a", "A", "..", "../a", "a/b", "a%2fb", "", "日志", "con"];
        let folders: std::collections::BTreeSet<_> =
            names.iter().map(|name| folder_name(name)).collect();
        assert_eq!(folders.len(), names.len(), "{folders:?}");
        for folder in folders {
            assert!(
                folder
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_%".contains(&b)),
                "{folder}"
            );
        }
    }

    #[test]
    fn no_part_of_a_file_is_taken_for_a_whole_one() {
        let consumer = "a\nend".into();
        let whole = text_of(&SaveCheckpoint {
            group: "g",
            shard: ShardId(7),
            cursor: &Cursor::at_position(4711),
            consumer: &consumer,
            only_while_held: true,
        });
        assert_eq!(cursor_of(&whole), Some(Cursor::at_position(4711)));
        for end in 0..whole.len() {
            assert_eq!(cursor_of(&whole[..end]), None, "{:?}", &whole[..end]);
        }
        assert_eq!(cursor_of(&format!("{whole}x")), None);
    }
}
