//! Has the included files take the checker's locks and atomics, and nobody else's.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-cfg=loom");
}
