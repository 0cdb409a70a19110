use super::buffer::{Buffer, copy};
use super::decode::{GroupView, LogView};
use super::field;
use super::varint::{varint_len, write_varint};
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
    buf: Buffer,
    logs: usize,
    /// How many bytes the last log's length took: the guess for the next one.
    len_width: usize,
    /// Where the open log's body starts, behind its length; 0 when no log is open.
    body_at: usize,
    /// The open log's time below a second, which is written last.
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
        Self::with_buffer(Buffer::new())
    }

    /// An empty group with room for `bytes` before it has to grow.
    pub fn with_capacity(bytes: usize) -> Self {
        Self::with_buffer(Buffer::with_capacity(bytes))
    }

    /// An empty group that writes into the memory of an earlier one.
    pub fn reuse(group: EncodedGroup) -> Self {
        let mut buf = group.bytes;
        buf.truncate(0);
        Self::with_buffer(buf)
    }

    const fn with_buffer(buf: Buffer) -> Self {
        Self {
            buf,
            logs: 0,
            len_width: 1,
            body_at: 0,
            time_ns: None,
        }
    }

    /// Opens a log that happened at `time`, in seconds since the Unix epoch.
    ///
    /// It ends when the returned value goes out of scope.
    #[inline]
    pub fn log(&mut self, time: u32) -> LogEncoder<'_> {
        if self.is_open() {
            self.close_forgotten();
        }
        let head = self.buf.append(1 + self.len_width);
        head[0] = field::GROUP_LOGS;
        self.body_at = self.buf.len();
        self.time_ns = None;
        if time >= 1 << 28 {
            // Every time since 1978; five bytes without a loop.
            let part = |index: u32| (time >> (7 * index)) as u8;
            let bytes = [
                field::LOG_TIME,
                part(0) | 0x80,
                part(1) | 0x80,
                part(2) | 0x80,
                part(3) | 0x80,
                part(4),
            ];
            self.buf.append(bytes.len()).copy_from_slice(&bytes);
        } else {
            self.buf.append_slice(&[field::LOG_TIME]);
            self.buf.append_varint(u64::from(time));
        }
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
        if self.is_open() {
            self.close_forgotten();
        }
        append_bytes(&mut self.buf, field::GROUP_LOGS, log.as_bytes());
        self.logs += 1;
    }

    /// How many logs there are, one that is still open included.
    pub fn log_count(&self) -> usize {
        self.logs + usize::from(self.is_open())
    }

    /// The bytes written so far: the raw size of the group without topic, source and tags.
    #[inline]
    pub fn raw_bytes(&self) -> usize {
        self.buf.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.buf.len() == 0
    }

    /// The logs written so far, each as field 1 of a `LogGroup`.
    ///
    /// Such bytes can be put one after the other: those of two encoders together are the logs
    /// of one group.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        debug_assert!(
            !self.is_open(),
            "a log borrows the encoder while it is open"
        );
        self.buf.as_slice()
    }

    /// Forgets all logs and keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        self.buf.truncate(0);
        self.logs = 0;
        self.body_at = 0;
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

    #[inline]
    const fn is_open(&self) -> bool {
        self.body_at != 0
    }

    /// Ends a log whose [`LogEncoder`] was leaked.
    #[cold]
    fn close_forgotten(&mut self) {
        self.close();
    }

    /// Ends the open log, if any: the time below a second, then the length in front.
    #[inline]
    fn close(&mut self) {
        if !self.is_open() {
            return;
        }
        if let Some(nanoseconds) = self.time_ns {
            let slot = self.buf.append(5);
            slot[0] = field::LOG_TIME_NS;
            slot[1..].copy_from_slice(&nanoseconds.to_le_bytes());
        }
        let len = self.buf.len() - self.body_at;
        let len_at = self.body_at - self.len_width;
        match (self.len_width, &mut self.buf.as_mut_slice()[len_at..]) {
            (1, [only, ..]) if len < 1 << 7 => *only = len as u8,
            (2, [first, last, ..]) if (1 << 7..1 << 14).contains(&len) => {
                *first = len as u8 | 0x80;
                *last = (len >> 7) as u8;
            }
            _ => self.write_length(len_at, len as u64),
        }
        self.body_at = 0;
        self.logs += 1;
    }

    /// Writes the open log's length, for which its body may have to move.
    ///
    /// It moves only when neighbouring logs fall on two sides of 128 B, 16 KiB, ...
    #[cold]
    fn write_length(&mut self, len_at: usize, len: u64) {
        let width = varint_len(len);
        if width != self.len_width {
            let end = self.buf.len();
            let new_end = end - self.len_width + width;
            self.buf.append(width);
            let body = self.body_at..end;
            let bytes = self.buf.as_mut_slice();
            bytes.copy_within(body, len_at + width);
            self.buf.truncate(new_end);
            self.len_width = width;
        }
        write_varint(&mut self.buf.as_mut_slice()[len_at..len_at + width], len);
    }
}

