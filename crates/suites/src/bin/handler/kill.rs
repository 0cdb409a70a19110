//! Processes that are killed while they append to a batcher with a spool: what it had promised
//! is delivered, by that process or by one that comes after it.
//!
//! ```text
//!   this program, once                      this program, again, as a child
//!     receives batches     <-------------     a batcher with a spool, the same root each time
//!     reads promised numbers  <----------     a number, once the policy promises it
//!     kills it, starts the next
//! ```

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};
use suites::random::Random;
use telemetry_delivery::Backoff;
use telemetry_delivery::batch::{
    BatchConfig, Batcher, Delivery, LaneConfig, Overflow, Report, Sealed, Sink,
};
use telemetry_delivery::spool::{Fsync, SpoolConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use crate::counts::Counts;

/// An interval that a process lives long enough for.
const INTERVAL: Duration = Duration::from_millis(100);
/// When the engine writes where the policy gives no interval.
const SYSTEM_INTERVAL: Duration = Duration::from_millis(500);
/// What a busy machine may need to come to it: a file system that is committing for others holds up
/// writes, too. With a quarter of a second, and nine runnable threads per core, items of one process
/// in six hundred were not written in time.
const SLACK: Duration = Duration::from_secs(1);
/// How many bytes tell of a promise.
const PROMISE: usize = 16;
/// The largest number a process appends.
const PER_PROCESS: u64 = 1 << 24;
/// How much most processes promise before they are killed, however slow the machine is: without a
/// promise nothing could be lost.
const LEAST: usize = 8;
/// How long they live on after that at most.
const AFTER: Duration = Duration::from_millis(500);
/// For what should take seconds.
const LONG: Duration = Duration::from_secs(120);

/// What the spool promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    EveryRecord,
    Interval,
    System,
}

impl Policy {
    const ALL: [Self; 3] = [Self::EveryRecord, Self::Interval, Self::System];

    const fn name(self) -> &'static str {
        match self {
            Self::EveryRecord => "every-record",
            Self::Interval => "interval",
            Self::System => "system",
        }
    }

    const fn fsync(self) -> Fsync {
        match self {
            Self::EveryRecord => Fsync::EveryRecord,
            Self::Interval => Fsync::Interval(INTERVAL),
            Self::System => Fsync::System,
        }
    }

    /// How long after it was appended an item survives a kill.
    fn promised_after(self) -> Duration {
        match self {
            Self::EveryRecord => Duration::ZERO,
            Self::Interval => INTERVAL + SLACK,
            Self::System => SYSTEM_INTERVAL + SLACK,
        }
    }
}

pub(crate) fn run(kills: u64) -> Result<Counts, Box<dyn Error>> {
    let mut all = Counts::default();
    for policy in Policy::ALL {
        let root = std::env::temp_dir().join(format!(
            "suite-kill-{}-{}",
            policy.name(),
            std::process::id()
        ));
        let _ = fs::remove_dir_all(&root);
        let counts = run_policy(policy, &root, kills);
        let _ = fs::remove_dir_all(&root);
        all += counts?;
    }
    Ok(all)
}

fn run_policy(policy: Policy, root: &Path, kills: u64) -> Result<Counts, Box<dyn Error>> {
    let begun = Instant::now();
    let receiver = Receiver::start()?;
    let mut random = Random::new(policy as u64 + 1);
    let mut appended = 0;
    let mut promised = Vec::new();
    let mut asked = 0;
    for process in 0..kills {
        let child = Promises {
            policy,
            root: root.to_owned(),
            address: receiver.address,
            first: process * PER_PROCESS,
        };
        // A third of them die while nothing gets out. They may stand still before they promise
        // anything: what was tried already stays in memory, and the next item waits for room there.
        let open = process == 0 || random.below(3) > 0;
        receiver.open(open);
        // Of the others one in four dies by the time alone, while it starts, say, or takes over.
        let (least, longest) = match open && process % 4 != 3 {
            true => (LEAST, AFTER),
            false => (0, 2 * policy.promised_after() + AFTER),
        };
        asked += least;
        let lived = Duration::from_millis(random.below(longest.as_millis() as usize) as u64);
        let told = child.live(lived, least)?;
        appended += told.appended;
        promised.extend(told.promised);
    }
    receiver.open(true);
    let report = deliver_the_rest(policy, root, receiver.address)?;

    let arrived = receiver.arrived();
    let lost: Vec<&u64> = promised
        .iter()
        .filter(|number| !arrived.contains_key(number))
        .collect();
    let copies: u64 = arrived.values().sum();
    let counts = Counts {
        logs: promised.len() as u64,
        lost: lost.len() as u64,
        duplicates: copies - arrived.len() as u64,
    };
    println!(
        "kill, {}: {kills} processes killed, {appended} items appended, {} of them promised, {} delivered, {} by the last start; {counts}; in {:.0?}",
        policy.name(),
        promised.len(),
        arrived.len(),
        report.total.recovered,
        begun.elapsed(),
    );
    if let Some(first) = lost.first() {
        println!(
            "kill, {}: the first that is lost is number {} of process {}",
            policy.name(),
            *first % PER_PROCESS,
            *first / PER_PROCESS
        );
    }
    if promised.len() < asked.max(1) {
        return Err(format!("only {} items were promised, not {asked}", promised.len()).into());
    }
    let left = fs::read_dir(root)?.count();
    if report.spooled > 0 || report.dropped > 0 || left > 0 {
        return Err(format!("the last start left {left} folders: {report:?}").into());
    }
    Ok(counts)
}

