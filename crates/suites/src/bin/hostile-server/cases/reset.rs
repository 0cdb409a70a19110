//! Connections that are closed with a reset, each at another moment.

use sls_core::model::{Log, LogGroup};
use sls_core::wire::EncodedGroup;
use telemetry_delivery::BodyErrorKind;
use telemetry_delivery::TransportErrorKind::{Body, Closed, Connect, Protocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::case::{Case, MIB, Outcome, case, client, no_answer_of, pull};
use crate::server::{Server, read_request, reset};

pub(crate) const CASES: &[Case] = &[
    case!("reset when accepted", async {
        let server = Server::start(|stream, _| async { reset(stream) }).await;
        // It may come while the socket is still being set up.
        no_answer_of(pull(&client(&server)).await, &[Closed, Connect])
    }),
    case!("reset in the middle of a request", half_request()),
    case!("reset instead of an answer", reset_after(b"")),
    case!(
        "reset in the middle of a head",
        reset_after(b"HTTP/1.1 200 OK\r\nx-log-")
    ),
    case!("reset in the middle of a body", {
        reset_after(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf")
    }),
];

async fn half_request() -> Outcome {
    let server = Server::start(|mut stream, _| async move {
        let _ = stream.read_exact(&mut [0; 1000]).await;
        reset(stream);
    })
    .await;
    let group = LogGroup::new(vec![Log::at(1).with("text", vec![b'x'; 4 * MIB])]);
    let logstore = client(&server).logstore("shop", "access");
    let result = logstore.put(&EncodedGroup::from(&group)).await;
    no_answer_of(result, &[Closed])
}

async fn reset_after(said: &'static [u8]) -> Outcome {
    let server = Server::start(move |mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(said).await;
        let _ = stream.flush().await;
        reset(stream);
    })
    .await;
    // A reset may overtake what was said before it.
    let kinds = [Closed, Protocol, Body(BodyErrorKind::Cut)];
    no_answer_of(pull(&client(&server)).await, &kinds)
}
