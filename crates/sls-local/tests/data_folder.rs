//! A server that keeps everything in a folder, ended and started again.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::path::Path;
use std::time::Duration;

use http::Request;
use serde_json::json;
use sls_core::api::{PutBody, PutLogs};
use sls_core::model::{
    Cursor, CursorPosition, Log, LogGroup, LogstoreConfig, ShardId, ShardStatus,
};
use sls_core::service::{LogSink as _, Pull, ShardReader as _};
use sls_core::wire::{Compression, EncodedGroup};
use sls_local::{DataProblem, Error, LocalLogstore, LocalServer, LocalService, ShutdownReport};
use support::{Answer, Draft, LOGSTORE, PROJECT, builder, recorded_at};
use telemetry_delivery::ManualClock;
use tempfile::TempDir;

/// One server after the other over one folder.
struct Lives {
    folder: TempDir,
    clock: ManualClock,
}

impl Lives {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: ManualClock::new(recorded_at()),
        }
    }

    async fn server(&self) -> LocalServer {
        let builder = builder(&self.clock).data(self.folder.path());
        builder.start().await.unwrap()
    }
}

async fn end(server: LocalServer) -> ShutdownReport {
    server.shutdown(Duration::from_secs(60)).await
}

async fn with_logstore(server: &LocalServer, shards: u32) -> LocalLogstore {
    let service = server.service();
    service.create_project(PROJECT).await.unwrap();
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(shards);
    service.create_logstore(PROJECT, config).await.unwrap();
    service.logstore(PROJECT, LOGSTORE)
}

fn group(text: &str) -> EncodedGroup {
    let log = Log::at(1).with("text", text);
    EncodedGroup::from(&LogGroup::new(vec![log]).with_topic("t"))
}

fn texts(server: &LocalServer) -> Vec<String> {
    let stored = server.logs(PROJECT, LOGSTORE).into_iter();
    let texts = stored.flat_map(|stored| {
        let logs = stored.group.logs.into_iter();
        logs.map(|log| log.contents[0].value.to_string_lossy().into_owned())
    });
    texts.collect()
}

async fn send(server: &LocalServer, draft: Draft) -> Answer {
    draft.send(server.service()).await
}

fn group_call(method: &'static str, rest: &str) -> Draft {
    Draft::new(
        method,
        format!("/logstores/{LOGSTORE}/consumergroups{rest}"),
    )
}

#[tokio::test]
async fn logs_cursors_and_counts_survive() {
    let lives = Lives::new();
    let server = lives.server().await;
    let orders = with_logstore(&server, 1).await;
    for text in ["one", "two"] {
        orders.put_logs(&group(text)).await.unwrap();
    }
    let shard = ShardId(0);
    let begin = orders.cursor(shard, CursorPosition::Begin).await.unwrap();
    let end_cursor = orders.cursor(shard, CursorPosition::End).await.unwrap();
    end(server).await;

    let server = lives.server().await;
    let orders = server.service().logstore(PROJECT, LOGSTORE);
    assert_eq!(texts(&server), ["one", "two"]);
    assert_eq!(orders.arrived_logs(), 2);
    assert_eq!(orders.puts_by_shard()[&shard], 2);
    let pull = |cursor: Cursor| Pull {
        shard,
        cursor,
        count: 10,
        end_cursor: None,
        processing: None,
    };
    assert_eq!(orders.pull(pull(begin)).await.unwrap().log_count(), 2);
    orders.put_logs(&group("three")).await.unwrap();
    let new = orders.pull(pull(end_cursor)).await.unwrap();
    assert_eq!(new.log_count(), 1, "positions go on where they ended");
}

