//! The server and the workers, as processes that can be killed, stopped and started again.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sls_client::{Client, Credentials, LogstoreHandle, StaticCredentials};
use sls_core::model::LogstoreConfig;
use suites::clients::server::ServerProcess;
use suites::clients::{Result, build};
use tokio::process::Child;
use tokio::time::{Instant, timeout};

use crate::journal::{self, Line};
use crate::{KEY, LOGSTORE, PROJECT, Plan, now_us};

/// How long a worker may take to leave.
const LEAVE: Duration = Duration::from_secs(40);

/// Everything that runs.
pub(crate) struct Stage {
    plan: Plan,
    folder: PathBuf,
    program: PathBuf,
    address: String,
    server: Option<ServerProcess>,
    workers: Vec<WorkerProcess>,
    events: Events,
}

/// Since when a process does nothing, and until when.
struct Stopped {
    since: u64,
    until: Instant,
}

/// One of the six; a new process each time it was killed.
struct WorkerProcess {
    child: Child,
    run: usize,
    stopped: Option<Stopped>,
}

/// What was done to whom.
#[derive(Debug, Clone, Default)]
pub(crate) struct Events {
    /// Processes in the order in which they were started; the index is the journal's number.
    pub(crate) runs: Vec<Run>,
    pub(crate) server_kills: u32,
    pub(crate) server_stops: u32,
    pub(crate) faults: u32,
}

/// The life of one worker process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    pub(crate) killed_at: Option<u64>,
    /// From SIGSTOP to SIGCONT.
    pub(crate) stops: Vec<(u64, u64)>,
}

