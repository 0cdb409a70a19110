//! Calls of the official client, performed by ours against a script of the recorded answers.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use sls_client::{Client, Endpoint, Error, ErrorCode};
use sls_core::credentials::CredentialsFuture;
use sls_core::model::HashKey;
use sls_core::sign::{SignV1, SignV4, SignableRequest, Signer, v1, v4};
use sls_core::wire::Compression;
use sls_core::{Credentials, CredentialsProvider};
use telemetry_delivery::{ManualClock, Reply, RetryConfig, ScriptedTransport};
use testkit::{Outcome, first_difference};

use super::call::{Failure, as_the_recorded_client_writes, is_known, perform};
use super::{byte_difference, from_base64, text};

/// Compares what is sent and what comes of the answer.
///
/// Left out, since it is there once more in another form: `target`, `body.raw_hex` and
/// `body.log_group`; and `sleeps_seconds`, since our waits are others on purpose.
pub(super) async fn check(case: &Value) -> Outcome {
    let name = case["call"].as_str().unwrap_or("a call without a name");
    if !is_known(name) {
        return Outcome::Pending(name.to_owned());
    }
    match run(case).await {
        Ok(()) => Outcome::Passed,
        Err(Failure::Pending(what)) => Outcome::Pending(what),
        Err(Failure::Different(difference)) => Outcome::Failed(difference),
    }
}

async fn run(case: &Value) -> Result<(), Failure> {
    let outcome = replay(case, async |client| {
        perform(client, case, &mut |_| ()).await
    })
    .await?;
    let asked = case["exchanges"]
        .as_array()
        .is_some_and(|all| !all.is_empty());
    match (&case["result"]["exception"], outcome) {
        // Refused by either client without asking; under which code is its own business.
        (Value::Object(_), Err(Error::InvalidRequest { .. })) if !asked => Ok(()),
        (_, outcome) => same_result(&case["result"], outcome),
    }
}

/// Performs a call against the recorded answers, and compares what it asked for.
pub(super) async fn replay<T>(
    case: &Value,
    call: impl AsyncFnOnce(&Client) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let setting = Setting::parse(case)?;
    let exchanges = case["exchanges"].as_array().map_or(&[][..], Vec::as_slice);
    let mut replies = Vec::new();
    for exchange in exchanges {
        replies.push(reply(&exchange["response"])?);
    }
    let transport = ScriptedTransport::new(replies);
    let client = setting.client(transport.clone())?;
    let outcome = call(&client).await?;

    let sent = transport.requests();
    if sent.len() != exchanges.len() {
        let (got, want) = (sent.len(), exchanges.len());
        return Err(format!("{got} requests were sent, want {want}").into());
    }
    for (index, (exchange, got)) in exchanges.iter().zip(&sent).enumerate() {
        let want = &exchange["request"];
        let at = |difference: String| format!("request {index}: {difference}");
        same_request(want, got, &case["compare"]).map_err(at)?;
        setting.same_signature(want).map_err(at)?;
        setting.signed_as_sent(got).map_err(at)?;
    }
    Ok(outcome)
}

/// Who calls whom, and when.
struct Setting<'a> {
    endpoint: &'a str,
    credentials: Credentials,
    /// What the key's owner has once the first key is refused.
    renewed: Option<Credentials>,
    signer: Arc<dyn Signer>,
    now: SystemTime,
    retry: RetryConfig,
}

