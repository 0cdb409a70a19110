//! Requests for the signature targets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use sls_core::Credentials;
use sls_core::sign::{SignError, SignableRequest, Signer};

#[derive(Debug, Arbitrary)]
pub struct Input {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, Vec<u8>>,
    body: Vec<u8>,
    key_id: String,
    secret: String,
    token: Option<String>,
    seconds: u64,
}

pub type Query<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;
pub type Headers = Vec<(String, Vec<u8>)>;

impl Input {
    pub fn query(&self) -> Query<'_> {
        let pair = |(key, value): (&'_ String, &'_ String)| -> (Cow<'_, str>, Cow<'_, str>) {
            (key.clone().into(), value.clone().into())
        };
        self.query.iter().map(pair).collect()
    }

    /// The headers, each name once in any case, among them some that are signed.
    pub fn headers(&self) -> Headers {
        let mut headers = BTreeMap::new();
        for (index, (name, value)) in self.headers.iter().enumerate() {
            let prefix = ["x-log-", "X-Acs-", "x-log-meta-", ""][index % 4];
            let name = format!("{prefix}{name}");
            headers.insert(name.to_ascii_lowercase(), (name, value.clone()));
        }
        headers.into_values().collect()
    }

    pub fn credentials(&self) -> Credentials {
        let credentials = Credentials::new(&self.key_id, &self.secret);
        match &self.token {
            Some(token) => credentials.with_security_token(token),
            None => credentials,
        }
    }

    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.seconds % 300_000_000_000)
    }
}

/// A request as it arrives at a server: the headers of the signature on top.
///
/// `None` when the request cannot be signed, which only the credentials and the time decide.
pub fn signed(
    signer: &impl Signer,
    input: &Input,
    query: &Query<'_>,
    headers: &Headers,
) -> Option<Headers> {
    let borrowed: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    let added = signer.sign(
        &request(input, query, &borrowed),
        &input.credentials(),
        input.time(),
    );
    let added = match added {
        Ok(added) => added,
        Err(SignError::CredentialsNotPrintable | SignError::TimeOutOfRange) => return None,
        Err(other) => panic!("{other}"),
    };
    let mut arrived = headers.clone();
    for (name, value) in added {
        arrived.retain(|(found, _)| !found.eq_ignore_ascii_case(name.as_str()));
        arrived.push((name.to_string(), value.as_bytes().to_vec()));
    }
    Some(arrived)
}

pub fn request<'a>(
    input: &'a Input,
    query: &'a Query<'_>,
    headers: &'a [(&'a str, &'a [u8])],
) -> SignableRequest<'a> {
    SignableRequest {
        method: &input.method,
        path: &input.path,
        query,
        headers,
        body: &input.body,
    }
}

/// The value of a header of an arrived request.
pub fn value<'a>(headers: &'a Headers, name: &str) -> &'a str {
    let found = headers.iter().find(|(found, _)| found == name);
    let (_, value) = found.expect("a header of the signature");
    std::str::from_utf8(value).expect("text")
}
