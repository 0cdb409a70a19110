use super::field;
use super::varint::take_varint;
use crate::model::{Content, Log, LogGroup, LogTag, TextRef};

/// Why bytes are not the protobuf message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {message} at byte {offset}")]
pub struct WireError {
    message: &'static str,
    offset: usize,
}

impl WireError {
    /// Where reading stopped, counted from the first byte of the body.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

/// A borrowed view of a `LogGroupList`, the body of a pull.
///
/// [`parse`](Self::parse) checks the structure of the whole list once; from then on every
/// group, log and field is a slice of the same buffer and nothing can fail. Whether text is
/// UTF-8 is the affair of the field that is looked at, see [`TextRef`].
///
/// Unknown fields are skipped and missing ones read as empty or zero, as by the official
/// parser.
///
/// # Example
/// ```
/// # use sls_core::wire::{GroupEncoder, GroupListEncoder, GroupListView, GroupMeta};
/// # let mut group = GroupEncoder::new();
/// # group.log(1).field("status", "404");
/// # let mut list = GroupListEncoder::new();
/// # list.push(group.finish(&GroupMeta::default()).as_bytes());
/// # let body = list.into_bytes();
/// for group in GroupListView::parse(&body)?.groups() {
///     for log in group.logs() {
///         for (key, value) in log.contents() {
///             println!("{key}={value}");
///         }
///     }
/// }
/// # Ok::<(), sls_core::wire::WireError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct GroupListView<'a> {
    bytes: &'a [u8],
    groups: usize,
}

impl<'a> GroupListView<'a> {
    /// Checks the structure of a `LogGroupList`.
    ///
    /// # Errors
    /// [`WireError`] when a length, a tag or a number is cut or impossible.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let mut groups = 0;
        let mut fields = Fields::new(bytes);
        while let Some(field) = fields.next_checked("LogGroupList", bytes)? {
            if let (field::LIST_GROUPS, Value::Bytes(group)) = field {
                check_group(group, bytes)?;
                groups += 1;
            }
        }
        Ok(Self { bytes, groups })
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.groups
    }

    /// How many logs there are in all groups together.
    pub fn log_count(&self) -> usize {
        self.groups().map(|group| group.log_count()).sum()
    }

    /// The groups in order.
    pub fn groups(&self) -> impl Iterator<Item = GroupView<'a>> + use<'a> {
        nested(self.bytes, field::LIST_GROUPS).map(GroupView::of_checked)
    }

    /// An owned copy.
    pub fn to_owned(&self) -> Vec<LogGroup> {
        self.groups().map(|group| group.to_owned()).collect()
    }
}

/// A borrowed view of one `LogGroup`.
#[derive(Debug, Clone, Copy)]
pub struct GroupView<'a> {
    bytes: &'a [u8],
    category: Option<TextRef<'a>>,
    topic: Option<TextRef<'a>>,
    source: Option<TextRef<'a>>,
    machine_uuid: Option<TextRef<'a>>,
    logs: usize,
}

impl<'a> GroupView<'a> {
    /// Checks the structure of a `LogGroup`, the body of a put.
    ///
    /// # Errors
    /// [`WireError`] when a length, a tag or a number is cut or impossible.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        check_group(bytes, bytes)?;
        Ok(Self::of_checked(bytes))
    }

    fn of_checked(bytes: &'a [u8]) -> Self {
        let mut group = Self {
            bytes,
            category: None,
            topic: None,
            source: None,
            machine_uuid: None,
            logs: 0,
        };
        for (tag, value) in Fields::new(bytes) {
            let Value::Bytes(value) = value else { continue };
            let text = Some(TextRef::new(value));
            match tag {
                field::GROUP_LOGS => group.logs += 1,
                field::GROUP_CATEGORY => group.category = text,
                field::GROUP_TOPIC => group.topic = text,
                field::GROUP_SOURCE => group.source = text,
                field::GROUP_MACHINE_UUID => group.machine_uuid = text,
                _ => {}
            }
        }
        group
    }

    /// The protobuf bytes of the group.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many logs there are.
    pub fn log_count(&self) -> usize {
        self.logs
    }

    /// The logs in order.
    pub fn logs(&self) -> impl Iterator<Item = LogView<'a>> + use<'a> {
        nested(self.bytes, field::GROUP_LOGS).map(LogView::of_checked)
    }

    /// The label the writer gave, if any.
    pub fn topic(&self) -> Option<TextRef<'a>> {
        self.topic
    }

    /// Where the logs come from, if the writer said.
    pub fn source(&self) -> Option<TextRef<'a>> {
        self.source
    }

    /// The writing machine, if the writer said.
    pub fn machine_uuid(&self) -> Option<TextRef<'a>> {
        self.machine_uuid
    }

    /// Field 2, which no client sets.
    pub fn category(&self) -> Option<TextRef<'a>> {
        self.category
    }

    /// Tags as key and value, in order.
    pub fn tags(&self) -> impl Iterator<Item = (TextRef<'a>, TextRef<'a>)> + use<'a> {
        nested(self.bytes, field::GROUP_TAGS).map(pair)
    }

    /// An owned copy.
    pub fn to_owned(&self) -> LogGroup {
        LogGroup {
            logs: self.logs().map(|log| log.to_owned()).collect(),
            category: self.category.map(TextRef::to_text),
            topic: self.topic.map(TextRef::to_text),
            source: self.source.map(TextRef::to_text),
            machine_uuid: self.machine_uuid.map(TextRef::to_text),
            tags: self
                .tags()
                .map(|(key, value)| LogTag {
                    key: key.to_text(),
                    value: value.to_text(),
                })
                .collect(),
        }
    }
}