impl<'a> Setting<'a> {
    fn parse(case: &'a Value) -> Result<Self, String> {
        let config = &case["config"];
        let id = text(config, "access_key_id")?;
        let mut credentials = Credentials::new(id, text(config, "access_key_secret")?);
        if let Some(token) = config["security_token"].as_str() {
            credentials = credentials.with_security_token(token);
        }
        let signer: Arc<dyn Signer> = match config["auth_version"].as_str() {
            Some("v4") => Arc::new(SignV4::new(config["region"].as_str().unwrap_or_default())),
            _ => Arc::new(SignV1),
        };
        let now = config["now_unix"].as_u64();
        let now = now.ok_or("the case has no now_unix")?;
        // What a refusal becomes is one question, whether it is tried again another: only
        // the cases about the second have more answers than the first attempt takes.
        let again = case["kind"] == "retry" || case["kind"] == "cli" && has_server_failure(case);
        let attempts = if again { 4 } else { 1 };
        Ok(Self {
            endpoint: text(config, "endpoint")?,
            credentials,
            renewed: renewed(&case["args"]["refreshed"]),
            signer,
            now: UNIX_EPOCH + Duration::from_secs(now),
            retry: RetryConfig::default().with_max_attempts(attempts),
        })
    }

    fn client(&self, transport: ScriptedTransport) -> Result<Client, String> {
        let endpoint = self.endpoint.parse::<Endpoint>();
        let endpoint = endpoint.map_err(|error| error.to_string())?;
        let credentials = Keys {
            first: self.credentials.clone(),
            renewed: self.renewed.clone(),
            refused: AtomicBool::new(false),
        };
        Client::builder(endpoint, credentials)
            .with_signer(Arc::clone(&self.signer))
            .with_clock(ManualClock::new(self.now))
            .with_retry(self.retry.clone())
            .build_with(transport)
            .map_err(|error| error.to_string())
    }

    /// The credentials that a request was signed with, by the key id in its signature.
    fn signed_with(&self, authorization: &str) -> &Credentials {
        let named = |key: &&Credentials| {
            let id = key.access_key_id();
            authorization.contains(&format!(" {id}:")) || authorization.contains(&format!("={id}/"))
        };
        self.renewed
            .as_ref()
            .filter(named)
            .unwrap_or(&self.credentials)
    }

    /// Signs the recorded bytes and headers: that must give the recorded signature.
    fn same_signature(&self, want: &Value) -> Result<(), String> {
        let body = body_bytes(&want["body"])?;
        let pairs = |member: &str| -> Vec<(&str, &str)> {
            let pairs = want[member].as_array().into_iter().flatten();
            pairs
                .filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)))
                .collect()
        };
        let headers: Vec<(&str, &[u8])> = pairs("headers")
            .into_iter()
            .map(|(name, value)| (name, value.as_bytes()))
            .collect();
        let query: Vec<(Cow<'_, str>, Cow<'_, str>)> = pairs("query")
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        let request = SignableRequest {
            method: text(want, "method")?,
            path: text(want, "path")?,
            query: &query,
            headers: &headers,
            body: &body,
        };
        let recorded = pairs("headers")
            .into_iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
            .map(|(_, value)| value);
        let Some(recorded) = recorded else {
            return Ok(());
        };
        self.same_texts(&request, &want["signing"])?;
        let ours = self.authorization(&request, recorded)?;
        let ours = String::from_utf8_lossy(&ours);
        same("signature of the recorded request", recorded, &ours)
    }

    /// The texts on the way to the recorded signature.
    fn same_texts(&self, request: &SignableRequest<'_>, want: &Value) -> Result<(), String> {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        let header = |name: &str| {
            let mut headers = request.headers.iter();
            let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map_or_else(String::new, |(_, value)| text(value.to_vec()))
        };
        match (
            want["canonical_request"].as_str(),
            want["string_to_sign"].as_str(),
        ) {
            (Some(canonical), _) => {
                let hash = header("x-log-content-sha256");
                let ours = text(v4::canonical_request(request, &hash));
                same("canonical request", canonical, &ours)
            }
            (None, Some(to_sign)) => {
                let ours = text(v1::string_to_sign(request, &header("date")));
                same("string to sign", to_sign, &ours)
            }
            (None, None) => Ok(()),
        }
    }

    /// Signs what we sent as it can be read off the wire: that must give the signature that
    /// it carries, also where it differs from the recorded request.
    fn signed_as_sent(&self, sent: &Request<Bytes>) -> Result<(), String> {
        let Some(carried) = sent.headers().get("authorization") else {
            return Ok(());
        };
        let query: Vec<_> = decoded_query(sent)
            .into_iter()
            .map(|(key, value)| (Cow::from(key), Cow::from(value)))
            .collect();
        let headers: Vec<_> = sent
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .filter(|(name, _)| *name != "authorization")
            .collect();
        let request = SignableRequest {
            method: sent.method().as_str(),
            path: &decoded(sent.uri().path()),
            query: &query,
            headers: &headers,
            body: sent.body(),
        };
        let named = String::from_utf8_lossy(carried.as_bytes());
        if self.authorization(&request, &named)? == carried.as_bytes() {
            Ok(())
        } else {
            Err("the signature is not that of the request on the wire".to_owned())
        }
    }

    /// The signature that `request` gets from the key that `named` was made with.
    fn authorization(&self, request: &SignableRequest<'_>, named: &str) -> Result<Vec<u8>, String> {
        let signed = self
            .signer
            .sign(request, self.signed_with(named), self.now)
            .map_err(|error| error.to_string())?;
        let ours = signed.iter().find(|(name, _)| name == "authorization");
        Ok(ours.map_or_else(Vec::new, |(_, value)| value.as_bytes().to_vec()))
    }
}

