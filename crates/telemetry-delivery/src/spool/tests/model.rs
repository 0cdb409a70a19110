use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::time::Instant;

use proptest::prelude::*;

use super::super::disk::memory::Fault;
use super::super::{DamageKind, Fsync};
use super::*;

#[derive(Debug, Clone)]
enum Op {
    Append(usize),
    Commit,
    Acknowledge(prop::sample::Index),
    Release(prop::sample::Index),
    Read,
    /// The process ends in order, and the next one starts.
    Close,
    /// It is killed once it has written so many bytes more.
    Kill(u64),
    /// Power is lost; the numbers decide what of the rest survives.
    LosePower(Vec<usize>),
    Fail(Fault),
}

fn op() -> impl Strategy<Value = Op> {
    let fault = prop_oneof![
        (0_usize..3000, Just(ErrorKind::StorageFull)).prop_map(|(n, kind)| Fault::Write(n, kind)),
        Just(Fault::Sync),
        Just(Fault::SyncFolder),
        Just(Fault::Create),
        Just(Fault::Remove),
    ];
    prop_oneof![
        12 => (8_usize..3000).prop_map(Op::Append),
        4 => Just(Op::Commit),
        6 => any::<prop::sample::Index>().prop_map(Op::Acknowledge),
        3 => any::<prop::sample::Index>().prop_map(Op::Release),
        6 => Just(Op::Read),
        1 => Just(Op::Close),
        2 => (0_u64..9000).prop_map(Op::Kill),
        1 => prop::collection::vec(0_usize..5000, 1..9).prop_map(Op::LosePower),
        2 => fault.prop_map(Op::Fail),
    ]
}

/// What the promises say about every record.
#[derive(Debug, Default)]
struct Model {
    /// Not done, and not in memory: must come, oldest first.
    pending: BTreeSet<u64>,
    /// May come: nobody was told that it is stored, or done.
    unknown: BTreeSet<u64>,
    /// In memory.
    held: BTreeMap<u64, EntryId>,
    /// What a loss of power spares.
    durable: BTreeSet<u64>,
    /// Appended since the last commit that succeeded.
    fresh: BTreeSet<u64>,
    /// Done, and once durable: may come again after a loss of power.
    done: BTreeSet<u64>,
    /// Came although they need not have. Their order is not promised: when the last folder was
    /// removed numbers begin anew, and power may bring it back.
    again: BTreeSet<u64>,
}

struct World {
    disk: MemoryDisk,
    spool: Option<Spool>,
    config: SpoolConfig,
    model: Model,
    next: u64,
    power_was_lost: bool,
}

impl World {
    fn new(fsync: Fsync) -> Self {
        let disk = MemoryDisk::new().process();
        let config = small().with_fsync(fsync);
        let spool = Some(open(&disk, config.clone()));
        Self {
            disk,
            spool,
            config,
            model: Model::default(),
            next: 0,
            power_was_lost: false,
        }
    }

    fn spool(&mut self) -> &mut Spool {
        self.spool.as_mut().unwrap()
    }

