//! Searches by the logs' own time: what matches, in which order, and how many.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use serde_json::{Value, json};
use sls_core::model::{Log, LogGroup};
use sls_core::service::LogSink as _;
use sls_core::wire::{Compression, EncodedGroup};
use sls_local::LocalService;
use support::{Answer, Draft, LOGSTORE, PROJECT, service};

/// Logs of the seconds 1 to 6 in two groups, put out of order.
async fn filled() -> LocalService {
    let (service, _) = service(2).await;
    let index = Draft::new("POST", format!("/logstores/{LOGSTORE}/index"));
    let index = index.json(json!({"line": {"token": [" "]}}));
    index.send(&service).await.expect_ok();
    let log = |time: u32, level: &str| {
        Log::at(time)
            .with("level", level)
            .with("n", time.to_string())
    };
    let logstore = service.logstore(PROJECT, LOGSTORE);
    for group in [
        LogGroup::new(vec![log(5, "INFO"), log(2, "ERROR"), log(6, "WARN")]).with_topic("b"),
        LogGroup::new(vec![log(1, "INFO"), log(4, "ERROR"), log(3, "INFO")])
            .with_topic("a")
            .with_source("s")
            .with_tag("host", "h1"),
    ] {
        logstore
            .put_logs(&EncodedGroup::from(&group))
            .await
            .unwrap();
    }
    service
}

fn logs(body: Value) -> Draft {
    let mut whole =
        json!({"from": 1, "to": 7, "query": "*", "line": 100, "offset": 0, "reverse": false});
    for (name, value) in body.as_object().unwrap() {
        whole[name] = value.clone();
    }
    Draft::new("POST", format!("/logstores/{LOGSTORE}/logs")).json(whole)
}

/// The seconds of the answered logs.
async fn found(service: &LocalService, body: Value) -> String {
    let answer = logs(body).send(service).await.expect_ok().json();
    let data = answer["data"].as_array().unwrap();
    assert_eq!(answer["meta"]["count"], data.len());
    assert_eq!(answer["meta"]["progress"], "Complete");
    data.iter()
        .map(|log| log["__time__"].as_str().unwrap())
        .collect()
}

fn get(kind: &str) -> Draft {
    Draft::new("GET", format!("/logstores/{LOGSTORE}")).query("type", kind)
}

#[tokio::test]
async fn an_answer_over_64_mebibytes_is_refused() {
    let service = filled().await;
    let logstore = service.logstore(PROJECT, LOGSTORE);
    let log = Log::at(1000).with("a", "x".repeat(1 << 20));
    let group = EncodedGroup::from(&LogGroup::new(vec![log; 9]));
    for _ in 0..8 {
        logstore.put_logs(&group).await.unwrap();
    }
    for query in ["*", "* | extend b = '1'"] {
        let asked = json!({"from": 1000, "to": 1001, "query": query});
        let answer = logs(asked).send(&service).await;
        let answer = answer.expect(400, "ParameterInvalid");
        assert!(
            answer.message().starts_with("limit: "),
            "{}",
            answer.message()
        );
        let fewer = json!({"from": 1000, "to": 1001, "query": query, "line": 60});
        logs(fewer).send(&service).await.expect_ok();
    }
}

#[tokio::test]
async fn a_search_needs_an_index() {
    let (service, _) = service(1).await;
    let histogram = get("histogram").query("from", 1).query("to", 2);
    for draft in [logs(json!({})), histogram, get("topic")] {
        draft
            .send(&service)
            .await
            .expect(404, "IndexConfigNotExist");
    }
}

#[tokio::test]
async fn logs_come_in_the_order_of_their_time_in_pages() {
    let service = filled().await;
    for (body, want) in [
        (json!({}), "123456"),
        (json!({"reverse": true}), "654321"),
        (json!({"line": 2}), "12"),
        (json!({"line": 2, "offset": 3}), "45"),
        (json!({"line": 2, "offset": 3, "reverse": true}), "32"),
        (json!({"line": 0}), ""),
        (json!({"offset": 9}), ""),
        (json!({"from": 2, "to": 5}), "234"),
        (json!({"from": 3, "to": 3}), ""),
        (json!({"to": 3, "toNs": 1}), "123"),
        (json!({"fromNs": 1}), "23456"),
        (json!({"topic": "a"}), "134"),
        (json!({"query": "level: error"}), "24"),
        (json!({"query": "info and not n: 5"}), "13"),
        (json!({"query": "n > 4"}), "56"),
        (json!({"query": "__tag__:host: h1"}), "134"),
    ] {
        assert_eq!(found(&service, body.clone()).await, want, "{body}");
    }
}

#[tokio::test]
async fn a_pipeline_runs_over_what_the_search_found() {
    let service = filled().await;
    let query = "level: info | where cast(n as bigint) > 1 | extend m = concat('m', n)";
    let draft = logs(json!({"query": query, "session": "mode=scan", "reverse": true}));
    let answer = draft.send(&service).await.expect_ok().json();
    let values: Vec<_> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|log| log["m"].clone())
        .collect();
    assert_eq!(values, ["m5", "m3"]);
    assert_eq!(answer["meta"]["mode"], 2);
    let query = "* | where n != '3'";
    assert_eq!(
        found(&service, json!({"query": query, "line": 2, "offset": 1})).await,
        "24"
    );
}

