//! The official client's calls by name, each in terms of ours.

mod args;
mod consumer_group;
mod cursor;
mod index;
mod logstore;
mod project;
mod pull;
mod put;
mod query;
mod shard;

use serde_json::Value;
use sls_client::{Client, Error, LogstoreHandle, ProjectHandle};

use super::text;
use args::Args;
pub(super) use index::as_the_recorded_client_writes;

/// Why a case did not pass.
pub(super) enum Failure {
    /// This does not exist yet.
    Pending(String),
    /// This is not as recorded.
    Different(String),
}

impl From<String> for Failure {
    fn from(difference: String) -> Self {
        Self::Different(difference)
    }
}

/// What a call returned, under the recorded names, or how it was refused.
type Returned = Result<Result<Value, Error>, Failure>;

/// One recorded call, and what it is about in our terms.
struct Call<'a> {
    name: &'a str,
    args: Args<'a>,
    client: &'a Client,
    project: ProjectHandle,
    logstore: LogstoreHandle,
    case: &'a Value,
}

impl Call<'_> {
    fn pending(&self) -> Failure {
        Failure::Pending(self.name.to_owned())
    }
}

/// Which file performs a call.
enum Area {
    Project,
    Logstore,
    Index,
    Shard,
    Cursor,
    Put,
    Pull,
    Query,
    ConsumerGroup,
}

/// `None` for a call that we have no counterpart of.
fn area(name: &str) -> Option<Area> {
    Some(match name {
        "create_project" | "get_project" | "update_project" | "delete_project" | "list_project"
        | "list_projects" => Area::Project,
        "create_logstore" | "get_logstore" | "update_logstore" | "delete_logstore"
        | "list_logstore" | "list_logstores" => Area::Logstore,
        "create_index" | "get_index" | "get_index_config" | "update_index" | "delete_index" => {
            Area::Index
        }
        "list_shards" | "split_shard" | "merge_shard" | "delete_shard" | "arrange_shard" => {
            Area::Shard
        }
        "get_cursor"
        | "get_begin_cursor"
        | "get_end_cursor"
        | "get_cursor_time"
        | "get_previous_cursor_time" => Area::Cursor,
        "put_logs" | "put_log_raw" => Area::Put,
        "pull_logs" | "pull_log" | "pull_log_dump" => Area::Pull,
        "get_log"
        | "get_logs"
        | "get_log_all"
        | "execute_logstore_sql"
        | "get_histograms"
        | "list_topics"
        | "get_context_logs"
        | "get_project_logs"
        | "execute_project_sql" => Area::Query,
        "create_consumer_group"
        | "update_consumer_group"
        | "delete_consumer_group"
        | "list_consumer_group"
        | "heart_beat"
        | "get_check_point"
        | "get_check_point_fixed"
        | "update_check_point" => Area::ConsumerGroup,
        _ => return None,
    })
}

/// Whether there is anything to perform, before the rest of the case is looked at.
pub(super) fn is_known(name: &str) -> bool {
    area(name).is_some()
}

/// Performs the case's call and gives what it returned, under the recorded names.
///
/// A call may return more members than were recorded: names differ where the recorded
/// client's own do. One that gives its result in parts gives each to `part` when it comes.
pub(super) async fn perform(
    client: &Client,
    case: &Value,
    part: &mut dyn FnMut(Value),
) -> Returned {
    let name = text(case, "call")?;
    let args = Args::new(name, &case["args"]);
    // Not every call is about both, so a case need not name both.
    let about = |what: &str| {
        let configured = case["config"][what].as_str();
        args.optional_text(what).or(configured).unwrap_or_default()
    };
    let (project, logstore) = (about("project"), about("logstore"));
    let call = Call {
        name,
        client,
        project: client.project(project),
        logstore: client.logstore(project, logstore),
        args,
        case,
    };
    match area(name) {
        Some(Area::Project) => project::perform(&call).await,
        Some(Area::Logstore) => logstore::perform(&call).await,
        Some(Area::Index) => index::perform(&call).await,
        Some(Area::Shard) => shard::perform(&call).await,
        Some(Area::Cursor) => cursor::perform(&call).await,
        Some(Area::Put) => put::perform(&call).await,
        Some(Area::Pull) => pull::perform(&call, part).await,
        Some(Area::Query) => query::perform(&call, part).await,
        Some(Area::ConsumerGroup) => consumer_group::perform(&call).await,
        None => Err(call.pending()),
    }
}

fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
