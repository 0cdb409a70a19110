//! Runs of the official consumer library, repeated by our worker.
//!
//! Per channel the requests must be the same, each once, in the order in which they first came.
//! In two things the reference calls the recorded behaviour a defect, and ours is asserted:
//! checkpoints are never forced, and a batch that failed is handed over again.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sls_client::{Client, Endpoint, StaticCredentials};
use sls_consumer::{Processor, Report, ShardBatch, ShardStop, StopReason, Worker, WorkerConfig};
use sls_core::model::{Cursor, Log, LogGroup};
use sls_core::wire::{EncodedGroup, GroupListEncoder};
use sls_core::{BoxError, Credentials};
use telemetry_delivery::{ManualClock, TransportError};
use testkit::{Outcome, first_difference};
use tokio::time::Instant;

use super::text;

const LOGSTORE: &str = "golden-store";
/// Long enough for every recorded heartbeat.
const RUN: Duration = Duration::from_secs(20);
/// The library's timeout is two of its intervals; our lease wants room for two heartbeats.
const BEATS_PER_INTERVAL: u32 = 2;
/// The case in which the callback fails for the first batch.
const FAILING: &str = "trace-process-error";

pub(super) async fn check(case: &Value) -> Outcome {
    Outcome::of(run(case).await.err())
}

async fn run(case: &Value) -> Result<(), String> {
    let processed = Arc::new(Mutex::new(Vec::new()));
    let options = &case["options"];
    let group = text(options, "consumer_group")?;
    let interval = options["heartbeat_interval"].as_u64().unwrap_or(20);
    let heartbeat = Duration::from_secs(interval) / BEATS_PER_INTERVAL;
    let recorded = Arc::new(Recorded::new(case, heartbeat)?);
    let config = WorkerConfig::new(group)
        .with_heartbeat(heartbeat)
        .with_timeout(Duration::from_secs(2 * interval))
        .with_in_order(options["in_order"].as_bool().unwrap_or(false));
    let noting = Noting {
        fails_first: case["id"] == FAILING,
        processed: Arc::clone(&processed),
        recorded: Arc::clone(&recorded),
    };
    let logstore = client(&recorded)?.logstore("golden-project", LOGSTORE);
    let mut worker = Worker::new(logstore, config, noting)
        .with_consumer(text(options, "consumer")?)
        .start()
        .map_err(|error| error.to_string())?;
    tokio::time::sleep(RUN).await;
    let report = worker.shutdown(RUN).await;
    clean(&report)?;
    recorded.compare()?;
    recorded.released_after_save()?;
    let processed = processed.lock().unwrap_or_else(PoisonError::into_inner);
    compare_processed(case, &processed)
}

fn clean(report: &Report) -> Result<(), String> {
    match report.is_clean() {
        true => Ok(()),
        false => Err(format!("the worker did not end in order: {report:?}")),
    }
}

fn client(recorded: &Arc<Recorded>) -> Result<Client, String> {
    let endpoint = "service.example".parse::<Endpoint>();
    let key = StaticCredentials::new(Credentials::new("testAccessKeyId", "testAccessKeySecret"));
    let recorded = Arc::clone(recorded);
    let transport = tower::service_fn(move |request: Request<Bytes>| {
        ready(Ok::<_, TransportError>(recorded.answer(&request)))
    });
    Client::builder(endpoint.map_err(|error| error.to_string())?, key)
        .with_clock(ManualClock::new(
            UNIX_EPOCH + Duration::from_secs(1_700_000_000),
        ))
        .build_with(transport)
        .map_err(|error| error.to_string())
}

/// Takes note of the batches that it was given.
struct Noting {
    fails_first: bool,
    processed: Arc<Mutex<Vec<(u64, String)>>>,
    recorded: Arc<Recorded>,
}

impl Processor for Noting {
    async fn process(&self, batch: &ShardBatch) -> Result<(), BoxError> {
        let first = batch
            .rows()
            .next()
            .and_then(|row| row.text("first").map(String::from));
        let first = first.unwrap_or_default();
        let mut processed = self
            .processed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        processed.push((u64::from(batch.shard().0), first));
        match self.fails_first && processed.len() == 1 {
            true => Err("the callback fails".into()),
            false => Ok(()),
        }
    }

    async fn stopped(&self, stop: &ShardStop) {
        if stop.reason != StopReason::Released {
            self.recorded
                .note(format!("shard {} was not released", stop.shard));
        }
    }
}

