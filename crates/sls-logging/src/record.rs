use std::time::SystemTime;

use crate::level::Level;
use crate::site::Site;

/// One log record, whoever made it.
///
/// The front ends for `tracing` and `log` have their own way in, which copies less; this is
/// for programs that have neither, and for records that happened elsewhere.
#[derive(Debug, Clone)]
#[must_use]
pub struct Record<'a> {
    pub(crate) time: SystemTime,
    pub(crate) facts: Facts<'a>,
    pub(crate) message: &'a str,
    pub(crate) trace: Option<&'a str>,
    pub(crate) extra: &'a [(&'a str, &'a str)],
}

/// What the handler's own fields are made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) level: Level,
    pub(crate) level_name: Option<(&'a str, u32)>,
    pub(crate) target: &'a str,
    pub(crate) module_path: Option<&'a str>,
    pub(crate) file: Option<&'a str>,
    pub(crate) line: Option<u32>,
    pub(crate) function: Option<&'a str>,
    /// Where the record was made when it was not here: thread and process.
    pub(crate) origin: Option<Origin<'a>>,
    /// The call site when all the above but `function` is the same every time.
    pub(crate) site: Option<Site>,
}

/// A thread of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) process: (u32, &'a str),
    pub(crate) thread: (u64, Option<&'a str>),
}

impl<'a> Facts<'a> {
    pub(crate) const fn new(level: Level, target: &'a str) -> Self {
        Self {
            level,
            level_name: None,
            target,
            module_path: None,
            file: None,
            line: None,
            function: None,
            origin: None,
            site: None,
        }
    }
}

impl<'a> Record<'a> {
    /// A record of this thread.
    pub const fn new(time: SystemTime, level: Level, target: &'a str, message: &'a str) -> Self {
        Self {
            time,
            facts: Facts::new(level, target),
            message,
            trace: None,
            extra: &[],
        }
    }

    /// Spells the level in a way of its own, with a number of its own.
    pub const fn with_level_name(mut self, name: &'a str, number: u32) -> Self {
        self.facts.level_name = Some((name, number));
        self
    }

    /// Says where in the source the record was made.
    pub const fn with_place(mut self, file: &'a str, line: u32) -> Self {
        self.facts.file = Some(file);
        self.facts.line = Some(line);
        self
    }

    /// Names the module; of a path the last segment is uploaded.
    pub const fn with_module_path(mut self, path: &'a str) -> Self {
        self.facts.module_path = Some(path);
        self
    }

    /// Names the function.
    pub const fn with_function(mut self, name: &'a str) -> Self {
        self.facts.function = Some(name);
        self
    }

    /// Says which process and thread made the record, when it was not this one.
    pub const fn with_origin(
        mut self,
        process: (u32, &'a str),
        thread: (u64, Option<&'a str>),
    ) -> Self {
        self.facts.origin = Some(Origin { process, thread });
        self
    }

    /// Adds a stack trace, which is uploaded behind the message, on a line of its own.
    ///
    /// Nothing is extracted from it.
    pub const fn with_trace(mut self, trace: &'a str) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Adds extra fields.
    pub const fn with_extra(mut self, fields: &'a [(&'a str, &'a str)]) -> Self {
        self.extra = fields;
        self
    }
}
