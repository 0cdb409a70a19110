//! So much per second of the server's clock.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Target;

/// What each has a quota of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuotaPer {
    /// Every shard of every logstore.
    Shard,
    /// Every logstore.
    Logstore,
    /// Every project.
    Project,
}

/// How many names are told apart in one second; requests about more of them are refused.
const MAX_KEYS: usize = 10_000;

/// What a quota is counted for.
type Key = (String, String, u32);

/// What was used in the current second.
#[derive(Debug, Default)]
pub(super) struct Window {
    second: u64,
    used: HashMap<Key, Used>,
}

#[derive(Debug, Default)]
struct Used {
    requests: u64,
    bytes: u64,
}

impl QuotaPer {
    fn key(self, target: Target<'_>) -> Key {
        let project = target.project.unwrap_or_default().to_owned();
        let logstore = target.logstore.unwrap_or_default().to_owned();
        match self {
            Self::Shard => (project, logstore, target.shard.unwrap_or_default()),
            Self::Logstore => (project, logstore, 0),
            Self::Project => (project, String::new(), 0),
        }
    }

    /// Status and code of the refusal.
    pub(super) fn refusal(self, target: Target<'_>) -> (u16, &'static str) {
        if target.family.is_some() {
            return (429, "TooManyRequests");
        }
        let writes = matches!(target.operation, "PutLogs" | "PutWebtracking");
        let code = match (self, writes) {
            (Self::Shard, true) => "ShardWriteQuotaExceed",
            (Self::Shard, false) => "ShardReadQuotaExceed",
            (_, true) => "WriteQuotaExceed",
            (_, false) => "ReadQuotaExceed",
        };
        (403, code)
    }
}

impl Window {
    /// Counts bytes of something that was admitted.
    pub(super) fn spend(&mut self, per: QuotaPer, target: Target<'_>, second: u64) {
        if self.second != second {
            return;
        }
        if let Some(used) = self.used.get_mut(&per.key(target)) {
            used.bytes = used.bytes.saturating_add(target.bytes as u64);
        }
    }

    /// Whether a request is within the quota; it is counted then.
    pub(super) fn admit(
        &mut self,
        per: QuotaPer,
        (requests, bytes): (Option<u64>, Option<u64>),
        target: Target<'_>,
        second: u64,
    ) -> bool {
        if self.second != second {
            self.used.clear();
            self.second = second;
        }
        let key = per.key(target);
        if self.used.len() >= MAX_KEYS && !self.used.contains_key(&key) {
            return false;
        }
        let used = self.used.entry(key).or_default();
        let after = used.bytes.saturating_add(target.bytes as u64);
        let over = requests.is_some_and(|most| used.requests >= most)
            || bytes.is_some_and(|most| used.requests > 0 && after > most);
        if !over {
            used.requests += 1;
            used.bytes = after;
        }
        !over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(project: &'static str, shard: u32, bytes: usize) -> Target<'static> {
        Target {
            operation: "PutLogs",
            family: None,
            project: Some(project),
            logstore: Some("l"),
            shard: Some(shard),
            bytes,
        }
    }

    #[test]
    fn each_has_its_own_quota_and_every_second_a_new_one() {
        let mut window = Window::default();
        let mut admit = |shard, second| {
            window.admit(QuotaPer::Shard, (Some(2), None), put("p", shard, 0), second)
        };
        assert!(admit(0, 7) && admit(0, 7) && !admit(0, 7));
        assert!(admit(1, 7));
        assert!(admit(0, 8));
        let mut window = Window::default();
        let mut admit = |project, shard| {
            window.admit(
                QuotaPer::Project,
                (Some(1), None),
                put(project, shard, 0),
                7,
            )
        };
        assert!(admit("p", 0) && !admit("p", 1) && admit("q", 0));
    }

    #[test]
    fn bytes_are_counted_and_the_first_request_always_fits() {
        let mut window = Window::default();
        let mut admit = |bytes, second| {
            window.admit(
                QuotaPer::Shard,
                (None, Some(100)),
                put("p", 0, bytes),
                second,
            )
        };
        assert!(admit(1000, 1) && !admit(1, 1));
        assert!(admit(60, 2) && !admit(60, 2) && admit(40, 2) && !admit(1, 2));
    }

    #[test]
    fn the_code_tells_writing_from_reading_and_shards_from_the_rest() {
        let pull = Target {
            operation: "PullLogs",
            ..put("p", 0, 0)
        };
        assert_eq!(QuotaPer::Shard.refusal(pull), (403, "ShardReadQuotaExceed"));
        assert_eq!(QuotaPer::Project.refusal(pull), (403, "ReadQuotaExceed"));
        let put = put("p", 0, 0);
        assert_eq!(QuotaPer::Shard.refusal(put), (403, "ShardWriteQuotaExceed"));
        assert_eq!(QuotaPer::Logstore.refusal(put), (403, "WriteQuotaExceed"));
    }
}
