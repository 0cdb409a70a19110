// The front page runs a real transport, so its example is only tested where there is one.
#![cfg_attr(any(not(doctest), feature = "https"), doc = include_str!("../README.md"))]

mod call_record; // what a call tells about itself
mod classify; // which answers are worth another attempt
mod client; // performs operations
mod clock_offset; // how far the local clock is off
mod config; // what a client is made of
pub mod credentials; // providers that ask somebody else
mod handle; // the everyday calls about a project, a logstore, a consumer group
#[cfg(feature = "metrics")]
mod metrics; // the same in numbers
mod paging; // lists that do not fit one answer
mod patience; // searches that are not complete yet
mod roles; // a logstore handle in the roles of sls_core::service
mod sign_layer; // signs every attempt
mod stream; // reads a shard, or all of them, batch by batch

pub use client::Client;
pub use config::{BuildError, ClientBuilder};
pub use handle::{ConsumerGroupHandle, LogstoreHandle, ProjectHandle};
pub use patience::Patience;
pub use sls_core::credentials::{Credentials, EnvCredentials, StaticCredentials};
pub use sls_core::{Endpoint, Error, ErrorCode};
pub use stream::{
    ShardHandle, ShardStream, StreamStart, TailBatch, TailError, TailStart, TailStream,
};