/// A borrowed view of one `Log`.
#[derive(Debug, Clone, Copy)]
pub struct LogView<'a> {
    bytes: &'a [u8],
    time: u32,
    time_ns: Option<u32>,
}

impl<'a> LogView<'a> {
    fn of_checked(bytes: &'a [u8]) -> Self {
        let mut log = Self {
            bytes,
            time: 0,
            time_ns: None,
        };
        for (tag, value) in Fields::new(bytes) {
            match (tag, value) {
                // A longer number is cut to 32 bits, as protobuf has it.
                (field::LOG_TIME, Value::Varint(time)) => log.time = time as u32,
                (field::LOG_TIME_NS, Value::Fixed32(ns)) => log.time_ns = Some(ns),
                _ => {}
            }
        }
        log
    }

    /// When it happened, in seconds since the Unix epoch.
    pub fn time(&self) -> u32 {
        self.time
    }

    /// The part of the time below a second, in nanoseconds, when the writer gave it.
    pub fn time_ns(&self) -> Option<u32> {
        self.time_ns
    }

    /// The protobuf bytes of the log.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Keys and values, in order.
    pub fn contents(&self) -> impl Iterator<Item = (TextRef<'a>, TextRef<'a>)> + use<'a> {
        nested(self.bytes, field::LOG_CONTENTS).map(pair)
    }

    /// The value of a field; the last one when the key repeats.
    pub fn get(&self, key: &str) -> Option<TextRef<'a>> {
        self.contents()
            .filter(|(name, _)| name == key)
            .last()
            .map(|(_, value)| value)
    }

    /// An owned copy.
    pub fn to_owned(&self) -> Log {
        Log {
            time: self.time,
            time_ns: self.time_ns,
            contents: self
                .contents()
                .map(|(key, value)| Content {
                    key: key.to_text(),
                    value: value.to_text(),
                })
                .collect(),
        }
    }
}

