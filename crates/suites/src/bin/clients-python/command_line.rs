//! The command line client, from making a project to taking it away.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sls_core::model::ShardId;
use suites::clients::groups::expect;
use suites::clients::program::{Ended, Program};
use suites::clients::world::read_shard;
use suites::clients::{Failure, Result};

use crate::World;

const PROJECT: &str = "made-by-cli";
const LOGSTORE: &str = "made-by-cli";
/// What it exits with when the service refuses.
const REFUSED: i32 = 3;

/// The commands in the order of a day, each with what it prints.
pub(crate) async fn a_days_work(world: &World, folder: &Path) -> Result<u64> {
    let home = folder.join("cli-home");
    std::fs::create_dir_all(&home)?;
    let mut session = Session {
        world,
        home,
        calls: 0,
    };
    session.make().await?;
    session.fill().await?;
    session.read().await?;
    session.remove().await?;
    Ok(session.calls)
}

struct Session<'a> {
    world: &'a World,
    /// Where it keeps its settings and writes its log.
    home: PathBuf,
    calls: u64,
}

impl Session<'_> {
    async fn make(&mut self) -> Result<()> {
        let description = "--project_des=made by the command line";
        self.quiet("create_project", &[&project(), description])
            .await?;
        let settings = ["--ttl=7", "--shard_count=2"];
        self.quiet_about_logstore("create_logstore", &settings)
            .await?;
        let shards = self.about_logstore("list_shards", &[]).await?;
        let found: Vec<_> = shards.as_array().into_iter().flatten().collect();
        let found: Value = found
            .iter()
            .map(|shard| json!([shard["shardID"], shard["status"]]))
            .collect();
        expect(
            "list_shards",
            &found,
            &json!([[0, "readwrite"], [1, "readwrite"]]),
        )?;

        let logstore = self.world.client.logstore(PROJECT, LOGSTORE);
        for (command, file) in [
            ("create_index", "first_index.json"),
            ("update_index", "handler_index.json"),
        ] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("python")
                .join(file);
            let wanted: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
            let detail = format!("--index_detail=file://{}", path.display());
            self.quiet_about_logstore(command, &[&detail]).await?;
            let index = logstore.index().await?;
            expect(command, &json!(index.keys), &wanted["keys"])?;
            let told = self.about_logstore("get_index_config", &[]).await?;
            expect("get_index_config", &told["keys"], &wanted["keys"])?;
        }
        Ok(())
    }

    /// It has no command to put logs with, so the handler of its package does that.
    async fn fill(&mut self) -> Result<()> {
        let refused = self.end("put_logs", &["--request={}"]).await?;
        if refused.code != 1
            || !refused
                .printed
                .starts_with("Unknown aliyunlog log subcommand")
        {
            return Err(format!("put_logs is there: {refused:?}").into());
        }
        let access = self.world.access();
        let program = self
            .world
            .program_in(PROJECT, &access, LOGSTORE, "log_handler.py", []);
        self.calls += program.answer("").await?.calls;
        Ok(())
    }

    async fn read(&mut self) -> Result<()> {
        let logstore = self.world.client.logstore(PROJECT, LOGSTORE);
        let mut pulled = Vec::new();
        for shard in [ShardId(0), ShardId(1)] {
            let id = format!("--shard_id={shard}");
            let told = self.about_logstore("get_begin_cursor", &[&id]).await?;
            let cursor = told["cursor"].as_str().ok_or("there is no cursor")?;
            let cursor = format!("--cursor={cursor}");
            let told = self
                .about_logstore("pull_logs", &[&id, &cursor, "--count=10"])
                .await?;
            let ours = read_shard(&logstore, shard).await?;
            let count: usize = ours.iter().map(|group| group.logs.len()).sum();
            expect("count of pull_logs", &told["count"], &json!(count))?;
            pulled.extend(told["logs"].as_array().into_iter().flatten().cloned());
        }
        // The handler may have sent them in several groups, and those go to any shard.
        let mut found: Vec<_> = pulled
            .iter()
            .map(|log| format!("{}/{}", log["__topic__"], log["levelname"]))
            .collect();
        found.sort_unstable();
        let wanted = ["ERROR", "ERROR", "INFO", "WARNING"];
        let wanted = wanted.map(|level| format!("\"orders\"/\"{level}\""));
        expect("pulled logs", &json!(found), &json!(wanted))?;

        let time = pulled[0]["__time__"].as_u64().ok_or("a log has no time")?;
        let (from, to) = (time - 60, time + 60);
        let found = self
            .run(
                "get_log",
                &[
                    &format!("--project={PROJECT}"),
                    &format!("--logstore={LOGSTORE}"),
                    &format!("--from_time={from}"),
                    &format!("--to_time={to}"),
                    "--query=levelname: ERROR and order: 17",
                ],
            )
            .await?;
        expect("found", &found[0]["message"], &json!("in another place"))?;
        expect(
            "number found",
            &json!(found.as_array().map(Vec::len)),
            &json!(1),
        )?;
        let request = json!({
            "project": PROJECT, "logstore": LOGSTORE, "query": "茶叶",
            "fromTime": from.to_string(), "toTime": to.to_string(),
        });
        let found = self
            .run("get_logs", &[&format!("--request={request}")])
            .await?;
        expect("found", &found[0]["message"], &json!("only 3 left of 茶叶"))
    }

    async fn remove(&mut self) -> Result<()> {
        self.quiet_about_logstore("delete_index", &[]).await?;
        self.quiet_about_logstore("delete_logstore", &[]).await?;
        let args = [project(), logstore()];
        let refused = self.end("get_logstore", &[&args[0], &args[1]]).await?;
        self.calls += 1;
        let told: Value = serde_json::from_str(&refused.printed)?;
        let found = json!([refused.code, told["errorCode"]]);
        expect(
            "get_logstore",
            &found,
            &json!([REFUSED, "LogStoreNotExist"]),
        )?;
        self.quiet("delete_project", &[&project()]).await
    }

    /// A command that prints nothing.
    async fn quiet(&mut self, command: &str, args: &[&str]) -> Result<()> {
        let printed = self.run(command, args).await?;
        expect(&format!("what {command} printed"), &printed, &Value::Null)
    }

    async fn quiet_about_logstore(&mut self, command: &str, args: &[&str]) -> Result<()> {
        let printed = self.about_logstore(command, args).await?;
        expect(&format!("what {command} printed"), &printed, &Value::Null)
    }

    async fn about_logstore(&mut self, command: &str, args: &[&str]) -> Result<Value> {
        let (project, logstore) = (project(), logstore());
        let mut all = vec![project.as_str(), logstore.as_str()];
        all.extend(args);
        self.run(command, &all).await
    }

    /// A command that makes one call, and the JSON that it prints.
    async fn run(&mut self, command: &str, args: &[&str]) -> Result<Value> {
        let ended = self.end(command, args).await?;
        self.calls += 1;
        let told = |why: String| -> Failure { format!("{command} {why}: {ended:?}").into() };
        if ended.code != 0 {
            return Err(told("failed".to_owned()));
        }
        match ended.printed.trim() {
            "" => Ok(Value::Null),
            printed => serde_json::from_str(printed).map_err(|error| told(error.to_string())),
        }
    }

    async fn end(&self, command: &str, args: &[&str]) -> Result<Ended> {
        let words = std::iter::once(command).chain(args.iter().copied());
        let mut command = self.world.programs().packaged("aliyunlog", ["log"]);
        let (endpoint, key) = self.world.lead_to_server(&mut command);
        command
            .args(words)
            .env("HOME", &self.home)
            .env("USERPROFILE", &self.home)
            .env("ALIYUN_LOG_CLI_ENDPOINT", endpoint)
            .env("ALIYUN_LOG_CLI_ACCESSID", key.access_key_id())
            .env("ALIYUN_LOG_CLI_ACCESSKEY", key.access_key_secret());
        for name in ["STS_TOKEN", "SIGN_VERSION", "REGION_ID", "CLIENT_NAME"] {
            command.env_remove(format!("ALIYUN_LOG_CLI_{name}"));
        }
        Program::new(command).end().await
    }
}

fn project() -> String {
    format!("--project_name={PROJECT}")
}

fn logstore() -> String {
    format!("--logstore_name={LOGSTORE}")
}
