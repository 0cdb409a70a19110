use serde_json::{Map, json};
use sls_core::model::{IndexConfig, KeyIndex, LineIndex};

use super::{Call, Returned, to_json};

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let Call { args, logstore, .. } = call;
    match call.name {
        "create_index" | "update_index" => {
            args.known(&["index_detail"])?;
            let index = args.value("index_detail").clone();
            let index: IndexConfig =
                serde_json::from_value(index).map_err(|error| format!("index_detail: {error}"))?;
            let got = match call.name {
                "create_index" => logstore.create_index(index).await,
                _ => logstore.update_index(index).await,
            };
            Ok(got.map(|()| json!({})))
        }
        "get_index" | "get_index_config" => {
            args.known(&[])?;
            let got = logstore.index().await;
            Ok(got.map(|index| {
                json!({
                    "body": to_json(&index),
                    "index_config_roundtrip": to_json(&as_the_recorded_client_writes(index)),
                })
            }))
        }
        "delete_index" => {
            args.known(&[])?;
            Ok(logstore.delete_index().await.map(|()| json!({})))
        }
        _ => Err(call.pending()),
    }
}

/// The recorded client loses the time to live and members it does not know when it reads
/// an index and writes it again. Ours keeps them, so that a change of one thing is a change
/// of one thing; here they are taken away to compare the rest.
pub(in crate::vectors::sls) fn as_the_recorded_client_writes(index: IndexConfig) -> IndexConfig {
    fn strip(key: KeyIndex) -> KeyIndex {
        let mut other = key.other;
        other.retain(|name, _| matches!(name.as_str(), "embedding" | "vector_index"));
        KeyIndex {
            json_keys: key
                .json_keys
                .into_iter()
                .map(|(path, found)| (path, strip(found)))
                .collect(),
            other,
            ..key
        }
    }
    IndexConfig {
        line: index.line.map(|line| LineIndex {
            include_keys: None,
            exclude_keys: None,
            // Written whether they were there or not.
            auto_text_keys: Some(line.auto_text_keys.unwrap_or_default()),
            auto_key_detect: Some(line.auto_key_detect.unwrap_or_default()),
            other: Map::new(),
            ..line
        }),
        keys: index
            .keys
            .into_iter()
            .map(|(name, found)| (name, strip(found)))
            .collect(),
        all_keys: index.all_keys.map(strip),
        ttl: None,
        last_modify_time: None,
        storage: None,
        index_mode: None,
        other: Map::new(),
        ..index
    }
}
