//! Web tracking: anonymous, on logstores that allow it.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use serde_json::json;
use sls_core::model::{LogGroup, Text};
use sls_core::wire::{Compression, GroupListView};
use sls_local::LocalService;
use support::{Answer, Draft, LOGSTORE, send, service};

fn track(method: &'static str) -> Draft {
    Draft::new(method, format!("/logstores/{LOGSTORE}/track"))
}

async fn ask(service: &LocalService, draft: Draft) -> Answer {
    send(service, draft.unsigned()).await
}

async fn tracking() -> LocalService {
    let (service, _) = service(1).await;
    let draft = Draft::new("PUT", format!("/logstores/{LOGSTORE}"));
    let draft = draft.json(json!({"enable_tracking": true}));
    draft.send(&service).await.expect_ok();
    service
}

async fn stored(service: &LocalService) -> Vec<LogGroup> {
    let draft = Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/0"))
        .query("type", "log")
        .query("cursor", "MTcwMDAwMDAwMDAwMDAwMDAwMA==");
    let answer = draft.send(service).await.expect_ok();
    GroupListView::parse(&answer.body).unwrap().to_owned()
}

#[tokio::test]
async fn a_logstore_without_tracking_and_one_that_does_not_exist_refuse() {
    let (service, _) = service(1).await;
    let body = json!({"__logs__": []});
    let answer = ask(&service, track("POST").json(body.clone())).await;
    answer.expect(401, "Unauthorized");
    let none = Draft::new("POST", "/logstores/none/track").json(body);
    ask(&service, none).await.expect(404, "LogStoreNotExist");
    // Only this path is open.
    let other = Draft::new("GET", "/logstores");
    ask(&service, other).await.expect(400, "MissAccessKeyId");
}

#[tokio::test]
async fn logs_of_a_page_carry_the_time_of_their_arrival() {
    let service = tracking().await;
    let body = json!({
        "__topic__": "page", "__source__": "web", "__tags__": {"v": "1"},
        "__logs__": [{"a": "1", "__time__": "5"}, {"b": "2"}],
    });
    // Neither the type of the body nor a signature is needed, compression is understood.
    let raw = body.to_string();
    let draft = track("POST")
        .body(
            "application/json",
            Compression::Lz4.compress(raw.as_bytes()),
        )
        .header("content-type", None)
        .header("x-log-bodyrawsize", raw.len().to_string().as_str())
        .header("x-log-compresstype", "lz4");
    ask(&service, draft).await.expect_ok();
    let groups = stored(&service).await;
    let group = &groups[0];
    assert_eq!(group.topic, Some(Text::from("page")));
    assert_eq!(group.source, Some(Text::from("web")));
    assert_eq!(group.tags[0].key, "v");
    let times: Vec<_> = group.logs.iter().map(|log| log.time).collect();
    assert_eq!(times, [1_700_000_000; 2]);
    assert_eq!(group.logs[0].contents.len(), 1, "__time__ is no content");
}

#[tokio::test]
async fn a_page_may_send_one_log_in_the_query_and_get_a_picture() {
    let service = tracking().await;
    let path = format!("/logstores/{LOGSTORE}/track.gif");
    for path in [path.as_str(), &path[..path.len() - 4]] {
        let draft = Draft::new("GET", path)
            .header("x-log-apiversion", None)
            .query("APIVersion", "0.6.0")
            .query("__topic__", "page")
            .query("a", "x y");
        let answer = ask(&service, draft).await.expect_ok();
        if path.ends_with("gif") {
            assert_eq!(answer.header("content-type"), "image/gif");
            assert!(answer.body.starts_with(b"GIF89a"));
        }
    }
    for group in stored(&service).await {
        assert_eq!(group.topic, Some(Text::from("page")));
        assert_eq!(group.logs[0].contents[0].value, "x y");
    }
}

#[tokio::test]
async fn what_is_no_tracking_request_is_refused() {
    let service = tracking().await;
    for body in [json!({}), json!([]), json!({"__logs__": [{"a": 1}]})] {
        let answer = ask(&service, track("POST").json(body)).await;
        answer.expect(400, "PostBodyInvalid");
    }
    let reserved = json!({"__logs__": [{"__topic__": "x"}]});
    ask(&service, track("POST").json(reserved))
        .await
        .expect(400, "InvalidKey");
    let draft = track("GET")
        .header("x-log-apiversion", None)
        .query("a", "1");
    ask(&service, draft).await.expect(400, "MissingAPIVersion");
}

#[tokio::test]
async fn a_browser_that_asks_first_is_told_yes() {
    let (service, _) = service(1).await;
    let answer = ask(&service, track("OPTIONS")).await.expect_ok();
    assert!(
        answer
            .header("access-control-allow-methods")
            .contains("POST")
    );
    assert!(
        answer
            .header("access-control-allow-headers")
            .contains("x-log-apiversion")
    );
}
