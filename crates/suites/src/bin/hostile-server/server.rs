//! Sockets that misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// A listener on loopback, with a thread and a runtime of its own, so that the client's runtime
/// has the client's tasks only.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Hands every connection and its number, from 0, to `serve`.
    pub(crate) async fn start<F, S>(serve: S) -> Self
    where
        S: Fn(TcpStream, usize) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        let (listening, address) = oneshot::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime needs nothing that could be missing");
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0")
                    .await
                    .expect("loopback has a port to spare");
                let _ = listening.send(listener.local_addr());
                while let Ok((stream, _)) = listener.accept().await {
                    let number = counter.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(serve(stream, number));
                }
            });
        });
        let address = address.await.expect("the server's thread is running");
        Self {
            address: address.expect("a listener has an address"),
            connections,
        }
    }

    /// Answers every request with `answer` and closes the connection.
    pub(crate) async fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream, _| {
            let answer = Arc::clone(&answer);
            async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
                read_to_end(&mut stream).await;
            }
        })
        .await
    }

    /// Says `first` to every request and then `again` over and over, with `pause` in between.
    pub(crate) async fn repeating(
        first: &'static [u8],
        again: &'static [u8],
        pause: Duration,
    ) -> Self {
        Self::start(move |mut stream, _| async move {
            read_request(&mut stream).await;
            let mut said = stream.write_all(first).await;
            while said.is_ok() {
                // Even no time at all would be a millisecond.
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
                said = stream.write_all(again).await;
            }
        })
        .await
    }

    /// How many connections came, those included that wait to be accepted.
    pub(crate) async fn connections(&self) -> usize {
        // Connections are accepted in the order in which they came, so once this one was, all
        // before it were.
        let before = self.connections.load(Ordering::SeqCst);
        let probe = TcpStream::connect(self.address).await;
        while probe.is_ok() && self.connections.load(Ordering::SeqCst) == before {
            tokio::task::yield_now().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        self.connections.load(Ordering::SeqCst) - usize::from(probe.is_ok())
    }
}

/// Reads a head and, if it announces one, a body.
pub(crate) async fn read_request(stream: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))
        .and_then(|length| length.trim().parse().ok())
        .unwrap_or(0);
    let mut body = (&mut *stream).take(length);
    let _ = tokio::io::copy(&mut body, &mut tokio::io::sink()).await;
}

/// Waits until the other side has closed, so that what was said is not lost to a reset.
pub(crate) async fn read_to_end(stream: &mut TcpStream) {
    let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
}

/// Closes the connection with a reset instead of an end.
pub(crate) fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}
