//! Events of `tracing`.

use std::error::Error;
use std::fmt::{self, Write as _};

use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record as SpanRecord};
use tracing_core::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope, SpanRef};

use crate::encoder::Entry;
use crate::error_chain::ErrorChain;
use crate::handler::Handler;
use crate::level::Level;
use crate::record::Facts;
use crate::site::Site;
use crate::span_fields::SpanFields;

/// Ships events of `tracing` through a [`Handler`].
///
/// It goes into a subscriber with a span registry, beside other layers and under any filter.
/// Events that the crate `tracing-log` made of records of `log` keep the target and the place
/// of the record. A field that holds an error is uploaded with the causes of the error.
///
/// ```
/// use sls_logging::Handler;
/// use tracing_core::Subscriber;
/// use tracing_subscriber::prelude::*;
///
/// fn subscriber(handler: &Handler) -> impl Subscriber {
///     tracing_subscriber::registry().with(handler.layer())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct SlsLayer {
    handler: Handler,
    spans: SpanFields,
}

impl SlsLayer {
    pub(crate) const fn new(handler: Handler) -> Self {
        Self {
            handler,
            spans: SpanFields::Fields,
        }
    }

    /// Sets what of the spans around an event is uploaded. Default: names and fields.
    #[must_use]
    pub const fn with_span_fields(mut self, spans: SpanFields) -> Self {
        self.spans = spans;
        self
    }
}

/// Fields of a span, in its extensions.
///
/// The type is private to this crate, and each layer shows the same, so several may share it.
#[derive(Debug, Default)]
struct Values(Vec<(&'static str, String)>);

impl Values {
    fn set(&mut self, field: &Field, value: impl fmt::Display) {
        let index = self.0.iter().position(|(name, _)| *name == field.name());
        let index = index.unwrap_or_else(|| {
            self.0.push((field.name(), String::new()));
            self.0.len() - 1
        });
        if let Some((_, text)) = self.0.get_mut(index) {
            text.clear();
            let _ = write!(text, "{value}");
        }
    }
}

impl Visit for Values {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field, ErrorChain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format_args!("{value:?}"));
    }
}

impl<S> Layer<S> for SlsLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if self.spans != SpanFields::Fields || attributes.metadata().fields().is_empty() {
            return;
        }
        let Some(span) = context.span(id) else {
            return;
        };
        if span.extensions().get::<Values>().is_some() {
            return;
        }
        let mut values = Values::default();
        attributes.record(&mut values);
        span.extensions_mut().replace(values);
    }

    fn on_record(&self, id: &Id, record: &SpanRecord<'_>, context: Context<'_, S>) {
        if self.spans != SpanFields::Fields {
            return;
        }
        if let Some(span) = context.span(id) {
            // What is shown may log, and must not find the extensions locked.
            let mut changed = Values::default();
            record.record(&mut changed);
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<Values>() {
                Some(values) => values.take_over(changed),
                None => {
                    extensions.replace(changed);
                }
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        self.ship(event, &context, None);
    }
}

impl SlsLayer {
    /// Ships an event; `shown` is uploaded as its message when that is another text.
    pub(crate) fn ship<S>(&self, event: &Event<'_>, context: &Context<'_, S>, shown: Option<&str>)
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let metadata = event.metadata();
        let level = Level::from(*metadata.level());
        if !self.handler.wants(level, metadata.target()) {
            return;
        }
        if is_bridged(metadata) {
            return self.ship_bridged(event, level, context, shown);
        }
        let span = context.event_span(event);
        let facts = Facts {
            module_path: metadata.module_path(),
            file: metadata.file(),
            line: metadata.line(),
            function: span.as_ref().map(SpanRef::name),
            site: Some(Site::described(metadata)),
            ..Facts::new(level, metadata.target())
        };
        self.handler.write(&facts, |entry| {
            entry.show(shown);
            event.record(&mut EventFields(entry));
            if let Some(span) = &span {
                self.put_spans(span.scope(), event, entry);
            }
        });
    }
}

impl Values {
    fn take_over(&mut self, newer: Self) {
        for (name, value) in newer.0 {
            match self.0.iter_mut().find(|(known, _)| *known == name) {
                Some((_, text)) => *text = value,
                None => self.0.push((name, value)),
            }
        }
    }
}

