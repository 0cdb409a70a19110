//! Input: two indexes. Result: what each step was told, the first index made, the second put
//! in its place.

use aliyun_log_rust_sdk::Index;
use serde_json::{Value, json};

use crate::session::{Result, Session, input, refused};

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    let (created, changed): (Value, Value) = input()?;
    let (project, logstore) = (session.project.clone(), session.logstore.clone());
    let parse = serde_json::from_value::<Index>;
    let mut found = json!({});

    let call = session.client.get_index(&project, &logstore);
    found["get_before"] = refused(session.call(call.send()).await)?;
    let create = session
        .client
        .create_index(&project, &logstore, parse(created.clone())?);
    session.call(create.send()).await?;
    found["created"] = read(session).await?;
    let again = session
        .client
        .create_index(&project, &logstore, parse(created)?);
    found["create_again"] = refused(session.call(again.send()).await)?;
    let update = session
        .client
        .update_index(&project, &logstore, parse(changed)?);
    session.call(update.send()).await?;
    found["changed"] = read(session).await?;
    let delete = session.client.delete_index(&project, &logstore);
    session.call(delete.send()).await?;
    let call = session.client.get_index(&project, &logstore);
    found["get_after"] = refused(session.call(call.send()).await)?;
    Ok(found)
}

async fn read(session: &mut Session) -> Result<Value> {
    let call = session
        .client
        .get_index(&session.project, &session.logstore);
    let told = session.call(call.send()).await?;
    Ok(serde_json::to_value(told.get_body())?)
}
