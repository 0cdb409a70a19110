//! A server on loopback that accepts every put and answers every pull with the same list.
//!
//! It gives the one shard of each list to whoever sends a heartbeat.
//!
//! It runs in a process of its own, so that the processor time of the measuring process is
//! the client's alone. It ends when its standard input does, that is, with its parent.

use std::convert::Infallible;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use sls_core::model::Cursor;
use sls_core::wire::{Compression, headers};

use crate::corpus::{Corpus, Kind};
use crate::ours;

pub(crate) const KEY_ID: &str = "bench-key-id";
pub(crate) const KEY_SECRET: &str = "bench-key-secret";

/// The logstores that can be pulled from: name, logs, logs in a group.
pub(crate) const LISTS: &[(&str, usize, usize)] =
    &[("list-2mb", 4096, 512), ("list-5mb", 10_000, 1000)];

/// The body of a pull from one of [`LISTS`], before compression.
pub(crate) fn list(name: &str) -> Vec<u8> {
    let &(_, logs, per_group) = LISTS
        .iter()
        .find(|(known, ..)| *known == name)
        .expect("a list that exists");
    ours::list(Corpus::new(Kind::Access, logs), per_group)
}

/// A server process.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    _stdin: ChildStdin,
    port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        let mut child = Command::new(program)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
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

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The last body that was put, decompressed.
    pub(crate) fn last_put(&self) -> Vec<u8> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream
            .write_all(b"GET /last HTTP/1.1\r\nhost: last\r\nconnection: close\r\n\r\n")
            .expect("a request");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        let head = answer
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .expect("a head");
        answer.split_off(head + 4)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A list as it is answered: compressed, and how many groups and bytes it was before.
struct Canned {
    name: &'static str,
    groups: usize,
    raw_size: usize,
    body: Bytes,
}

struct Put {
    raw_size: usize,
    body: Bytes,
}

struct State {
    lists: Vec<Canned>,
    /// What was pulled last ends here; every pull moves it, as a shard without an end does.
    position: AtomicU64,
    last: Mutex<Option<Put>>,
}

/// Serves until standard input ends.
pub(crate) fn serve() -> io::Result<()> {
    let lists = LISTS
        .iter()
        .map(|&(name, logs, per_group)| {
            let raw = list(name);
            Canned {
                name,
                groups: logs.div_ceil(per_group),
                raw_size: raw.len(),
                body: Compression::Lz4.compress(&raw).into(),
            }
        })
        .collect();
    let state = Arc::new(State {
        lists,
        position: AtomicU64::new(1),
        last: Mutex::new(None),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?.port());
        tokio::select! {
            result = accept(listener, state) => result,
            () = parent_gone() => Ok(()),
        }
    })?;
    // Standard input is read on a thread that nothing can interrupt.
    runtime.shutdown_background();
    Ok(())
}

pub(crate) async fn parent_gone() {
    // An error, too, means that nobody is there any more.
    let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
}

async fn accept(listener: TcpListener, state: Arc<State>) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let state = Arc::clone(&state);
                async move { Ok::<_, Infallible>(answer(&state, request).await) }
            });
            // A client that leaves is no error here.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map_or_else(|_| Bytes::new(), |body| body.to_bytes());
    let answer = Response::builder().header(headers::REQUEST_ID, "5F3C0FBEA4D1E1B2C3D4E5F6");
    let query = head.uri.query().unwrap_or_default();
    let asks_for = |what: &str| query.split('&').any(|pair| pair == what);
    let answer = if head.uri.path().contains("/consumergroups") {
        // The shard of a consumer, or no groups and no checkpoint. What a save answers is not read.
        let list: &'static [u8] = match asks_for("type=heartbeat") {
            true => b"[0]",
            false => b"[]",
        };
        answer.body(Full::new(Bytes::from_static(list)))
    } else if asks_for("type=cursor") {
        let cursor = serde_json::json!({ "cursor": next_cursor(state) });
        answer.body(Full::new(cursor.to_string().into()))
    } else if head.method == Method::POST {
        let raw_size = head
            .headers
            .get(headers::BODY_RAW_SIZE)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .unwrap_or(0);
        *lock(&state.last) = Some(Put { raw_size, body });
        answer.body(Full::default())
    } else if head.uri.path() == "/last" {
        let last = lock(&state.last);
        let raw = last.as_ref().map_or_else(Vec::new, |put| {
            Compression::Lz4
                .decompress(&put.body, put.raw_size, 64 << 20)
                .unwrap_or_default()
        });
        answer.body(Full::new(raw.into()))
    } else {
        let list = state
            .lists
            .iter()
            .find(|list| head.uri.path().contains(list.name));
        match list {
            Some(list) => answer
                .header(headers::CURSOR, next_cursor(state).as_str())
                .header(headers::END_OF_CURSOR, 0)
                .header(headers::COUNT, list.groups)
                .header(headers::BODY_RAW_SIZE, list.raw_size)
                .header(headers::COMPRESS_TYPE, "lz4")
                .body(Full::new(list.body.clone())),
            None => answer.status(404).body(Full::default()),
        }
    };
    answer.expect("headers that are well-formed")
}

fn next_cursor(state: &State) -> Cursor {
    Cursor::at_position(state.position.fetch_add(1, Ordering::Relaxed) + 1)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