/// The recorded command line asks again until the service recovers.
fn has_server_failure(case: &Value) -> bool {
    let exchanges = case["exchanges"].as_array().into_iter().flatten();
    let mut statuses = exchanges.filter_map(|exchange| exchange["response"]["status"].as_u64());
    statuses.any(|status| status >= 500)
}

/// `[id, secret, token]`.
fn renewed(args: &Value) -> Option<Credentials> {
    let credentials = Credentials::new(args[0].as_str()?, args[1].as_str()?);
    Some(match args[2].as_str() {
        Some(token) => credentials.with_security_token(token),
        None => credentials,
    })
}

/// One key until it is refused, then another if there is one.
#[derive(Debug)]
struct Keys {
    first: Credentials,
    renewed: Option<Credentials>,
    refused: AtomicBool,
}

impl CredentialsProvider for Keys {
    fn credentials(&self) -> CredentialsFuture<'_> {
        let refused = self.refused.load(Ordering::SeqCst);
        let key = self.renewed.as_ref().filter(|_| refused);
        let key = key.unwrap_or(&self.first).clone();
        Box::pin(std::future::ready(Ok(key)))
    }

    fn refused(&self, _: &Credentials) {
        self.refused.store(true, Ordering::SeqCst);
    }
}

fn reply(response: &Value) -> Result<Reply, String> {
    let status = response["status"].as_u64();
    let status = status.and_then(|status| u16::try_from(status).ok());
    let mut builder = Response::builder().status(status.ok_or("an answer has no status")?);
    for pair in response["headers"].as_array().into_iter().flatten() {
        let (name, value) = (pair[0].as_str(), pair[1].as_str());
        builder = builder.header(name.unwrap_or_default(), value.unwrap_or_default());
    }
    let body = Bytes::from(body_bytes(&response["body"])?);
    let response = builder.body(body).map_err(|error| error.to_string())?;
    Ok(Reply::response(response))
}

fn body_bytes(body: &Value) -> Result<Vec<u8>, String> {
    body["b64"]
        .as_str()
        .map_or_else(|| Ok(Vec::new()), from_base64)
}

