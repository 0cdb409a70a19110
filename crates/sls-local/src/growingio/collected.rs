//! What was collected.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use growingio_codecs::{Batch, EventRecord, ItemRecord, Route, UserMapping};

/// One request to the collector, whatever became of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CollectedRequest {
    /// Counts the requests to this server, from 1.
    pub number: u64,
    /// The connection it came on, counted from 1; `None` inside the process.
    pub connection: Option<u64>,
    /// When it arrived, by the server's clock.
    pub received: SystemTime,
    /// The method; all but `POST` are refused.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body as sent.
    pub body: Bytes,
    /// What kind of record the path is for.
    pub route: Route,
    /// The product id in the path, decoded.
    pub product_id: String,
    /// What was answered; `None` when the connection was cut instead.
    pub status: Option<u16>,
    /// Whether the records were taken, which a cut connection does not tell the sender.
    pub accepted: bool,
    /// Why they were not.
    pub reason: Option<String>,
    /// The first request that is kept and had the same target and body. A sender that tries
    /// again repeats both; the protocol has no other mark of a repetition.
    pub repeat_of: Option<u64>,
    /// The records in the body, also those of a request that was refused on request.
    pub records: Vec<Arc<CollectedEvent>>,
}

/// A record and where it came from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CollectedEvent {
    /// The [number](CollectedRequest::number) of the request.
    pub request: u64,
    /// The product id in the path, decoded.
    pub product_id: String,
    /// When it arrived, by the server's clock.
    pub received: SystemTime,
    /// The record itself.
    pub record: CollectedRecord,
    /// What is wrong with it by the service's manual; a strict collector refuses those.
    pub warnings: Vec<String>,
}

impl CollectedEvent {
    /// The name of the event's type, such as `CUSTOM`; `ITEM` and `USER_MAPPING` for the
    /// others.
    pub fn kind(&self) -> &str {
        match &self.record {
            CollectedRecord::Event(event) => event.event_type.name(),
            CollectedRecord::Item(_) => "ITEM",
            CollectedRecord::UserMapping(_) => "USER_MAPPING",
        }
    }

    /// The event's name, or the item's key.
    pub fn name(&self) -> Option<&str> {
        match &self.record {
            CollectedRecord::Event(event) => event.event_name.as_deref(),
            CollectedRecord::Item(item) => item.item_key.as_deref(),
            CollectedRecord::UserMapping(_) => None,
        }
    }

    /// The event, unless it is something else.
    pub fn event(&self) -> Option<&EventRecord<'static>> {
        match &self.record {
            CollectedRecord::Event(event) => Some(event),
            _ => None,
        }
    }

    /// The item, unless it is something else.
    pub fn item(&self) -> Option<&ItemRecord<'static>> {
        match &self.record {
            CollectedRecord::Item(item) => Some(item),
            _ => None,
        }
    }
}

/// What a project collects.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all records are events, and each is in an Arc"
)]
pub enum CollectedRecord {
    /// A custom event, attributes of a login user, or what apps and pages send.
    Event(EventRecord<'static>),
    /// A row of a dimension table.
    Item(ItemRecord<'static>),
    /// Ids of one user.
    UserMapping(UserMapping<'static>),
}

impl CollectedRecord {
    /// The product id inside the record.
    pub(super) fn product_id(&self) -> &str {
        match self {
            Self::Event(event) => event.product_id.as_deref().unwrap_or_default(),
            Self::Item(item) => item.product_id.as_deref().unwrap_or_default(),
            Self::UserMapping(mapping) => &mapping.product_id,
        }
    }

    /// The records of a batch, one by one.
    pub(super) fn of_batch(batch: Batch<'static>) -> Vec<Self> {
        match batch {
            Batch::Events(events) => events.into_iter().map(Self::Event).collect(),
            Batch::Items(items) => items.into_iter().map(Self::Item).collect(),
            Batch::UserMappings(mappings) => mappings.into_iter().map(Self::UserMapping).collect(),
            // No decoder makes any other.
            _ => Vec::new(),
        }
    }
}
