use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// One log that a search found, or one row that SQL made: fields in the service's order.
///
/// All values are text, numbers too. Beside the log's own fields there are `__time__`,
/// `__source__`, `__topic__` and `__tag__:{key}` for tags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryRow(Vec<(String, String)>);

impl QueryRow {
    /// The value of a field.
    pub fn get(&self, field: &str) -> Option<&str> {
        self.iter()
            .find(|(name, _)| *name == field)
            .map(|(_, value)| value)
    }

    /// All fields with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no field.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The log's time, to the second.
    pub fn time(&self) -> Option<SystemTime> {
        let seconds: u32 = self.get("__time__")?.parse().ok()?;
        Some(UNIX_EPOCH + Duration::from_secs(u64::from(seconds)))
    }
}

impl FromIterator<(String, String)> for QueryRow {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl fmt::Display for QueryRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{name}={value:?}")?;
        }
        Ok(())
    }
}

impl Serialize for QueryRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for QueryRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = QueryRow;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of fields")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<QueryRow, A::Error> {
                let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(8).min(64));
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let value = match value {
                        Value::String(text) => text,
                        // Not seen from the service, but its text is all that is wanted.
                        other => other.to_string(),
                    };
                    fields.push((name, value));
                }
                Ok(QueryRow(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_values_are_text() {
        let text = r#"{"z":"1","__time__":"1700000000","a":2,"n":null}"#;
        let row: QueryRow = serde_json::from_str(text).unwrap();
        let names: Vec<_> = row.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["z", "__time__", "a", "n"]);
        assert_eq!(row.get("a"), Some("2"));
        assert_eq!(row.get("n"), Some("null"));
        let want = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(row.time(), Some(want));
        assert!(serde_json::from_str::<QueryRow>("[]").is_err());
    }
}
