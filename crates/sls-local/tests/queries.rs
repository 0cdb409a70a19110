//! Pulls with a query: headers, regrouping, refusals, and the recorded language cases.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::slice;
use std::time::Duration;

use serde_json::Value;
use sls_core::model::{Cursor, CursorPosition, Log, LogGroup, ShardId};
use sls_core::service::{LogSink as _, ShardReader as _};
use sls_core::wire::{EncodedGroup, GroupListView};
use sls_local::{LocalServerBuilder, LocalService};
use support::{Answer, Draft, LOGSTORE, PROJECT, recorded_at};
use telemetry_delivery::ManualClock;

const BEGIN: u64 = 1_700_000_000_000_000_000;

fn builder() -> LocalServerBuilder {
    support::builder(&ManualClock::new(recorded_at()))
}

async fn with_groups(builder: LocalServerBuilder, groups: &[LogGroup]) -> LocalService {
    let service = support::with_logstore(builder, 1).await;
    let logstore = service.logstore(PROJECT, LOGSTORE);
    for group in groups {
        logstore.put_logs(&EncodedGroup::from(group)).await.unwrap();
    }
    service
}

fn pull(position: u64, query: &str) -> Draft {
    Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/0"))
        .query("type", "log")
        .query("cursor", Cursor::at_position(position))
        .query("query", query)
        .header("accept-encoding", "")
}

async fn groups(groups: &[LogGroup], query: &str) -> Vec<LogGroup> {
    let service = with_groups(builder(), groups).await;
    let answer = pull(BEGIN, query).send(&service).await.expect_ok();
    GroupListView::parse(&answer.body).unwrap().to_owned()
}

fn log(time: u32, status: &str) -> Log {
    Log::at(time).with("status", status)
}

#[track_caller]
fn check_headers(answer: &Answer, want: &[(&str, &str)]) {
    for (name, want) in want {
        assert_eq!(answer.header(name), *want, "{name}");
    }
}

#[tokio::test]
async fn a_query_keeps_what_matches_and_counts_what_it_read() {
    let input = [
        LogGroup::new(vec![log(1, "200"), log(2, "404"), log(3, "dirty")]),
        LogGroup::new(vec![log(4, "200")]),
    ];
    let service = with_groups(builder(), &input).await;
    let query = "* | where cast(status as bigint) >= 400";
    let answer = pull(BEGIN, query).send(&service).await.expect_ok();
    let list = GroupListView::parse(&answer.body).unwrap().to_owned();
    assert_eq!(list, [LogGroup::new(vec![log(2, "404")])]);
    let bytes: usize = input
        .iter()
        .map(|group| EncodedGroup::from(group).as_bytes().len())
        .sum();
    check_headers(
        &answer,
        &[
            ("x-log-count", "1"),
            ("x-log-rawdatacount", "2"),
            ("x-log-rawdatasize", &bytes.to_string()),
            ("x-log-rawdatalines", "4"),
            ("x-log-resultlines", "1"),
            ("x-log-failedlines", "1"),
            ("x-log-end-of-cursor", "1"),
            ("x-log-cursor", Cursor::at_position(BEGIN + 2).as_str()),
        ],
    );
}

