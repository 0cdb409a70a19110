use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Where a text is cut into words, unless told otherwise: the set that the service's
/// console proposes.
pub const DEFAULT_TOKENS: [&str; 22] = [
    ",", " ", "'", "\"", ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/", ":",
    "\n", "\t", "\r",
];

/// What of a logstore can be searched and analysed.
///
/// An index holds whole logs, single fields, or both; one without either is refused. What
/// an index does not hold is stored all the same, and pulled, but not found.
///
/// Members this version does not know survive a round trip, so that reading, changing and
/// writing an index changes nothing else. The official Python client drops them.
///
/// ```
/// use sls_core::model::{IndexConfig, KeyIndex, LineIndex};
///
/// let index = IndexConfig::default()
///     .with_line(LineIndex::default())
///     .with_key("status", KeyIndex::long())
///     .with_key("path", KeyIndex::text().with_case_sensitive(true));
/// assert_eq!(index.keys.len(), 2);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexConfig {
    /// The index over whole logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<LineIndex>,
    /// The indexes over single fields, by the field's name.
    #[serde(
        default,
        deserialize_with = "super::lenient::null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub keys: BTreeMap<String, KeyIndex>,
    /// One index over every field, as old logstores have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_keys: Option<KeyIndex>,
    /// Days the index is kept. Default: the logstore's. The official Python client leaves
    /// it out when it writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,
    /// How many bytes of a value take part in analysis, 64 to 16384. Default: 2048.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_text_len: Option<u32>,
    /// Whether similar logs are grouped into patterns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_reduce: Option<bool>,
    /// The fields that patterns are made of; not together with the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_reduce_white_list: Option<Vec<String>>,
    /// The fields that patterns are not made of; not together with the previous.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_reduce_black_list: Option<Vec<String>>,
    /// Whether scans use the index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan_index: Option<bool>,
    /// When it last changed, in seconds since the Unix epoch; only the service sets it.
    #[serde(
        rename = "lastModifyTime",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub last_modify_time: Option<u64>,
    /// How the service stores it; only the service sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// Its version, for instance `v2`; only the service sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_mode: Option<String>,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl IndexConfig {
    /// Sets the index over whole logs.
    #[must_use]
    pub fn with_line(mut self, line: LineIndex) -> Self {
        self.line = Some(line);
        self
    }

    /// Adds the index over a field, or replaces it.
    #[must_use]
    pub fn with_key(mut self, name: impl Into<String>, key: KeyIndex) -> Self {
        self.keys.insert(name.into(), key);
        self
    }

    /// Sets how many bytes of a value take part in analysis, 64 to 16384.
    #[must_use]
    pub fn with_max_text_len(mut self, bytes: u32) -> Self {
        self.max_text_len = Some(bytes);
        self
    }

    /// What a client may write: all but the members that only the service sets.
    pub(crate) fn writable(&self) -> Value {
        let written = Self {
            last_modify_time: None,
            storage: None,
            index_mode: None,
            ..self.clone()
        };
        serde_json::to_value(written).expect("the settings have string keys and no failing member")
    }
}

impl fmt::Display for IndexConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = if self.line.is_some() { "" } else { "no " };
        write!(
            f,
            "{line}index over whole logs, {} over fields",
            self.keys.len()
        )?;
        for (name, key) in &self.keys {
            write!(f, "\n  {name} {}", key.kind)?;
        }
        Ok(())
    }
}

/// An index over whole logs: a search without a field's name finds words of any field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineIndex {
    /// Where a text is cut into words. Default: [`DEFAULT_TOKENS`].
    #[serde(default, deserialize_with = "super::lenient::null_is_default")]
    pub token: Vec<String>,
    /// Whether `Error` is another word than `error`. Default: no.
    #[serde(rename = "caseSensitive", default)]
    pub case_sensitive: bool,
    /// Whether Chinese text is cut into words. Default: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chn: Option<bool>,
    /// The only fields that take part; not together with the next. No longer recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub include_keys: Option<Vec<String>>,
    /// The fields that do not take part. No longer recommended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclude_keys: Option<Vec<String>>,
    /// Whether the service makes indexes over fields it meets. Default: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_key_detect: Option<bool>,
    /// The most indexes it makes so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_key_count_limit: Option<u32>,
    /// Fields that become text when it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_text_keys: Option<Vec<String>>,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Default for LineIndex {
    /// Words are cut at [`DEFAULT_TOKENS`], in any case.
    fn default() -> Self {
        Self {
            token: default_tokens(),
            case_sensitive: false,
            chn: None,
            include_keys: None,
            exclude_keys: None,
            auto_key_detect: None,
            auto_key_count_limit: None,
            auto_text_keys: None,
            other: Map::new(),
        }
    }
}

