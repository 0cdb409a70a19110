//! What waits, on disk as well.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use growingio_codecs::decode::{DecodeLimits, decode_json, decode_protobuf};
use growingio_codecs::{Batch, Codec as _, Format, Json, Protobuf, Route, Serialized};
use telemetry_delivery::spool::{EntryId, Fsync, Record, Spool, SpoolConfig, SpoolError};
use tokio::time::Instant;

use self::fresh::Fresh;
use crate::error::Error;
use crate::queue::Destination;
use crate::tracker::LONG_ID;

mod fresh; // what is not durable yet

/// How many bytes that are not durable are kept in memory; then they are made so at once.
const MAX_FRESH: usize = 4 << 20;

/// Where a spool is, and how large.
#[derive(Debug, Clone)]
pub(crate) struct DiskSettings {
    pub(crate) root: PathBuf,
    pub(crate) config: SpoolConfig,
}

/// The spool of one process.
///
/// What is not durable yet is in memory as well, so that it can be written once more when the
/// disk failed to flush it: nobody knows then what of it is really there.
#[derive(Debug)]
pub(crate) struct Disk {
    /// `None` once it is closed, and in a child that could not open one.
    spool: Option<Spool>,
    /// Where the records are that somebody has in memory.
    held: HashMap<Mark, EntryId>,
    fresh: Fresh,
    next_mark: u64,
    /// When what could not even be written again is tried once more.
    retry: Option<Instant>,
    /// Entries that are on disk only, and were tracked by this process.
    spilled: u64,
}

