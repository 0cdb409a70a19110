//! The settings of a handler that uploads.

use std::time::Duration;

use super::setting::{Kind, Setting};

const LONGEST_WAIT: Duration = Duration::from_secs(3600);

const fn setting(
    key: &'static str,
    python: Option<&'static str>,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> Setting {
    Setting {
        key,
        python,
        kind,
        default,
        meaning,
    }
}

const TIME: Kind = Kind::Time { most: LONGEST_WAIT };

/// Every setting, first those of Python's handler in the order of its arguments.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "endpoint",
        Some("end_point"),
        Kind::Address,
        "none",
        "the region's address; must be given",
    ),
    setting(
        "access_key_id",
        Some("access_key_id"),
        Kind::Name,
        "`ALIBABA_CLOUD_ACCESS_KEY_ID`",
        "the public half of the key",
    ),
    setting(
        "access_key_secret",
        Some("access_key"),
        Kind::Secret,
        "`ALIBABA_CLOUD_ACCESS_KEY_SECRET`",
        "the secret half of the key",
    ),
    setting(
        "project",
        Some("project"),
        Kind::Name,
        "none",
        "the project; must be given",
    ),
    setting(
        "logstore",
        Some("log_store"),
        Kind::Name,
        "none",
        "the logstore; must be given",
    ),
    setting(
        "topic",
        Some("topic"),
        Kind::Text,
        "empty",
        "the topic of every log",
    ),
    setting(
        "fields",
        Some("fields"),
        Kind::Texts,
        "the ten documented ones",
        "which fields are uploaded beside the message",
    ),
    setting(
        "queue_size",
        Some("queue_size"),
        Kind::Count {
            least: 1,
            most: 100_000_000,
        },
        "40960",
        "the most records that wait in memory",
    ),
    setting(
        "put_wait",
        Some("put_wait"),
        TIME,
        "2 s",
        "how long a record waits for company",
    ),
    setting(
        "close_wait",
        Some("close_wait"),
        TIME,
        "5 s",
        "how long closing may take",
    ),
    setting(
        "batch_size",
        Some("batch_size"),
        Kind::Count {
            least: 1,
            most: 40_960,
        },
        "1024",
        "the most records of one request",
    ),
    setting(
        "builtin_fields_prefix",
        Some("buildin_fields_prefix"),
        Kind::Text,
        "empty",
        "put before the names of the message, built-in and extra fields",
    ),
    setting(
        "builtin_fields_suffix",
        Some("buildin_fields_suffix"),
        Kind::Text,
        "empty",
        "put behind the same names",
    ),
    setting(
        "extract_json",
        Some("extract_json"),
        Kind::Switch,
        "false",
        "whether the members of a message that is a JSON object become fields",
    ),
    setting(
        "extract_json_drop_message",
        Some("extract_json_drop_message"),
        Kind::Switch,
        "false",
        "whether a message from which a member was taken is left out",
    ),
    setting(
        "extract_json_prefix",
        Some("extract_json_prefix"),
        Kind::Text,
        "empty",
        "put before the names of members",
    ),
    setting(
        "extract_json_suffix",
        Some("extract_json_suffix"),
        Kind::Text,
        "empty",
        "put behind the names of members",
    ),
    setting(
        "extract_kv",
        Some("extract_kv"),
        Kind::Switch,
        "false",
        "whether `key=value` pairs in the message become fields",
    ),
    setting(
        "extract_kv_drop_message",
        Some("extract_kv_drop_message"),
        Kind::Switch,
        "false",
        "whether a message from which a pair was taken is left out",
    ),
    setting(
        "extract_kv_prefix",
        Some("extract_kv_prefix"),
        Kind::Text,
        "empty",
        "put before the keys of pairs",
    ),
    setting(
        "extract_kv_suffix",
        Some("extract_kv_suffix"),
        Kind::Text,
        "empty",
        "put behind the keys of pairs",
    ),
    setting(
        "extract_kv_sep",
        Some("extract_kv_sep"),
        Kind::Text,
        "`=`",
        "what is between key and value, a piece of a regular expression",
    ),
    setting(
        "extra",
        Some("extra"),
        Kind::Switch,
        "true",
        "whether fields that came with a record are uploaded",
    ),
    setting(
        "auth_version",
        Some("auth_version"),
        Kind::Choice(&["v1", "v4"]),
        "`v1`",
        "which signature is used",
    ),
    setting(
        "region",
        Some("region"),
        Kind::Text,
        "that of the endpoint's name",
        "the region, as signature version 4 needs it",
    ),
    // What follows has no argument in Python; some are properties of its handler.
    setting(
        "security_token",
        None,
        Kind::Secret,
        "`ALIBABA_CLOUD_SECURITY_TOKEN`",
        "the token of temporary credentials",
    ),
    setting(
        "source",
        None,
        Kind::Text,
        "the address that requests leave from",
        "the source of every log",
    ),
    setting(
        "tags",
        None,
        Kind::Pairs,
        "none",
        "tags of every log, Python's `log_tags`",
    ),
    setting(
        "queue_bytes",
        None,
        Kind::Bytes {
            least: 1 << 16,
            most: 1 << 40,
        },
        "32 MiB",
        "the most bytes of records in memory, those under way included",
    ),
    setting(
        "when_full",
        None,
        Kind::Choice(&["drop_newest", "drop_oldest", "wait"]),
        "`drop_newest`",
        "what becomes of a record for which there is no room; with a spool, first what waits moves \
         to disk, unless it is `drop_oldest`",
    ),
    setting(
        "full_wait",
        None,
        TIME,
        "twice `put_wait`",
        "how long `when_full = \"wait\"` lets a caller wait",
    ),
    setting(
        "spool",
        None,
        Kind::Name,
        "none",
        "a folder that keeps what is not delivered, so that it survives the process; needs the \
         feature `spool`",
    ),
    setting(
        "spool_bytes",
        None,
        Kind::Bytes {
            least: 1 << 16,
            most: 1 << 44,
        },
        "1 GiB",
        "how much may lie in the folder",
    ),
    setting(
        "spool_fsync",
        None,
        Kind::Choice(&["record", "interval", "system"]),
        "`interval`",
        "when the disk is flushed: for every record, for which the caller waits, now and then, or when \
         the system likes",
    ),
    setting(
        "spool_fsync_interval",
        None,
        TIME,
        "0.5 s",
        "how often `interval` is",
    ),
    setting(
        "context_ids",
        None,
        Kind::Switch,
        "false",
        "whether groups are numbered, so that the service can show the records around one",
    ),
    setting(
        "announce_drops",
        None,
        Kind::Switch,
        "true",
        "whether one record tells of records that were dropped, once delivery works again",
    ),
    setting(
        "dead_letter_file",
        None,
        Kind::Name,
        "none",
        "a file for records that the service will never take",
    ),
    setting(
        "dead_letter_bytes",
        None,
        Kind::Bytes {
            least: 1,
            most: 1 << 40,
        },
        "64 MiB",
        "how large that file may become",
    ),
    setting(
        "spans",
        None,
        Kind::Choice(&["fields", "names", "off"]),
        "`fields`",
        "what of the spans around an event is uploaded",
    ),
    setting(
        "naming",
        None,
        Kind::Choice(&["documented", "python"]),
        "`documented`",
        "whose names for the fields are uploaded",
    ),
    setting(
        "level_names",
        None,
        Kind::Choice(&["documented", "rust"]),
        "`documented`",
        "whether a warning is `WARNING` or `WARN`",
    ),
    setting(
        "skip_message",
        None,
        Kind::Switch,
        "false",
        "whether the message is left out of every record",
    ),
    setting(
        "built_in_root_field",
        None,
        Kind::Text,
        "none",
        "the one field that message and built-in fields go to, as a JSON object",
    ),
    setting(
        "redact_keys",
        None,
        Kind::Texts,
        "none",
        "fields whose values are uploaded as `***`",
    ),
    setting(
        "redact_patterns",
        None,
        Kind::Pairs,
        "none",
        "regular expressions, and what is uploaded instead of what they find",
    ),
];

