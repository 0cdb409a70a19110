//! Ships an access log to an embedded log service and reads it back through SPL.

fn main() {}
