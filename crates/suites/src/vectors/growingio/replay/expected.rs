//! What is wanted of each case.
//!
//! `must_match` is what was recorded, with one difference that the wire reference asks for: a
//! call whose message was refused fails, where the package says nothing.
//! A `quirk` or a `known_defect` is what is recommended instead; where that is about delivery,
//! every message arrives once, and closing ends with nothing left.

use std::collections::BTreeSet;
use std::time::Duration;

use growingio_codecs::Batch;
use growingio_codecs::Route;
use growingio_codecs::decode::{DecodeLimits, Packing, decode};
use growingio_tracker::Error;
use serde_json::Value;

use super::super::recommended::{Recommended, of};
use super::super::{from_base64, same, text, text_difference};
use super::server::{Seen, Server};
use super::steps::{Done, Played, Wrong};

type Checked = Result<(), String>;

pub(super) fn check(case: &Value, played: &Played, server: &Server, printed: &str) -> Checked {
    let name = text(case, "name")?;
    let must_not_build = !case["construct_error"].is_null() || name == "host-without-scheme";
    match (&played.refused, must_not_build) {
        (Some(_), true) => return Ok(()),
        (Some(why), false) => return Err(format!("was not built: {why}")),
        (None, true) => return Err("was built, should be refused".to_owned()),
        (None, false) => {}
    }
    settings(case, played)?;
    let seen = server.seen();
    let group = text(case, "group")?;
    let is_good = case["verdict"] == "must_match";
    let is_delivery = ["async", "buffered", "exit"].contains(&group);
    if !is_good && !is_delivery && of(case) == Recommended::Refuse {
        return all_refused(played, &seen);
    }
    match name {
        "async-after-stop" => after_stop(played, &seen),
        // What size or an item sends does not wait for the end of `flush_after`.
        "async-split-batches" | "async-flush-on-size" | "async-item-triggers" => {
            as_recorded(case, played, &seen, is_good)?;
            let began = played.began.ok_or("nothing began")?;
            match seen.last().map(|last| last.at - began) {
                Some(took) if took < Duration::from_millis(1000) => closed(played),
                took => Err(format!("the last request came after {took:?}")),
            }
        }
        _ if is_good || !is_delivery || case["recommended"].is_null() => {
            as_recorded(case, played, &seen, is_good)?;
            if group == "debug" {
                printout(case, printed)?;
            }
            closed(played)
        }
        _ => every_message_once(played, &seen),
    }
}

fn settings(case: &Value, played: &Played) -> Checked {
    let wanted = &case["final_state"];
    if let Some(seconds) = wanted["request_timeout_s"].as_f64() {
        let wanted = Duration::from_secs_f64(seconds);
        if wanted != played.request_timeout {
            let got = played.request_timeout;
            return Err(format!("request timeout: got {got:?}, want {wanted:?}"));
        }
    }
    let options = &case["config"]["options"];
    let size = match case["config"]["consumer"].as_str() {
        Some("buffered") => super::buffered(options).max_size(),
        Some("async_buffered") => super::asynchronous(options).max_size(),
        _ => return Ok(()),
    };
    match wanted["effective_max_size"].as_u64() {
        Some(wanted) if wanted != size as u64 => {
            Err(format!("max_size: got {size}, want {wanted}"))
        }
        _ => Ok(()),
    }
}

/// Nothing is sent, and the calls say what is missing.
fn all_refused(played: &Played, seen: &[Seen]) -> Checked {
    for (index, step) in played.steps.iter().enumerate() {
        match &step.outcome {
            Err(Wrong::Unwritable) => {}
            Err(Wrong::Tracker(error)) if matches!(**error, Error::Invalid { .. }) => {}
            outcome if step.tracks => {
                return Err(format!("step {index}: got {outcome:?}, want a refusal"));
            }
            _ => {}
        }
    }
    match seen.len() {
        0 => Ok(()),
        sent => Err(format!("{sent} requests for messages that are refused")),
    }
}

fn after_stop(played: &Played, seen: &[Seen]) -> Checked {
    let late = played.steps.iter().filter(|step| step.tracks);
    for step in late {
        match &step.outcome {
            Err(Wrong::Tracker(error)) if matches!(**error, Error::Closed) => {}
            outcome => return Err(format!("tracked after stop: {outcome:?}")),
        }
    }
    if !seen.is_empty() {
        return Err("something was sent after stop".to_owned());
    }
    closed(played)
}

