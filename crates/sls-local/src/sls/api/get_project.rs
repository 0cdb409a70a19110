use std::time::{Duration, UNIX_EPOCH};

use sls_core::model::Project;

use super::{Answer, Context};
use crate::refusal::Refusal;

/// `GET /` on a project's host. Times are text here and numbers in text in a list.
pub(super) fn perform(context: &Context<'_>) -> Result<Answer, Refusal> {
    let name = context.request.project()?;
    let project = context.face.engine.project(name)?;
    Answer::json(&Project {
        create_time: date_and_time(&project.create_time),
        last_modify_time: date_and_time(&project.last_modify_time),
        region: context.face.region.clone(),
        ..project
    })
}

/// `2020-11-18 16:55:57` for the same in seconds; in UTC, as the server has no zone.
fn date_and_time(seconds: &str) -> String {
    let time = UNIX_EPOCH + Duration::from_secs(seconds.parse().unwrap_or(0));
    jiff::Timestamp::try_from(time).map_or_else(
        |_| String::new(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}
