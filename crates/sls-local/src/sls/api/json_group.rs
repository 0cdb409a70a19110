//! A log group as JSON: from pages that are tracked, and from clients that put so.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sls_core::wire::GroupMeta;

use crate::refusal::Refusal;

/// A group with logs of this form.
#[derive(Debug, Deserialize)]
pub(super) struct JsonGroup<L> {
    #[serde(rename = "__topic__", default)]
    pub(super) topic: String,
    #[serde(rename = "__source__", default)]
    pub(super) source: String,
    #[serde(rename = "__tags__", default)]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(rename = "__logs__")]
    pub(super) logs: Vec<L>,
}

impl<L: DeserializeOwned> JsonGroup<L> {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        serde_json::from_slice(body).map_err(|cause| {
            let message = format!("body cannot be read as JSON: {cause}");
            Refusal::bad("PostBodyInvalid", message)
        })
    }
}

impl<L> JsonGroup<L> {
    /// All but the logs.
    pub(super) fn meta(self) -> GroupMeta {
        let meta = GroupMeta::default()
            .with_topic(self.topic)
            .with_source(self.source);
        let tags = self.tags.into_iter();
        tags.fold(meta, |meta, (key, value)| meta.with_tag(key, value))
    }
}
