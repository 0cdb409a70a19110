//! The official Rust clients of the log service against the local server, and beside ours.

mod consumer_group; // a group of two, call by call
mod cursors; // shards and positions
mod exchange; // what one client puts, the other pulls
mod index; // the index of a logstore
mod producer; // logs through the official producer
mod refusals; // errors arrive as the client's errors
mod resources; // projects and logstores
mod search; // searches

use std::process::ExitCode;

use suites::clients::rust::RustClients;
use suites::clients::skip::Skip;
use suites::clients::table::{Subject, Table};
use suites::clients::{Result, build, conclude};

type World = suites::clients::world::World<RustClients>;

const SUITE: &str = "clients-rust";
const CLIENT: &str = "aliyun-log-rust-sdk";
const PRODUCER: &str = "aliyun-log-producer";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    conclude(SUITE, run().await)
}

async fn run() -> Result<Result<Table, Skip>> {
    let clients = match RustClients::prepare(&build::target_dir()?).await? {
        Ok(clients) => clients,
        Err(skip) => return Ok(Err(skip)),
    };
    let client = Subject::new(CLIENT, clients.version_of(CLIENT)?);
    let producer = Subject::new(PRODUCER, clients.version_of(PRODUCER)?);
    let server = build::build("sls-local").await?;
    let mut table = Table::new(SUITE);

    let world = World::start(clients.clone(), &server).await?;
    check_client(&mut table, &client, &world).await;
    for compression in producer::COMPRESSIONS {
        let name = format!("producer ({compression}), ours pulls");
        let shipped = producer::everything_arrives(&world, compression);
        table.check(&producer, name, shipped).await;
    }
    stop(&mut table, "server ends on SIGTERM", world).await;

    let world = World::start_with_keys(clients, &server).await?;
    let [temporary, _] = world.temporary_accesses();
    let name = format!("round trip with {temporary}");
    table
        .check(&client, name, exchange::round_trip(&world, &temporary))
        .await;
    stop(&mut table, "server with keys ends on SIGTERM", world).await;
    Ok(Ok(table))
}

async fn check_client(table: &mut Table, client: &Subject, world: &World) {
    table
        .check(
            client,
            "theirs puts, ours pulls",
            exchange::from_theirs(world),
        )
        .await;
    for (compression, v4) in exchange::SENDERS {
        let name = exchange::name(compression, v4);
        let pulled = exchange::from_ours(world, compression, v4);
        table.check(client, name, pulled).await;
    }
    table
        .check(
            client,
            "pull through a query",
            exchange::through_query(world),
        )
        .await;
    table
        .check(client, "shards and cursors", cursors::agree(world))
        .await;
    table
        .check(client, "searches", search::asked_by_theirs(world))
        .await;
    table
        .check(client, "index", index::made_by_theirs(world))
        .await;
    table
        .check(
            client,
            "project and logstore",
            resources::made_by_theirs(world),
        )
        .await;
    table
        .check(client, "consumer group", consumer_group::of_two(world))
        .await;
    for refusal in refusals::ALL {
        let name = format!("refused: {}", refusal.call.replace('_', " "));
        table.check(client, name, refusal.arrives(world)).await;
    }
}

async fn stop(table: &mut Table, name: &str, world: World) {
    let result = world.stop().await.map(|()| 0);
    table.add(&Subject::server(), name, result);
}
