//! What the handles do with one answer after another, over a script.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use sls_client::{Client, Credentials, Error, LogstoreHandle, Patience, StaticCredentials};
use sls_core::ErrorCode;
use sls_core::api::{ListProjects, WebLog};
use sls_core::credentials::CredentialsFuture;
use sls_core::model::{ConsumerGroup, Cursor, CursorPosition, LogQuery, LogstoreConfig, ShardId};
use sls_core::service::{CheckpointStore, GroupCoordinator, SaveCheckpoint};
use telemetry_delivery::{ManualClock, Reply, RetryConfig, ScriptedTransport};

/// A client that takes its answers from a script, and the script to look at.
fn scripted(replies: Vec<Reply>) -> (Client, ScriptedTransport) {
    let credentials = StaticCredentials::new(Credentials::new("id", "secret"));
    let transport = ScriptedTransport::new(replies);
    let client = Client::builder("example.test".parse().unwrap(), credentials)
        .with_clock(ManualClock::new(
            UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        ))
        .with_retry(RetryConfig::default().with_max_attempts(1))
        .build_with(transport.clone())
        .unwrap();
    (client, transport)
}

fn logstore(replies: Vec<Reply>) -> (LogstoreHandle, ScriptedTransport) {
    let (client, transport) = scripted(replies);
    (client.logstore("shop", "access"), transport)
}

fn ok(body: &Value) -> Reply {
    Reply::response(Response::new(Bytes::from(body.to_string())))
}

fn done() -> Reply {
    Reply::response(Response::new(Bytes::new()))
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({ "errorCode": code, "errorMessage": message });
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status.try_into().unwrap();
    Reply::response(response)
}

/// An empty answer to a pull, with the cursor behind it.
fn pulled(next: u64) -> Reply {
    let cursor = Cursor::at_position(next);
    let response = Response::builder()
        .header("x-log-cursor", cursor.as_str())
        .header("x-log-count", "0")
        .header("x-log-bodyrawsize", "0");
    Reply::response(response.body(Bytes::new()).unwrap())
}

fn cursor(position: u64) -> Reply {
    ok(&json!({ "cursor": Cursor::at_position(position) }))
}

/// Method, path and query of each request.
fn asked(transport: &ScriptedTransport) -> Vec<String> {
    let line = |request: &Request<Bytes>| {
        let target = request
            .uri()
            .path_and_query()
            .map_or("", |text| text.as_str());
        format!("{} {target}", request.method())
    };
    transport.requests().iter().map(line).collect()
}

fn body(transport: &ScriptedTransport, index: usize) -> Value {
    serde_json::from_slice(transport.requests()[index].body()).unwrap()
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_call_about_the_account_goes_to_the_endpoint_itself() {
    let (client, transport) = scripted(vec![ok(&json!({"total": 0, "projects": []}))]);
    client.list_projects(&ListProjects::new()).await.unwrap();
    let request = &transport.requests()[0];
    assert_eq!(request.headers()["host"], "example.test");
    assert!(request.headers().contains_key("authorization"));
}

#[tokio::test]
async fn only_calls_about_the_account_go_without_a_project() {
    let (client, transport) = scripted(vec![]);
    let error = client.project("").get().await.unwrap_err();
    assert!(matches!(error, Error::InvalidRequest { .. }), "{error}");
    assert_eq!(transport.requests().len(), 0);
}

#[tokio::test]
async fn web_tracking_needs_no_credentials_and_sends_none() {
    #[derive(Debug)]
    struct Nobody;
    impl sls_core::CredentialsProvider for Nobody {
        fn credentials(&self) -> CredentialsFuture<'_> {
            panic!("nobody must ask")
        }
    }
    let transport = ScriptedTransport::new([done()]);
    let client = Client::builder("example.test".parse().unwrap(), Nobody)
        .build_with(transport.clone())
        .unwrap();
    let logstore = client.logstore("shop", "clicks");
    logstore
        .track(vec![WebLog::new().with("a", "1")])
        .await
        .unwrap();
    let request = &transport.requests()[0];
    assert_eq!(asked(&transport), ["POST /logstores/clicks/track"]);
    for name in ["authorization", "date", "x-acs-security-token"] {
        assert!(!request.headers().contains_key(name), "{name}");
    }
    assert_eq!(request.headers()["x-log-apiversion"], "0.6.0");
}