/// Every batch comes once, except one that failed, which comes again before any other.
fn compare_processed(case: &Value, processed: &[(u64, String)]) -> Result<(), String> {
    let mut want: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (shard, batches) in case["processed"].as_object().into_iter().flatten() {
        let shard = shard
            .parse()
            .map_err(|_| format!("processed names shard {shard:?}"))?;
        for batch in batches.as_array().into_iter().flatten() {
            want.entry(shard).or_default().push(text(batch, "first")?);
        }
    }
    if case["id"] == FAILING {
        if let Some(batches) = want.values_mut().next() {
            batches.insert(0, batches[0]);
        }
    }
    let mut got: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (shard, first) in processed {
        got.entry(*shard).or_default().push(first);
    }
    match got == want {
        true => Ok(()),
        false => Err(format!("processed {got:?}, want {want:?}")),
    }
}

/// A request as far as it is compared.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    body: Value,
}

impl Asked {
    fn recorded(entry: &Value) -> Result<Self, String> {
        let pair = |pair: &Value| {
            let (key, value) = (pair[0].as_str()?, pair[1].as_str()?);
            // Ours asks for the check of ownership where the recorded one forces.
            let value = if key == "forceSuccess" {
                "false"
            } else {
                value
            };
            Some((key.to_owned(), value.to_owned()))
        };
        let query = entry["query"].as_array().into_iter().flatten();
        Ok(Self {
            method: text(entry, "method")?.to_owned(),
            path: text(entry, "path")?.to_owned(),
            query: query.filter_map(pair).collect(),
            body: entry["body"].clone(),
        })
    }

    fn sent(request: &Request<Bytes>) -> Self {
        let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let query = request.uri().query().unwrap_or_default().split('&');
        let pair = |pair: &str| {
            let (key, value) = pair.split_once('=')?;
            Some((decoded(key), decoded(value)))
        };
        Self {
            method: request.method().to_string(),
            path: decoded(request.uri().path()),
            query: query.filter_map(pair).collect(),
            body: serde_json::from_slice(request.body()).unwrap_or(Value::Null),
        }
    }

    fn json(&self) -> Value {
        let Self {
            method,
            path,
            query,
            body,
        } = self;
        json!({"method": method, "path": path, "query": query, "body": body})
    }
}

/// One request that the library sent, and what it got.
struct Exchange {
    channel: String,
    asked: Asked,
    entry: Value,
}

/// A heartbeat that was answered.
struct Answered {
    asked: Asked,
    /// When its present answer was given first.
    since: Instant,
    /// How many answers it got before.
    before: usize,
}

/// Answers as recorded, and remembers what it was asked.
struct Recorded {
    exchanges: Vec<Exchange>,
    /// Ours sends heartbeats more often while shards are on their way to it, where the recorded
    /// library waits: so long an answer stands.
    heartbeat: Duration,
    answered: Mutex<Vec<Answered>>,
    /// How many groups the shards have given before each pull, to name them.
    sent: Mutex<Vec<Asked>>,
    notes: Mutex<Vec<String>>,
}

impl Recorded {
    fn new(case: &Value, heartbeat: Duration) -> Result<Self, String> {
        let mut exchanges = Vec::new();
        let channels = case["channels"]
            .as_object()
            .ok_or("the case has no channels")?;
        for (channel, entries) in channels {
            for entry in entries.as_array().into_iter().flatten() {
                exchanges.push(Exchange {
                    channel: channel.clone(),
                    asked: Asked::recorded(entry)?,
                    entry: entry.clone(),
                });
            }
        }
        Ok(Self {
            exchanges,
            heartbeat,
            answered: Mutex::default(),
            sent: Mutex::default(),
            notes: Mutex::default(),
        })
    }

    fn note(&self, what: String) {
        self.notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(what);
    }

