//! The task that takes connections and, told to stop, sees them through.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sls_core::Credentials;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::LocalServer;
use super::connection::{self, Limits, Memory};
use crate::error::Error;
use crate::service::LocalService;
use crate::sls::Peer;

/// How long to wait after the first failure to accept, and after many in a row. It fails
/// when the process has too many files open, and goes on failing until one is closed.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl LocalServer {
    pub(super) async fn start(
        listen: SocketAddr,
        limits: Limits,
        service: LocalService,
        credentials: Credentials,
    ) -> Result<Self, Error> {
        let failed = |cause| Error::Listen {
            address: listen,
            cause,
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "reachable from other machines");
        }
        let (stop, stopped) = watch::channel(false);
        let open = Arc::new(AtomicUsize::new(0));
        let acceptor = Acceptor {
            service: service.clone(),
            limits,
            open: Arc::clone(&open),
            stopped,
        };
        Ok(Self {
            address,
            credentials,
            service,
            stop,
            open,
            task: tokio::spawn(acceptor.run(listener)),
        })
    }
}

struct Acceptor {
    service: LocalService,
    limits: Limits,
    open: Arc<AtomicUsize>,
    stopped: watch::Receiver<bool>,
}

impl Acceptor {
    async fn run(self, listener: TcpListener) {
        let slots = Arc::new(Semaphore::new(self.limits.connections));
        let memory = Memory::new(self.limits);
        let mut connections = JoinSet::new();
        let mut accepted_so_far = 0;
        let mut stopped = self.stopped.clone();
        let mut pause = FIRST_PAUSE;
        loop {
            let next = async {
                // The semaphore is never closed.
                let slot = Arc::clone(&slots).acquire_owned().await.ok();
                (slot, listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                () = connection::told_to_stop(&mut stopped) => break,
                Some(_) = connections.join_next() => continue,
                next = next => next,
            };
            match accepted {
                Ok((stream, peer)) => {
                    pause = FIRST_PAUSE;
                    // Answers are written in one piece; waiting for more helps nobody.
                    let _ = stream.set_nodelay(true);
                    let guard = Open::new(Arc::clone(&self.open), slot);
                    let service = self.service.clone();
                    let (limits, memory) = (self.limits, memory.clone());
                    let stopped = self.stopped.clone();
                    accepted_so_far += 1;
                    let peer = Peer {
                        ip: peer.ip(),
                        connection: accepted_so_far,
                    };
                    connections.spawn(async move {
                        connection::serve(stream, peer, service, limits, memory, stopped).await;
                        drop(guard);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, ?pause, "cannot accept a connection");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        drop(listener);
        while connections.join_next().await.is_some() {}
    }
}

/// Counts a connection for as long as it lives.
struct Open {
    count: Arc<AtomicUsize>,
    _slot: Option<OwnedSemaphorePermit>,
}

impl Open {
    fn new(count: Arc<AtomicUsize>, slot: Option<OwnedSemaphorePermit>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self { count, _slot: slot }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}