fn closed(played: &Played) -> Checked {
    match &played.closing {
        Some(report) if report.waiting > 0 || report.counts.dropped > 0 => {
            Err(format!("closing: {report:?}"))
        }
        _ => Ok(()),
    }
}

/// The same requests, with the same outcome of every step.
fn as_recorded(case: &Value, played: &Played, seen: &[Seen], exactly: bool) -> Checked {
    let recorded = case["requests"].as_array().map_or(&[][..], Vec::as_slice);
    // A request that has lost its body on the way is one that we do not make.
    let wanted = recorded
        .iter()
        .filter(|request| request["method"] == "POST");
    let wanted: Vec<_> = wanted.collect();
    if wanted.len() != played.requests {
        let got = played.requests;
        return Err(format!("{got} requests, want {}", wanted.len()));
    }
    for (index, (wanted, seen)) in wanted.iter().zip(seen).enumerate() {
        request(case, wanted, seen, exactly)
            .map_err(|difference| format!("request {index}: {difference}"))?;
    }
    let steps = case["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let mut before = 0;
    for (index, (wanted, done)) in steps.iter().zip(&played.steps).enumerate() {
        let total = wanted["requests_total"].as_u64().unwrap_or(0) as usize;
        let answers = recorded.get(before..total).unwrap_or_default();
        step(case, wanted, done, answers).map_err(|wrong| format!("step {index}: {wrong}"))?;
        before = total;
    }
    sleeps(case, seen)
}

fn step(case: &Value, wanted: &Value, done: &Done, made: &[Value]) -> Checked {
    let in_background = case["config"]["consumer"] == "async_buffered";
    let is_refused = |request: &Value| {
        let status = request["response"]["status"].as_u64().unwrap_or(0);
        !(200..300).contains(&status) && ![307, 308].contains(&status)
    };
    let redirected = made.iter().any(|request| request["method"] != "POST");
    let refused = redirected || made.last().is_some_and(is_refused);
    let raised = !wanted["outcome"]["raised"].is_null();
    let must_fail = raised || (refused && !in_background);
    match &done.outcome {
        Err(Wrong::Unwritable) => return Ok(()),
        outcome if outcome.is_err() != must_fail => {
            return Err(format!("got {outcome:?}, want failure: {must_fail}"));
        }
        _ => {}
    }
    let op = wanted["op"].as_str().unwrap_or_default();
    if in_background && !["wait_requests", "flush", "stop", "pause"].contains(&op) {
        // Exact only when somebody has waited.
        return Ok(());
    }
    let posts = wanted["requests_total"].as_u64().unwrap_or(0) - u64::from(redirected);
    if !redirected && done.requests as u64 != posts {
        return Err(format!("{} requests so far, want {posts}", done.requests));
    }
    let pending = wanted["pending"].as_object().into_iter().flatten();
    let pending: u64 = pending.filter_map(|(_, count)| count.as_u64()).sum();
    if done.waiting != pending {
        return Err(format!("{} wait, want {pending}", done.waiting));
    }
    Ok(())
}

fn request(case: &Value, wanted: &Value, seen: &Seen, exactly: bool) -> Checked {
    let request = &seen.request;
    same("method", text(wanted, "method")?, request.method().as_str())?;
    let mut path = text(wanted, "path")?.to_owned();
    if text(case, "name")? == "host-trailing-slash" {
        path = path.replacen("//", "/", 1);
    }
    if let Some(product) = case["config"]["tracker_ids"]["product_id"].as_str() {
        // One tracker has one set of ids, in the path as in the body.
        path = path.replace(text(&case["config"], "product_id")?, product);
    }
    same("path", &path, request.uri().path())?;
    let query = request.uri().query().unwrap_or_default();
    same("query", text(wanted, "query")?, query)?;
    let names = [
        "content-type",
        "X-Compress-Codec",
        "X-Crypt-Codec",
        "Authorization",
    ];
    for name in names {
        let recorded = wanted["headers"].as_array().into_iter().flatten();
        let wanted = recorded
            .filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value);
        let got = request.headers().get(name);
        let got = got.and_then(|value| value.to_str().ok());
        if wanted != got {
            return Err(format!("header {name}: got {got:?}, want {wanted:?}"));
        }
    }
    if request.headers().contains_key("cookie") {
        return Err("a cookie was sent back".to_owned());
    }
    // What is recommended instead of a body is compared where bodies are encoded.
    let about_content = !exactly && !case["recommended"].is_null();
    if about_content && text(case, "group")? != "async" {
        return Ok(());
    }
    let body = from_base64(text(wanted, "body_base64")?)?;
    match text_difference(&body, request.body()) {
        Some(difference) => Err(format!("body {difference}")),
        None => Ok(()),
    }
}

