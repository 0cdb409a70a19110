use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::LogstoreConfig;

/// Changes the settings of a logstore.
///
/// The number of shards must be the present one: it changes by splits and merges only, and
/// anything else is refused with `ParameterInvalid`. Refused with `LogStoreNotExist` when
/// the project has none of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpdateLogstore {
    project: String,
    config: LogstoreConfig,
    current: Option<LogstoreConfig>,
}

impl UpdateLogstore {
    /// Gives the logstore that `config` names all of these settings.
    pub fn new(project: impl Into<String>, config: LogstoreConfig) -> Self {
        Self {
            project: project.into(),
            config,
            current: None,
        }
    }

    /// Leaves out what is the same as at present, as far as the service lets it be left out.
    ///
    /// Some settings may only be written by those who mean to change them, and the official
    /// clients leave them out likewise.
    #[must_use]
    pub fn with_current(mut self, current: LogstoreConfig) -> Self {
        self.current = Some(current);
        self
    }
}

impl Sealed for UpdateLogstore {}

impl Operation for UpdateLogstore {
    type Reply = ();
    const NAME: &'static str = "UpdateLogStore";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.config.name)
    }

    fn encode(&self) -> ApiRequest {
        const ALWAYS_WRITTEN: [&str; 7] = [
            "logstoreName",
            "ttl",
            "enable_tracking",
            "shardCount",
            "autoSplit",
            "maxSplitShard",
            "appendMeta",
        ];
        let mut body = self.config.writable();
        let current = self.current.as_ref().map(LogstoreConfig::writable);
        if let (Some(members), Some(current)) = (body.as_object_mut(), current) {
            members.retain(|name, value| {
                ALWAYS_WRITTEN.contains(&name.as_str()) || current.get(name) != Some(&*value)
            });
        }
        ApiRequest::new(
            Method::PUT,
            format!("/logstores/{}", Name(&self.config.name)),
        )
        .with_json(&body)
    }

    fn decode(&self, _reply: &ApiReply) -> Result<(), InvalidReply> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_stays_the_same_is_left_out_where_it_may_be() {
        let current = LogstoreConfig {
            hot_ttl: Some(7),
            mode: Some("standard".to_owned()),
            create_time: Some(1),
            ..LogstoreConfig::named("l")
        };
        let changed = LogstoreConfig {
            ttl: 90,
            mode: Some("query".to_owned()),
            ..current.clone()
        };
        let request = UpdateLogstore::new("p", changed.clone())
            .with_current(current)
            .encode();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(
            body,
            json!({
                "logstoreName": "l", "ttl": 90, "enable_tracking": false, "shardCount": 2,
                "autoSplit": true, "maxSplitShard": 64, "appendMeta": false, "mode": "query",
            })
        );
        let all: Value =
            serde_json::from_slice(&UpdateLogstore::new("p", changed).encode().body).unwrap();
        assert_eq!(all["hot_ttl"], json!(7));
        assert_eq!(all.get("createTime"), None);
    }
}
