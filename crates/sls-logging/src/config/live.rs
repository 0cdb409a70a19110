//! Loggers and handlers at work.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::SystemTime;

use telemetry_delivery::{Clock as _, SystemClock};

use super::apply::Applied;
use super::console::Console;
use super::pattern::Pattern;
use super::route_cache::cached;
use super::routes::{Route, Routes};
use super::threshold::Threshold;
use super::told::{Times, Told, with_told};
use crate::handler::Handler;
use crate::origin::process_name;
use crate::record::Facts;

/// What records meet: one configuration, never changed. A reload puts another in its place.
#[derive(Debug)]
pub(crate) struct Live {
    /// Tells it from all others of this process.
    id: u64,
    routes: Routes,
    /// In the order of the settings; `None` where no logger uses a handler.
    targets: Vec<Option<Target>>,
    started: SystemTime,
    /// Dropped with it, which tells whoever waits that no record is on its way any more.
    pub(crate) last_record: OnceLock<Sender<()>>,
}

/// A handler at work.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) pattern: Pattern,
    pub(crate) sink: Sink,
}

#[derive(Debug)]
pub(crate) enum Sink {
    Console(std::sync::Arc<Console>),
    Sls(SlsSink),
}

/// A handler that uploads, with its front ends.
#[derive(Debug, Clone)]
pub(crate) struct SlsSink {
    pub(crate) handler: Handler,
    #[cfg(feature = "tracing")]
    pub(crate) layer: crate::SlsLayer,
    #[cfg(feature = "log")]
    pub(crate) logger: crate::SlsLogger,
}

impl SlsSink {
    pub(crate) fn new(handler: Handler, settings: &Applied<'_>) -> Self {
        let _ = settings;
        Self {
            #[cfg(feature = "tracing")]
            layer: handler.layer().with_span_fields(settings.spans()),
            #[cfg(feature = "log")]
            logger: handler.logger(),
            handler,
        }
    }
}

impl Live {
    pub(crate) fn new(routes: Routes, targets: Vec<Option<Target>>, started: SystemTime) -> Self {
        let _ = process_name();
        static IDS: AtomicU64 = AtomicU64::new(1);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            routes,
            targets,
            started,
            last_record: OnceLock::new(),
        }
    }

    fn route(&self, target: &str) -> Route {
        cached(self.id, target, || self.routes.route(target))
    }

    /// Whether anybody takes records of this target and level.
    #[cfg(any(feature = "log", feature = "tracing"))]
    pub(crate) fn wants(&self, target: &str, level: Threshold) -> bool {
        self.route(target).wants(level)
    }

    /// The least grave level that anybody takes.
    pub(crate) fn most(&self) -> Threshold {
        self.routes.most()
    }

    /// Every handler that uploads.
    #[cfg(any(feature = "log", feature = "tracing"))]
    pub(crate) fn uploads(&self) -> impl Iterator<Item = &SlsSink> {
        let targets = self.targets.iter().flatten();
        targets.filter_map(|target| match &target.sink {
            Sink::Sls(sls) => Some(sls),
            Sink::Console(_) => None,
        })
    }

    /// Gives a record to every handler that takes it; without a time it is one of now.
    ///
    /// `tell` is asked once, and only when a line is written; `ship` is called for each
    /// handler that uploads, with what to show as the message when that is not the message.
    pub(crate) fn record(
        &self,
        time: Option<SystemTime>,
        facts: &Facts<'_>,
        tell: impl FnOnce(&mut Told),
        mut ship: impl FnMut(&SlsSink, Option<&str>),
    ) {
        let level = facts.level.into();
        let takers = self.routes.takers(self.route(facts.target), level);
        let mut lines = 0;
        for (index, target) in self.takers(takers) {
            match &target.sink {
                Sink::Sls(sls) if target.pattern.is_message() => ship(sls, None),
                _ => lines |= 1 << index,
            }
        }
        if lines == 0 {
            return;
        }
        let times = Times {
            now: time.unwrap_or_else(|| SystemClock.now()),
            started: self.started,
        };
        with_told(|told| {
            tell(told);
            for (_, target) in self.takers(lines) {
                match &target.sink {
                    Sink::Console(console) => {
                        let color = console.color();
                        let line = told.line(&target.pattern, color, facts, times);
                        line.push('\n');
                        console.line(line);
                    }
                    Sink::Sls(sls) => {
                        let line = told.line(&target.pattern, false, facts, times);
                        ship(sls, Some(line));
                    }
                }
            }
        });
    }

    fn takers(&self, set: u64) -> impl Iterator<Item = (usize, &Target)> {
        let targets = self.targets.iter().enumerate();
        targets
            .filter(move |(index, _)| set & (1 << index) != 0)
            .filter_map(|(index, target)| Some((index, target.as_ref()?)))
    }
}
