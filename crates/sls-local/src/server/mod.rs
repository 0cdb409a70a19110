//! The service behind a socket.

mod accept; // takes connections, ends them in order
mod answer_body; // answers, some of which take their time
mod builder; // what can be set, and to what it is set
mod connection; // one connection: limits, bodies, answers
mod impatient; // readers that do not read
mod in_flight; // requests not yet done with
mod room; // memory for all connections together

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sls_core::Credentials;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use builder::LocalServerBuilder;

use crate::arrivals::NotArrived;
use crate::growingio::GrowingIo;
use crate::service::LocalService;
use crate::stored::StoredGroup;

/// A running server.
///
/// It ends with [`shutdown`](Self::shutdown). Dropping it ends it at once: the port is
/// closed and connections are cut, requests in flight included.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use sls_local::LocalServer;
///
/// let server = LocalServer::builder().start().await?;
/// println!("a client is pointed at {}", server.endpoint());
/// let report = server.shutdown(Duration::from_secs(5)).await;
/// assert_eq!(report.aborted, 0);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct LocalServer {
    address: SocketAddr,
    credentials: Credentials,
    service: LocalService,
    stop: watch::Sender<bool>,
    open: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl LocalServer {
    /// Settings to start from: a free loopback port, the key `local` with the secret
    /// `local-secret`, the system's clock.
    pub fn builder() -> LocalServerBuilder {
        LocalServerBuilder::default()
    }

    /// The address that is listened on.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// The address a client in this machine is pointed at, for instance
    /// `http://127.0.0.1:10240`.
    pub fn endpoint(&self) -> String {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        format!("http://{}", SocketAddr::new(ip, self.address.port()))
    }

    /// A key that the server accepts, the first of those it was given.
    pub fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// The same service without the socket.
    pub fn service(&self) -> &LocalService {
        &self.service
    }

    /// Every log group that a logstore keeps, see [`LocalLogstore::stored`].
    ///
    /// [`LocalLogstore::stored`]: crate::LocalLogstore::stored
    pub fn logs(&self, project: &str, logstore: &str) -> Vec<StoredGroup> {
        self.service.logstore(project, logstore).stored()
    }

    /// Waits until so many logs have arrived, see [`LocalLogstore::wait_for_logs`].
    ///
    /// # Errors
    /// [`NotArrived`] when there are fewer at the deadline.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    ///
    /// [`LocalLogstore::wait_for_logs`]: crate::LocalLogstore::wait_for_logs
    pub async fn wait_for_logs(
        &self,
        project: &str,
        logstore: &str,
        count: u64,
        within: Duration,
    ) -> Result<Vec<StoredGroup>, NotArrived> {
        let logstore = self.service.logstore(project, logstore);
        logstore.wait_for_logs(count, within).await
    }

    /// What trackers of GrowingIO have sent to this server.
    pub fn growingio(&self) -> GrowingIo {
        self.service.growingio()
    }

    /// Moves the server's clock forward: logs expire, cursors by time move on, and requests
    /// signed by an unmoved clock become too old after 15 minutes.
    pub fn advance(&self, by: Duration) {
        self.service.advance(by);
    }

    /// Stops accepting, lets requests in flight finish for at most `deadline`, writes what is
    /// left and closes the [data folder](LocalServerBuilder::data) if there is one, and reports.
    ///
    /// # Cancel safety
    /// Dropping the future drops the server: what is still open is cut.
    pub async fn shutdown(mut self, deadline: Duration) -> ShutdownReport {
        let open = self.open.load(Ordering::SeqCst);
        // Nobody is listening when the task has ended already.
        let _ = self.stop.send(true);
        let drained = tokio::time::timeout(deadline, &mut self.task).await;
        let aborted = match drained {
            Ok(_) => 0,
            Err(_) => self.open.load(Ordering::SeqCst),
        };
        self.service.close().await;
        ShutdownReport {
            finished: open.saturating_sub(aborted),
            aborted,
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // The task owns the listener and all connections.
        self.task.abort();
    }
}

/// What became of the connections that were open when a server was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Connections that were idle or whose last request was answered.
    pub finished: usize,
    /// Connections that were cut at the deadline.
    pub aborted: usize,
}