    fn perform(&mut self, op: Op, now: Instant) {
        match op {
            Op::Append(bytes) => {
                let number = self.next;
                self.next += 1;
                match append(self.spool(), number, bytes) {
                    Ok(id) => {
                        self.model.held.insert(number, id);
                        self.model.fresh.insert(number);
                    }
                    // Killed in the middle: it may be there or not. Otherwise it is not.
                    Err(_) if self.disk.is_dead() => {
                        self.model.unknown.insert(number);
                    }
                    Err(error) => assert!(
                        matches!(error, SpoolError::Full { .. } | SpoolError::Io { .. }),
                        "{error}"
                    ),
                }
            }
            Op::Commit => match self.spool().commit(now) {
                Ok(()) if self.config.fsync() == Fsync::EveryRecord => {
                    let mut fresh = std::mem::take(&mut self.model.fresh);
                    self.model.durable.append(&mut fresh);
                }
                Ok(()) => {}
                // Not durable, now and for ever.
                Err(_) => self.model.fresh.clear(),
            },
            Op::Acknowledge(index) => {
                let Some(number) = self.pick(&index) else {
                    return;
                };
                let id = self.model.held.remove(&number).unwrap();
                let result = self.spool().acknowledge(id);
                self.model.done.insert(number);
                if result.is_err() {
                    self.model.unknown.insert(number);
                }
            }
            Op::Release(index) => {
                let Some(number) = self.pick(&index) else {
                    return;
                };
                let id = self.model.held.remove(&number).unwrap();
                self.spool().release(id);
                self.model.pending.insert(number);
            }
            Op::Read => {
                self.read();
            }
            Op::Close => {
                self.disk.no_faults();
                let spool = self.spool.take().unwrap();
                let closed = spool.close();
                // A failure before that was not told yet is told now.
                assert!(
                    matches!(closed, Ok(()) | Err(SpoolError::NotDurable { .. }))
                        || self.disk.is_dead(),
                    "{closed:?}"
                );
                self.reopen();
            }
            Op::Kill(bytes) => self.disk.kill_after(bytes),
            Op::LosePower(choices) => {
                let mut choices = choices.into_iter().cycle();
                self.disk
                    .lose_power(|count| choices.next().unwrap_or(0) % count);
                self.power_was_lost = true;
                self.spool = None;
                let model = &mut self.model;
                let all = model.pending.iter().chain(model.held.keys()).copied();
                model.unknown.extend(all.chain(model.done.iter().copied()));
                model.pending = std::mem::take(&mut model.pending)
                    .into_iter()
                    .chain(model.held.keys().copied())
                    .filter(|number| model.durable.contains(number))
                    .collect();
                model.held.clear();
                self.reopen();
            }
            Op::Fail(fault) => self.disk.fail(fault),
        }
        if self.disk.is_dead() {
            self.reopen();
        }
    }

    fn pick(&self, index: &prop::sample::Index) -> Option<u64> {
        let held = &self.model.held;
        (!held.is_empty()).then(|| *held.keys().nth(index.index(held.len())).unwrap())
    }

    /// Starts the next process.
    fn reopen(&mut self) {
        self.disk.kill();
        self.spool = None;
        self.disk.no_faults();
        self.disk = self.disk.process();
        let model = &mut self.model;
        model
            .pending
            .extend(std::mem::take(&mut model.held).into_keys());
        model.fresh.clear();
        if self.config.fsync() != Fsync::System {
            // What was found has been made durable.
            model.durable.extend(model.pending.iter().copied());
        }
        self.spool = Some(open(&self.disk, self.config.clone()));
    }

    /// Reads one entry, and says whether there was any.
    fn read(&mut self) -> bool {
        loop {
            let next = self.spool().next_pending();
            if self.disk.is_dead() {
                // It may have been handed out, to a process that is no more.
                return false;
            }
            match next {
                None => {
                    assert!(
                        self.model.pending.is_empty(),
                        "lost: {:?}",
                        self.model.pending
                    );
                    // What might have come does not, in this process.
                    return false;
                }
                Some(Ok(entry)) => {
                    let number = number(&entry);
                    let model = &mut self.model;
                    assert!(
                        model.pending.contains(&number) || model.unknown.contains(&number),
                        "{number} was done, in memory or never stored"
                    );
                    if !model.pending.contains(&number) {
                        model.again.insert(number);
                    }
                    let mut older = model.pending.range(..number);
                    assert!(
                        model.again.contains(&number)
                            || older.all(|older| model.again.contains(older)),
                        "{number} comes before an older one"
                    );
                    model.pending.remove(&number);
                    model.unknown.remove(&number);
                    model.done.remove(&number);
                    model.held.insert(number, entry.id);
                    return true;
                }
                Some(Err(damage)) => assert!(
                    damage.kind == DamageKind::TornTail || self.power_was_lost,
                    "{damage}"
                ),
            }
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to have one"
)]
fn run(fsync: Fsync, ops: Vec<Op>) {
    let now = Instant::now();
    let mut world = World::new(fsync);
    for op in ops {
        world.perform(op, now);
    }
    // In the end all that is stored comes, and nothing is left behind.
    world.reopen();
    while world.read() {}
    world.disk.no_faults();
    for (_, id) in std::mem::take(&mut world.model.held) {
        world.spool().acknowledge(id).unwrap();
    }
    world.spool.take().unwrap().close().unwrap();
    assert!(world.disk.files().is_empty(), "{:?}", world.disk.files());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_promise_is_kept_when_every_record_is_synced(
        ops in prop::collection::vec(op(), 1..120)
    ) {
        run(Fsync::EveryRecord, ops);
    }

    #[test]
    fn every_promise_is_kept_when_the_system_decides(
        ops in prop::collection::vec(op(), 1..120)
    ) {
        run(Fsync::System, ops);
    }
}
