//! One log with what its group says about it.

mod typed;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use sls_core::model::TextRef;
use sls_core::wire::{GroupView, LogView};

pub use typed::RowError;

/// The key of a tag in a row is this and its name.
const TAG: &str = "__tag__:";

/// One log, flat: its own fields, and those of its group under reserved names.
///
/// | key | value |
/// |---|---|
/// | `__time__` | when it happened, in seconds since the Unix epoch |
/// | `__time_ns_part__` | the nanoseconds of that, when the writer gave them |
/// | `__topic__`, `__source__` | of the group, when the writer gave them |
/// | `__tag__:NAME` | a tag of the group |
/// | any other | a field of the log; it wins over a reserved name, the last one wins over others |
#[derive(Clone, Copy)]
pub struct Row<'a> {
    group: GroupView<'a>,
    log: LogView<'a>,
}

impl<'a> Row<'a> {
    pub(crate) fn new(group: GroupView<'a>, log: LogView<'a>) -> Self {
        Self { group, log }
    }

    /// The log alone.
    pub fn log(&self) -> LogView<'a> {
        self.log
    }

    /// The group it was written with.
    pub fn group(&self) -> GroupView<'a> {
        self.group
    }

    /// When it happened, in seconds since the Unix epoch.
    pub fn time(&self) -> u32 {
        self.log.time()
    }

    /// The value of a key, as in the table above.
    pub fn get(&self, key: &str) -> Option<Cow<'a, [u8]>> {
        if let Some(value) = self.log.get(key) {
            return Some(Cow::Borrowed(value.as_bytes()));
        }
        let text = |value: TextRef<'a>| Cow::Borrowed(value.as_bytes());
        let number = |value: u32| Cow::Owned(value.to_string().into_bytes());
        match key {
            "__time__" => Some(number(self.log.time())),
            "__time_ns_part__" => self.log.time_ns().map(number),
            "__topic__" => self.group.topic().map(text),
            "__source__" => self.group.source().map(text),
            _ => {
                let name = key.strip_prefix(TAG)?;
                let tags = self.group.tags().filter(|(tag, _)| *tag == name);
                tags.last().map(|(_, value)| text(value))
            }
        }
    }

    /// The value of a key, with U+FFFD for what is not UTF-8.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        Some(match self.get(key)? {
            Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
        })
    }

    /// All keys and values, with U+FFFD for what is not UTF-8.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        self.each(|key, value| {
            map.insert(key.into_owned(), value.into_owned());
        });
        map
    }

    /// The row as a type of the program's own.
    ///
    /// Every value is text on the wire; numbers and booleans are read from it, and an `Option`
    /// is `None` for a key that is missing. Text that is not UTF-8 has U+FFFD in it.
    ///
    /// # Errors
    /// [`RowError`] when a key is missing or its text is not of the type asked for.
    ///
    /// # Example
    /// ```
    /// # use sls_consumer::{RowError, ShardBatch};
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     id: String,
    ///     amount: u64,
    ///     #[serde(rename = "__source__")]
    ///     host: Option<String>,
    /// }
    ///
    /// fn total(batch: &ShardBatch) -> Result<u64, RowError> {
    ///     let orders = batch.rows().map(|row| row.deserialize::<Order>());
    ///     orders.map(|order| order.map(|order| order.amount)).sum()
    /// }
    /// ```
    pub fn deserialize<T: for<'de> Deserialize<'de>>(&self) -> Result<T, RowError> {
        typed::deserialize(self)
    }

    fn each(&self, mut visit: impl FnMut(Cow<'a, str>, Cow<'a, str>)) {
        visit("__time__".into(), self.log.time().to_string().into());
        if let Some(nanos) = self.log.time_ns() {
            visit("__time_ns_part__".into(), nanos.to_string().into());
        }
        if let Some(topic) = self.group.topic() {
            visit("__topic__".into(), topic.to_string_lossy());
        }
        if let Some(source) = self.group.source() {
            visit("__source__".into(), source.to_string_lossy());
        }
        for (name, value) in self.group.tags() {
            let key = format!("{TAG}{}", name.to_string_lossy());
            visit(key.into(), value.to_string_lossy());
        }
        for (key, value) in self.log.contents() {
            visit(key.to_string_lossy(), value.to_string_lossy());
        }
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.to_map()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sls_core::model::{Log, LogGroup};
    use sls_core::wire::EncodedGroup;

    fn with_row<T>(group: &LogGroup, look: impl FnOnce(Row<'_>) -> T) -> T {
        let encoded = EncodedGroup::from(group);
        let view = GroupView::parse(encoded.as_bytes()).unwrap();
        let log = view.logs().next().unwrap();
        look(Row::new(view, log))
    }

    fn group(log: Log) -> LogGroup {
        LogGroup::new(vec![log])
            .with_topic("checkout")
            .with_tag("__hostname__", "a")
            .with_tag("zone", "b")
    }

    #[test]
    fn the_group_is_there_under_reserved_names() {
        let log = Log::at(7).with("k", "v").with("n", "12");
        with_row(&group(log), |row| {
            let want = [
                ("__tag__:__hostname__", "a"),
                ("__tag__:zone", "b"),
                ("__time__", "7"),
                ("__topic__", "checkout"),
                ("k", "v"),
                ("n", "12"),
            ];
            let want = want.map(|(key, value)| (key.to_owned(), value.to_owned()));
            assert_eq!(row.to_map(), BTreeMap::from(want.clone()));
            for (key, value) in want {
                assert_eq!(row.text(&key).unwrap(), value, "{key}");
            }
            assert_eq!(row.text("__source__"), None);
            assert_eq!(row.text("__tag__:none"), None);
        });
    }

    #[test]
    fn a_field_of_the_log_wins_over_a_reserved_name() {
        let log = Log::at(7).with("__topic__", "own").with("__time__", "8");
        with_row(&group(log), |row| {
            assert_eq!(row.text("__topic__").unwrap(), "own");
            assert_eq!(row.to_map()["__time__"], "8");
        });
    }
}