impl Stage {
    pub(crate) async fn set(plan: Plan) -> Result<Self> {
        let program = build::build("sls-local").await?;
        let folder = std::env::temp_dir().join(format!("{}-{}", crate::SUITE, std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let mut stage = Self {
            plan,
            folder,
            program,
            address: "127.0.0.1:0".to_owned(),
            server: None,
            workers: Vec::new(),
            events: Events::default(),
        };
        stage.start_server().await?;
        let url = stage.server()?.url();
        stage.address = url.trim_start_matches("http://").to_owned();
        let client = stage.client()?;
        client.project(PROJECT).create("numbered logs").await?;
        let config = LogstoreConfig::named(LOGSTORE).with_shard_count(plan.shards);
        client.logstore(PROJECT, LOGSTORE).create(config).await?;
        for number in 0..plan.workers {
            let worker = stage.start_worker(number)?;
            stage.workers.push(worker);
        }
        Ok(stage)
    }

    fn client(&self) -> Result<Client> {
        let credentials = StaticCredentials::new(Credentials::new(KEY.0, KEY.1));
        Ok(Client::builder(self.endpoint().parse()?, credentials).build()?)
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn logstore(&self) -> Result<LogstoreHandle> {
        Ok(self.client()?.logstore(PROJECT, LOGSTORE))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn events(&self) -> &Events {
        &self.events
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers.len()
    }

    fn server(&self) -> Result<&ServerProcess> {
        self.server
            .as_ref()
            .ok_or_else(|| "there is no server".into())
    }

    async fn start_server(&mut self) -> Result<()> {
        let data = self.folder.join("data");
        let data = data.to_str().ok_or("the folder has an odd name")?;
        let args = ["--listen", &self.address, "--data", data];
        self.server = Some(ServerProcess::start(&self.program, &args, &[]).await?);
        Ok(())
    }

    /// Ends the server, by force or not, and starts it again after a while.
    pub(crate) async fn restart_server(&mut self, by_force: bool, after: Duration) -> Result<()> {
        let server = self.server.take().ok_or("there is no server")?;
        if by_force {
            self.events.server_kills += 1;
            server.kill().await?;
        } else {
            self.events.server_stops += 1;
            server.stop().await?;
        }
        tokio::time::sleep(after).await;
        self.start_server().await
    }

    pub(crate) async fn inject(&mut self, fault: &Value) -> Result<()> {
        self.events.faults += 1;
        self.server()?.change("POST", "/_local/faults", fault).await
    }

    fn journal(&self, run: usize) -> PathBuf {
        self.folder.join(format!("journal-{run}"))
    }

    fn start_worker(&mut self, number: usize) -> Result<WorkerProcess> {
        let run = self.events.runs.len();
        self.events.runs.push(Run::default());
        let child = tokio::process::Command::new(std::env::current_exe()?)
            // A name of its own for each process: nobody is sure that the old one is dead.
            .args(["--worker", &format!("worker-{number}-{run}")])
            .args(["--endpoint", &self.endpoint()])
            .args([
                "--dice",
                &(self.plan.seed.wrapping_mul(1000) + run as u64).to_string(),
            ])
            .arg("--journal")
            .arg(self.journal(run))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(
                self.folder.join(format!("stderr-{run}")),
            )?)
            .kill_on_drop(true)
            .spawn()?;
        Ok(WorkerProcess {
            child,
            run,
            stopped: None,
        })
    }

    /// Kills a worker and starts another in its place.
    pub(crate) async fn kill_worker(&mut self, number: usize, after: Duration) -> Result<()> {
        let worker = &mut self.workers[number];
        if let Some(status) = worker.child.try_wait()? {
            let said = std::fs::read_to_string(self.folder.join(format!("stderr-{}", worker.run)));
            return Err(format!(
                "a worker ended by itself, {status}: {}",
                said.unwrap_or_default()
            )
            .into());
        }
        let at = now_us();
        worker.child.kill().await?;
        let run = &mut self.events.runs[worker.run];
        run.killed_at = Some(at);
        run.stops
            .extend(worker.stopped.take().map(|stopped| (stopped.since, at)));
        tokio::time::sleep(after).await;
        self.workers[number] = self.start_worker(number)?;
        Ok(())
    }

    /// Stops a worker in the middle of whatever it does, unless it is stopped already.
    pub(crate) fn stop_worker(&mut self, number: usize, during: Duration) -> Result<()> {
        let worker = &mut self.workers[number];
        if worker.stopped.is_some() {
            return Ok(());
        }
        let since = now_us();
        signal("STOP", worker.id()?)?;
        let until = Instant::now() + during;
        worker.stopped = Some(Stopped { since, until });
        Ok(())
    }

    /// Lets the workers go on that were stopped for long enough, or all of them.
    pub(crate) fn resume_workers(&mut self, all: bool) -> Result<()> {
        let now = Instant::now();
        for worker in &mut self.workers {
            if let Some(stopped) = worker
                .stopped
                .take_if(|stopped| all || stopped.until <= now)
            {
                // Before the signal: what it does next may come before this process goes on.
                let span = (stopped.since, now_us());
                signal("CONT", worker.id()?)?;
                self.events.runs[worker.run].stops.push(span);
            }
        }
        Ok(())
    }

    /// Takes back all faults and lets everybody go on.
    pub(crate) async fn calm(&mut self) -> Result<()> {
        self.resume_workers(true)?;
        self.server()?
            .change("DELETE", "/_local/faults", &json!(null))
            .await
    }

    /// Has every worker leave; gives those that did not leave in order, and why.
    pub(crate) async fn leave(&mut self) -> Result<Vec<String>> {
        let mut bad = Vec::new();
        for worker in &mut self.workers {
            drop(worker.child.stdin.take());
        }
        for worker in &mut self.workers {
            let said = self.folder.join(format!("stderr-{}", worker.run));
            match timeout(LEAVE, worker.child.wait()).await {
                Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => {}
                Ok(status) => bad.push(format!(
                    "{status:?}: {}",
                    std::fs::read_to_string(said).unwrap_or_default().trim_end()
                )),
                Err(_) => bad.push(format!("worker of run {} does not leave", worker.run)),
            }
        }
        if let Some(server) = self.server.take() {
            server.stop().await?;
        }
        Ok(bad)
    }

    pub(crate) fn read_journals(&self) -> Result<Vec<Vec<Line>>> {
        let runs = 0..self.events.runs.len();
        Ok(runs
            .map(|run| journal::read(&self.journal(run)))
            .collect::<std::io::Result<_>>()?)
    }

    pub(crate) fn clean(&self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl WorkerProcess {
    fn id(&self) -> Result<u32> {
        self.child
            .id()
            .ok_or_else(|| "a worker ended by itself".into())
    }
}

/// The standard library cannot send signals, and a shell has `kill` everywhere.
fn signal(name: &str, id: u32) -> Result<()> {
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {id}")])
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("no SIG{name} to process {id}: {status}").into())
    }
}
