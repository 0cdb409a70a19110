//! Fields out of the message's text.

mod json;
mod key_value;

pub(crate) use json::for_each_member;
pub(crate) use key_value::KeyValuePattern;

/// How what is found in a message is uploaded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extraction {
    pub(crate) on: bool,
    pub(crate) drop_message: bool,
    pub(crate) prefix: String,
    pub(crate) suffix: String,
}
