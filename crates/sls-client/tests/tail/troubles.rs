use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use sls_client::{Error, TailStream};
use sls_core::ErrorCode;
use sls_core::model::{CursorPosition, ShardId};
use tokio::task::yield_now;

use crate::logstore::{Logstore, logs};
use crate::troubled::{About, Prompt, TIMEOUT, Trouble, Troubled};

/// A logstore of two shards with a log in each, and a reader of it.
async fn two_shards(troubles: &[(About, Trouble)]) -> (Logstore, Troubled) {
    let logstore = Logstore::with_shards(2).await;
    logstore.put(0x00, 0).await;
    logstore.put(0xff, 1).await;
    let reader = Troubled::new(logstore.reader(), troubles.iter().copied());
    (logstore, reader)
}

#[tokio::test(start_paused = true)]
async fn an_error_names_its_shard_and_holds_up_no_other() {
    let trouble = (About::Pull(0), Trouble::Fails);
    let (_logstore, reader) = two_shards(&[trouble; 3]).await;
    let mut tail = TailStream::new(reader, CursorPosition::Begin);
    let (mut errors, mut numbers) = (0, Vec::new());
    while numbers.len() < 2 {
        match tail.next().await.unwrap() {
            Ok(batch) => numbers.extend(logs(&batch).into_iter().map(|(_, number)| number)),
            Err(error) => {
                assert_eq!(error.shard(), Some(ShardId(0)));
                assert!(matches!(error.error(), Error::NoAnswer { .. }));
                assert_eq!(error.to_string(), "shard 0 could not be read");
                errors += 1;
            }
        }
    }
    assert_eq!((errors, numbers), (3, vec![1, 0]));
}

