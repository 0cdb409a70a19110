//! From a record to the protobuf bytes of one log.
//!
//! ```text
//!   begin ──► extra, extra, ..  ──► message ──► finish
//!                 │                    │           │
//!              redaction        redaction, extraction   the handler's own fields
//!                 └───────────────┬────┴───────────┘
//!                       GroupEncoder, the wire bytes
//! ```

#[cfg(any(feature = "log", feature = "tracing"))]
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use sls_core::wire::{GroupEncoder, LogEncoder};

use crate::caches::Caches;
use crate::error::Error;
use crate::extract::{Extraction, KeyValuePattern, for_each_member};
use crate::field::{Field, is_reserved};
use crate::format::RecordFormat;
use crate::origin;
use crate::record::{Facts, Record};
use crate::record_clock::since_epoch;

/// Writes records in one [`RecordFormat`] as logs of the service.
///
/// ```
/// use std::time::SystemTime;
/// use sls_core::wire::GroupEncoder;
/// use sls_logging::{Level, Record, RecordEncoder, RecordFormat};
///
/// let encoder = RecordEncoder::new(RecordFormat::new().with_fields(["level"]))?;
/// let mut group = GroupEncoder::new();
/// let record = Record::new(SystemTime::UNIX_EPOCH, Level::Info, "shop", "paid");
/// encoder.encode(&record, &mut group);
/// assert_eq!(group.log_count(), 1);
/// # Ok::<(), sls_logging::Error>(())
/// ```
#[derive(Debug)]
pub struct RecordEncoder {
    /// Tells the caches of one thread which encoder filled them.
    pub(crate) id: u64,
    format: RecordFormat,
    /// With prefix and suffix, as the names of all fields below.
    message: String,
    /// Fields that are the same for all records of a call site.
    pub(crate) of_site: Vec<(Field, String)>,
    /// Fields that are the same for all records of a thread.
    pub(crate) of_thread: Vec<(Field, String)>,
    /// The others.
    of_record: Vec<(Field, String)>,
    /// Whether one of those is there also when no function is known.
    has_more_than_function: bool,
    pattern: Option<KeyValuePattern>,
    /// Nanoseconds since 1970, zero before there is one. Not behind a lock, nor is the zone asked
    /// for later: a process that is forked off meanwhile would wait for ever.
    first_record: AtomicU64,
    zone: TimeZone,
}

impl RecordEncoder {
    /// Prepares a format for use.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the separator of key=value pairs is no regular expression.
    pub fn new(format: RecordFormat) -> Result<Self, Error> {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let pattern = match format.key_value.on {
            true => Some(
                KeyValuePattern::new(&format.separator)
                    .map_err(|cause| Error::invalid("extract_kv_sep", cause))?,
            ),
            false => None,
        };
        let key = |name: &str| format!("{}{name}{}", format.prefix, format.suffix);
        let (mut of_site, mut of_thread, mut of_record) = (Vec::new(), Vec::new(), Vec::new());
        for &field in &format.fields {
            let fields = match field {
                Field::RecordName
                | Field::Level
                | Field::LevelNo
                | Field::Module
                | Field::FilePath
                | Field::FileName
                | Field::LineNo => &mut of_site,
                Field::ProcessId | Field::ProcessName | Field::ThreadId | Field::ThreadName => {
                    &mut of_thread
                }
                Field::FuncName
                | Field::AscTime
                | Field::CreatedTimestamp
                | Field::MicroSecond
                | Field::RelativeCreated => &mut of_record,
            };
            fields.push((field, key(field.name(format.naming))));
        }
        let _ = origin::process_name();
        let has_more_than_function = of_record.iter().any(|(field, _)| *field != Field::FuncName);
        Ok(Self {
            has_more_than_function,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            message: key("message"),
            of_site,
            of_thread,
            of_record,
            pattern,
            first_record: AtomicU64::new(0),
            zone: TimeZone::system(),
            format,
        })
    }

    /// Appends a record to a group.
    pub fn encode(&self, record: &Record<'_>, group: &mut GroupEncoder) {
        let mut texts = Texts::default();
        let mut entry = self.begin(since_epoch(record.time), group, &mut texts);
        entry.message(record.message, record.trace);
        for (name, value) in record.extra {
            entry.extra(name, value);
        }
        entry.finish(&record.facts, None);
    }

