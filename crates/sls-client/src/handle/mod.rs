//! The everyday calls, a handle for each thing they are about.

mod consumer_group;
mod logstore;
mod project;

pub use consumer_group::ConsumerGroupHandle;
pub use logstore::LogstoreHandle;
pub use project::ProjectHandle;
