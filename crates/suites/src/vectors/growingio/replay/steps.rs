//! A step becomes a call of the tracker.

use std::time::Duration;

use growingio_tracker::{Error, Identity, Message as Tracked, Report, Tracker};
use serde_json::Value;
use telemetry_delivery::ManualClock;
use tokio::time::{Instant, sleep, timeout};

use super::super::argument::{Trouble, optional_attributes, optional_text};
use super::super::call::{self, message};
use super::super::encoding::at;
use super::server::Server;

/// What came of a case.
#[derive(Debug, Default)]
pub(super) struct Played {
    /// Why the tracker was not built.
    pub(super) refused: Option<String>,
    pub(super) steps: Vec<Done>,
    /// What waited after the last step.
    pub(super) waiting: u64,
    pub(super) request_timeout: Duration,
    /// How many requests there were after the last step.
    pub(super) requests: usize,
    pub(super) closing: Option<Report>,
    /// When the first call was made.
    pub(super) began: Option<Instant>,
}

/// What came of a step.
#[derive(Debug)]
pub(super) struct Done {
    /// Whether it tracks a message.
    pub(super) tracks: bool,
    pub(super) outcome: Result<(), Wrong>,
    pub(super) requests: usize,
    pub(super) waiting: u64,
}

#[derive(Debug)]
pub(super) enum Wrong {
    /// It cannot be written in Rust.
    Unwritable,
    Tracker(Box<Error>),
    /// What was flushed is not all there.
    Incomplete,
    Broken(String),
}

impl Played {
    pub(super) fn refused(why: String) -> Self {
        Self {
            refused: Some(why),
            ..Self::default()
        }
    }
}

impl Played {
    /// Whether a message was refused when it was made.
    pub(super) fn has_invalid(&self) -> bool {
        let mut steps = self.steps.iter();
        steps.any(|step| match &step.outcome {
            Err(Wrong::Tracker(error)) => matches!(**error, Error::Invalid { .. }),
            _ => false,
        })
    }
}

/// A time that no case comes near.
const LONG: Duration = Duration::from_secs(3600);

pub(super) async fn play(
    case: &Value,
    tracker: Tracker,
    clock: &ManualClock,
    server: &Server,
) -> Result<Played, String> {
    let mut played = Played {
        request_timeout: tracker.request_timeout(),
        began: Some(Instant::now()),
        ..Played::default()
    };
    let mut now_ms = case["clock_start_ms"].as_i64().unwrap_or(0);
    for step in case["steps"].as_array().into_iter().flatten() {
        now_ms += step["ms"].as_i64().unwrap_or(0);
        clock.set(at(now_ms));
        let outcome = one(step, &tracker, server, now_ms).await;
        if let Err(Wrong::Broken(what)) = outcome {
            return Err(what);
        }
        let op = step["op"].as_str().unwrap_or_default();
        played.steps.push(Done {
            tracks: op.starts_with("track") || op == "submit_item" || op == "build_and_track",
            outcome,
            requests: server.seen().len(),
            waiting: tracker.counts().waiting(),
        });
    }
    played.waiting = tracker.counts().waiting();
    played.requests = server.seen().len();
    if case["config"]["process_exits_after_steps"] == true {
        // What the end of a process does, and nothing before it.
        drop(tracker);
        sleep(Duration::from_secs(1)).await;
    } else {
        played.closing = Some(tracker.close(LONG).await);
    }
    Ok(played)
}

async fn one(step: &Value, tracker: &Tracker, server: &Server, now_ms: i64) -> Result<(), Wrong> {
    match step["op"].as_str().unwrap_or_default() {
        "flush" => match tracker.flush(LONG).await.error {
            None => Ok(()),
            Some(_) => Err(Wrong::Incomplete),
        },
        "stop" => match tracker.close(LONG).await.error {
            None => Ok(()),
            Some(_) => Err(Wrong::Incomplete),
        },
        "advance_clock" => Ok(()),
        "pause" => {
            let seconds = step["seconds"].as_f64().unwrap_or(0.0);
            sleep(Duration::from_secs_f64(seconds)).await;
            Ok(())
        }
        "wait_requests" => {
            let count = usize::try_from(step["count"].as_u64().unwrap_or(0)).unwrap_or(0);
            let limit = Duration::from_secs_f64(step["timeout_s"].as_f64().unwrap_or(0.0));
            let arrived = async {
                while server.seen().len() < count {
                    sleep(Duration::from_millis(1)).await;
                }
            };
            if timeout(limit, arrived).await.is_err() {
                let got = server.seen().len();
                return Err(Wrong::Broken(format!("{got} of {count} requests came")));
            }
            sleep(Duration::from_millis(150)).await;
            Ok(())
        }
        _ => track(step, tracker, now_ms).await,
    }
}

/// The short calls where they fit, a built message where there is more to say.
async fn track(step: &Value, tracker: &Tracker, now_ms: i64) -> Result<(), Wrong> {
    let args = &step["args"];
    let op = step["op"].as_str().unwrap_or_default();
    let has_time = |args: &Value| !args["event_time"].is_null();
    let pending = match op {
        "track_custom_event" if !has_time(args) && !args["event_name"].is_null() => {
            let Some(name) = wrong(optional_text(&args["event_name"]))? else {
                return Err(Wrong::Unwritable);
            };
            let attributes = wrong(optional_attributes(&args["attributes"]))?;
            let identity = identity(args)?;
            tracker.track_custom_event(name, identity, attributes).await
        }
        "track_user" if !has_time(args) => {
            let attributes = wrong(optional_attributes(&args["attributes"]))?;
            tracker.track_user(identity(args)?, attributes).await
        }
        "submit_item" => {
            let texts = (&args["item_key"], &args["item_id"]);
            let attributes = wrong(optional_attributes(&args["item_attrs"]))?;
            match (
                wrong(optional_text(texts.0))?,
                wrong(optional_text(texts.1))?,
            ) {
                (Some(key), Some(id)) => tracker.submit_item(key, id, attributes).await,
                _ => return Err(Wrong::Unwritable),
            }
        }
        _ => {
            // The tracker sets its own ids, whatever these are.
            let ids = call::Tracker {
                product_id: "of another",
                data_source_id: "of another",
            };
            let message = match wrong(message(step, ids, now_ms))? {
                Some(call::Message::Event(event)) => Tracked::from(*event),
                Some(call::Message::Item(item)) => Tracked::from(item),
                None => return Err(Wrong::Broken(format!("step {op:?} is not known"))),
            };
            tracker.track(message).await
        }
    };
    pending.map_err(|error| Wrong::Tracker(Box::new(error)))
}

fn identity(args: &Value) -> Result<Identity<'static>, Wrong> {
    let text = |member: &str| wrong(optional_text(&args[member]));
    let mut identity = match text("login_user_id")? {
        Some(id) => Identity::login_user(id),
        None => Identity::default(),
    };
    if let Some(key) = text("login_user_key")? {
        identity = identity.with_key(key);
    }
    if let Some(id) = text("anonymous_id")? {
        identity = identity.with_anonymous_id(id);
    }
    Ok(identity)
}

fn wrong<T>(argument: Result<T, Trouble>) -> Result<T, Wrong> {
    argument.map_err(|trouble| match trouble {
        Trouble::Unwritable(_) => Wrong::Unwritable,
        broken @ Trouble::Broken(_) => Wrong::Broken(broken.into()),
    })
}
