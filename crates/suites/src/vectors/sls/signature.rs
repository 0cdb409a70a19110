use std::borrow::Cow;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sls_core::Credentials;
use sls_core::sign::{SignV1, SignV4, SignableRequest, Signer, v1, v4};
use testkit::{Outcome, first_difference, first_difference_unordered};

use super::{from_base64, text, to_hex};

/// A direct call of the recorded signer, intermediate texts included.
pub(super) fn recorded(case: &Value) -> Option<String> {
    check(case).err()
}

/// Published test data: a signature, or a list of digests or percent-encodings.
pub(super) fn published(case: &Value) -> Outcome {
    let Some(cases) = case["cases"].as_array() else {
        return Outcome::of(check(case).err());
    };
    for case in cases {
        let outcome = match (case["content_md5"].as_str(), case["encoded"].as_str()) {
            (Some(want), _) => text(case, "body_hex")
                .and_then(super::from_hex)
                .and_then(|body| same("content_md5", want, &v1::content_md5(&body))),
            (_, Some(want)) => text(case, "input")
                .and_then(|input| same("encoded", want, &v4::percent_encode(input))),
            _ => return Outcome::Pending("signature-published".to_owned()),
        };
        if let Err(difference) = outcome {
            return Outcome::Failed(difference);
        }
    }
    Outcome::Passed
}

fn check(case: &Value) -> Result<(), String> {
    let input = Input::parse(&case["input"])?;
    let expected = &case["expected"];
    let steps = match text(&case["input"], "auth_version")? {
        "v1" => input.steps_v1()?,
        "v4" => input.steps_v4()?,
        other => return Err(format!("signature version {other:?} is not known")),
    };
    for (member, want) in expected.as_object().into_iter().flatten() {
        match (member.as_str(), steps.get(member)) {
            ("headers_after", _) => input.same_headers(want, &steps["headers_after"])?,
            (_, Some(got)) => {
                if let Some(difference) = first_difference(want, got) {
                    return Err(format!("{member}: {difference}"));
                }
            }
            (_, None) => return Err(format!("{member}: not computed")),
        }
    }
    Ok(())
}

struct Input<'a> {
    method: &'a str,
    path: &'a str,
    query: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    headers: Vec<(&'a str, &'a [u8])>,
    body: Vec<u8>,
    credentials: Credentials,
    region: &'a str,
    date_gmt: Option<&'a str>,
    date_iso: Option<&'a str>,
}

