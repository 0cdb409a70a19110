//! Checkpoints in a folder, over a real file system.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};

use sls_consumer::FileCheckpoints;
use sls_core::model::{Cursor, ShardId};
use sls_core::service::{CheckpointStore, SaveCheckpoint};

fn at(position: u64) -> Cursor {
    Cursor::at_position(position)
}

async fn save(store: &FileCheckpoints, group: &str, shard: u32, cursor: &Cursor) {
    let checkpoint = SaveCheckpoint {
        group,
        shard: ShardId(shard),
        cursor,
        consumer: &"worker".into(),
        only_while_held: true,
    };
    store.save(checkpoint).await.unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

#[tokio::test]
async fn another_process_finds_what_was_saved_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoints::open(folder.path()).unwrap();
    assert_eq!(store.load("g", ShardId(0)).await.unwrap(), None);
    save(&store, "g", 0, &at(5)).await;
    save(&store, "g", 1, &at(6)).await;
    save(&store, "h", 0, &at(7)).await;
    save(&store, "g", 0, &at(4)).await;
    drop(store);

    let store = FileCheckpoints::open(folder.path()).unwrap();
    assert_eq!(store.load("g", ShardId(0)).await.unwrap(), Some(at(4)));
    assert_eq!(store.load("g", ShardId(1)).await.unwrap(), Some(at(6)));
    assert_eq!(store.load("h", ShardId(0)).await.unwrap(), Some(at(7)));
    assert_eq!(store.load("h", ShardId(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_save_that_was_cut_off_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoints::open(folder.path()).unwrap();
    save(&store, "g", 0, &at(5)).await;
    std::fs::write(
        folder.path().join("group-g").join(".0123456789abcdef"),
        "sls ch",
    )
    .unwrap();
    let store = FileCheckpoints::open(folder.path()).unwrap();
    assert_eq!(store.load("g", ShardId(0)).await.unwrap(), Some(at(5)));
}

#[tokio::test]
async fn a_damaged_file_is_an_error_that_names_it_and_not_a_shard_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoints::open(folder.path()).unwrap();
    save(&store, "g", 0, &at(5)).await;
    let file = files(&folder.path().join("group-g")).remove(0);
    for bytes in [
        &b""[..],
        b"sls checkpoint 1\ncursor ",
        b"\xff\xfe",
        &[b'x'; 100_000],
    ] {
        std::fs::write(&file, bytes).unwrap();
        let error = store.load("g", ShardId(0)).await.unwrap_err();
        assert!(!error.is_retryable(), "{error:?}");
        assert_eq!(error.to_string(), "LoadCheckpoint g shard 0 got no answer");
    }
    std::fs::write(&file, "sls checkpoint 2\n").unwrap();
    let error = store.load("g", ShardId(0)).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("written by a newer version"), "{cause}");
    assert!(cause.contains("0.checkpoint"), "{cause}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error_and_keeps_what_it_had() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoints::open(folder.path()).unwrap();
    // Where the group's folder should be there is a file.
    std::fs::write(folder.path().join("group-g"), "").unwrap();
    let checkpoint = SaveCheckpoint {
        group: "g",
        shard: ShardId(0),
        cursor: &at(1),
        consumer: &"worker".into(),
        only_while_held: true,
    };
    let error = store.save(checkpoint).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert_eq!(std::fs::read(folder.path().join("group-g")).unwrap(), b"");
}

#[tokio::test]
async fn saves_at_the_same_time_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileCheckpoints::open(folder.path()).unwrap();
    let other = FileCheckpoints::open(folder.path()).unwrap();
    let mut saves = tokio::task::JoinSet::new();
    for shard in 0..16 {
        for store in [store.clone(), other.clone()] {
            saves.spawn(async move { save(&store, "g", shard, &at(u64::from(shard))).await });
        }
    }
    saves.join_all().await;
    for shard in 0..16 {
        let found = store.load("g", ShardId(shard)).await.unwrap();
        assert_eq!(found, Some(at(u64::from(shard))));
    }
    assert_eq!(
        files(&folder.path().join("group-g")).len(),
        16,
        "nothing is left aside"
    );
}
