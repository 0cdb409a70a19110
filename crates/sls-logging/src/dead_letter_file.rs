//! Records that the service will never take, kept on disk for people.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use sls_core::model::{Log, LogGroup, Text};

/// Appends one line of JSON for every record.
///
/// ```text
/// {"reason":"refused: ..","topic":"t","source":"..","tags":{..},"time":1700000000,"time_ns":5,"contents":{..}}
/// ```
#[derive(Debug)]
pub(crate) struct DeadLetterFile {
    open: Mutex<Open>,
    max_bytes: u64,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl DeadLetterFile {
    /// Opens the file to append to it, at most up to `max_bytes`.
    pub(crate) fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self {
            open: Mutex::new(Open { file, bytes }),
            max_bytes,
        })
    }

    /// Writes every record of a group, and says how many were written.
    pub(crate) fn write(&self, group: &LogGroup, reason: &str) -> usize {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut written = 0;
        for log in &group.logs {
            let mut line = line(group, log, reason).to_string();
            line.push('\n');
            let end = open.bytes + line.len() as u64;
            // In one piece, so that what is there is whole lines whatever happens next.
            if end > self.max_bytes || open.file.write_all(line.as_bytes()).is_err() {
                break;
            }
            open.bytes = end;
            written += 1;
        }
        written
    }
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
}
