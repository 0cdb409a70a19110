//! A project: a description and logstores.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};
use sls_core::model::Project as ProjectInfo;

use super::logstore::Logstore;
use super::storage::StorageError;
use super::{catalog, unix_seconds};
use crate::refusal::Refusal;

/// Where a project is kept when its maker does not say: in one zone. The service names it
/// always, and the official Rust client does not read a project without it.
const DATA_REDUNDANCY: (&str, &str) = ("dataRedundancyType", "LRS");

/// The most bytes of a description and of settings that are kept as they came.
const MAX_SETTINGS: usize = 64 << 10;

#[derive(Debug)]
pub(crate) struct Project {
    info: ProjectInfo,
    pub(crate) logstores: BTreeMap<String, Arc<Logstore>>,
}

impl Project {
    /// A project that keeps the members of `settings` that it has no use for.
    pub(crate) fn new(
        name: &str,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let seconds = unix_seconds(now).to_string();
        let mut project = Self {
            info: ProjectInfo {
                name: name.to_owned(),
                status: "Normal".to_owned(),
                create_time: seconds.clone(),
                last_modify_time: seconds,
                ..ProjectInfo::default()
            },
            logstores: BTreeMap::new(),
        };
        let (member, kind) = DATA_REDUNDANCY;
        project.info.other.insert(member.to_owned(), kind.into());
        project.update(settings, now)?;
        // Clients read these without looking whether they are there.
        for (name, value) in [("resourceGroupId", ""), ("dataRedundancyType", "LRS")] {
            let other = &mut project.info.other;
            other.entry(name).or_insert_with(|| Value::from(value));
        }
        Ok(project)
    }

    /// A project that was written down, still without its logstores.
    pub(super) fn read(fact: &[u8]) -> Result<Self, StorageError> {
        Ok(Self {
            info: catalog::read("a project", fact)?,
            logstores: BTreeMap::new(),
        })
    }

    /// The project to be written down, without its logstores.
    pub(super) fn fact(&self) -> Vec<u8> {
        catalog::written(&self.info)
    }

    /// The project with other settings and the same logstores.
    pub(super) fn updated(
        &self,
        settings: Map<String, Value>,
        now: SystemTime,
    ) -> Result<Self, Refusal> {
        let mut updated = Self {
            info: self.info.clone(),
            logstores: self.logstores.clone(),
        };
        updated.update(settings, now)?;
        Ok(updated)
    }

    /// Takes over the members that a client may set.
    fn update(&mut self, mut settings: Map<String, Value>, now: SystemTime) -> Result<(), Refusal> {
        // What the server says about a project is not for a client to set.
        for own in [
            "projectName",
            "status",
            "owner",
            "region",
            "createTime",
            "lastModifyTime",
        ] {
            settings.remove(own);
        }
        let description = match settings.remove("description") {
            None => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => return Err(Refusal::parameter("description must be a string")),
        };
        let size = description.as_ref().map_or(0, String::len)
            + Value::Object(settings.clone()).to_string().len();
        if size > MAX_SETTINGS {
            let message = format!("settings are longer than {MAX_SETTINGS} bytes");
            return Err(Refusal::parameter(message));
        }
        if let Some(description) = description {
            self.info.description = description;
        }
        self.info.other.extend(settings);
        self.info.last_modify_time = unix_seconds(now).to_string();
        Ok(())
    }

    /// The project as a client sees it, with times in seconds.
    pub(crate) fn describe(&self) -> ProjectInfo {
        self.info.clone()
    }
}
