//! How a program is compiled and run.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Stopwatch, SystemStopwatch};

/// Stages a consumption query may have, as documented.
const DEFAULT_STAGE_LIMIT: usize = 16;
/// Bytes of UTF-8 a consumption query may have: 10 KB, as documented.
const DEFAULT_SCRIPT_LIMIT: usize = 10_240;
/// Memory of a run: 1 GB, as documented.
const DEFAULT_MEMORY_LIMIT: usize = 1 << 30;
/// Time of a run: 5 s, as documented.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(5);
/// Zone of evaluation; see the list of decisions in the documentation of the language.
const DEFAULT_TIME_ZONE: &str = "Asia/Shanghai";

/// Limits, time zone and strictness of a program; the default is real-time consumption.
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    pub(crate) time_zone: String,
    pub(crate) stage_limit: usize,
    pub(crate) script_limit: usize,
    pub(crate) memory_limit: usize,
    pub(crate) time_limit: Duration,
    pub(crate) strict: bool,
    pub(crate) stopwatch: Arc<dyn Stopwatch>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            time_zone: DEFAULT_TIME_ZONE.to_owned(),
            stage_limit: DEFAULT_STAGE_LIMIT,
            script_limit: DEFAULT_SCRIPT_LIMIT,
            memory_limit: DEFAULT_MEMORY_LIMIT,
            time_limit: DEFAULT_TIME_LIMIT,
            strict: false,
            stopwatch: Arc::new(SystemStopwatch),
        }
    }
}

impl Options {
    /// Sets the zone in which local times are read and printed. Default: `Asia/Shanghai`.
    ///
    /// The name is one of the IANA database, such as `UTC` or `Europe/Berlin`.
    /// An unknown name makes [`Program::compile`](crate::Program::compile) fail.
    pub fn with_time_zone(mut self, name: impl Into<String>) -> Self {
        self.time_zone = name.into();
        self
    }

    /// Sets how many stages may follow the source. Default: 16.
    ///
    /// Zero allows only `*`.
    pub fn with_stage_limit(mut self, stages: usize) -> Self {
        self.stage_limit = stages;
        self
    }

    /// Sets how long the text may be, in bytes of UTF-8. Default: 10 240.
    pub fn with_script_limit(mut self, bytes: usize) -> Self {
        self.script_limit = bytes;
        self
    }

    /// Sets how many bytes the values of one row may take while it is evaluated. Default: 1 GiB.
    ///
    /// Rows are evaluated one at a time, so this bounds the memory of a whole run.
    pub fn with_memory_limit(mut self, bytes: usize) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// Sets how long one evaluator may live. Default: 5 seconds.
    ///
    /// The time between rows counts too: an evaluator is meant for one batch.
    /// Zero ends every run at its first check.
    pub fn with_time_limit(mut self, time: Duration) -> Self {
        self.time_limit = time;
        self
    }

    /// Sets whether text used as a number without a cast is a type error. Default: no.
    ///
    /// Without it each such place gives a warning.
    pub fn with_strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Sets what measures the time limit. Default: [`SystemStopwatch`].
    pub fn with_stopwatch(mut self, stopwatch: Arc<dyn Stopwatch>) -> Self {
        self.stopwatch = stopwatch;
        self
    }

    /// The zone in which local times are read and printed.
    pub fn time_zone(&self) -> &str {
        &self.time_zone
    }

    /// How many stages may follow the source.
    pub fn stage_limit(&self) -> usize {
        self.stage_limit
    }

    /// How long the text may be, in bytes of UTF-8.
    pub fn script_limit(&self) -> usize {
        self.script_limit
    }

    /// How many bytes the values of one row may take.
    pub fn memory_limit(&self) -> usize {
        self.memory_limit
    }

    /// How long one evaluator may live.
    pub fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// Whether text used as a number without a cast is a type error.
    pub fn strict(&self) -> bool {
        self.strict
    }
}
