use std::time::{Duration, UNIX_EPOCH};

use sls_client::TailStream;
use sls_core::model::CursorPosition;

use crate::logstore::{Logstore, logs, numbers};

#[tokio::test]
async fn a_tail_without_news_ends_when_it_only_catches_up() {
    let logstore = Logstore::with_shards(3).await;
    let tail = || TailStream::new(logstore.reader(), CursorPosition::Begin).until_caught_up();
    assert_eq!(numbers(tail()).await, [0; 0]);
    logstore.put(0x00, 0).await;
    logstore.put(0xff, 1).await;
    assert_eq!(numbers(tail()).await, [0, 1]);
    let query = tail().with_query("* | where key = '255'");
    assert_eq!(numbers(query).await, [1]);
}

#[tokio::test]
async fn a_tail_between_two_times_ends_in_front_of_the_second() {
    let logstore = Logstore::with_shards(2).await;
    for number in 0..6 {
        logstore.put((number * 40) as u8, number).await;
        logstore.service.advance(Duration::from_secs(10));
    }
    let at = |seconds: u64| UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds);
    let tail = TailStream::new(logstore.reader(), at(10)).up_to(at(40));
    assert_eq!(numbers(tail).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_tail_between_two_saved_positions_gives_what_came_between() {
    let logstore = Logstore::with_shards(2).await;
    let mut saved = Vec::new();
    let mut tail = TailStream::new(logstore.reader(), CursorPosition::Begin);
    for number in 0..4 {
        logstore.put((number * 60) as u8, number).await;
        let batch = tail.next().await.unwrap().unwrap();
        assert_eq!(logs(&batch).len(), 1);
        saved.push(tail.positions().unwrap());
    }
    let between = TailStream::new(logstore.reader(), saved[0].clone()).up_to(saved[2].clone());
    assert_eq!(numbers(between).await, [1, 2]);
}

#[cfg(feature = "https")]
#[tokio::test]
async fn it_is_a_stream_of_the_ecosystem_over_the_client_too() {
    use futures_core::Stream as _;
    use sls_client::{Client, StaticCredentials};

    let server = sls_local::LocalServer::builder().start().await.unwrap();
    let credentials = StaticCredentials::new(server.credentials());
    let client = Client::builder(server.endpoint().parse().unwrap(), credentials)
        .build()
        .unwrap();
    client.project("shop").create("").await.unwrap();
    let logstore = client.logstore("shop", "access");
    let config = sls_core::model::LogstoreConfig::named("access");
    logstore.create(config).await.unwrap();
    let tail = logstore.tail(CursorPosition::Begin).until_caught_up();
    let mut stream = std::pin::pin!(tail.into_stream());
    let end = std::future::poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
    assert!(end.is_none());
}
