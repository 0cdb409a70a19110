//! Which operation a request asks for.

use http::Method;

use super::request::Request;
use crate::refusal::Refusal;

/// An operation and the names in its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'a> {
    ListProjects,
    CreateProject,
    GetProject,
    UpdateProject,
    DeleteProject,
    ListLogstores,
    CreateLogstore,
    GetLogstore { logstore: &'a str },
    UpdateLogstore { logstore: &'a str },
    DeleteLogstore { logstore: &'a str },
    ListShards { logstore: &'a str },
    PutLogs { logstore: &'a str, routed: bool },
    GetCursor { logstore: &'a str, shard: &'a str },
    GetCursorTime { logstore: &'a str, shard: &'a str },
    PullLogs { logstore: &'a str, shard: &'a str },
    SplitShard { logstore: &'a str, shard: &'a str },
    MergeShards { logstore: &'a str, shard: &'a str },
    DeleteShard { logstore: &'a str, shard: &'a str },
    CreateIndex { logstore: &'a str },
    GetIndex { logstore: &'a str },
    UpdateIndex { logstore: &'a str },
    DeleteIndex { logstore: &'a str },
    CreateConsumerGroup { logstore: &'a str },
    ListConsumerGroups { logstore: &'a str },
    UpdateConsumerGroup { logstore: &'a str, group: &'a str },
    DeleteConsumerGroup { logstore: &'a str, group: &'a str },
    Heartbeat { logstore: &'a str, group: &'a str },
    GetCheckpoint { logstore: &'a str, group: &'a str },
    UpdateCheckpoint { logstore: &'a str, group: &'a str },
    PutWebtracking { logstore: &'a str, picture: bool },
    AllowWebtracking,
    GetLogs { logstore: &'a str },
    GetLogsV2 { logstore: &'a str },
    GetHistograms { logstore: &'a str },
    ListTopics { logstore: &'a str },
    GetContextLogs { logstore: &'a str },
    GetProjectLogs,
}

/// The names of all operations in the service's manual.
pub(crate) const OPERATIONS: &[&str] = &[
    "ListProject",
    "CreateProject",
    "GetProject",
    "UpdateProject",
    "DeleteProject",
    "ListLogStores",
    "CreateLogStore",
    "GetLogStore",
    "UpdateLogStore",
    "DeleteLogStore",
    "ListShards",
    "PutLogs",
    "GetCursor",
    "GetCursorTime",
    "PullLogs",
    "SplitShard",
    "MergeShards",
    "DeleteShard",
    "CreateIndex",
    "GetIndex",
    "UpdateIndex",
    "DeleteIndex",
    "CreateConsumerGroup",
    "ListConsumerGroup",
    "UpdateConsumerGroup",
    "DeleteConsumerGroup",
    "HeartBeat",
    "GetCheckPoint",
    "UpdateCheckPoint",
    "PutWebtracking",
    "GetLogs",
    "GetHistograms",
    "ListTopics",
    "GetContextLogs",
    "GetProjectLogs",
];

impl<'a> Operation<'a> {
    /// The operation that method, path and, where several share a path, `type` or `action`
    /// name.
    pub(super) fn of(request: &'a Request) -> Result<Self, Refusal> {
        let method = Verb::of(&request.method);
        let segments = request.segments();
        let kind = request.parameter("type").unwrap_or_default();
        let found = match (method, segments.as_slice()) {
            (Verb::Get, [""]) if request.project.is_none() => Self::ListProjects,
            (Verb::Get, [""]) => Self::GetProject,
            (Verb::Post, [""]) => Self::CreateProject,
            (Verb::Put, [""]) => Self::UpdateProject,
            (Verb::Delete, [""]) => Self::DeleteProject,
            // An empty name is a path that nobody serves, whatever follows.
            (_, names) if names.contains(&"") => return Err(Refusal::method(&request.path)),
            (Verb::Get, ["logs"]) => Self::GetProjectLogs,
            (method, ["logstores"]) => match method {
                Verb::Get => Self::ListLogstores,
                Verb::Post => Self::CreateLogstore,
                _ => return Err(Refusal::method(&request.path)),
            },
            (method, ["logstores", logstore]) => match (method, kind) {
                (Verb::Get, "") => Self::GetLogstore { logstore },
                (Verb::Get, "log") => Self::GetLogsV2 { logstore },
                (Verb::Get, "histogram") => Self::GetHistograms { logstore },
                (Verb::Get, "topic") => Self::ListTopics { logstore },
                (Verb::Get, "context_log") => Self::GetContextLogs { logstore },
                (Verb::Get, other) => return Err(unknown_type(other)),
                (Verb::Put, _) => Self::UpdateLogstore { logstore },
                (Verb::Delete, _) => Self::DeleteLogstore { logstore },
                (Verb::Post, _) => Self::PutLogs {
                    logstore,
                    routed: false,
                },
                _ => return Err(Refusal::method(&request.path)),
            },
            (method, ["logstores", logstore, "shards", rest @ ..]) => {
                return Self::of_shards(request, method, logstore, rest);
            }
            (method, ["logstores", logstore, "index"]) => match method {
                // The Java client asks for a histogram here.
                Verb::Get if kind == "histogram" => Self::GetHistograms { logstore },
                Verb::Get => Self::GetIndex { logstore },
                Verb::Post => Self::CreateIndex { logstore },
                Verb::Put => Self::UpdateIndex { logstore },
                Verb::Delete => Self::DeleteIndex { logstore },
                _ => return Err(Refusal::method(&request.path)),
            },
            (Verb::Post, ["logstores", logstore, "logs"]) => Self::GetLogs { logstore },
            (Verb::Options, ["logstores", _, "track" | "track.gif"]) => Self::AllowWebtracking,
            (Verb::Get | Verb::Post, ["logstores", logstore, "track"]) => Self::PutWebtracking {
                logstore,
                picture: false,
            },
            (Verb::Get, ["logstores", logstore, "track.gif"]) => Self::PutWebtracking {
                logstore,
                picture: true,
            },
            (method, ["logstores", logstore, "consumergroups", rest @ ..]) => {
                return Self::of_groups(request, method, logstore, rest);
            }
            _ => return Err(Refusal::method(&request.path)),
        };
        Ok(found)
    }

    /// The name in the service's manual.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ListProjects => "ListProject",
            Self::CreateProject => "CreateProject",
            Self::GetProject => "GetProject",
            Self::UpdateProject => "UpdateProject",
            Self::DeleteProject => "DeleteProject",
            Self::ListLogstores => "ListLogStores",
            Self::CreateLogstore => "CreateLogStore",
            Self::GetLogstore { .. } => "GetLogStore",
            Self::UpdateLogstore { .. } => "UpdateLogStore",
            Self::DeleteLogstore { .. } => "DeleteLogStore",
            Self::ListShards { .. } => "ListShards",
            Self::PutLogs { .. } => "PutLogs",
            Self::GetCursor { .. } => "GetCursor",
            Self::GetCursorTime { .. } => "GetCursorTime",
            Self::PullLogs { .. } => "PullLogs",
            Self::SplitShard { .. } => "SplitShard",
            Self::MergeShards { .. } => "MergeShards",
            Self::DeleteShard { .. } => "DeleteShard",
            Self::CreateIndex { .. } => "CreateIndex",
            Self::GetIndex { .. } => "GetIndex",
            Self::UpdateIndex { .. } => "UpdateIndex",
            Self::DeleteIndex { .. } => "DeleteIndex",
            Self::CreateConsumerGroup { .. } => "CreateConsumerGroup",
            Self::ListConsumerGroups { .. } => "ListConsumerGroup",
            Self::UpdateConsumerGroup { .. } => "UpdateConsumerGroup",
            Self::DeleteConsumerGroup { .. } => "DeleteConsumerGroup",
            Self::Heartbeat { .. } => "HeartBeat",
            Self::GetCheckpoint { .. } => "GetCheckPoint",
            Self::UpdateCheckpoint { .. } => "UpdateCheckPoint",
            Self::PutWebtracking { .. } | Self::AllowWebtracking => "PutWebtracking",
            Self::GetLogs { .. } | Self::GetLogsV2 { .. } => "GetLogs",
            Self::GetHistograms { .. } => "GetHistograms",
            Self::ListTopics { .. } => "ListTopics",
            Self::GetContextLogs { .. } => "GetContextLogs",
            Self::GetProjectLogs => "GetProjectLogs",
        }
    }

    /// Whether everybody may ask, signed or not.
    pub(super) fn is_anonymous(&self) -> bool {
        matches!(self, Self::PutWebtracking { .. } | Self::AllowWebtracking)
    }

    /// What is below `/logstores/{logstore}/consumergroups`.
    fn of_groups(
        request: &Request,
        method: Verb,
        logstore: &'a str,
        rest: &[&'a str],
    ) -> Result<Self, Refusal> {
        let found = match (method, rest) {
            (Verb::Get, []) => Self::ListConsumerGroups { logstore },
            (Verb::Post, []) => Self::CreateConsumerGroup { logstore },
            (Verb::Get, [group]) => Self::GetCheckpoint { logstore, group },
            (Verb::Put, [group]) => Self::UpdateConsumerGroup { logstore, group },
            (Verb::Delete, [group]) => Self::DeleteConsumerGroup { logstore, group },
            (Verb::Post, [group]) => match request.parameter("type").unwrap_or_default() {
                "heartbeat" => Self::Heartbeat { logstore, group },
                "checkpoint" => Self::UpdateCheckpoint { logstore, group },
                other => return Err(unknown_type(other)),
            },
            _ => return Err(Refusal::method(&request.path)),
        };
        Ok(found)
    }

    /// What is below `/logstores/{logstore}/shards`.
    fn of_shards(
        request: &Request,
        method: Verb,
        logstore: &'a str,
        rest: &[&'a str],
    ) -> Result<Self, Refusal> {
        let kind = request.parameter("type").unwrap_or_default();
        let found = match (method, rest) {
            (Verb::Get, []) => Self::ListShards { logstore },
            (Verb::Post, ["lb"]) => Self::PutLogs {
                logstore,
                routed: false,
            },
            (Verb::Post, ["route"]) => Self::PutLogs {
                logstore,
                routed: true,
            },
            (Verb::Get, [shard]) => match kind {
                "cursor" => Self::GetCursor { logstore, shard },
                "cursor_time" => Self::GetCursorTime { logstore, shard },
                // Python and Java write the one, Go and Rust the other.
                "log" | "logs" => Self::PullLogs { logstore, shard },
                other => return Err(unknown_type(other)),
            },
            (Verb::Head, [shard]) if matches!(kind, "log" | "logs") => {
                Self::PullLogs { logstore, shard }
            }
            (Verb::Post, [shard]) => match request.parameter("action").unwrap_or_default() {
                "split" => Self::SplitShard { logstore, shard },
                "merge" => Self::MergeShards { logstore, shard },
                other => {
                    let message = format!("parameter action is unknown: {other:?}");
                    return Err(Refusal::parameter(message));
                }
            },
            (Verb::Delete, [shard]) => Self::DeleteShard { logstore, shard },
            _ => return Err(Refusal::method(&request.path)),
        };
        Ok(found)
    }
}

/// The methods that take part in the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Options,
    Other,
}

impl Verb {
    fn of(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::HEAD => Self::Head,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::DELETE => Self::Delete,
            Method::OPTIONS => Self::Options,
            _ => Self::Other,
        }
    }
}

fn unknown_type(kind: &str) -> Refusal {
    Refusal::parameter(format!("parameter type is unknown: {kind:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_the_list() {
        let (logstore, shard, group) = ("l", "0", "g");
        let all = [
            Operation::ListProjects,
            Operation::CreateProject,
            Operation::GetProject,
            Operation::UpdateProject,
            Operation::DeleteProject,
            Operation::ListLogstores,
            Operation::CreateLogstore,
            Operation::GetLogstore { logstore },
            Operation::UpdateLogstore { logstore },
            Operation::DeleteLogstore { logstore },
            Operation::ListShards { logstore },
            Operation::PutLogs {
                logstore,
                routed: true,
            },
            Operation::GetCursor { logstore, shard },
            Operation::GetCursorTime { logstore, shard },
            Operation::PullLogs { logstore, shard },
            Operation::SplitShard { logstore, shard },
            Operation::MergeShards { logstore, shard },
            Operation::DeleteShard { logstore, shard },
            Operation::CreateIndex { logstore },
            Operation::GetIndex { logstore },
            Operation::UpdateIndex { logstore },
            Operation::DeleteIndex { logstore },
            Operation::CreateConsumerGroup { logstore },
            Operation::ListConsumerGroups { logstore },
            Operation::UpdateConsumerGroup { logstore, group },
            Operation::DeleteConsumerGroup { logstore, group },
            Operation::Heartbeat { logstore, group },
            Operation::GetCheckpoint { logstore, group },
            Operation::UpdateCheckpoint { logstore, group },
            Operation::PutWebtracking {
                logstore,
                picture: false,
            },
            Operation::AllowWebtracking,
            Operation::GetLogs { logstore },
            Operation::GetLogsV2 { logstore },
            Operation::GetHistograms { logstore },
            Operation::ListTopics { logstore },
            Operation::GetContextLogs { logstore },
            Operation::GetProjectLogs,
        ];
        let mut names: Vec<_> = all.iter().map(Operation::name).collect();
        names.dedup();
        assert_eq!(names, OPERATIONS);
    }
}
