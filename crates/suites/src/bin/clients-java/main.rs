//! The official Java clients of the log service and of GrowingIO against the local server, and
//! beside ours.

mod tracker; // events, users, items and user mappings of GrowingIO

use std::process::ExitCode;

use sls_core::model::LogGroup;
use suites::clients::checks::{
    consumer_group, cursors, exchange, index, producer, refusals, resources, search, shards,
};
use suites::clients::java::{JavaClients, Part};
use suites::clients::skip::Skip;
use suites::clients::table::{Subject, Table};
use suites::clients::{Result, build, conclude, mixed, samples, takeover};

type World = suites::clients::world::World<JavaClients>;

const SUITE: &str = "clients-java";
const CLIENT: &str = "aliyun-log";
const PRODUCER: &str = "aliyun-log-producer";
const CONSUMER: &str = "loghub-client-lib";
const TRACKER: &str = "growingio-java-sdk";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    conclude(SUITE, run().await)
}

async fn run() -> Result<Result<Table, Skip>> {
    let target = build::target_dir()?;
    let clients = match JavaClients::prepare(&target, Part::SLS).await? {
        Ok(clients) => clients,
        Err(skip) => return Ok(Err(skip)),
    };
    let subject =
        |name| Ok::<_, suites::clients::Failure>(Subject::new(name, clients.version_of(name)?));
    let server = build::build("sls-local").await?;
    let mut results = Results {
        client: subject(CLIENT)?,
        producer: subject(PRODUCER)?,
        consumer: subject(CONSUMER)?,
        table: Table::new(SUITE),
    };

    let world = World::start(clients.clone(), &server).await?;
    results.check_client(&world).await;
    results.check_producer(&world).await;
    results.check_consumer(&world).await;
    let tracker = JavaClients::prepare(&target, Part::TRACKER).await?;
    results.check_tracker(&world, tracker).await?;
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
        let groups = items();
        for with in ["lz4", "zstd", "deflate", "plain"] {
            let name = format!("theirs puts ({with}), ours pulls");
            self.check(name, exchange::from_theirs(world, with, &groups))
                .await;
        }
        let name = "theirs puts (all in one), ours pulls";
        self.check(
            name,
            exchange::from_theirs(world, "batch", &without_empty_topics(&groups)),
        )
        .await;
        let name = "theirs puts (already encoded), ours pulls";
        let raw = samples::rust_groups();
        self.check(name, exchange::from_theirs(world, "raw", &raw))
            .await;
        self.check(
            "theirs puts by hash key, ours pulls",
            exchange::routed_from_theirs(world),
        )
        .await;
        for pair in exchange::PAIRS {
            self.check(pair.name(), pair.arrives(world)).await;
        }
        for access in [
            world.access(),
            world.access_v4(),
            world.access_by_proxy(),
            world.access_to_address(),
        ] {
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
        for way in ["plain", "lz4", "deflate", "v2"] {
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
        for with in ["lz4", "zstd", "deflate", "json"] {
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
        let killed = takeover::nothing_is_missing(world, "consumer");
        self.table
            .check(&self.consumer, "group of two, one killed", killed)
            .await;
        let mixed = mixed::nothing_is_missing(world, "consumer");
        self.table
            .check(&self.consumer, "group of Java and Rust", mixed)
            .await;
    }

    async fn check_tracker(
        &mut self,
        world: &World,
        java: Result<JavaClients, Skip>,
    ) -> Result<()> {
        let check = "events, users, items and mappings";
        match java {
            Ok(java) => {
                let subject = Subject::new(TRACKER, java.version_of(TRACKER)?);
                self.table
                    .check(&subject, check, tracker::everything_arrives(world, &java))
                    .await;
            }
            Err(skip) => {
                skip.tell(&format!("{SUITE}, {TRACKER}"));
                self.table.skip(&Subject::new(TRACKER, "-"), check);
            }
        }
        Ok(())
    }

    async fn check_temporary_key(&mut self, world: &World) {
        let groups = items();
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

/// The samples as the client's own types carry them, which leave out a zero below the second.
fn items() -> Vec<LogGroup> {
    let mut groups = samples::groups();
    for log in groups.iter_mut().flat_map(|group| &mut group.logs) {
        log.time_ns = log.time_ns.filter(|time_ns| *time_ns != 0);
    }
    groups
}

/// The client leaves out an empty topic where it puts several groups at once.
fn without_empty_topics(groups: &[LogGroup]) -> Vec<LogGroup> {
    let mut groups = groups.to_vec();
    for group in &mut groups {
        group.topic = group
            .topic
            .take()
            .filter(|topic| !topic.as_bytes().is_empty());
    }
    groups
}