fn check_group(group: &[u8], body: &[u8]) -> Result<(), WireError> {
    let mut fields = Fields::new(group);
    while let Some(field) = fields.next_checked("LogGroup", body)? {
        match field {
            (field::GROUP_LOGS, Value::Bytes(log)) => check_log(log, body)?,
            (field::GROUP_TAGS, Value::Bytes(tag)) => check_pair("LogTag", tag, body)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_log(log: &[u8], body: &[u8]) -> Result<(), WireError> {
    let mut fields = Fields::new(log);
    while let Some(field) = fields.next_checked("Log", body)? {
        if let (field::LOG_CONTENTS, Value::Bytes(content)) = field {
            check_pair("Content", content, body)?;
        }
    }
    Ok(())
}

fn check_pair(message: &'static str, pair: &[u8], body: &[u8]) -> Result<(), WireError> {
    let mut fields = Fields::new(pair);
    while fields.next_checked(message, body)?.is_some() {}
    Ok(())
}

/// The nested messages with this tag, in order; the bytes were checked before.
fn nested<'a>(bytes: &'a [u8], tag: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    Fields::new(bytes).filter_map(move |(found, value)| match value {
        Value::Bytes(bytes) if found == tag => Some(bytes),
        _ => None,
    })
}

fn pair(bytes: &[u8]) -> (TextRef<'_>, TextRef<'_>) {
    let mut pair = (TextRef::default(), TextRef::default());
    for (tag, value) in Fields::new(bytes) {
        match (tag, value) {
            (field::PAIR_KEY, Value::Bytes(key)) => pair.0 = TextRef::new(key),
            (field::PAIR_VALUE, Value::Bytes(value)) => pair.1 = TextRef::new(value),
            _ => {}
        }
    }
    pair
}

enum Value<'a> {
    Varint(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
    /// 64 bits or a group: no message here has such a field.
    Other,
}

/// The fields of one message, as tag byte and value.
///
/// A field number above 15 takes more than one byte; no message here has one, so those are
/// reported under the tag 0, which no known field has.
struct Fields<'a> {
    rest: &'a [u8],
}

/// Groups, which proto2 has and nobody uses, may nest; this many levels are skipped.
const MAX_GROUP_DEPTH: u32 = 32;

impl<'a> Fields<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field; an error instead of an early end when the bytes are malformed.
    fn next_checked(
        &mut self,
        message: &'static str,
        body: &[u8],
    ) -> Result<Option<(u8, Value<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let left = self.rest;
        match self.take() {
            Some(field) => Ok(Some(field)),
            None => Err(WireError {
                message,
                // Both are slices of one allocation.
                offset: left.as_ptr() as usize - body.as_ptr() as usize,
            }),
        }
    }

    #[inline]
    fn take(&mut self) -> Option<(u8, Value<'a>)> {
        let tag = take_varint(&mut self.rest)?;
        let value = self.take_value(tag, MAX_GROUP_DEPTH)?;
        Some((
            u8::try_from(tag).ok().filter(|t| *t < 0x80).unwrap_or(0),
            value,
        ))
    }

    #[inline]
    fn take_value(&mut self, tag: u64, depth: u32) -> Option<Value<'a>> {
        if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
            return None;
        }
        match tag & 7 {
            0 => take_varint(&mut self.rest).map(Value::Varint),
            1 => self.take_bytes(8).map(|_| Value::Other),
            2 => {
                let len = take_varint(&mut self.rest)?;
                let len = usize::try_from(len).ok()?;
                self.take_bytes(len).map(Value::Bytes)
            }
            3 => self.skip_group(tag, depth).map(|()| Value::Other),
            5 => {
                let bytes = self.take_bytes(4)?;
                let bytes = bytes.try_into().ok()?;
                Some(Value::Fixed32(u32::from_le_bytes(bytes)))
            }
            _ => None,
        }
    }

    #[inline]
    fn take_bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn skip_group(&mut self, start: u64, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let end = start + 1;
        loop {
            let tag = take_varint(&mut self.rest)?;
            if tag == end {
                return Some(());
            }
            self.take_value(tag, depth)?;
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_list_is_refused_at_every_byte_inside_a_message() {
        let group = LogGroup::new(vec![Log::at(7).with("k", "v").with_time_ns(1)])
            .with_topic("t")
            .with_tag("a", "b");
        let mut list = crate::wire::GroupListEncoder::new();
        list.push(crate::wire::EncodedGroup::from(&group).as_bytes());
        let bytes = list.into_bytes();
        for end in 1..bytes.len() {
            assert!(GroupListView::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
        assert_eq!(GroupListView::parse(&bytes).unwrap().to_owned(), [group]);
    }

    #[test]
    fn the_error_says_where() {
        let error = GroupListView::parse(&[0x0a, 0x02, 0x0a, 0x05]).unwrap_err();
        assert_eq!(error.to_string(), "malformed LogGroup at byte 2");
    }

    #[test]
    fn deep_groups_do_not_exhaust_the_stack() {
        let bytes = vec![0x7b; 1 << 20];
        assert!(GroupView::parse(&bytes).is_err());
    }

    #[test]
    fn unknown_fields_of_every_wire_type_are_skipped() {
        // Field 15 as varint, 64 bits, bytes, group and 32 bits; field 16 as varint.
        let bytes = [
            0x78, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7a, 0x01, 0xff, 0x7b, 0x08, 0x01, 0x7c,
            0x7d, 1, 2, 3, 4, 0x80, 0x01, 0x05, 0x1a, 0x01, b't',
        ];
        let view = GroupView::parse(&bytes).unwrap();
        assert_eq!(view.topic().unwrap(), "t");
        assert_eq!(view.log_count(), 0);
    }

    #[test]
    fn a_value_that_is_not_utf8_does_not_fail_the_batch() {
        let group = LogGroup::new(vec![Log::at(1).with("k", vec![0xff, 0xfe])]);
        let encoded = crate::wire::EncodedGroup::from(&group);
        let view = GroupView::parse(encoded.as_bytes()).unwrap();
        let value = view.logs().next().unwrap().get("k").unwrap();
        assert!(value.to_str().is_err());
        assert_eq!(value.as_bytes(), [0xff, 0xfe]);
    }
}
