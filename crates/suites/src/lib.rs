//! Integration suites that need several crates, one program each, run by `cargo xtask it`.
