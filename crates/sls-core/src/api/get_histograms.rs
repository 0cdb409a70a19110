use std::time::{Duration, SystemTime};

use http::Method;

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{Histogram, Progress, ShardId, seconds, wire_time};
use crate::wire::headers;

/// Counts what a search finds, part by part of its time.
///
/// An answer may be incomplete, because one call has a limited time; the same call again
/// goes on from there. Refused with `IndexConfigNotExist` when the logstore has no index,
/// and with `InvalidTimeRange` or `InvalidQueryString` when these are not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetHistograms {
    project: String,
    logstore: String,
    from: SystemTime,
    to: SystemTime,
    query: String,
    topic: String,
    accurate: bool,
    shard: Option<ShardId>,
    interval: Option<Duration>,
}

impl GetHistograms {
    /// Counts all logs in a time, by the time inside the logs, `to` not included.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        from: SystemTime,
        to: SystemTime,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            from,
            to,
            query: String::new(),
            topic: String::new(),
            accurate: true,
            shard: None,
            interval: None,
        }
    }

    /// Counts only what this search finds; it may not have SQL.
    #[must_use]
    pub fn with_query(mut self, query: impl Into<String>) -> Self {
        self.query = query.into();
        self
    }

    /// Counts only logs of this topic. Default: of all.
    #[must_use]
    pub fn with_topic(mut self, topic: impl Into<String>) -> Self {
        self.topic = topic.into();
        self
    }

    /// Whether the parts are exact below the second. Default: yes, as the official Python
    /// client asks for.
    #[must_use]
    pub fn with_accurate(mut self, accurate: bool) -> Self {
        self.accurate = accurate;
        self
    }

    /// Counts in one shard only. Default: in all.
    #[must_use]
    pub fn with_shard(mut self, shard: ShardId) -> Self {
        self.shard = Some(shard);
        self
    }

    /// How long a part is, in whole seconds, rounded up. Default: the service's choice.
    #[must_use]
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }
}

impl Sealed for GetHistograms {}

impl Operation for GetHistograms {
    type Reply = Histograms;
    const NAME: &'static str = "GetHistograms";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{}", self.project, self.logstore)
    }

    fn encode(&self) -> ApiRequest {
        let ((from, from_ns), (to, to_ns)) = (wire_time(self.from), wire_time(self.to));
        let mut request =
            ApiRequest::new(Method::GET, format!("/logstores/{}", Name(&self.logstore)))
                .with_query("type", "histogram")
                .with_query("from", from.to_string())
                .with_query("to", to.to_string())
                .with_query("fromNs", from_ns.to_string())
                .with_query("toNs", to_ns.to_string())
                // Empty or not, as the official Python client sends it.
                .with_query("topic", self.topic.clone())
                .with_query("accurate", self.accurate.to_string());
        if !self.query.is_empty() {
            request = request.with_query("query", self.query.clone());
        }
        if let Some(shard) = self.shard {
            request = request.with_query("shard", shard.to_string());
        }
        if let Some(interval) = self.interval {
            request = request.with_query("interval", seconds::of(interval).to_string());
        }
        request
    }

    fn decode(&self, reply: &ApiReply) -> Result<Histograms, InvalidReply> {
        let parts: Vec<Histogram> = reply.json()?;
        let progress = reply
            .text(&headers::PROGRESS)
            .ok_or_else(|| InvalidReply::new(format!("header {} is missing", headers::PROGRESS)))?;
        Ok(Histograms {
            progress: progress.to_owned().into(),
            count: reply.number(&headers::COUNT)?,
            parts,
        })
    }
}

/// How many logs a search finds, altogether and part by part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Histograms {
    /// Whether the service looked at everything.
    pub progress: Progress,
    /// How many logs there are in all parts together.
    pub count: u64,
    /// The parts, from the earliest to the latest.
    pub parts: Vec<Histogram>,
}

impl Histograms {
    /// Whether the service looked at everything.
    pub fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::{check_invalid, ok, ok_with};
    use std::time::UNIX_EPOCH;

    fn get() -> GetHistograms {
        GetHistograms::new("p", "l", UNIX_EPOCH, UNIX_EPOCH + Duration::from_secs(60))
    }

    #[test]
    fn a_part_and_a_shard_are_asked_for_when_named() {
        let request = get()
            .with_interval(Duration::from_millis(59_001))
            .with_shard(ShardId(2))
            .encode();
        let text = request.path_and_query();
        assert!(text.ends_with("&shard=2&interval=60"), "{text}");
        assert!(!text.contains("query="), "{text}");
    }

    #[test]
    fn totals_and_progress_have_to_be_there() {
        let all = [(headers::PROGRESS, "complete"), (headers::COUNT, "3")];
        let body = r#"[{"from":0,"to":"60","count":3,"progress":"Complete"}]"#;
        let found = get().read(&ok_with(&all, body)).unwrap();
        assert!(found.is_complete());
        assert_eq!(found.parts[0].to, UNIX_EPOCH + Duration::from_secs(60));
        check_invalid(&get(), &ok(body));
        check_invalid(&get(), &ok_with(&all[..1], body));
        check_invalid(&get(), &ok_with(&all, r#"[{"from":0,"to":60,"count":3}]"#));
    }
}
