//! What a `tracing` subscriber gets to see of a request.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use telemetry_delivery::{Backoff, Reply, RetryConfig, RetryLayer, ScriptedTransport, Verdict};
use tower::{Layer, ServiceExt};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// One subscriber of the process at a time: what a call site is to do is remembered for all of them
/// together, and looked at again while others come and go.
static ONLY: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Writes every span and event into a line.
#[derive(Clone, Default)]
struct Lines {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

impl Lines {
    fn write(&self, kind: &str, metadata: &Metadata<'_>, fields: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{kind} {}", metadata.target()));
        fields(&mut line);
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.0);
    }

    fn all(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("telemetry_delivery")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.write(span.metadata().name(), span.metadata(), |line| {
            span.record(line);
        });
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        self.write("event", event.metadata(), |line| event.record(line));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn every_attempt_is_a_span_and_nothing_shows_the_request() {
    let lines = Lines::default();
    let _only = ONLY.lock().await;
    let _guard = tracing::subscriber::set_default(lines.clone());

    let statuses = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK];
    let transport = ScriptedTransport::new(statuses.map(Reply::status));
    let config = RetryConfig::default().with_backoff(Backoff::new(Duration::ZERO, Duration::ZERO));
    let layer = RetryLayer::new(config, |outcome| match outcome {
        Ok(answer) if answer.status().is_server_error() => Verdict::Again,
        _ => Verdict::Done,
    })
    .expect("the defaults are in range");
    let request = Request::post("http://user.example.test/secret?key=secret")
        .header("authorization", "secret")
        .body(Bytes::from_static(b"secret"))
        .expect("the request is well formed");
    let answer = layer.layer(transport).oneshot(request).await;
    assert_eq!(
        answer.map(|answer| answer.status()).ok(),
        Some(StatusCode::OK)
    );

    let lines = lines.all();
    let attempts: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("attempt "))
        .collect();
    assert_eq!(
        attempts,
        [
            "attempt telemetry_delivery::retry number=1",
            "attempt telemetry_delivery::retry number=2",
        ]
    );
    let ended = |outcome: &str| lines.iter().any(|line| line.contains(outcome));
    assert!(ended("outcome=answered with http 503"), "{lines:#?}");
    assert!(ended("outcome=answered with http 200"), "{lines:#?}");
    assert!(!lines.concat().contains("secret"), "{lines:#?}");
}

#[cfg(feature = "https")]
#[test]
fn a_transport_that_verifies_no_certificate_warns_when_it_is_made() {
    use telemetry_delivery::{HttpsConfig, HttpsTransport};

    let _only = ONLY.blocking_lock();
    let warned = |config: HttpsConfig| {
        let lines = Lines::default();
        let _guard = tracing::subscriber::set_default(lines.clone());
        HttpsTransport::new(config).expect("the defaults are in range");
        lines
            .all()
            .concat()
            .contains("certificates are not verified")
    };
    assert!(warned(
        HttpsConfig::default().with_unverified_certificates()
    ));
    assert!(!warned(HttpsConfig::default()));
}
