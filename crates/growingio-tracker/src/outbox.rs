use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use growingio_codecs::{Format, Serialized};
use telemetry_delivery::BoxTransport;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use crate::config::{ConfigError, ensure};
use crate::counts::Counts;
use crate::dead_letter::DeadLetters;
use crate::disk::{Disk, DiskSettings};
use crate::error::Error;
use crate::fate::{Fate, fate, most_refusals};
use crate::message::Message;
use crate::queue::{Destination, Part, Queue, Waiting, cost};
use crate::upload::Upload;

/// What happens to a message for which a buffer has no room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// The call returns [`Error::Full`], and the message is not taken.
    #[default]
    Refuse,
    /// The message is taken and dropped, and counted as such.
    DropNewest,
    /// The oldest messages are dropped and counted, until there is room.
    DropOldest,
    /// The call waits for room, up to this long; then as [`Refuse`](Self::Refuse).
    Wait(Duration),
}

/// What an [`Outbox`] may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Records of a request.
    pub(crate) max_size: usize,
    /// What all records that wait or are under way may take.
    pub(crate) max_bytes: usize,
    pub(crate) overflow: Overflow,
    pub(crate) in_order: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_size: 500,
            max_bytes: 64 << 20,
            overflow: Overflow::default(),
            in_order: false,
        }
    }
}

impl Limits {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        ensure(self.max_size > 0, "max_size", "be at least one")?;
        ensure(self.max_bytes > 0, "max_bytes", "be at least one")
    }
}

/// Records that wait, and how they leave: each batch once it is accepted, and not before.
#[derive(Debug)]
pub(crate) struct Outbox {
    upload: Arc<Upload>,
    dead_letters: DeadLetters,
    format: Format,
    limits: Limits,
    // Held for a moment at a time, never across an await.
    state: Mutex<State>,
    /// Held while sending, so that no record is sent twice at once and their order stays.
    sending: tokio::sync::Mutex<()>,
    /// Whether nothing is to be sent any more, not even what is under way.
    abandoned: watch::Sender<bool>,
    /// Told when something has left.
    room: Notify,
    /// Whether somebody commits the spool when its time has come. Cleared under the lock of the
    /// state, so that what is written down afterwards starts another.
    commits: AtomicBool,
}

#[derive(Debug)]
struct State {
    queue: Queue,
    disk: Option<Disk>,
    /// What is under way counts as well, since it may come back.
    under_way_bytes: usize,
    under_way: usize,
    closed: bool,
}

/// A message larger than this is not worth keeping its memory for.
const KEPT_BYTES: usize = 64 << 10;

thread_local! {
    /// Where messages of this thread are written, and the product of the last one.
    static SCRATCH: RefCell<(Vec<u8>, Arc<str>)> = RefCell::new((Vec::new(), Arc::from("")));
}

/// A message as it waits.
#[derive(Debug, Clone)]
pub(crate) struct Serialised {
    to: Destination,
    record: Box<[u8]>,
}

/// What has become of a message that was given to an [`Outbox`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How many wait for the same request.
    pub(crate) beside: usize,
    /// Whether nothing waited before it.
    pub(crate) alone: bool,
    /// Whether the spool has to be committed later.
    pub(crate) uncommitted: bool,
}

impl Outbox {
    pub(crate) fn new(
        upload: Arc<Upload>,
        dead_letters: DeadLetters,
        format: Format,
        limits: Limits,
        disk: Option<&DiskSettings>,
    ) -> Self {
        let disk = disk.map(|settings| {
            Disk::open(settings).unwrap_or_else(|error| {
                tracing::error!(%error, "no spool, every message is refused");
                Disk::broken()
            })
        });
        let outbox = Self {
            upload,
            dead_letters,
            format,
            limits,
            state: Mutex::new(State {
                queue: Queue::new(limits.in_order),
                disk,
                under_way_bytes: 0,
                under_way: 0,
                closed: false,
            }),
            sending: tokio::sync::Mutex::new(()),
            abandoned: watch::Sender::new(false),
            room: Notify::new(),
            commits: AtomicBool::new(false),
        };
        outbox.restore(&mut outbox.state());
        outbox
    }

