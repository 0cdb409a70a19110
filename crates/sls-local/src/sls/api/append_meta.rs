//! The tags that a logstore with `appendMeta` adds to what is written to it.

use bytes::{BufMut as _, Bytes, BytesMut};
use sls_core::wire::{GroupEncoder, GroupMeta};

use super::Context;
use crate::engine::unix_seconds;

/// The group with two more tags: protobuf messages are joined by writing one after another.
pub(super) fn with_meta(context: &Context<'_>, group: &[u8]) -> Bytes {
    let received = unix_seconds(context.now).to_string();
    let mut meta = GroupMeta::default();
    if let Some(peer) = context.request.peer {
        meta = meta.with_tag("__client_ip__", peer.to_string());
    }
    let tags = GroupEncoder::new().finish(&meta.with_tag("__receive_time__", received));
    let mut joined = BytesMut::with_capacity(group.len() + tags.as_bytes().len());
    joined.put_slice(group);
    joined.put_slice(tags.as_bytes());
    joined.freeze()
}
