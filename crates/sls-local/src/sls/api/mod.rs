//! The operations, one file each, named as in the service's manual.

mod create_logstore;
mod create_project;
mod delete_logstore;
mod delete_project;
mod get_cursor;
mod get_cursor_time;
mod get_logstore;
mod get_project;
mod list_logstores;
mod list_projects;
mod list_shards;
mod pull_logs;
mod put_logs;
mod update_logstore;
mod update_project;

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};

use super::Face;
use super::answer::Answer;
use super::request::Request;
use super::route::Operation;
use crate::engine::Logstore;
use crate::refusal::Refusal;

/// What an operation works with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) face: &'a Face,
    pub(super) request: &'a Request,
    pub(super) now: SystemTime,
}

impl Context<'_> {
    fn logstore(&self, name: &str) -> Result<Arc<Logstore>, Refusal> {
        self.face.engine.logstore(self.request.project()?, name)
    }

    fn json_object(&self) -> Result<Map<String, Value>, Refusal> {
        self.request.json_object(MAX_JSON)
    }
}

/// The largest JSON body, in bytes; the largest known one, an index, has a few thousand.
const MAX_JSON: usize = 1 << 20;

/// Performs an operation for a sender who may ask for it.
pub(super) fn perform(context: &Context<'_>, operation: Operation<'_>) -> Result<Answer, Refusal> {
    match operation {
        Operation::ListProjects => list_projects::perform(context),
        Operation::CreateProject => create_project::perform(context),
        Operation::GetProject => get_project::perform(context),
        Operation::UpdateProject => update_project::perform(context),
        Operation::DeleteProject => delete_project::perform(context),
        Operation::ListLogstores => list_logstores::perform(context),
        Operation::CreateLogstore => create_logstore::perform(context),
        Operation::GetLogstore { logstore } => get_logstore::perform(context, logstore),
        Operation::UpdateLogstore { logstore } => update_logstore::perform(context, logstore),
        Operation::DeleteLogstore { logstore } => delete_logstore::perform(context, logstore),
        Operation::ListShards { logstore } => list_shards::perform(context, logstore),
        Operation::PutLogs { logstore, routed } => put_logs::perform(context, logstore, routed),
        Operation::GetCursor { logstore, shard } => get_cursor::perform(context, logstore, shard),
        Operation::GetCursorTime { logstore, shard } => {
            get_cursor_time::perform(context, logstore, shard)
        }
        Operation::PullLogs { logstore, shard } => pull_logs::perform(context, logstore, shard),
        Operation::Unsupported { name } => Err(Refusal::bad(
            "NotSupported",
            format!("{name} is not supported by this server"),
        )),
    }
}

/// No processor can be stored here, so none exists.
fn no_processor(name: &str) -> Refusal {
    Refusal::missing(
        "ConsumeProcessorNotExist",
        format!("consume processor {name} does not exist"),
    )
}