/// The name of a record that is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Mark(u64);

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
        let spool = Spool::open(&settings.root, settings.config.clone())?;
        Ok(Self {
            spool: Some(spool),
            ..Self::broken()
        })
    }

    /// None at all: every message is refused.
    pub(crate) fn broken() -> Self {
        Self {
            spool: None,
            held: HashMap::new(),
            fresh: Fresh::default(),
            next_mark: 0,
            retry: None,
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
        if self.fresh.bytes() + record.len() > MAX_FRESH && self.fresh.bytes() > 0 {
            self.flush().map_err(not_written)?;
        }
        let now = Instant::now();
        let spool = self.spool.as_mut().ok_or(Error::Closed)?;
        let lane = lane(to, format);
        let id = append(spool, &lane, record).map_err(not_written)?;
        let mark = Mark(self.next_mark);
        self.next_mark += 1;
        match spool.fsync() {
            Fsync::Interval(_) => {
                self.held.insert(mark, id);
                self.fresh.add(mark, lane, record);
                // It is taken, and written again until it is durable.
                self.commit();
            }
            _ => {
                if let Err(error) = spool.commit(now.into_std()) {
                    // Its sender is told that it was not taken, so it must not be sent.
                    forget(spool, id);
                    return Err(not_written(error));
                }
                self.held.insert(mark, id);
            }
        }
        Ok(mark)
    }

    /// When something has to be committed without another record, if ever.
    pub(crate) fn next_commit(&self) -> Option<Instant> {
        let due = self.spool.as_ref()?.next_commit().map(Instant::from_std);
        due.into_iter().chain(self.retry).min()
    }

    /// Makes durable what it is time for. Blocks for a flush of the disk at most.
    pub(crate) fn commit(&mut self) {
        let now = Instant::now();
        let Some(spool) = &mut self.spool else { return };
        if self.retry.is_some_and(|retry| retry <= now) {
            self.retry = None;
            self.write_again();
            return;
        }
        match spool.commit(now.into_std()) {
            Ok(()) if spool.next_commit().is_none() => self.durable(),
            Ok(()) => {}
            Err(error) => self.not_durable(&error),
        }
    }

    /// Makes everything durable, whatever the time.
    fn flush(&mut self) -> Result<(), SpoolError> {
        let Some(spool) = &mut self.spool else {
            return Ok(());
        };
        match spool.sync() {
            Ok(()) => {
                self.durable();
                Ok(())
            }
            Err(error) => {
                self.not_durable(&error);
                Err(error)
            }
        }
    }

    /// What was written before a flush is safe, but for what is still to be written again.
    fn durable(&mut self) {
        for mark in self.fresh.safe() {
            // On disk alone from now on.
            if let (Some(spool), Some(id)) = (&mut self.spool, self.held.remove(&mark)) {
                spool.release(id);
            }
        }
    }

    fn not_durable(&mut self, error: &SpoolError) {
        tracing::error!(
            %error,
            messages = self.fresh.len(),
            "the spool could not be flushed; what may not have reached the disk is written again"
        );
        self.fresh.all_doubtful();
        self.write_again();
    }

    /// Writes again what a flush that failed may have lost.
    fn write_again(&mut self) {
        let now = Instant::now();
        let Some(spool) = &mut self.spool else { return };
        for (mark, record) in self.fresh.doubtful() {
            match append(spool, &record.lane, &record.bytes) {
                Ok(id) => {
                    record.doubtful = false;
                    if let Some(before) = self.held.insert(mark, id) {
                        forget(spool, before);
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "what the disk may have lost waits in memory");
                    if let Fsync::Interval(interval) = spool.fsync() {
                        self.retry = Some(now + interval);
                    }
                    break;
                }
            }
        }
        // Notes since when this waits to be flushed; a flush is not due yet.
        if let Err(error) = spool.commit(now.into_std()) {
            tracing::error!(%error, "the spool could not be flushed again");
            self.fresh.all_doubtful();
            if let Fsync::Interval(interval) = spool.fsync() {
                self.retry = Some(now + interval);
            }
        }
    }

    /// Leaves a record on disk alone, as soon as it is safe there.
    pub(crate) fn spill(&mut self, mark: Mark) {
        self.spilled += 1;
        if self.fresh.spill(mark) {
            return;
        }
        if let (Some(spool), Some(id)) = (&mut self.spool, self.held.remove(&mark)) {
            spool.release(id);
        }
    }

    /// How many records are on disk alone, those of earlier processes aside.
    pub(crate) fn spilled(&self) -> u64 {
        self.spilled
    }

    /// Whether there is something to read back.
    pub(crate) fn has_more(&self) -> bool {
        let spool = self.spool.as_ref();
        spool.is_some_and(|spool| spool.has_pending() || self.fresh.has_spilled())
    }

    /// Reads the oldest record that is not in memory.
    pub(crate) fn read(&mut self, format: Format) -> Option<Restored> {
        loop {
            let (mark, lane, bytes, left_over) = match self.spool.as_mut()?.next_pending() {
                Some(Ok(entry)) => {
                    let mark = Mark(self.next_mark);
                    self.next_mark += 1;
                    self.held.insert(mark, entry.id);
                    (mark, entry.lane, entry.bytes, entry.left_over)
                }
                Some(Err(damage)) => {
                    tracing::error!(%damage, "the spool is damaged");
                    continue;
                }
                // What was written last is not on disk alone yet.
                None => {
                    let (mark, lane, bytes) = self.fresh.take_spilled()?;
                    (mark, lane.into(), bytes.into(), false)
                }
            };
            if !left_over {
                self.spilled = self.spilled.saturating_sub(1);
            }
            match restore(&lane, &bytes, format) {
                Some((to, record)) => {
                    return Some(Restored {
                        to,
                        record,
                        mark,
                        left_over,
                    });
                }
                None => {
                    tracing::error!("a spooled message cannot be read and is left out");
                    self.done(mark);
                }
            }
        }
    }

    /// Forgets a record that needs no more sending.
    pub(crate) fn done(&mut self, mark: Mark) {
        self.fresh.remove(mark);
        if let (Some(spool), Some(id)) = (&mut self.spool, self.held.remove(&mark)) {
            forget(spool, id);
        }
    }

    /// Ends the use; what is not done stays for the next who opens it.
    pub(crate) fn close(&mut self) {
        // What this does not write is written once more.
        let _ = self.flush();
        let doubtful = self.fresh.doubtful().count();
        if let Some(Err(error)) = self.spool.take().map(Spool::close) {
            tracing::error!(%error, messages = self.fresh.len(), "the spool was not closed well");
        } else if doubtful > 0 {
            tracing::error!(
                messages = doubtful,
                "what was spooled last may not survive a loss of power"
            );
        }
    }
}

fn append(spool: &mut Spool, lane: &[u8], record: &[u8]) -> Result<EntryId, SpoolError> {
    let end = u32::try_from(record.len()).unwrap_or(u32::MAX);
    spool.append(Record {
        lane,
        ends: &[end],
        bytes: record,
    })
}

fn forget(spool: &mut Spool, id: EntryId) {
    if let Err(error) = spool.acknowledge(id) {
        tracing::warn!(%error, "what was delivered is not noted and may come again");
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

fn restore(lane: &[u8], bytes: &[u8], wanted: Format) -> Option<(Destination, Box<[u8]>)> {
    let [format, kind, product_id @ ..] = lane else {
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
    // None that this tracker would have taken.
    let product_id = std::str::from_utf8(product_id).ok();
    let product_id = product_id.filter(|id| id.len() < LONG_ID)?.into();
    let to = Destination { product_id, route };
    if format == wanted {
        return Some((to, bytes.into()));
    }
    // Another codec was set when it was written.
    let batch = Serialized::from_sequence(format, route, 1, bytes.to_vec());
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

#[cfg(test)]
mod tests;