    /// Reads back what is on disk alone, while there is plenty of room in memory.
    fn restore(&self, state: &mut State) {
        let Some(disk) = &mut state.disk else { return };
        while state.queue.bytes() + state.under_way_bytes < self.limits.max_bytes / 2 {
            let Some(restored) = disk.read(self.format) else {
                return;
            };
            if restored.left_over {
                self.upload.counters.tracked(1);
            }
            let waiting = Waiting {
                bytes: restored.record,
                mark: Some(restored.mark),
            };
            state.queue.push(&restored.to, waiting);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Serialises a message for the buffer.
    pub(crate) fn serialise(&self, message: &Message<'_>) -> Result<Serialised, Error> {
        let route = message.route();
        // Memory that is warm, so that a message takes one piece of its own and no more.
        let written = SCRATCH.with_borrow_mut(|(scratch, product_id)| {
            scratch.clear();
            message.append(self.format, scratch)?;
            let wanted = message.product_id();
            if **product_id != *wanted {
                *product_id = wanted.into();
            }
            let record = scratch[..].into();
            if scratch.capacity() > KEPT_BYTES {
                *scratch = Vec::new();
            }
            Ok((record, Arc::clone(product_id)))
        });
        let (record, product_id) = written.map_err(|cause| Error::Encode { route, cause })?;
        Ok(Serialised {
            to: Destination { product_id, route },
            record,
        })
    }

    /// Takes a message into the buffer.
    ///
    /// # Errors
    /// [`Error::Full`] where the policy is to refuse or to wait, [`Error::Closed`].
    pub(crate) fn take(&self, message: Serialised) -> Result<Taken, Error> {
        let Serialised { to, record } = message;
        let need = cost(&record);
        let mut state = self.state();
        if state.closed {
            return Err(Error::Closed);
        }
        let counters = &self.upload.counters;
        let is_full = state.queue.bytes() + state.under_way_bytes + need > self.limits.max_bytes;
        let mut mark = None;
        let mut uncommitted = false;
        if let Some(disk) = &mut state.disk {
            let written = disk.write(&to, self.format, &record)?;
            uncommitted = disk.next_commit().is_some();
            // Behind others that are on disk alone, or it would overtake them.
            if is_full || disk.has_more() {
                disk.spill(written);
                counters.tracked(1);
                return Ok(Taken {
                    beside: 0,
                    alone: false,
                    uncommitted,
                });
            }
            mark = Some(written);
        }
        while state.queue.bytes() + state.under_way_bytes + need > self.limits.max_bytes {
            let room = match self.limits.overflow {
                Overflow::Refuse | Overflow::Wait(_) => {
                    return Err(Error::Full {
                        waiting_bytes: state.queue.bytes() + state.under_way_bytes,
                    });
                }
                Overflow::DropOldest => state.queue.drop_oldest(),
                Overflow::DropNewest => false,
            };
            counters.dropped(1);
            if !room {
                counters.tracked(1);
                return Ok(Taken {
                    beside: 0,
                    alone: false,
                    uncommitted,
                });
            }
        }
        counters.tracked(1);
        let alone = state.queue.len() == 0;
        let waiting = Waiting {
            bytes: record,
            mark,
        };
        let beside = state.queue.push(&to, waiting);
        Ok(Taken {
            beside,
            alone,
            uncommitted,
        })
    }

    /// Takes a message as soon as there is room for it.
    ///
    /// # Errors
    /// [`Error::Full`] when there is none within `limit`, and at once when there never can be.
    pub(crate) async fn take_when_there_is_room(
        &self,
        message: Serialised,
        limit: Duration,
    ) -> Result<Taken, Error> {
        let never = cost(&message.record) > self.limits.max_bytes;
        let waiting = async {
            loop {
                // Registered before the look, so that no room goes unnoticed.
                let room = self.room.notified();
                match self.take(message.clone()) {
                    Err(Error::Full { .. }) if !never => room.await,
                    taken => return taken,
                }
            }
        };
        match timeout(limit, waiting).await {
            Ok(taken) => taken,
            Err(_) => Err(Error::Full {
                waiting_bytes: self.waiting_bytes(),
            }),
        }
    }

    fn waiting_bytes(&self) -> usize {
        let state = self.state();
        state.queue.bytes() + state.under_way_bytes
    }

    /// Takes over to [commit](Self::commit) from now on, unless somebody does; what is given
    /// turns true when there is no need any more.
    pub(crate) fn begin_commits(&self) -> Option<watch::Receiver<bool>> {
        let begun = self.commits.swap(true, Ordering::AcqRel);
        (!begun).then(|| self.abandoned.subscribe())
    }

    /// Makes durable what it is time for, and tells when the next is due. With nothing left
    /// that is uncommitted, the turn is over.
    pub(crate) fn commit(&self) -> Option<Instant> {
        let mut state = self.state();
        let due = state.disk.as_mut().and_then(|disk| {
            disk.commit();
            disk.next_commit()
        });
        if due.is_none() {
            self.end_commits();
        }
        due
    }

    /// Gives up to commit.
    pub(crate) fn end_commits(&self) {
        self.commits.store(false, Ordering::Release);
    }

    #[cfg(all(test, feature = "spool"))]
    pub(crate) fn is_uncommitted(&self) -> bool {
        let state = self.state();
        state
            .disk
            .as_ref()
            .is_some_and(|disk| disk.next_commit().is_some())
    }

    /// Whether nothing is taken any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub(crate) fn counts(&self) -> Counts {
        self.upload.counters.now()
    }

    /// How many messages wait or are under way.
    pub(crate) fn waiting(&self) -> u64 {
        let state = self.state();
        let spilled = state.disk.as_ref().map_or(0, Disk::spilled);
        (state.queue.len() + state.under_way) as u64 + spilled
    }

    /// Whether more is on disk than is in memory.
    pub(crate) fn has_more(&self) -> bool {
        self.state().disk.as_ref().is_some_and(Disk::has_more)
    }

    /// Takes nothing any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    /// Drops what waits and what is under way, for good, and tells how much that was.
    pub(crate) async fn abandon(&self) -> u64 {
        self.abandoned.send_replace(true);
        // Whoever sends stops now, and puts back what was under way.
        let _sending = self.sending.lock().await;
        self.drop_waiting()
    }

    /// Drops what waits, or leaves it to the spool, and tells how much that was.
    pub(crate) fn drop_waiting(&self) -> u64 {
        self.abandoned.send_replace(true);
        let mut state = self.state();
        let left = state.queue.clear() as u64;
        match &mut state.disk {
            Some(disk) => {
                let left = left + disk.spilled();
                disk.close();
                state.disk = None;
                self.upload.counters.spooled(left);
            }
            None => self.upload.counters.dropped(left),
        }
        left
    }

    /// Sends what waits now, oldest first.
    ///
    /// A batch that has to be kept holds up those for the same destination, and all of them
    /// where an order is kept. What was given up is no reason to stop, and is told in the end.
    ///
    /// # Cancel safety
    /// What is under way is put back; it may have been accepted, and is then sent twice.
    pub(crate) async fn send_all(&self, transport: &BoxTransport) -> Result<(), Error> {
        let mut abandoned = self.abandoned.subscribe();
        let abandoned = Box::pin(abandoned.wait_for(|abandoned| *abandoned));
        match select(Box::pin(self.send_each(transport)), abandoned).await {
            Either::Left((sent, _)) => sent,
            Either::Right(_) => Err(Error::Closed),
        }
    }

    async fn send_each(&self, transport: &BoxTransport) -> Result<(), Error> {
        let _sending = self.sending.lock().await;
        let plan = {
            let mut state = self.state();
            self.restore(&mut state);
            state.queue.plan()
        };
        let (mut kept, mut given_up) = (None, None);
        for (to, mut left) in plan {
            while let Some(under_way) = self.begin(&to, self.limits.max_size.min(left)) {
                left -= under_way.records();
                match self.send(under_way, transport).await {
                    Ok(None) => {}
                    Ok(reason) => given_up = reason,
                    // What goes behind it would overtake it.
                    Err(error) if self.limits.in_order => return Err(error),
                    Err(error) => {
                        kept = Some(error);
                        break;
                    }
                }
            }
        }
        kept.or(given_up).map_or(Ok(()), Err)
    }

    fn begin(&self, to: &Destination, most: usize) -> Option<UnderWay<'_>> {
        if most == 0 {
            return None;
        }
        let mut state = self.state();
        let part = state.queue.take(to, most)?;
        state.under_way += part.len();
        state.under_way_bytes += part.cost();
        Some(UnderWay {
            outbox: self,
            parts: vec![part],
        })
    }

