use super::text::Text;

/// One log: a time and an ordered list of fields.
///
/// ```
/// use sls_core::model::Log;
///
/// let log = Log::at(1_700_000_000).with("level", "INFO").with("message", "paid");
/// assert_eq!(log.contents.len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Log {
    /// When it happened, in seconds since the Unix epoch.
    pub time: u32,
    /// The part of the time below a second, `0..=999_999_999`, when it is known.
    pub time_ns: Option<u32>,
    /// The fields in the order they were written. Keys may repeat; readers that build a
    /// map take the last one.
    pub contents: Vec<Content>,
}

impl Log {
    /// A log without fields.
    pub fn at(time: u32) -> Self {
        Self {
            time,
            ..Self::default()
        }
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.contents.push(Content {
            key: key.into(),
            value: value.into(),
        });
        self
    }

    /// Sets the part of the time below a second, in nanoseconds.
    #[must_use]
    pub fn with_time_ns(mut self, nanoseconds: u32) -> Self {
        self.time_ns = Some(nanoseconds);
        self
    }
}

/// One field of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// The field's name, at most 128 bytes on the service.
    pub key: Text,
    /// The field's value, at most 1 MiB on the service.
    pub value: Text,
}

/// One tag of a log group, which consumers see as the field `__tag__:{key}`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogTag {
    /// The tag's name without the `__tag__:` prefix.
    pub key: Text,
    /// The tag's value.
    pub value: Text,
}

/// What one put writes and one cursor position holds: logs that share topic, source and tags.
///
/// `None` means that the member is absent on the wire, `Some("")` that it is there and
/// empty. Readers treat both alike; the difference matters only where bytes are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogGroup {
    /// The logs in the order they were written.
    pub logs: Vec<Log>,
    /// Field 2, named `Category` or `Reserved` by different schemas; no client sets it.
    pub category: Option<Text>,
    /// A label chosen by the writer, at most 128 bytes on the service.
    pub topic: Option<Text>,
    /// Where the logs come from, by custom an IP address; at most 128 bytes on the service.
    pub source: Option<Text>,
    /// Identifies the writing machine.
    pub machine_uuid: Option<Text>,
    /// Tags, in the order they were written.
    pub tags: Vec<LogTag>,
}

impl LogGroup {
    /// A group of logs without topic, source and tags.
    pub fn new(logs: Vec<Log>) -> Self {
        Self {
            logs,
            ..Self::default()
        }
    }

    /// Sets the topic.
    #[must_use]
    pub fn with_topic(mut self, topic: impl Into<Text>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Sets the source.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Text>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn with_tag(mut self, key: impl Into<Text>, value: impl Into<Text>) -> Self {
        self.tags.push(LogTag {
            key: key.into(),
            value: value.into(),
        });
        self
    }
}
