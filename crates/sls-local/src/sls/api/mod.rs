//! The operations, one file each, named as in the service's manual.

mod append_meta;
mod create_consumer_group;
mod create_index;
mod create_logstore;
mod create_project;
mod delete_consumer_group;
mod delete_index;
mod delete_logstore;
mod delete_project;
mod delete_shard;
mod get_checkpoint;
mod get_context_logs;
mod get_cursor;
mod get_cursor_time;
mod get_histograms;
mod get_index;
mod get_logs;
mod get_logstore;
mod get_project;
mod heartbeat;
mod json_group;
mod list_consumer_groups;
mod list_logstores;
mod list_projects;
mod list_shards;
mod list_topics;
mod merge_shards;
mod pull_logs;
mod put_logs;
mod put_webtracking;
mod search_text;
mod split_shard;
mod update_checkpoint;
mod update_consumer_group;
mod update_index;
mod update_logstore;
mod update_project;

use std::sync::Arc;
use std::time::SystemTime;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sls_core::model::ShardId;

use super::Face;
use super::answer::Answer;
use super::request::Request;
use super::route::Operation;
use crate::engine::{Logstore, Put, Receipt};
use crate::fault::{Target, USED_UP};
use crate::refusal::Refusal;

/// What an operation works with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) face: &'a Face,
    pub(super) request: &'a Request,
    pub(super) now: SystemTime,
    /// What faults have to know.
    pub(super) target: Target<'a>,
}

impl Context<'_> {
    fn logstore(&self, name: &str) -> Result<Arc<Logstore>, Refusal> {
        self.face.engine.logstore(self.request.project()?, name)
    }

    /// Takes a group, unless the shard that is to have it has a quota that is used up.
    fn put(&self, logstore: &Logstore, mut put: Put) -> Result<Receipt, Refusal> {
        if logstore.config().append_meta {
            put.group = append_meta::with_meta(self, &put.group);
            put.packed = None;
        }
        let mut admit = |shard: ShardId| {
            let target = Target {
                shard: Some(shard.0),
                ..self.target
            };
            match self.face.faults.take_for_shard(target, self.now) {
                Some(code) => Err(Refusal::quota(code, format!("shard {shard}: {USED_UP}"))),
                None => Ok(()),
            }
        };
        let engine = &self.face.engine;
        let arrivals = Arc::clone(&self.face.arrivals);
        engine.put(logstore, put, self.now, &mut admit, move || arrivals.tell())
    }

    /// The body, which must be a JSON object.
    fn json_object(&self) -> Result<Map<String, Value>, Refusal> {
        self.json("ParameterInvalid")
    }

    /// The body, which must be JSON of this form; another is refused with `code`.
    fn json<T: DeserializeOwned>(&self, code: &'static str) -> Result<T, Refusal> {
        self.request.json(code, MAX_JSON)
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
        Operation::SplitShard { logstore, shard } => split_shard::perform(context, logstore, shard),
        Operation::MergeShards { logstore, shard } => {
            merge_shards::perform(context, logstore, shard)
        }
        Operation::DeleteShard { logstore, shard } => {
            delete_shard::perform(context, logstore, shard)
        }
        Operation::CreateIndex { logstore } => create_index::perform(context, logstore),
        Operation::GetIndex { logstore } => get_index::perform(context, logstore),
        Operation::UpdateIndex { logstore } => update_index::perform(context, logstore),
        Operation::DeleteIndex { logstore } => delete_index::perform(context, logstore),
        Operation::CreateConsumerGroup { logstore } => {
            create_consumer_group::perform(context, logstore)
        }
        Operation::ListConsumerGroups { logstore } => {
            list_consumer_groups::perform(context, logstore)
        }
        Operation::UpdateConsumerGroup { logstore, group } => {
            update_consumer_group::perform(context, logstore, group)
        }
        Operation::DeleteConsumerGroup { logstore, group } => {
            delete_consumer_group::perform(context, logstore, group)
        }
        Operation::Heartbeat { logstore, group } => heartbeat::perform(context, logstore, group),
        Operation::GetCheckpoint { logstore, group } => {
            get_checkpoint::perform(context, logstore, group)
        }
        Operation::UpdateCheckpoint { logstore, group } => {
            update_checkpoint::perform(context, logstore, group)
        }
        Operation::PutWebtracking { logstore, picture } => {
            put_webtracking::perform(context, logstore, picture)
        }
        Operation::AllowWebtracking => Ok(put_webtracking::allow()),
        Operation::GetLogs { logstore } => get_logs::perform(context, logstore),
        Operation::GetLogsV2 { logstore } => get_logs::perform_v2(context, logstore),
        Operation::GetHistograms { logstore } => get_histograms::perform(context, logstore),
        Operation::ListTopics { logstore } => list_topics::perform(context, logstore),
        Operation::GetContextLogs { logstore } => get_context_logs::perform(context, logstore),
        Operation::GetProjectLogs => Err(search_text::no_sql()),
    }
}

/// No processor can be stored here, so none exists.
fn no_processor(name: &str) -> Refusal {
    Refusal::missing(
        "ConsumeProcessorNotExist",
        format!("consume processor {name} does not exist"),
    )
}
