//! Projects and logstores.

use serde_json::json;
use suites::clients::groups::expect;
use suites::clients::{Failure, Result};

use crate::World;

const PROJECT: &str = "made-by-rust";
const LOGSTORE: &str = "made_by-rust";

/// Theirs makes, changes, lists and deletes a project and a logstore.
pub(crate) async fn made_by_theirs(world: &World) -> Result<u64> {
    let program = world.program_in(PROJECT, &world.access(), LOGSTORE, "resources", []);
    let answer = program.answer("").await?;
    let told = &answer.result;
    let wanted = json!({
        "project": [PROJECT, "made by Rust", "Normal"],
        "project_changed": [PROJECT, "changed by Rust", "Normal"],
        "projects": [1, 1, [PROJECT]],
        "logstore": [LOGSTORE, 7, 3, false, "standard"],
        "logstore_changed": [LOGSTORE, 14, 3, true, "standard"],
        "logstores": [1, 1, [LOGSTORE]],
        "logstore_after": "LogStoreNotExist",
        "project_after": "ProjectNotExist",
    });
    expect("answers", told, &wanted)
        .map_err(|failure| -> Failure { format!("{failure} in {told}").into() })?;
    Ok(answer.calls)
}
