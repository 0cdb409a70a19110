//! The one pass over a received message that may fail.
//!
//! What clients and the service write has one shape: the time first, then contents of key
//! and value, then perhaps the time below a second. Such a log is called plain. It is
//! checked, and later read, without asking at every step what else there could be; anything
//! else that protobuf allows is read by [`Fields`](super::fields::Fields).

use super::decode::WireError;
use super::field;
use super::fields::{Fields, Value};
use super::pairs::Pairs;
use super::varint::take_varint;

/// What was learned about a well-formed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checked {
    /// How many nested messages of the next kind there are: groups of a list, logs of a group.
    pub(super) count: usize,
    /// How many logs there are.
    pub(super) logs: usize,
    /// Whether every log is plain.
    pub(super) plain: bool,
}

impl Checked {
    const EMPTY: Self = Self {
        count: 0,
        logs: 0,
        plain: true,
    };
}

pub(super) fn check_list(list: &[u8]) -> Result<Checked, WireError> {
    let mut seen = Checked::EMPTY;
    let mut fields = Fields::new(list);
    while let Some(field) = fields.next_checked("LogGroupList", list)? {
        if let (field::LIST_GROUPS, Value::Bytes(group)) = field {
            let group = check_group(group, list)?;
            seen.count += 1;
            seen.logs += group.logs;
            seen.plain &= group.plain;
        }
    }
    Ok(seen)
}

/// `body` is what the error counts from.
pub(super) fn check_group(group: &[u8], body: &[u8]) -> Result<Checked, WireError> {
    let mut seen = Checked::EMPTY;
    let mut fields = Fields::new(group);
    while let Some(field) = fields.next_checked("LogGroup", body)? {
        match field {
            (field::GROUP_LOGS, Value::Bytes(log)) => {
                seen.count += 1;
                seen.logs += 1;
                if !is_plain(log) {
                    seen.plain = false;
                    check_log(log, body)?;
                }
            }
            (field::GROUP_TAGS, Value::Bytes(tag)) => check_pair("LogTag", tag, body)?,
            _ => {}
        }
    }
    Ok(seen)
}

/// Whether the log is well-formed and has nothing but what clients write, in their order.
fn is_plain(log: &[u8]) -> bool {
    let Some((_, contents)) = plain_time(log) else {
        return false;
    };
    let mut pairs = Pairs::new(contents);
    while pairs.next().is_some() {}
    matches!(pairs.rest(), [] | [field::LOG_TIME_NS, _, _, _, _])
}

/// The time of a plain log, and what follows it.
#[inline]
pub(super) fn plain_time(log: &[u8]) -> Option<(u32, &[u8])> {
    match log {
        // Every time from 1978 to 2106.
        [field::LOG_TIME, a, b, c, d, e, rest @ ..]
            if a & b & c & d >= 0x80 && (1..0x10).contains(e) =>
        {
            let part = |byte: &u8, index: u32| u32::from(byte & 0x7f) << (7 * index);
            let time = part(a, 0) | part(b, 1) | part(c, 2) | part(d, 3) | part(e, 4);
            Some((time, rest))
        }
        [field::LOG_TIME, rest @ ..] => {
            let mut rest = rest;
            // A longer number is cut to 32 bits, as protobuf has it.
            let time = take_varint(&mut rest)? as u32;
            Some((time, rest))
        }
        _ => None,
    }
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