/// Compares as the README of the cases says.
fn same_request(want: &Value, got: &Request<Bytes>, compare: &Value) -> Result<(), String> {
    same("method", text(want, "method")?, got.method().as_str())?;
    same("path", text(want, "path")?, &decoded(got.uri().path()))?;

    let pairs = want["query"].as_array().into_iter().flatten();
    let mut want_query: Vec<(String, String)> = pairs
        .map(|pair| (lossy(&pair[0]), lossy(&pair[1])))
        .collect();
    let mut got_query = decoded_query(got);
    want_query.sort();
    got_query.sort();
    // The signature covers the text, so it differs where only the form does.
    let other_text = want_query != got_query;
    for (key, value) in want_query.iter_mut().chain(&mut got_query) {
        *value = in_one_form(key, value);
    }
    same(
        "query",
        &format!("{want_query:?}"),
        &format!("{got_query:?}"),
    )?;

    let want_body = body_bytes(&want["body"])?;
    same_body(want, &want_body, got)?;
    same_headers(want, &want_body, got, compare, other_text)
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn decoded_query(request: &Request<Bytes>) -> Vec<(String, String)> {
    let query = request.uri().query().into_iter();
    query
        .flat_map(|query| query.split('&'))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decoded(key), decoded(value)))
        .collect()
}

fn lossy(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A value without the recorded client's ways: it writes `True` where others write `true`,
/// where it moves a cursor into the shard it sends a line feed after it, and it sends a
/// hash key as it was given, where ours is always 32 digits in lower case.
fn in_one_form(key: &str, value: &str) -> String {
    match (key, value) {
        ("key", key) => key
            .parse()
            .map_or_else(|_| key.to_owned(), |key: HashKey| key.to_string()),
        ("cursor", cursor) => cursor.trim_end().to_owned(),
        (_, "True" | "False") => value.to_ascii_lowercase(),
        (_, other) => other.to_owned(),
    }
}

fn same_body(want: &Value, want_body: &[u8], got: &Request<Bytes>) -> Result<(), String> {
    let json = &want["body"]["json"];
    if !json.is_null() {
        let got = serde_json::from_slice(got.body());
        let mut got: Value = got.map_err(|error| format!("body: not JSON: {error}"))?;
        if text(want, "path")?.ends_with("/index") {
            let index = serde_json::from_value(got).map_err(|error| format!("body: {error}"))?;
            got = serde_json::to_value(as_the_recorded_client_writes(index)).unwrap_or_default();
        }
        return match first_difference(json, &got) {
            Some(difference) => Err(format!("body: {difference}")),
            None => Ok(()),
        };
    }
    let (mut want_body, mut got_body) = (want_body.to_vec(), got.body().to_vec());
    if let Some(name) = want["body"]["compress"].as_str() {
        want_body = decompress(name, &want_body, want["body"]["raw_size"].as_u64())?;
        let raw_size = got.headers().get("x-log-bodyrawsize");
        let raw_size = raw_size.and_then(|size| size.to_str().ok()?.parse().ok());
        got_body = decompress(name, &got_body, raw_size)?;
    }
    match byte_difference(&want_body, &got_body) {
        Some(difference) => Err(format!("body: {difference}")),
        None => Ok(()),
    }
}

fn decompress(name: &str, body: &[u8], raw_size: Option<u64>) -> Result<Vec<u8>, String> {
    let compression = Compression::from_name(name);
    let compression = compression.ok_or_else(|| format!("compression {name:?} is not known"))?;
    let raw_size = raw_size.and_then(|size| usize::try_from(size).ok());
    compression
        .decompress(body, raw_size.ok_or("body: no raw size")?, 64 << 20)
        .map_err(|error| format!("body: {error}"))
}

fn same_headers(
    want: &Value,
    want_body: &[u8],
    got: &Request<Bytes>,
    compare: &Value,
    other_text: bool,
) -> Result<(), String> {
    let required: Vec<String> = compare["require_headers"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|name| lossy(name).to_ascii_lowercase())
        .collect();
    let is_json = !want["body"]["json"].is_null();
    // These follow the bytes of the body, which may differ where the content does not.
    let other_bytes = want_body != got.body().as_ref();
    let compared = |name: &str| match name {
        "authorization" => !other_text && !other_bytes && !is_json,
        "content-md5" | "x-log-content-sha256" => !other_bytes && !is_json,
        "x-log-bodyrawsize" => !is_json,
        "host" | "content-type" | "date" => true,
        name => {
            name.starts_with("x-log-")
                || name.starts_with("x-acs-")
                || required.contains(&name.to_owned())
        }
    };
    let pairs = want["headers"].as_array().into_iter().flatten();
    let mut want: Vec<(String, String)> = pairs
        .map(|pair| (lossy(&pair[0]).to_ascii_lowercase(), lossy(&pair[1])))
        .filter(|(name, _)| compared(name))
        .collect();
    let mut got: Vec<(String, String)> = got
        .headers()
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), value.into_owned())
        })
        .filter(|(name, _)| compared(name))
        .collect();
    want.sort();
    got.sort();
    if want == got {
        return Ok(());
    }
    let missing = want.iter().find(|header| !got.contains(header));
    let extra = got.iter().find(|header| !want.contains(header));
    Err(format!(
        "headers: missing {missing:?}, unexpected {extra:?}"
    ))
}

