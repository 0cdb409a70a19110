//! The neighbours of a log: those of the same writer, in the order they were written.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use serde_json::{Value, json};
use sls_core::api::GetContextLogs;
use sls_core::model::{Log, LogGroup};
use sls_core::service::LogSink as _;
use sls_core::wire::EncodedGroup;
use sls_local::LocalService;
use support::{Draft, LOGSTORE, PROJECT, service};

/// Three groups of one writer in two shards, put out of order, among others.
async fn filled() -> LocalService {
    let (service, _) = service(2).await;
    let index = Draft::new("POST", format!("/logstores/{LOGSTORE}/index"));
    let index = index.json(json!({"line": {"token": [" "]}}));
    index.send(&service).await.expect_ok();
    let logstore = service.logstore(PROJECT, LOGSTORE);
    for (pack, lines) in [
        ("W-9", vec!["a", "b"]),
        ("W-B", vec!["f"]),
        ("OTHER-1", vec!["x", "y"]),
        ("W-A", vec!["c", "d", "e"]),
    ] {
        let logs = lines.into_iter().map(|line| Log::at(10).with("line", line));
        let group = LogGroup::new(logs.collect()).with_tag("__pack_id__", pack);
        let group = EncodedGroup::from(&group);
        logstore.put_logs(&group).await.unwrap();
    }
    let group = LogGroup::new(vec![Log::at(10).with("line", "alone")]);
    let group = EncodedGroup::from(&group);
    logstore.put_logs(&group).await.unwrap();
    service
}

async fn search(service: &LocalService, query: &str) -> Vec<Value> {
    let body = json!({"from": 1, "to": 100, "query": query});
    let draft = Draft::new("POST", format!("/logstores/{LOGSTORE}/logs")).json(body);
    let answer = draft.send(service).await.expect_ok().json();
    answer["data"].as_array().unwrap().clone()
}

/// Where a search says that a log is.
async fn place(service: &LocalService, line: &str) -> (String, String) {
    let found = search(service, &format!("line: {line} |with_pack_meta")).await;
    let text = |name: &str| found[0][name].as_str().unwrap().to_owned();
    (text("__tag__:__pack_id__"), text("__pack_meta__"))
}

async fn around(service: &LocalService, line: &str, back: u32, forward: u32) -> String {
    let (pack_id, pack_meta) = place(service, line).await;
    let call = GetContextLogs::new(PROJECT, LOGSTORE, pack_id, pack_meta);
    let found = service
        .perform(&call.with_lines(back, forward))
        .await
        .unwrap();
    assert!(found.is_complete());
    assert_eq!(found.total_lines, found.logs.len() as u64);
    assert_eq!(
        found.total_lines,
        found.back_lines + found.forward_lines + 1
    );
    let lines = found.logs.iter().map(|log| {
        let text = |name: &str| log.get(name).unwrap().to_owned();
        format!("{}{}", text("__index_number__"), text("line"))
    });
    lines.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn neighbours_come_in_the_order_of_writing_whatever_shard_they_are_in() {
    let service = filled().await;
    assert_eq!(around(&service, "c", 100, 100).await, "-2a -1b 0c 1d 2e 3f");
    assert_eq!(around(&service, "c", 1, 0).await, "-1b 0c");
    assert_eq!(around(&service, "e", 0, 1).await, "0e 1f");
    assert_eq!(around(&service, "a", 5, 1).await, "0a 1b");
    assert_eq!(around(&service, "y", 100, 100).await, "-1x 0y");
}

#[tokio::test]
async fn places_are_shown_when_they_are_asked_for_and_the_writer_gave_an_id() {
    let service = filled().await;
    let plain = &search(&service, "line: a").await[0];
    assert!(plain.get("__pack_meta__").is_none());
    let alone = &search(&service, "line: alone | with_pack_meta").await[0];
    assert!(alone.get("__pack_meta__").is_none());
    let (_, meta) = place(&service, "d").await;
    assert!(meta.starts_with("1|") && meta.ends_with("|3|1"), "{meta}");
}

#[tokio::test]
async fn each_kind_of_wrong_call_is_refused() {
    let service = filled().await;
    let (pack_id, pack_meta) = place(&service, "c").await;
    let call = |id: &str, meta: &str, back: &str, forward: &str| {
        Draft::new("GET", format!("/logstores/{LOGSTORE}"))
            .query("type", "context_log")
            .query("pack_id", id)
            .query("pack_meta", meta)
            .query("back_lines", back)
            .query("forward_lines", forward)
    };
    call(&pack_id, &pack_meta, "1", "1")
        .send(&service)
        .await
        .expect_ok();
    let beyond = pack_meta.replace("|3|0", "|3|3");
    for (draft, want) in [
        (call(&pack_id, &pack_meta, "0", "0"), "must not both be 0"),
        (
            call(&pack_id, &pack_meta, "101", "0"),
            "back_lines must be 0 to 100",
        ),
        (
            call(&pack_id, &pack_meta, "0", "x"),
            "forward_lines is not a number",
        ),
        (call("", &pack_meta, "1", "1"), "pack_id is missing"),
        (call(&pack_id, "", "1", "1"), "pack_meta is missing"),
        (
            call(&pack_id, "nonsense", "1", "1"),
            "pack_meta cannot be read",
        ),
        (call("OTHER-1", &pack_meta, "1", "1"), "no log has this"),
        (call(&pack_id, &beyond, "1", "1"), "no log has this"),
    ] {
        let answer = draft.send(&service).await.expect(400, "ParameterInvalid");
        assert!(answer.message().contains(want), "{}", answer.message());
    }
    let index = Draft::new("DELETE", format!("/logstores/{LOGSTORE}/index"));
    index.send(&service).await.expect_ok();
    let draft = call(&pack_id, &pack_meta, "1", "1");
    draft
        .send(&service)
        .await
        .expect(404, "IndexConfigNotExist");
}