    /// Opens a log.
    #[inline]
    pub(crate) fn begin<'a>(
        &'a self,
        since_epoch: Duration,
        group: &'a mut GroupEncoder,
        texts: &'a mut Texts,
    ) -> Entry<'a> {
        let seconds = u32::try_from(since_epoch.as_secs()).unwrap_or(u32::MAX);
        let mut log = group.log(seconds);
        log.time_ns(since_epoch.subsec_nanos());
        texts.root.clear();
        Entry {
            encoder: self,
            log,
            texts,
            time: since_epoch,
            has_message: false,
            is_shown: false,
            shadowed: 0,
        }
    }
}

/// Texts that are put together on the way; their memory is used again.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    message: String,
    value: String,
    key: String,
    redacted: String,
    /// What is uploaded as the message when that is another text.
    shown: String,
    /// The members of the root field so far.
    root: Vec<u8>,
}

impl Texts {
    /// The size of the largest of them.
    pub(crate) fn largest(&self) -> usize {
        let Self {
            message,
            value,
            key,
            redacted,
            shown,
            ..
        } = self;
        let texts = [message, value, key, redacted, shown];
        let largest = texts.into_iter().map(String::capacity).max();
        largest.unwrap_or(0).max(self.root.capacity())
    }
}

/// One record on its way into a [`GroupEncoder`].
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    encoder: &'a RecordEncoder,
    log: LogEncoder<'a>,
    texts: &'a mut Texts,
    time: Duration,
    has_message: bool,
    is_shown: bool,
    shadowed: u64,
}

