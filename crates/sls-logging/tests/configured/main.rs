//! Handlers by configuration, over a socket, into the local server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reload; // one configuration after another
mod routes; // which records go where, and what they look like
mod world; // a server with two logstores, and files that name them
