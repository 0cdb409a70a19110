//! What a record tells, as text, for those who write lines.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use super::pattern::{Line, Pattern};
use crate::origin;
use crate::record::Facts;

/// From this size on a text is not kept for the next record, in bytes.
const KEPT: usize = 64 << 10;

/// The texts of one record.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) message: String,
    /// ` name=value` for each field that came with it.
    pub(crate) fields: String,
    /// Errors that came with it, each with its causes.
    pub(crate) trace: String,
    /// The line that a pattern makes of it all.
    line: String,
}

thread_local! {
    static TOLD: RefCell<Told> = RefCell::default();
}

/// Calls `with` with empty texts, whose memory is used again.
///
/// A value that logs while it is being shown gets texts of its own.
pub(crate) fn with_told<T>(with: impl FnOnce(&mut Told) -> T) -> T {
    let mut with = Some(with);
    let done = TOLD.try_with(|told| {
        let mut told = told.try_borrow_mut().ok()?;
        told.clear();
        let done = with.take().map(|with| with(&mut told));
        told.shrink();
        done
    });
    match (done.ok().flatten(), with) {
        (Some(done), _) => done,
        (None, Some(with)) => with(&mut Told::default()),
        (None, None) => unreachable!("whoever takes the closure returns what it gave"),
    }
}

impl Told {
    fn texts(&mut self) -> [&mut String; 4] {
        [
            &mut self.message,
            &mut self.fields,
            &mut self.trace,
            &mut self.line,
        ]
    }

    fn clear(&mut self) {
        for text in self.texts() {
            text.clear();
        }
    }

    fn shrink(&mut self) {
        for text in self.texts() {
            if text.capacity() > KEPT {
                *text = String::new();
            }
        }
    }

    /// Adds a field; a message is not one.
    pub(crate) fn field(&mut self, name: &str, value: impl fmt::Display) {
        // What fails to show itself is shown as far as it came.
        let _ = if name == "message" {
            write!(self.message, "{value}")
        } else {
            write!(self.fields, " {name}={value}")
        };
    }

    /// Adds a trace.
    pub(crate) fn trace(&mut self, text: &str) {
        if !self.trace.is_empty() {
            self.trace.push('\n');
        }
        self.trace.push_str(text);
    }

    /// Adds an error with its causes.
    #[cfg(any(feature = "kv", feature = "tracing"))]
    pub(crate) fn error(&mut self, name: &str, chain: impl fmt::Display) {
        if !self.trace.is_empty() {
            self.trace.push('\n');
        }
        let _ = write!(self.trace, "{name}: {chain}");
    }

    /// The line that a pattern makes of the record, the trace behind it, without a line break
    /// at the end.
    pub(crate) fn line(
        &mut self,
        pattern: &Pattern,
        color: bool,
        facts: &Facts<'_>,
        times: Times,
    ) -> &mut String {
        let mut out = std::mem::take(&mut self.line);
        out.clear();
        origin::with_thread_name(|thread_name| {
            let line = Line {
                level: facts.level.into(),
                target: facts.target,
                message: &self.message,
                fields: &self.fields,
                module_path: facts.module_path,
                file: facts.file,
                line: facts.line,
                function: facts.function,
                thread_id: origin::thread_id(),
                thread_name,
                process_id: std::process::id(),
                process_name: origin::process_name(),
                time: times.now,
                started: times.started,
            };
            pattern.write(&line, color, &mut out);
        });
        if !self.trace.is_empty() {
            if !out.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&self.trace);
        }
        self.line = out;
        &mut self.line
    }
}

/// When a record was made, and when logging was set up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) now: std::time::SystemTime,
    pub(crate) started: std::time::SystemTime,
}
