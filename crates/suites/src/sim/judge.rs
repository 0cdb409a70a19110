use std::collections::{BTreeMap, BTreeSet};

use sls_core::model::ShardId;

/// A worker process; one that is started again is another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WorkerId(pub(super) u32);

/// One hand-over of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token(u64);

/// Positions of a batch: from the first to behind the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
}

#[derive(Debug)]
struct Case {
    /// Everything before it was processed by somebody.
    done_to: u64,
    /// The last checkpoint, by the service.
    saved: Option<u64>,
    parents: Vec<ShardId>,
    /// Behind the last group, once the shard is closed.
    end: Option<u64>,
    hand: Option<(WorkerId, Token)>,
}

/// Sees what workers do, and says what they must not.
#[derive(Debug, Default)]
pub(super) struct Judge {
    in_order: bool,
    shards: BTreeMap<ShardId, Case>,
    frozen: BTreeSet<WorkerId>,
    /// What is left of them may be polled once more before it is gone.
    dead: BTreeSet<WorkerId>,
    tokens: u64,
    written: u64,
    pending: BTreeSet<u32>,
    repeated: u64,
    pub(super) violations: Vec<String>,
}

impl Judge {
    pub(super) fn new(in_order: bool) -> Self {
        Self {
            in_order,
            ..Self::default()
        }
    }

    pub(super) fn opened(&mut self, shard: ShardId, begin: u64, parents: Vec<ShardId>) {
        let case = Case {
            done_to: begin,
            saved: None,
            parents,
            end: None,
            hand: None,
        };
        self.shards.insert(shard, case);
    }

    pub(super) fn closed(&mut self, shard: ShardId, end: u64) {
        if let Some(case) = self.shards.get_mut(&shard) {
            case.end = Some(end);
        }
    }

    pub(super) fn wrote(&mut self, number: u32) {
        self.written += 1;
        self.pending.insert(number);
    }

    pub(super) fn freeze(&mut self, worker: WorkerId, is_frozen: bool) {
        if is_frozen {
            self.frozen.insert(worker);
        } else {
            self.frozen.remove(&worker);
        }
    }

    /// Its tasks are gone, and what they had in hand with them.
    pub(super) fn died(&mut self, worker: WorkerId) {
        self.frozen.remove(&worker);
        self.dead.insert(worker);
        for case in self.shards.values_mut() {
            if case.hand.is_some_and(|(who, _)| who == worker) {
                case.hand = None;
            }
        }
    }

