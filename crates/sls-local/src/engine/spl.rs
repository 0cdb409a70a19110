//! A query over log groups that stay in wire form.
//!
//! Rows that a query only keeps or drops are copied as bytes. A row that it changed is
//! encoded anew, into the output group that has its topic, source and tags.

use std::collections::HashMap;
use std::time::SystemTime;

use bytes::Bytes;
use sls_core::model::TextRef;
use sls_core::wire::{GroupEncoder, GroupListEncoder, GroupMeta, GroupView, LogView, WireError};
use sls_spl::{Field, OutputRow, Program, Row};

use super::storage::Record;
use crate::refusal::Refusal;

/// The largest result, in bytes: what the official clients are known to accept.
pub(super) const MAX_RESULT: usize = 64 << 20;

const TIME: &str = "__time__";
const TIME_NS: &str = "__time_ns_part__";
const TOPIC: &str = "__topic__";
const SOURCE: &str = "__source__";
const TAG_PREFIX: &str = "__tag__:";

/// What a query made of a batch.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub(crate) groups: GroupListEncoder,
    pub(crate) scanned_bytes: usize,
    pub(crate) scanned_groups: usize,
    pub(crate) scanned_lines: u64,
    pub(crate) result_lines: u64,
    pub(crate) failed_lines: u64,
}

/// Runs a program over a batch of groups.
pub(crate) fn evaluate(
    program: &Program,
    records: &[Record],
    now: SystemTime,
) -> Result<Evaluated, Refusal> {
    let mut evaluator = program.evaluator(now);
    let mut groups = GroupListEncoder::new();
    for record in records {
        let group = GroupView::parse(&record.group).map_err(damaged)?;
        let mut regrouped = Regrouped::new(&group);
        let shared = Shared::of(&group);
        for log in group.logs() {
            let row = LogRow::new(log, &shared);
            let mut keep = |row: OutputRow<'_>| regrouped.push(log, &row);
            evaluator
                .row(&row, &mut keep)
                .map_err(|error| stopped(&error))?;
        }
        regrouped.finish(&record.group, &mut groups);
        if groups.raw_bytes() > MAX_RESULT {
            return Err(Refusal::parameter(format!(
                "limit: the result is over {MAX_RESULT} bytes, a smaller count gives less"
            )));
        }
    }
    let report = evaluator.report();
    Ok(Evaluated {
        groups,
        scanned_bytes: records.iter().map(|record| record.group.len()).sum(),
        scanned_groups: records.len(),
        scanned_lines: report.rows_in(),
        result_lines: report.rows_out(),
        failed_lines: report.rows_failed(),
    })
}

/// What takes too long now may be quick on an idle machine; clients try again.
pub(super) fn stopped(error: &sls_spl::Error) -> Refusal {
    Refusal::internal("RequestTimeout", error.one_line())
}

/// Groups are checked when they are put, so this would be the storage's fault.
pub(super) fn damaged(cause: WireError) -> Refusal {
    let message = format!("a stored log group is damaged: {cause}");
    Refusal::internal("InternalServerError", message)
}

/// What the rows of one group have in common. What a writer left out is null.
pub(super) struct Shared<'a> {
    topic: Option<&'a [u8]>,
    source: Option<&'a [u8]>,
    /// The name as the language has it, and the value.
    tags: Vec<(String, &'a [u8])>,
}

impl<'a> Shared<'a> {
    pub(super) fn of(group: &GroupView<'a>) -> Self {
        Self {
            topic: group.topic().map(TextRef::as_bytes),
            source: group.source().map(TextRef::as_bytes),
            tags: group
                .tags()
                .map(|(key, value)| {
                    let name = format!("{TAG_PREFIX}{}", key.to_string_lossy());
                    (name, value.as_bytes())
                })
                .collect(),
        }
    }
}

/// A log as the language sees it.
pub(super) struct LogRow<'a> {
    log: LogView<'a>,
    shared: &'a Shared<'a>,
}

impl<'a> LogRow<'a> {
    pub(super) fn new(log: LogView<'a>, shared: &'a Shared<'a>) -> Self {
        Self { log, shared }
    }
}

impl Row for LogRow<'_> {
    fn field(&self, name: &str) -> Option<Field<'_>> {
        match name {
            TIME => return Some(Field::BigInt(self.log.time().into())),
            TIME_NS => return self.log.time_ns().map(|ns| Field::BigInt(ns.into())),
            TOPIC => return self.shared.topic.map(Field::Text),
            SOURCE => return self.shared.source.map(Field::Text),
            _ => {}
        }
        if let Some(value) = self.log.get(name) {
            return Some(Field::Text(value.as_bytes()));
        }
        let mut tags = self.shared.tags.iter().rev();
        tags.find(|(tag, _)| tag == name)
            .map(|(_, value)| Field::Text(value))
    }

    fn fields<'r>(&'r self, names: &[Box<str>], found: &mut [Option<Field<'r>>]) {
        self.log.find_each(names, |at, value| {
            found[at] = Some(Field::Text(value.as_bytes()));
        });
        for (name, place) in names.iter().zip(found) {
            if name.starts_with("__") {
                *place = self.field(name);
            }
        }
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>)) {
        visitor(TIME, Field::BigInt(self.log.time().into()));
        if let Some(ns) = self.log.time_ns() {
            visitor(TIME_NS, Field::BigInt(ns.into()));
        }
        for (name, text) in [(TOPIC, self.shared.topic), (SOURCE, self.shared.source)] {
            if let Some(text) = text {
                visitor(name, Field::Text(text));
            }
        }
        for (name, value) in &self.shared.tags {
            visitor(name, Field::Text(value));
        }
        for (key, value) in self.log.contents() {
            visitor(&key.to_string_lossy(), Field::Text(value.as_bytes()));
        }
    }
}