#[tokio::test(start_paused = true)]
async fn a_list_or_a_cursor_that_fails_is_tried_again() {
    let troubles = [
        (About::Shards, Trouble::Fails),
        (About::Shards, Trouble::Fails),
        (About::Cursor(1), Trouble::Fails),
    ];
    let (_logstore, reader) = two_shards(&troubles).await;
    let start = tokio::time::Instant::now();
    let mut tail = TailStream::new(reader, CursorPosition::Begin);
    for pause in [0, 1] {
        let error = tail.next().await.unwrap().unwrap_err();
        assert_eq!(error.shard(), None, "{error}");
        assert_eq!(start.elapsed().as_secs(), pause);
    }
    let mut given = 0;
    while given < 2 {
        match tail.next().await.unwrap() {
            Ok(_) => given += 1,
            Err(error) => assert_eq!(error.shard(), Some(ShardId(1))),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_given_up_at_any_point_loses_nothing() {
    let troubles = [
        (About::Shards, Trouble::Fails),
        (About::Pull(0), Trouble::Fails),
        (About::Cursor(1), Trouble::Fails),
    ];
    for polls in 1..=4 {
        let (logstore, reader) = two_shards(&troubles).await;
        let mut tail = TailStream::new(reader.clone(), CursorPosition::Begin)
            .with_count(1)
            .with_idle(Duration::ZERO);
        for number in 2..20 {
            logstore.put((number * 13) as u8, number).await;
        }
        let (mut errors, mut numbers) = (0, Vec::new());
        while numbers.len() < 20 {
            let mut next = pin!(tail.next());
            for _ in 0..polls {
                match poll_once(next.as_mut()).await {
                    None => yield_now().await,
                    Some(item) => {
                        match item.unwrap() {
                            Ok(batch) => numbers.extend(logs(&batch)),
                            Err(_) => errors += 1,
                        }
                        break;
                    }
                }
            }
        }
        let mut numbers: Vec<_> = numbers.into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..20).collect::<Vec<_>>(), "{polls} polls");
        assert_eq!(errors, troubles.len(), "{polls} polls");
    }
}

/// Polls a future once, so that it can be dropped in the middle.
async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_awaited_is_repeated_and_is_no_error() {
    let (_logstore, reader) = two_shards(&[(About::Pull(1), Trouble::TimesOut)]).await;
    let mut tail = TailStream::new(reader, CursorPosition::Begin);
    let batch = tail.next().await.unwrap().unwrap();
    assert_eq!(batch.shard, ShardId(0));
    // The program is busy for longer than the other call has time.
    tokio::time::sleep(TIMEOUT * 2).await;
    let batch = tail.next().await.unwrap().unwrap();
    assert_eq!(batch.shard, ShardId(1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_was_awaited_in_vain_is_an_error() {
    let (_logstore, reader) = two_shards(&[(About::Pull(1), Trouble::TimesOut)]).await;
    let mut tail = TailStream::new(reader, CursorPosition::Begin);
    assert_eq!(tail.next().await.unwrap().unwrap().shard, ShardId(0));
    let error = tail.next().await.unwrap().unwrap_err();
    assert_eq!(error.shard(), Some(ShardId(1)));
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_silent_holds_up_no_other() {
    let (logstore, reader) = two_shards(&[(About::Pull(0), Trouble::Hangs)]).await;
    let mut tail = TailStream::new(reader, CursorPosition::Begin);
    for number in 2..6 {
        assert_eq!(tail.next().await.unwrap().unwrap().shard, ShardId(1));
        logstore.put(0xff, number).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_gone_is_told_once_and_its_children_are_read() {
    let logstore = Logstore::with_shards(1).await;
    logstore.put(0, 0).await;
    let mut tail = TailStream::new(logstore.reader(), CursorPosition::Begin).with_count(1);
    assert_eq!(logs(&tail.next().await.unwrap().unwrap()), [(0, 0)]);
    logstore.put(0, 1).await;
    logstore.split(0, "80").await;
    logstore.put(0, 2).await;
    logstore.delete_shard(0).await;
    let error = tail.next().await.unwrap().unwrap_err();
    assert_eq!(error.error().code(), Some(&ErrorCode::ShardNotExist));
    assert_eq!(logs(&tail.next().await.unwrap().unwrap()), [(0, 2)]);
    assert!(!tail.positions().unwrap().contains_key(&ShardId(0)));
}

#[tokio::test(start_paused = true)]
async fn no_more_calls_are_under_way_than_allowed() {
    let logstore = Logstore::with_shards(16).await;
    for number in 0..64 {
        logstore.put((number * 4) as u8, number).await;
    }
    for calls in [1, 3] {
        let reader = Troubled::new(logstore.reader(), []);
        let mut tail = TailStream::new(reader.clone(), CursorPosition::Begin)
            .with_count(1)
            .with_max_in_flight(calls)
            .until_caught_up();
        let mut batches = 0;
        while let Some(batch) = tail.next().await {
            batch.unwrap();
            batches += 1;
        }
        assert_eq!((batches, reader.most_in_flight()), (64, calls));
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_pulled_while_nobody_asks_and_little_is_pulled_ahead() {
    let logstore = Logstore::with_shards(2).await;
    for number in 0..40 {
        logstore.put((number % 2 * 255) as u8, number).await;
    }
    let reader = Troubled::new(logstore.reader(), []);
    let mut tail = TailStream::new(reader.clone(), CursorPosition::Begin).with_count(1);
    assert_eq!(reader.pulls(), 0);
    for given in 1..=20 {
        tail.next().await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        let pulls = reader.pulls();
        assert!(pulls <= given + 1, "{pulls} pulls for {given} batches");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_never_waits_leaves_the_thread_to_others_now_and_then() {
    let mut tail = TailStream::new(Prompt, CursorPosition::Begin).with_idle(Duration::ZERO);
    let others = async {
        for _ in 0..10 {
            yield_now().await;
        }
    };
    tokio::select! {
        _ = tail.next() => panic!("there is nothing to give"),
        () = others => {}
    }
}

#[tokio::test(start_paused = true)]
async fn waits_without_end_are_waits() {
    let mut tail = TailStream::new(Prompt, CursorPosition::Begin)
        .with_idle(Duration::MAX)
        .with_list_interval(Duration::MAX);
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, tail.next()).await.is_err());
}