#[tokio::test]
async fn a_list_that_does_not_fit_one_answer_is_read_on() {
    let page = |count: usize, total| {
        let project = json!({ "projectName": "p" });
        ok(&json!({ "count": count, "total": total, "projects": vec![project; count] }))
    };
    let (client, transport) = scripted(vec![page(500, 700), page(150, 650)]);
    let all = ListProjects::new().with_size(u32::MAX).with_offset(10);
    let listed = client.list_projects(&all).await.unwrap();
    assert_eq!((listed.items.len(), listed.total), (650, 650));
    assert_eq!(
        asked(&transport),
        [
            "GET /?offset=10&size=500&resourceGroupId=",
            "GET /?offset=510&size=500&resourceGroupId=",
        ]
    );

    let (client, transport) = scripted(vec![page(500, 700), page(100, 700)]);
    let some = ListProjects::new().with_size(600);
    let listed = client.list_projects(&some).await.unwrap();
    assert_eq!(listed.items.len(), 600);
    assert!(asked(&transport)[1].contains("size=100"));

    // One answer could have held these, so fewer are all there are.
    let (client, transport) = scripted(vec![page(2, 700)]);
    let listed = client.list_projects(&ListProjects::new()).await.unwrap();
    assert_eq!((listed.items.len(), transport.requests().len()), (2, 1));
}

#[tokio::test]
async fn an_old_server_is_asked_again_with_the_basic_settings_and_nobody_else_is() {
    let redundant = refused(400, "LogStoreInfoInvalid", "redundant key exist in json");
    let (handle, transport) = logstore(vec![redundant, done()]);
    handle.create(LogstoreConfig::named("")).await.unwrap();
    assert!(body(&transport, 0).get("autoSplit").is_some());
    assert_eq!(
        body(&transport, 1),
        json!({"logstoreName": "access", "ttl": 30, "shardCount": 2, "enable_tracking": false})
    );

    let (handle, transport) = logstore(vec![refused(400, "LogStoreInfoInvalid", "bad name")]);
    handle.create(LogstoreConfig::named("")).await.unwrap_err();
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test]
async fn an_update_keeps_the_name_and_writes_only_what_it_must() {
    let present = json!({
        "logstoreName": "access", "ttl": 30, "shardCount": 4, "hot_ttl": 7, "createTime": 1,
        "enable_tracking": false,
    });
    let (handle, transport) = logstore(vec![ok(&present), done()]);
    handle
        .update(|config| {
            config.name = "other".to_owned();
            config.ttl = 90;
        })
        .await
        .unwrap();
    let written = body(&transport, 1);
    assert_eq!(asked(&transport)[1], "PUT /logstores/access");
    assert_eq!(written["logstoreName"], "access");
    assert_eq!(
        (&written["ttl"], &written["shardCount"]),
        (&json!(90), &json!(4))
    );
    assert_eq!(written.get("hot_ttl"), None);
}

#[tokio::test]
async fn the_time_in_front_of_a_cursor_is_moved_into_the_shard() {
    let lost = || refused(400, "InvalidCursor", "gone");
    let time = || ok(&json!({ "cursor_time": 7 }));
    for (position, replies, want) in [
        (10, vec![time()], vec![9]),
        (10, vec![lost(), cursor(20), time()], vec![9, 20]),
        (
            40,
            vec![lost(), cursor(20), cursor(30), time()],
            vec![39, 30],
        ),
        (0, vec![cursor(20), time()], vec![20]),
    ] {
        let (handle, transport) = logstore(replies);
        let before = Cursor::at_position(position);
        let got = handle.previous_cursor_time(ShardId(0), &before).await;
        assert_eq!(got.unwrap(), at(7));
        let times = asked(&transport);
        let times = times
            .iter()
            .filter(|line| line.contains("type=cursor_time"));
        let want: Vec<_> = want.into_iter().map(Cursor::at_position).collect();
        for (line, want) in times.zip(&want) {
            let value = want.as_str().replace('=', "%3D");
            assert!(line.ends_with(&format!("cursor={value}")), "{line}");
        }
    }

    // Inside the shard the refusal stands.
    let (handle, _) = logstore(vec![lost(), cursor(0), cursor(30)]);
    let error = handle
        .previous_cursor_time(ShardId(0), &Cursor::at_position(10))
        .await;
    assert_eq!(error.unwrap_err().code(), Some(&ErrorCode::InvalidCursor));
}

