//! Input: a list of seconds. Result: the shards, and the cursors of shard 0 at its begin, at
//! its end and at those times.

use aliyun_log_rust_sdk::get_cursor_models::CursorPos;
use serde_json::{Value, json};

use crate::session::{Result, Session, input};

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    let times: Vec<i64> = input()?;
    let (project, logstore) = (session.project.clone(), session.logstore.clone());
    let listed = session.client.list_shards(&project, &logstore);
    let listed = session.call(listed.send()).await?;
    let shards = listed.get_body().shards().iter().map(|shard| {
        json!([
            shard.shard_id(),
            shard.status(),
            shard.inclusive_begin_key(),
            shard.exclusive_end_key(),
            shard.create_time(),
        ])
    });
    let mut found = json!({"shards": shards.collect::<Vec<_>>(), "at": []});
    for (name, position) in [("begin", CursorPos::Begin), ("end", CursorPos::End)] {
        found[name] = cursor(session, position).await?;
    }
    let mut at = Vec::new();
    for time in times {
        at.push(cursor(session, CursorPos::UnixTimeStamp(time)).await?);
    }
    found["at"] = json!(at);
    Ok(found)
}

async fn cursor(session: &mut Session, position: CursorPos) -> Result<Value> {
    let call = session
        .client
        .get_cursor(&session.project, &session.logstore, 0);
    let told = session.call(call.cursor_pos(position).send()).await?;
    Ok(json!(told.get_body().cursor()))
}