/// Starts once more in this process, until nothing is left on disk.
fn deliver_the_rest(
    policy: Policy,
    root: &Path,
    address: SocketAddr,
) -> Result<Report, Box<dyn Error>> {
    let (batcher, guard) = start(policy, root, address)?;
    let lane = batcher.lane(LaneConfig::new("numbers"))?;
    // Comes back from disk, or at least behind what does.
    batcher.append(lane, &u64::MAX.to_le_bytes())?;
    let deadline = Instant::now() + LONG;
    let mut before = None;
    while Instant::now() < deadline {
        batcher.flush_blocking(LONG)?;
        let delivered = batcher.stats().delivered;
        if before == Some(delivered) {
            break;
        }
        before = Some(delivered);
        thread::park_timeout(Duration::from_millis(200));
    }
    Ok(guard.close_blocking(LONG))
}

fn start(
    policy: Policy,
    root: &Path,
    address: SocketAddr,
) -> Result<(Batcher, telemetry_delivery::batch::Guard), Box<dyn Error>> {
    let spool = SpoolConfig::default()
        .with_fsync(policy.fsync())
        .with_segment_bytes(256 << 10);
    let config = BatchConfig::default()
        .with_spool(root, spool)
        .with_memory_bytes(1 << 20)
        .with_batch_bytes(16 << 10)
        .with_linger(Duration::from_millis(20))
        .with_backoff(Backoff::new(
            Duration::from_millis(5),
            Duration::from_millis(50),
        ))
        .with_overflow(Overflow::Spill(LONG));
    Ok(Batcher::start(config, move || Sender { address })?)
}

/// Sends a batch of numbers over a connection of its own.
struct Sender {
    address: SocketAddr,
}

impl Sink for Sender {
    async fn deliver(&self, batch: &Sealed) -> Delivery {
        match self.send(batch.bytes()).await {
            Ok(true) => Delivery::Delivered,
            Ok(false) => Delivery::again("closed"),
            Err(error) => Delivery::again(error.to_string()),
        }
    }
}

impl Sender {
    async fn send(&self, numbers: &[u8]) -> io::Result<bool> {
        let mut stream = tokio::net::TcpStream::connect(self.address).await?;
        stream
            .write_all(&(numbers.len() as u32).to_le_bytes())
            .await?;
        stream.write_all(numbers).await?;
        let mut answer = [0];
        stream.read_exact(&mut answer).await?;
        Ok(answer[0] == 1)
    }
}

/// Takes batches, and counts every number.
struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    arrived: Mutex<HashMap<u64, u64>>,
    /// One when batches are taken, zero when they are not.
    open: AtomicU64,
}

impl Receiver {
    /// Its thread ends with the process.
    fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                for stream in listener.incoming().flatten() {
                    // One that is killed in the middle has sent nothing.
                    let _ = shared.receive(stream);
                }
            }
        });
        Ok(Self { address, shared })
    }

    fn open(&self, open: bool) {
        self.shared.open.store(u64::from(open), Ordering::Relaxed);
    }

    fn arrived(&self) -> HashMap<u64, u64> {
        let mut arrived = lock(&self.shared.arrived).clone();
        // The one that the last start appended.
        arrived.remove(&u64::MAX);
        arrived
    }
}

impl Shared {
    fn receive(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut numbers = vec![0; u32::from_le_bytes(length) as usize];
        stream.read_exact(&mut numbers)?;
        let open = self.open.load(Ordering::Relaxed) == 1;
        if open {
            let mut arrived = lock(&self.arrived);
            for number in numbers.chunks_exact(8) {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(number);
                *arrived.entry(u64::from_le_bytes(bytes)).or_default() += 1;
            }
        }
        stream.write_all(&[u8::from(open)])
    }
}

