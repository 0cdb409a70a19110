//! The published Rust client, called as its manual shows.

use aliyun_log_rust_sdk::{Client, Config, FromConfig as _};
use aliyun_log_sdk_protobuf::{Log, LogGroup, LogGroupList};

use crate::corpus::Corpus;
use crate::server::{KEY_ID, KEY_SECRET};

/// Builds the structs that its caller has to build.
pub(crate) fn build(corpus: &Corpus) -> LogGroup {
    let mut group = LogGroup::new();
    for log in &corpus.logs {
        let mut built = Log::from_unixtime(log.time);
        for (key, value) in &log.fields {
            built.add_content_kv(key.as_str(), value.as_str());
        }
        group.add_log(built);
    }
    group
}

pub(crate) fn encode(corpus: &Corpus) -> Vec<u8> {
    build(corpus).encode().expect("encoding into memory")
}

pub(crate) fn decode(list: &[u8]) -> LogGroupList {
    LogGroupList::decode(list).expect("a well-formed list")
}

pub(crate) fn client(port: u16) -> Client {
    // The client puts the project and a dot in front of the endpoint, so this is 127.0.0.1.
    let config = Config::builder()
        .endpoint(format!("http://0.0.1:{port}"))
        .access_key(KEY_ID, KEY_SECRET)
        .build()
        .expect("a valid configuration");
    Client::from_config(config).expect("a client")
}

/// The project that [`client`] needs to reach 127.0.0.1.
pub(crate) const PROJECT: &str = "127";
