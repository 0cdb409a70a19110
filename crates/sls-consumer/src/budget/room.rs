//! Who has how much of the room, and who gets the next. Pure.
//!
//! ```text
//!   ask --> first   shards with nothing in hand, in the order in which they asked
//!      \              |                                             hand_over
//!       --> later   reading ahead: when nobody waits in the first,   moves it up
//!                   and no more than half of the room together
//! ```

use std::collections::{BTreeMap, BTreeSet};

/// One share, from the question to its return. Who asked earlier has the smaller one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ShareId(u64);

#[derive(Debug)]
struct Share {
    units: u64,
    is_ahead: bool,
    is_granted: bool,
}

/// The shares of one room.
#[derive(Debug)]
pub(super) struct Room {
    total: u64,
    /// By all that was granted. More than there is only while one share that is larger than the
    /// room has it for itself.
    taken: u64,
    /// The part of it that is read ahead.
    ahead: u64,
    asked: u64,
    shares: BTreeMap<ShareId, Share>,
    first: BTreeSet<ShareId>,
    later: BTreeSet<ShareId>,
}

impl Room {
    pub(super) fn new(total: u64) -> Self {
        Self {
            total,
            taken: 0,
            ahead: 0,
            asked: 0,
            shares: BTreeMap::new(),
            first: BTreeSet::new(),
            later: BTreeSet::new(),
        }
    }

    /// Asks for a share, at most all of the room; it is granted by [`next`](Self::next).
    pub(super) fn ask(&mut self, units: u64, is_ahead: bool) -> ShareId {
        self.asked += 1;
        let id = ShareId(self.asked);
        let units = units.min(self.total);
        let share = Share {
            units,
            is_ahead,
            is_granted: false,
        };
        self.shares.insert(id, share);
        let queue = if is_ahead {
            &mut self.later
        } else {
            &mut self.first
        };
        queue.insert(id);
        id
    }

    /// Grants the share that is next, when there is room for it.
    pub(super) fn next(&mut self) -> Option<ShareId> {
        let free = self.total.saturating_sub(self.taken);
        let id = match self.first.first() {
            // Smaller ones behind it wait too, or it might wait for ever.
            Some(id) => *id,
            None => {
                let fits = |id: &&ShareId| self.fits_ahead(self.units(**id));
                *self.later.iter().find(fits)?
            }
        };
        let share = self.shares.get_mut(&id)?;
        if share.units > free {
            return None;
        }
        share.is_granted = true;
        self.taken += share.units;
        if share.is_ahead {
            self.ahead += share.units;
        }
        self.first.remove(&id);
        self.later.remove(&id);
        Some(id)
    }

    /// Whether a shard with nothing in hand waits.
    pub(super) fn is_wanted(&self) -> bool {
        !self.first.is_empty()
    }

    /// A share is not for reading ahead any more: its batch is in hand, or the shard has nothing
    /// else in hand.
    pub(super) fn hand_over(&mut self, id: ShareId) {
        let Some(share) = self.shares.get_mut(&id).filter(|share| share.is_ahead) else {
            return;
        };
        share.is_ahead = false;
        if share.is_granted {
            self.ahead -= share.units;
        } else {
            self.later.remove(&id);
            self.first.insert(id);
        }
    }

    /// Says how much of a granted share is needed. `false` when there is no room for more, and
    /// then it stays as it was.
    pub(super) fn resize(&mut self, id: ShareId, units: u64) -> bool {
        let Some(share) = self.shares.get(&id).filter(|share| share.is_granted) else {
            return false;
        };
        let more = units.saturating_sub(share.units);
        let free = self.total.saturating_sub(self.taken);
        // What is larger than the room is held when it is alone, or it never would be.
        let is_alone = self.taken == share.units;
        let fits = match share.is_ahead {
            true => more <= free && !self.is_wanted() && self.fits_ahead(more),
            false => more <= free || is_alone,
        };
        if more > 0 && !fits {
            return false;
        }
        self.give_back(id);
        if let Some(share) = self.shares.get_mut(&id) {
            share.units = units;
            self.taken += units;
            if share.is_ahead {
                self.ahead += units;
            }
        }
        true
    }

    /// A share is returned, or nobody waits for it any more.
    pub(super) fn release(&mut self, id: ShareId) {
        self.give_back(id);
        self.shares.remove(&id);
        self.first.remove(&id);
        self.later.remove(&id);
    }

    fn give_back(&mut self, id: ShareId) {
        if let Some(share) = self.shares.get(&id).filter(|share| share.is_granted) {
            self.taken -= share.units;
            if share.is_ahead {
                self.ahead -= share.units;
            }
        }
    }

    fn units(&self, id: ShareId) -> u64 {
        self.shares.get(&id).map_or(0, |share| share.units)
    }

