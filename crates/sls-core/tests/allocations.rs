//! What is done for every log allocates nothing, and what is done for every request little.

use std::borrow::Cow;
use std::hint::black_box;
use std::time::{Duration, UNIX_EPOCH};

use allocation_counter::measure;
use sls_core::Credentials;
use sls_core::sign::{SignV1, SignV4, SignableRequest, Signer};
use sls_core::wire::{
    Compression, EncodedGroup, GroupEncoder, GroupListEncoder, GroupListView, GroupMeta,
};

const LOGS: u32 = 1000;

/// Logs of different sizes, on both sides of what one byte can say, some with nanoseconds,
/// some not UTF-8.
fn append(group: &mut GroupEncoder) {
    const LONG: &[u8] = &[b'x'; 300];
    for number in 0..LOGS {
        let mut log = group.log(1_700_000_000 + number);
        log.field("level", "INFO").field("message", "paid");
        if number % 7 == 0 {
            log.field("body", &LONG[..number as usize % LONG.len()]);
        }
        if number % 11 == 0 {
            log.field("raw", b"\xff\xfe").time_ns(number);
        }
    }
}

fn group() -> EncodedGroup {
    let mut group = GroupEncoder::new();
    append(&mut group);
    group.finish(&GroupMeta::default().with_topic("shop"))
}

#[test]
fn encoding_into_a_used_group_allocates_nothing() {
    let mut used = Some(group());
    let meta = GroupMeta::default().with_topic("shop");
    let counted = measure(|| {
        let mut group = used
            .take()
            .map_or_else(GroupEncoder::new, GroupEncoder::reuse);
        append(&mut group);
        used = Some(group.finish(&meta));
    });
    assert_eq!(counted.count_total, 0);
    assert_eq!(used, Some(group()));
}

#[test]
fn a_checked_borrowed_decode_allocates_nothing() {
    let mut list = GroupListEncoder::new();
    for _ in 0..3 {
        list.push(group().as_bytes());
    }
    let bytes = list.into_bytes();
    let mut texts = 0;
    let counted = measure(|| {
        let list = GroupListView::parse(&bytes).expect("well-formed");
        for log in list.groups().flat_map(|group| group.logs()) {
            black_box((log.time(), log.time_ns(), log.get("level")));
            for (key, value) in log.contents() {
                texts += usize::from(key.to_str().is_ok()) + usize::from(value.to_str().is_ok());
            }
        }
    });
    assert_eq!(counted.count_total, 0);
    assert!(texts > 3 * 4 * LOGS as usize);
}

#[test]
fn compressing_again_allocates_the_result_only() {
    let group = group();
    black_box(Compression::Lz4.compress(group.as_bytes()));
    let counted = measure(|| {
        black_box(Compression::Lz4.compress(group.as_bytes()));
    });
    assert_eq!(counted.count_total, 1);
}

#[test]
fn signing_allocates_a_handful_of_times() {
    let query = [(Cow::Borrowed("count"), Cow::Borrowed("1000"))];
    let request = SignableRequest {
        method: "POST",
        path: "/logstores/access/shards/lb",
        query: &query,
        headers: &[
            ("content-type", b"application/x-protobuf"),
            ("host", b"shop.cn-hangzhou.log.aliyuncs.com"),
            ("x-log-apiversion", b"0.6.0"),
            ("x-log-bodyrawsize", b"1234"),
            ("x-log-compresstype", b"lz4"),
        ],
        body: b"some bytes",
    };
    let credentials = Credentials::new("id", "secret").with_security_token("token");
    let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let v4 = SignV4::new("cn-hangzhou");
    for signer in [&SignV1 as &dyn Signer, &v4] {
        // Version 4 makes the key of the day on the way.
        signer.sign(&request, &credentials, time).expect("signed");
        let counted = measure(|| {
            black_box(signer.sign(&request, &credentials, time)).expect("signed");
        });
        // The headers and the query in order, the headers added, and one block for all their
        // values with its counter of owners.
        assert_eq!(counted.count_total, 5, "{signer:?}");
    }
}
