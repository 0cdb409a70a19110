//! The JSON body: an array of objects, ASCII only, without spaces.

mod append;
mod escape;

use std::time::SystemTime;

use crate::batch::{Batch, Format, Serialized};
use crate::codec::{Codec, EncodeError, Encoded, Uncompressed, Uncrypted, unix_ms};

pub(crate) use append::{append_event, append_item, close};

/// Writes records as JSON, byte for byte as the Python SDK does.
///
/// A request needs the time of sending in its query.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
///
/// use growingio_codecs::{Batch, Codec, ItemRecord, Json};
///
/// let batch = Batch::Items(vec![ItemRecord::new("product", "1001").with_attribute("name", "纸")]);
/// let encoded = Json.encode(&batch, UNIX_EPOCH + Duration::from_millis(5))?;
/// assert_eq!(encoded.body, br#"[{"key":"product","id":"1001","attributes":{"name":"\u7eb8"}}]"#);
/// assert_eq!(encoded.query().unwrap(), "stm=5");
/// # Ok::<(), growingio_codecs::EncodeError>(())
/// ```
#[doc(alias = "JsonParser")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Json;

impl Codec for Json {
    fn encode(&self, batch: &Batch<'_>, sent_at: SystemTime) -> Result<Encoded, EncodeError> {
        self.encode_reusing(batch, sent_at, Vec::new())
    }

    fn encode_reusing(
        &self,
        batch: &Batch<'_>,
        sent_at: SystemTime,
        mut memory: Vec<u8>,
    ) -> Result<Encoded, EncodeError> {
        batch.write(Format::Json, &mut memory)?;
        let mut encoded = Encoded::new(batch.route(), Format::Json.content_type(), memory);
        encoded.stm = Some(unix_ms(sent_at));
        Ok(encoded)
    }

    fn encode_serialized(
        &self,
        records: Serialized,
        sent_at: SystemTime,
    ) -> Result<Encoded, EncodeError> {
        let route = records.route();
        let body = records.into_body(Format::Json)?;
        let mut encoded = Encoded::new(route, Format::Json.content_type(), body);
        encoded.stm = Some(unix_ms(sent_at));
        Ok(encoded)
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Json)
    }
}

impl Uncompressed for Json {}
impl Uncrypted for Json {}
