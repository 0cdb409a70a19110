use super::decode::{GroupView, LogView};
use super::field;
use super::varint::{put_varint, varint_len, write_varint};
use crate::model::{Log, LogGroup, LogTag, Text, TextRef};

/// Appends logs straight into the protobuf bytes of one log group.
///
/// No structs are built on the way: [`log`](Self::log) opens a log, every
/// [`field`](LogEncoder::field) copies its key and value into the buffer once, and the
/// log's length is filled in when it ends. Size and count are therefore exact at every
/// moment, and a buffer that comes back with [`reuse`](Self::reuse) makes encoding free of
/// allocation.
///
/// ```text
///   log(t)        field(k, v)                     end of the log
///     |             |                               |
///   [0a][len][08 t] [12 n 0a k.. 12 v..] [12 ..] ... [25 ns]   [0a][len] ...
///        ^ as wide as the last log's length, patched afterwards
/// ```
///
/// # Example
/// ```
/// use sls_core::wire::{GroupEncoder, GroupMeta, GroupView};
///
/// let mut group = GroupEncoder::new();
/// group.log(1_700_000_000).field("level", "INFO").field("message", "paid");
/// let encoded = group.finish(&GroupMeta::default().with_topic("shop"));
/// let view = GroupView::parse(encoded.as_bytes())?;
/// assert_eq!(view.log_count(), 1);
/// # Ok::<(), sls_core::wire::WireError>(())
/// ```
#[derive(Debug)]
pub struct GroupEncoder {
    buf: Vec<u8>,
    logs: usize,
    /// How many bytes the last log's length took: the guess for the next one.
    len_width: usize,
    /// The log that is being written, if any.
    open: Option<OpenLog>,
}

#[derive(Debug, Clone, Copy)]
struct OpenLog {
    /// Where the log's tag byte is.
    tag_at: usize,
    time_ns: Option<u32>,
}

impl Default for GroupEncoder {
    fn default() -> Self {
        Self::new()
    }
}

impl GroupEncoder {
    /// An empty group.
    pub const fn new() -> Self {
        Self::with_buffer(Vec::new())
    }

    /// An empty group with room for `bytes` before it has to grow.
    pub fn with_capacity(bytes: usize) -> Self {
        Self::with_buffer(Vec::with_capacity(bytes))
    }

    /// An empty group that writes into the memory of an earlier one.
    pub fn reuse(group: EncodedGroup) -> Self {
        let mut buf = group.bytes;
        buf.clear();
        Self::with_buffer(buf)
    }

    const fn with_buffer(buf: Vec<u8>) -> Self {
        Self {
            buf,
            logs: 0,
            len_width: 1,
            open: None,
        }
    }

    /// Opens a log that happened at `time`, in seconds since the Unix epoch.
    ///
    /// It ends when the returned value goes out of scope.
    pub fn log(&mut self, time: u32) -> LogEncoder<'_> {
        self.close();
        let tag_at = self.buf.len();
        self.buf.push(field::GROUP_LOGS);
        self.buf.resize(tag_at + 1 + self.len_width, 0);
        self.buf.push(field::LOG_TIME);
        put_varint(&mut self.buf, u64::from(time));
        self.open = Some(OpenLog {
            tag_at,
            time_ns: None,
        });
        LogEncoder { group: self }
    }

    /// Appends an owned log.
    pub fn push(&mut self, log: &Log) {
        let mut open = self.log(log.time);
        if let Some(nanoseconds) = log.time_ns {
            open.time_ns(nanoseconds);
        }
        for content in &log.contents {
            open.field(&content.key, &content.value);
        }
    }

    /// Appends a log that came in wire form, byte for byte.
    pub fn push_view(&mut self, log: LogView<'_>) {
        self.close();
        put_bytes(&mut self.buf, field::GROUP_LOGS, log.as_bytes());
        self.logs += 1;
    }

    /// How many logs there are, one that is still open included.
    pub fn log_count(&self) -> usize {
        self.logs + usize::from(self.open.is_some())
    }

    /// The bytes written so far: the raw size of the group without topic, source and tags.
    pub fn raw_bytes(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Appends what the logs share and gives the finished group.
    pub fn finish(mut self, meta: &GroupMeta) -> EncodedGroup {
        self.close();
        meta.append_to(&mut self.buf);
        EncodedGroup {
            bytes: self.buf,
            logs: self.logs,
        }
    }

    /// Ends the open log: the time below a second, then the length in front.
    fn close(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        if let Some(nanoseconds) = open.time_ns {
            self.buf.push(field::LOG_TIME_NS);
            self.buf.extend_from_slice(&nanoseconds.to_le_bytes());
        }
        let len_at = open.tag_at + 1;
        let body_at = len_at + self.len_width;
        let len = (self.buf.len() - body_at) as u64;
        let width = varint_len(len);
        if width != self.len_width {
            // Rare: only when neighbouring logs fall on two sides of 128 B, 16 KiB, ...
            let end = self.buf.len();
            if width > self.len_width {
                self.buf.resize(end + width - self.len_width, 0);
            }
            self.buf.copy_within(body_at..end, len_at + width);
            self.buf.truncate(len_at + width + len as usize);
            self.len_width = width;
        }
        write_varint(&mut self.buf[len_at..len_at + width], len);
        self.logs += 1;
    }
}

