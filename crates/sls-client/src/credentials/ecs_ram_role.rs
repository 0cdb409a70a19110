use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, StatusCode};
use serde::Deserialize;
use sls_core::credentials::{Credentials, CredentialsError, CredentialsFuture};
use sls_core::{BoxError, CredentialsProvider};
use telemetry_delivery::{BoxTransport, RetryConfig, RetryLayer, Transport, Verdict};
use tower::{Layer as _, ServiceExt as _};

/// Temporary credentials of the role that an ECS instance runs under.
///
/// Asked from the metadata address that only the instance itself can reach, over plain
/// HTTP. Put it into a [`CachedCredentials`](super::CachedCredentials): each call here asks.
///
/// ```
/// use sls_client::credentials::{CachedCredentials, EcsRamRole};
/// use sls_client::Client;
///
/// // Asks for nothing until the first call.
/// let credentials = CachedCredentials::new(EcsRamRole::new("log-writer")?);
/// let client = Client::builder("cn-hangzhou-intranet.log.aliyuncs.com".parse()?, credentials).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct EcsRamRole {
    role: String,
    address: String,
    stack: BoxTransport,
}

/// Where an instance finds its metadata.
const ADDRESS: &str = "http://100.100.100.200";
/// The metadata is next door: what takes longer will not come.
#[cfg(feature = "https")]
const TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 3;

impl EcsRamRole {
    /// The credentials of this role.
    ///
    /// # Errors
    /// [`BuildError`](crate::BuildError) when no transport can be made.
    #[cfg(feature = "https")]
    pub fn new(role: impl Into<String>) -> Result<Self, crate::BuildError> {
        // A proxy would be asked for the metadata of its own instance, and would see ours.
        let config = telemetry_delivery::HttpsConfig::default()
            .with_no_proxy()
            .with_connect_timeout(TIMEOUT)
            .with_attempt_timeout(TIMEOUT)
            .with_max_response_bytes(64 << 10);
        Self::over(telemetry_delivery::HttpsTransport::new(config)?, role)
    }

    /// The same over any transport.
    ///
    /// # Errors
    /// None today.
    pub fn over(
        transport: impl Transport,
        role: impl Into<String>,
    ) -> Result<Self, crate::BuildError> {
        let retry = RetryConfig::default().with_max_attempts(ATTEMPTS);
        let retry = RetryLayer::new(retry, |outcome| match outcome {
            Ok(answer) if answer.status().is_server_error() => Verdict::Again,
            Err(error) if error.is_transient() => Verdict::Again,
            _ => Verdict::Done,
        })?;
        Ok(Self {
            role: role.into(),
            address: ADDRESS.to_owned(),
            stack: BoxTransport::new(retry.layer(transport)),
        })
    }

    /// Asks at another address, scheme included. Default: `http://100.100.100.200`.
    #[must_use]
    pub fn with_address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }

    async fn ask(&self) -> Result<Credentials, BoxError> {
        let address = self.address.trim_end_matches('/');
        let url = format!(
            "{address}/latest/meta-data/ram/security-credentials/{}",
            self.role
        );
        let request = Request::get(url).body(Bytes::new())?;
        let response = self.stack.clone().oneshot(request).await?;
        match response.status() {
            StatusCode::OK => Ok(read(response.body())?),
            status => Err(format!("the metadata answered http {}", status.as_u16()).into()),
        }
    }
}

impl CredentialsProvider for EcsRamRole {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(async {
            self.ask()
                .await
                .map_err(|cause| CredentialsError::Unavailable {
                    provider: "the ECS instance's role",
                    cause,
                })
        })
    }
}

fn read(body: &[u8]) -> Result<Credentials, &'static str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        code: String,
        access_key_id: Option<String>,
        access_key_secret: Option<String>,
        security_token: Option<String>,
        expiration: Option<String>,
    }

    // The decoder's own error may quote the body, which holds the secret.
    let answer: Answer =
        serde_json::from_slice(body).map_err(|_| "the metadata is not the expected JSON")?;
    if !answer.code.eq_ignore_ascii_case("success") {
        return Err("the metadata has no credentials for this role");
    }
    let (Some(id), Some(secret), Some(token)) = (
        answer.access_key_id,
        answer.access_key_secret,
        answer.security_token,
    ) else {
        return Err("the metadata lacks a part of the credentials");
    };
    let expiry = answer.expiration.as_deref().and_then(utc);
    let expiry = expiry.ok_or("the metadata does not say when the credentials expire")?;
    Ok(Credentials::new(id, secret)
        .with_security_token(token)
        .with_expiry(expiry))
}

/// Reads `2026-01-01T00:00:00Z`.
fn utc(text: &str) -> Option<SystemTime> {
    let bytes = text.as_bytes();
    let shape = b"0000-00-00T00:00:00Z";
    let fits = bytes.len() == shape.len()
        && bytes.iter().zip(shape).all(|(byte, wanted)| match wanted {
            b'0' => byte.is_ascii_digit(),
            wanted => byte == wanted,
        });
    if !fits {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Counting years from March puts the leap day last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    let seconds = 86_400 * days + 3600 * hour + 60 * minute + second;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;
    use telemetry_delivery::{Reply, ScriptedTransport};

    const GOOD: &str = r#"{"Code":"success","AccessKeyId":"STS.id","AccessKeySecret":"hush",
        "SecurityToken":"quiet","Expiration":"2026-01-01T00:00:00Z","LastUpdated":"x"}"#;

    fn answer(body: &'static str) -> Reply {
        Reply::response(Response::new(Bytes::from_static(body.as_bytes())))
    }

    async fn ask(replies: Vec<Reply>) -> (Result<Credentials, String>, ScriptedTransport) {
        let transport = ScriptedTransport::new(replies);
        let provider = EcsRamRole::over(transport.clone(), "writer").unwrap();
        let outcome = provider
            .with_address("http://127.0.0.1:1/")
            .credentials()
            .await;
        let outcome = outcome
            .map_err(|error| format!("{error}: {}", std::error::Error::source(&error).unwrap()));
        (outcome, transport)
    }

    #[tokio::test(start_paused = true)]
    async fn a_role_gives_temporary_credentials() {
        let (outcome, transport) =
            ask(vec![Reply::status(StatusCode::BAD_GATEWAY), answer(GOOD)]).await;
        let credentials = outcome.unwrap();
        assert_eq!(credentials.security_token(), Some("quiet"));
        let expiry = UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        assert_eq!(credentials.expires_at(), Some(expiry));
        let path = "/latest/meta-data/ram/security-credentials/writer";
        assert_eq!(transport.requests()[0].uri().path(), path);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_answer_is_told_apart_and_never_quoted() {
        for (reply, want) in [
            (Reply::status(StatusCode::NOT_FOUND), "http 404"),
            (answer("hush"), "not the expected JSON"),
            (
                answer(r#"{"Code":"Failed"}"#),
                "no credentials for this role",
            ),
            (
                answer(r#"{"Code":"Success","AccessKeyId":"hush"}"#),
                "lacks a part",
            ),
        ] {
            let error = ask(vec![reply]).await.0.unwrap_err();
            assert!(error.contains(want), "{error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn only_a_whole_utc_time_is_a_time() {
        assert_eq!(
            utc("1970-01-01T00:00:01Z"),
            Some(UNIX_EPOCH + Duration::from_secs(1))
        );
        for bad in [
            "",
            "2026-01-01",
            "2026-13-01T00:00:00Z",
            "2026-01-01T00:00:00+08:00",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(utc(bad), None, "{bad}");
        }
    }
}
