//! The official Python clients of the log service and of GrowingIO against the local server,
//! and beside ours.

mod command_line; // the command line client
mod cursors; // positions and times of a shard
mod document; // the program of the user guide
mod exchange; // what one client puts, the other pulls
mod handler; // the logging handler of the user guide
mod indexes; // the index of a logstore
mod queries; // searches, histograms and topics
mod refusals; // errors arrive as the client's exceptions
mod resources; // projects and logstores made by Python
mod shards; // split and merge
mod tracker; // events, users and items of GrowingIO

use std::process::ExitCode;

use suites::clients::mixed;
use suites::clients::python::{Packages, Python};
use suites::clients::skip::Skip;
use suites::clients::table::{Subject, Table};
use suites::clients::{Result, build, conclude, takeover};

type World = suites::clients::world::World<Python>;

const SUITE: &str = "clients-python";
const PACKAGE: &str = "aliyun-log-python-sdk";
const CLI_PACKAGE: &str = "aliyun-log-cli";
const TRACKER_PACKAGE: &str = "growingio-tracker";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    conclude(SUITE, run().await)
}

async fn run() -> Result<Result<Table, Skip>> {
    let target = build::target_dir()?;
    let python = match Python::prepare(&target, Packages::CLIENT).await {
        Ok(python) => python,
        Err(skip) => return Ok(Err(skip)),
    };
    let client = Subject::new(PACKAGE, python.version_of(PACKAGE).await?);
    let cli = Subject::new(CLI_PACKAGE, python.version_of(CLI_PACKAGE).await?);
    let server = build::build("sls-local").await?;
    let mut results = Results {
        client,
        table: Table::new(SUITE),
    };

    let world = World::start(python.clone(), &server).await?;
    results.check_all(&world).await;
    let folder = target.join("suites");
    let work = command_line::a_days_work(&world, &folder);
    results
        .table
        .check(&cli, "a project's life by commands", work)
        .await;
    let tracker = Python::prepare(&target, Packages::TRACKER).await;
    results.check_tracker(&world, tracker).await?;
    results.stop("server ends on SIGTERM", world).await;

    let world = World::start_with_keys(python, &server).await?;
    results.check_temporary_key(&world).await;
    results
        .stop("server with keys ends on SIGTERM", world)
        .await;
    Ok(Ok(results.table))
}

struct Results {
    client: Subject,
    table: Table,
}

impl Results {
    async fn check_all(&mut self, world: &World) {
        self.check("guide: pull from begin", document::from_begin(world))
            .await;
        self.check("guide: pull from end", document::from_end(world))
            .await;
        for method in exchange::METHODS {
            let name = format!("Python puts ({method}), Rust pulls");
            self.check(name, exchange::from_python(world, method)).await;
        }
        let name = "Python puts by hash key, Rust pulls";
        self.check(name, exchange::routed_from_python(world)).await;
        for (sender, receiver) in exchange::pairs() {
            let name = format!("Rust puts ({sender}), Python pulls ({receiver})");
            self.check(name, exchange::from_rust(world, &sender, receiver))
                .await;
        }
        for access in [world.access(), world.access_v4(), world.access_by_address()] {
            let name = format!("round trip with {access}");
            self.check(name, exchange::round_trip(world, &access)).await;
        }
        self.check("project and logstore", resources::made_by_python(world))
            .await;
        self.check("cursors and their times", cursors::agree(world))
            .await;
        self.check("index", indexes::made_by_python(world)).await;
        self.check("searches", queries::asked_by_python(world))
            .await;
        self.check("histograms", queries::histograms(world)).await;
        self.check("topics", queries::topics(world)).await;
        self.check("shards split and merged", shards::split_and_merged(world))
            .await;
        let name = "consumer group, one of two killed";
        self.check(name, takeover::nothing_is_missing(world, "consumer.py"))
            .await;
        let name = "consumer group of Python and Rust";
        self.check(name, mixed::nothing_is_missing(world, "consumer.py"))
            .await;
        self.check("logging handler", handler::records_arrive(world))
            .await;
        for refusal in refusals::ALL {
            let name = format!("refused: {}", refusal.name);
            self.check(name, refusal.arrives(world, &world.access()))
                .await;
        }
        let refusal = refusals::WRONG_SECRET;
        let name = format!("refused: {}, signature v4", refusal.name);
        self.check(name, refusal.arrives(world, &world.access_v4()))
            .await;
    }

    async fn check_temporary_key(&mut self, world: &World) {
        for access in world.temporary_accesses() {
            let name = format!("round trip with {access}");
            self.check(name, exchange::round_trip(world, &access)).await;
            for refusal in refusals::TEMPORARY {
                let name = format!("refused: {} with {access}", refusal.name);
                self.check(name, refusal.arrives(world, &access)).await;
            }
        }
    }

    async fn check_tracker(&mut self, world: &World, python: Result<Python, Skip>) -> Result<()> {
        let python = match python {
            Ok(python) => python,
            Err(skip) => {
                skip.tell(&format!("{SUITE}, {TRACKER_PACKAGE}"));
                let tracker = Subject::new(TRACKER_PACKAGE, "-");
                for way in tracker::ways() {
                    self.table.skip(&tracker, way.to_string());
                }
                return Ok(());
            }
        };
        let version = python.version_of(TRACKER_PACKAGE).await?;
        let tracker = Subject::new(TRACKER_PACKAGE, version);
        for way in tracker::ways() {
            let check = way.arrives(world, &python);
            self.table.check(&tracker, way.to_string(), check).await;
        }
        Ok(())
    }

    async fn check(&mut self, name: impl Into<String>, check: impl Future<Output = Result<u64>>) {
        self.table.check(&self.client, name, check).await;
    }

    async fn stop(&mut self, name: &str, world: World) {
        let result = world.stop().await.map(|()| 0);
        self.table.add(&Subject::server(), name, result);
    }
}
