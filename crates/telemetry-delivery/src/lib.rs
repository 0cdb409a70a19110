//! How bytes leave the process: HTTP transport, retry with one deadline, and the clock
