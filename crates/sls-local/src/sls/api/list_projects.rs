use serde::Serialize;
use sls_core::model::Project;

use super::{Answer, Context};
use crate::refusal::Refusal;

/// How many projects are listed unless told otherwise, as the manual has it.
const DEFAULT_SIZE: usize = 100;

#[derive(Serialize)]
struct Body {
    count: usize,
    total: usize,
    projects: Vec<Project>,
}

/// `GET /` on the endpoint's host: those whose name and description hold the given text.
pub(super) fn perform(context: &Context<'_>) -> Result<Answer, Refusal> {
    let request = context.request;
    let (offset, size) = request.page(DEFAULT_SIZE)?;
    let name = request.parameter("projectName").unwrap_or_default();
    let description = request.parameter("description").unwrap_or_default();
    let group = request.parameter("resourceGroupId");
    let mut projects = context.face.engine.projects();
    projects.retain(|project| {
        let of_group = |group| {
            project
                .other
                .get("resourceGroupId")
                .is_some_and(|own| own == group)
        };
        project.name.contains(name)
            && project.description.contains(description)
            && group.is_none_or(of_group)
    });
    let total = projects.len();
    let projects: Vec<_> = projects
        .into_iter()
        .skip(offset)
        .take(size)
        .map(|project| Project {
            region: context.face.region.clone(),
            ..project
        })
        .collect();
    Answer::json(&Body {
        count: projects.len(),
        total,
        projects,
    })
}
