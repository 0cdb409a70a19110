//! Servers on loopback, and requests to them.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};

use bytes::Bytes;
use http::{Request, Response};
use telemetry_delivery::{HttpsConfig, HttpsTransport, TransportError};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

/// A paused clock that does not even jump ahead while everybody waits, until it is released: what
/// is on its way over a socket looks like waiting, too.
#[derive(Clone)]
pub(crate) struct StandingClock(Arc<Mutex<Option<mpsc::Sender<()>>>>);

impl StandingClock {
    pub(crate) fn new() -> Self {
        let (hold, released) = mpsc::channel();
        // The clock of a runtime jumps only while it has no blocking task.
        tokio::task::spawn_blocking(move || released.recv());
        Self(Arc::new(Mutex::new(Some(hold))))
    }

    pub(crate) fn release(&self) {
        drop(self.0.lock().unwrap().take());
    }
}

/// Hands every connection to `serve` and tells how many there were.
pub(crate) async fn server<F, S>(serve: S) -> (SocketAddr, Arc<AtomicUsize>)
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(serve(stream));
        }
    });
    (address, connections)
}

/// Reads one request with all of its body; `None` at the end of the connection.
pub(crate) async fn read_request<S>(stream: &mut S) -> Option<String>
where
    S: AsyncRead + Unpin,
{
    let mut text = String::new();
    let head_end = loop {
        if let Some(end) = text.find("\r\n\r\n") {
            break end + 4;
        }
        let mut byte = [0];
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        text.push(byte[0].into());
    };
    let length = header(&text, "content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    text.truncate(head_end);
    text.push_str(std::str::from_utf8(&body).unwrap());
    Some(text)
}

/// The value of a header in the text of a request.
pub(crate) fn header<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

pub(crate) async fn send(
    config: HttpsConfig,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    HttpsTransport::new(config).unwrap().oneshot(request).await
}

/// Sends a request that must fail, and checks what every error has to keep.
pub(crate) async fn failure(config: HttpsConfig, request: Request<Bytes>) -> TransportError {
    let error = send(config, request).await.unwrap_err();
    let everything = format!("{error} {error:?}");
    assert!(!everything.contains("secret"), "{everything}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert_eq!(error.attempts(), 1);
    error
}
