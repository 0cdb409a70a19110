//! The program of the user guide, changed in endpoint, names and an end to its loop.

use serde_json::{Map, Value, json};
use sls_client::LogstoreHandle;
use sls_core::model::{Log, LogGroup, Shard};
use sls_core::wire::EncodedGroup;
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::program::Program;
use suites::clients::world::Programs as _;

use crate::World;

const SHARDS: u32 = 2;
/// The guide's program asks for so many log groups at a time.
const COUNT: usize = 10;

/// Values of `cdn_in`, and whether `cast(cdn_in as bigint) > 70` holds for them.
///
/// What cannot be cast is dropped without ending the query.
const VALUES: [(Option<&str>, bool); 18] = [
    (Some("69"), false),
    (Some("70"), false),
    (Some("71"), true),
    (Some("70.5"), false),
    (Some("1e3"), false),
    (Some("abc"), false),
    (Some("99 balloons"), false),
    (Some(""), false),
    (None, false),
    (Some(" 72 "), true),
    (Some("+73"), true),
    (Some("0074"), true),
    (Some("-71"), false),
    (Some("９９"), false),
    (Some("9223372036854775807"), true),
    (Some("9223372036854775808"), false),
    (Some("NULL"), false),
    (Some("1000"), true),
];

/// The data is there before the program starts at the beginning.
pub(crate) async fn from_begin(world: &World) -> Result<u64> {
    let logstore = world.logstore("guide-begin", SHARDS).await?;
    let shards = logstore.shards().await?;
    let wanted = write(&logstore, &shards, 0).await?;
    let program = world.program(
        &world.access(),
        logstore.name(),
        "pull_with_spl.py",
        ["begin"],
    );
    let printed = program.run("").await?;
    check(world, &printed, &wanted).await
}

/// As the guide has it: the program starts at the end, and sees what is written from then on.
pub(crate) async fn from_end(world: &World) -> Result<u64> {
    let logstore = world.logstore("guide-end", SHARDS).await?;
    let shards = logstore.shards().await?;
    write(&logstore, &shards, 0).await?;
    let program = world.program(
        &world.access(),
        logstore.name(),
        "pull_with_spl.py",
        ["end"],
    );
    let mut running = program.start()?;
    // It has all its cursors once it pulls.
    running.wait_for_line("PullLogResponse").await?;
    let wanted = write(&logstore, &shards, 1_000_000).await?;
    let printed = running.finish().await?;
    check(world, &printed, &wanted).await
}

/// Fills every shard, and gives the rows of each that the query keeps, in order.
///
/// Groups 1 to 9 hold the values, groups 10 to 20 none that is kept, so that one pull of ten
/// groups gives nothing although there is more; the last group has one again.
async fn write(logstore: &LogstoreHandle, shards: &[Shard], first: u32) -> Result<Vec<Vec<Value>>> {
    let mut wanted = vec![Vec::new(); shards.len()];
    for (shard, wanted) in shards.iter().zip(&mut wanted) {
        let kept = ("75", true);
        let dropped = ("7", false);
        let filler = std::iter::repeat_n(dropped, 2 * COUNT + 2).chain([kept, dropped]);
        let filler = filler.map(|(value, keep)| (Some(value), keep));
        let rows: Vec<_> = VALUES.into_iter().chain(filler).collect();
        for (number, pair) in (first..).step_by(2).zip(rows.chunks(2)) {
            let mut logs = Vec::new();
            for (number, (cdn_in, keep)) in (number..).zip(pair) {
                let mut log = Log::at(1_700_000_000 + number).with("number", number.to_string());
                if let Some(value) = cdn_in {
                    log = log.with("cdn_in", *value);
                }
                log = log.with("client", "客户端");
                if *keep {
                    wanted.push(row(&log, shard));
                }
                logs.push(log);
            }
            let group = LogGroup::new(logs)
                .with_topic("cdn")
                .with_source(shard.id.to_string())
                .with_tag("path", "/var/log/cdn.log");
            logstore
                .put_routed(&EncodedGroup::from(&group), shard.begin)
                .await?;
        }
    }
    Ok(wanted)
}

/// A log with its group's topic, source and tags, as the Python client prints them.
fn row(log: &Log, shard: &Shard) -> Value {
    let mut fields = Map::new();
    fields.insert("@lh_time".to_owned(), log.time.into());
    // The client prints a zero where there is none.
    fields.insert("@time_ns".to_owned(), 0.into());
    for content in &log.contents {
        fields.insert(content.key.to_string(), content.value.to_string().into());
    }
    json!({
        "topic": "cdn",
        "source": shard.id.to_string(),
        "tags": {"path": "/var/log/cdn.log"},
        "log": fields,
    })
}

/// Compares what was printed with the rows of each shard, and counts the calls.
async fn check(world: &World, printed: &str, wanted: &[Vec<Value>]) -> Result<u64> {
    let reader = world.programs().command("printed_pulls.py", []);
    let pulls = Program::new(reader).answer(printed).await?.result;
    let pulls = pulls.as_array().ok_or("the pulls are not a list")?;
    // The program takes the shards in turns.
    let mut found = vec![Vec::new(); wanted.len()];
    for (number, pull) in pulls.iter().enumerate() {
        let of_shard = &mut found[number % wanted.len()];
        for group in pull.as_array().into_iter().flatten() {
            for log in group["logs"].as_array().into_iter().flatten() {
                let mut row = group.clone();
                row["log"] = log.clone();
                row.as_object_mut().map(|row| row.remove("logs"));
                of_shard.push(row);
            }
        }
    }
    expect("shards", &json!(found), &json!(wanted))?;
    // 21 groups in each shard make three pulls, and one that finds nothing more.
    let shards = wanted.len();
    if pulls.len() < 4 * shards {
        return Err(format!("{} pulls are too few for the count asked for", pulls.len()).into());
    }
    Ok((1 + shards + pulls.len()) as u64)
}
