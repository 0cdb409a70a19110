//! Result: what the service says about a project and a logstore, from making to deleting.

use serde_json::{Value, json};

use crate::session::{Result, Session, refused};

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    let (project, logstore) = (session.project.clone(), session.logstore.clone());
    let mut found = json!({});

    let create = session
        .client
        .create_project(&project)
        .description("made by Rust");
    session.call(create.send()).await?;
    found["project"] = get_project(session).await?;
    let update = session
        .client
        .update_project(&project)
        .description("changed by Rust");
    session.call(update.send()).await?;
    found["project_changed"] = get_project(session).await?;
    let list = session.client.list_projects(0, 10).project_name(&project);
    let listed = session.call(list.send()).await?;
    let listed = listed.get_body();
    let names: Vec<_> = listed
        .projects()
        .iter()
        .map(|project| project.project_name().as_str())
        .collect();
    found["projects"] = json!([listed.count(), listed.total(), names]);

    let create = session
        .client
        .create_logstore(&project, &logstore)
        .shard_count(3)
        .ttl(7);
    session.call(create.send()).await?;
    found["logstore"] = get_logstore(session).await?;
    let update = session
        .client
        .update_logstore(&project, &logstore)
        .ttl(14)
        .append_meta(true);
    session.call(update.send()).await?;
    found["logstore_changed"] = get_logstore(session).await?;
    let list = session.client.list_logstores(&project, 0, 10);
    let listed = session.call(list.send()).await?;
    let listed = listed.get_body();
    found["logstores"] = json!([listed.count(), listed.total(), listed.logstores()]);

    let delete = session.client.delete_logstore(&project, &logstore);
    session.call(delete.send()).await?;
    let call = session.client.get_logstore(&project, &logstore);
    found["logstore_after"] = refused(session.call(call.send()).await)?;
    let delete = session.client.delete_project(&project);
    session.call(delete.send()).await?;
    let call = session.client.get_project(&project);
    found["project_after"] = refused(session.call(call.send()).await)?;
    Ok(found)
}

async fn get_project(session: &mut Session) -> Result<Value> {
    let call = session.client.get_project(&session.project);
    let told = session.call(call.send()).await?;
    let told = told.get_body();
    Ok(json!([
        told.project_name(),
        told.description(),
        told.status()
    ]))
}

async fn get_logstore(session: &mut Session) -> Result<Value> {
    let call = session
        .client
        .get_logstore(&session.project, &session.logstore);
    let told = session.call(call.send()).await?;
    let told = told.get_body();
    Ok(json!([
        told.logstore_name(),
        told.ttl(),
        told.shard_count(),
        told.append_meta(),
        told.mode(),
    ]))
}