/// The log that a [`GroupEncoder`] is writing; it ends when this goes out of scope.
#[derive(Debug)]
pub struct LogEncoder<'a> {
    group: &'a mut GroupEncoder,
}

impl LogEncoder<'_> {
    /// Appends a field.
    pub fn field(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        let (key, value) = (key.as_ref(), value.as_ref());
        put_pair(&mut self.group.buf, field::LOG_CONTENTS, key, value);
        self
    }

    /// Sets the part of the time below a second, in nanoseconds; the last call counts.
    pub fn time_ns(&mut self, nanoseconds: u32) -> &mut Self {
        if let Some(open) = &mut self.group.open {
            open.time_ns = Some(nanoseconds);
        }
        self
    }

    /// Takes the log back as if it had never been opened.
    pub fn cancel(self) {
        if let Some(open) = self.group.open.take() {
            self.group.buf.truncate(open.tag_at);
        }
    }
}

impl Drop for LogEncoder<'_> {
    fn drop(&mut self) {
        self.group.close();
    }
}

/// What all logs of a group share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupMeta {
    category: Option<Text>,
    topic: Option<Text>,
    source: Option<Text>,
    machine_uuid: Option<Text>,
    tags: Vec<LogTag>,
}

impl GroupMeta {
    /// What the logs of a group in wire form share.
    pub fn of(group: &GroupView<'_>) -> Self {
        Self {
            category: group.category().map(TextRef::to_text),
            topic: group.topic().map(TextRef::to_text),
            source: group.source().map(TextRef::to_text),
            machine_uuid: group.machine_uuid().map(TextRef::to_text),
            tags: group
                .tags()
                .map(|(key, value)| LogTag {
                    key: key.to_text(),
                    value: value.to_text(),
                })
                .collect(),
        }
    }

    /// Sets the topic, a label of at most 128 bytes on the service.
    #[must_use]
    pub fn with_topic(mut self, topic: impl Into<Text>) -> Self {
        self.topic = Some(topic.into());
        self
    }

    /// Sets the source, by custom an IP address, of at most 128 bytes on the service.
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

    /// In ascending order of the field numbers, as the service asks for.
    fn append_to(&self, buf: &mut Vec<u8>) {
        for (tag, text) in [
            (field::GROUP_CATEGORY, &self.category),
            (field::GROUP_TOPIC, &self.topic),
            (field::GROUP_SOURCE, &self.source),
            (field::GROUP_MACHINE_UUID, &self.machine_uuid),
        ] {
            if let Some(text) = text {
                put_bytes(buf, tag, text.as_bytes());
            }
        }
        for tag in &self.tags {
            put_pair(
                buf,
                field::GROUP_TAGS,
                tag.key.as_bytes(),
                tag.value.as_bytes(),
            );
        }
    }
}

/// A finished log group: its protobuf bytes, not yet compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedGroup {
    bytes: Vec<u8>,
    logs: usize,
}

impl EncodedGroup {
    /// The protobuf message `LogGroup`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many logs are inside.
    pub fn log_count(&self) -> usize {
        self.logs
    }

