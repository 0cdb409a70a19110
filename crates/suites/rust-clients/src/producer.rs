//! Input: `{"logs": N, "topics": [..], "compression": NAME}`. Sends numbered logs to the
//! topics in turns and closes. Result: how many logs were reported as delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use aliyun_log_producer::{Compression, Producer, ProducerConfig, SendOptions, log};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::session::{Result, Session, input};

/// The second of the first log.
const FIRST: u64 = 1_700_000_000;

#[derive(Deserialize)]
struct Work {
    logs: u32,
    topics: Vec<String>,
    compression: String,
}

pub(crate) fn run(session: &mut Session) -> Result<Value> {
    let work: Work = input()?;
    let compression = match work.compression.as_str() {
        "lz4" => Compression::Lz4,
        "zstd" => Compression::Zstd,
        other => return Err(format!("there is no compression {other:?}").into()),
    };
    let config = ProducerConfig::default()
        .with_endpoint(&session.endpoint)
        .with_access_key(&session.key.0, &session.key.1)
        .with_compression(compression)
        .with_batch_count_threshold(100)
        .with_linger(Duration::from_millis(50));
    let producer = Producer::create(config)?;
    let writer = producer.writer(&session.project, &session.logstore)?;
    let (delivered, refused) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    for number in 0..work.logs {
        let topic = &work.topics[number as usize % work.topics.len()];
        let options = SendOptions::default()
            .with_topic(topic)
            .with_source("10.0.0.2");
        let time = UNIX_EPOCH + Duration::from_secs(FIRST + u64::from(number));
        let entry = log!(time = time; "number": number.to_string(), "message": "付款 ✅");
        let counts = (Arc::clone(&delivered), Arc::clone(&refused));
        writer.send_with_options_and_callback(entry, options, move |result| {
            let count = if result.is_ok() { &counts.0 } else { &counts.1 };
            count.fetch_add(1, Ordering::SeqCst);
        })?;
    }
    producer.close_blocking()?;
    Ok(json!({
        "delivered": delivered.load(Ordering::SeqCst),
        "refused": refused.load(Ordering::SeqCst),
    }))
}
