//! What waits to be sent, decided without I/O.

use std::collections::VecDeque;
use std::sync::Arc;

use growingio_codecs::Route;

use crate::disk::Mark;

/// Where a record is sent; one request goes to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) product_id: Arc<str>,
    pub(crate) route: Route,
}

/// A record that waits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) bytes: Box<[u8]>,
    /// What it is called on disk, if it is there.
    pub(crate) mark: Option<Mark>,
}

/// Serialised records for one destination, oldest first.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) to: Destination,
    pub(crate) records: VecDeque<Waiting>,
}

impl Part {
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// All records, one behind the other.
    pub(crate) fn sequence(&self) -> Vec<u8> {
        let bytes = self.records.iter().map(|record| record.bytes.len());
        let mut sequence = Vec::with_capacity(bytes.sum());
        for record in &self.records {
            sequence.extend_from_slice(&record.bytes);
        }
        sequence
    }

    /// The older and the newer half.
    pub(crate) fn halves(mut self) -> (Self, Self) {
        let newer = self.records.split_off(self.records.len() / 2);
        let to = self.to.clone();
        (self, Self { to, records: newer })
    }

    /// What its records count for.
    pub(crate) fn cost(&self) -> usize {
        self.records.iter().map(|record| cost(&record.bytes)).sum()
    }
}

/// What a record counts for: its bytes and the memory around them.
pub(crate) fn cost(record: &[u8]) -> usize {
    record.len() + 32
}

/// Records in the order in which they are to be sent.
///
/// ```text
///   front                                              back
///   [events of p1 ......] [events of p2 .....] [items of p1 ...]
/// ```
///
/// Without an order to keep, each destination has one lane, and events come before all else.
/// With one, a record that goes elsewhere than the one before it begins a new lane, so that all
/// of them go out as they came.
#[derive(Debug)]
pub(crate) struct Queue {
    lanes: VecDeque<Part>,
    in_order: bool,
    records: usize,
    bytes: usize,
}

impl Queue {
    pub(crate) fn new(in_order: bool) -> Self {
        Self {
            lanes: VecDeque::new(),
            in_order,
            records: 0,
            bytes: 0,
        }
    }

    /// Adds a record, and tells how many wait beside it, itself included.
    pub(crate) fn push(&mut self, to: &Destination, record: Waiting) -> usize {
        self.records += 1;
        self.bytes += cost(&record.bytes);
        let lane = if self.in_order {
            let last = self.lanes.back().filter(|lane| lane.to == *to);
            last.map(|_| self.lanes.len() - 1)
        } else {
            self.lane_of(to)
        };
        let lane = lane.unwrap_or_else(|| {
            let place = if self.in_order {
                self.lanes.len()
            } else {
                self.place_for(to, false)
            };
            let records = VecDeque::new();
            let to = to.clone();
            self.lanes.insert(place, Part { to, records });
            place
        });
        self.lanes[lane].records.push_back(record);
        self.lanes[lane].len()
    }

    /// What waits, as it is to be sent.
    pub(crate) fn plan(&self) -> Vec<(Destination, usize)> {
        let lanes = self.lanes.iter();
        lanes.map(|lane| (lane.to.clone(), lane.len())).collect()
    }

    /// Takes the oldest records for a destination, at most `most`. Where there is an order to
    /// keep, none unless they are the next.
    pub(crate) fn take(&mut self, to: &Destination, most: usize) -> Option<Part> {
        let lane = self.lane_of(to)?;
        if self.in_order && lane != 0 {
            return None;
        }
        self.take_lane(lane, most)
    }

    fn take_lane(&mut self, place: usize, most: usize) -> Option<Part> {
        let lane = self.lanes.get_mut(place)?;
        let part = if lane.len() <= most {
            self.lanes.remove(place)?
        } else {
            let rest = lane.records.split_off(most);
            let records = std::mem::replace(&mut lane.records, rest);
            let to = lane.to.clone();
            Part { to, records }
        };
        self.records -= part.len();
        self.bytes -= part.cost();
        Some(part)
    }

    /// Takes back what was taken last.
    pub(crate) fn put_back(&mut self, part: Part) {
        self.records += part.len();
        self.bytes += part.cost();
        let lane = self
            .lane_of(&part.to)
            .filter(|lane| !self.in_order || *lane == 0);
        match lane {
            Some(lane) => {
                for record in part.records.into_iter().rev() {
                    self.lanes[lane].records.push_front(record);
                }
            }
            None => {
                let place = if self.in_order {
                    0
                } else {
                    self.place_for(&part.to, true)
                };
                self.lanes.insert(place, part);
            }
        }
    }

    fn lane_of(&self, to: &Destination) -> Option<usize> {
        self.lanes.iter().position(|lane| lane.to == *to)
    }

