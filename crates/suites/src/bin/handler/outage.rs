//! A server that is away for a minute while a program logs on at full speed.

use std::error::Error;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use sls_core::Credentials;
use sls_logging::{Field, Handler, RecordFormat, SpoolConfig};
use tokio::time::Instant;
use tracing_subscriber::prelude::*;

use crate::child::{read_line, wait_for};
use crate::counts::Counts;
use crate::folder::Folder;
use crate::histogram::Histogram;
use crate::told::Told;
use crate::world::{PROJECT, World};

const LOGS_PER_SECOND: u64 = 50_000;
/// How many logs are made in a row between two looks at the clock.
const TICK: Duration = Duration::from_millis(1);
/// For what should take seconds.
const LONG: Duration = Duration::from_secs(120);
/// What records may take in memory.
const BUDGET: usize = 32 << 20;

/// What the child is to do.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    endpoint: String,
    logstore: String,
    lasting: Duration,
    spool: Option<PathBuf>,
}

pub(crate) fn run(lasting: Duration) -> Result<Counts, Box<dyn Error>> {
    let mut all = once(lasting, None)?;
    let spool = Folder::new("outage")?;
    all += once(lasting, Some(spool.path()))?;
    Ok(all)
}

fn once(lasting: Duration, spool: Option<&Path>) -> Result<Counts, Box<dyn Error>> {
    let name = format!(
        "outage, spool {}",
        if spool.is_some() { "on" } else { "off" }
    );
    // A port that nobody listens on until the server is back.
    let address = World::start()?.address();
    let logstore = "outage";
    let outage = Outage {
        endpoint: format!("http://{address}"),
        logstore: logstore.to_owned(),
        lasting,
        spool: spool.map(Path::to_owned),
    };
    let mut child = outage.spawn()?;
    let during = Told::parse(&read_line(&mut child)?);
    let world = World::start_at(address)?;
    world.create(logstore)?;
    let (status, rest) = wait_for(child)?;
    let after = Told::parse(&rest);
    if !status.success() {
        return Err(format!("{name}: ended with {status}").into());
    }

    let offered = during.get("offered")?;
    let arrived = world.arrived(logstore);
    let dropped = after.get("dropped")?;
    let counts = Counts::of(offered, dropped, &arrived);
    println!(
        "{name}: {offered} offered in {} s, {} delivered, {dropped} dropped, {} spooled at most",
        lasting.as_secs(),
        arrived.len(),
        during.get("spooled")?,
    );
    let (memory, back) = (during.get("memory")?, after.get("memory")?);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{name}: memory {:.1} MiB above idle while it was away, {:.1} until all was delivered, of \
         {} MiB; call p50 {:?}, p99 {:?}, p99.99 {:?}",
        mib(memory),
        mib(back),
        BUDGET >> 20,
        Duration::from_nanos(during.get("p50")?),
        Duration::from_nanos(during.get("p99")?),
        Duration::from_nanos(during.get("p9999")?),
    );
    if arrived.len() as u64 + dropped != offered {
        return Err(
            format!("{name}: delivered and dropped are not what was offered: {counts}").into(),
        );
    }
    if spool.is_some() && dropped > 0 {
        return Err(format!("{name}: {dropped} dropped").into());
    }
    if memory.max(back) > (BUDGET + BUDGET / 5) as u64 {
        return Err(format!("{name}: more memory than the budget and a fifth").into());
    }
    Ok(counts)
}

impl Outage {
    fn spawn(&self) -> io::Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("--outage-child")
            .args(["--endpoint", &self.endpoint])
            .args(["--logstore", &self.logstore])
            .args(["--seconds", &self.lasting.as_secs().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(root) = &self.spool {
            command.arg("--spool").arg(root);
        }
        command.spawn()
    }

    /// Reads what [`spawn`](Self::spawn) wrote, behind `--outage-child`.
    pub(crate) fn parse(parser: &mut Parser) -> Result<Self, lexopt::Error> {
        let mut outage = Self {
            endpoint: String::new(),
            logstore: String::new(),
            lasting: Duration::ZERO,
            spool: None,
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("endpoint") => outage.endpoint = parser.value()?.string()?,
                Arg::Long("logstore") => outage.logstore = parser.value()?.string()?,
                Arg::Long("seconds") => {
                    outage.lasting = Duration::from_secs(parser.value()?.parse()?);
                }
                Arg::Long("spool") => outage.spool = Some(parser.value()?.into()),
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(outage)
    }

    /// Logs for as long as the server is away, tells how that was, and closes once it is back.
    pub(crate) fn run_here(self) {
        let mut builder = Handler::builder()
            .endpoint(&self.endpoint)
            .credentials(Credentials::new("local", "local-secret"))
            .project(PROJECT)
            .logstore(&self.logstore)
            .format(RecordFormat::new().with_fields::<Field>([]))
            .queue_bytes(BUDGET)
            .queue_size(usize::MAX)
            .announce_drops(false);
        if let Some(root) = &self.spool {
            builder = builder.spool(root, SpoolConfig::default());
        }
        let (handler, guard) = builder.build().expect("the settings are right");
        tracing_subscriber::registry().with(handler.layer()).init();
        // What every program has after its first log.
        let idle = resident();
        let mut times = Histogram::new();
        let mut number = 0u64;
        let begun = Instant::now();
        loop {
            let passed = begun.elapsed();
            if passed >= self.lasting {
                break;
            }
            let due = (passed.as_secs_f64() * LOGS_PER_SECOND as f64) as u64;
            while number < due {
                let before = Instant::now();
                tracing::info!(n = number, "the server is away");
                times.add(before.elapsed());
                number += 1;
            }
            std::thread::park_timeout(TICK);
        }
        let memory = resident().saturating_sub(idle);
        let nanos = |part| times.quantile(part).as_nanos();
        println!(
            "offered={number} spooled={} memory={memory} p50={} p99={} p9999={}",
            handler.stats().queue.spooled,
            nanos(0.5),
            nanos(0.99),
            nanos(0.9999)
        );
        let _ = io::stdout().flush();
        // Closing leaves on disk what is there, so the program runs on until nothing is.
        let begun = Instant::now();
        while begun.elapsed() < LONG {
            let queue = handler.stats().queue;
            if queue.delivered + queue.dropped.total() >= number {
                break;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        // Also what was read back from disk has been in memory.
        let memory = resident().saturating_sub(idle);
        let report = guard.close(LONG);
        let total = report.total;
        println!(
            "delivered={} dropped={} memory={memory}",
            total.delivered,
            total.dropped.total()
        );
    }
}

/// The largest size that this process has had, in bytes.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kib.unwrap_or_default() * 1024
}
