use std::error::Error;
use std::fmt;
use std::sync::Arc;

use tracing_core::field::{Field, Visit};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::subscriber::Interest;
use tracing_core::{Event, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::config::shared::Shared;
use crate::config::threshold::Threshold;
use crate::config::told::Told;
use crate::error_chain::ErrorChain;
use crate::layer::{BridgedOrigin, is_bridged};
use crate::level::Level;
use crate::record::Facts;

/// The layer of a configuration, for `tracing_subscriber`.
///
/// Handlers are chosen by the event's target; a reload changes them under it. It belongs
/// under its own filter, see [`Logging::layer`](crate::config::Logging::layer).
#[derive(Debug, Clone)]
pub struct ConfiguredLayer {
    shared: Arc<Shared>,
}

impl ConfiguredLayer {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<S> Layer<S> for ConfiguredLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        // They share what the first that wants it writes down.
        for sls in self.shared.live().uploads() {
            sls.layer.on_new_span(attributes, id, context.clone());
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        for sls in self.shared.live().uploads() {
            sls.layer.on_record(id, record, context.clone());
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let level = Level::from(*metadata.level());
        let live = self.shared.live();
        let span = context.event_span(event);
        let origin = is_bridged(metadata).then(|| BridgedOrigin::of(event));
        let facts = match &origin {
            None => Facts {
                module_path: metadata.module_path(),
                file: metadata.file(),
                line: metadata.line(),
                ..Facts::new(level, metadata.target())
            },
            Some(origin) => Facts {
                module_path: origin.module_path.as_deref(),
                file: origin.file.as_deref(),
                line: origin.line,
                ..Facts::new(level, origin.target.as_deref().unwrap_or_default())
            },
        };
        let facts = Facts {
            function: span.as_ref().map(SpanRef::name),
            ..facts
        };
        live.record(
            None,
            &facts,
            |told| event.record(&mut Teller(told)),
            |sls, shown| sls.layer.ship(event, &context, shown),
        );
    }
}

/// Lets pass what some logger of a configuration takes.
///
/// The answer for a call site is remembered until the next reload, so that one whose events
/// nobody takes costs next to nothing.
#[derive(Debug, Clone)]
pub struct ConfiguredFilter {
    shared: Arc<Shared>,
}

impl ConfiguredFilter {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let level = Threshold::from(Level::from(*metadata.level()));
        let live = self.shared.live();
        if is_bridged(metadata) {
            // The target is in the event, and the same for all records of `log` here.
            return live.most().passes(level);
        }
        live.wants(metadata.target(), level)
    }
}

impl<S> Filter<S> for ConfiguredFilter {
    fn enabled(&self, metadata: &Metadata<'_>, _context: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.shared.live().most().into())
    }
}

/// Tells the fields of an event.
struct Teller<'t>(&'t mut Told);

impl Visit for Teller<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.tell(field, value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.error(field.name(), ErrorChain(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.tell(field, format_args!("{value:?}"));
    }
}

impl Teller<'_> {
    fn tell(&mut self, field: &Field, value: impl fmt::Display) {
        if !BridgedOrigin::has(field) {
            self.0.field(field.name(), value);
        }
    }
}