#[tokio::test]
async fn a_bounded_stream_fixes_its_end_first_and_ends_there() {
    let (handle, transport) = logstore(vec![cursor(1), cursor(5), pulled(3), pulled(5)]);
    let mut stream = handle.shard(ShardId(0)).bounded(at(100)..at(200));
    let mut batches = 0;
    while let Some(batch) = stream.next().await {
        batch.unwrap();
        batches += 1;
    }
    assert_eq!(batches, 2);
    let asked = asked(&transport);
    assert!(asked[0].ends_with("from=100") && asked[1].ends_with("from=200"));
    assert!(asked[2].contains("end_cursor=NQ%3D%3D"), "{}", asked[2]);
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_bounded_stream_ends_where_nothing_is_left() {
    // Empty: begin and end are one.
    let (handle, transport) = logstore(vec![cursor(5), cursor(5)]);
    let shard = handle.shard(ShardId(0));
    let mut stream = shard.clone().stream_between(at(1), CursorPosition::End);
    assert!(stream.next().await.is_none());
    assert_eq!(transport.requests().len(), 2);

    // Turned round.
    let mut stream = shard.stream_between(Cursor::at_position(9), Cursor::at_position(2));
    assert!(stream.next().await.is_none());

    // The cursor stands still in front of the end.
    let (handle, _) = logstore(vec![pulled(3)]);
    let mut stream = handle
        .shard(ShardId(0))
        .stream_between(Cursor::at_position(3), Cursor::at_position(9));
    assert!(stream.next().await.is_none());
    assert!(stream.next().await.is_none());
}

fn search() -> LogQuery {
    LogQuery::between(at(1), at(2))
}

fn result(progress: &str, rows: usize) -> Reply {
    let meta = json!({ "progress": progress, "count": rows, "processedRows": 10 });
    ok(&json!({ "meta": meta, "data": vec![json!({ "a": "1" }); rows] }))
}

#[tokio::test(start_paused = true)]
async fn a_search_is_repeated_until_it_is_complete_or_the_patience_is_over() {
    let (handle, transport) = logstore(vec![result("Incomplete", 0), result("Complete", 1)]);
    let before = tokio::time::Instant::now();
    let found = handle.query(search()).await.unwrap();
    assert!(found.is_complete());
    assert_eq!(before.elapsed(), Duration::from_millis(500));
    assert_eq!(body(&transport, 0), body(&transport, 1));

    let never = (0..5).map(|_| result("Incomplete", 2)).collect();
    let (handle, transport) = logstore(never);
    let before = tokio::time::Instant::now();
    let found = handle.query(search()).await.unwrap();
    assert!(!found.is_complete());
    assert_eq!(found.rows.len(), 2);
    assert_eq!(transport.requests().len(), 5);
    // There is nothing to wait for after the last answer.
    assert_eq!(before.elapsed(), Duration::from_secs(2));

    let (handle, transport) = logstore(vec![result("Incomplete", 0)]);
    handle.query_with(search(), Patience::none()).await.unwrap();
    assert_eq!(transport.requests().len(), 1);
}

#[tokio::test]
async fn pages_of_a_search_are_put_together() {
    let replies = vec![result("Complete", 100), result("Complete", 50)];
    let (handle, transport) = logstore(replies);
    let found = handle
        .query_pages(search().with_offset(5), 150)
        .await
        .unwrap();
    assert_eq!((found.rows.len(), found.meta.count), (150, 150));
    assert_eq!(found.meta.processed_rows, 20);
    let second = body(&transport, 1);
    assert_eq!(
        (&second["offset"], &second["line"]),
        (&json!(105), &json!(50))
    );

    let (handle, transport) = logstore(vec![result("Complete", 3), result("Complete", 0)]);
    let found = handle.query_pages(search(), u64::MAX).await.unwrap();
    assert_eq!((found.rows.len(), transport.requests().len()), (3, 2));
}

#[tokio::test]
async fn topics_are_read_to_the_end_of_the_list() {
    let part = |topics: Value, token: &str| {
        let response = Response::builder().header("x-log-nexttoken", token);
        Reply::response(response.body(Bytes::from(topics.to_string())).unwrap())
    };
    let (handle, transport) = logstore(vec![part(json!(["", "a"]), "b"), part(json!(["b"]), "")]);
    assert_eq!(handle.topics().await.unwrap(), ["", "a", "b"]);
    assert_eq!(
        asked(&transport)[1],
        "GET /logstores/access?type=topic&token=b"
    );

    // A server that forgets to end its list is not asked for ever.
    let (handle, _) = logstore(vec![part(json!([]), "b")]);
    assert!(handle.topics().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_group_is_touched_only_where_it_is_not_as_it_should_be() {
    // The service keeps whole seconds, rounded up.
    let group = ConsumerGroup::new("g", Duration::from_millis(39_500));
    let listed = |timeout: u32| ok(&json!([{"name": "g", "timeout": timeout, "order": false}]));
    let exists = || refused(400, "ConsumerGroupAlreadyExist", "");
    let forbidden = || refused(401, "Unauthorized", "denied by sts or ram");
    for (replies, want) in [
        (vec![listed(40)], "GET"),
        (vec![listed(60), done()], "GET PUT"),
        (vec![ok(&json!([])), done()], "GET POST"),
        (vec![ok(&json!([])), exists(), done()], "GET POST PUT"),
        (vec![forbidden(), done()], "GET POST"),
        (vec![forbidden(), exists(), done()], "GET POST PUT"),
    ] {
        let (handle, transport) = logstore(replies);
        handle.ensure_group(&group).await.unwrap();
        let methods: Vec<_> = transport
            .requests()
            .iter()
            .map(|request| request.method().to_string())
            .collect();
        assert_eq!(methods.join(" "), want);
    }

    let (handle, _) = logstore(vec![forbidden(), forbidden()]);
    let error = handle.ensure_group(&group).await.unwrap_err();
    assert_eq!(error.code(), Some(&ErrorCode::Unauthorized));
}

#[tokio::test]
async fn checkpoints_are_kept_with_the_group() {
    let saved = |cursor: &str| ok(&json!([{"shard": 3, "checkpoint": cursor}]));
    let replies = vec![saved("MQ=="), saved(""), ok(&json!([])), done(), done()];
    let (handle, transport) = logstore(replies);
    let store: &dyn CheckpointStore = &handle;
    let shard = ShardId(3);
    let found = store.load("g", shard).await.unwrap();
    assert_eq!(found, Some(Cursor::at_position(1)));
    // Nothing saved, and no such shard.
    assert_eq!(store.load("g", shard).await.unwrap(), None);
    assert_eq!(store.load("g", shard).await.unwrap(), None);
    for (only_while_held, force) in [(true, false), (false, true)] {
        let save = SaveCheckpoint {
            group: "g",
            shard,
            cursor: &Cursor::at_position(2),
            consumer: &"c".into(),
            only_while_held,
        };
        store.save(save).await.unwrap();
        let last = asked(&transport).pop().unwrap();
        let want = format!("consumergroups/g?type=checkpoint&consumer=c&forceSuccess={force}");
        assert!(last.ends_with(&want), "{last}");
    }
}

#[tokio::test]
async fn a_group_is_not_asked_to_change_nothing() {
    let (handle, transport) = logstore(vec![]);
    let error = handle
        .consumer_group("g")
        .update(None, None)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::InvalidRequest { .. }), "{error}");
    assert_eq!(transport.requests().len(), 0);
}
