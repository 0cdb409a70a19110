//! The servers of goals 25 to 27, each in a process of its own, and requests to them.
//!
//! ```text
//! benches serve-local memory|FOLDER [MIB]     sls-local, as its program runs it
//! benches serve-bare                          hyper and a body that is read to its end
//! ```
//!
//! Requests are taken down once, from a client that sends them to nobody in particular, and
//! then played back: what is timed is the server and a few system calls.

use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use sls_client::LogstoreHandle;
use sls_core::Credentials;
use sls_core::model::LogstoreConfig;
use sls_local::LocalServer;

use crate::goals::runtime;
use crate::ours::{self, Signature};
use crate::server::{KEY_ID, KEY_SECRET, parent_gone};

pub(crate) const PROJECT: &str = "bench";
pub(crate) const LOGSTORE: &str = "bench";

/// How many connections send at a time.
pub(crate) const CONNECTIONS: usize = 16;

/// A server process, which ends with its parent.
#[derive(Debug)]
pub(crate) struct Contender {
    child: Child,
    _stdin: ChildStdin,
    port: u16,
}

impl Contender {
    pub(crate) fn start(words: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a server starts");
        let stdin = child.stdin.take().expect("a pipe");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the server says its port");
        Self {
            child,
            _stdin: stdin,
            port: line.trim().parse().expect("a port"),
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a request so often over all connections together, and says how many seconds that
    /// took and how many answers were refusals.
    pub(crate) fn play(&self, request: &[u8], times: usize) -> Played {
        let began = Instant::now();
        let refused = thread::scope(|scope| {
            let senders: Vec<_> = (0..CONNECTIONS.min(times))
                .map(|number| {
                    let share = (times + number) / CONNECTIONS.min(times);
                    scope.spawn(move || {
                        let mut connection = Connection::to(self.port);
                        (0..share)
                            .filter(|_| connection.send(request).status != 200)
                            .count()
                    })
                })
                .collect();
            let refused = senders.into_iter();
            refused
                .map(|sender| sender.join().expect("a sender ends"))
                .sum()
        });
        Played {
            seconds: began.elapsed().as_secs_f64(),
            refused,
        }
    }

    /// Sends a request once.
    pub(crate) fn answer(&self, request: &[u8]) -> Answer {
        Connection::to(self.port).send(request)
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) seconds: f64,
    pub(crate) refused: usize,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    fn to(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let limit = Some(Duration::from_secs(120));
        stream.set_read_timeout(limit).expect("a socket");
        Self(BufReader::with_capacity(64 << 10, stream))
    }

    fn send(&mut self, request: &[u8]) -> Answer {
        self.0
            .get_mut()
            .write_all(request)
            .expect("a request is read");
        let (mut status, mut length) = (0, None);
        let mut line = String::new();
        loop {
            line.clear();
            self.0.read_line(&mut line).expect("an answer");
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some((name, value)) = text.split_once(": ")
                && name.eq_ignore_ascii_case("content-length")
            {
                length = Some(value.parse().expect("a length"));
            }
        }
        let mut body = vec![0; length.expect("an answer of known length")];
        self.0.read_exact(&mut body).expect("a whole answer");
        Answer { status, body }
    }
}

/// The bytes of the request that a call sends first.
pub(crate) fn take_down<F: Future>(call: impl FnOnce(LogstoreHandle) -> F) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let taken = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut taken = Vec::new();
        let mut part = [0; 64 << 10];
        loop {
            let read = stream.read(&mut part).expect("a request");
            taken.extend_from_slice(&part[..read]);
            if read == 0 || is_whole(&taken) {
                return taken;
            }
        }
    });
    let client = ours::client(port, Signature::V1);
    let call = call(client.logstore(PROJECT, LOGSTORE));
    // Nobody answers; the request is all that is wanted.
    let answer =
        runtime().block_on(async { tokio::time::timeout(Duration::from_secs(1), call).await });
    drop(answer);
    taken.join().expect("a request")
}

fn is_whole(request: &[u8]) -> bool {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n");
    let Some(end) = end else { return false };
    let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
    let length = head
        .split_once("content-length: ")
        .map_or("0", |(_, rest)| {
            rest.split("\r\n").next().unwrap_or_default()
        });
    request.len() >= end + 4 + length.parse::<usize>().expect("a length")
}

/// Serves as `sls-local` does, until standard input ends.
pub(crate) fn serve_local(place: &str, limit_mib: Option<&str>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut builder = LocalServer::builder().access_key(Credentials::new(KEY_ID, KEY_SECRET));
        if place != "memory" {
            builder = builder.data(place);
        }
        if let Some(mib) = limit_mib {
            let mib: usize = mib.parse().expect("a number of MiB");
            builder = builder.memory_limit(mib << 20);
        }
        let server = builder.start().await.map_err(io::Error::other)?;
        let service = server.service();
        let config = LogstoreConfig::named(LOGSTORE).with_shard_count(2);
        service
            .create_project(PROJECT)
            .await
            .map_err(io::Error::other)?;
        let made = service.create_logstore(PROJECT, config).await;
        made.map_err(io::Error::other)?;
        println!("{}", server.addr().port());
        parent_gone().await;
        server.shutdown(Duration::from_secs(5)).await;
        Ok::<_, io::Error>(())
    })?;
    runtime.shutdown_background();
    Ok(())
}

/// Reads every body to its end and answers with what was put with `PUT`, or with nothing.
pub(crate) fn serve_bare() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        let canned = Arc::new(Mutex::new(Bytes::new()));
        tokio::select! {
            result = accept(listener, canned) => result,
            () = parent_gone() => Ok(()),
        }
    })?;
    runtime.shutdown_background();
    Ok(())
}

async fn accept(listener: tokio::net::TcpListener, canned: Arc<Mutex<Bytes>>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let canned = Arc::clone(&canned);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let canned = Arc::clone(&canned);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await;
                    let body = body.map_or_else(|_| Bytes::new(), |body| body.to_bytes());
                    let mut canned = canned.lock().unwrap_or_else(PoisonError::into_inner);
                    let answer = match head.method {
                        Method::PUT => {
                            *canned = body;
                            Bytes::new()
                        }
                        Method::GET => canned.clone(),
                        _ => Bytes::new(),
                    };
                    Ok::<_, Infallible>(Response::new(Full::new(answer)))
                }
            });
            // A client that leaves is no error here.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
