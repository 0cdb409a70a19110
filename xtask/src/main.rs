//! Repository commands: `cargo xtask --help`.

fn main() {}
