//! What a worker did, line by line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use crate::now_us;

/// One thing that a worker did with a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Began the shard.
    Started,
    /// The processor was handed the groups from this position up to that one; each by its first
    /// number.
    Handed {
        from: u64,
        to: u64,
        groups: Vec<u64>,
    },
    /// The processor was done with the groups up to this position, in a turn that it has had
    /// since that time.
    Done { to: u64, since: u64 },
    /// The processor failed.
    Failed,
    /// A checkpoint at this position was saved.
    Saved { to: u64 },
    /// Gave the shard up.
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) at: u64,
    pub(crate) shard: u32,
    pub(crate) what: What,
}

/// A journal that is written. Shards write at the same time; a line is one write.
#[derive(Debug)]
pub(crate) struct Journal(File);

impl Journal {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self(file))
    }

    pub(crate) fn write(&self, shard: u32, what: &What) -> io::Result<()> {
        let at = now_us();
        let line = match what {
            What::Started => format!("started {at} {shard}\n"),
            What::Handed { from, to, groups } => {
                let groups: Vec<_> = groups.iter().map(u64::to_string).collect();
                format!("handed {at} {shard} {from} {to} {}\n", groups.join(","))
            }
            What::Done { to, since } => format!("done {at} {shard} {to} {since}\n"),
            What::Failed => format!("failed {at} {shard}\n"),
            What::Saved { to } => format!("saved {at} {shard} {to}\n"),
            What::Stopped => format!("stopped {at} {shard}\n"),
        };
        (&self.0).write_all(line.as_bytes())
    }
}

/// The whole lines of a journal; a last one without an end was cut off with its process.
pub(crate) fn read(path: &Path) -> io::Result<Vec<Line>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        read => read?,
    };
    text.split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'))
        .map(|line| {
            parse(line).ok_or_else(|| io::Error::other(format!("not a line of a journal: {line}")))
        })
        .collect()
}

fn parse(line: &str) -> Option<Line> {
    let mut words = line.split(' ');
    let word = words.next()?;
    let at = words.next()?.parse().ok()?;
    let shard = words.next()?.parse().ok()?;
    let mut number = || words.next()?.parse().ok();
    let what = match word {
        "started" => What::Started,
        "handed" => What::Handed {
            from: number()?,
            to: number()?,
            groups: match words.next()? {
                "" => Vec::new(),
                groups => groups
                    .split(',')
                    .map(|group| group.parse().ok())
                    .collect::<Option<_>>()?,
            },
        },
        "done" => What::Done {
            to: number()?,
            since: number()?,
        },
        "failed" => What::Failed,
        "saved" => What::Saved { to: number()? },
        "stopped" => What::Stopped,
        _ => return None,
    };
    words.next().is_none().then_some(Line { at, shard, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_a_torn_line_is_not() {
        let path = std::env::temp_dir().join(format!("journal-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let journal = Journal::open(&path).unwrap();
        let all = [
            What::Started,
            What::Handed {
                from: 1,
                to: 3,
                groups: vec![200, 0],
            },
            What::Handed {
                from: 3,
                to: 3,
                groups: vec![],
            },
            What::Done { to: 3, since: 2 },
            What::Failed,
            What::Saved { to: 3 },
            What::Stopped,
        ];
        for what in &all {
            journal.write(7, what).unwrap();
        }
        (&journal.0).write_all(b"handed 12 3 4").unwrap();
        let read = read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(read.iter().all(|line| line.shard == 7));
        let read: Vec<_> = read.into_iter().map(|line| line.what).collect();
        assert_eq!(read, all);
    }
}