impl<'a> Input<'a> {
    fn parse(input: &'a Value) -> Result<Self, String> {
        let pairs = |member: &str| -> Vec<(&'a str, &'a str)> {
            let pairs = input[member].as_array().into_iter().flatten();
            pairs
                .filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)))
                .collect()
        };
        let headers = pairs("headers_before");
        let header = |name: &str| {
            let found = headers
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| *value)
        };
        let mut credentials = Credentials::new(
            text(input, "access_key_id")?,
            text(input, "access_key_secret")?,
        );
        if let Some(token) = input["security_token"].as_str() {
            credentials = credentials.with_security_token(token);
        }
        Ok(Self {
            method: text(input, "method")?,
            path: text(input, "path")?,
            query: pairs("query")
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            date_gmt: input["date_gmt"].as_str().or_else(|| header("date")),
            date_iso: input["date_iso"].as_str().or_else(|| header("x-log-date")),
            headers: headers
                .into_iter()
                .map(|(k, v)| (k, v.as_bytes()))
                .collect(),
            body: from_base64(text(input, "body_b64")?)?,
            credentials,
            region: input["region"].as_str().unwrap_or_default(),
        })
    }

    fn request<'b>(&'b self, headers: &'b [(&'b str, &'b [u8])]) -> SignableRequest<'b> {
        SignableRequest {
            method: self.method,
            path: self.path,
            query: &self.query,
            headers,
            body: &self.body,
        }
    }

    /// The headers of the input with some put in their place.
    fn headers_with<'b>(&'b self, added: &[(&'b str, &'b [u8])]) -> Vec<(&'b str, &'b [u8])> {
        let mut headers: Vec<(&str, &[u8])> = self.headers.clone();
        headers.retain(|(name, _)| !added.iter().any(|(new, _)| new.eq_ignore_ascii_case(name)));
        headers.extend_from_slice(added);
        headers
    }

    fn token(&self) -> Vec<(&'static str, &[u8])> {
        let token = self.credentials.security_token();
        token
            .map(|token| ("x-acs-security-token", token.as_bytes()))
            .into_iter()
            .collect()
    }

    /// Every text on the way to a signature of version 1.
    fn steps_v1(&self) -> Result<Value, String> {
        let date = self.date_gmt.ok_or("the case has no date")?;
        let mut added = self.token();
        added.push(("x-log-signaturemethod", v1::SIGNATURE_METHOD.as_bytes()));
        let headers = self.headers_with(&added);
        let to_sign = v1::string_to_sign(&self.request(&headers), date);
        let signature = v1::signature(self.credentials.access_key_secret(), &to_sign);
        let id = self.credentials.access_key_id();
        let mut steps = json!({
            "string_to_sign": String::from_utf8_lossy(&to_sign),
            "signature": signature,
            "authorization": format!("LOG {id}:{signature}"),
        });
        // A date that is not in the canonical form cannot come from a clock.
        let time = http_date(date).filter(|time| format_matches(*time, date));
        if let Some(time) = time {
            self.sign_with(&SignV1, time, &mut steps)?;
        }
        Ok(steps)
    }

    /// Every text on the way to a signature of version 4.
    fn steps_v4(&self) -> Result<Value, String> {
        let date_time = self.date_iso.ok_or("the case has no date")?;
        let hash = v4::content_sha256(&self.body);
        let mut added = self.token();
        added.push(("x-log-date", date_time.as_bytes()));
        added.push(("x-log-content-sha256", hash.as_bytes()));
        let headers = self.headers_with(&added);
        let canonical = v4::canonical_request(&self.request(&headers), &hash);
        let scope = v4::scope(date_time, self.region);
        let to_sign = v4::string_to_sign(date_time, &scope, &canonical);
        let secret = self.credentials.access_key_secret();
        let key = v4::signing_key(secret, date_time, self.region);
        let signature = v4::signature(&key, &to_sign);
        let id = self.credentials.access_key_id();
        let authorization = format!(
            "{} Credential={id}/{scope},Signature={signature}",
            v4::ALGORITHM
        );
        let mut steps = json!({
            "canonical_request": String::from_utf8_lossy(&canonical),
            "string_to_sign": to_sign,
            "scope": scope,
            "signing_key_hex": to_hex(&key),
            "signature": signature,
            "authorization": authorization,
        });
        let time = iso_date(date_time).ok_or_else(|| format!("{date_time:?} is not a date"))?;
        self.sign_with(&SignV4::new(self.region), time, &mut steps)?;
        Ok(steps)
    }

    /// The signer must come to the same as the steps, and adds its headers to them.
    fn sign_with(
        &self,
        signer: &dyn Signer,
        time: SystemTime,
        steps: &mut Value,
    ) -> Result<(), String> {
        let signed = signer
            .sign(&self.request(&self.headers), &self.credentials, time)
            .map_err(|error| error.to_string())?;
        let mut after = Vec::new();
        for (name, value) in &signed {
            after.push((name.as_str(), value.as_bytes()));
        }
        let after: Vec<Value> = self
            .headers_with(&after)
            .into_iter()
            .map(|(name, value)| json!([name.to_ascii_lowercase(), String::from_utf8_lossy(value)]))
            .collect();
        let authorization = json!(["authorization", steps["authorization"]]);
        if !after.contains(&authorization) {
            return Err("the signer and its steps come to different signatures".to_owned());
        }
        steps["headers_after"] = Value::Array(after);
        Ok(())
    }

    fn same_headers(&self, want: &Value, got: &Value) -> Result<(), String> {
        let lower = |value: &Value| -> Vec<Value> {
            let pairs = value.as_array().into_iter().flatten();
            pairs
                .map(|pair| {
                    let name = pair[0].as_str().unwrap_or_default();
                    json!([name.to_ascii_lowercase(), pair[1]])
                })
                .collect()
        };
        match first_difference_unordered(&lower(want), &lower(got)) {
            Some(difference) => Err(format!("headers_after: {difference}")),
            None => Ok(()),
        }
    }
}

fn same(what: &str, want: &str, got: &str) -> Result<(), String> {
    if want == got {
        Ok(())
    } else {
        Err(format!("{what}: got {got:?}, want {want:?}"))
    }
}

/// `Tue, 14 Nov 2023 22:13:20 GMT`.
pub(super) fn http_date(text: &str) -> Option<SystemTime> {
    let mut parts = text.split(' ').skip(1);
    let day: u64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.find(month)? as u64 / 3 + 1;
    let year: u64 = parts.next()?.parse().ok()?;
    let mut clock = parts
        .next()?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    civil(
        year,
        month,
        day,
        clock.next()??,
        clock.next()??,
        clock.next()??,
    )
}

/// `20231114T221320Z`.
fn iso_date(text: &str) -> Option<SystemTime> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    civil(
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(9, 11)?,
        part(11, 13)?,
        part(13, 15)?,
    )
}

fn civil(year: u64, month: u64, day: u64, h: u64, m: u64, s: u64) -> Option<SystemTime> {
    // Years counted from March put the leap day last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(UNIX_EPOCH + Duration::from_secs(86_400 * days + 3600 * h + 60 * m + s))
}

/// Whether a clock at `time` gives this text: the case may have been written by hand.
fn format_matches(time: SystemTime, text: &str) -> bool {
    v4::date_time(time).is_ok() && text.len() == "Tue, 14 Nov 2023 22:13:20 GMT".len()
}
