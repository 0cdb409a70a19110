//! Records of `log`.

use crate::encoder::Entry;
use crate::handler::Handler;
use crate::level::Level;
use crate::record::Facts;
use crate::site::Site;

/// Ships records of `log` through a [`Handler`].
///
/// With the feature `kv` the key-values of a record are uploaded as fields; an error among
/// them is uploaded with its causes, and a value that is not there is left out.
///
/// ```
/// use sls_logging::Handler;
///
/// fn install(handler: &Handler) -> Result<(), log::SetLoggerError> {
///     log::set_boxed_logger(Box::new(handler.logger()))?;
///     log::set_max_level(log::LevelFilter::Info);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone)]
pub struct SlsLogger {
    handler: Handler,
}

impl SlsLogger {
    pub(crate) const fn new(handler: Handler) -> Self {
        Self { handler }
    }

    /// Ships a record; `shown` is uploaded as its message when that is another text.
    pub(crate) fn ship(&self, record: &log::Record<'_>, shown: Option<&str>) {
        let level = Level::from(record.level());
        if !self.handler.wants(level, record.target()) {
            return;
        }
        let facts = Facts {
            module_path: record.module_path(),
            file: record.file(),
            line: record.line(),
            site: site(record, level),
            ..Facts::new(level, record.target())
        };
        self.handler.write(&facts, |entry| {
            entry.show(shown);
            match record.args().as_str() {
                Some(text) => entry.message(text, None),
                None => entry.message_of(*record.args()),
            }
            put_key_values(record, entry);
        });
    }
}

/// What the macros say when they are given no target.
#[inline]
fn site(record: &log::Record<'_>, level: Level) -> Option<Site> {
    let (module, file) = (record.module_path_static()?, record.file_static()?);
    let line = record.line()?;
    (record.target() == module).then_some(())?;
    Site::placed(module, file, line, level)
}

impl log::Log for SlsLogger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.handler
            .wants(Level::from(metadata.level()), metadata.target())
    }

    fn log(&self, record: &log::Record<'_>) {
        self.ship(record, None);
    }

    /// Waits until what was logged before has left the process, at most the handler's
    /// `close_wait`.
    fn flush(&self) {
        self.handler.flush_for_close_wait();
    }
}

#[cfg(not(feature = "kv"))]
fn put_key_values(_: &log::Record<'_>, _: &mut Entry<'_>) {}

#[cfg(feature = "kv")]
fn put_key_values(record: &log::Record<'_>, entry: &mut Entry<'_>) {
    // This visitor refuses nothing.
    let _ = record.key_values().visit(&mut kv::Pairs(entry));
}

#[cfg(feature = "kv")]
mod kv {
    use std::fmt::Display;

    use super::*;
    use crate::error_chain::ErrorChain;
    use log::kv::{Error, Key, Value, VisitSource, VisitValue};

    pub(super) struct Pairs<'a, 'b>(pub(super) &'a mut Entry<'b>);