/// The waits between requests, those that are not zero.
fn sleeps(case: &Value, seen: &[Seen]) -> Checked {
    let Some(wanted) = case["retry_sleeps_s"].as_array() else {
        return Ok(());
    };
    let wanted: Vec<_> = wanted.iter().filter_map(Value::as_f64).collect();
    let pauses = seen.windows(2).map(|pair| pair[1].at - pair[0].at);
    let got: Vec<_> = pauses
        .map(|pause| (pause.as_secs_f64() * 100.0).round() / 100.0)
        .filter(|seconds| *seconds > 0.0)
        .collect();
    // The pause after the last step is none of a retry's.
    if got.get(..wanted.len()) != Some(&wanted[..]) {
        return Err(format!("waits: got {got:?}, want {wanted:?}"));
    }
    Ok(())
}

/// Every message that was taken is accepted once, and closing leaves nothing.
fn every_message_once(played: &Played, seen: &[Seen]) -> Checked {
    let taken = played.steps.iter().filter(|step| step.tracks);
    let taken = taken.filter(|step| match &step.outcome {
        Ok(()) => true,
        Err(Wrong::Tracker(error)) => error.is_taken(),
        Err(_) => false,
    });
    let taken = taken.count();
    let tracked = played.steps.iter().filter(|step| step.tracks).count();
    if taken != tracked {
        return Err(format!("{taken} of {tracked} messages were taken"));
    }
    let mut arrived = Vec::new();
    for request in seen.iter().filter(|request| request.accepted) {
        arrived.extend(records(request)?);
    }
    let different: BTreeSet<_> = arrived.iter().collect();
    if arrived.len() != taken || different.len() != taken {
        let (all, different) = (arrived.len(), different.len());
        return Err(format!(
            "{taken} messages, {all} were accepted, of which {different} differ"
        ));
    }
    closed(played)
}

fn records(seen: &Seen) -> Result<Vec<String>, String> {
    let request = &seen.request;
    let path = request.uri().path();
    let (route, _) = Route::of_path(path).ok_or_else(|| format!("no route has the path {path}"))?;
    let headers = request.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let packing = Packing::of_request(headers, request.uri().query().unwrap_or_default());
    let packing = packing.map_err(|error| error.to_string())?;
    let batch = decode(route, &packing, request.body(), &DecodeLimits::default());
    Ok(match batch.map_err(|error| error.to_string())? {
        Batch::Events(events) => events.iter().map(|event| format!("{event:?}")).collect(),
        Batch::Items(items) => items.iter().map(|item| format!("{item:?}")).collect(),
        _ => Vec::new(),
    })
}

/// The lines of the printout, but for what Python prints as literals of its own: attributes
/// and bodies that are no text.
fn printout(case: &Value, printed: &str) -> Checked {
    let wanted = text(case, "stdout")?.replace("{server}", super::HOST);
    let without_literals = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| {
            let end = line.find(",attributes:").unwrap_or(line.len());
            match &line[..end] {
                line if line.starts_with("bytearray(b'") || line.starts_with("b'") => "a literal",
                line => line,
            }
            .to_owned()
        });
        lines.filter(|line| !line.is_empty()).collect()
    };
    let (wanted, got) = (without_literals(&wanted), without_literals(printed));
    for (index, line) in wanted.iter().enumerate() {
        let got = got.get(index).map_or("", String::as_str);
        same(&format!("line {index} of the printout"), line, got)?;
    }
    match got.len() - wanted.len() {
        0 => Ok(()),
        more => Err(format!("{more} more lines were printed")),
    }
}