impl LineIndex {
    /// Sets where a text is cut into words.
    #[must_use]
    pub fn with_tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.token = tokens.into_iter().map(T::into).collect();
        self
    }

    /// Sets whether `Error` is another word than `error`.
    #[must_use]
    pub fn with_case_sensitive(mut self, case_sensitive: bool) -> Self {
        self.case_sensitive = case_sensitive;
        self
    }

    /// Sets whether Chinese text is cut into words.
    #[must_use]
    pub fn with_chinese(mut self, chinese: bool) -> Self {
        self.chn = Some(chinese);
        self
    }
}

/// An index over one field, or over one path inside a JSON field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyIndex {
    /// What the field's values are.
    #[serde(rename = "type")]
    pub kind: KeyType,
    /// Another name for the field in analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Whether the field can be analysed and not only searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc_value: Option<bool>,
    /// Where a text is cut into words; of text and JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Vec<String>>,
    /// Whether `Error` is another word than `error`; of text and JSON. Absent means no.
    #[serde(
        rename = "caseSensitive",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub case_sensitive: Option<bool>,
    /// Whether Chinese text is cut into words; of text and JSON. Absent means no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chn: Option<bool>,
    /// Whether every path of a JSON value is searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index_all: Option<bool>,
    /// How deep paths of a JSON value are followed; -1 means all the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_depth: Option<i32>,
    /// Indexes over single paths of a JSON value, such as `a.b`; text, long or double.
    #[serde(
        default,
        deserialize_with = "super::lenient::null_is_default",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub json_keys: BTreeMap<String, Self>,
    /// Members this version does not know, as they came.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl KeyIndex {
    /// Text: words cut at [`DEFAULT_TOKENS`], in any case, to be searched and analysed.
    pub fn text() -> Self {
        Self {
            token: Some(default_tokens()),
            case_sensitive: Some(false),
            ..Self::of(KeyType::Text)
        }
    }

    /// Whole numbers, to be searched by range and analysed.
    pub fn long() -> Self {
        Self::of(KeyType::Long)
    }

    /// Numbers with a fraction, to be searched by range and analysed.
    pub fn double() -> Self {
        Self::of(KeyType::Double)
    }

    /// JSON values, every path searched as text.
    pub fn json() -> Self {
        Self {
            token: Some(default_tokens()),
            case_sensitive: Some(false),
            index_all: Some(true),
            max_depth: Some(-1),
            ..Self::of(KeyType::Json)
        }
    }

    fn of(kind: KeyType) -> Self {
        Self {
            kind,
            alias: None,
            doc_value: Some(true),
            token: None,
            case_sensitive: None,
            chn: None,
            index_all: None,
            max_depth: None,
            json_keys: BTreeMap::new(),
            other: Map::new(),
        }
    }

    /// Gives the field another name in analysis.
    #[must_use]
    pub fn with_alias(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// Sets whether the field can be analysed. Default: yes.
    #[must_use]
    pub fn with_doc_value(mut self, doc_value: bool) -> Self {
        self.doc_value = Some(doc_value);
        self
    }

    /// Sets where a text is cut into words; of text and JSON.
    #[must_use]
    pub fn with_tokens<T: Into<String>>(mut self, tokens: impl IntoIterator<Item = T>) -> Self {
        self.token = Some(tokens.into_iter().map(T::into).collect());
        self
    }

    /// Sets whether `Error` is another word than `error`; of text and JSON.
    #[must_use]
    pub fn with_case_sensitive(mut self, case_sensitive: bool) -> Self {
        self.case_sensitive = Some(case_sensitive);
        self
    }

    /// Sets whether Chinese text is cut into words; of text and JSON.
    #[must_use]
    pub fn with_chinese(mut self, chinese: bool) -> Self {
        self.chn = Some(chinese);
        self
    }

    /// Sets how deep paths of a JSON value are followed; -1 means all the way.
    #[must_use]
    pub fn with_max_depth(mut self, depth: i32) -> Self {
        self.max_depth = Some(depth);
        self
    }

    /// Adds the index over one path of a JSON value, such as `a.b`, or replaces it.
    #[must_use]
    pub fn with_json_key(mut self, path: impl Into<String>, key: Self) -> Self {
        self.json_keys.insert(path.into(), key);
        self
    }
}

