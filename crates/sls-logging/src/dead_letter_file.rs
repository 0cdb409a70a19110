//! Records that the service will never take, kept on disk for people.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value, json};
use sls_core::model::{Log, LogGroup, Text};

/// Appends one line of JSON for every record.
///
/// ```text
/// {"reason":"refused: ..","topic":"t","source":"..","tags":{..},"time":1700000000,"time_ns":5,"contents":{..}}
/// ```
///
/// There is no lock that a process forked off could find taken: the system puts what is written
/// at the end of the file, in one piece.
#[derive(Debug)]
pub(crate) struct DeadLetterFile {
    file: File,
    /// What is in the file, or is about to be.
    bytes: AtomicU64,
    max_bytes: u64,
    /// Whether the last line is there in part.
    cut: AtomicBool,
}

impl DeadLetterFile {
    /// Opens the file to append to it, at most up to `max_bytes`.
    pub(crate) fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        // What cannot be read is taken to be whole.
        let cut = file.metadata()?.is_file() && is_cut(path).unwrap_or(false);
        Self::to(file, max_bytes, cut)
    }

    fn to(file: File, max_bytes: u64, cut: bool) -> io::Result<Self> {
        let bytes = file.metadata()?.len().into();
        Ok(Self {
            file,
            bytes,
            max_bytes,
            cut: cut.into(),
        })
    }

    /// Writes every record of a group, and says how many were written.
    pub(crate) fn write(&self, group: &LogGroup, reason: &str) -> usize {
        let lines = group.logs.iter().map(|log| line(group, log, reason));
        lines.take_while(|line| self.append(line)).count()
    }

    /// Whether the line was written.
    fn append(&self, line: &Value) -> bool {
        let was_cut = self.cut.swap(false, Ordering::Relaxed);
        let end = if was_cut { "\n" } else { "" };
        let text = format!("{end}{line}\n");
        let written = match self.reserve(text.len() as u64) {
            true => self.put(text.as_bytes()),
            false => 0,
        };
        if written == text.len() {
            return true;
        }
        if written > end.len() || (was_cut && written == 0) {
            self.cut.store(true, Ordering::Relaxed);
        }
        false
    }

    fn reserve(&self, bytes: u64) -> bool {
        // Other processes write, too.
        if let Ok(metadata) = self.file.metadata() {
            self.bytes.fetch_max(metadata.len(), Ordering::Relaxed);
        }
        let grown = |there: u64| {
            there
                .checked_add(bytes)
                .filter(|sum| *sum <= self.max_bytes)
        };
        self.bytes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown)
            .is_ok()
    }

    /// Writes so many of these bytes, for which there is room.
    fn put(&self, text: &[u8]) -> usize {
        let mut done = 0;
        while done < text.len() {
            match (&self.file).write(&text[done..]) {
                Ok(count) if count > 0 => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        let left = (text.len() - done) as u64;
        self.bytes.fetch_sub(left, Ordering::Relaxed);
        done
    }
}

/// Whether the file ends within a line, as after a loss of power.
fn is_cut(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn line(group: &LogGroup, log: &Log, reason: &str) -> Value {
    let text = |text: &Text| String::from_utf8_lossy(text.as_bytes()).into_owned();
    let mut line = Map::new();
    line.insert("reason".to_owned(), reason.into());
    for (name, value) in [("topic", &group.topic), ("source", &group.source)] {
        if let Some(value) = value {
            line.insert(name.to_owned(), text(value).into());
        }
    }
    let tags = group.tags.iter();
    let tags: Map<_, _> = tags
        .map(|tag| (text(&tag.key), text(&tag.value).into()))
        .collect();
    line.insert("tags".to_owned(), tags.into());
    line.insert("time".to_owned(), log.time.into());
    line.insert("time_ns".to_owned(), json!(log.time_ns));
    let contents = log.contents.iter();
    let contents: Map<_, _> = contents
        .map(|content| (text(&content.key), text(&content.value).into()))
        .collect();
    line.insert("contents".to_owned(), contents.into());
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(logs: usize) -> LogGroup {
        let logs = (0..logs).map(|n| Log::at(7).with("n", n.to_string()));
        LogGroup::new(logs.collect())
    }

    #[test]
    fn every_record_is_a_line_of_json_behind_those_of_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        for logs in 1..3 {
            let file = DeadLetterFile::open(&path, 1 << 20).unwrap();
            assert_eq!(file.write(&group(logs), "refused: no\nreason"), logs);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2]["contents"]["n"], "1");
        assert_eq!(lines[2]["time"], 7);
        assert_eq!(lines[2]["reason"], "refused: no\nreason");
    }

    #[test]
    fn a_full_file_takes_whole_lines_only_and_tells() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full");
        let file = DeadLetterFile::open(&path, 200).unwrap();
        let written = file.write(&group(10), "refused");
        assert!((1..10).contains(&written), "{written}");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), written);
        assert!(text.len() <= 200 && text.ends_with('\n'));
    }

    #[test]
    fn behind_a_line_that_was_cut_the_next_begins_on_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cut");
        std::fs::write(&path, "{\"reason\":\"ref").unwrap();
        let file = DeadLetterFile::open(&path, 1 << 20).unwrap();
        assert_eq!(file.write(&group(2), "refused"), 2);
        let text = std::fs::read_to_string(&path).unwrap();
        let whole = text.lines().skip(1);
        assert!(
            whole.clone().count() == 2
                && whole
                    .clone()
                    .all(|line| serde_json::from_str::<Value>(line).is_ok())
        );
    }

    #[test]
    fn what_another_process_has_written_fills_the_file_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shared");
        let [one, other] = [(); 2].map(|()| DeadLetterFile::open(&path, 200).unwrap());
        assert!(one.write(&group(10), "refused") > 0);
        assert_eq!(other.write(&group(1), "refused"), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_line_that_could_not_be_written_whole_is_ended_by_the_next() {
        use rustix::pipe::{PipeFlags, pipe_with};

        // A pipe takes so much and no more until somebody reads.
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        let file = DeadLetterFile::to(writer.into(), 1 << 30, false).unwrap();
        let mut reader = File::from(reader);
        let mut read = || {
            let mut text = Vec::new();
            let _ = reader.read_to_end(&mut text);
            String::from_utf8(text).unwrap()
        };
        assert_eq!(file.write(&group(1), &"x".repeat(1 << 20)), 0);
        // Full: nothing of this is written, and the other line is still cut.
        assert_eq!(file.write(&group(1), "refused"), 0);
        assert!(!read().contains('\n'));
        assert_eq!(file.write(&group(2), "refused"), 2);
        let text = read();
        let (end, lines) = text.split_at(1);
        assert_eq!(end, "\n");
        assert_eq!(lines.lines().count(), 2);
        for line in lines.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
        }
    }
}