/// How many of them Python's handler takes by position.
pub(crate) const POSITIONAL: usize = 25;

/// What is missing, given which keys are there.
pub(crate) fn incomplete(is_there: impl Fn(&str) -> bool) -> Vec<String> {
    let mut missing = ["endpoint", "project", "logstore"]
        .into_iter()
        .filter(|key| !is_there(key))
        .map(|key| format!("an sls handler needs `{key}`"))
        .collect::<Vec<_>>();
    match (is_there("access_key_id"), is_there("access_key_secret")) {
        (true, false) => missing.push("`access_key_id` needs `access_key_secret`".to_owned()),
        (false, true) => missing.push("`access_key_secret` needs `access_key_id`".to_owned()),
        (false, false) if is_there("security_token") => {
            missing
                .push("`security_token` needs `access_key_id` and `access_key_secret`".to_owned());
        }
        _ => {}
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_positions_are_those_of_pythons_signature() {
        let signature = "end_point, access_key_id, access_key, project, log_store, topic, fields, \
             queue_size, put_wait, close_wait, batch_size, buildin_fields_prefix, \
             buildin_fields_suffix, extract_json, extract_json_drop_message, extract_json_prefix, \
             extract_json_suffix, extract_kv, extract_kv_drop_message, extract_kv_prefix, \
             extract_kv_suffix, extract_kv_sep, extra, auth_version, region";
        let names = SETTINGS[..POSITIONAL]
            .iter()
            .map(|setting| setting.python.unwrap());
        assert_eq!(
            names.collect::<Vec<_>>(),
            signature.split(", ").collect::<Vec<_>>()
        );
        assert!(
            SETTINGS[POSITIONAL..]
                .iter()
                .all(|setting| setting.python.is_none())
        );
    }

    #[test]
    fn every_key_is_there_once() {
        let keys = SETTINGS.iter().map(|setting| setting.key);
        assert_eq!(
            keys.collect::<std::collections::BTreeSet<_>>().len(),
            SETTINGS.len()
        );
    }
}
