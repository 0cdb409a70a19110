//! Logs and records on their way through the batching producers: ours, and the published one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aliyun_log_producer::{Compression, LogstoreWriter, Producer, ProducerConfig, ProducerError};
use aliyun_log_sdk_protobuf::Log;

use crate::corpus::Corpus;
use crate::official::PROJECT;
use crate::ours::{self, Signature};
use crate::server::{KEY_ID, KEY_SECRET};
use crate::work::Work;

/// No group is sealed for its size, so that both contenders cut at the same logs.
const GROUP_BYTES: usize = 8 << 20;
/// As for one group of records in our handler.
const RECORD_GROUP_BYTES: usize = 1 << 20;
const TIMEOUT: Duration = Duration::from_secs(60);

/// From `&str` fields to the server's answer.
pub(crate) fn produce(port: u16, corpus: Corpus) -> Work {
    let client = move || Ok(ours::client_builder(port, Signature::V1));
    let builder = sls_logging::producer::Producer::builder_over_https(client, "bench", "bench");
    let (producer, guard) = builder
        .expect("a valid configuration")
        .with_group_logs(corpus.logs.len())
        .with_group_bytes(GROUP_BYTES)
        .build()
        .expect("a thread");
    Box::new(move || {
        let _guard = &guard;
        for log in &corpus.logs {
            let time = UNIX_EPOCH + Duration::from_secs(log.time.into());
            let draft = producer.draft(time, |encoder| {
                for (key, value) in &log.fields {
                    encoder.field(key, value);
                }
            });
            draft.post().expect("there is room");
        }
        producer.flush_blocking(TIMEOUT).expect("delivered");
        corpus.logs.len()
    })
}

/// The same through the peer, whose caller builds structs.
pub(crate) fn produce_official(port: u16, corpus: Corpus) -> Work {
    let (producer, writer) = official(port, corpus.logs.len(), GROUP_BYTES);
    Box::new(move || {
        for log in &corpus.logs {
            let mut built = Log::from_unixtime(log.time);
            for (key, value) in &log.fields {
                built.add_content_kv(key.as_str(), value.as_str());
            }
            send(&writer, built);
        }
        producer.flush_blocking().expect("delivered");
        corpus.logs.len()
    })
}

fn official(port: u16, group_logs: usize, group_bytes: usize) -> (Producer, LogstoreWriter) {
    // The client puts the project and a dot in front of the endpoint, so this is 127.0.0.1.
    let config = ProducerConfig::default()
        .with_endpoint(format!("http://0.0.1:{port}"))
        .with_access_key(KEY_ID, KEY_SECRET)
        .with_compression(Compression::Lz4)
        .with_batch_count_threshold(group_logs)
        .with_batch_size_threshold(group_bytes);
    let producer = Producer::create(config).expect("a valid configuration");
    let writer = producer.writer(PROJECT, "bench").expect("valid names");
    (producer, writer)
}

/// The peer has room for 1024 logs on their way to its thread and never waits; sleeping while it
/// is full costs it the least.
fn send(writer: &LogstoreWriter, mut log: Log) {
    while let Err(error) = writer.send(log) {
        assert!(
            matches!(error, ProducerError::EnqueueFull { .. }),
            "{error}"
        );
        log = error.into_log().expect("the log comes back");
        std::thread::sleep(Duration::from_micros(200));
    }
}

/// One record as a program makes it.
macro_rules! message {
    ($order:expr) => {
        format_args!(
            "order {} of {} paid after {} ms",
            $order,
            "user-17",
            $order % 97
        )
    };
}

/// From the log call to the server's answer.
pub(crate) fn ship(port: u16, records: usize) -> Work {
    let (handler, guard) = ours::handler(port)
        .batch_size(records)
        .build()
        .expect("a valid configuration");
    let logger = Box::new(handler.logger());
    log::set_boxed_logger(logger).expect("the only one");
    log::set_max_level(log::LevelFilter::Info);
    Box::new(move || {
        let _guard = &guard;
        for order in 0..records {
            log::info!(target: "shop::orders", "{}", message!(order));
        }
        assert!(handler.flush(TIMEOUT), "delivered in time");
        assert_eq!(handler.stats().queue.dropped.total(), 0);
        records
    })
}

/// The same fields through the peer; what never changes is known beforehand.
pub(crate) fn ship_official(port: u16, records: usize) -> Work {
    let (producer, writer) = official(port, records, RECORD_GROUP_BYTES);
    let thread = std::thread::current();
    let thread_name = thread.name().unwrap_or_default().to_owned();
    let thread_id = rustix::thread::gettid().as_raw_nonzero().to_string();
    let process_id = std::process::id().to_string();
    let program = std::env::current_exe().unwrap_or_default();
    let process_name = program.file_stem().unwrap_or_default();
    let process_name = process_name.to_string_lossy().into_owned();
    Box::new(move || {
        for order in 0..records {
            let now = SystemTime::now().duration_since(UNIX_EPOCH);
            let now = now.unwrap_or_default();
            let mut log = Log::from_unixtime(now.as_secs() as u32);
            log.set_time_ns(now.subsec_nanos());
            log.add_content_kv("message", message!(order).to_string());
            log.add_content_kv("record_name", "shop::orders");
            log.add_content_kv("level", "INFO");
            log.add_content_kv("file_path", file!());
            log.add_content_kv("line_no", line!().to_string());
            log.add_content_kv("module", "shipping");
            log.add_content_kv("process_id", process_id.as_str());
            log.add_content_kv("process_name", process_name.as_str());
            log.add_content_kv("thread_id", thread_id.as_str());
            log.add_content_kv("thread_name", thread_name.as_str());
            send(&writer, log);
        }
        producer.flush_blocking().expect("delivered");
        records
    })
}