/// What a field's values are to an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum KeyType {
    /// Words.
    Text,
    /// Whole numbers of 64 bits.
    Long,
    /// Floating point numbers of 64 bits.
    Double,
    /// JSON values.
    Json,
    /// A type this version does not know, kept as the service wrote it.
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Long => "long",
            Self::Double => "double",
            Self::Json => "json",
            Self::Other(text) => text,
        })
    }
}

fn default_tokens() -> Vec<String> {
    DEFAULT_TOKENS.map(str::to_owned).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn members_that_are_not_known_survive_a_round_trip_at_every_level() {
        let got = json!({
            "line": {"token": [","], "caseSensitive": false, "a": 1},
            "keys": {
                "v": {"type": "vector", "embedding": "m", "doc_value": true},
                "j": {"type": "json", "json_keys": {"p.q": {"type": "long", "b": {}}}},
            },
            "all_keys": {"type": "text", "chn": false},
            "ttl": 7,
            "lastModifyTime": 1_524_155_379,
            "storage": "pg",
            "index_mode": "v2",
            "scan_index": true,
            "c": [null],
        });
        let index: IndexConfig = serde_json::from_value(got.clone()).unwrap();
        assert_eq!(index.keys["v"].kind, KeyType::Other("vector".to_owned()));
        assert_eq!(serde_json::to_value(&index).unwrap(), got);
    }

    #[test]
    fn what_the_service_sets_is_not_written() {
        let index: IndexConfig = serde_json::from_value(json!({
            "keys": {}, "ttl": 30, "lastModifyTime": 1, "storage": "pg", "index_mode": "v2",
        }))
        .unwrap();
        assert_eq!(index.writable(), json!({"ttl": 30}));
    }

    // The official command line reads the same file, drops `ttl` and `unknown_member`, and
    // adds `auto_text_keys` and `auto_key_detect`, which the file does not have.
    #[test]
    fn a_file_is_written_as_it_was_read() {
        let file = json!({
            "line": {"token": [",", " "], "caseSensitive": false, "unknown_member": 1},
            "keys": {
                "level": {
                    "alias": "", "caseSensitive": false, "chn": false, "doc_value": true,
                    "token": [], "type": "text",
                },
                "line_no": {"alias": "", "doc_value": true, "type": "long"},
            },
            "ttl": 7,
            "max_text_len": 2048,
        });
        let index: IndexConfig = serde_json::from_value(file.clone()).unwrap();
        assert_eq!(index.writable(), file);
    }

    #[test]
    fn the_builders_write_what_the_service_needs() {
        let index = IndexConfig::default()
            .with_line(LineIndex::default().with_chinese(true))
            .with_key("level", KeyIndex::text().with_tokens([","]))
            .with_key("cost", KeyIndex::long().with_alias("cost_ms"))
            .with_key(
                "payload",
                KeyIndex::json()
                    .with_tokens([" "])
                    .with_max_depth(3)
                    .with_json_key("a.b", KeyIndex::double().with_doc_value(false)),
            )
            .with_max_text_len(4096);
        let want = json!({
            "line": {"token": DEFAULT_TOKENS, "caseSensitive": false, "chn": true},
            "keys": {
                "level": {
                    "type": "text", "doc_value": true, "token": [","], "caseSensitive": false,
                },
                "cost": {"type": "long", "doc_value": true, "alias": "cost_ms"},
                "payload": {
                    "type": "json", "doc_value": true, "token": [" "], "caseSensitive": false,
                    "index_all": true, "max_depth": 3,
                    "json_keys": {"a.b": {"type": "double", "doc_value": false}},
                },
            },
            "max_text_len": 4096,
        });
        assert_eq!(index.writable(), want);
    }
}