fn same(what: &str, want: &str, got: &str) -> Result<(), String> {
    if want == got {
        Ok(())
    } else {
        Err(format!("{what}: got {got:?}, want {want:?}"))
    }
}

/// Compares what the call returned, member by member.
fn same_result(want: &Value, outcome: Result<Value, Error>) -> Result<(), Failure> {
    match (&want["exception"], outcome) {
        (Value::Null, Ok(got)) => {
            let mut want = want.clone();
            if let Some(members) = want.as_object_mut() {
                // Our replies do not carry them.
                for left_out in ["type", "request_id"] {
                    members.remove(left_out);
                }
            }
            match first_difference(&want, &as_far_as_recorded(&want, got)) {
                Some(difference) => Err(format!("result: {difference}").into()),
                None => Ok(()),
            }
        }
        (Value::Null, Err(error)) => Err(format!("result: {}", chain(&error)).into()),
        (_, Ok(got)) => Err(format!("result: {got} where an error was recorded").into()),
        (exception, Err(error)) => Ok(same_error(exception, &error)?),
    }
}

/// Leaves out of the answer what the case does not speak of: members of the whole, of
/// `fields` and of each of `consumer_groups`, which come under several names.
fn as_far_as_recorded(want: &Value, mut got: Value) -> Value {
    fn keep(want: &Value, got: &mut Value) {
        match (want, got) {
            (Value::Object(want), Value::Object(got)) => {
                got.retain(|name, _| want.contains_key(name));
            }
            (Value::Array(want), Value::Array(got)) => {
                for (want, got) in want.iter().zip(got) {
                    keep(want, got);
                }
            }
            _ => {}
        }
    }
    keep(want, &mut got);
    for member in ["fields", "consumer_groups"] {
        if let Some(got) = got.get_mut(member) {
            keep(&want[member], got);
        }
    }
    got
}

pub(super) fn same_error(want: &Value, error: &Error) -> Result<(), String> {
    let code = want["error_code"].as_str().unwrap_or_default();
    if code.starts_with("CLIENT_SIDE_") {
        return Ok(());
    }
    let mut got = json!({
        "request_id": error.request_id().map(|id| id.as_str()),
        "http_status": error.status(),
    });
    let mut want = json!({
        "request_id": want["request_id"],
        "http_status": want["http_status"],
        "error_message": want["error_message"],
    });
    match error {
        Error::Service {
            code: found,
            message,
            ..
        } => {
            if *found != ErrorCode::parse(code) {
                return Err(format!("error code: got {found}, want {code}"));
            }
            got["error_message"] = json!(message);
        }
        // These two are the recorded client's own names for an answer it cannot use, and
        // their texts are its own as well.
        Error::BadAnswer { .. } if matches!(code, "LogRequestError" | "BadResponse") => {
            if let Some(members) = want.as_object_mut() {
                members.remove("error_message");
            }
        }
        other => return Err(format!("error code: got {}, want {code}", chain(other))),
    }
    match first_difference(&want, &got) {
        Some(difference) => Err(format!("error: {difference}")),
        None => Ok(()),
    }
}

fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