/// The log that a [`GroupEncoder`] is writing; it ends when this goes out of scope.
#[derive(Debug)]
pub struct LogEncoder<'a> {
    group: &'a mut GroupEncoder,
}

impl LogEncoder<'_> {
    /// Appends a field.
    #[inline]
    pub fn field(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        let (key, value) = (key.as_ref(), value.as_ref());
        append_pair(&mut self.group.buf, field::LOG_CONTENTS, key, value);
        self
    }

    /// Appends fields that were encoded before, with one copy.
    #[inline]
    pub fn fields(&mut self, fields: &EncodedFields) -> &mut Self {
        self.group.buf.append_slice(fields.bytes.as_slice());
        self
    }

    /// Sets the part of the time below a second, in nanoseconds; the last call counts.
    #[inline]
    pub fn time_ns(&mut self, nanoseconds: u32) -> &mut Self {
        self.group.time_ns = Some(nanoseconds);
        self
    }

    /// Takes the log back as if it had never been opened.
    pub fn cancel(self) {
        let tag_at = self.group.body_at - self.group.len_width - 1;
        self.group.buf.truncate(tag_at);
        self.group.body_at = 0;
    }
}

impl Drop for LogEncoder<'_> {
    #[inline]
    fn drop(&mut self) {
        self.group.close();
    }
}

/// Fields that many logs have alike, encoded once.
///
/// ```
/// use sls_core::wire::{EncodedFields, GroupEncoder};
///
/// let mut place = EncodedFields::new();
/// place.push("file_path", "src/main.rs").push("line_no", "7");
/// let mut group = GroupEncoder::new();
/// for _ in 0..3 {
///     group.log(1_700_000_000).field("message", "again").fields(&place);
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncodedFields {
    bytes: Buffer,
}

impl EncodedFields {
    /// No fields.
    pub const fn new() -> Self {
        Self {
            bytes: Buffer::new(),
        }
    }

