//! What waits, on disk as well.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use growingio_codecs::decode::{DecodeLimits, decode_json, decode_protobuf};
use growingio_codecs::{Batch, Codec as _, Format, Json, Protobuf, Route, Serialized};
use telemetry_delivery::spool::{Entry, EntryId, Record, Spool, SpoolConfig, SpoolError};
use tokio::time::Instant;

use crate::error::Error;
use crate::queue::Destination;

/// Where a spool is, and how large.
#[derive(Debug, Clone)]
pub(crate) struct DiskSettings {
    pub(crate) root: PathBuf,
    pub(crate) config: SpoolConfig,
}

/// The spool of one process.
#[derive(Debug)]
pub(crate) struct Disk {
    /// `None` once it is closed, and in a child that could not open one.
    spool: Option<Spool>,
    /// Entries that are on disk only, and were tracked by this process.
    spilled: u64,
}

/// The name of a record that is on disk.
pub(crate) type Mark = EntryId;

/// A record that was read back.
pub(crate) struct Restored {
    pub(crate) to: Destination,
    pub(crate) record: Box<[u8]>,
    pub(crate) mark: Mark,
    /// Whether an earlier process tracked it.
    pub(crate) left_over: bool,
}

impl Disk {
    pub(crate) fn open(settings: &DiskSettings) -> Result<Self, SpoolError> {
        Ok(Self {
            spool: Some(Spool::open(&settings.root, settings.config.clone())?),
            spilled: 0,
        })
    }

    /// None at all: every message is refused.
    pub(crate) const fn broken() -> Self {
        Self {
            spool: None,
            spilled: 0,
        }
    }

    /// Writes a record down; it survives the process from now on.
    pub(crate) fn write(
        &mut self,
        to: &Destination,
        format: Format,
        record: &[u8],
    ) -> Result<Mark, Error> {
        let spool = self.spool.as_mut().ok_or(Error::Closed)?;
        let end = u32::try_from(record.len()).unwrap_or(u32::MAX);
        let written = spool.append(Record {
            lane: &lane(to, format),
            ends: &[end],
            bytes: record,
        });
        let mark = written.map_err(not_written)?;
        let committed = spool.commit(Instant::now().into_std());
        committed.map_err(not_written)?;
        Ok(mark)
    }

    /// When something has to be committed without another record, if ever.
    pub(crate) fn next_commit(&self) -> Option<Instant> {
        let due = self.spool.as_ref()?.next_commit()?;
        Some(Instant::from_std(due))
    }

    /// Makes durable what it is time for. Blocks for a flush of the disk at most.
    pub(crate) fn commit(&mut self) {
        if let Some(spool) = &mut self.spool {
            if let Err(error) = spool.commit(Instant::now().into_std()) {
                tracing::error!(%error, "what was spooled last may not survive a loss of power");
            }
        }
    }

    /// Leaves a record on disk alone.
    pub(crate) fn spill(&mut self, mark: Mark) {
        if let Some(spool) = &mut self.spool {
            spool.release(mark);
            self.spilled += 1;
        }
    }

    /// How many records are on disk alone, those of earlier processes aside.
    pub(crate) fn spilled(&self) -> u64 {
        self.spilled
    }

    /// Whether there is something to read back.
    pub(crate) fn has_more(&self) -> bool {
        self.spool.as_ref().is_some_and(Spool::has_pending)
    }

    /// Reads the oldest record that is not in memory.
    pub(crate) fn read(&mut self, format: Format) -> Option<Restored> {
        loop {
            match self.spool.as_mut()?.next_pending()? {
                Ok(entry) => {
                    let left_over = entry.left_over;
                    if !left_over {
                        self.spilled = self.spilled.saturating_sub(1);
                    }
                    match restore(&entry, format) {
                        Some((to, record)) => {
                            let mark = entry.id;
                            return Some(Restored {
                                to,
                                record,
                                mark,
                                left_over,
                            });
                        }
                        None => {
                            tracing::error!("a spooled message cannot be read and is left out");
                            self.done(entry.id);
                        }
                    }
                }
                Err(damage) => tracing::error!(%damage, "the spool is damaged"),
            }
        }
    }

    /// Forgets a record that needs no more sending.
    pub(crate) fn done(&mut self, mark: Mark) {
        if let Some(spool) = &mut self.spool {
            if let Err(error) = spool.acknowledge(mark) {
                tracing::warn!(%error, "what was delivered is not noted and may come again");
            }
        }
    }

    /// Ends the use; what is not done stays for the next who opens it.
    pub(crate) fn close(&mut self) {
        if let Some(Err(error)) = self.spool.take().map(Spool::close) {
            tracing::warn!(%error, "the spool was not closed well");
        }
    }
}

fn not_written(cause: SpoolError) -> Error {
    Error::NotSpooled {
        cause: Arc::new(cause),
    }
}

/// Format, kind and product: what a later process has to know.
fn lane(to: &Destination, format: Format) -> Vec<u8> {
    let format = match format {
        Format::Json => b'j',
        Format::Protobuf => b'p',
    };
    let kind = match to.route {
        Route::Events => b'e',
        Route::Items => b'i',
        Route::UserMappings => b'u',
    };
    [&[format, kind], to.product_id.as_bytes()].concat()
}

fn restore(entry: &Entry, wanted: Format) -> Option<(Destination, Box<[u8]>)> {
    let [format, kind, product_id @ ..] = &entry.lane[..] else {
        return None;
    };
    let format = match format {
        b'j' => Format::Json,
        b'p' => Format::Protobuf,
        _ => return None,
    };
    let route = match kind {
        b'e' => Route::Events,
        b'i' => Route::Items,
        b'u' => Route::UserMappings,
        _ => return None,
    };
    let product_id = std::str::from_utf8(product_id).ok()?.into();
    let to = Destination { product_id, route };
    if format == wanted {
        return Some((to, entry.bytes[..].into()));
    }
    // Another codec was set when it was written.
    let batch = Serialized::from_sequence(format, route, 1, entry.bytes.to_vec());
    let batch = Batch::Serialized(batch);
    let limits = DecodeLimits::default();
    let now = std::time::UNIX_EPOCH;
    let batch = match format {
        Format::Json => decode_json(route, &Json.encode(&batch, now).ok()?.body, &limits),
        Format::Protobuf => {
            decode_protobuf(route, &Protobuf.encode(&batch, now).ok()?.body, &limits)
        }
    };
    let mut record = Vec::new();
    match batch.ok()? {
        Batch::Events(events) => wanted.append(events.first()?, &mut record).ok()?,
        Batch::Items(items) => wanted.append(items.first()?, &mut record).ok()?,
        Batch::UserMappings(mappings) => wanted.append(mappings.first()?, &mut record).ok()?,
        _ => return None,
    }
    Some((to, record.into()))
}

impl fmt::Debug for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Restored").finish_non_exhaustive()
    }
}
