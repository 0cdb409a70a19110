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

// Projects.
mod create_project;
mod delete_project;
mod get_project;
mod list_projects;
mod update_project;

// Logstores.
mod create_logstore;
mod delete_logstore;
mod get_logstore;
mod list_logstores;
mod update_logstore;

// Indexes.
mod create_index;
mod delete_index;
mod get_index;
mod update_index;

// Shards and cursors.
mod delete_shard;
mod get_cursor;
mod get_cursor_time;
mod list_shards;
mod merge_shards;
mod split_shard;

// Logs in and out.
mod pull_logs;
mod put_logs;
mod put_webtracking;

// Searches.
mod get_context_logs;
mod get_histograms;
mod get_logs;
mod get_logs_v2;
mod get_project_logs;
mod list_topics;

// Consumer groups.
mod create_consumer_group;
mod delete_consumer_group;
mod get_checkpoint;
mod heart_beat;
mod list_consumer_groups;
mod update_checkpoint;
mod update_consumer_group;

#[cfg(test)]
mod testing; // answers for the tests of the operations

use operation::Sealed;
pub use operation::{Operation, Scope};
pub use reply::{ApiReply, InvalidReply};
pub use request::ApiRequest;
use request::Name;

pub use create_consumer_group::CreateConsumerGroup;
pub use create_index::CreateIndex;
pub use create_logstore::CreateLogstore;
pub use create_project::CreateProject;
pub use delete_consumer_group::DeleteConsumerGroup;
pub use delete_index::DeleteIndex;
pub use delete_logstore::DeleteLogstore;
pub use delete_project::DeleteProject;
pub use delete_shard::DeleteShard;
pub use get_checkpoint::GetCheckpoint;
pub use get_context_logs::{ContextLogs, GetContextLogs};
pub use get_cursor::GetCursor;
pub use get_cursor_time::GetCursorTime;
pub use get_histograms::{GetHistograms, Histograms};
pub use get_index::GetIndex;
pub use get_logs::GetLogs;
pub use get_logs_v2::GetLogsV2;
pub use get_logstore::GetLogstore;
pub use get_project::GetProject;
pub use get_project_logs::GetProjectLogs;
pub use heart_beat::HeartBeat;
pub use list_consumer_groups::ListConsumerGroups;
pub use list_logstores::ListLogstores;
pub use list_projects::ListProjects;
pub use list_shards::{ListShards, ShardList};
pub use list_topics::{ListTopics, Topics};
pub use merge_shards::MergeShards;
pub use pull_logs::{Processing, PullLogs, PulledLogs, ScanStats};
pub use put_logs::{PutBody, PutLogs};
pub use put_webtracking::{PutWebtracking, WebLog};
pub use split_shard::SplitShard;
pub use update_checkpoint::UpdateCheckpoint;
pub use update_consumer_group::UpdateConsumerGroup;
pub use update_index::UpdateIndex;
pub use update_logstore::UpdateLogstore;
pub use update_project::UpdateProject;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ConsumerName, HashKey, ShardId};

    /// Calls about things with this name, which is one part of each path.
    fn calls(name: &str) -> Vec<ApiRequest> {
        let shard = ShardId(0);
        vec![
            GetLogstore::new("p", name).encode(),
            DeleteLogstore::new("p", name).encode(),
            ListShards::new("p", name).encode(),
            DeleteShard::new("p", name, shard).encode(),
            MergeShards::new("p", name, shard).encode(),
            SplitShard::new("p", name, shard, HashKey::MIN).encode(),
            GetIndex::new("p", name).encode(),
            DeleteIndex::new("p", name).encode(),
            ListConsumerGroups::new("p", name).encode(),
            DeleteConsumerGroup::new("p", name, "readers").encode(),
            DeleteConsumerGroup::new("p", "orders", name).encode(),
            UpdateConsumerGroup::new("p", "orders", name).encode(),
            HeartBeat::new("p", "orders", name, ConsumerName::new("c"), vec![]).encode(),
        ]
    }

    #[test]
    fn no_name_is_taken_for_a_path() {
        let plain = calls("x");
        let sly = calls("x/shards/0");
        for (plain, sly) in plain.iter().zip(&sly) {
            for text in [&sly.path, &sly.path_and_query()] {
                let parts = text.split('/').count();
                assert_eq!(parts, plain.path.split('/').count(), "{text}");
            }
        }
    }
}
