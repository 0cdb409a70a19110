use std::time::{SystemTime, UNIX_EPOCH};

/// What to search for, in which time and how much of it.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use sls_core::model::LogQuery;
///
/// let from = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let query = LogQuery::between(from, from + Duration::from_secs(900))
///     .with_query("level: ERROR")
///     .with_line(10)
///     .with_reverse(true);
/// assert_eq!(query.line, 10);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// The first moment, by the time inside the logs.
    pub from: SystemTime,
    /// The first moment that no longer belongs to it.
    pub to: SystemTime,
    /// Search, or search and SQL with a `|` between. Empty finds everything.
    pub query: String,
    /// Only logs of this topic; empty means all.
    pub topic: String,
    /// The most logs to give, 0 to 100; SQL has its own `limit`. Default: 100.
    pub line: u32,
    /// How many logs to leave out first. Default: 0.
    pub offset: u64,
    /// Whether the newest log comes first. Default: no.
    pub reverse: bool,
    /// Whether SQL runs with more machines and for more money. Default: no.
    pub power_sql: bool,
    /// Whether logs are ordered below the second. Default: yes, as the official Python
    /// client asks for.
    pub accurate: bool,
    /// Whether fields without an index are scanned. Default: no.
    pub scan: bool,
    /// Whether a scan goes on to the next page and not back to the one before. Default: yes.
    pub forward: bool,
    /// Whether the answer tells where the words were found. Default: no.
    pub highlight: bool,
}

impl LogQuery {
    /// Everything in a time, `to` not included.
    pub fn between(from: SystemTime, to: SystemTime) -> Self {
        Self {
            from,
            to,
            query: String::new(),
            topic: String::new(),
            line: 100,
            offset: 0,
            reverse: false,
            power_sql: false,
            accurate: true,
            scan: false,
            forward: true,
            highlight: false,
        }
    }

    /// Sets what to search for.
    #[must_use]
    pub fn with_query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// Sets the topic to search in.
    #[must_use]
    pub fn with_topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// Sets the most logs to give, 0 to 100.
    #[must_use]
    pub fn with_line(mut self, logs: u32) -> Self {
        self.line = logs;
        self
    }

    /// Sets how many logs to leave out first.
    #[must_use]
    pub fn with_offset(mut self, logs: u64) -> Self {
        self.offset = logs;
        self
    }

    /// Sets whether the newest log comes first.
    #[must_use]
    pub fn with_reverse(mut self, reverse: bool) -> Self {
        self.reverse = reverse;
        self
    }

    /// Sets whether SQL runs with more machines and for more money.
    #[must_use]
    pub fn with_power_sql(mut self, power_sql: bool) -> Self {
        self.power_sql = power_sql;
        self
    }

    /// Sets whether logs are ordered below the second.
    #[must_use]
    pub fn with_accurate(mut self, accurate: bool) -> Self {
        self.accurate = accurate;
        self
    }

    /// Sets whether fields without an index are scanned.
    #[must_use]
    pub fn with_scan(mut self, scan: bool) -> Self {
        self.scan = scan;
        self
    }

    /// Sets whether a scan goes on to the next page and not back to the one before.
    #[must_use]
    pub fn with_forward(mut self, forward: bool) -> Self {
        self.forward = forward;
        self
    }

    /// Sets whether the answer tells where the words were found.
    #[must_use]
    pub fn with_highlight(mut self, highlight: bool) -> Self {
        self.highlight = highlight;
        self
    }
}

/// Seconds since the Unix epoch and the nanoseconds on top; times before 1970 are 0.
pub(crate) fn wire_time(time: SystemTime) -> (u64, u32) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs(), since.subsec_nanos())
}