impl Entry<'_> {
    /// Uploads a text as the message, if there is one, whatever the message is that comes
    /// later: the line that a formatter made of the record. What is extracted comes from the
    /// message.
    pub(crate) fn show(&mut self, line: Option<&str>) {
        if let Some(line) = line {
            self.texts.shown.clear();
            self.texts.shown.push_str(line);
            self.is_shown = true;
        }
    }

    /// Writes a message that is yet to be formatted.
    #[cfg(any(feature = "log", feature = "tracing"))]
    pub(crate) fn message_of(&mut self, message: fmt::Arguments<'_>) {
        let mut text = std::mem::take(&mut self.texts.message);
        text.clear();
        // A text that fails to show itself is uploaded as far as it came.
        let _ = text.write_fmt(message);
        self.message(&text, None);
        self.texts.message = text;
    }

    /// Writes the message, a trace behind it, and what is extracted from it.
    pub(crate) fn message(&mut self, message: &str, trace: Option<&str>) {
        self.has_message = true;
        let format = &self.encoder.format;
        let mut drop = format.skip_message;
        if format.json.on || format.key_value.on {
            drop |= self.extract(message);
        }
        if drop {
            return;
        }
        let Some(trace) = trace else {
            return self.put_message(message);
        };
        let mut joined = std::mem::take(&mut self.texts.value);
        joined.clear();
        joined.push_str(message);
        if !message.ends_with('\n') {
            joined.push('\n');
        }
        joined.push_str(trace);
        self.put_message(&joined);
        self.texts.value = joined;
    }

    fn put_message(&mut self, text: &str) {
        let Self {
            encoder,
            log,
            texts,
            ..
        } = self;
        let text = match self.is_shown {
            true => &texts.shown,
            false => text,
        };
        let redaction = &encoder.format.redaction;
        let text = match redaction.is_empty() {
            true => text,
            false => redaction.message(text, &mut texts.redacted),
        };
        match encoder.format.root_field {
            None => {
                log.field(&encoder.message, text);
            }
            Some(_) => put_member(&mut texts.root, &encoder.message, text),
        }
    }

    /// Writes what is found in the message, and says whether the message is to be left out.
    fn extract(&mut self, message: &str) -> bool {
        let encoder = self.encoder;
        let format = &encoder.format;
        if format.json.on {
            let found = for_each_member(message, |key, value| {
                self.extracted(&format.json, key, value);
            });
            if found > 0 {
                return format.json.drop_message;
            }
        }
        let Some(pattern) = &encoder.pattern else {
            return false;
        };
        let found = pattern.for_each_pair(message, |key, value| {
            self.extracted(&format.key_value, key, value);
        });
        found > 0 && format.key_value.drop_message
    }

    fn extracted(&mut self, extraction: &Extraction, name: &str, value: &str) {
        self.put(&extraction.prefix, name, &extraction.suffix, value);
    }

    /// Writes a field that came with the record.
    pub(crate) fn extra(&mut self, name: &str, value: &str) {
        if !self.wants_extra(name) {
            return;
        }
        let encoder = self.encoder;
        self.put(&encoder.format.prefix, name, &encoder.format.suffix, value);
    }

    /// Writes a field that is yet to be formatted.
    #[cfg(any(feature = "kv", feature = "tracing"))]
    pub(crate) fn extra_of(&mut self, name: &str, value: fmt::Arguments<'_>) {
        if !self.wants_extra(name) {
            return;
        }
        let mut text = std::mem::take(&mut self.texts.value);
        text.clear();
        let _ = text.write_fmt(value);
        let encoder = self.encoder;
        self.put(&encoder.format.prefix, name, &encoder.format.suffix, &text);
        self.texts.value = text;
    }

    fn wants_extra(&mut self, name: &str) -> bool {
        let format = &self.encoder.format;
        if is_reserved(name, format.naming) {
            self.shadowed += 1;
            return false;
        }
        format.extra || format.extra_names.iter().any(|wanted| wanted == name)
    }

    fn put(&mut self, prefix: &str, name: &str, suffix: &str, value: &str) {
        let Self {
            encoder,
            log,
            texts,
            ..
        } = self;
        let redaction = &encoder.format.redaction;
        let value = match redaction.is_empty() {
            true => value,
            false => redaction.value(name, value, &mut texts.redacted),
        };
        if prefix.is_empty() && suffix.is_empty() {
            log.field(name, value);
        } else {
            texts.key.clear();
            for part in [prefix, name, suffix] {
                texts.key.push_str(part);
            }
            log.field(&texts.key, value);
        }
    }

    /// Writes the handler's own fields and ends the log.
    ///
    /// Says how many fields of the record were left out for their names.
    #[inline]
    pub(crate) fn finish(mut self, facts: &Facts<'_>, caches: Option<&mut Caches>) -> u64 {
        if !self.has_message {
            self.message("", None);
        }
        let encoder = self.encoder;
        let time = self.time;
        match (&encoder.format.root_field, caches) {
            (Some(root), _) => {
                let Self { log, texts, .. } = &mut self;
                for fields in [&encoder.of_site, &encoder.of_thread, &encoder.of_record] {
                    encoder.own_fields(fields, facts, time, |key, value| {
                        put_member(&mut texts.root, key, value);
                    });
                }
                texts.root.push(b'}');
                log.field(root, &texts.root);
            }
            (None, Some(caches)) => {
                let log = &mut self.log;
                match (&facts.site, &facts.origin) {
                    (Some(site), None) => {
                        log.fields(caches.of_site_and_thread(site, encoder, facts));
                    }
                    (None, None) => {
                        put_own(log, encoder, &encoder.of_site, facts, time);
                        log.fields(caches.of_thread(encoder, facts));
                    }
                    (_, Some(_)) => {
                        put_own(log, encoder, &encoder.of_site, facts, time);
                        put_own(log, encoder, &encoder.of_thread, facts, time);
                    }
                }
                // Mostly there is nothing to do.
                if encoder.has_more_than_function || facts.function.is_some() {
                    put_own(log, encoder, &encoder.of_record, facts, time);
                }
            }
            (None, None) => {
                for fields in [&encoder.of_site, &encoder.of_thread, &encoder.of_record] {
                    put_own(&mut self.log, encoder, fields, facts, time);
                }
            }
        }
        self.shadowed
    }
}

fn put_own<'a, 'b>(
    log: &'a mut LogEncoder<'b>,
    encoder: &RecordEncoder,
    fields: &[(Field, String)],
    facts: &Facts<'_>,
    time: Duration,
) -> &'a mut LogEncoder<'b> {
    encoder.own_fields(fields, facts, time, |key, value| {
        log.field(key, value);
    });
    log
}

/// What is behind the last `::` of a path.
#[inline]
fn last_segment(path: &str) -> &str {
    // Looking for a single character is cheap, and settles it for every module path.
    match path.rfind(':') {
        None => path,
        Some(at) if path[..at].ends_with(':') => &path[at + 1..],
        Some(_) => path.rsplit("::").next().unwrap_or(path),
    }
}

