//! Input: `{"query": TEXT OR NULL, "count": N}`. Result: for each shard its log groups, and
//! how many lines the query saw and kept.

use aliyun_log_rust_sdk::get_cursor_models::CursorPos;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::groups::to_json;
use crate::session::{Result, Session, input};

#[derive(Deserialize)]
struct Wanted {
    query: Option<String>,
    count: i32,
}

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    let wanted: Wanted = input()?;
    let (project, logstore) = (session.project.clone(), session.logstore.clone());
    let listed = session.client.list_shards(&project, &logstore);
    let listed = session.call(listed.send()).await?;
    let mut found = Vec::new();
    for shard in listed.get_body().shards() {
        found.push(shard_to_its_end(session, *shard.shard_id(), &wanted).await?);
    }
    Ok(json!(found))
}

async fn shard_to_its_end(session: &mut Session, shard: i32, wanted: &Wanted) -> Result<Value> {
    let (project, logstore) = (session.project.clone(), session.logstore.clone());
    let first = session.client.get_cursor(&project, &logstore, shard);
    let first = session
        .call(first.cursor_pos(CursorPos::Begin).send())
        .await?;
    let mut cursor = first.get_body().cursor().to_owned();
    let mut groups = Vec::new();
    let (mut seen, mut kept) = (0, 0);
    loop {
        let mut pull = session
            .client
            .pull_logs(&project, &logstore, shard)
            .cursor(&cursor)
            .count(wanted.count);
        if let Some(query) = &wanted.query {
            pull = pull.query(query);
        }
        let pulled = session.call(pull.send()).await?;
        let pulled = pulled.get_body();
        groups.extend(pulled.log_group_list().iter().map(to_json));
        seen += pulled.lines_before_query().unwrap_or_default();
        kept += pulled.result_lines().unwrap_or_default();
        if *pulled.next_cursor() == cursor {
            return Ok(json!({"groups": groups, "lines_seen": seen, "lines_kept": kept}));
        }
        cursor.clone_from(pulled.next_cursor());
    }
}
