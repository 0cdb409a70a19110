//! What is not HTTP, or too much of it.

use std::time::Duration;

use telemetry_delivery::TransportErrorKind::{Closed, Protocol};

use crate::case::{Case, Outcome, bad_answer, case, client, list_shards, no_answer};
use crate::server::Server;

pub(crate) const CASES: &[Case] = &[
    case!("speaks ssh", nonsense("SSH-2.0-OpenSSH_9.9\r\n")),
    case!(
        "speaks http/2",
        nonsense("\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0d")
    ),
    case!("speaks tls", nonsense(b"\x15\x03\x01\0\x02\x02\x46")),
    case!("speaks http/0.9", nonsense("<html>")),
    case!("a status that is none", nonsense("HTTP/1.1 20 OK\r\n\r\n")),
    case!(
        "a header without a name",
        nonsense("HTTP/1.1 200 OK\r\n: x\r\n\r\n")
    ),
    case!(
        "a header with a nul",
        nonsense("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n")
    ),
    case!("two lengths", {
        nonsense("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n[]")
    }),
    case!(
        "a negative length",
        nonsense("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n[]")
    ),
    case!("a chunk size that is none", {
        nonsense("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n")
    }),
    case!("a header line without end", async {
        let server = Server::repeating(b"HTTP/1.1 200 OK\r\nx: ", &[b'x'; 4096], Duration::ZERO);
        no_answer(list_shards(&client(&server.await)).await, Protocol)
    }),
    case!("headers without end", async {
        let server = Server::repeating(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", Duration::ZERO);
        no_answer(list_shards(&client(&server.await)).await, Protocol)
    }),
    case!("a status line without end", async {
        let server = Server::repeating(b"HTTP/1.1 200 ", &[b'x'; 4096], Duration::ZERO);
        no_answer(list_shards(&client(&server.await)).await, Protocol)
    }),
    case!("another protocol, unasked", async {
        let said = "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n";
        let server = Server::saying(said).await;
        bad_answer(list_shards(&client(&server)).await, 101, "")
    }),
    case!("nothing at all", async {
        no_answer(
            list_shards(&client(&Server::saying("").await)).await,
            Closed,
        )
    }),
];

/// An answer that is no HTTP/1.1.
async fn nonsense(said: impl AsRef<[u8]>) -> Outcome {
    let server = Server::saying(said.as_ref()).await;
    no_answer(list_shards(&client(&server)).await, Protocol)
}
