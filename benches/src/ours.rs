//! Our crates, called as their manual shows.

use sls_client::{Client, ClientBuilder};
use sls_core::Credentials;
use sls_core::credentials::StaticCredentials;
use sls_core::wire::{EncodedGroup, GroupEncoder, GroupListEncoder, GroupListView, GroupMeta};
use sls_logging::{Handler, HandlerBuilder};

use crate::corpus::Corpus;
use crate::server::{KEY_ID, KEY_SECRET};

/// Encodes the fields as they are; `spare` is the group before, whose memory is used again.
pub(crate) fn encode(corpus: &Corpus, spare: Option<EncodedGroup>) -> EncodedGroup {
    let mut group = spare.map_or_else(GroupEncoder::new, GroupEncoder::reuse);
    append(corpus, &mut group);
    group.finish(&GroupMeta::default())
}

pub(crate) fn append(corpus: &Corpus, group: &mut GroupEncoder) {
    for log in &corpus.logs {
        let mut open = group.log(log.time);
        for (key, value) in &log.fields {
            open.field(key, value);
        }
    }
}

/// The body of a pull: the logs in groups of at most `per_group`.
pub(crate) fn list(corpus: Corpus, per_group: usize) -> Vec<u8> {
    let mut list = GroupListEncoder::new();
    let mut logs = corpus.logs.into_iter().peekable();
    while logs.peek().is_some() {
        let logs = logs.by_ref().take(per_group).collect();
        list.push(encode(&Corpus { logs }, None).as_bytes());
    }
    list.into_bytes()
}

/// Looks at every field as `&str`, as a reader does that works on text.
///
/// The result depends on every length, so nothing of it can be left out.
pub(crate) fn visit(list: &GroupListView<'_>) -> usize {
    let mut sum = 0;
    for group in list.groups() {
        for log in group.logs() {
            sum += log.time() as usize;
            for (key, value) in log.contents() {
                sum += key.to_str().map_or(0, str::len);
                sum += value.to_str().map_or(0, str::len);
            }
        }
    }
    sum
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signature {
    V1,
    V4,
}

impl Signature {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V4 => "V4",
        }
    }

    pub(crate) fn from_name(name: &str) -> Self {
        match name {
            "V1" => Self::V1,
            "V4" => Self::V4,
            _ => panic!("there is no signature {name}"),
        }
    }
}

pub(crate) fn client(port: u16, signature: Signature) -> Client {
    let builder = client_builder(port, signature);
    builder.build().expect("a valid configuration")
}

pub(crate) fn client_builder(port: u16, signature: Signature) -> ClientBuilder {
    let endpoint = format!("http://127.0.0.1:{port}").parse();
    let credentials = StaticCredentials::new(Credentials::new(KEY_ID, KEY_SECRET));
    let builder = Client::builder(endpoint.expect("an endpoint"), credentials);
    match signature {
        Signature::V1 => builder,
        Signature::V4 => builder
            .with_signature_v4(Some("cn-hangzhou"))
            .expect("a region is given"),
    }
}

/// A handler that sends to a server on loopback; all else is as it is by default.
pub(crate) fn handler(port: u16) -> HandlerBuilder {
    Handler::builder()
        .endpoint(format!("http://127.0.0.1:{port}"))
        .credentials(Credentials::new(KEY_ID, KEY_SECRET))
        .project("bench")
        .logstore("bench")
}
