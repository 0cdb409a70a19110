use super::check::{Checked, check_group, check_list, plain_time};
use super::field;
use super::fields::{Fields, Value};
use super::pairs::{Pairs, Texts};
use bytes::Bytes;

use crate::model::{Content, Log, LogGroup, LogTag, Text, TextRef};

/// Why bytes are not the protobuf message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed {message} at byte {offset}")]
pub struct WireError {
    message: &'static str,
    offset: usize,
}

impl WireError {
    /// Reading stopped at `rest`, which is a part of `body`.
    pub(super) fn at(message: &'static str, rest: &[u8], body: &[u8]) -> Self {
        Self {
            message,
            offset: rest.as_ptr() as usize - body.as_ptr() as usize,
        }
    }

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
    checked: Checked,
}

impl<'a> GroupListView<'a> {
    /// Checks the structure of a `LogGroupList`.
    ///
    /// # Errors
    /// [`WireError`] when a length, a tag or a number is cut or impossible.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let checked = check_list(bytes)?;
        Ok(Self { bytes, checked })
    }

    /// How many groups there are.
    pub fn group_count(&self) -> usize {
        self.checked.count
    }

    /// How many logs there are in all groups together.
    pub fn log_count(&self) -> usize {
        self.checked.logs
    }

    /// The groups in order.
    pub fn groups(&self) -> impl Iterator<Item = GroupView<'a>> + use<'a> {
        let plain = self.checked.plain;
        nested(self.bytes, field::LIST_GROUPS).map(move |group| GroupView::of_checked(group, plain))
    }

    /// An owned copy.
    pub fn to_owned(&self) -> Vec<LogGroup> {
        self.groups().map(|group| group.to_owned()).collect()
    }
}

/// A `LogGroupList` that owns its bytes and is known to be well-formed.
///
/// It is checked once, when it is made; [`view`](Self::view) costs nothing after that.
/// Clones share the bytes, so a list can be read on several threads at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupList {
    bytes: Bytes,
    checked: Checked,
}

impl GroupList {
    /// Checks the structure of a `LogGroupList`.
    ///
    /// # Errors
    /// As [`GroupListView::parse`].
    pub fn parse(bytes: Bytes) -> Result<Self, WireError> {
        let checked = check_list(&bytes)?;
        Ok(Self { bytes, checked })
    }

    /// The list, borrowed.
    pub fn view(&self) -> GroupListView<'_> {
        GroupListView {
            bytes: &self.bytes,
            checked: self.checked,
        }
    }

    /// The protobuf bytes of the list.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
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
    plain: bool,
}

