use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use sls_core::Error;
use sls_core::api::Operation;
use sls_local::{LocalServer, LocalService};

use super::world::WallClock;

/// The most shards that take writes.
const MAX_SHARDS: u32 = 1000;

/// The service, which can be taken down and brought up again.
///
/// Without a folder only its connections are lost by that; with one it begins anew with what it
/// has written down.
#[derive(Debug)]
pub(super) struct Server {
    running: Option<LocalService>,
    clock: WallClock,
    folder: Option<Folder>,
    /// How often it was taken down.
    incarnation: u32,
}

impl Server {
    pub(super) fn new(clock: WallClock, with_folder: bool) -> Self {
        let mut server = Self {
            running: None,
            clock,
            folder: with_folder.then(Folder::new),
            incarnation: 0,
        };
        server.up();
        server
    }

    /// Which life of the server this is; connections do not outlive it.
    pub(super) fn incarnation(&self) -> u32 {
        self.incarnation
    }

    pub(super) fn down(&mut self) {
        self.incarnation += 1;
        if self.folder.is_some() {
            self.running = None;
        }
    }

    pub(super) fn up(&mut self) {
        if self.running.is_some() {
            return;
        }
        let builder = LocalServer::builder()
            .clock(self.clock.clone())
            .max_shards(MAX_SHARDS);
        let service = match &self.folder {
            Some(folder) => builder
                .data(&folder.0)
                .open_service()
                .expect("a folder that nobody else has can be used"),
            None => builder.into_service(),
        };
        self.running = Some(service);
    }

    pub(super) fn ask<O: Operation>(&self, operation: &O) -> Result<O::Reply, Error> {
        match &self.running {
            Some(service) => service.perform_now(operation),
            None => Err(Error::NoAnswer {
                call: operation.call(),
                may_have_acted: false,
                transient: true,
                cause: "the server is down".into(),
            }),
        }
    }
}

/// A folder of its own, gone with its owner.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sim-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        // What a process of the same number left behind.
        let _ = std::fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