#[tokio::test]
async fn a_result_over_64_mebibytes_is_refused() {
    let log = Log::at(1).with("a", "x".repeat(1 << 20));
    let service = with_groups(builder(), &[LogGroup::new(vec![log; 9])]).await;
    let copies = ["b", "c", "d", "e", "f", "g", "h"].map(|name| format!("{name}=a"));
    let few = format!("* | extend {}", copies[..5].join(", "));
    pull(BEGIN, &few).send(&service).await.expect_ok();
    let many = format!("* | extend {}", copies.join(", "));
    let answer = pull(BEGIN, &many).send(&service).await;
    let answer = answer.expect(400, "ParameterInvalid");
    assert!(
        answer.message().starts_with("limit: "),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn a_query_that_drops_all_moves_the_cursor_all_the_same() {
    let service = with_groups(builder(), &[LogGroup::new(vec![log(1, "200")])]).await;
    let answer = pull(BEGIN, "* | where status = '1'").send(&service).await;
    let answer = answer.expect_ok();
    check_headers(
        &answer,
        &[
            ("x-log-count", "0"),
            ("x-log-bodyrawsize", "0"),
            ("x-log-cursor", Cursor::at_position(BEGIN + 1).as_str()),
        ],
    );
    assert!(answer.body.is_empty());
}

#[tokio::test]
async fn groups_that_nothing_changed_are_given_byte_for_byte() {
    // Fields out of order and one that nobody knows: still the same bytes.
    let raw = b"\x1a\x01t\x0a\x07\x12\x05\x0a\x01k\x12\x00\x08\x01\x4a\x01x";
    let service = support::with_logstore(builder(), 1).await;
    let put = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"));
    let put = put.body("application/x-protobuf", *raw);
    put.send(&service).await.expect_ok();
    for query in ["*", "* | where k = ''"] {
        let answer = pull(BEGIN, query).send(&service).await.expect_ok();
        let list = GroupListView::parse(&answer.body).unwrap();
        let group = list.groups().next().unwrap();
        assert_eq!(group.as_bytes(), raw, "{query}");
    }
}

#[tokio::test]
async fn kept_rows_keep_everything_of_their_group() {
    let mut group = LogGroup::new(vec![log(1, "200").with_time_ns(0), log(2, "404")])
        .with_topic("t")
        .with_source("s")
        .with_tag("host", "h");
    group.machine_uuid = Some("m".into());
    let found = groups(&[group.clone()], "* | where status = '200'").await;
    group.logs.truncate(1);
    assert_eq!(found, [group]);
}

#[tokio::test]
async fn changed_rows_are_regrouped_by_topic_source_and_tags() {
    let rows = ["a", "b", "a"].map(|status| log(1, status).with("x", "1"));
    let group = LogGroup::new(rows.to_vec())
        .with_topic("t")
        .with_source("s")
        .with_tag("k", "v");
    let found = groups(
        slice::from_ref(&group),
        "* | extend __topic__ = status, x = null",
    )
    .await;
    let regrouped = |topic: &str, rows: usize| {
        LogGroup::new(vec![log(1, topic); rows])
            .with_topic(topic)
            .with_source("s")
            .with_tag("k", "v")
    };
    assert_eq!(found, [regrouped("a", 2), regrouped("b", 1)]);

    let query = "* | extend \"__tag__:k\" = status | project status, \"__tag__:k\"";
    let found = groups(&[group], query).await;
    let regrouped = |tag: &str, rows: usize| {
        LogGroup::new(vec![log(1, tag); rows])
            .with_topic("")
            .with_source("")
            .with_tag("k", tag)
    };
    assert_eq!(found, [regrouped("a", 2), regrouped("b", 1)]);
}

#[tokio::test]
async fn changed_rows_whose_group_is_the_same_stay_in_it() {
    let mut group = LogGroup::new(vec![log(1, "200"), log(2, "404")]).with_topic("t");
    group.machine_uuid = Some("m".into());
    let query = "* | extend status = '0', __time__ = __time__ + 10, __time_ns_part__ = 7";
    let found = groups(&[group.clone()], query).await;
    for (log, time) in group.logs.iter_mut().zip([11, 12]) {
        *log = log_at(time);
    }
    assert_eq!(found, [group]);
}

fn log_at(time: u32) -> Log {
    log(time, "0").with_time_ns(7)
}

#[tokio::test]
async fn a_computed_time_is_brought_into_range() {
    for (time, ns, want, want_ns) in [
        ("-5", "-1", 0, 0),
        ("99999999999", "2000000000", u32::MAX, 999_999_999),
    ] {
        let input = [LogGroup::new(vec![log(1, "a")])];
        let query = format!("* | extend __time__ = {time}, __time_ns_part__ = {ns}");
        let found = groups(&input, &query).await;
        assert_eq!(found[0].logs, [log(want, "a").with_time_ns(want_ns)]);
    }
}

#[tokio::test]
async fn tags_and_times_are_fields() {
    let group = LogGroup::new(vec![log(5, "a").with_time_ns(9), log(6, "b")])
        .with_topic("t")
        .with_tag("host", "h");
    let query = "* | where __time__ = 5 and __time_ns_part__ = 9 and __topic__ = 't' \
                 and \"__tag__:host\" = 'h' and __source__ is null";
    let found = groups(&[group], query).await;
    assert_eq!(found[0].logs, [log(5, "a").with_time_ns(9)]);
}

#[tokio::test]
async fn a_value_that_is_not_utf8_passes_through() {
    let dirty = Log::at(1).with("k", vec![0xff, 0x00]).with("a", "1");
    let found = groups(&[LogGroup::new(vec![dirty.clone()])], "* | where a = '1'").await;
    assert_eq!(found[0].logs, [dirty]);
    let dirty = Log::at(1).with("k", vec![0xff, 0x00]).with("a", "1");
    let found = groups(&[LogGroup::new(vec![dirty])], "* | extend a = '2'").await;
    assert_eq!(found[0].logs[0].contents[0].value.as_bytes(), [0xff, 0x00]);
}

#[tokio::test]
async fn a_broken_query_is_refused_with_kind_and_place_before_anything_is_read() {
    let service = with_groups(builder(), &[]).await;
    for (query, kind, place) in [
        ("* | where status =", "syntax", "line 1, column"),
        ("* | where\nnope(a) = 1", "semantic", "line 2, column 1"),
        ("* | where 1", "type", "line 1, column 11"),
        (
            "status: 404 | where a = 'b'",
            "unsupported",
            "line 1, column 1",
        ),
        ("* | stats count(*)", "unsupported", "line 1, column"),
    ] {
        // The cursor is no good either, but nobody gets to see that.
        let answer = pull(1, query).send(&service).await;
        let answer = answer.expect(400, "ParameterInvalid");
        let message = answer.message();
        assert!(message.starts_with(&format!("{kind}: ")), "{message}");
        assert!(message.contains(place), "{message}");
    }
    let long = format!("* | where a = '{}'", "x".repeat(10_300));
    let answer = pull(BEGIN, &long).send(&service).await;
    let answer = answer.expect(400, "ParameterInvalid");
    assert!(
        answer.message().starts_with("limit: "),
        "{}",
        answer.message()
    );
}

#[tokio::test]
async fn a_query_over_its_time_is_a_timeout_that_clients_retry() {
    let input = [LogGroup::new(vec![log(1, "200"); 3])];
    let builder = builder().query_timeout(Duration::ZERO);
    let service = with_groups(builder, &input).await;
    let query = "* | extend x = regexp_replace(status, '0', 'x')";
    let answer = pull(BEGIN, query).send(&service).await;
    answer.expect(500, "RequestTimeout");
}

#[tokio::test]
async fn the_roles_of_a_logstore_speak_the_same_language() {
    use sls_core::api::Processing;
    use sls_core::service::Pull;

    let service = with_groups(
        builder(),
        &[LogGroup::new(vec![log(1, "200"), log(2, "404")])],
    )
    .await;
    let logstore = service.logstore(PROJECT, LOGSTORE);
    let shard = ShardId(0);
    let cursor = logstore.cursor(shard, CursorPosition::Begin).await.unwrap();
    let mut pull = Pull {
        shard,
        cursor,
        count: 10,
        end_cursor: None,
        processing: Some(Processing::Query("* | where status = '404'".to_owned())),
    };
    let pulled = logstore.pull(pull.clone()).await.unwrap();
    assert_eq!(pulled.log_count(), 1);
    assert!(pulled.scan().is_some());
    pull.processing = Some(Processing::Query("* | nope".to_owned()));
    let error = logstore.pull(pull).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("PullLogs golden-project/golden-store shard 0"),
        "{text}"
    );
    assert!(text.contains("line 1, column"), "{text}");
    let none = service
        .logstore(PROJECT, "none")
        .shards()
        .await
        .unwrap_err();
    assert_eq!(none.status(), Some(404));
    assert_eq!(none.request_id().unwrap().as_str().len(), 24);
}

/// A row of a language case, as one log group.
fn row(fields: &Value) -> LogGroup {
    let mut log = Log::default();
    let mut group = LogGroup::default();
    for (name, value) in fields.as_object().unwrap() {
        let value = value.as_str().unwrap();
        match name.as_str() {
            "__time__" => log.time = value.parse().unwrap(),
            "__time_ns_part__" => log.time_ns = Some(value.parse().unwrap()),
            "__topic__" => group = group.with_topic(value),
            "__source__" => group = group.with_source(value),
            _ => match name.strip_prefix("__tag__:") {
                Some(tag) => group = group.with_tag(tag, value),
                None => log = log.with(name.as_str(), value),
            },
        }
    }
    group.logs.push(log);
    group
}

fn rows(groups: &[LogGroup]) -> Vec<BTreeMap<String, String>> {
    let mut rows = Vec::new();
    for group in groups {
        for log in &group.logs {
            let mut row = BTreeMap::from([("__time__".to_owned(), log.time.to_string())]);
            if let Some(ns) = log.time_ns {
                row.insert("__time_ns_part__".to_owned(), ns.to_string());
            }
            for (name, text) in [("__topic__", &group.topic), ("__source__", &group.source)] {
                if let Some(text) = text.as_ref().filter(|text| !text.as_bytes().is_empty()) {
                    row.insert(name.to_owned(), text.to_string());
                }
            }
            for tag in &group.tags {
                row.insert(format!("__tag__:{}", tag.key), tag.value.to_string());
            }
            for content in &log.contents {
                row.insert(content.key.to_string(), content.value.to_string());
            }
            rows.push(row);
        }
    }
    rows
}

#[tokio::test]
async fn the_recorded_language_cases_hold_over_log_groups() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/vectors/spl");
    let mut cases = 0;
    let mut failures = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let file: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for case in file.as_array().unwrap() {
            cases += 1;
            if let Err(difference) = check_case(case).await {
                failures.push(format!("{}: {difference}", case["name"]));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {cases}:\n{}",
        failures.len(),
        failures.join("\n")
    );
    assert!(cases > 300, "only {cases} cases were found");
}

async fn check_case(case: &Value) -> Result<(), String> {
    let input: Vec<_> = case["input"]
        .as_array()
        .into_iter()
        .flatten()
        .map(row)
        .collect();
    let zone = case["timezone"].as_str().unwrap_or("Asia/Shanghai");
    let service = with_groups(builder().time_zone(zone), &input).await;
    let answer = pull(BEGIN, case["query"].as_str().unwrap())
        .send(&service)
        .await;
    if let Some(kind) = case["error"]["kind"].as_str() {
        let refused = answer.code() == "ParameterInvalid";
        let invalid = ["syntax", "semantic", "type"];
        let found = answer
            .message()
            .split(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        let same = found == kind || (invalid.contains(&kind) && invalid.contains(&&*found));
        return (refused && same)
            .then_some(())
            .ok_or_else(|| format!("{answer:?}"));
    }
    if answer.status != 200 {
        return Err(format!("{answer:?}"));
    }
    let found = rows(&GroupListView::parse(&answer.body).unwrap().to_owned());
    let want: Vec<BTreeMap<String, String>> = case["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let fields = row.as_object().unwrap().iter();
            fields
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                // On this wire an absent topic or source is an empty one.
                .filter(|(name, value)| {
                    !(value.is_empty() && ["__topic__", "__source__"].contains(&name.as_str()))
                })
                .collect()
        })
        .collect();
    let as_json: Vec<_> = case["json_fields"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    let same_field = |name: &String, a: &String, b: &String| {
        a == b
            || as_json.iter().any(|field| *field == name)
                && serde_json::from_str::<Value>(a).ok() == serde_json::from_str::<Value>(b).ok()
    };
    let same = found.len() == want.len()
        && found.iter().zip(&want).all(|(found, want)| {
            let times = |row: &BTreeMap<String, String>| row.contains_key("__time__");
            let found = found
                .iter()
                .filter(|(name, _)| times(want) || *name != "__time__");
            let found: BTreeMap<_, _> = found.collect();
            found.len() == want.len()
                && want
                    .iter()
                    .all(|(name, text)| found.get(name).is_some_and(|f| same_field(name, f, text)))
        });
    if !same {
        return Err(format!("found {found:?}, wanted {want:?}"));
    }
    match case["data_errors"].as_u64() {
        Some(errors) if answer.header("x-log-failedlines") != errors.to_string() => Err(format!(
            "{} failed lines, wanted {errors}",
            answer.header("x-log-failedlines")
        )),
        _ => Ok(()),
    }
}
