//! Records over a socket, into the local server.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod delivery; // what arrives, and how it is asked for
mod drops; // what does not arrive, and how that is told
#[cfg(feature = "spool")]
mod spool; // what survives the end
mod world; // a server with a logstore