    /// Sends a batch, and parts of it when it is refused as a whole. Gives the reason for
    /// which some were given up, if any; an error when something was put back.
    async fn send(
        &self,
        mut under_way: UnderWay<'_>,
        transport: &BoxTransport,
    ) -> Result<Option<Error>, Error> {
        let mut given_up = None;
        let mut refusals = 0;
        let most_refusals = most_refusals(under_way.records());
        while let Some(part) = under_way.oldest() {
            let (records, to) = (part.len(), part.to.clone());
            let error = match self.post(&to, records, part.sequence(), transport).await {
                Ok(()) => {
                    refusals = 0;
                    self.upload.counters.delivered(records as u64);
                    under_way.settle();
                    continue;
                }
                Err(error) => error,
            };
            refusals += 1;
            match fate(&error, records) {
                Fate::Keep => return Err(error),
                Fate::Halve if refusals < most_refusals => under_way.halve(),
                Fate::Halve | Fate::GiveUp => {
                    let kind = (self.format, to.route);
                    let lost = (
                        records,
                        under_way.oldest().map_or_else(Vec::new, Part::sequence),
                    );
                    let counters = &self.upload.counters;
                    under_way.settle();
                    self.dead_letters
                        .give_up(counters, &to.product_id, kind, lost, error.clone());
                    given_up = Some(error);
                }
            }
        }
        Ok(given_up)
    }

