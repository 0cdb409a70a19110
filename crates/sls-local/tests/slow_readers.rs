//! Clients that ask for much and read little.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use sls_core::model::{Log, LogGroup, LogstoreConfig, ShardId};
use sls_core::service::LogSink as _;
use sls_core::wire::EncodedGroup;
use sls_local::{LocalServer, LocalServerBuilder};
use support::{LOGSTORE, PROJECT, recorded_at};
use telemetry_delivery::ManualClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// About how large the answer to a pull is: more than a socket takes by itself.
const PULLED: usize = 9 << 20;
const PATIENCE: Duration = Duration::from_secs(30);

async fn start(builder: LocalServerBuilder) -> LocalServer {
    let server = builder.start().await.unwrap();
    let service = server.service();
    service.create_project(PROJECT).await.unwrap();
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    service.create_logstore(PROJECT, config).await.unwrap();
    let log = Log::at(1).with("k", "x".repeat(1 << 20));
    let group = EncodedGroup::from(&LogGroup::new(vec![log; 9]));
    let logstore = service.logstore(PROJECT, LOGSTORE);
    logstore.put_logs(&group).await.unwrap();
    server
}

fn builder() -> LocalServerBuilder {
    support::builder(&ManualClock::new(recorded_at()))
        .no_auth(true)
        .write_timeout(PATIENCE)
}

/// So many pulls of everything that is stored, one after the other on a connection.
fn pulls(server: &LocalServer, count: usize) -> Vec<u8> {
    let stored = server.logs(PROJECT, LOGSTORE);
    assert_eq!(stored[0].shard, ShardId(0));
    let cursor = stored[0].cursor.as_str().replace('=', "%3D");
    let pull = format!(
        "GET /logstores/{LOGSTORE}/shards/0?type=log&cursor={cursor}&count=10 HTTP/1.1\r\n\
         host: {PROJECT}.localhost\r\nx-log-apiversion: 0.6.0\r\n"
    );
    let mut requests = format!("{pull}\r\n").repeat(count - 1);
    requests.push_str(&format!("{pull}connection: close\r\n\r\n"));
    requests.into_bytes()
}

async fn ask(server: &LocalServer, count: usize) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr()).await.unwrap();
    stream.write_all(&pulls(server, count)).await.unwrap();
    stream
}

async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A reset after what was sent is as good as an end.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_cut_off() {
    let server = start(builder()).await;
    let mut stream = ask(&server, 4).await;
    // The clock stands still for as long as anybody has something to do.
    tokio::time::sleep(2 * PATIENCE).await;
    let got = rest(&mut stream).await.len();
    assert!(got < 4 * PULLED, "all of {got} bytes were sent");
}

/// The most memory that this process ever had, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: usize = line
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kib << 10
}

#[cfg(target_os = "linux")]
#[tokio::test(start_paused = true)]
async fn many_clients_that_do_not_read_share_a_budget() {
    const READERS: usize = 40;
    const BUDGET: usize = 32 << 20;

    let server = start(builder().answer_budget(BUDGET)).await;
    let whole = rest(&mut ask(&server, 1).await).await.len();
    let before = peak();
    let mut streams = Vec::new();
    for _ in 0..READERS {
        streams.push(ask(&server, 2).await);
    }
    tokio::time::sleep(PATIENCE * 100).await;
    let grown = peak() - before;
    assert!(
        grown < 4 * BUDGET,
        "{READERS} answers of {whole} bytes took {grown} bytes"
    );
    let mut busy = 0;
    for mut stream in streams {
        let got = rest(&mut stream).await;
        busy += usize::from(String::from_utf8_lossy(&got).contains("ServerBusy"));
        assert!(
            got.len() < 2 * whole,
            "a reader that stood still got everything"
        );
    }
    assert!(busy > 0, "nobody was told that there is no room");
    // The room has come back.
    assert_eq!(rest(&mut ask(&server, 1).await).await.len(), whole);
}
