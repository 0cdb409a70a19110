//! Line by line into log groups, and those to the logstore.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal as _, Read as _};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sls_client::LogstoreHandle;
use sls_core::wire::{GroupEncoder, GroupMeta};

use crate::access_log::{self, FIELDS};

/// Logs in a group: a group is what a cursor counts and what a pull gives.
const LOGS_PER_GROUP: usize = 200;
/// The largest group before compression; the service takes up to 10 MiB.
const BYTES_PER_GROUP: usize = 1 << 20;
/// The largest value that the service takes. A longer line is shipped in several logs.
const BYTES_PER_VALUE: u64 = 1 << 20;

const BUNDLED: &[u8] = include_bytes!("../data/access.log");

/// What was shipped.
#[derive(Default)]
pub(crate) struct Shipped {
    /// Lines in the log.
    pub(crate) lines: u64,
    /// Lines that are not of the format; shipped as they are.
    pub(crate) unparsed: u64,
    /// Log groups written.
    pub(crate) put_requests: u64,
}

/// The log to ship: its text and its size in bytes.
pub(crate) struct Input {
    name: String,
    text: Box<dyn BufRead + Send>,
    bytes: u64,
}

impl Input {
    /// Opens a log; the bundled one without a path.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let Some(path) = path else {
            return Ok(Self {
                name: "the bundled log".to_owned(),
                text: Box::new(BUNDLED),
                bytes: BUNDLED.len() as u64,
            });
        };
        let name = path.display().to_string();
        let file = File::open(path).map_err(|error| format!("cannot read {name}: {error}"))?;
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(format!("cannot read {name}: it is a folder").into());
        }
        if about.is_file() && about.len() == 0 {
            return Err(format!("{name} is empty: there is nothing to ship").into());
        }
        Ok(Self {
            name,
            text: Box::new(BufReader::new(file)),
            bytes: about.len(),
        })
    }
}

/// Ships every line, with a progress bar on a terminal.
pub(crate) async fn ship(
    input: Input,
    logstore: &LogstoreHandle,
) -> Result<Shipped, Box<dyn Error>> {
    let Input {
        name,
        mut text,
        bytes,
    } = input;
    let progress = progress_bar(bytes);
    let meta = GroupMeta::default().with_topic("access-log");
    let mut shipped = Shipped::default();
    let mut group = GroupEncoder::new();
    // A line that does not parse takes the time of the line before it.
    let mut seconds = unix_seconds();
    let mut piece = Vec::new();
    // Whether the piece before this one was not the end of its line.
    let mut within_line = false;
    loop {
        piece.clear();
        let read = (&mut text)
            .take(BYTES_PER_VALUE)
            .read_until(b'\n', &mut piece)
            .map_err(|error| format!("cannot read {name}: {error}"))?;
        let full = group.log_count() >= LOGS_PER_GROUP || group.raw_bytes() >= BYTES_PER_GROUP;
        if (full || read == 0) && !group.is_empty() {
            let encoded = group.finish(&meta);
            logstore.put(&encoded).await?;
            shipped.put_requests += 1;
            group = GroupEncoder::reuse(encoded);
        }
        if read == 0 {
            break;
        }
        progress.inc(read as u64);
        let ends = piece.ends_with(b"\n") || (read as u64) < BYTES_PER_VALUE;
        let whole = ends && !within_line;
        let text = if ends {
            without_line_end(&piece)
        } else {
            &piece
        };
        if let Some(parsed) = Some(text).filter(|_| whole).and_then(access_log::parse) {
            seconds = parsed.seconds;
            let mut log = group.log(seconds);
            for (name, text) in FIELDS.iter().zip(parsed.texts) {
                log.field(name, text);
            }
        } else {
            shipped.unparsed += u64::from(!within_line);
            group.log(seconds).field("content", text);
        }
        shipped.lines += u64::from(!within_line);
        within_line = !ends;
    }
    progress.finish_and_clear();
    if shipped.lines == 0 {
        return Err(format!("{name} is empty: there is nothing to ship").into());
    }
    Ok(shipped)
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn progress_bar(bytes: u64) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    let style = ProgressStyle::with_template("shipping [{bar:40}] {bytes} of {total_bytes}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[expect(clippy::disallowed_methods, reason = "a program may read the clock")]
fn unix_seconds() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
    })
}
