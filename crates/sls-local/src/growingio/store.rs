//! The requests that are kept: the newest, within a budget of bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::collected::{CollectedEvent, CollectedRequest};
use super::kept::{self, KeptCounts};
use super::weight;
use crate::arrivals::Arrivals;
use crate::engine::{Receipt, Storage, StorageError};

/// Keeps what was collected. When the budget is used up, the oldest requests go with their
/// records, and are counted.
#[derive(Debug)]
pub(crate) struct Store {
    budget: usize,
    storage: Arc<dyn Storage>,
    /// Held for a lookup or a copy of handles, never while a body is decoded.
    state: Arc<Mutex<State>>,
    /// Taken before the state by whoever changes and writes it down, so that counts are
    /// written in their order.
    writing: Mutex<()>,
    arrivals: Arc<Arrivals>,
}

#[derive(Debug, Default)]
struct State {
    kept: VecDeque<Kept>,
    used: usize,
    counts: GrowingIoCounts,
    /// The number of the first request of this target and body.
    first: HashMap<(String, Bytes), u64>,
    /// Never set back, so that a number names one request in the life of a server.
    numbered: u64,
}

#[derive(Debug)]
struct Kept {
    request: Arc<CollectedRequest>,
    weight: usize,
}

/// How much was collected since the start, or since it was cleared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GrowingIoCounts {
    /// Requests, whatever became of them.
    pub requests: u64,
    /// Requests whose records were not taken.
    pub refused: u64,
    /// Requests that repeated an earlier one.
    pub repeats: u64,
    /// Events, items and user mappings that were taken.
    pub events: u64,
    /// Requests that are no longer kept, for want of room.
    pub dropped_requests: u64,
    /// Events, items and user mappings that went with them.
    pub dropped_events: u64,
}

impl Store {
    pub(super) fn new(budget: usize, storage: Arc<dyn Storage>) -> Self {
        Self {
            budget,
            storage,
            state: Arc::default(),
            writing: Mutex::default(),
            arrivals: Arc::default(),
        }
    }

    /// Takes over what was written down, in the order of its numbers.
    pub(super) fn restore(
        &self,
        kept: KeptCounts,
        requests: impl Iterator<Item = CollectedRequest>,
    ) {
        let mut state = self.state();
        for request in requests {
            state.numbered = state.numbered.max(request.number);
            state.keep(request);
            // The budget may be smaller than it was.
            while state.used > self.budget && state.drop_oldest().is_some() {}
        }
        state.counts = kept.counts;
        state.numbered = state.numbered.max(kept.numbered);
    }

    pub(super) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// A number for the next request.
    pub(super) fn number(&self) -> u64 {
        let mut state = self.state();
        state.numbered += 1;
        state.numbered
    }

    /// Keeps a request, which can be seen from now on; it is safe when the receipt says so.
    /// `now` is the time that its time of sending was held against.
    pub(super) fn push(&self, request: CollectedRequest, now: SystemTime) -> Option<Receipt> {
        let writing = self.writing();
        let mut state = self.state();
        let request = state.keep(request);
        state.counts.count(&request);
        let mut displaced = Vec::new();
        while state.used > self.budget {
            let Some(number) = state.drop_oldest() else {
                break;
            };
            displaced.push(number);
        }
        let counts = state.kept_counts();
        drop(state);
        let receipt = self.storage.is_durable().then(|| {
            let changes = kept::pushed(&request, now, counts, &displaced);
            let state = Arc::clone(&self.state);
            let (receipt, done) = Receipt::new(move |result| {
                if result.is_err() {
                    let state = state.lock();
                    state
                        .unwrap_or_else(PoisonError::into_inner)
                        .retract(&request);
                }
            });
            self.storage.submit(changes, done);
            receipt
        });
        drop(writing);
        self.arrivals.tell();
        receipt
    }

    pub(super) fn counts(&self) -> GrowingIoCounts {
        self.state().counts
    }

