//! The recorded requests, sent to the collector of the local server.

use std::io;

use bytes::Bytes;
use growingio_codecs::Route;
use http::Request;
use serde_json::Value;
use sls_local::{LocalServer, LocalService};
use tokio::runtime::{Builder, Runtime};

use super::{from_base64, text};

/// A collector without a socket.
pub(super) struct Collector {
    service: LocalService,
    runtime: Runtime,
}

impl Collector {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            service: LocalServer::builder().into_service(),
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Sends every request of a case that is meant for a collector, and tells how many were
    /// taken.
    pub(super) fn take_all(&self, case: &Value) -> Result<usize, String> {
        let requests = case["requests"].as_array().map_or(&[][..], Vec::as_slice);
        let mut taken = 0;
        for (index, recorded) in requests.iter().enumerate() {
            // A redirect may have led to an address of another kind.
            if Route::of_path(text(recorded, "path")?).is_none() {
                continue;
            }
            let accepted = self.take(recorded);
            taken += usize::from(accepted.map_err(|wrong| format!("request {index}: {wrong}"))?);
        }
        Ok(taken)
    }

    fn take(&self, recorded: &Value) -> Result<bool, String> {
        let collected = self.service.growingio();
        collected.clear();
        let handled = self.service.handle(request(recorded)?);
        let status = self.runtime.block_on(handled).status();
        let requests = collected.requests();
        let seen = requests.first().ok_or("the collector did not see it")?;
        let wanted = &recorded["decoded"];
        let broken = !wanted["invalid_json"].is_null();
        if status.as_u16() != if broken { 400 } else { 200 } {
            return Err(format!("answered with {status}: {:?}", seen.reason));
        }
        if !broken && wanted["count"].as_u64() != Some(seen.records.len() as u64) {
            let count = seen.records.len();
            return Err(format!("{count} records, want {}", wanted["count"]));
        }
        Ok(!broken)
    }
}

fn request(recorded: &Value) -> Result<Request<Bytes>, String> {
    let mut target = text(recorded, "path")?.replace("{server_authority}", "127.0.0.1:1");
    if let Some(query) = recorded["query"].as_str().filter(|query| !query.is_empty()) {
        target = format!("{target}?{query}");
    }
    let mut request = Request::builder()
        .method(text(recorded, "method")?)
        .uri(target);
    let headers = recorded["headers"].as_array().into_iter().flatten();
    for header in headers {
        if let (Some(name), Some(value)) = (header[0].as_str(), header[1].as_str()) {
            request = request.header(name, value);
        }
    }
    let body = from_base64(recorded["body_base64"].as_str().unwrap_or_default())?;
    let request = request.body(Bytes::from(body));
    request.map_err(|cause| format!("the case's request cannot be sent: {cause}"))
}
