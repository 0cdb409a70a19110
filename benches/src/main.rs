//! `cargo xtask bench`, see the library beside it.

fn main() -> std::process::ExitCode {
    benches::main()
}
