#![doc = include_str!("../README.md")]

mod arrivals; // waiting without asking again and again
mod clock; // the server's own time, ahead of the real one on request
mod engine; // decides, without sockets and without a clock
mod error; // why a server did not start
mod fault; // trouble on request
mod growingio; // the collector of GrowingIO
mod logstore; // one logstore, with the roles of a client
mod refusal; // how the service says no
mod server; // sockets, connections, an orderly end
mod service; // the same service without a socket
mod sls; // requests in, answers out
mod stored; // what has arrived in a logstore

pub use arrivals::NotArrived;
pub use error::{DataProblem, Error};
pub use fault::{Fault, FaultId, QuotaPer};
pub use growingio::{
    CollectedEvent, CollectedRecord, CollectedRequest, GrowingIo, GrowingIoCounts,
};
pub use logstore::LocalLogstore;
pub use server::{LocalServer, LocalServerBuilder, ShutdownReport};
pub use service::LocalService;
pub use stored::StoredGroup;