/// Appends a member to the text of a JSON object without its closing brace.
fn put_member(object: &mut Vec<u8>, key: &str, value: &str) {
    object.push(if object.is_empty() { b'{' } else { b',' });
    // Neither text nor memory can refuse.
    let _ = serde_json::to_writer(&mut *object, key);
    object.push(b':');
    let _ = serde_json::to_writer(&mut *object, value);
}

impl RecordEncoder {
    /// Gives key and text of every field of the list that the record has.
    pub(crate) fn own_fields(
        &self,
        fields: &[(Field, String)],
        facts: &Facts<'_>,
        time: Duration,
        mut put: impl FnMut(&str, &str),
    ) {
        for (field, key) in fields {
            let mut number = itoa::Buffer::new();
            match field {
                Field::RecordName => put(key, facts.target),
                Field::Level => put(
                    key,
                    match facts.level_name {
                        Some((name, _)) => name,
                        None => facts.level.name(self.format.level_names),
                    },
                ),
                Field::LevelNo => put(
                    key,
                    number.format(match facts.level_name {
                        Some((_, number)) => number,
                        None => u32::from(facts.level.number()),
                    }),
                ),
                Field::Module => {
                    if let Some(path) = facts.module_path {
                        put(key, last_segment(path));
                    }
                }
                Field::FilePath => {
                    if let Some(file) = facts.file {
                        put(key, file);
                    }
                }
                Field::FileName => {
                    if let Some(file) = facts.file {
                        put(key, file.rsplit(['/', '\\']).next().unwrap_or(file));
                    }
                }
                Field::LineNo => {
                    if let Some(line) = facts.line {
                        put(key, number.format(line));
                    }
                }
                Field::FuncName => {
                    if let Some(name) = facts.function {
                        put(key, name);
                    }
                }
                Field::ProcessId => {
                    let id = facts.origin.map(|origin| origin.process.0);
                    put(key, number.format(id.unwrap_or_else(std::process::id)));
                }
                Field::ProcessName => {
                    put(
                        key,
                        match facts.origin {
                            Some(origin) => origin.process.1,
                            None => origin::process_name(),
                        },
                    );
                }
                Field::ThreadId => {
                    let id = facts.origin.map(|origin| origin.thread.0);
                    put(key, number.format(id.unwrap_or_else(origin::thread_id)));
                }
                Field::ThreadName => match facts.origin {
                    Some(origin) => {
                        if let Some(name) = origin.thread.1 {
                            put(key, name);
                        }
                    }
                    None => origin::with_thread_name(|name| {
                        if let Some(name) = name {
                            put(key, name);
                        }
                    }),
                },
                Field::AscTime => {
                    if let Some(text) = local_time(time, &self.zone) {
                        put(key, &text);
                    }
                }
                Field::CreatedTimestamp => put(
                    key,
                    &format!("{}.{:06}", time.as_secs(), time.subsec_micros()),
                ),
                Field::MicroSecond => put(key, number.format(time.subsec_millis())),
                Field::RelativeCreated => {
                    let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                    let known = &self.first_record;
                    let first = known
                        .compare_exchange(0, nanos, Ordering::Relaxed, Ordering::Relaxed)
                        .map_or_else(|first| first, |_| nanos);
                    put(key, number.format(nanos.saturating_sub(first) / 1_000_000));
                }
            }
        }
    }
}

fn local_time(time: Duration, zone: &TimeZone) -> Option<String> {
    let time = jiff::Timestamp::from_duration(jiff::SignedDuration::try_from(time).ok()?).ok()?;
    let local = time.to_zoned(zone.clone());
    Some(local.strftime("%Y-%m-%d %H:%M:%S,%3f").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_segment_is_what_is_behind_the_last_pair_of_colons() {
        for (path, last) in [
            ("shop::orders", "orders"),
            ("shop", "shop"),
            ("", ""),
            ("shop::", ""),
            ("a:::b", "b"),
            ("a:b", "a:b"),
            ("a::b:c", "b:c"),
        ] {
            assert_eq!(last_segment(path), last, "{path}");
        }
    }
}
