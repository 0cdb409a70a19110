//! What a log group must be like to be stored.

use std::time::{Duration, SystemTime};

use sls_core::model::TextRef;
use sls_core::wire::{GroupView, LogView};

use super::unix_seconds;
use crate::refusal::Refusal;

/// Keys that name parts of a log other than its contents.
const RESERVED_KEYS: [&str; 6] = [
    "__time__",
    "__source__",
    "__topic__",
    "__partition_time__",
    "_extract_others_",
    "__extract_others__",
];
/// Longest key, topic and source, in bytes, as the manual has it.
const MAX_LABEL: usize = 128;
/// Longest value, in bytes, as the manual has it.
const MAX_VALUE: usize = 1 << 20;

/// The limits a log group is held to; all of it is stored or nothing.
#[derive(Debug, Clone)]
pub(crate) struct PutRules {
    /// The most bytes of one group, before compression.
    pub(crate) max_group_bytes: usize,
    /// How far a log's time may be from now, before and after, when that matters.
    pub(crate) log_time_window: Option<(Duration, Duration)>,
    /// Whether text must be UTF-8.
    pub(crate) utf8_only: bool,
}

impl Default for PutRules {
    /// 10 MiB as in the current manual, any time, any bytes.
    fn default() -> Self {
        Self {
            max_group_bytes: 10 << 20,
            log_time_window: None,
            utf8_only: false,
        }
    }
}

impl PutRules {
    /// Whether the protobuf message `LogGroup` in `raw` may be stored at `now`; how many logs
    /// it has.
    pub(crate) fn check(&self, raw: &[u8], now: SystemTime) -> Result<u64, Refusal> {
        if raw.len() > self.max_group_bytes {
            return Err(self.too_large(raw.len()));
        }
        let group = GroupView::parse(raw)
            .map_err(|cause| invalid(format!("body is not a protobuf LogGroup: {cause}")))?;
        for (name, label) in [("topic", group.topic()), ("source", group.source())] {
            let Some(label) = label else { continue };
            if label.as_bytes().len() > MAX_LABEL {
                return Err(invalid(format!("{name} is longer than {MAX_LABEL} bytes")));
            }
            self.check_text(name, label)?;
        }
        for (key, value) in group.tags() {
            self.check_text("tag", key)?;
            self.check_text("tag", value)?;
        }
        for log in group.logs() {
            self.check_log(&log, now)?;
        }
        Ok(group.log_count() as u64)
    }

    /// The refusal of a body of so many bytes.
    pub(crate) fn too_large(&self, bytes: usize) -> Refusal {
        Refusal::bad(
            "PostBodyTooLarge",
            format!(
                "body of {bytes} bytes before compression is over the limit of {}",
                self.max_group_bytes
            ),
        )
    }

    fn check_log(&self, log: &LogView<'_>, now: SystemTime) -> Result<(), Refusal> {
        self.check_time(log, now)?;
        for (key, value) in log.contents() {
            let bytes = key.as_bytes();
            if RESERVED_KEYS.iter().any(|name| name.as_bytes() == bytes) {
                let message = format!("key {key} is reserved");
                return Err(Refusal::bad("InvalidKey", message));
            }
            if bytes.len() > MAX_LABEL {
                let message = format!("a key is longer than {MAX_LABEL} bytes");
                return Err(Refusal::bad("InvalidKey", message));
            }
            if value.as_bytes().len() > MAX_VALUE {
                return Err(invalid(format!(
                    "the value of key {} is longer than {MAX_VALUE} bytes",
                    key.to_string_lossy()
                )));
            }
            self.check_text("key", key)?;
            self.check_text("value", value)?;
        }
        Ok(())
    }

    fn check_time(&self, log: &LogView<'_>, now: SystemTime) -> Result<(), Refusal> {
        if log.time_ns().is_some_and(|ns| ns > 999_999_999) {
            let message = "the part of a log's time below a second is a second or more";
            return Err(Refusal::bad("InvalidTimestamp", message));
        }
        let Some((before, after)) = self.log_time_window else {
            return Ok(());
        };
        let (time, now) = (u64::from(log.time()), unix_seconds(now));
        let earliest = now.saturating_sub(before.as_secs());
        let latest = now.saturating_add(after.as_secs());
        if (earliest..=latest).contains(&time) {
            return Ok(());
        }
        Err(Refusal::bad(
            "InvalidTimestamp",
            format!("log time {time} is out of range {earliest} to {latest}"),
        ))
    }

