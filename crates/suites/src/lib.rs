//! Integration suites that need several crates, one program each, run by `cargo xtask it`.

pub mod clients; // other languages' clients against the local server