/// The output groups of one input group, in the order of their first row.
struct Regrouped {
    /// What the input group has; its rows are most often all there is.
    own_key: Key,
    own_meta: GroupMeta,
    input_logs: usize,
    outputs: Vec<(GroupMeta, GroupEncoder)>,
    places: HashMap<Key, usize>,
    own_place: Option<usize>,
    changed: bool,
    /// Filled for each changed row, kept to save its memory.
    key: Key,
}

impl Regrouped {
    fn new(group: &GroupView<'_>) -> Self {
        let bytes =
            |text: Option<TextRef<'_>>| text.map_or_else(Vec::new, |text| text.as_bytes().to_vec());
        let mut own_key = Key {
            topic: bytes(group.topic()),
            source: bytes(group.source()),
            tags: Vec::new(),
        };
        for (key, value) in group.tags() {
            own_key.push_tag(&key.to_string_lossy(), value.as_bytes());
        }
        Self {
            own_key,
            own_meta: GroupMeta::of(group),
            input_logs: group.log_count(),
            outputs: Vec::new(),
            places: HashMap::new(),
            own_place: None,
            changed: false,
            key: Key::default(),
        }
    }

    fn push(&mut self, log: LogView<'_>, row: &OutputRow<'_>) {
        if row.is_unchanged() {
            self.own().push_view(log);
            return;
        }
        self.changed = true;
        let (time, time_ns) = self.read_key(row);
        let output = if self.key == self.own_key {
            self.own()
        } else {
            self.other()
        };
        let mut log = output.log(time);
        if let Some(ns) = time_ns {
            log.time_ns(ns);
        }
        row.visit(&mut |name, value| {
            if !is_about_group(name) && name != TIME && name != TIME_NS {
                log.field(name, value);
            }
        });
    }

    /// The output group that continues the input group.
    fn own(&mut self) -> &mut GroupEncoder {
        let outputs = &mut self.outputs;
        let place = *self.own_place.get_or_insert_with(|| {
            outputs.push((self.own_meta.clone(), GroupEncoder::new()));
            outputs.len() - 1
        });
        &mut outputs[place].1
    }

    /// The output group of the key that was read last.
    fn other(&mut self) -> &mut GroupEncoder {
        let place = match self.places.get(&self.key) {
            Some(place) => *place,
            None => {
                self.outputs.push((self.key.meta(), GroupEncoder::new()));
                let place = self.outputs.len() - 1;
                self.places.insert(self.key.clone(), place);
                place
            }
        };
        &mut self.outputs[place].1
    }

    /// Reads what decides about the group, and the time.
    fn read_key(&mut self, row: &OutputRow<'_>) -> (u32, Option<u32>) {
        let key = &mut self.key;
        key.clear();
        let (mut time, mut time_ns) = (0, None);
        row.visit(&mut |name, value| match name {
            TIME => time = number(value, u32::MAX),
            TIME_NS => time_ns = Some(number(value, 999_999_999)),
            TOPIC => key.topic.extend_from_slice(value),
            SOURCE => key.source.extend_from_slice(value),
            _ => {
                if let Some(tag) = name.strip_prefix(TAG_PREFIX) {
                    key.push_tag(tag, value);
                }
            }
        });
        (time, time_ns)
    }

    /// Appends the groups that have rows.
    fn finish(self, input: &Bytes, list: &mut GroupListEncoder) {
        if let (false, [(_, only)]) = (self.changed, self.outputs.as_slice()) {
            if only.log_count() == self.input_logs {
                list.push(input);
                return;
            }
        }
        for (meta, encoder) in self.outputs {
            list.push(encoder.finish(&meta).as_bytes());
        }
    }
}

/// What rows of one group have in common.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Key {
    topic: Vec<u8>,
    source: Vec<u8>,
    tags: Vec<(String, Vec<u8>)>,
}

impl Key {
    fn push_tag(&mut self, key: &str, value: &[u8]) {
        self.tags.push((key.to_owned(), value.to_vec()));
    }

    fn clear(&mut self) {
        self.topic.clear();
        self.source.clear();
        self.tags.clear();
    }

    fn meta(&self) -> GroupMeta {
        let meta = GroupMeta::default()
            .with_topic(self.topic.as_slice())
            .with_source(self.source.as_slice());
        self.tags.iter().fold(meta, |meta, (key, value)| {
            meta.with_tag(key.as_str(), value.as_slice())
        })
    }
}

fn is_about_group(name: &str) -> bool {
    name == TOPIC || name == SOURCE || name.starts_with(TAG_PREFIX)
}

/// The nearest number that fits; a query may have computed any.
fn number(text: &[u8], max: u32) -> u32 {
    let number: Option<i64> = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.map_or(0, |number| number.clamp(0, max.into()) as u32)
}