#[tokio::test]
async fn settings_indexes_and_shards_survive_and_what_was_deleted_stays_so() {
    let lives = Lives::new();
    let server = lives.server().await;
    let orders = with_logstore(&server, 2).await;
    orders.put_logs(&group("old")).await.unwrap();
    let shards = format!("/logstores/{LOGSTORE}/shards");
    let split = Draft::new("POST", format!("{shards}/0")).query("action", "split");
    let split = split.query("key", "20000000000000000000000000000000");
    send(&server, split).await.expect_ok();
    let merge = Draft::new("POST", format!("{shards}/2")).query("action", "merge");
    send(&server, merge).await.expect_ok();
    let index = json!({"line": {"token": [","]}});
    let create = Draft::new("POST", format!("/logstores/{LOGSTORE}/index")).json(index);
    send(&server, create).await.expect_ok();
    let update = Draft::new("PUT", format!("/logstores/{LOGSTORE}"));
    let update = update.json(json!({"logstoreName": LOGSTORE, "ttl": 7}));
    send(&server, update).await.expect_ok();
    let service = server.service();
    let gone = LogstoreConfig::named("gone-one").with_shard_count(1);
    service.create_logstore(PROJECT, gone).await.unwrap();
    let gone = service.logstore(PROJECT, "gone-one");
    gone.put_logs(&group("gone")).await.unwrap();
    send(&server, Draft::new("DELETE", "/logstores/gone-one"))
        .await
        .expect_ok();
    service.create_project("gone-project").await.unwrap();
    let inside = LogstoreConfig::named("inside").with_shard_count(1);
    service
        .create_logstore("gone-project", inside)
        .await
        .unwrap();
    let host = "gone-project.cn-hangzhou.log.aliyuncs.com";
    let delete = Draft::new("DELETE", "/").header("host", host);
    send(&server, delete).await.expect_ok();
    let before = orders.shards().await.unwrap();
    let described = send(&server, Draft::new("GET", format!("/logstores/{LOGSTORE}"))).await;
    let (described, project) = (
        described.json(),
        send(&server, Draft::new("GET", "/")).await,
    );
    end(server).await;

    let server = lives.server().await;
    let orders = server.service().logstore(PROJECT, LOGSTORE);
    assert_eq!(orders.shards().await.unwrap(), before);
    assert_eq!(before[0].status, ShardStatus::ReadOnly);
    assert_eq!(texts(&server), ["old"]);
    let again = send(&server, Draft::new("GET", format!("/logstores/{LOGSTORE}"))).await;
    assert_eq!(again.json(), described);
    assert_eq!(described["ttl"], 7);
    let again = send(&server, Draft::new("GET", "/")).await;
    assert_eq!(again.json(), project.json());
    let index = send(
        &server,
        Draft::new("GET", format!("/logstores/{LOGSTORE}/index")),
    )
    .await;
    assert_eq!(index.expect_ok().json()["line"]["token"], json!([","]));
    send(&server, Draft::new("GET", "/logstores/gone-one"))
        .await
        .expect(404, "LogStoreNotExist");
    let get = Draft::new("GET", "/").header("host", host);
    send(&server, get).await.expect(404, "ProjectNotExist");
    // New shards have numbers and logs of their own.
    let new = LogstoreConfig::named("gone-one").with_shard_count(1);
    let service = server.service();
    service.create_logstore(PROJECT, new).await.unwrap();
    assert_eq!(service.logstore(PROJECT, "gone-one").stored(), []);
}

#[tokio::test]
async fn a_group_with_its_holders_and_checkpoints_survives() {
    let lives = Lives::new();
    let server = lives.server().await;
    with_logstore(&server, 2).await;
    let create = json!({"consumerGroup": "g", "timeout": 60, "order": true});
    send(&server, group_call("POST", "").json(create))
        .await
        .expect_ok();
    let beat = |name: &str, held: serde_json::Value| {
        let call = group_call("POST", "/g").query("type", "heartbeat");
        call.query("consumer", name).json(held)
    };
    let held = send(&server, beat("a", json!([]))).await;
    assert_eq!(held.json(), json!([0, 1]));
    send(&server, beat("a", json!([0, 1]))).await.expect_ok();
    let save = group_call("POST", "/g").query("type", "checkpoint");
    let save = save.query("consumer", "a").query("forceSuccess", "false");
    let cursor = Cursor::at_position(77).to_string();
    let save = save.json(json!({"shard": 1, "checkpoint": cursor}));
    send(&server, save).await.expect_ok();
    let before = send(&server, group_call("GET", "/g")).await.json();
    end(server).await;

    let server = lives.server().await;
    let found = send(&server, group_call("GET", "/g")).await;
    assert_eq!(found.json(), before);
    assert_eq!(before[1]["checkpoint"], json!(cursor));
    let listed = send(&server, group_call("GET", "")).await.json();
    assert_eq!(listed[0]["order"], true);
    // Another one is not given what the first may still be reading ...
    let other = send(&server, beat("b", json!([]))).await;
    assert_eq!(other.json(), json!([]));
    // ... and the first goes on as if nothing had happened, and lets go of half.
    let first = send(&server, beat("a", json!([0, 1]))).await.expect_ok();
    assert_eq!(first.json().as_array().unwrap().len(), 1);
    send(&server, group_call("DELETE", "/g")).await.expect_ok();
    end(server).await;

    let server = lives.server().await;
    assert_eq!(send(&server, group_call("GET", "")).await.json(), json!([]));
}

