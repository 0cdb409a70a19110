//! Field numbers and wire types, as the tag bytes they make together.

pub(crate) const LIST_GROUPS: u8 = 0x0a;

pub(crate) const GROUP_LOGS: u8 = 0x0a;
pub(crate) const GROUP_CATEGORY: u8 = 0x12;
pub(crate) const GROUP_TOPIC: u8 = 0x1a;
pub(crate) const GROUP_SOURCE: u8 = 0x22;
pub(crate) const GROUP_MACHINE_UUID: u8 = 0x2a;
pub(crate) const GROUP_TAGS: u8 = 0x32;

pub(crate) const LOG_TIME: u8 = 0x08;
pub(crate) const LOG_CONTENTS: u8 = 0x12;
/// Field 4, little-endian 32 bits. Field 3 is not used.
pub(crate) const LOG_TIME_NS: u8 = 0x25;

/// Contents and tags are the same two fields.
pub(crate) const PAIR_KEY: u8 = 0x0a;
pub(crate) const PAIR_VALUE: u8 = 0x12;