impl<'a> GroupView<'a> {
    /// Checks the structure of a `LogGroup`, the body of a put.
    ///
    /// # Errors
    /// [`WireError`] when a length, a tag or a number is cut or impossible.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, WireError> {
        let checked = check_group(bytes, bytes)?;
        Ok(Self::of_checked(bytes, checked.plain))
    }

    fn of_checked(bytes: &'a [u8], plain: bool) -> Self {
        let mut group = Self {
            bytes,
            category: None,
            topic: None,
            source: None,
            machine_uuid: None,
            logs: 0,
            plain,
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
        let plain = self.plain;
        nested(self.bytes, field::GROUP_LOGS).map(move |log| LogView::of_checked(log, plain))
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
        let mut logs = Vec::with_capacity(self.logs);
        logs.extend(self.logs().map(|log| log.to_owned()));
        LogGroup {
            logs,
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
    body: Body<'a>,
}

/// What is left of a log once its time is known.
#[derive(Debug, Clone, Copy)]
enum Body<'a> {
    /// Contents, then perhaps the time below a second; see `check`.
    Plain(&'a [u8]),
    /// Anything that protobuf allows.
    Any { time_ns: Option<u32> },
}

impl<'a> LogView<'a> {
    #[inline]
    fn of_checked(bytes: &'a [u8], plain: bool) -> Self {
        match plain_time(bytes) {
            Some((time, rest)) if plain => Self {
                bytes,
                time,
                body: Body::Plain(rest),
            },
            _ => Self::of_any(bytes),
        }
    }

    fn of_any(bytes: &'a [u8]) -> Self {
        let (mut time, mut time_ns) = (0, None);
        for field in Fields::new(bytes) {
            match field {
                // A longer number is cut to 32 bits, as protobuf has it.
                (field::LOG_TIME, Value::Varint(found)) => time = found as u32,
                (field::LOG_TIME_NS, Value::Fixed32(found)) => time_ns = Some(found),
                _ => {}
            }
        }
        let body = Body::Any { time_ns };
        Self { bytes, time, body }
    }

    /// When it happened, in seconds since the Unix epoch.
    #[inline]
    pub fn time(&self) -> u32 {
        self.time
    }

    /// The part of the time below a second, in nanoseconds, when the writer gave it.
    pub fn time_ns(&self) -> Option<u32> {
        match self.body {
            Body::Any { time_ns } => time_ns,
            Body::Plain(contents) => {
                // It comes last, and nothing but a walk tells where the contents end.
                let mut pairs = Pairs::new(contents);
                while pairs.next().is_some() {}
                let bytes = pairs.rest().get(1..)?.try_into().ok()?;
                Some(u32::from_le_bytes(bytes))
            }
        }
    }

    /// The protobuf bytes of the log.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Keys and values, in order.
    ///
    /// UTF-8 is checked for many of them at once, so that [`TextRef::to_str`] costs nothing
    /// for those that are.
    #[inline]
    pub fn contents(&self) -> impl Iterator<Item = (TextRef<'a>, TextRef<'a>)> + use<'a> {
        match self.body {
            Body::Plain(contents) => Contents::Plain(Texts::new(contents)),
            Body::Any { .. } => Contents::Any(Fields::new(self.bytes)),
        }
    }

    /// The value of a field; the last one when the key repeats.
    pub fn get(&self, key: &str) -> Option<TextRef<'a>> {
        let is_it = |(name, _): &(TextRef<'_>, TextRef<'_>)| *name == key;
        let pair = match self.body {
            Body::Plain(contents) => Pairs::new(contents)
                .map(|(key, value)| (TextRef::new(key), TextRef::new(value)))
                .filter(is_it)
                .last(),
            Body::Any { .. } => self.contents().filter(is_it).last(),
        };
        pair.map(|(_, value)| value)
    }

    /// Calls `found` with the index of a key and its value, for every field that has one of
    /// the keys.
    ///
    /// Many fields cost one walk over the log, where [`LogView::get`] walks for each.
    /// When a key repeats in the log, its last call has the value that `get` gives.
    pub fn find_each<K: AsRef<str>>(&self, keys: &[K], mut found: impl FnMut(usize, TextRef<'a>)) {
        let mut look = |name: &[u8], value: TextRef<'a>| {
            for (index, key) in keys.iter().enumerate() {
                if key.as_ref().as_bytes() == name {
                    found(index, value);
                }
            }
        };
        match self.body {
            Body::Plain(contents) => {
                for (name, value) in Pairs::new(contents) {
                    look(name, TextRef::new(value));
                }
            }
            Body::Any { .. } => {
                for (name, value) in self.contents() {
                    look(name.as_bytes(), value);
                }
            }
        }
    }

    /// An owned copy.
    pub fn to_owned(&self) -> Log {
        let contents = match self.body {
            Body::Plain(plain) => {
                let mut contents = Vec::with_capacity(Pairs::new(plain).count());
                contents.extend(Pairs::new(plain).map(|(key, value)| Content {
                    key: Text::from(key),
                    value: Text::from(value),
                }));
                contents
            }
            Body::Any { .. } => self
                .contents()
                .map(|(key, value)| Content {
                    key: key.to_text(),
                    value: value.to_text(),
                })
                .collect(),
        };
        Log {
            time: self.time,
            time_ns: self.time_ns(),
            contents,
        }
    }
}

/// The contents of a log, by the shape of the log.
enum Contents<'a> {
    Plain(Texts<'a>),
    Any(Fields<'a>),
}

impl<'a> Iterator for Contents<'a> {
    type Item = (TextRef<'a>, TextRef<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Plain(texts) => texts.next(),
            Self::Any(fields) => fields.find_map(|field| match field {
                (field::LOG_CONTENTS, Value::Bytes(content)) => Some(pair(content)),
                _ => None,
            }),
        }
    }
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
    fn fields_found_in_one_walk_are_those_found_one_by_one() {
        let log = Log::at(1).with("a", "1").with("b", "2").with("a", "3");
        let group = LogGroup::new(vec![log]);
        let encoded = crate::wire::EncodedGroup::from(&group);
        // A field that no client writes gives the log another shape.
        let mut unusual = encoded.as_bytes().to_vec();
        unusual[1] += 2;
        let end = usize::from(unusual[1]);
        unusual.splice(end..end, [0x78, 0x01]);
        for bytes in [encoded.as_bytes(), &unusual] {
            let view = GroupView::parse(bytes).unwrap();
            let log = view.logs().next().unwrap();
            let keys = ["b", "missing", "a"];
            let mut found = [None; 3];
            log.find_each(&keys, |at, value| found[at] = Some(value));
            assert_eq!(found, keys.map(|key| log.get(key)));
            assert_eq!(found[2].unwrap(), "3");
        }
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
