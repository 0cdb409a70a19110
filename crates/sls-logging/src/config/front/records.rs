use std::sync::Arc;

use crate::config::shared::Shared;
use crate::config::told::Told;
use crate::level::Level;
use crate::record::Facts;

/// The logger of a configuration, for the crate `log`.
///
/// Handlers are chosen by the record's target; a reload changes them under it.
#[derive(Debug, Clone)]
pub struct ConfiguredLogger {
    shared: Arc<Shared>,
}

impl ConfiguredLogger {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl log::Log for ConfiguredLogger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        let level = Level::from(metadata.level()).into();
        self.shared.live().wants(metadata.target(), level)
    }

    fn log(&self, record: &log::Record<'_>) {
        let level = Level::from(record.level());
        let live = self.shared.live();
        if !live.wants(record.target(), level.into()) {
            return;
        }
        let facts = Facts {
            module_path: record.module_path(),
            file: record.file(),
            line: record.line(),
            ..Facts::new(level, record.target())
        };
        live.record(
            None,
            &facts,
            |told| {
                told.field("message", record.args());
                tell_key_values(record, told);
            },
            |sls, shown| sls.logger.ship(record, shown),
        );
    }

    /// Waits until what was logged before has left the process, at most the `close_wait` of
    /// each handler.
    fn flush(&self) {
        for sls in self.shared.live().uploads() {
            log::Log::flush(&sls.logger);
        }
    }
}

#[cfg(not(feature = "kv"))]
fn tell_key_values(_: &log::Record<'_>, _: &mut Told) {}

#[cfg(feature = "kv")]
fn tell_key_values(record: &log::Record<'_>, told: &mut Told) {
    use log::kv::{Error, Key, Value, VisitSource};

    struct Pairs<'t>(&'t mut Told);

    impl<'kvs> VisitSource<'kvs> for Pairs<'_> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
            match value.to_borrowed_error() {
                Some(error) => tell_error(self.0, key.as_str(), error),
                None => self.0.field(key.as_str(), value),
            }
            Ok(())
        }
    }

    // This visitor refuses nothing.
    let _ = record.key_values().visit(&mut Pairs(told));
}

#[cfg(feature = "kv")]
fn tell_error(told: &mut Told, name: &str, error: &(dyn std::error::Error + 'static)) {
    told.error(name, crate::error_chain::ErrorChain(error));
}