    /// A batch is handed over.
    pub(super) fn begin(&mut self, worker: WorkerId, shard: ShardId, span: Span) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        if self.dead.contains(&worker) {
            return token;
        }
        let mut found = Vec::new();
        if self.in_order {
            let parents = self.shards.get(&shard).map(|case| case.parents.clone());
            for parent in parents.unwrap_or_default() {
                if self
                    .shards
                    .get(&parent)
                    .is_some_and(|case| case.end != Some(case.done_to))
                {
                    found.push(format!(
                        "{shard} is read before its parent {parent} is done"
                    ));
                }
            }
        }
        if let Some(case) = self.shards.get_mut(&shard) {
            if span.from > case.done_to {
                let skipped = span.from - case.done_to;
                found.push(format!(
                    "shard {shard}: {skipped} groups are skipped by {worker:?}"
                ));
            }
            match case.hand {
                Some((other, _)) if other == worker => {
                    found.push(format!(
                        "shard {shard}: two batches in the hands of {worker:?}"
                    ));
                }
                Some((other, _)) if !self.frozen.contains(&other) => {
                    found.push(format!(
                        "shard {shard}: in the hands of {other:?} and {worker:?}"
                    ));
                }
                _ => {}
            }
            case.hand = Some((worker, token));
        }
        self.violations.append(&mut found);
        token
    }

    /// The batch is being worked on.
    pub(super) fn touch(&mut self, worker: WorkerId, shard: ShardId, token: Token) {
        let hand = self.shards.get(&shard).and_then(|case| case.hand);
        if hand != Some((worker, token)) && !self.dead.contains(&worker) {
            self.violations.push(format!(
                "shard {shard}: worked on by {worker:?} after {hand:?} had it"
            ));
        }
    }

    /// The batch is processed.
    pub(super) fn done(&mut self, shard: ShardId, span: Span, numbers: &[u32]) {
        for number in numbers {
            if !self.pending.remove(number) {
                self.repeated += 1;
            }
        }
        if let Some(case) = self.shards.get_mut(&shard) {
            if span.from <= case.done_to {
                case.done_to = case.done_to.max(span.to);
            }
        }
    }

    /// The processor has it no more.
    pub(super) fn left(&mut self, worker: WorkerId, shard: ShardId, token: Token) {
        if let Some(case) = self.shards.get_mut(&shard) {
            if case.hand == Some((worker, token)) {
                case.hand = None;
            }
        }
    }

    /// The service has saved a checkpoint.
    pub(super) fn saved(&mut self, worker: WorkerId, shard: ShardId, position: u64) {
        let Some(case) = self.shards.get_mut(&shard) else {
            return;
        };
        if position > case.done_to {
            self.violations.push(format!(
                "shard {shard}: {worker:?} saved {} groups that nobody processed",
                position - case.done_to
            ));
        }
        if let Some(before) = case.saved.filter(|before| position < *before) {
            self.violations.push(format!(
                "shard {shard}: {worker:?} moved the checkpoint back by {}",
                before - position
            ));
        }
        case.saved = Some(position);
    }

    pub(super) fn is_all_done(&self) -> bool {
        self.pending.is_empty()
    }

    /// Logs that were written, and those that were processed more than once.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.written, self.repeated)
    }

    /// What was written and never processed.
    pub(super) fn missing(&self) -> usize {
        self.pending.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: WorkerId = WorkerId(1);
    const B: WorkerId = WorkerId(2);
    const S: ShardId = ShardId(0);

    fn span(from: u64, to: u64) -> Span {
        Span { from, to }
    }

    fn judge() -> Judge {
        let mut judge = Judge::new(false);
        judge.opened(S, 10, Vec::new());
        judge
    }

    #[track_caller]
    fn check(judge: &Judge, want: &[&str]) {
        let found: Vec<_> = judge.violations.iter().map(String::as_str).collect();
        assert_eq!(found, want);
    }

    #[test]
    fn two_hands_on_one_shard_are_noticed() {
        let mut judge = judge();
        judge.begin(A, S, span(10, 11));
        judge.begin(B, S, span(10, 11));
        check(
            &judge,
            &["shard 0: in the hands of WorkerId(1) and WorkerId(2)"],
        );
    }

    #[test]
    fn a_frozen_worker_may_be_followed_but_not_go_on() {
        let mut judge = judge();
        let token = judge.begin(A, S, span(10, 11));
        judge.freeze(A, true);
        let other = judge.begin(B, S, span(10, 11));
        judge.left(B, S, other);
        check(&judge, &[]);
        judge.freeze(A, false);
        judge.touch(A, S, token);
        check(
            &judge,
            &["shard 0: worked on by WorkerId(1) after None had it"],
        );
    }

    #[test]
    fn gaps_and_checkpoints_that_move_wrongly_are_noticed() {
        let mut judge = judge();
        judge.saved(A, S, 11);
        judge.done(S, span(10, 12), &[]);
        judge.saved(A, S, 12);
        judge.saved(B, S, 11);
        judge.begin(A, S, span(13, 14));
        check(
            &judge,
            &[
                "shard 0: WorkerId(1) saved 1 groups that nobody processed",
                "shard 0: WorkerId(2) moved the checkpoint back by 1",
                "shard 0: 1 groups are skipped by WorkerId(1)",
            ],
        );
    }

    #[test]
    fn in_a_group_with_order_parents_come_first() {
        let mut judge = Judge::new(true);
        judge.opened(S, 10, Vec::new());
        judge.closed(S, 12);
        judge.opened(ShardId(1), 50, vec![S]);
        judge.done(S, span(10, 11), &[]);
        judge.begin(A, ShardId(1), span(50, 51));
        assert_eq!(judge.violations.len(), 1);
        judge.done(S, span(11, 12), &[]);
        judge.begin(A, ShardId(1), span(50, 51));
        assert_eq!(
            judge.violations.len(),
            2,
            "two batches in one hand, and no more about order"
        );
    }

    #[test]
    fn what_was_written_is_missing_until_it_is_processed() {
        let mut judge = judge();
        judge.wrote(1);
        judge.wrote(2);
        judge.done(S, span(10, 11), &[1]);
        judge.done(S, span(10, 11), &[1]);
        assert_eq!((judge.missing(), judge.counts()), (1, (2, 1)));
    }
}