    /// Appends a field.
    pub fn push(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Self {
        let (key, value) = (key.as_ref(), value.as_ref());
        append_pair(&mut self.bytes, field::LOG_CONTENTS, key, value);
        self
    }

    /// Forgets all fields and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.truncate(0);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == 0
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

    /// What a group ends with: these fields in wire form, to be put behind
    /// [`GroupEncoder::as_bytes`].
    pub fn to_wire(&self) -> Vec<u8> {
        let mut buf = Buffer::new();
        self.append_to(&mut buf);
        buf.into_vec()
    }

    /// In ascending order of the field numbers, as the service asks for.
    fn append_to(&self, buf: &mut Buffer) {
        for (tag, text) in [
            (field::GROUP_CATEGORY, &self.category),
            (field::GROUP_TOPIC, &self.topic),
            (field::GROUP_SOURCE, &self.source),
            (field::GROUP_MACHINE_UUID, &self.machine_uuid),
        ] {
            if let Some(text) = text {
                append_bytes(buf, tag, text.as_bytes());
            }
        }
        for tag in &self.tags {
            append_pair(
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
    bytes: Buffer,
    logs: usize,
}

impl EncodedGroup {
    /// A group whose bytes were put together elsewhere, from [`GroupEncoder::as_bytes`] and
    /// what the logs share; `logs` is how many there are.
    ///
    /// Neither is checked: a service refuses what is not a `LogGroup`.
    pub fn from_wire(bytes: Vec<u8>, logs: usize) -> Self {
        Self {
            bytes: Buffer::from(bytes),
            logs,
        }
    }

    /// The protobuf message `LogGroup`.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// How many logs are inside.
    pub fn log_count(&self) -> usize {
        self.logs
    }

    /// The bytes themselves.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes.into_vec()
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
    buf: Buffer,
    groups: usize,
}

impl GroupListEncoder {
    /// An empty list.
    pub const fn new() -> Self {
        Self {
            buf: Buffer::new(),
            groups: 0,
        }
    }

    /// Appends one protobuf message `LogGroup`.
    pub fn push(&mut self, group: &[u8]) {
        append_bytes(&mut self.buf, field::LIST_GROUPS, group);
        self.groups += 1;
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.groups
    }

    /// The bytes written so far.
    #[inline]
    pub fn raw_bytes(&self) -> usize {
        self.buf.len()
    }

    /// The protobuf message `LogGroupList`.
    pub fn into_bytes(self) -> Vec<u8> {
        self.buf.into_vec()
    }
}

fn append_bytes(buf: &mut Buffer, tag: u8, bytes: &[u8]) {
    buf.append_slice(&[tag]);
    buf.append_varint(bytes.len() as u64);
    buf.append_slice(bytes);
}

/// Appends a nested message of two length-delimited fields: a content or a tag.
#[inline]
fn append_pair(buf: &mut Buffer, tag: u8, key: &[u8], value: &[u8]) {
    // Two tags and two lengths of one byte each.
    let body = key.len() + value.len() + 4;
    if body >= 0x80 {
        return append_long_pair(buf, tag, key, value);
    }
    let slot = buf.append(body + 2);
    let (head, slot) = slot.split_at_mut(4);
    head.copy_from_slice(&[tag, body as u8, field::PAIR_KEY, key.len() as u8]);
    let (to, slot) = slot.split_at_mut(key.len());
    copy(to, key);
    let (head, to) = slot.split_at_mut(2);
    head.copy_from_slice(&[field::PAIR_VALUE, value.len() as u8]);
    copy(to, value);
}

/// The same where lengths may take more than a byte.
fn append_long_pair(buf: &mut Buffer, tag: u8, key: &[u8], value: &[u8]) {
    let len_width = |len: usize| varint_len(len as u64);
    let body = 2 + len_width(key.len()) + key.len() + len_width(value.len()) + value.len();
    let slot = buf.append(1 + len_width(body) + body);
    let slot = head_into(slot, tag, body);
    let slot = head_into(slot, field::PAIR_KEY, key.len());
    let (to, slot) = slot.split_at_mut(key.len());
    copy(to, key);
    copy(head_into(slot, field::PAIR_VALUE, value.len()), value);
}

/// Writes a tag and a length; gives what follows them.
#[inline]
fn head_into(slot: &mut [u8], tag: u8, len: usize) -> &mut [u8] {
    let len = len as u64;
    let (head, rest) = slot.split_at_mut(1 + varint_len(len));
    head[0] = tag;
    write_varint(&mut head[1..], len);
    rest
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
    fn fields_encoded_before_read_as_if_written_one_by_one() {
        let long = "x".repeat(300);
        let mut shared = EncodedFields::new();
        shared.push("file", "a.rs").push("long", &long);
        let mut one_by_one = GroupEncoder::new();
        let mut at_once = GroupEncoder::new();
        one_by_one
            .log(7)
            .field("m", "1")
            .field("file", "a.rs")
            .field("long", &long)
            .time_ns(3);
        at_once.log(7).field("m", "1").fields(&shared).time_ns(3);
        assert_eq!(at_once.as_bytes(), one_by_one.as_bytes());
    }

    #[test]
    fn a_group_put_together_from_its_parts_is_the_same() {
        let meta = GroupMeta::default().with_topic("t").with_tag("k", "v");
        let mut encoder = GroupEncoder::new();
        encoder.log(1).field("a", "1");
        encoder.log(2).field("b", "2");
        let mut bytes = encoder.as_bytes().to_vec();
        bytes.extend_from_slice(&meta.to_wire());
        assert_eq!(EncodedGroup::from_wire(bytes, 2), encoder.finish(&meta));
    }

    #[test]
    fn logs_of_a_cleared_encoder_join_those_of_another() {
        let mut encoder = GroupEncoder::new();
        encoder.log(1).field("a", "1");
        let mut joined = encoder.as_bytes().to_vec();
        encoder.clear();
        assert!(encoder.is_empty() && encoder.log_count() == 0);
        encoder.log(2).field("b", "x".repeat(200));
        joined.extend_from_slice(encoder.as_bytes());
        let logs = vec![
            Log::at(1).with("a", "1"),
            Log::at(2).with("b", "x".repeat(200)),
        ];
        let view = GroupView::parse(&joined).unwrap();
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