impl SlsLayer {
    /// What there is to say of the spans, the innermost first.
    fn put_spans<'a, R>(&self, scope: Scope<'a, R>, event: &Event<'_>, entry: &mut Entry<'_>)
    where
        R: LookupSpan<'a>,
    {
        if self.spans == SpanFields::Off {
            return;
        }
        let mut spans = Names::default();
        let mut fields = Names::default();
        for span in scope {
            spans.push(span.name());
            if self.spans != SpanFields::Fields {
                continue;
            }
            let extensions = span.extensions();
            let Some(values) = extensions.get::<Values>() else {
                continue;
            };
            for (name, value) in &values.0 {
                if fields.contain(name) || event.metadata().fields().field(name).is_some() {
                    continue;
                }
                fields.push(name);
                entry.extra(name, value);
            }
        }
        entry.extra_of("spans", format_args!("{spans}"));
    }

    /// Ships a record of `log` that `tracing-log` made an event of.
    fn ship_bridged<S>(
        &self,
        event: &Event<'_>,
        level: Level,
        context: &Context<'_, S>,
        shown: Option<&str>,
    ) where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let origin = BridgedOrigin::of(event);
        let target = origin.target.as_deref().unwrap_or_default();
        if !self.handler.wants(level, target) {
            return;
        }
        let span = context.event_span(event);
        let facts = Facts {
            module_path: origin.module_path.as_deref(),
            file: origin.file.as_deref(),
            line: origin.line,
            function: span.as_ref().map(SpanRef::name),
            ..Facts::new(level, target)
        };
        self.handler.write(&facts, |entry| {
            entry.show(shown);
            event.record(&mut BridgedFields(EventFields(entry)));
            if let Some(span) = &span {
                self.put_spans(span.scope(), event, entry);
            }
        });
    }
}

/// A few names in order, usually without memory of their own.
#[derive(Default)]
struct Names {
    first: [&'static str; 16],
    count: usize,
    more: Vec<&'static str>,
}

impl Names {
    fn push(&mut self, name: &'static str) {
        match self.first.get_mut(self.count) {
            Some(slot) => *slot = name,
            None => self.more.push(name),
        }
        self.count += 1;
    }

    fn iter(&self) -> impl DoubleEndedIterator<Item = &'static str> + '_ {
        let first = &self.first[..self.count.min(self.first.len())];
        first.iter().chain(&self.more).copied()
    }

    /// Names are few and short: a list is searched as fast as a set.
    fn contain(&self, name: &str) -> bool {
        self.iter().any(|known| known == name)
    }
}

/// From the last to the first: the outermost span comes first.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// The fields of an event, written as they come.
struct EventFields<'a, 'b>(&'a mut Entry<'b>);

impl Visit for EventFields<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.0.message(value, None),
            name => self.0.extra(name, value),
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_str(field, itoa::Buffer::new().format(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_str(field, itoa::Buffer::new().format(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.record_str(field, itoa::Buffer::new().format(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.record_str(field, itoa::Buffer::new().format(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_str(field, if value { "true" } else { "false" });
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record(field, format_args!("{}", ErrorChain(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record(field, format_args!("{value:?}"));
    }
}

impl EventFields<'_, '_> {
    fn record(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        match field.name() {
            "message" => self.0.message_of(value),
            name => self.0.extra_of(name, value),
        }
    }
}

/// Whether an event is a record of `log`, whose own facts are in fields of these names.
pub(crate) fn is_bridged(metadata: &Metadata<'_>) -> bool {
    metadata.target() == "log" && metadata.fields().field(LOG_TARGET).is_some()
}

const LOG_TARGET: &str = "log.target";
const LOG_MODULE_PATH: &str = "log.module_path";
const LOG_FILE: &str = "log.file";
const LOG_LINE: &str = "log.line";

/// Where a record of `log` came from.
#[derive(Default)]
pub(crate) struct BridgedOrigin {
    pub(crate) target: Option<String>,
    pub(crate) module_path: Option<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<u32>,
}

impl BridgedOrigin {
    pub(crate) fn of(event: &Event<'_>) -> Self {
        let mut origin = Self::default();
        event.record(&mut origin);
        origin
    }

    /// Whether a field of such an event is about where it came from.
    pub(crate) fn has(field: &Field) -> bool {
        matches!(
            field.name(),
            LOG_TARGET | LOG_MODULE_PATH | LOG_FILE | LOG_LINE
        )
    }
}

impl Visit for BridgedOrigin {
    fn record_str(&mut self, field: &Field, value: &str) {
        let slot = match field.name() {
            LOG_TARGET => &mut self.target,
            LOG_MODULE_PATH => &mut self.module_path,
            LOG_FILE => &mut self.file,
            _ => return,
        };
        *slot = Some(value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == LOG_LINE {
            self.line = u32::try_from(value).ok();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

/// The fields of such an event without those about its origin.
struct BridgedFields<'a, 'b>(EventFields<'a, 'b>);

impl Visit for BridgedFields<'_, '_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if !BridgedOrigin::has(field) {
            self.0.record_str(field, value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !BridgedOrigin::has(field) {
            self.0.record_debug(field, value);
        }
    }
}

#[cfg(test)]
mod tests;