    fn check_text(&self, what: &str, text: TextRef<'_>) -> Result<(), Refusal> {
        if self.utf8_only && text.to_str().is_err() {
            let message = format!("a {what} is not encoded in UTF-8");
            return Err(Refusal::bad("InvalidEncoding", message));
        }
        Ok(())
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::bad("PostBodyInvalid", message)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use sls_core::wire::{EncodedGroup, GroupEncoder, GroupMeta};

    use super::*;

    const NOW: u32 = 1_700_000_000;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(u64::from(NOW))
    }

    fn group(time: u32, key: &str, value: &[u8]) -> EncodedGroup {
        let mut group = GroupEncoder::new();
        group.log(time).field(key, value);
        group.finish(&GroupMeta::default())
    }

    #[track_caller]
    fn check(rules: &PutRules, group: &EncodedGroup, want: Result<(), &str>) {
        let found = rules.check(group.as_bytes(), now()).map(|_| ());
        assert_eq!(
            found.as_ref().map_err(|refusal| refusal.code),
            want.as_ref().map(|()| &()).map_err(|code| *code)
        );
    }

    #[test]
    fn reserved_and_overlong_keys_are_refused() {
        let rules = PutRules::default();
        for key in RESERVED_KEYS {
            check(&rules, &group(NOW, key, b"x"), Err("InvalidKey"));
        }
        check(
            &rules,
            &group(NOW, &"k".repeat(129), b"x"),
            Err("InvalidKey"),
        );
        check(&rules, &group(NOW, &"k".repeat(128), b"x"), Ok(()));
    }

    #[test]
    fn an_overlong_value_topic_or_source_is_refused() {
        let rules = PutRules::default();
        check(&rules, &group(NOW, "k", &vec![b'x'; MAX_VALUE]), Ok(()));
        let value = vec![b'x'; MAX_VALUE + 1];
        check(&rules, &group(NOW, "k", &value), Err("PostBodyInvalid"));
        let label = "t".repeat(129);
        for meta in [
            GroupMeta::default().with_topic(label.as_str()),
            GroupMeta::default().with_source(label.as_str()),
        ] {
            check(
                &rules,
                &GroupEncoder::new().finish(&meta),
                Err("PostBodyInvalid"),
            );
        }
    }

    #[test]
    fn a_group_over_the_limit_is_refused_before_it_is_parsed() {
        let rules = PutRules {
            max_group_bytes: 10,
            ..PutRules::default()
        };
        let refusal = rules.check(&[0xff; 11], now()).unwrap_err();
        assert_eq!(refusal.code, "PostBodyTooLarge");
    }

    #[test]
    fn bytes_that_are_no_log_group_are_refused() {
        let refusal = PutRules::default().check(&[0x0a, 0x7f], now()).unwrap_err();
        assert_eq!(refusal.code, "PostBodyInvalid");
    }

    #[test]
    fn any_log_time_is_accepted_unless_a_window_is_set() {
        check(&PutRules::default(), &group(0, "k", b"v"), Ok(()));
        check(&PutRules::default(), &group(u32::MAX, "k", b"v"), Ok(()));
        let rules = PutRules {
            log_time_window: Some((Duration::from_secs(100), Duration::from_secs(10))),
            ..PutRules::default()
        };
        for (time, want) in [
            (NOW - 101, Err("InvalidTimestamp")),
            (NOW - 100, Ok(())),
            (NOW + 10, Ok(())),
            (NOW + 11, Err("InvalidTimestamp")),
        ] {
            check(&rules, &group(time, "k", b"v"), want);
        }
    }

    #[test]
    fn values_that_are_not_utf8_are_accepted_unless_refused_on_request() {
        let binary = group(NOW, "k", &[0xff, 0xfe]);
        check(&PutRules::default(), &binary, Ok(()));
        let strict = PutRules {
            utf8_only: true,
            ..PutRules::default()
        };
        check(&strict, &binary, Err("InvalidEncoding"));
    }
}
