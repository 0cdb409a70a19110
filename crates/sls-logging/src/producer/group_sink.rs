use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, Hasher as _};

use sls_core::service::{LogSink, RawGroup};
use sls_core::wire::GroupMeta;
use telemetry_delivery::batch::{BatchHead, Delivery, Sealed, Sink};

use super::route::LaneName;
use super::verdict::delivery_after;

/// The tag by which the service finds the logs around a log.
const PACK_ID: &str = "__pack_id__";

/// Puts batches as log groups: an item is a log as it stands in a group.
#[derive(Debug)]
pub(crate) struct GroupSink<S> {
    inner: S,
    /// Names the writer in pack ids, if groups get one: this process and this producer.
    writer: Option<u64>,
}

impl<S> GroupSink<S> {
    pub(crate) fn new(inner: S, pack_ids: bool) -> Self {
        // std seeds each of these from the operating system, which is all that is wanted here.
        let random = || RandomState::new().build_hasher().finish();
        Self {
            inner,
            writer: pack_ids.then(random),
        }
    }
}

impl<S: LogSink> Sink for GroupSink<S> {
    async fn deliver(&self, batch: &Sealed) -> Delivery {
        let Some(lane) = LaneName::parse(batch.lane_name()) else {
            return Delivery::refused("not a lane of this producer");
        };
        let group = RawGroup::new(batch.body(), batch.count()).with_hash_key(lane.hash_key);
        match self.inner.put_raw(group).await {
            Ok(()) => Delivery::Delivered,
            Err(error) => delivery_after(&error),
        }
    }

    fn trailer(&self, batch: BatchHead<'_>, out: &mut Vec<u8>) {
        let Some(lane) = LaneName::parse(batch.lane_name) else {
            return;
        };
        out.extend_from_slice(lane.meta);
        if let Some(writer) = self.writer {
            let tag = GroupMeta::default().with_tag(PACK_ID, pack_id(writer, batch));
            // Tags come last in a group, so one more can follow.
            out.extend_from_slice(&tag.to_wire());
        }
    }
}

/// `{writer}-{number}` in hexadecimal digits; lanes are writers of their own, since their groups
/// are counted apart.
fn pack_id(writer: u64, batch: BatchHead<'_>) -> String {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let writer = writer ^ (batch.lane.index() as u64).wrapping_mul(ODD);
    let mut id = String::with_capacity(34);
    // Writing into a String does not fail.
    let _ = write!(id, "{writer:016X}-{:X}", batch.number);
    id
}
