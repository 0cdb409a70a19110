//! The official Go client, its producer and its consumer against the local server, and beside
//! ours.

use std::process::ExitCode;

use suites::clients::checks::{
    consumer_group, cursors, exchange, index, producer, refusals, resources, search, shards,
};
use suites::clients::go::GoClients;
use suites::clients::skip::Skip;
use suites::clients::table::{Subject, Table};
use suites::clients::{Result, build, conclude, mixed, samples, takeover};

type World = suites::clients::world::World<GoClients>;

const SUITE: &str = "clients-go";
const MODULE: &str = "github.com/aliyun/aliyun-log-go-sdk";
const CLIENT: &str = "aliyun-log-go-sdk";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    conclude(SUITE, run().await)
}

async fn run() -> Result<Result<Table, Skip>> {
    let clients = match GoClients::prepare(&build::target_dir()?).await? {
        Ok(clients) => clients,
        Err(skip) => return Ok(Err(skip)),
    };
    let version = clients.version_of(MODULE)?;
    let part = |name: &str| Subject::new(format!("{CLIENT}{name}"), &version);
    let server = build::build("sls-local").await?;
    let mut results = Results {
        client: part(""),
        producer: part("/producer"),
        consumer: part("/consumer"),
        table: Table::new(SUITE),
    };

    let world = World::start(clients.clone(), &server).await?;
    results.check_client(&world).await;
    results.check_producer(&world).await;
    results.check_consumer(&world).await;
    results.stop("server ends on SIGTERM", world).await;

    let world = World::start_with_keys(clients, &server).await?;
    results.check_temporary_key(&world).await;
    results
        .stop("server with keys ends on SIGTERM", world)
        .await;
    Ok(Ok(results.table))
}

struct Results {
    client: Subject,
    producer: Subject,
    consumer: Subject,
    table: Table,
}

impl Results {
    async fn check_client(&mut self, world: &World) {
        let groups = samples::rust_groups();
        for with in ["lz4", "zstd", "plain"] {
            let name = format!("theirs puts ({with}), ours pulls");
            self.check(name, exchange::from_theirs(world, with, &groups))
                .await;
        }
        self.check(
            "theirs puts by hash key, ours pulls",
            exchange::routed_from_theirs(world),
        )
        .await;
        for pair in exchange::PAIRS {
            self.check(pair.name(), pair.arrives(world)).await;
        }
        for access in [world.access(), world.access_v4(), world.access_by_proxy()] {
            let name = format!("round trip with {access}");
            self.check(name, exchange::round_trip(world, &access, &groups))
                .await;
        }
        self.check("pull through a query", exchange::through_query(world))
            .await;
        self.check("cursors and their times", cursors::agree(world))
            .await;
        self.check("shards split and merged", shards::split_and_merged(world))
            .await;
        self.check("project and logstore", resources::made_by_theirs(world))
            .await;
        self.check("index", index::made_by_theirs(world)).await;
        for way in ["plain", "v2", "v3", "zstd", "lines", "completed"] {
            let name = format!("searches ({way})");
            self.check(name, search::asked_by_theirs(world, way)).await;
        }
        self.check("histograms", search::histograms(world)).await;
        self.check("neighbours of a log", search::neighbours(world))
            .await;
        self.check(
            "consumer group, call by call",
            consumer_group::of_two(world),
        )
        .await;
        for access in [world.access(), world.access_v4()] {
            for refusal in refusals::ALL {
                let name = format!("{}, {access}", refusal.name());
                self.check(name, refusal.arrives(world, &access)).await;
            }
        }
    }

    async fn check_producer(&mut self, world: &World) {
        let (table, subject) = (&mut self.table, &self.producer);
        for with in ["lz4", "zstd", "plain"] {
            let name = format!("batches ({with}), ours pulls");
            table
                .check(subject, name, producer::everything_arrives(world, with))
                .await;
        }
        table
            .check(
                subject,
                "closing sends the rest",
                producer::closing_flushes(world),
            )
            .await;
        table
            .check(
                subject,
                "keys stay together",
                producer::keys_stay_together(world),
            )
            .await;
        table
            .check(
                subject,
                "trouble is survived",
                producer::trouble_is_survived(world),
            )
            .await;
        table
            .check(
                subject,
                "refusals are told",
                producer::refusals_are_told(world),
            )
            .await;
    }

    async fn check_consumer(&mut self, world: &World) {
        let (table, subject) = (&mut self.table, &self.consumer);
        let killed = takeover::nothing_is_missing(world, "consumer");
        table
            .check(subject, "group of two, one killed", killed)
            .await;
        let mixed = mixed::nothing_is_missing(world, "consumer");
        table.check(subject, "group of Go and Rust", mixed).await;
        let filtered = takeover::only_what_a_query_keeps(world, "consumer");
        table.check(subject, "group with a query", filtered).await;
    }

    async fn check_temporary_key(&mut self, world: &World) {
        let groups = samples::rust_groups();
        for access in world.temporary_accesses() {
            let name = format!("round trip with {access}");
            self.check(name, exchange::round_trip(world, &access, &groups))
                .await;
            for refusal in refusals::TEMPORARY {
                let name = format!("{}, {access}", refusal.name());
                self.check(name, refusal.arrives(world, &access)).await;
            }
        }
    }

    async fn check(&mut self, name: impl Into<String>, check: impl Future<Output = Result<u64>>) {
        self.table.check(&self.client, name, check).await;
    }

    async fn stop(&mut self, name: &str, world: World) {
        let result = world.stop().await.map(|()| 0);
        self.table.add(&Subject::server(), name, result);
    }
}
