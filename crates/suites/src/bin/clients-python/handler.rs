//! The logging handler of the user guide.

use serde_json::{Value, json};
use sls_core::model::{LogGroup, ShardId};
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::world::read_shard;

use crate::World;

/// The topic in the configuration file.
const TOPIC: &str = "orders";

/// A program logs through the configured handler and ends; all its records are there, with
/// all their fields.
pub(crate) async fn records_arrive(world: &World) -> Result<u64> {
    let logstore = world.logstore("handler", 1).await?;
    let program = world.program(&world.access(), logstore.name(), "log_handler.py", []);
    let answer = program.answer("").await?;
    let groups = read_shard(&logstore, ShardId(0)).await?;
    for group in &groups {
        let topic = group.topic.as_ref().map(ToString::to_string);
        expect("topic", &json!(topic), &json!(TOPIC))?;
        if group
            .source
            .as_ref()
            .is_none_or(|source| source.as_bytes().is_empty())
        {
            return Err("a group has no source".into());
        }
    }
    let mut wanted = answer.result;
    // What was given to one of the calls comes beside what every record has.
    wanted[3]["fields"]["order"] = json!("17");
    wanted[3]["fields"]["customer"] = json!(r#"{"id": "c-1"}"#);
    expect("records", &records(&groups), &wanted)?;

    let message = |at: usize| wanted[at]["fields"]["message"].as_str().unwrap_or_default();
    let first = json!([message(0), message(1), message(3)]);
    let said = json!(["order placed", "only 3 left of 茶叶", "in another place"]);
    expect("messages", &first, &said)?;
    let trace = message(2);
    let whole = trace.starts_with("division by zero\nTraceback (most recent call last):\n")
        && trace.ends_with("\nZeroDivisionError: division by zero");
    if !whole {
        return Err(format!("the exception came as {trace:?}").into());
    }
    Ok(answer.calls)
}

/// The logs with their fields by name: the handler sends them in any order.
fn records(groups: &[LogGroup]) -> Value {
    let logs = groups.iter().flat_map(|group| &group.logs);
    logs.map(|log| {
        let fields = log.contents.iter();
        let fields = fields.map(|field| (field.key.to_string(), json!(field.value.to_string())));
        json!({"time": log.time, "fields": fields.collect::<Value>()})
    })
    .collect()
}
