use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::lenient;

/// How a search went.
///
/// What is an `Option` is absent in some answers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct QueryMeta {
    /// Whether the service looked at everything.
    pub progress: Progress,
    /// How many rows it found.
    pub count: u64,
    /// How many logs it looked at.
    pub processed_rows: u64,
    /// How long that took, in milliseconds.
    #[serde(rename = "elapsedMillisecond")]
    pub elapsed_ms: u64,
    /// How many bytes it looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processed_bytes: Option<u64>,
    /// Whether the query has SQL.
    #[serde(rename = "hasSQL")]
    pub has_sql: bool,
    /// The part of the query before the `|`.
    pub where_query: String,
    /// The part of the query after the `|`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agg_query: Option<String>,
    /// Processor time that SQL took, in seconds.
    pub cpu_sec: f64,
    /// Processors that SQL ran on.
    pub cpu_cores: u32,
    /// Rows that SQL was limited to, 0 without a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited: Option<u64>,
    /// What the logstore holds: empty for logs, `Metrics` for metrics. The service's
    /// spelling has a letter too many.
    #[serde(rename = "telementryType", skip_serializing_if = "Option::is_none")]
    pub telemetry_type: Option<String>,
    /// Whether SQL ran with more machines.
    pub power_sql: bool,
    /// The SQL that the service ran in place of the query's.
    #[serde(rename = "insertedSQL", skip_serializing_if = "Option::is_none")]
    pub inserted_sql: Option<String>,
    /// The columns that SQL gave, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<String>>,
    /// The types of these columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column_types: Option<Vec<String>>,
    /// The words that were searched for.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub terms: Vec<QueryTerm>,
    /// Where a later search of the same kind goes on; its shape is the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marker: Option<Value>,
    /// How the service searched.
    pub mode: QueryMode,
    /// How many bytes a scan read.
    pub scan_bytes: u64,
    /// How far a phrase search or a scan got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phrase_query_info: Option<PhraseQueryInfo>,
    /// Whether logs are ordered below the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_accurate: Option<bool>,
    /// Where the words were found, when that was asked for; its shape is the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highlights: Option<Value>,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl QueryMeta {
    /// How long the search took.
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms)
    }
}

/// Whether the service looked at everything it should.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Progress {
    /// It did.
    Complete,
    /// It did not: the time for one call was over. Asking again goes on.
    #[default]
    Incomplete,
    /// A word this version does not know, kept as the service wrote it.
    Other(String),
}

impl From<String> for Progress {
    /// Official clients differ in whether case counts; it does not here.
    fn from(text: String) -> Self {
        if text.eq_ignore_ascii_case("complete") {
            Self::Complete
        } else if text.eq_ignore_ascii_case("incomplete") {
            Self::Incomplete
        } else {
            Self::Other(text)
        }
    }
}

impl FromStr for Progress {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned().into())
    }
}

impl From<Progress> for String {
    fn from(progress: Progress) -> Self {
        progress.to_string()
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Complete => "Complete",
            Self::Incomplete => "Incomplete",
            Self::Other(text) => text,
        })
    }
}

/// One word of a query, and the field it was searched in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueryTerm {
    /// The field, empty for any.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub key: String,
    /// The word.
    #[serde(deserialize_with = "lenient::null_is_default")]
    pub term: String,
}

/// How the service searched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "u32", into = "u32")]
#[non_exhaustive]
pub enum QueryMode {
    /// By the index.
    #[default]
    Normal,
    /// By the index for the words of a phrase, then by reading what it found.
    Phrase,
    /// By reading.
    Scan,
    /// By reading, with SQL over what was read.
    ScanSql,
    /// A number this version does not know.
    Other(u32),
}

impl From<u32> for QueryMode {
    fn from(number: u32) -> Self {
        match number {
            0 => Self::Normal,
            1 => Self::Phrase,
            2 => Self::Scan,
            3 => Self::ScanSql,
            other => Self::Other(other),
        }
    }
}

impl From<QueryMode> for u32 {
    fn from(mode: QueryMode) -> Self {
        match mode {
            QueryMode::Normal => 0,
            QueryMode::Phrase => 1,
            QueryMode::Scan => 2,
            QueryMode::ScanSql => 3,
            QueryMode::Other(number) => number,
        }
    }
}

/// How far a phrase search or a scan got.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PhraseQueryInfo {
    /// Whether everything in the time asked for was read.
    #[serde(with = "lenient::flag")]
    pub scan_all: bool,
    /// The offset that leads to the page before, with `forward` off.
    #[serde(with = "lenient::number")]
    pub begin_offset: u64,
    /// The offset that leads to the next page.
    #[serde(with = "lenient::number")]
    pub end_offset: u64,
    /// Up to where it read; absent in answers of the older interface.
    #[serde(with = "end_time", skip_serializing_if = "Option::is_none")]
    pub end_time: Option<SystemTime>,
}

mod end_time {
    use std::time::SystemTime;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::model::lenient::unix_seconds;

    pub(super) fn serialize<S: Serializer>(
        time: &Option<SystemTime>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => unix_seconds::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        #[derive(Deserialize)]
        struct Seconds(#[serde(with = "unix_seconds")] SystemTime);
        Ok(<Option<Seconds>>::deserialize(deserializer)?.map(|seconds| seconds.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::UNIX_EPOCH;

    #[test]
    fn the_older_interface_writes_numbers_and_flags_as_text() {
        let info: PhraseQueryInfo =
            serde_json::from_value(json!({"scanAll": "True", "beginOffset": "3", "endOffset": 4}))
                .unwrap();
        let want = PhraseQueryInfo {
            scan_all: true,
            begin_offset: 3,
            end_offset: 4,
            end_time: None,
        };
        assert_eq!(info, want);
        let info: PhraseQueryInfo = serde_json::from_value(json!({"endTime": 7})).unwrap();
        assert_eq!(info.end_time, Some(UNIX_EPOCH + Duration::from_secs(7)));
    }

    #[test]
    fn nulls_and_members_that_are_not_known_are_no_reason_to_lose_the_answer() {
        let meta: QueryMeta = serde_json::from_value(json!({
            "progress": "complete", "aggQuery": null, "terms": null, "keys": null,
            "marker": null, "highlights": null, "phraseQueryInfo": null, "mode": 9, "new": 1,
        }))
        .unwrap();
        assert_eq!(meta.progress, Progress::Complete);
        assert_eq!(meta.mode, QueryMode::Other(9));
        assert_eq!(meta.other["new"], json!(1));
        assert_eq!(meta.highlights, None);
    }
}