    fn sent(&self) -> Vec<Asked> {
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The answer to the so-manieth of equal requests, and after the last one that again.
    fn answer(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let asked = Asked::sent(request);
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let before = sent.iter().filter(|sent| **sent == asked).count();
        sent.push(asked.clone());
        drop(sent);
        let before = match is_heartbeat(&asked) {
            true => self.beats_before(&asked),
            false => before,
        };
        let equal: Vec<_> = self
            .exchanges
            .iter()
            .filter(|exchange| exchange.asked == asked)
            .collect();
        let Some(exchange) = equal.get(before).or_else(|| equal.last()) else {
            self.note(format!(
                "a request that the library does not send: {}",
                asked.json()
            ));
            let body = r#"{"errorCode":"ParameterInvalid","errorMessage":"not recorded"}"#;
            return reply(400, &[], Bytes::from_static(body.as_bytes()));
        };
        let entry = &exchange.entry;
        match entry["response_headers"].as_object() {
            Some(headers) => pulled(&asked, headers),
            None => reply(200, &[], json_body(&entry["response"])),
        }
    }

    /// How many answers to this heartbeat have had their time.
    fn beats_before(&self, asked: &Asked) -> usize {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let since = Instant::now();
        match answered.iter_mut().find(|beat| beat.asked == *asked) {
            Some(beat) => {
                if beat.since.elapsed() >= self.heartbeat {
                    beat.since = since;
                    beat.before += 1;
                }
                beat.before
            }
            None => {
                answered.push(Answered {
                    asked: asked.clone(),
                    since,
                    before: 0,
                });
                0
            }
        }
    }

    /// Per channel the same requests, each once, in the order in which they first came.
    fn compare(&self) -> Result<(), String> {
        if let Some(note) = self
            .notes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .first()
        {
            return Err(note.clone());
        }
        let sent = self.sent();
        let mut want: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        let mut got: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        let channel_of = |asked: &Asked| {
            let exchange = self
                .exchanges
                .iter()
                .find(|exchange| exchange.asked == *asked);
            exchange.map_or("none", |exchange| exchange.channel.as_str())
        };
        for exchange in &self.exchanges {
            push_new(want.entry(&exchange.channel).or_default(), &exchange.asked);
        }
        for asked in &sent {
            push_new(got.entry(channel_of(asked)).or_default(), asked);
        }
        match first_difference(&json!(want), &json!(got)) {
            None => Ok(()),
            Some(difference) => Err(difference.to_string()),
        }
    }

    /// A heartbeat that no longer lists a shard comes after its last checkpoint.
    fn released_after_save(&self) -> Result<(), String> {
        let sent = self.sent();
        let mut listed: Vec<u64> = Vec::new();
        for (index, asked) in sent.iter().enumerate() {
            if !is_heartbeat(asked) {
                continue;
            }
            let now: Vec<u64> = asked
                .body
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64)
                .collect();
            for shard in listed.iter().filter(|shard| !now.contains(shard)) {
                let is_save = |asked: &Asked| asked.body["shard"].as_u64() == Some(*shard);
                if !sent[..index].iter().any(is_save) || sent[index..].iter().any(is_save) {
                    return Err(format!("shard {shard} was released before it was saved"));
                }
            }
            listed = now;
        }
        Ok(())
    }
}

fn is_heartbeat(asked: &Asked) -> bool {
    asked.query.get("type").map(String::as_str) == Some("heartbeat")
}

fn push_new(all: &mut Vec<Value>, asked: &Asked) {
    let asked = asked.json();
    if !all.contains(&asked) {
        all.push(asked);
    }
}

fn json_body(value: &Value) -> Bytes {
    match value {
        Value::Null => Bytes::new(),
        value => Bytes::from(value.to_string()),
    }
}

/// Only the headers of pulls are recorded; the groups are named by shard and position.
fn pulled(asked: &Asked, recorded: &serde_json::Map<String, Value>) -> Response<Bytes> {
    let header = |name: &str| {
        recorded
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let count: u64 = header("x-log-count").parse().unwrap_or(0);
    let shard = asked.path.rsplit('/').next().unwrap_or_default();
    let cursor = asked.query.get("cursor").map_or("", String::as_str);
    // The recording server counts from here.
    const FIRST: u64 = 1_700_000_000_000_000_000;
    let position = Cursor::new(cursor).position().unwrap_or(FIRST);
    let mut list = GroupListEncoder::new();
    for index in 0..count {
        let name = format!("{shard}-{}", position.saturating_sub(FIRST) + index);
        let group = LogGroup::new(vec![Log::at(1).with("first", name)]);
        list.push(EncodedGroup::from(&group).as_bytes());
    }
    let body = list.into_bytes();
    let headers = [
        ("x-log-count", count.to_string()),
        ("x-log-cursor", header("x-log-cursor").to_owned()),
        ("x-log-bodyrawsize", body.len().to_string()),
    ];
    reply(200, &headers, Bytes::from(body))
}

fn reply(status: u16, headers: &[(&str, String)], body: Bytes) -> Response<Bytes> {
    let mut response = Response::builder()
        .status(status)
        .header("x-log-requestid", "1");
    for (name, value) in headers {
        response = response.header(*name, value);
    }
    response
        .body(body)
        .expect("recorded headers are plain text")
}