    /// Where a new lane goes: events before all else, and first or last among their like.
    fn place_for(&self, to: &Destination, first: bool) -> usize {
        let is_event = to.route == Route::Events;
        match (is_event, first) {
            (true, true) => 0,
            (false, false) => self.lanes.len(),
            (true, false) | (false, true) => {
                let others = self.lanes.iter();
                let mut others = others.map(|lane| lane.to.route != Route::Events);
                others.position(|other| other).unwrap_or(self.lanes.len())
            }
        }
    }

    /// Removes the oldest record of the first lane.
    pub(crate) fn drop_oldest(&mut self) -> bool {
        self.take_lane(0, 1).is_some()
    }

    /// Removes all records, and tells how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        let records = self.records;
        *self = Self::new(self.in_order);
        records
    }

    /// How many records wait.
    pub(crate) fn len(&self) -> usize {
        self.records
    }

    /// What they count for.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(text: &str) -> Waiting {
        Waiting {
            bytes: text.as_bytes().into(),
            mark: None,
        }
    }

    fn to(product: &str, route: Route) -> Destination {
        Destination {
            product_id: product.into(),
            route,
        }
    }

    /// Pushes records `product:kind:text` and takes all of them again.
    fn sent(in_order: bool, most: usize, records: &[&str]) -> Vec<String> {
        let mut queue = Queue::new(in_order);
        for record in records {
            let mut parts = record.split(':');
            let product = parts.next().unwrap();
            let route = match parts.next().unwrap() {
                "e" => Route::Events,
                _ => Route::Items,
            };
            queue.push(&to(product, route), waiting(parts.next().unwrap()));
        }
        assert_eq!(queue.len(), records.len());
        let mut sent = Vec::new();
        for (to, len) in queue.plan() {
            let mut left = len;
            while let Some(part) = queue.take(&to, most.min(left)).filter(|_| left > 0) {
                left -= part.len();
                sent.push(String::from_utf8(part.sequence()).unwrap());
            }
        }
        assert_eq!((queue.len(), queue.bytes()), (0, 0));
        sent
    }

    #[test]
    fn one_request_goes_to_one_destination_and_events_go_first() {
        let records = ["p:i:b", "p:e:a", "q:i:x", "q:e:c", "p:e:d"];
        assert_eq!(sent(false, 9, &records), ["ad", "c", "b", "x"]);
    }

    #[test]
    fn records_keep_their_order_on_request() {
        let records = ["p:e:a", "p:e:b", "p:i:c", "p:e:d"];
        assert_eq!(sent(true, 9, &records), ["ab", "c", "d"]);
    }

    #[test]
    fn a_request_has_no_more_than_it_may() {
        assert_eq!(sent(false, 2, &["p:e:a", "p:e:b", "p:e:c"]), ["ab", "c"]);
    }

    #[test]
    fn what_is_put_back_is_taken_first_again() {
        for in_order in [false, true] {
            let mut queue = Queue::new(in_order);
            let events = to("p", Route::Events);
            let items = to("p", Route::Items);
            for record in ["a", "b", "c"] {
                queue.push(&events, waiting(record));
            }
            let first = queue.take(&events, 2).unwrap();
            queue.push(&events, waiting("d"));
            queue.put_back(first);
            queue.push(&items, waiting("x"));
            assert_eq!(queue.plan(), [(events.clone(), 4), (items.clone(), 1)]);
            let lane = queue.take(&events, 9).unwrap();
            assert_eq!(lane.sequence(), b"abcd");
            queue.push(&events, waiting("e"));
            queue.put_back(lane);
            // With an order to keep, the newest event comes after the item.
            let kept = [(events.clone(), 4), (items.clone(), 1), (events.clone(), 1)];
            let merged = [(events.clone(), 5), (items.clone(), 1)];
            let want: &[_] = if in_order { &kept } else { &merged };
            assert_eq!(queue.plan(), want);
            assert!(queue.drop_oldest());
            assert_eq!(queue.clear(), 5);
            assert!(!queue.drop_oldest());
        }
    }

    #[test]
    fn nothing_overtakes_where_an_order_is_kept() {
        let mut queue = Queue::new(true);
        queue.push(&to("p", Route::Items), waiting("x"));
        queue.push(&to("p", Route::Events), waiting("a"));
        assert_eq!(queue.take(&to("p", Route::Events), 9), None);
    }

    #[test]
    fn halves_keep_all_records_in_order() {
        let mut queue = Queue::new(false);
        for record in ["a", "b", "c"] {
            queue.push(&to("p", Route::Events), waiting(record));
        }
        let (older, newer) = queue.take(&to("p", Route::Events), 9).unwrap().halves();
        assert_eq!(older.sequence(), b"a");
        assert_eq!(newer.sequence(), b"bc");
    }
}
