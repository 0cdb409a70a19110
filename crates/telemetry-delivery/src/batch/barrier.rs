//! What waits until nothing is left of what was there when it began to wait.
//!
//! A batch is held in memory or is on disk only. In memory it carries a stamp, which says for
//! which barriers it counts; on disk only the order is left, which is that of leaving memory, so a
//! barrier keeps the position of the last one it waits for.

use std::sync::Arc;

use super::signal::Latch;

#[derive(Debug, Default)]
pub(super) struct Barriers {
    /// Oldest first, so by growing `upto`.
    open: Vec<Barrier>,
    /// The last batch on disk that has left memory and not come back.
    last_out: Option<u64>,
    /// What is on disk only is not read any more.
    stays_out: bool,
    reached: Vec<Arc<Latch>>,
}

#[derive(Debug)]
struct Barrier {
    /// Batches with a lower stamp count.
    upto: u64,
    /// How many of them are in memory.
    here: usize,
    /// The last of them that is on disk only.
    out: Option<u64>,
    latch: Arc<Latch>,
}

impl Barriers {
    /// Set when the `here` batches in memory, which all have a stamp below `upto`, and those that
    /// are on disk only have come to an end.
    ///
    /// Each barrier has an `upto` of its own, higher than those before.
    pub(super) fn add(&mut self, upto: u64, here: usize) -> Arc<Latch> {
        // Those that nobody waits for any more, say after a flush that took too long.
        self.open
            .retain(|barrier| Arc::strong_count(&barrier.latch) > 1);
        let latch = Arc::new(Latch::default());
        let out = self.last_out.filter(|_| !self.stays_out);
        self.open.push(Barrier {
            upto,
            here,
            out,
            latch: Arc::clone(&latch),
        });
        self.look();
        latch
    }

    /// A batch has come to its end here, or became part of another one with a stamp that is no
    /// higher.
    pub(super) fn ended(&mut self, stamp: u64) {
        for barrier in self.of(stamp) {
            barrier.here -= 1;
        }
        self.look();
    }

    /// A batch has become two.
    pub(super) fn doubled(&mut self, stamp: u64) {
        for barrier in self.of(stamp) {
            barrier.here += 1;
        }
    }

    /// Those whose latches are to be set, not under a lock.
    pub(super) fn take_reached(&mut self) -> Vec<Arc<Latch>> {
        std::mem::take(&mut self.reached)
    }

    fn of(&mut self, stamp: u64) -> impl Iterator<Item = &mut Barrier> {
        self.open
            .iter_mut()
            .filter(move |barrier| stamp < barrier.upto)
    }

    fn look(&mut self) {
        let reached = &mut self.reached;
        self.open.retain(|barrier| {
            let open = barrier.here > 0 || barrier.out.is_some();
            if !open {
                reached.push(Arc::clone(&barrier.latch));
            }
            open
        });
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.open.len()
    }
}

/// What the disk is about.
#[cfg(any(test, feature = "spool"))]
impl Barriers {
    /// A batch is about to be on disk only, behind all that went there before.
    pub(super) fn goes_out(&mut self, stamp: u64, position: u64) {
        self.last_out = self.last_out.max(Some(position));
        if self.stays_out {
            return;
        }
        for barrier in self.of(stamp) {
            barrier.out = barrier.out.max(Some(position));
        }
    }

    /// A batch is in memory again; gives its stamp, which is `newest` when no barrier waits for
    /// it.
    ///
    /// They come back in the order in which they went; what was before it and has not come is
    /// damaged and will not.
    pub(super) fn comes_back(&mut self, position: u64, newest: u64) -> u64 {
        self.last_out = self.last_out.filter(|last| *last > position);
        let mut stamp = newest;
        for barrier in &mut self.open {
            let Some(out) = barrier.out else { continue };
            if out >= position {
                // All later ones wait for it as well.
                stamp = stamp.min(barrier.upto - 1);
                barrier.here += 1;
            }
            if out <= position {
                barrier.out = None;
            }
        }
        self.look();
        stamp
    }

