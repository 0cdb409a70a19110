use std::fmt;

use serde::{Deserialize, Serialize};

/// A project as the service describes it.
///
/// Times are text because the service writes them in two ways: `2020-11-18 16:55:57` for
/// one project, decimal seconds in a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Project {
    /// Its name, unique in the region.
    #[serde(rename = "projectName")]
    pub name: String,
    /// What it is for, in its owner's words.
    pub description: String,
    /// `Normal` or `Disable`.
    pub status: String,
    /// The account that owns it.
    pub owner: String,
    /// The region it is in, for instance `cn-hangzhou`.
    pub region: String,
    /// When it was made.
    pub create_time: String,
    /// When its settings last changed.
    pub last_modify_time: String,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl fmt::Display for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "project {}", self.name)?;
        if !self.region.is_empty() {
            write!(f, " in {}", self.region)?;
        }
        if !self.status.is_empty() {
            write!(f, ", {}", self.status)?;
        }
        Ok(())
    }
}
