//! Two threads and one budget.

use std::sync::Arc as StdArc;
use std::task::{Wake, Waker};

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::budget::{Budget, Grant};

const ONE: Grant = Grant { bytes: 1, items: 1 };

/// Takes room for one item.
fn take(budget: &Budget) -> Option<Grant> {
    let mut grant = Grant::default();
    budget.extend(&mut grant, ONE).then_some(grant)
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: StdArc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Two threads, two items of room, each takes and gives twice; 2 preemptions.
#[test]
fn the_limit_holds_and_all_room_comes_back() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let budget = Arc::new(Budget::new(2, Some(2)));
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || {
                    for _ in 0..2 {
                        // There is room for both.
                        let grant = take(&budget).unwrap();
                        assert!(budget.used_bytes() <= 2);
                        budget.give(grant);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(budget.used_bytes(), 0);
    });
}

/// Two threads, room for one item: one gives it back while the other begins to wait for it.
#[test]
fn who_waits_for_room_finds_it_or_is_woken() {
    loom::model(|| {
        let budget = Arc::new(Budget::new(1, Some(1)));
        let held = take(&budget).unwrap();
        let giver = {
            let budget = Arc::clone(&budget);
            thread::spawn(move || budget.give(held))
        };
        let flag = StdArc::new(Flag(AtomicBool::new(false)));
        let wait = budget.wait(&Waker::from(StdArc::clone(&flag)));
        let found = take(&budget);
        giver.join().unwrap();
        let woken = flag.0.load(Ordering::SeqCst);
        assert!(found.is_some() || woken, "waits for ever");
        budget.waited(&wait);
    });
}

/// Two threads wait for the room of a third; 3 preemptions.
#[test]
fn of_several_that_wait_none_is_forgotten() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let budget = Arc::new(Budget::new(1, Some(1)));
        let held = take(&budget).unwrap();
        let waiters: Vec<_> = (0..2)
            .map(|_| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || {
                    let flag = StdArc::new(Flag(AtomicBool::new(false)));
                    let wait = budget.wait(&Waker::from(StdArc::clone(&flag)));
                    let found = take(&budget);
                    // Who finds none goes on waiting.
                    if let Some(grant) = found {
                        budget.give(grant);
                        budget.waited(&wait);
                    }
                    (found.is_some(), flag)
                })
            })
            .collect();
        budget.give(held);
        // All of them first: one may have the other woken.
        let waiters: Vec<_> = waiters.into_iter().map(|it| it.join().unwrap()).collect();
        for (found, flag) in waiters {
            assert!(found || flag.0.load(Ordering::SeqCst), "waits for ever");
        }
    });
}