    /// The bytes themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

impl From<&LogGroup> for EncodedGroup {
    fn from(group: &LogGroup) -> Self {
        let mut encoder = GroupEncoder::new();
        for log in &group.logs {
            encoder.push(log);
        }
        encoder.finish(&GroupMeta {
            category: group.category.clone(),
            topic: group.topic.clone(),
            source: group.source.clone(),
            machine_uuid: group.machine_uuid.clone(),
            tags: group.tags.clone(),
        })
    }
}

/// Encodes a list of finished groups, the body of a pull, from the groups' own bytes.
///
/// A server uses it: what was put is what is pulled, so nothing is encoded twice.
#[derive(Debug, Default)]
pub struct GroupListEncoder {
    buf: Vec<u8>,
    groups: usize,
}

impl GroupListEncoder {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            buf: Vec::new(),
            groups: 0,
        }
    }

    /// Appends one protobuf message `LogGroup`.
    pub fn push(&mut self, group: &[u8]) {
        put_bytes(&mut self.buf, field::LIST_GROUPS, group);
        self.groups += 1;
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.groups
    }

    /// The bytes written so far.
    pub fn raw_bytes(&self) -> usize {
        self.buf.len()
    }

    /// The protobuf message `LogGroupList`.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buf
    }
}

fn put_bytes(buf: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    buf.push(tag);
    put_varint(buf, bytes.len() as u64);
    buf.extend_from_slice(bytes);
}

/// A nested message of two length-delimited fields: a content or a tag.
#[inline]
fn put_pair(buf: &mut Vec<u8>, tag: u8, key: &[u8], value: &[u8]) {
    let (key_len, value_len) = (key.len() as u64, value.len() as u64);
    let body = 2 + varint_len(key_len) + key.len() + varint_len(value_len) + value.len();
    buf.reserve(body + 11);
    buf.push(tag);
    put_varint(buf, body as u64);
    put_bytes(buf, field::PAIR_KEY, key);
    put_bytes(buf, field::PAIR_VALUE, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_patched_when_neighbouring_logs_differ_in_width() {
        let sizes = [3, 200, 1, 20_000, 5, 127, 128, 0];
        let mut encoder = GroupEncoder::new();
        for (time, size) in sizes.into_iter().enumerate() {
            encoder.log(time as u32).field("k", vec![b'x'; size]);
        }
        assert_eq!(encoder.log_count(), sizes.len());
        let group = encoder.finish(&GroupMeta::default());
        let logs = sizes
            .into_iter()
            .enumerate()
            .map(|(time, size)| Log::at(time as u32).with("k", vec![b'x'; size]))
            .collect();
        let view = GroupView::parse(group.as_bytes()).unwrap();
        assert_eq!(view.to_owned(), LogGroup::new(logs));
    }

    #[test]
    fn a_cancelled_log_leaves_nothing() {
        let mut encoder = GroupEncoder::new();
        encoder.log(1).field("a", "1");
        let before = encoder.raw_bytes();
        let mut log = encoder.log(2);
        log.field("b", "2");
        log.cancel();
        assert_eq!((encoder.raw_bytes(), encoder.log_count()), (before, 1));
    }

    #[test]
    fn a_forgotten_log_is_closed_by_the_next_call() {
        let mut encoder = GroupEncoder::new();
        std::mem::forget(encoder.log(1));
        encoder.log(2).field("a", "1");
        let group = encoder.finish(&GroupMeta::default());
        assert_eq!(group.log_count(), 2);
        let view = GroupView::parse(group.as_bytes()).unwrap();
        assert_eq!(view.log_count(), 2);
    }

    #[test]
    fn a_reused_buffer_starts_empty() {
        let mut encoder = GroupEncoder::new();
        encoder.log(1).field("a", "1");
        let first = encoder.finish(&GroupMeta::default());
        let again = GroupEncoder::reuse(first).finish(&GroupMeta::default());
        assert!(again.as_bytes().is_empty());
    }

    #[test]
    fn a_group_taken_apart_and_put_together_again_is_the_same() {
        let mut encoder = GroupEncoder::new();
        encoder.log(1).field("a", "1").time_ns(2);
        encoder.log(3).field("b", vec![0xff; 200]);
        let meta = GroupMeta::default()
            .with_topic("t")
            .with_source("s")
            .with_tag("k", "v");
        let group = encoder.finish(&meta);
        let view = GroupView::parse(group.as_bytes()).unwrap();
        let mut again = GroupEncoder::new();
        for log in view.logs() {
            again.push_view(log);
        }
        assert_eq!(again.finish(&GroupMeta::of(&view)), group);
    }
}
