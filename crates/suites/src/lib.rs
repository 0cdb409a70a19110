//! Integration suites that need several crates, one program each, run by `cargo xtask it`,
//! and the recorded cases, run by `cargo xtask vectors` and by `cargo test`.

pub mod clients; // other languages' clients against the local server
pub mod random; // values nobody thought of
pub mod sim; // consumer groups under virtual time
pub mod vectors;