#[tokio::test]
async fn what_trackers_sent_survives_with_its_marks_and_counts() {
    const BODY: &str = r#"[{"eventType":"CUSTOM","eventName":"paid","deviceId":"d",
        "timestamp":1700000000000,"dataSourceId":"s","projectKey":"p"}]"#;
    async fn track(service: &LocalService, body: &'static str) -> u16 {
        let request = Request::post("/v3/projects/p/collect?stm=1700000000000");
        let request = request.header("content-type", "application/json");
        let request = request.body(bytes::Bytes::from_static(body.as_bytes()));
        service.handle(request.unwrap()).await.status().as_u16()
    }
    let lives = Lives::new();
    let server = lives.server().await;
    for (body, status) in [(BODY, 200), (BODY, 200), ("[", 400)] {
        assert_eq!(track(server.service(), body).await, status);
    }
    let collected = server.growingio();
    let (counts, requests) = (collected.counts(), collected.requests());
    end(server).await;

    let server = lives.server().await;
    let collected = server.growingio();
    assert_eq!(collected.counts(), counts);
    assert_eq!(
        format!("{:?}", collected.requests()),
        format!("{requests:?}")
    );
    assert_eq!(requests[1].repeat_of, Some(1));
    assert_eq!(collected.events().len(), 2);
    assert_eq!(track(server.service(), BODY).await, 200);
    assert_eq!(collected.requests()[3].number, 4);
    collected.clear();
    end(server).await;

    let server = lives.server().await;
    assert!(server.growingio().requests().is_empty());
    assert_eq!(server.growingio().counts().requests, 0);
    assert_eq!(track(server.service(), BODY).await, 200);
    assert_eq!(server.growingio().requests()[0].number, 5);
}

#[tokio::test]
async fn what_expired_is_gone_after_a_start_too() {
    let lives = Lives::new();
    let server = lives.server().await;
    let orders = with_logstore(&server, 1).await;
    orders.put_logs(&group("old")).await.unwrap();
    end(server).await;
    lives.clock.advance(Duration::from_secs(31 * 24 * 60 * 60));

    let server = lives.server().await;
    assert_eq!(texts(&server), Vec::<String>::new());
    let orders = server.service().logstore(PROJECT, LOGSTORE);
    orders.put_logs(&group("new")).await.unwrap();
    assert_eq!(texts(&server), ["new"]);
    assert_eq!(orders.arrived_logs(), 2);
}

#[tokio::test]
async fn a_compressed_put_is_pulled_as_it_was_meant() {
    let lives = Lives::new();
    let server = lives.server().await;
    with_logstore(&server, 1).await;
    let raw = group(&"long ".repeat(1000));
    for compression in [Compression::Lz4, Compression::Zstd, Compression::Deflate] {
        let put = Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"));
        let packed = compression.compress(raw.as_bytes());
        let put = put.body("application/x-protobuf", packed);
        let size = raw.as_bytes().len().to_string();
        let put = put
            .header("x-log-bodyrawsize", size.as_str())
            .header("x-log-compresstype", compression.name());
        send(&server, put).await.expect_ok();
    }
    end(server).await;
    let server = lives.server().await;
    assert_eq!(texts(&server), vec!["long ".repeat(1000); 3]);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_named_with_the_reason() {
    async fn problem(folder: &Path) -> (DataProblem, String) {
        let error = LocalServer::builder().data(folder).start().await;
        let error = error.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&folder.display().to_string()), "{text}");
        match error {
            Error::Data { problem, .. } => (problem, text),
            other => panic!("{other}"),
        }
    }
    let lives = Lives::new();
    let folder = lives.folder.path();
    let server = lives.server().await;
    let (found, _) = problem(folder).await;
    assert_eq!(found, DataProblem::InUse);
    end(server).await;

    std::fs::write(folder.join("store.redb"), b"garbage").unwrap();
    let (found, text) = problem(folder).await;
    assert!(matches!(found, DataProblem::Damaged(_)), "{text}");

    let file = folder.join("lock");
    let (found, text) = problem(&file).await;
    assert!(matches!(found, DataProblem::Unreachable(_)), "{text}");
}

#[tokio::test]
async fn a_call_on_this_thread_returns_when_it_is_safe() {
    let lives = Lives::new();
    let service = builder(&lives.clock).data(lives.folder.path());
    let service = service.open_service().unwrap();
    service.create_project(PROJECT).await.unwrap();
    let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
    service.create_logstore(PROJECT, config).await.unwrap();
    let body = PutBody::new(&group("now"), Compression::Lz4);
    let put = PutLogs::new(PROJECT, LOGSTORE, body);
    service.perform_now(&put).unwrap();
    assert_eq!(service.logstore(PROJECT, LOGSTORE).arrived_logs(), 1);
}

#[tokio::test]
async fn a_service_without_a_socket_has_a_folder_too() {
    let lives = Lives::new();
    for text in ["first", "second"] {
        let service = builder(&lives.clock)
            .data(lives.folder.path())
            .open_service()
            .unwrap();
        // The second finds what the first has made.
        let made = service.create_project(PROJECT).await;
        assert_eq!(made.is_ok(), text == "first");
        let config = LogstoreConfig::named(LOGSTORE).with_shard_count(1);
        let made = service.create_logstore(PROJECT, config).await;
        assert_eq!(made.is_ok(), text == "first");
        let orders = service.logstore(PROJECT, LOGSTORE);
        orders.put_logs(&group(text)).await.unwrap();
        assert_eq!(orders.stored().len(), if text == "first" { 1 } else { 2 });
    }
}
