use std::fmt;

use crate::codec::EncodeError;
use crate::record::{EventRecord, ItemRecord, UserMapping};
use crate::route::Route;
use crate::rules::{Invalid, Rules};
use crate::{json, protobuf};

/// Records of one kind, the content of one request.
///
/// Kinds never mix, since each has its own [`Route`].
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Batch<'a> {
    /// Events.
    Events(Vec<EventRecord<'a>>),
    /// Items.
    Items(Vec<ItemRecord<'a>>),
    /// User mappings, which only protobuf carries.
    UserMappings(Vec<UserMapping<'a>>),
    /// Records that were serialised one by one, ahead of sending.
    Serialized(Serialized),
}

impl Batch<'_> {
    /// Where the batch is sent.
    pub fn route(&self) -> Route {
        match self {
            Self::Events(_) => Route::Events,
            Self::Items(_) => Route::Items,
            Self::UserMappings(_) => Route::UserMappings,
            Self::Serialized(records) => records.route,
        }
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Events(records) => records.len(),
            Self::Items(records) => records.len(),
            Self::UserMappings(records) => records.len(),
            Self::Serialized(records) => records.len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes the body of a request over what is in `body`.
    pub(crate) fn write(&self, format: Format, body: &mut Vec<u8>) -> Result<(), EncodeError> {
        format.carries(self.route())?;
        body.clear();
        match self {
            Self::Events(records) => write_all(records, format, body)?,
            Self::Items(records) => write_all(records, format, body)?,
            Self::UserMappings(records) => write_all(records, format, body)?,
            Self::Serialized(records) if records.format == format => {
                body.extend_from_slice(&records.bytes);
            }
            Self::Serialized(records) => {
                return Err(EncodeError::OtherFormat {
                    codec: format,
                    batch: records.format,
                });
            }
        }
        format.close(body);
        Ok(())
    }
}

fn write_all<R: Record>(
    records: &[R],
    format: Format,
    body: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    records
        .iter()
        .try_for_each(|record| format.append(record, body))
}

/// How records become bytes, below compression and obfuscation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// An array of objects.
    Json,
    /// A list message.
    Protobuf,
}

impl Format {
    /// Appends one record to a sequence of records, which begins as an empty buffer.
    ///
    /// Two sequences of one kind of record, one after the other, are a sequence. That lets
    /// a queue keep records as bytes, in buffers that it cuts and joins at will;
    /// [`Serialized::from_sequence`] makes a batch of them.
    ///
    /// # Errors
    /// [`EncodeError::NotCarried`] when the format has no form for this kind of record.
    pub fn append<R: Record>(self, record: &R, sequence: &mut Vec<u8>) -> Result<(), EncodeError> {
        match self {
            Self::Json => record.append_json(sequence),
            Self::Protobuf => {
                record.append_protobuf(sequence);
                Ok(())
            }
        }
    }

    /// Makes the body of a request from a sequence, in place.
    fn close(self, sequence: &mut Vec<u8>) {
        if self == Self::Json {
            json::close(sequence);
        }
    }

    fn carries(self, route: Route) -> Result<(), EncodeError> {
        match (self, route) {
            (Self::Json, Route::UserMappings) => Err(EncodeError::NotCarried {
                format: self,
                route,
            }),
            _ => Ok(()),
        }
    }

    /// The content type of a body that is neither compressed nor obfuscated, and of any other.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "JSON",
            Self::Protobuf => "protobuf",
        })
    }
}

/// Records of one kind, serialised one after the other.
///
/// A record is serialised when it is accepted, so that one that cannot be sent is refused
/// alone, and no record keeps memory of its own while it waits.
///
/// ```
/// use std::time::SystemTime;
///
/// use growingio_codecs::{Batch, Codec, EventRecord, Format, Json, Route, Serialized};
///
/// let mut waiting = Serialized::new(Format::Json, Route::Events);
/// waiting.push(&EventRecord::custom("paid", 1_700_000_000_123).with_anonymous_id("a"))?;
/// let encoded = Json.encode(&Batch::Serialized(waiting), SystemTime::UNIX_EPOCH)?;
/// assert!(encoded.body.starts_with(b"[{\"eventType\":\"CUSTOM\""));
/// # Ok::<(), growingio_codecs::EncodeError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Serialized {
    format: Format,
    route: Route,
    len: usize,
    bytes: Vec<u8>,
}

impl Serialized {
    /// No records yet.
    pub const fn new(format: Format, route: Route) -> Self {
        Self::from_sequence(format, route, 0, Vec::new())
    }

    /// Takes `len` records that [`Format::append`] has written.
    pub const fn from_sequence(format: Format, route: Route, len: usize, bytes: Vec<u8>) -> Self {
        Self {
            format,
            route,
            len,
            bytes,
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`EncodeError::Mixed`] when it is of another kind, [`EncodeError::NotCarried`] when
    /// the format has no form for it. Nothing is added then.
    pub fn push<R: Record>(&mut self, record: &R) -> Result<(), EncodeError> {
        if R::ROUTE != self.route {
            return Err(EncodeError::Mixed {
                batch: self.route,
                record: R::ROUTE,
            });
        }
        self.format.append(record, &mut self.bytes)?;
        self.len += 1;
        Ok(())
    }

    /// The format of the records.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Where the records are sent.
    pub fn route(&self) -> Route {
        self.route
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes that the records take.
    pub fn size_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Makes the body of a request out of the records, in their memory.
    pub(crate) fn into_body(mut self, format: Format) -> Result<Vec<u8>, EncodeError> {
        format.carries(self.route)?;
        if self.format != format {
            return Err(EncodeError::OtherFormat {
                codec: format,
                batch: self.format,
            });
        }
        format.close(&mut self.bytes);
        Ok(self.bytes)
    }

    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.len = 0;
        self.bytes.clear();
    }
}

/// Without the records, which are the user's data.
impl fmt::Debug for Serialized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serialized")
            .field("format", &self.format)
            .field("route", &self.route)
            .field("len", &self.len)
            .field("size_bytes", &self.bytes.len())
            .finish()
    }
}

