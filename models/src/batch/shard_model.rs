//! Callers, the worker and who closes, around one buffer.

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

use super::budget::Budget;
use super::chunk::Pool;
use super::rest::Rest;
use super::seal::Limits;
use super::shard::{Append, Shard, Surroundings, Taken};

/// What the engine has around a buffer.
struct World {
    shard: Shard,
    budget: Budget,
    pool: Pool,
    limits: Limits,
    sealed: Mutex<Vec<Taken>>,
    rest: Rest,
    /// Set when the worker is woken.
    notified: AtomicBool,
}

impl World {
    fn new(items_per_batch: usize, items_in_memory: usize) -> Arc<Self> {
        Arc::new(Self {
            shard: Shard::new(true),
            budget: Budget::new(1 << 20, Some(items_in_memory)),
            pool: Pool::new(1, 1 << 16),
            limits: Limits {
                bytes: 1 << 16,
                items: items_per_batch,
            },
            sealed: Mutex::new(Vec::new()),
            rest: Rest::new(),
            notified: AtomicBool::new(false),
        })
    }

    fn around(&self) -> Surroundings<'_> {
        Surroundings {
            limits: self.limits,
            budget: &self.budget,
            pool: &self.pool,
        }
    }

    fn seal(&self, taken: Taken) {
        self.sealed.lock().unwrap().push(taken);
    }

    /// As the engine appends.
    fn append(&self, item: u8) -> Append<()> {
        let appended = self
            .shard
            .append(&[item], self.around(), |taken| self.seal(taken));
        if matches!(appended, Append::Done(_)) && self.rest.is_on() {
            self.rest.end();
            self.notified.store(true, Ordering::SeqCst);
        }
        appended
    }

    /// As the engine sweeps.
    fn sweep(&self, close: bool) {
        if let Some(taken) = self.shard.take(self.around(), close) {
            self.seal(taken);
        }
    }

    /// The items that left the buffer, in that order; their room is given back.
    fn sealed(&self) -> Vec<u8> {
        let mut items = Vec::new();
        for taken in self.sealed.lock().unwrap().drain(..) {
            items.extend_from_slice(&taken.chunk.bytes);
            self.budget.give(super::budget::Grant {
                bytes: taken.chunk.cost(),
                items: taken.chunk.count(),
            });
        }
        items
    }
}

/// Two callers of two items each and a sweep, batches of two; 3 preemptions.
#[test]
fn nothing_is_lost_doubled_or_out_of_order() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let world = World::new(2, 100);
        let callers: Vec<_> = [10, 20]
            .into_iter()
            .map(|from| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    for item in [from, from + 1] {
                        assert!(matches!(world.append(item), Append::Done(_)));
                    }
                })
            })
            .collect();
        world.sweep(false);
        for caller in callers {
            caller.join().unwrap();
        }
        world.sweep(false);
        let items = world.sealed();
        let of = |from: u8| items.iter().copied().filter(move |it| it / 10 == from / 10);
        assert_eq!(items.len(), 4);
        assert!(of(10).eq([10, 11]) && of(20).eq([20, 21]), "{items:?}");
        assert_eq!(world.budget.used_bytes(), 0);
    });
}

/// Two callers of one item each, one that closes.
#[test]
fn after_closing_every_item_is_either_sealed_or_was_refused() {
    loom::model(|| {
        let world = World::new(2, 100);
        let callers: Vec<_> = (0..2)
            .map(|item| {
                let world = Arc::clone(&world);
                thread::spawn(move || match world.append(item) {
                    Append::Done(_) => 1,
                    Append::Closed => 0,
                    Append::Full => panic!("there is room"),
                })
            })
            .collect();
        world.sweep(true);
        let taken_in: usize = callers.into_iter().map(|it| it.join().unwrap()).sum();
        // Nobody sweeps again.
        assert_eq!(world.sealed().len(), taken_in);
        assert_eq!(world.budget.used_bytes(), 0);
        assert!(matches!(world.append(9), Append::Closed));
    });
}

/// Two callers of one item each, room for one.
#[test]
fn what_finds_no_room_leaves_no_trace() {
    loom::model(|| {
        let world = World::new(10, 1);
        let callers: Vec<_> = (0..2)
            .map(|item| {
                let world = Arc::clone(&world);
                thread::spawn(move || usize::from(matches!(world.append(item), Append::Done(_))))
            })
            .collect();
        let taken_in: usize = callers.into_iter().map(|it| it.join().unwrap()).sum();
        assert_eq!(taken_in, 1);
        world.sweep(false);
        assert_eq!(world.sealed().len(), 1);
        assert_eq!(world.budget.used_bytes(), 0);
    });
}

/// A caller of one item, and the worker on its way to rest.
#[test]
fn an_item_is_never_left_with_a_worker_that_rests_and_is_not_woken() {
    loom::model(|| {
        let world = World::new(10, 100);
        world.rest.end();
        let caller = {
            let world = Arc::clone(&world);
            thread::spawn(move || assert!(matches!(world.append(1), Append::Done(_))))
        };
        let rests = world.rest.begin(|| world.shard.count() > 0);
        caller.join().unwrap();
        let woken = world.notified.load(Ordering::SeqCst);
        assert!(!rests || woken, "the item waits for ever");
    });
}
