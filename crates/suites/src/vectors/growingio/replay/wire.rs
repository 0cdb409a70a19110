//! Cases that are about sockets: proxies, certificates, connections that are kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use growingio_tracker::{Error, Retry, Tracker};
use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;
use sls_local::LocalServer;
use telemetry_delivery::{ManualClock, TransportErrorKind};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::super::encoding::at;
use super::super::{from_base64, same, text, text_difference};
use super::server::Server;
use super::steps;

/// Whether the case says something that no script can show.
pub(super) fn is_about_sockets(case: &Value) -> bool {
    let config = &case["config"];
    !config["server_tls"].is_null()
        || !config["environment"].is_null()
        || case["name"] == "keep-alive"
}

pub(super) fn check(case: &Value) -> Result<(), String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(async {
        if case["config"]["server_tls"].is_null() {
            requests(case).await
        } else {
            certificate(case).await
        }
    })
}

fn io(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// The requests arrive as recorded, at the collector, over one connection. Where the recording
/// was made through a proxy, the collector plays the proxy.
async fn requests(case: &Value) -> Result<(), String> {
    let collector = LocalServer::builder().start().await.map_err(io)?;
    let endpoint = collector.endpoint().to_string();
    let config = &case["config"];
    let host = text(config, "server_host")?.replace("{server}", &endpoint);
    let clock = ManualClock::new(at(case["clock_start_ms"].as_i64().unwrap_or(0)));
    let ids = (text(config, "product_id")?, text(config, "data_source_id")?);
    let mut builder = Tracker::builder(ids.0, ids.1, host)
        .sdk("python", "1.0.5")
        .retry(Retry::default().with_limit(0))
        .clock(clock.clone());
    if config["environment"]["http_proxy"].is_string() {
        // That the environment is asked is shown by the transport's own tests: a process of
        // several threads must not change it.
        builder = builder.proxy(&endpoint).map_err(io)?;
    } else {
        builder = builder.no_proxy();
    }
    let tracker = builder.build().map_err(io)?;
    let unused = Server::new(&Value::Null);
    let played = steps::play(case, tracker, &clock, &unused).await?;
    if let Some(step) = played.steps.iter().find(|step| step.outcome.is_err()) {
        return Err(format!("{:?}", step.outcome));
    }
    let wanted = case["requests"].as_array().map_or(&[][..], Vec::as_slice);
    let seen = collector.growingio().requests();
    if seen.len() != wanted.len() {
        return Err(format!("{} requests, want {}", seen.len(), wanted.len()));
    }
    for (wanted, seen) in wanted.iter().zip(&seen) {
        let query = match text(wanted, "query")? {
            "" => String::new(),
            query => format!("?{query}"),
        };
        let target = format!("{}{query}", text(wanted, "path")?);
        same("target", &target, &seen.target)?;
        let body = from_base64(text(wanted, "body_base64")?)?;
        if let Some(difference) = text_difference(&body, &seen.body) {
            return Err(format!("body {difference}"));
        }
        let same_connection = wanted["connection"] == case["requests"][0]["connection"];
        if same_connection != (seen.connection == seen_first(&collector)) {
            return Err(format!("came on connection {:?}", seen.connection));
        }
    }
    collector.shutdown(Duration::from_secs(1)).await;
    Ok(())
}

fn seen_first(collector: &LocalServer) -> Option<u64> {
    collector.growingio().requests().first()?.connection
}

/// A certificate that nobody trusts ends the call at once, with the retries that are
/// configured; the server has seen one connection and no request.
async fn certificate(case: &Value) -> Result<(), String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    let acceptor = self_signed()?;
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            // It is the client that refuses.
            drop(acceptor.accept(stream).await);
        }
    });
    let config = &case["config"];
    let ids = (text(config, "product_id")?, text(config, "data_source_id")?);
    let builder = Tracker::builder(ids.0, ids.1, format!("https://{address}"));
    let tracker = builder
        .retry(super::retry(config, &config["options"]))
        .no_proxy()
        .build()
        .map_err(io)?;
    let unused = Server::new(&Value::Null);
    let clock = ManualClock::new(at(0));
    let played = steps::play(case, tracker, &clock, &unused).await?;
    serving.abort();
    for step in &played.steps {
        let steps::Done { outcome, .. } = step;
        let kind = match outcome {
            Err(steps::Wrong::Tracker(error)) => match &**error {
                Error::Unanswered { cause, .. } => Some(cause.kind()),
                _ => None,
            },
            _ => None,
        };
        if kind != Some(TransportErrorKind::Tls) {
            return Err(format!("got {outcome:?}, want a refused certificate"));
        }
    }
    match connections.load(Ordering::Relaxed) {
        connections if connections == played.steps.len() => Ok(()),
        connections => Err(format!("{connections} connections for one call each")),
    }
}

fn self_signed() -> Result<TlsAcceptor, String> {
    let key = KeyPair::generate().map_err(io)?;
    let params = CertificateParams::new(["127.0.0.1".to_owned()]).map_err(io)?;
    let certificate = params.self_signed(&key).map_err(io)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(io)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io)?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .map_err(io)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
