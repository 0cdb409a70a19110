//! `HttpsTransport` over real loopback sockets.

#![expect(
    clippy::unwrap_used,
    reason = "clippy allows it in tests, and does not see that helpers are tests too"
)]

mod exchange; // requests, answers, and servers that misbehave
mod loopback; // what the others share
mod proxy; // through a proxy
mod tls; // whose certificates are trusted
