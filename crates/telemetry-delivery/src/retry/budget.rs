use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Limits how much load retries may add while a service is failing.
///
/// A bucket of tokens: each retry takes some, each success gives some back, and an empty bucket
/// means that failures are passed on without another attempt.
/// Clones share the bucket, so one budget can serve every client of one service.
///
/// | event | tokens | default |
/// |---|---|---|
/// | at most, and at first | | 500 |
/// | a retry | taken | 5 |
/// | a retry after a timeout | taken | 10 |
/// | a success at the first attempt | given back | 1 |
/// | a success at a later attempt | given back | what its last retry took |
///
/// A success is any answer that was judged [`Done`](super::Verdict::Done), whatever its status:
/// a service that refuses politely is not failing.
///
/// The numbers are those of the AWS SDKs' standard mode: a hundred retries in a row and then
/// one per five successes.
#[derive(Clone)]
pub struct RetryBudget {
    // `None` never runs out.
    bucket: Option<Arc<Bucket>>,
}

struct Bucket {
    tokens: AtomicU32,
    rules: Rules,
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    capacity: u32,
    retry_cost: u32,
    timeout_cost: u32,
    success_credit: u32,
}

impl Default for RetryBudget {
    /// A full bucket of its own, with the numbers above.
    fn default() -> Self {
        Self::full(Rules {
            capacity: 500,
            retry_cost: 5,
            timeout_cost: 10,
            success_credit: 1,
        })
    }
}

impl RetryBudget {
    /// Never runs out.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { bucket: None }
    }

    /// A full bucket of its own that holds `capacity` tokens. Default: 500.
    ///
    /// Zero allows no retry at all, unless retries cost nothing. Without effect on
    /// [`unlimited`](Self::unlimited).
    #[must_use]
    pub fn with_capacity(self, capacity: u32) -> Self {
        self.with_rules(|rules| rules.capacity = capacity)
    }

    /// A full bucket of its own where a retry takes `tokens`. Default: 5.
    ///
    /// Without effect on [`unlimited`](Self::unlimited).
    #[must_use]
    pub fn with_retry_cost(self, tokens: u32) -> Self {
        self.with_rules(|rules| rules.retry_cost = tokens)
    }

    /// A full bucket of its own where a retry after a timeout takes `tokens`. Default: 10.
    ///
    /// Dearer than others, since waiting for nothing holds on to more than a quick refusal.
    /// Without effect on [`unlimited`](Self::unlimited).
    #[must_use]
    pub fn with_timeout_cost(self, tokens: u32) -> Self {
        self.with_rules(|rules| rules.timeout_cost = tokens)
    }

    /// A full bucket of its own where a success at the first attempt gives back `tokens`.
    /// Default: 1.
    ///
    /// Without effect on [`unlimited`](Self::unlimited).
    #[must_use]
    pub fn with_success_credit(self, tokens: u32) -> Self {
        self.with_rules(|rules| rules.success_credit = tokens)
    }

    /// How many tokens are left, `None` when there is no end to them.
    #[must_use]
    pub fn available(&self) -> Option<u32> {
        let bucket = self.bucket.as_deref()?;
        Some(bucket.tokens.load(Ordering::Relaxed))
    }

    /// Takes what a retry costs; says how much that was, or `None` when it is not there.
    pub(super) fn withdraw(&self, after_timeout: bool) -> Option<u32> {
        let Some(bucket) = self.bucket.as_deref() else {
            return Some(0);
        };
        let cost = if after_timeout {
            bucket.rules.timeout_cost
        } else {
            bucket.rules.retry_cost
        };
        bucket.change(|tokens| tokens.checked_sub(cost))?;
        Some(cost)
    }

    /// Gives back what a success earns, given what its last retry took.
    pub(super) fn deposit(&self, taken: Option<u32>) {
        if let Some(bucket) = self.bucket.as_deref() {
            let credit = taken.unwrap_or(bucket.rules.success_credit);
            let capacity = bucket.rules.capacity;
            bucket.change(|tokens| Some(tokens.saturating_add(credit).min(capacity)));
        }
    }

    fn full(rules: Rules) -> Self {
        Self {
            bucket: Some(Arc::new(Bucket {
                tokens: AtomicU32::new(rules.capacity),
                rules,
            })),
        }
    }

    fn with_rules(self, change: impl FnOnce(&mut Rules)) -> Self {
        let Some(bucket) = self.bucket else {
            return self;
        };
        let mut rules = bucket.rules;
        change(&mut rules);
        Self::full(rules)
    }
}

impl Bucket {
    /// Replaces the number of tokens unless `to` gives none.
    fn change(&self, to: impl Fn(u32) -> Option<u32>) -> Option<u32> {
        // Only the number itself is shared, so no ordering is needed.
        self.tokens
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, to)
            .ok()
    }
}

impl fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bucket.as_deref() {
            None => f.write_str("RetryBudget(unlimited)"),
            Some(bucket) => f
                .debug_struct("RetryBudget")
                .field("available", &bucket.tokens)
                .field("rules", &bucket.rules)
                .finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_bucket_gives_nothing_and_keeps_its_rest() {
        let budget = RetryBudget::default().with_capacity(14);
        assert_eq!(budget.withdraw(true), Some(10));
        assert_eq!(budget.withdraw(false), None);
        assert_eq!(budget.available(), Some(4));
    }

    #[test]
    fn a_success_gives_back_what_its_retry_took() {
        let budget = RetryBudget::default();
        let taken = budget.withdraw(true);
        budget.deposit(taken);
        assert_eq!(budget.available(), Some(500));
    }

    #[test]
    fn successes_refill_an_empty_bucket_one_by_one() {
        let budget = RetryBudget::default().with_capacity(5);
        assert_eq!(budget.withdraw(false), Some(5));
        for _ in 0..4 {
            budget.deposit(None);
        }
        assert_eq!(budget.withdraw(false), None);
        budget.deposit(None);
        assert_eq!(budget.withdraw(false), Some(5));
    }

    #[test]
    fn a_full_bucket_takes_no_more() {
        let budget = RetryBudget::default();
        budget.deposit(None);
        assert_eq!(budget.available(), Some(500));
    }

    #[test]
    fn clones_share_one_bucket_and_changed_copies_do_not() {
        let budget = RetryBudget::default();
        let (shared, own) = (budget.clone(), budget.clone().with_retry_cost(7));
        budget.withdraw(false);
        assert_eq!(shared.available(), Some(495));
        assert_eq!(own.available(), Some(500));
    }

    #[test]
    fn an_unlimited_budget_always_gives() {
        let budget = RetryBudget::unlimited().with_capacity(0);
        assert_eq!(budget.withdraw(true), Some(0));
        assert_eq!(budget.available(), None);
    }
}
