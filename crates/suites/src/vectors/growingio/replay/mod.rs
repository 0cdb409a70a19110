//! The recorded calls, made with the tracker against the recorded server.
//!
//! ```text
//! steps.rs      a step becomes a call; what it returned is kept
//! server.rs     the script, in virtual time and without a socket
//! wire.rs       the few cases that are about sockets
//! expected.rs   what is wanted of each case
//! ```

mod expected;
mod server;
mod steps;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use growingio_codecs::{Json, Protobuf, Rules, Snappy, Xor};
use growingio_tracker::{
    Asynchronous, Buffered, DebugPrint, Immediate, Retry, Strategy, Tracker, TrackerBuilder,
};
use serde_json::Value;
use telemetry_delivery::ManualClock;
use tokio::runtime::{Builder, Handle};

use super::encoding::at;
use super::text;
use server::Server;

/// Makes the calls of a case and compares what came of them.
pub(super) fn check(case: &Value) -> Result<(), String> {
    if case["python_only"] == Value::Bool(true) {
        return Ok(());
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .map_err(|error| error.to_string())?;
    if wire::is_about_sockets(case) {
        return wire::check(case);
    }
    let mut rules = Rules::strict();
    loop {
        let server = Server::new(case);
        let printed = Printed::default();
        let played = runtime.block_on(play(case, rules, &server, &printed))?;
        if rules == Rules::strict() && case["verdict"] == "must_match" && played.has_invalid() {
            // The recording shows how empty ids are written, which has to be asked for.
            rules = Rules::lenient();
            continue;
        }
        return expected::check(case, &played, &server, &printed.text());
    }
}

async fn play(
    case: &Value,
    rules: Rules,
    server: &Server,
    printed: &Printed,
) -> Result<steps::Played, String> {
    let clock = ManualClock::new(at(case["clock_start_ms"].as_i64().unwrap_or(0)));
    let answering = server.clone();
    let transport = tower::service_fn(move |request| answering.clone().answer(request));
    let built = builder(case, printed)?
        .rules(rules)
        .clock(clock.clone())
        .transport(transport)
        .runtime(Handle::current())
        .build();
    match built {
        Ok(tracker) => steps::play(case, tracker, &clock, server).await,
        Err(error) => Ok(steps::Played::refused(error.to_string())),
    }
}

/// Where the recorder seems to be.
const HOST: &str = "http://recorder.example";

fn builder(case: &Value, printed: &Printed) -> Result<TrackerBuilder, String> {
    let config = &case["config"];
    let options = &config["options"];
    let ids = match &config["tracker_ids"] {
        Value::Null => config,
        ids => ids,
    };
    // No value is none in Python and an empty text here.
    let given = |from: &Value, member: &str| from[member].as_str().unwrap_or_default().to_owned();
    let host = given(config, "server_host")
        .replace("{server_authority}", "recorder.example")
        .replace("{server}", HOST);
    let builder = Tracker::builder(given(ids, "product_id"), given(ids, "data_source_id"), host)
        .sdk("python", "1.0.5")
        .retry(retry(config, options));
    let builder = match text(config, "parser")? {
        "json" => builder.codec(Json),
        "snappy" => builder.codec(Snappy::new(Json)),
        "snappy_xor" => builder.codec(Xor::new(Snappy::new(Json))),
        "protobuf" => builder.codec(Protobuf),
        other => return Err(format!("parser {other:?} is not known")),
    };
    let builder = match options["request_timeout"].as_f64() {
        Some(seconds) => builder.request_timeout(Duration::from_secs_f64(seconds)),
        None => builder,
    };
    let builder = match options["verify_cert"].as_bool() {
        Some(verify) => builder.verify_cert(verify),
        None => builder,
    };
    let strategy: Strategy = match text(config, "consumer")? {
        "default" => Immediate.into(),
        "buffered" => buffered(options).into(),
        "async_buffered" => asynchronous(options).into(),
        "debug" => DebugPrint::new().to(printed.clone()).into(),
        other => return Err(format!("consumer {other:?} is not known")),
    };
    Ok(builder.delivery(strategy))
}

fn retry(config: &Value, options: &Value) -> Retry {
    if config["retry"] == "as_shipped" {
        // The package's own retries do not take effect.
        return Retry::default().with_limit(0);
    }
    let mut retry = Retry::default();
    if let Some(limit) = options["retry_limit"].as_u64() {
        retry = retry.with_limit(u32::try_from(limit).unwrap_or(u32::MAX));
    }
    if let Some(factor) = options["retry_backoff_factor"].as_f64() {
        retry = retry.with_backoff_factor(Duration::from_secs_f64(factor));
    }
    retry
}

fn size(options: &Value) -> Option<usize> {
    usize::try_from(options["max_size"].as_u64()?).ok()
}

fn buffered(options: &Value) -> Buffered {
    let settings = Buffered::default();
    size(options).map_or(settings, |size| settings.with_max_size(size))
}

fn asynchronous(options: &Value) -> Asynchronous {
    let mut settings = Asynchronous::default();
    if let Some(size) = size(options) {
        settings = settings.with_max_size(size);
    }
    if let Some(seconds) = options["flush_after"].as_f64() {
        settings = settings.with_flush_after(Duration::from_secs_f64(seconds));
    }
    settings
}

/// What the debug strategy prints.
#[derive(Debug, Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl std::io::Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