    async fn post(
        &self,
        to: &Destination,
        records: usize,
        sequence: Vec<u8>,
        transport: &BoxTransport,
    ) -> Result<(), Error> {
        let batch = Serialized::from_sequence(self.format, to.route, records, sequence);
        let encoded = self.upload.encode_serialized(batch)?;
        let request = self.upload.request(encoded, &to.product_id);
        self.upload.send(transport.clone(), to.route, request).await
    }
}

/// Parts of a batch that are being sent, the oldest last; what is left goes back when dropped.
struct UnderWay<'o> {
    outbox: &'o Outbox,
    parts: Vec<Part>,
}

impl UnderWay<'_> {
    fn oldest(&self) -> Option<&Part> {
        self.parts.last()
    }

    fn records(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// The oldest part needs no more sending.
    fn settle(&mut self) {
        if let Some(part) = self.parts.pop() {
            let mut state = self.outbox.state();
            state.under_way -= part.len();
            state.under_way_bytes -= part.cost();
            if let Some(disk) = &mut state.disk {
                for mark in part.records.into_iter().filter_map(|record| record.mark) {
                    disk.done(mark);
                }
            }
            self.outbox.restore(&mut state);
            drop(state);
            self.outbox.room.notify_waiters();
        }
    }

    /// Cuts the oldest part in two.
    fn halve(&mut self) {
        if let Some(part) = self.parts.pop() {
            let (older, newer) = part.halves();
            self.parts.extend([newer, older]);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.outbox.state();
        // The newest goes back first, so that the oldest ends up in front.
        for part in self.parts.drain(..) {
            state.under_way -= part.len();
            state.under_way_bytes -= part.cost();
            state.queue.put_back(part);
        }
    }
}