    /// The kept requests in the order of arrival.
    pub(super) fn requests(&self) -> Vec<Arc<CollectedRequest>> {
        let state = self.state();
        let kept = state.kept.iter();
        kept.map(|kept| Arc::clone(&kept.request)).collect()
    }

    /// The records of the kept requests that were accepted, in the order of arrival.
    pub(super) fn events(&self) -> Vec<Arc<CollectedEvent>> {
        let requests = self.requests();
        let accepted = requests.iter().filter(|request| request.accepted);
        accepted
            .flat_map(|request| request.records.iter().map(Arc::clone))
            .collect()
    }

    /// Forgets everything; on a disk within the moment that a write takes.
    pub(super) fn clear(&self) {
        let _writing = self.writing();
        let mut state = self.state();
        *state = State {
            numbered: state.numbered,
            ..State::default()
        };
        let counts = state.kept_counts();
        drop(state);
        if self.storage.is_durable() {
            let failed = |result: Result<(), StorageError>| {
                if let Err(error) = result {
                    tracing::warn!(%error, "what was collected is still in the data folder");
                }
            };
            self.storage.submit(kept::cleared(counts), Box::new(failed));
        }
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl GrowingIoCounts {
    fn count(&mut self, request: &CollectedRequest) {
        self.requests += 1;
        self.repeats += u64::from(request.repeat_of.is_some());
        if request.accepted {
            self.events += request.records.len() as u64;
        } else {
            self.refused += 1;
        }
    }

    fn discount(&mut self, request: &CollectedRequest) {
        self.requests -= 1;
        self.repeats -= u64::from(request.repeat_of.is_some());
        if request.accepted {
            self.events -= request.records.len() as u64;
        } else {
            self.refused -= 1;
        }
    }
}

impl State {
    /// Adds a request, without counting it.
    fn keep(&mut self, mut request: CollectedRequest) -> Arc<CollectedRequest> {
        let weight = weight::of_request(&request);
        let mark = (request.target.clone(), request.body.clone());
        let first = *self.first.entry(mark).or_insert(request.number);
        request.repeat_of = (first != request.number).then_some(first);
        self.used += weight;
        let request = Arc::new(request);
        self.kept.push_back(Kept {
            request: Arc::clone(&request),
            weight,
        });
        request
    }

    fn kept_counts(&self) -> KeptCounts {
        KeptCounts {
            counts: self.counts,
            numbered: self.numbered,
        }
    }

    /// Takes back a request that could not be written down, unless it has gone already.
    fn retract(&mut self, request: &CollectedRequest) {
        let mut kept = self.kept.iter();
        let place = kept.position(|kept| kept.request.number == request.number);
        if let Some(Kept { request, weight }) = place.and_then(|place| self.kept.remove(place)) {
            self.counts.discount(&request);
            self.forget(&request, weight);
        }
    }

    /// The number of the request that went, if there was one.
    fn drop_oldest(&mut self) -> Option<u64> {
        let Kept { request, weight } = self.kept.pop_front()?;
        self.counts.dropped_requests += 1;
        if request.accepted {
            self.counts.dropped_events += request.records.len() as u64;
        }
        self.forget(&request, weight);
        Some(request.number)
    }

    fn forget(&mut self, request: &CollectedRequest, weight: usize) {
        self.used -= weight;
        let mark = (request.target.clone(), request.body.clone());
        if self.first.get(&mark) == Some(&request.number) {
            self.first.remove(&mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use growingio_codecs::{EventRecord, Route};

    use super::super::collected::CollectedRecord;
    use super::*;
    use crate::engine::{Changes, Done, Fact, LogId, MemoryStorage, ShardLog};

    fn store_of(budget: usize) -> Store {
        Store::new(budget, Arc::new(MemoryStorage::new(0)))
    }

    fn request(store: &Store, body: &'static [u8], events: usize) -> CollectedRequest {
        let number = store.number();
        let event = CollectedEvent {
            request: number,
            product_id: "p".to_owned(),
            received: UNIX_EPOCH,
            record: CollectedRecord::Event(EventRecord::custom("e", 1)),
            warnings: Vec::new(),
        };
        CollectedRequest {
            number,
            connection: None,
            received: UNIX_EPOCH,
            method: "POST".to_owned(),
            target: "/v3/projects/p/collect".to_owned(),
            headers: Vec::new(),
            body: Bytes::from_static(body),
            route: Route::Events,
            product_id: "p".to_owned(),
            status: Some(200),
            accepted: true,
            reason: None,
            repeat_of: None,
            records: (0..events).map(|_| Arc::new(event.clone())).collect(),
        }
    }

    fn numbers(store: &Store) -> Vec<(u64, Option<u64>)> {
        let requests = store.requests();
        let numbers = requests.iter();
        numbers.map(|kept| (kept.number, kept.repeat_of)).collect()
    }

    #[test]
    fn the_oldest_go_first_and_are_counted() {
        let one = {
            let store = store_of(0);
            weight::of_request(&request(&store, b"a", 2))
        };
        let store = store_of(2 * one + one / 2);
        for _ in 0..5 {
            store.push(request(&store, b"a", 2), UNIX_EPOCH);
        }
        assert_eq!(numbers(&store).len(), 2);
        assert_eq!(store.events().len(), 4);
        let counts = store.counts();
        assert_eq!((counts.requests, counts.events), (5, 10));
        assert_eq!((counts.dropped_requests, counts.dropped_events), (3, 6));
        assert_eq!(counts.repeats, 3, "2 and 3 repeat 1, 5 repeats 4");
    }

    #[test]
    fn what_is_over_the_budget_alone_is_dropped_at_once() {
        let store = store_of(10);
        store.push(request(&store, b"a", 1), UNIX_EPOCH);
        assert!(store.requests().is_empty());
        assert_eq!(store.counts().dropped_events, 1);
        assert!(store.state().first.is_empty());
        assert_eq!(store.state().used, 0);
    }

    #[test]
    fn a_repetition_names_the_first_of_its_kind() {
        let store = store_of(1 << 20);
        for body in [&b"a"[..], b"b", b"a", b"a"] {
            store.push(request(&store, body, 1), UNIX_EPOCH);
        }
        assert_eq!(
            numbers(&store),
            [(1, None), (2, None), (3, Some(1)), (4, Some(1))]
        );
        store.clear();
        store.push(request(&store, b"a", 1), UNIX_EPOCH);
        assert_eq!(numbers(&store), [(5, None)]);
        assert_eq!(store.counts().requests, 1);
    }

    /// A disk that is full.
    #[derive(Debug)]
    struct Full;

    impl Storage for Full {
        fn open(&self, _: LogId, _: u64) -> Result<Arc<dyn ShardLog>, StorageError> {
            Err(StorageError::DiskFull)
        }

        fn submit(&self, _: Changes, done: Done) {
            done(Err(StorageError::DiskFull));
        }

        fn facts(&self, _: &str) -> Result<Vec<Fact>, StorageError> {
            Ok(Vec::new())
        }

        fn free_log(&self) -> LogId {
            LogId(0)
        }

        fn is_durable(&self) -> bool {
            true
        }

        fn close(&self) {}
    }

    #[tokio::test]
    async fn what_cannot_be_written_down_is_refused_and_taken_back() {
        let store = Store::new(1 << 20, Arc::new(Full));
        let receipt = store.push(request(&store, b"a", 2), UNIX_EPOCH).unwrap();
        assert_eq!(receipt.settled().await, Err(StorageError::DiskFull));
        assert!(store.requests().is_empty());
        assert_eq!(store.counts(), GrowingIoCounts::default());
        assert!(store.state().first.is_empty());
        assert_eq!(store.state().used, 0);
    }
}
