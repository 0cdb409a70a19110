mod call;
mod cli;
mod compression;
mod exchange;
mod handler;
mod logical;
mod protobuf;
mod signature;
mod trace;

use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use testkit::{Outcome, Tally, cases_below};

pub(super) fn run(folder: &Path) -> io::Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    let mut tally = Tally::default();
    for case in cases_below(folder, &mut tally)? {
        let outcome = runtime.block_on(check(&case.json));
        tally.note(case.file, outcome);
    }
    Ok(tally)
}

async fn check(case: &Value) -> Outcome {
    let kind = case["kind"].as_str().unwrap_or("a case without a kind");
    match kind {
        "signature" => Outcome::of(signature::recorded(case)),
        "signature-published" => signature::published(case),
        "protobuf-loggroup" => Outcome::of(protobuf::log_group(case)),
        "protobuf-loggrouplist" => Outcome::of(protobuf::log_group_list(case)),
        "compression" => Outcome::of(compression::both_ways(case)),
        "handler" => handler::check(case),
        "cli" => cli::check(case).await,
        "trace" => trace::check(case).await,
        "sts" | "error" | "retry" => exchange::check(case).await,
        kind if kind.starts_with("api-") => exchange::check(case).await,
        other => Outcome::Pending(other.to_owned()),
    }
}

/// A member that must be text.
fn text<'a>(value: &'a Value, member: &str) -> Result<&'a str, String> {
    value[member]
        .as_str()
        .ok_or_else(|| format!("the case has no text member {member:?}"))
}

fn from_base64(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|cause| format!("the case's Base64 is broken: {cause}"))
}

fn from_hex(text: &str) -> Result<Vec<u8>, String> {
    let digits = text.as_bytes();
    if digits.len() % 2 != 0 {
        return Err("the case's hexadecimal text has an odd length".to_owned());
    }
    digits
        .chunks(2)
        .map(|pair| {
            std::str::from_utf8(pair)
                .ok()
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(|| "the case's hexadecimal text is broken".to_owned())
        })
        .collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first byte at which two bodies differ.
fn byte_difference(want: &[u8], got: &[u8]) -> Option<String> {
    if want == got {
        return None;
    }
    let at = want.iter().zip(got).position(|(a, b)| a != b);
    let at = at.unwrap_or_else(|| want.len().min(got.len()));
    Some(format!(
        "{} bytes, want {}; the first difference is at byte {at}",
        got.len(),
        want.len()
    ))
}
