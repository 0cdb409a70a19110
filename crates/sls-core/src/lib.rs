#![doc = include_str!("../README.md")]

pub mod api; // requests out, replies in, one file per operation
mod code; // error codes and what another try can do about each
pub mod credentials; // who is asking
mod endpoint; // where the service is
mod error; // why a call did not succeed
pub mod model; // what the service talks about
mod one_line; // text of the other side, fit to be shown
pub mod service; // what a logstore can do, as traits
pub mod sign; // signatures as pure functions
pub mod wire; // protobuf, compression, header names

#[cfg(test)]
mod generated; // written by `cargo xtask codegen`; the reference for `wire`

pub use code::{ErrorCode, RetryClass};
pub use credentials::{Credentials, CredentialsProvider};
pub use endpoint::{Endpoint, InvalidEndpoint};
pub use error::{BoxError, Call, Error, RequestId};
