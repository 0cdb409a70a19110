//! Input: a cursor of shard 0. Result: what each step was told, in one group of two consumers.

use serde_json::{Value, json};

use crate::session::{Result, Session, input, refused};

const GROUP: &str = "readers";

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    let cursor: String = input()?;
    let (project, logstore) = (session.project.clone(), session.logstore.clone());
    let mut found = json!({});

    for step in ["create", "create_again"] {
        let create = session
            .client
            .create_consumer_group(&project, &logstore, GROUP)
            .timeout(30)
            .order(false);
        found[step] = refused(session.call(create.send()).await)?;
    }
    found["created"] = list(session).await?;
    let update = session
        .client
        .update_consumer_group(&project, &logstore, GROUP)
        .timeout(60)
        .order(true);
    session.call(update.send()).await?;
    found["updated"] = list(session).await?;

    found["unknown"] = refused(session.call(heartbeat(session, "stranger", vec![0])).await)?;
    found["alone"] = shards(session, "first", vec![]).await?;
    // The second gets what the first gives up, once the first reports that it did.
    found["second_waits"] = shards(session, "second", vec![]).await?;
    found["first_gives_up"] = shards(session, "first", vec![0, 1]).await?;
    let kept = serde_json::from_value(found["first_gives_up"].clone())?;
    found["first_keeps"] = shards(session, "first", kept).await?;
    found["second_gets"] = shards(session, "second", vec![]).await?;

    found["before"] = checkpoints(session, None).await?;
    let owner = if found["first_keeps"] == json!([0]) {
        "first"
    } else {
        "second"
    };
    let other = if owner == "first" { "second" } else { "first" };
    for (step, consumer) in [("saved_by_other", other), ("saved", owner)] {
        let save = session
            .client
            .update_consumer_group_checkpoint(&project, &logstore, GROUP)
            .shard_id(0)
            .consumer_id(consumer)
            .checkpoint(&cursor)
            .force_success(false);
        found[step] = refused(session.call(save.send()).await)?;
    }
    found["after"] = checkpoints(session, Some(0)).await?;

    let delete = session
        .client
        .delete_consumer_group(&project, &logstore, GROUP);
    session.call(delete.send()).await?;
    found["deleted"] = list(session).await?;
    Ok(found)
}

async fn list(session: &mut Session) -> Result<Value> {
    let call = session
        .client
        .list_consumer_groups(&session.project, &session.logstore);
    let told = session.call(call.send()).await?;
    Ok(serde_json::to_value(told.get_body().consumer_groups())?)
}

async fn shards(session: &mut Session, consumer: &str, held: Vec<i32>) -> Result<Value> {
    let told = heartbeat(session, consumer, held);
    Ok(json!(session.call(told).await?))
}

fn heartbeat(
    session: &Session,
    consumer: &str,
    held: Vec<i32>,
) -> impl Future<Output = Result<Vec<i32>, aliyun_log_rust_sdk::Error>> + use<> {
    let call = session
        .client
        .consumer_group_heartbeat(&session.project, &session.logstore, GROUP)
        .consumer(consumer)
        .shards(held)
        .send();
    async move { Ok(call.await?.take_body().shards().clone()) }
}

/// Shard, cursor and consumer of each.
async fn checkpoints(session: &mut Session, shard: Option<i32>) -> Result<Value> {
    let mut call =
        session
            .client
            .get_consumer_group_checkpoint(&session.project, &session.logstore, GROUP);
    if let Some(shard) = shard {
        call = call.shard_id(shard);
    }
    let told = session.call(call.send()).await?;
    let saved = told.get_body().checkpoints().iter();
    Ok(saved
        .map(|saved| json!([saved.shard_id(), saved.checkpoint(), saved.consumer()]))
        .collect())
}