#[tokio::test]
async fn an_item_has_everything_as_text() {
    let service = filled().await;
    let answer = logs(json!({"query": "n: 1"})).send(&service).await.json();
    let want = json!({
        "__time__": "1", "__topic__": "a", "__source__": "s", "__tag__:host": "h1",
        "level": "INFO", "n": "1",
    });
    assert_eq!(answer["data"], json!([want]));
    assert_eq!(answer["meta"]["processedRows"], 6);
}

#[tokio::test]
async fn an_answer_is_compressed_on_request() {
    let service = filled().await;
    let draft = logs(json!({})).header("accept-encoding", "lz4");
    let answer: Answer = draft.send(&service).await.expect_ok();
    assert_eq!(answer.header("x-log-compresstype"), "lz4");
    let raw_size = answer.header("x-log-bodyrawsize").parse().unwrap();
    let raw = Compression::Lz4
        .decompress(&answer.body, raw_size, 1 << 20)
        .unwrap();
    let body: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(body["meta"]["count"], 6);
}

#[tokio::test]
async fn the_older_form_has_a_bare_list_and_its_meta_in_headers() {
    let service = filled().await;
    let draft = get("log")
        .query("from", 1)
        .query("to", 7)
        .query("query", "level: error")
        .query("reverse", "True")
        .query("powerSql", "False");
    let answer = draft.send(&service).await.expect_ok();
    let times: Vec<_> = answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|log| log["__time__"].clone())
        .collect();
    assert_eq!(times, ["4", "2"]);
    for (name, want) in [
        ("x-log-progress", "Complete"),
        ("x-log-count", "2"),
        ("x-log-processed-rows", "6"),
        ("x-log-has-sql", "false"),
    ] {
        assert_eq!(answer.header(name), want, "{name}");
    }
}

#[tokio::test]
async fn a_histogram_counts_every_match_once() {
    let service = filled().await;
    let draft = get("histogram")
        .query("from", 1)
        .query("to", 8)
        .query("query", "info");
    let draft = draft
        .query("topic", "")
        .query("accurate", "True")
        .query("interval", 3);
    let answer = draft.clone().send(&service).await.expect_ok();
    let span = |from: u32, to: u32, count: u32| json!({"from": from, "to": to, "count": count, "progress": "Complete"});
    assert_eq!(
        answer.json(),
        json!([span(1, 4, 2), span(4, 7, 1), span(7, 8, 0)])
    );
    assert_eq!(answer.header("x-log-count"), "3");
    // The Java client asks at the index.
    let index = Draft {
        path: format!("/logstores/{LOGSTORE}/index"),
        ..draft
    };
    let same = index.send(&service).await.expect_ok();
    assert_eq!(same.json(), answer.json());
    let year = get("histogram")
        .query("from", 1)
        .query("to", 31_536_000)
        .query("interval", 1);
    let spans = year.send(&service).await.expect_ok().json();
    assert_eq!(spans.as_array().unwrap().len(), 60);
}

#[tokio::test]
async fn topics_are_listed_in_pages() {
    let service = filled().await;
    let answer = get("topic")
        .query("line", 1)
        .query("token", "")
        .send(&service)
        .await
        .expect_ok();
    assert_eq!(answer.json(), json!(["a"]));
    assert_eq!(
        (
            answer.header("x-log-count"),
            answer.header("x-log-nexttoken")
        ),
        ("1", "b")
    );
    let answer = get("topic")
        .query("token", "b")
        .send(&service)
        .await
        .expect_ok();
    assert_eq!(answer.json(), json!(["b"]));
    assert_eq!(answer.header("x-log-nexttoken"), "");
}

#[tokio::test]
async fn what_cannot_be_searched_has_its_own_code() {
    let service = filled().await;
    for (body, code) in [
        (json!({"from": 9}), "InvalidTimeRange"),
        (json!({"line": 101}), "InvalidLine"),
        (json!({"offset": 1_000_001}), "InvalidOffset"),
        (json!({"query": "("}), "InvalidQueryString"),
        (json!({"from": null}), "ParameterInvalid"),
        (json!({"offset": -1}), "InvalidOffset"),
        (json!({"line": -1}), "InvalidLine"),
        (json!({"line": "many"}), "ParameterInvalid"),
        (json!({"query": "a in [1"}), "InvalidQueryString"),
        (json!({"query": "* | nope"}), "ParameterInvalid"),
        (
            json!({"query": "* | select count(1) as pv"}),
            "ParameterInvalid",
        ),
    ] {
        logs(body).send(&service).await.expect(400, code);
    }
    for (name, value, code) in [
        ("line", "-1", "InvalidLine"),
        ("offset", "-1", "InvalidOffset"),
        ("line", "x", "ParameterInvalid"),
    ] {
        let path = format!("/logstores/{LOGSTORE}");
        let get = Draft::new("GET", path)
            .query("type", "log")
            .query("from", 0);
        let get = get.query("to", 2_000_000_000_u32).query(name, value);
        get.send(&service).await.expect(400, code);
    }
    let answer = logs(json!({"query": "a: b | nope"})).send(&service).await;
    assert!(
        answer.message().contains("line 1, column 8"),
        "{}",
        answer.message()
    );
    let project = Draft::new("GET", "/logs").query("query", "select 1 from x");
    let answer = project.send(&service).await.expect(400, "ParameterInvalid");
    assert!(answer.message().contains("SQL is not supported"));
}
