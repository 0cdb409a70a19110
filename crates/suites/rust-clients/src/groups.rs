//! Log groups as the suites write them in JSON; all text is text here.

use aliyun_log_sdk_protobuf::{Log, LogGroup};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
pub(crate) struct Group {
    topic: Option<String>,
    source: Option<String>,
    tags: Vec<(String, String)>,
    logs: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    time: u32,
    time_ns: Option<u32>,
    contents: Vec<(String, String)>,
}

impl From<Group> for LogGroup {
    fn from(group: Group) -> Self {
        let mut message = Self::new();
        for entry in group.logs {
            let mut log = Log::from_unixtime(entry.time);
            if let Some(time_ns) = entry.time_ns {
                log.set_time_ns(time_ns);
            }
            for (key, value) in entry.contents {
                log.add_content_kv(key, value);
            }
            message.add_log(log);
        }
        if let Some(topic) = group.topic {
            message.set_topic(topic);
        }
        if let Some(source) = group.source {
            message.set_source(source);
        }
        for (key, value) in group.tags {
            message.add_log_tag_kv(key, value);
        }
        message
    }
}

pub(crate) fn to_json(group: &LogGroup) -> Value {
    let tags = group.log_tags().iter();
    let tags: Vec<_> = tags.map(|tag| json!([tag.key(), tag.value()])).collect();
    let logs = group.logs().iter().map(|log| {
        let contents = log.contents().iter();
        let contents: Vec<_> = contents
            .map(|content| json!([content.key(), content.value()]))
            .collect();
        json!({"time": log.time(), "time_ns": log.time_ns(), "contents": contents})
    });
    json!({
        "topic": group.topic(),
        "source": group.source(),
        "tags": tags,
        "logs": logs.collect::<Vec<_>>(),
    })
}
