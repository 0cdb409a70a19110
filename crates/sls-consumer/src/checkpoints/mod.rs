//! Where a group keeps how far its shards were processed.

mod file; // in a folder

pub use file::FileCheckpoints;
