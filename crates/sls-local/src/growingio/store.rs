//! The requests that are kept: the newest, within a budget of bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use super::collected::{CollectedEvent, CollectedRequest};
use super::weight;
use crate::arrivals::Arrivals;

/// Keeps what was collected. When the budget is used up, the oldest requests go with their
/// records, and are counted.
#[derive(Debug)]
pub(crate) struct Store {
    budget: usize,
    /// Held for a lookup or a copy of handles, never while a body is decoded.
    state: Mutex<State>,
    arrivals: Arrivals,
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
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
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            state: Mutex::default(),
            arrivals: Arrivals::default(),
        }
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

    pub(super) fn push(&self, mut request: CollectedRequest) {
        let weight = weight::of_request(&request);
        let mut state = self.state();
        let mark = (request.target.clone(), request.body.clone());
        let first = *state.first.entry(mark).or_insert(request.number);
        request.repeat_of = (first != request.number).then_some(first);
        let State { counts, .. } = &mut *state;
        counts.requests += 1;
        counts.repeats += u64::from(request.repeat_of.is_some());
        if request.accepted {
            counts.events += request.records.len() as u64;
        } else {
            counts.refused += 1;
        }
        state.used += weight;
        let request = Arc::new(request);
        state.kept.push_back(Kept { request, weight });
        while state.used > self.budget && state.drop_oldest() {}
        drop(state);
        self.arrivals.tell();
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

    pub(super) fn clear(&self) {
        let mut state = self.state();
        *state = State {
            numbered: state.numbered,
            ..State::default()
        };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether there was one.
    fn drop_oldest(&mut self) -> bool {
        let Some(Kept { request, weight }) = self.kept.pop_front() else {
            return false;
        };
        self.used -= weight;
        self.counts.dropped_requests += 1;
        if request.accepted {
            self.counts.dropped_events += request.records.len() as u64;
        }
        let mark = (request.target.clone(), request.body.clone());
        if self.first.get(&mark) == Some(&request.number) {
            self.first.remove(&mark);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use growingio_codecs::{EventRecord, Route};

    use super::super::collected::CollectedRecord;
    use super::*;

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
            let store = Store::new(0);
            weight::of_request(&request(&store, b"a", 2))
        };
        let store = Store::new(2 * one + one / 2);
        for _ in 0..5 {
            store.push(request(&store, b"a", 2));
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
        let store = Store::new(10);
        store.push(request(&store, b"a", 1));
        assert!(store.requests().is_empty());
        assert_eq!(store.counts().dropped_events, 1);
        assert!(store.state().first.is_empty());
        assert_eq!(store.state().used, 0);
    }

    #[test]
    fn a_repetition_names_the_first_of_its_kind() {
        let store = Store::new(1 << 20);
        for body in [&b"a"[..], b"b", b"a", b"a"] {
            store.push(request(&store, body, 1));
        }
        assert_eq!(
            numbers(&store),
            [(1, None), (2, None), (3, Some(1)), (4, Some(1))]
        );
        store.clear();
        store.push(request(&store, b"a", 1));
        assert_eq!(numbers(&store), [(5, None)]);
        assert_eq!(store.counts().requests, 1);
    }
}
