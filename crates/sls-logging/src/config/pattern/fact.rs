use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::date::DateFormat;
use super::layout::{Layout, Notation};
use crate::config::nearest;
use crate::config::threshold::Threshold;

/// What a record can say about itself.
///
/// The names are those of Python's formatters, so that a format moves over unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    AscTime,
    Created,
    FileName,
    FuncName,
    LevelName,
    LevelNumber,
    LineNumber,
    Message,
    Milliseconds,
    Module,
    Name,
    PathName,
    Process,
    ProcessName,
    RelativeCreated,
    Thread,
    ThreadName,
    Fields,
}

/// Every fact: its name, itself, and what it is.
pub(crate) const FACTS: [(&str, Fact, &str); 18] = [
    ("asctime", Fact::AscTime, "local time, as `datefmt` says"),
    (
        "created",
        Fact::Created,
        "seconds since 1970, with decimals",
    ),
    (
        "fields",
        Fact::Fields,
        "the record's own fields, as ` name=value` each; not in Python",
    ),
    (
        "filename",
        Fact::FileName,
        "last part of the source file's path",
    ),
    (
        "funcName",
        Fact::FuncName,
        "name of the innermost span, or `-`",
    ),
    (
        "levelname",
        Fact::LevelName,
        "TRACE, DEBUG, INFO, WARNING or ERROR",
    ),
    ("levelno", Fact::LevelNumber, "5, 10, 20, 30 or 40"),
    ("lineno", Fact::LineNumber, "line in the source file, or 0"),
    ("message", Fact::Message, "the message"),
    (
        "module",
        Fact::Module,
        "last part of the module's path, or `-`",
    ),
    (
        "msecs",
        Fact::Milliseconds,
        "milliseconds of the second, with decimals",
    ),
    ("name", Fact::Name, "the target"),
    (
        "pathname",
        Fact::PathName,
        "path of the source file as compiled, or `-`",
    ),
    ("process", Fact::Process, "number of the process"),
    (
        "processName",
        Fact::ProcessName,
        "name of the program's file",
    ),
    (
        "relativeCreated",
        Fact::RelativeCreated,
        "milliseconds since logging was set up",
    ),
    ("thread", Fact::Thread, "number of the thread"),
    ("threadName", Fact::ThreadName, "name of the thread, or `-`"),
];

/// The facts of one record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'r> {
    pub(crate) level: Threshold,
    pub(crate) target: &'r str,
    pub(crate) message: &'r str,
    /// ` name=value` for each of its own fields.
    pub(crate) fields: &'r str,
    pub(crate) module_path: Option<&'r str>,
    pub(crate) file: Option<&'r str>,
    pub(crate) line: Option<u32>,
    pub(crate) function: Option<&'r str>,
    pub(crate) thread_id: u64,
    pub(crate) thread_name: Option<&'r str>,
    pub(crate) process_id: u32,
    pub(crate) process_name: &'r str,
    pub(crate) time: SystemTime,
    /// When logging was set up.
    pub(crate) started: SystemTime,
}

impl Line<'_> {
    /// How a terminal shows its level.
    pub(super) fn color(&self) -> &'static str {
        match self.level {
            Threshold::Off | Threshold::Error => "\u{1b}[31m",
            Threshold::Warn => "\u{1b}[33m",
            Threshold::Info => "\u{1b}[32m",
            Threshold::Debug => "\u{1b}[34m",
            Threshold::Trace => "\u{1b}[35m",
        }
    }
}

/// What is said where nothing is known.
const UNKNOWN: &str = "-";

enum Said<'r> {
    Text(Cow<'r, str>),
    Whole(i64),
    Decimal(f64),
}

impl Fact {
    /// The fact of a name.
    ///
    /// # Errors
    /// What would be right.
    pub(super) fn from_name(name: &str) -> Result<Self, String> {
        let known = FACTS.iter().find(|(known, ..)| *known == name);
        known.map(|(_, fact, _)| *fact).ok_or_else(|| {
            nearest::unknown(
                "name in a format",
                name,
                FACTS.iter().map(|(name, ..)| *name),
            )
        })
    }

    /// Whether it can be written so; text is never a number.
    pub(super) fn allows(self, notation: Notation) -> bool {
        match self {
            Self::LevelNumber | Self::LineNumber | Self::Process | Self::Thread => true,
            Self::Created | Self::Milliseconds | Self::RelativeCreated => {
                !matches!(notation, Notation::Hex { .. })
            }
            _ => notation == Notation::Text,
        }
    }

    pub(super) fn is_text(self) -> bool {
        !self.allows(Notation::Whole)
    }

    pub(super) fn write(
        self,
        line: &Line<'_>,
        date: &DateFormat,
        layout: &Layout,
        out: &mut String,
    ) {
        match self.said(line, date) {
            Said::Text(text) => layout.text(&text, out),
            Said::Whole(number) => layout.whole(number, out),
            Said::Decimal(number) => layout.decimal(number, out),
        }
    }

    fn said<'r>(self, line: &Line<'r>, date: &DateFormat) -> Said<'r> {
        let text = |text: &'r str| Said::Text(Cow::Borrowed(text));
        let maybe = |known: Option<&'r str>| text(known.unwrap_or(UNKNOWN));
        match self {
            Self::AscTime => Said::Text(Cow::Owned(date.text(line.time))),
            Self::Created => Said::Decimal(since_epoch(line.time).as_secs_f64()),
            Self::FileName => maybe(line.file.and_then(|path| path.rsplit(['/', '\\']).next())),
            Self::FuncName => maybe(line.function),
            Self::LevelName => text(line.level.python_name()),
            Self::LevelNumber => Said::Whole(line.level.python_number()),
            Self::LineNumber => Said::Whole(line.line.unwrap_or(0).into()),
            Self::Message => text(line.message),
            Self::Milliseconds => {
                Said::Decimal(f64::from(since_epoch(line.time).subsec_micros()) / 1000.0)
            }
            Self::Module => maybe(line.module_path.and_then(|path| path.rsplit("::").next())),
            Self::Name => text(line.target),
            Self::PathName => maybe(line.file),
            Self::Process => Said::Whole(line.process_id.into()),
            Self::ProcessName => text(line.process_name),
            Self::RelativeCreated => {
                let since = line.time.duration_since(line.started).unwrap_or_default();
                Said::Decimal(since.as_secs_f64() * 1000.0)
            }
            Self::Thread => Said::Whole(line.thread_id.try_into().unwrap_or(i64::MAX)),
            Self::ThreadName => maybe(line.thread_name),
            Self::Fields => text(line.fields),
        }
    }
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