    fn fits_ahead(&self, more: u64) -> bool {
        self.ahead + more <= self.total.div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn granted(room: &mut Room) -> Vec<ShareId> {
        std::iter::from_fn(|| room.next()).collect()
    }

    #[test]
    fn who_asked_first_gets_it_first_also_when_less_would_fit() {
        let mut room = Room::new(100);
        let large = room.ask(90, false);
        assert_eq!(granted(&mut room), [large]);
        let [second, third] = [room.ask(20, false), room.ask(5, false)];
        assert_eq!(granted(&mut room), []);
        room.release(large);
        assert_eq!(granted(&mut room), [second, third]);
    }

    #[test]
    fn reading_ahead_waits_for_shards_with_nothing_in_hand_and_keeps_to_its_half() {
        let mut room = Room::new(100);
        let ahead = [room.ask(30, true), room.ask(30, true), room.ask(20, true)];
        assert_eq!(
            granted(&mut room),
            [ahead[0], ahead[2]],
            "what is too large does not hold up what is not"
        );
        let first = room.ask(60, false);
        room.release(ahead[2]);
        assert_eq!(granted(&mut room), [first]);
        let waiting = room.ask(40, false);
        room.release(ahead[0]);
        assert_eq!(granted(&mut room), [waiting]);
    }

    #[test]
    fn a_share_stays_one_of_what_is_read_ahead_until_it_is_handed_over() {
        let mut room = Room::new(100);
        let [one, two] = [room.ask(50, true), room.ask(50, true)];
        assert_eq!(granted(&mut room), [one]);
        assert!(room.resize(one, 40));
        assert_eq!(granted(&mut room), []);
        room.hand_over(one);
        assert_eq!(granted(&mut room), [two]);
    }

    #[test]
    fn a_shard_that_has_finished_what_it_had_no_longer_reads_ahead() {
        let mut room = Room::new(100);
        let large = room.ask(80, true);
        assert_eq!(granted(&mut room), [], "more than half is never read ahead");
        room.hand_over(large);
        assert_eq!(granted(&mut room), [large]);
    }

    #[test]
    fn an_answer_that_does_not_fit_is_not_held_unless_it_is_alone() {
        let mut room = Room::new(100);
        let [one, two] = [room.ask(50, false), room.ask(40, false)];
        granted(&mut room);
        assert!(!room.resize(two, 60));
        assert!(room.resize(two, 50));
        room.release(two);
        assert!(room.resize(one, 300));
        let next = room.ask(1, false);
        assert_eq!(granted(&mut room), []);
        room.release(one);
        assert_eq!(granted(&mut room), [next]);
    }

    #[test]
    fn what_nobody_waits_for_any_more_holds_nobody_up() {
        let mut room = Room::new(100);
        let all = room.ask(100, false);
        let [gone, next] = [room.ask(100, false), room.ask(10, false)];
        assert_eq!(granted(&mut room), [all]);
        assert!(room.is_wanted());
        room.release(gone);
        room.release(next);
        assert!(!room.is_wanted());
        room.release(all);
        assert_eq!(granted(&mut room), []);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Ask(u64, bool),
        Resize(usize, u64),
        HandOver(usize),
        Release(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..150u64, any::<bool>()).prop_map(|(units, ahead)| Step::Ask(units, ahead)),
            (0..20usize, 1..150u64).prop_map(|(nth, units)| Step::Resize(nth, units)),
            (0..20usize).prop_map(Step::HandOver),
            (0..20usize).prop_map(Step::Release),
        ]
    }

    proptest! {
        #[test]
        fn no_more_is_held_than_there_is_and_everybody_gets_a_turn(
            steps in proptest::collection::vec(step(), 1..200),
        ) {
            let mut room = Room::new(100);
            // What is held, by who waits and who does not.
            let mut held: BTreeMap<ShareId, Option<u64>> = BTreeMap::new();
            let nth = |held: &BTreeMap<ShareId, Option<u64>>, nth: usize| {
                held.keys().copied().nth(nth % held.len().max(1))
            };
            for step in steps {
                match step {
                    Step::Ask(units, is_ahead) => {
                        held.insert(room.ask(units, is_ahead), None);
                    }
                    Step::Resize(at, units) => {
                        if let Some(id) = nth(&held, at) {
                            if room.resize(id, units) {
                                held.insert(id, Some(units));
                            }
                        }
                    }
                    Step::HandOver(at) => {
                        if let Some(id) = nth(&held, at) {
                            room.hand_over(id);
                        }
                    }
                    Step::Release(at) => {
                        if let Some(id) = nth(&held, at) {
                            room.release(id);
                            held.remove(&id);
                        }
                    }
                }
                for id in granted(&mut room) {
                    held.insert(id, Some(room.units(id)));
                }
                let units: Vec<u64> = held.values().copied().flatten().collect();
                let sum: u64 = units.iter().sum();
                prop_assert_eq!(room.taken, sum);
                prop_assert!(sum <= 100 || units.len() == 1, "{:?}", units);
                prop_assert!(room.ahead <= 50, "{:?}", room);
            }
            // Everybody comes to an end: then whoever waits gets a turn.
            while let Some((id, _)) = held.iter().find(|(_, units)| units.is_some()) {
                let id = *id;
                room.release(id);
                held.remove(&id);
                for id in granted(&mut room) {
                    held.insert(id, Some(room.units(id)));
                }
            }
            // Only what is too large to be read ahead waits until its shard has nothing else.
            for id in held.keys().copied().collect::<Vec<_>>() {
                prop_assert!(room.units(id) > 50);
                room.hand_over(id);
                prop_assert_eq!(granted(&mut room), [id]);
                room.release(id);
            }
        }
    }
}
