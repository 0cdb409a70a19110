//! Projects and logstores.

use serde_json::json;

use super::super::Result;
use super::super::groups::expect;
use super::super::world::{Programs, World};
use super::about;

/// The project that theirs makes.
pub const PROJECT: &str = "made-by-theirs";
const LOGSTORE: &str = "made_by-theirs";

/// Theirs makes, changes, lists and deletes a project and a logstore.
///
/// # Errors
/// When a step was told something else, and when a call fails.
pub async fn made_by_theirs<P: Programs>(world: &World<P>) -> Result<u64> {
    let program = world.program_in(PROJECT, &world.access(), LOGSTORE, "resources", []);
    let answer = program.answer("").await?;
    let told = &answer.result;
    let wanted = json!({
        "project_before": false,
        "project_create": null,
        "project": [PROJECT, "made by a client", "Normal"],
        "project_update": null,
        "project_changed": [PROJECT, "changed by a client", "Normal"],
        // There once, in a list as long as count and total say.
        "projects": [1, true, true],
        "logstore_create": null,
        "logstore_again": "LogStoreAlreadyExist",
        // Name, days, shards, splits, the most shards, web tracking.
        "logstore": [LOGSTORE, 7, 3, true, 16, false],
        "logstore_update": null,
        "logstore_changed": [LOGSTORE, 14, 3, true, 16, true],
        "logstores": [LOGSTORE],
        "logstore_exists": true,
        "logstore_delete": null,
        "logstore_after": "LogStoreNotExist",
        "project_delete": null,
        "project_after": "ProjectNotExist",
    });
    about(told, expect("answers", told, &wanted))?;
    Ok(answer.calls)
}