/// A process that appends numbers, and tells which of them are promised to survive it.
#[derive(Debug)]
pub(crate) struct Promises {
    policy: Policy,
    root: PathBuf,
    address: SocketAddr,
    first: u64,
}

/// What a process told before it was killed.
struct Told {
    promised: Vec<u64>,
    appended: u64,
}

impl Promises {
    /// Starts it, and kills it a while after it has promised at least so many items.
    fn live(&self, lived: Duration, least: usize) -> Result<Told, Box<dyn Error>> {
        let mut child = self.spawn()?;
        let mut output = child.stdout.take().ok_or("no output")?;
        let (enough, promised_enough) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut told = Vec::new();
            let mut piece = [0; 4096];
            let mut enough = Some(enough);
            loop {
                let length = match output.read(&mut piece) {
                    Ok(length @ 1..) => length,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(0) | Err(_) => break,
                };
                told.extend_from_slice(&piece[..length]);
                if told.len() >= least * PROMISE {
                    if let Some(enough) = enough.take() {
                        let _ = enough.send(());
                    }
                }
            }
            told
        });
        let waited = match least {
            0 => Ok(()),
            _ => promised_enough.recv_timeout(LONG),
        };
        thread::park_timeout(lived);
        // A child that has ended by itself did not do what it was for.
        if let Some(status) = child.try_wait()? {
            return Err(format!("a process ended by itself: {status}").into());
        }
        child.kill()?;
        child.wait()?;
        let told = reader.join().map_err(|_| "the reader panicked")?;
        waited.map_err(|_| format!("a process promised fewer than {least} items in {LONG:?}"))?;
        let mut lines = told.chunks_exact(PROMISE);
        let mut promised = Vec::new();
        let mut appended = 0;
        for line in &mut lines {
            let number = |at: usize| {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(&line[at..at + 8]);
                u64::from_le_bytes(bytes)
            };
            promised.push(number(0));
            appended = number(8);
        }
        Ok(Told { promised, appended })
    }

    fn spawn(&self) -> io::Result<Child> {
        Command::new(std::env::current_exe()?)
            .arg("--kill-child")
            .args(["--policy", self.policy.name()])
            .arg("--root")
            .arg(&self.root)
            .args(["--address", &self.address.to_string()])
            .args(["--first", &self.first.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
    }

    /// Reads what [`spawn`](Self::spawn) wrote, behind `--kill-child`.
    pub(crate) fn parse(parser: &mut Parser) -> Result<Self, lexopt::Error> {
        let (mut policy, mut root, mut address, mut first) = (None, None, None, 0);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("policy") => {
                    let name = parser.value()?.string()?;
                    policy = Policy::ALL.into_iter().find(|known| known.name() == name);
                }
                Arg::Long("root") => root = Some(PathBuf::from(parser.value()?)),
                Arg::Long("address") => address = Some(parser.value()?.parse()?),
                Arg::Long("first") => first = parser.value()?.parse()?,
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(Self {
            policy: policy.ok_or("no such policy")?,
            root: root.ok_or("no root")?,
            address: address.ok_or("no address")?,
            first,
        })
    }

    /// Appends until it is killed.
    ///
    /// Writes [`PROMISE`] bytes per promise: the number, and how many were appended until then.
    pub(crate) fn run_here(self) -> Result<(), Box<dyn Error>> {
        let (batcher, _guard) = start(self.policy, &self.root, self.address)?;
        let lane = batcher.lane(LaneConfig::new("numbers"))?;
        let mut output = io::stdout().lock();
        let after = self.policy.promised_after();
        let mut waiting = std::collections::VecDeque::new();
        for number in self.first..self.first + PER_PROCESS {
            batcher.append(lane, &number.to_le_bytes())?;
            let now = Instant::now();
            waiting.push_back((number, now));
            let mut promises = Vec::new();
            while let Some((promised, at)) = waiting.front() {
                if now.duration_since(*at) < after {
                    break;
                }
                promises.extend_from_slice(&promised.to_le_bytes());
                promises.extend_from_slice(&(number + 1 - self.first).to_le_bytes());
                waiting.pop_front();
            }
            if !promises.is_empty() {
                output.write_all(&promises)?;
                output.flush()?;
            }
            if number % 64 == 0 {
                thread::park_timeout(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