    /// Everything that left memory has come back, or will not.
    pub(super) fn all_is_back(&mut self) {
        self.last_out = None;
        for barrier in &mut self.open {
            barrier.out = None;
        }
        self.look();
    }

    /// Nothing comes back from now on: what is on disk only is at its end here.
    pub(super) fn stays_out(&mut self) {
        self.stays_out = true;
        self.all_is_back();
    }
}

#[cfg(not(loom))]
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barrier_without_anything_before_it_is_reached_at_once() {
        let mut barriers = Barriers::default();
        let _latch = barriers.add(1, 0);
        assert_eq!(barriers.take_reached().len(), 1);
    }

    #[test]
    fn only_what_was_before_counts() {
        let mut barriers = Barriers::default();
        let first = barriers.add(2, 2);
        let second = barriers.add(4, 3);
        // Stamps 0 and 1 were before both, 3 before the second, 4 is later.
        barriers.ended(4);
        barriers.ended(0);
        assert!(barriers.take_reached().is_empty());
        barriers.ended(1);
        let reached = barriers.take_reached();
        assert!(reached.len() == 1 && Arc::ptr_eq(&reached[0], &first));
        barriers.ended(3);
        let reached = barriers.take_reached();
        assert!(reached.len() == 1 && Arc::ptr_eq(&reached[0], &second));
    }

    #[test]
    fn the_halves_of_a_batch_count_both() {
        let mut barriers = Barriers::default();
        let _latch = barriers.add(1, 1);
        barriers.doubled(0);
        barriers.ended(0);
        assert!(barriers.take_reached().is_empty());
        barriers.ended(0);
        assert_eq!(barriers.take_reached().len(), 1);
    }

    #[test]
    fn what_went_to_disk_counts_until_it_has_come_back_and_ended() {
        let mut barriers = Barriers::default();
        barriers.goes_out(0, 10);
        barriers.ended(0);
        let _first = barriers.add(2, 1);
        // One more that was before, and one that was not.
        barriers.goes_out(1, 11);
        barriers.ended(1);
        barriers.goes_out(2, 12);
        let _second = barriers.add(4, 0);
        assert!(barriers.take_reached().is_empty());

        let back: Vec<u64> = [10, 11, 12]
            .map(|position| barriers.comes_back(position, 9))
            .to_vec();
        assert_eq!(back, [1, 1, 3]);
        for (stamp, reached) in back.into_iter().zip([0, 1, 1]) {
            barriers.ended(stamp);
            assert_eq!(barriers.take_reached().len(), reached);
        }
        // What comes back later is nobody's.
        barriers.goes_out(5, 13);
        assert_eq!(barriers.comes_back(13, 9), 9);
    }

    #[test]
    fn what_is_damaged_on_disk_is_not_waited_for() {
        let mut barriers = Barriers::default();
        barriers.goes_out(0, 10);
        let _latch = barriers.add(1, 0);
        barriers.goes_out(1, 11);
        assert_eq!(barriers.comes_back(11, 9), 9);
        assert_eq!(barriers.take_reached().len(), 1, "10 was before 11");

        barriers.goes_out(2, 12);
        let _latch = barriers.add(3, 0);
        barriers.all_is_back();
        assert_eq!(barriers.take_reached().len(), 1);
    }

    #[test]
    fn once_nothing_comes_back_the_disk_is_an_end() {
        let mut barriers = Barriers::default();
        barriers.goes_out(0, 10);
        let _early = barriers.add(1, 0);
        barriers.stays_out();
        assert_eq!(barriers.take_reached().len(), 1);
        let _late = barriers.add(2, 1);
        barriers.goes_out(1, 11);
        barriers.ended(1);
        assert_eq!(barriers.take_reached().len(), 1);
    }
}