/// A record that a [`Format`] can write and [`Rules`] can check.
///
/// Sealed: the service knows these kinds and no others.
pub trait Record: sealed::Sealed + fmt::Debug {
    /// Where records of this kind are sent.
    const ROUTE: Route;
}

impl Record for EventRecord<'_> {
    const ROUTE: Route = Route::Events;
}

impl Record for ItemRecord<'_> {
    const ROUTE: Route = Route::Items;
}

impl Record for UserMapping<'_> {
    const ROUTE: Route = Route::UserMappings;
}

pub(crate) mod sealed {
    use super::*;

    pub trait Sealed {
        fn append_json(&self, sequence: &mut Vec<u8>) -> Result<(), EncodeError>;
        fn append_protobuf(&self, sequence: &mut Vec<u8>);
        fn check(&self, rules: &Rules) -> Result<(), Invalid>;
    }
}

impl sealed::Sealed for EventRecord<'_> {
    fn append_json(&self, sequence: &mut Vec<u8>) -> Result<(), EncodeError> {
        json::append_event(self, sequence);
        Ok(())
    }

    fn append_protobuf(&self, sequence: &mut Vec<u8>) {
        protobuf::append_event(self, sequence);
    }

    fn check(&self, rules: &Rules) -> Result<(), Invalid> {
        rules.check_event(self)
    }
}

impl sealed::Sealed for ItemRecord<'_> {
    fn append_json(&self, sequence: &mut Vec<u8>) -> Result<(), EncodeError> {
        json::append_item(self, sequence);
        Ok(())
    }

    fn append_protobuf(&self, sequence: &mut Vec<u8>) {
        protobuf::append_item(self, sequence);
    }

    fn check(&self, rules: &Rules) -> Result<(), Invalid> {
        rules.check_item(self)
    }
}

impl sealed::Sealed for UserMapping<'_> {
    fn append_json(&self, _sequence: &mut Vec<u8>) -> Result<(), EncodeError> {
        Format::Json.carries(Route::UserMappings)
    }

    fn append_protobuf(&self, sequence: &mut Vec<u8>) {
        protobuf::append_user_mapping(self, sequence);
    }

    fn check(&self, rules: &Rules) -> Result<(), Invalid> {
        rules.check_user_mapping(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> EventRecord<'_> {
        EventRecord::custom(name, 1).with_anonymous_id("a")
    }

    #[test]
    fn records_become_a_body_in_their_own_memory_with_the_same_bytes() {
        use crate::{Codec as _, Json, Protobuf, Snappy, Xor};

        for format in [Format::Json, Format::Protobuf] {
            for names in [&[][..], &["a"], &["a", "b"]] {
                let mut records = Serialized::new(format, Route::Events);
                for name in names {
                    records.push(&event(name)).unwrap();
                }
                let codecs: [Box<dyn crate::Codec>; 2] = match format {
                    Format::Json => [Box::new(Json), Box::new(Xor::new(Snappy::new(Json)))],
                    Format::Protobuf => [Box::new(Protobuf), Box::new(Snappy::new(Protobuf))],
                };
                for codec in codecs {
                    let now = std::time::UNIX_EPOCH;
                    let copied = codec.encode(&Batch::Serialized(records.clone()), now);
                    let moved = codec.encode_serialized(records.clone(), now);
                    assert_eq!(moved, copied, "{codec:?}");
                }
            }
        }
        let other = Serialized::new(Format::Json, Route::Events);
        let error = Protobuf.encode_serialized(other, std::time::UNIX_EPOCH);
        assert!(matches!(error, Err(EncodeError::OtherFormat { .. })));
    }

    #[test]
    fn sequences_join_and_equal_the_batch_of_the_records() {
        for format in [Format::Json, Format::Protobuf] {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            format.append(&event("a"), &mut first).unwrap();
            format.append(&event("b"), &mut second).unwrap();
            first.append(&mut second);
            let serialized = Serialized::from_sequence(format, Route::Events, 2, first);
            let (mut joined, mut whole) = (b"old".to_vec(), Vec::new());
            Batch::Serialized(serialized)
                .write(format, &mut joined)
                .unwrap();
            Batch::Events(vec![event("a"), event("b")])
                .write(format, &mut whole)
                .unwrap();
            assert_eq!(joined, whole);
        }
    }

    #[test]
    fn an_empty_batch_is_an_empty_list() {
        let mut body = b"old".to_vec();
        Batch::Items(Vec::new())
            .write(Format::Json, &mut body)
            .unwrap();
        assert_eq!(body, b"[]");
        Batch::Items(Vec::new())
            .write(Format::Protobuf, &mut body)
            .unwrap();
        assert_eq!(body, b"");
    }

    #[test]
    fn kinds_and_formats_do_not_mix() {
        let mut items = Serialized::new(Format::Json, Route::Items);
        assert!(matches!(
            items.push(&event("a")),
            Err(EncodeError::Mixed { .. })
        ));
        assert!(items.is_empty());
        let mappings = Batch::UserMappings(vec![UserMapping::new(1)]);
        let mut body = Vec::new();
        assert!(matches!(
            mappings.write(Format::Json, &mut body),
            Err(EncodeError::NotCarried { .. })
        ));
        assert!(matches!(
            Batch::Serialized(items).write(Format::Protobuf, &mut body),
            Err(EncodeError::OtherFormat { .. })
        ));
    }
}