    impl<'kvs> VisitSource<'kvs> for Pairs<'_, '_> {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
            value.visit(Pair {
                entry: self.0,
                name: key.as_str(),
            })
        }
    }

    struct Pair<'a, 'b> {
        entry: &'a mut Entry<'b>,
        name: &'a str,
    }

    impl Pair<'_, '_> {
        fn put(&mut self, value: impl Display) -> Result<(), Error> {
            self.entry.extra_of(self.name, format_args!("{value}"));
            Ok(())
        }
    }

    impl<'v> VisitValue<'v> for Pair<'_, '_> {
        fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
            self.put(value)
        }

        fn visit_null(&mut self) -> Result<(), Error> {
            Ok(())
        }

        fn visit_str(&mut self, value: &str) -> Result<(), Error> {
            self.entry.extra(self.name, value);
            Ok(())
        }

        fn visit_error(&mut self, error: &(dyn std::error::Error + 'static)) -> Result<(), Error> {
            self.put(ErrorChain(error))
        }

        fn visit_borrowed_error(
            &mut self,
            error: &'v (dyn std::error::Error + 'static),
        ) -> Result<(), Error> {
            self.put(ErrorChain(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use log::Log as _;

    use super::*;
    use crate::RecordFormat;
    use crate::handler::testing::{handler, pairs};

    fn record<'a>(
        level: log::Level,
        target: &'a str,
        args: std::fmt::Arguments<'a>,
    ) -> log::Record<'a> {
        log::Record::builder()
            .level(level)
            .target(target)
            .args(args)
            .module_path(Some("shop::till"))
            .file(Some("src/till.rs"))
            .line(Some(7))
            .build()
    }

    #[test]
    fn a_record_has_the_documented_fields() {
        let format = RecordFormat::new().with_fields([
            "record_name",
            "level",
            "module",
            "file_path",
            "line_no",
            "func_name",
        ]);
        let (handler, shipped) = handler(format, Level::Trace);
        let logger = handler.logger();
        logger.log(&record(
            log::Level::Warn,
            "till",
            format_args!("paid {}", 5),
        ));
        assert_eq!(
            shipped.only_without(&[]),
            pairs(&[
                ("message", "paid 5"),
                ("record_name", "till"),
                ("level", "WARNING"),
                ("module", "till"),
                ("file_path", "src/till.rs"),
                ("line_no", "7"),
            ])
        );
    }

    /// What a macro of `log` makes of a call, with a place of our choice.
    fn placed(
        place: (&'static str, &'static str, u32),
        level: log::Level,
        target: &'static str,
    ) -> log::Record<'static> {
        let (module, file, line) = place;
        log::Record::builder()
            .level(level)
            .target(target)
            .args(format_args!("m"))
            .module_path_static(Some(module))
            .file_static(Some(file))
            .line(Some(line))
            .build()
    }

    #[test]
    fn call_sites_in_turn_each_have_their_own_fields() {
        let format = RecordFormat::new().with_fields([
            "record_name",
            "level",
            "module",
            "file_path",
            "line_no",
        ]);
        let (handler, shipped) = handler(format, Level::Trace);
        let logger = handler.logger();
        let (till, stock) = ("shop::till", "shop::stock");
        let (one, other) = ((till, "src/till.rs", 7), (stock, "src/stock.rs", 9));
        let calls = [
            (one, log::Level::Info, till),
            (other, log::Level::Info, stock),
            // As the first, but for the line, the level, the target, or file and module.
            ((till, "src/till.rs", 8), log::Level::Info, till),
            (one, log::Level::Error, till),
            (one, log::Level::Info, "audit"),
            ((till, "src/till/mod.rs", 7), log::Level::Info, till),
            ((stock, "src/till.rs", 7), log::Level::Info, stock),
        ];
        const ROUNDS: usize = 3;
        for _ in 0..ROUNDS {
            for (place, level, target) in calls {
                assert_eq!(
                    site(&placed(place, level, target), Level::from(level)).is_some(),
                    target != "audit",
                );
                logger.log(&placed(place, level, target));
            }
        }
        let wanted = calls.map(|((module, file, line), level, target)| {
            pairs(&[
                ("message", "m"),
                ("record_name", target),
                ("level", level.as_str()),
                ("module", module.trim_start_matches("shop::")),
                ("file_path", file),
                ("line_no", &line.to_string()),
            ])
        });
        assert_eq!(shipped.records(), vec![wanted; ROUNDS].concat());
    }

    #[test]
    fn what_is_below_the_level_or_about_shipping_is_not_shipped() {
        let (handler, shipped) = handler(RecordFormat::new(), Level::Info);
        let logger = handler.logger();
        for (level, target) in [
            (log::Level::Debug, "till"),
            (log::Level::Error, "rustls::conn"),
        ] {
            logger.log(&record(level, target, format_args!("m")));
            assert!(!logger.enabled(&log::Metadata::builder().level(level).target(target).build()));
        }
        assert!(shipped.records().is_empty());
        assert_eq!(handler.stats().skipped, 2);
    }

    #[test]
    fn a_record_made_while_another_is_encoded_is_skipped_and_counted() {
        struct Chatty<'a>(&'a SlsLogger);
        impl Display for Chatty<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0
                    .log(&record(log::Level::Info, "t", format_args!("inner")));
                f.write_str("chatty")
            }
        }
        let format = RecordFormat::new().with_fields::<crate::Field>([]);
        let (handler, shipped) = handler(format, Level::Trace);
        let logger = handler.logger();
        let chatty = Chatty(&logger);
        logger.log(&record(log::Level::Info, "t", format_args!("{chatty}")));
        assert_eq!(shipped.only_without(&[]), pairs(&[("message", "chatty")]));
        assert_eq!(handler.stats().skipped, 1);
    }

    #[cfg(feature = "kv")]
    #[test]
    fn key_values_become_fields_and_errors_bring_their_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::io::Error);

        let failure = Outer(std::io::Error::other("inner"));
        let none: Option<i32> = None;
        let pairs_given = [
            ("n", log::kv::Value::from(5)),
            ("text", log::kv::Value::from("a")),
            ("none", log::kv::Value::from_debug(&none)),
            ("null", log::kv::Value::null()),
            ("error", log::kv::Value::from_dyn_error(&failure)),
            ("level", log::kv::Value::from("dropped")),
        ];
        let format = RecordFormat::new().with_fields::<crate::Field>([]);
        let (handler, shipped) = handler(format, Level::Trace);
        handler.logger().log(
            &log::Record::builder()
                .args(format_args!("m"))
                .level(log::Level::Info)
                .target("t")
                .key_values(&pairs_given)
                .build(),
        );
        assert_eq!(
            shipped.only_without(&[]),
            pairs(&[
                ("message", "m"),
                ("n", "5"),
                ("text", "a"),
                ("none", "None"),
                ("error", "outer\ncaused by: inner"),
            ])
        );
    }
}
