//! The service's operations: a request out, a reply in, side by side.
//!
//! Each operation is a struct that holds its parameters. [`Operation::encode`] gives the
//! request without address and signature, [`Operation::decode`] reads the answer; neither
//! does any I/O, so any client can perform them.
//!
//! Read one file and you have read them all.

mod operation; // what all of them have in common
mod reply; // an answer as it arrived
mod request; // a request as an operation describes it

mod create_logstore;
mod create_project;
mod get_cursor;
mod get_cursor_time;
mod get_logstore;
mod get_project;
mod list_shards;
mod pull_logs;
mod put_logs;

use operation::Sealed;
pub use operation::{Operation, Scope};
pub use reply::{ApiReply, InvalidReply};
pub use request::ApiRequest;

pub use create_logstore::CreateLogstore;
pub use create_project::CreateProject;
pub use get_cursor::GetCursor;
pub use get_cursor_time::GetCursorTime;
pub use get_logstore::GetLogstore;
pub use get_project::GetProject;
pub use list_shards::{ListShards, ShardList};
pub use pull_logs::{Processing, PullLogs, PulledLogs, ScanStats};
pub use put_logs::{PutBody, PutLogs};
