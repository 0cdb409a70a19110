//! Many hostile calls at once, and what they leave behind.

use std::future::pending;
use std::time::Duration;

use sls_client::Client;
use telemetry_delivery::{Backoff, HttpsConfig, RetryConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::size::pull_headers;
use crate::case::{Case, MIB, Outcome, SOON, answer, case, client_with, pull};
use crate::memory::resident;
use crate::server::{Server, read_request, read_to_end, reset};

const CALLS: usize = 100;
const ROUNDS: usize = 6;
/// What the allocator may keep for itself from the third round to the last.
const MAX_LEFT: u64 = 4 * MIB as u64;

pub(crate) const CASES: &[Case] = &[case!("100 calls at once, 6 times", crowd())];

async fn crowd() -> Outcome {
    let server = Server::start(misbehave).await;
    let retry = RetryConfig::default()
        .with_max_attempts(2)
        .with_backoff(Backoff::new(Duration::ZERO, Duration::ZERO))
        .with_deadline(2 * SOON);
    let https = HttpsConfig::default()
        .with_attempt_timeout(SOON)
        .with_pool_max_idle_per_host(0);
    let client = client_with(&server, retry, https);

    let mut sizes = Vec::new();
    for _ in 0..ROUNDS {
        round(&client).await?;
        no_task_left().await?;
        sizes.push(resident());
    }
    let connections = server.connections().await;
    let told = format!(
        "{} failures over {connections} connections, no task left",
        CALLS * ROUNDS
    );
    match (
        sizes.get(2).copied().flatten(),
        sizes.last().copied().flatten(),
    ) {
        (Some(early), Some(late)) if late > early + MAX_LEFT => Err(format!(
            "{told}, but the process grew from {early} to {late} bytes"
        )),
        _ => Ok(told),
    }
}

/// Every call fails, and none later than its deadline allows.
async fn round(client: &Client) -> Result<(), String> {
    let mut calls = JoinSet::new();
    for _ in 0..CALLS {
        let client = client.clone();
        calls.spawn(async move { pull(&client).await.map(|_| ()) });
    }
    while let Some(call) = calls.join_next().await {
        match call {
            Ok(Err(_)) => {}
            Ok(Ok(())) => return Err("a call succeeded".to_owned()),
            Err(error) => return Err(format!("a call did not end well: {error}")),
        }
    }
    Ok(())
}

/// Gives the connections a moment to notice that nobody waits for them.
async fn no_task_left() -> Result<(), String> {
    let alive = || Handle::current().metrics().num_alive_tasks();
    for _ in 0..200 {
        if alive() == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(format!("{} tasks are left", alive()))
}

/// Another trick for every connection.
async fn misbehave(mut stream: TcpStream, number: usize) {
    if number % 10 == 0 {
        return reset(stream);
    }
    read_request(&mut stream).await;
    let drip = |byte: u8| (byte, Duration::from_millis(5));
    let (said, (again, pause)) = match number % 10 {
        1 => (Vec::new(), drip(b'x')),
        2 => (
            b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n".to_vec(),
            drip(b'x'),
        ),
        3 => (b"HTTP/1.1 200 OK\r\nx: ".to_vec(), drip(b'x')),
        4 => return pending().await,
        5 => {
            let bomb = [vec![0x1f, b'x', 1, 0], vec![0xff; 32 * 1024]].concat();
            (
                answer("200 OK", &pull_headers("lz4", 4 * MIB), bomb),
                drip(0),
            )
        }
        6 => (answer("503 Busy", "", "<html>"), drip(0)),
        7 => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-").await;
            return reset(stream);
        }
        8 => (b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(), drip(b'x')),
        _ => {
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
                .await;
            let _ = stream.shutdown().await;
            return read_to_end(&mut stream).await;
        }
    };
    let mut open = stream.write_all(&said).await;
    while open.is_ok() {
        tokio::time::sleep(pause).await;
        open = stream.write_all(&[again]).await;
    }
}
