use serde_json::{Value, json};
use sls_core::api::{CreateProject, ListProjects};

use super::{Call, Returned, to_json};

pub(super) async fn perform(call: &Call<'_>) -> Returned {
    let Call { args, project, .. } = call;
    match call.name {
        "create_project" => {
            args.known(&["description", "resource_group_id", "data_redundancy_type"])?;
            let mut operation = CreateProject::new(project.name(), args.text("description"))
                .with_resource_group_id(args.text("resource_group_id"));
            if let Some(kind) = args.optional_text("data_redundancy_type") {
                operation = operation.with_data_redundancy_type(kind);
            }
            Ok(call.client.send(&operation).await.map(|()| json!({})))
        }
        "get_project" => {
            args.known(&[])?;
            let got = project.get().await;
            Ok(got.map(|project| json!({ "fields": to_json(&project) })))
        }
        "update_project" => {
            args.known(&["description"])?;
            let got = project.update(args.text("description")).await;
            Ok(got.map(|()| json!({})))
        }
        "delete_project" => {
            args.known(&[])?;
            Ok(project.delete().await.map(|()| json!({})))
        }
        "list_project" | "list_projects" => {
            args.known(&[
                "offset",
                "size",
                "pattern",
                "resource_group_id",
                "description",
            ])?;
            let mut list = ListProjects::new()
                .with_offset(args.number("offset")?.unwrap_or_default())
                .with_size(size(call)?.unwrap_or(ListProjects::DEFAULT_SIZE))
                .with_resource_group_id(args.text("resource_group_id"));
            if let Some(part) = args.optional_text("pattern") {
                list = list.with_name(part);
            }
            if let Some(part) = args.optional_text("description") {
                list = list.with_description(part);
            }
            let got = call.client.list_projects(&list).await;
            Ok(got.map(|page| {
                let projects: Value = page.items.iter().map(to_json).collect();
                json!({
                    "projects": projects,
                    "count": page.items.len(),
                    "total": page.total,
                })
            }))
        }
        _ => Err(call.pending()),
    }
}

/// How much of a list is wanted; the recorded client says -1 for all of it.
pub(super) fn size(call: &Call<'_>) -> Result<Option<u32>, String> {
    let size = call.args.signed("size")?;
    Ok(size.map(|size| u32::try_from(size).unwrap_or(u32::MAX)))
}
