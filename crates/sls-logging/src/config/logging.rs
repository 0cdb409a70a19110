//! A configuration at work, from its start to its end.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use telemetry_delivery::{Clock as _, SystemClock};

use super::apply::Applied;
use super::console::Console;
#[cfg(feature = "log")]
use super::front::ConfiguredLogger;
#[cfg(feature = "tracing")]
use super::front::{ConfiguredFilter, ConfiguredLayer};
use super::live::{Live, Sink, SlsSink, Target};
use super::routes::Routes;
use super::setting::Given;
use super::settings::{Color, Settings, Source, Stream, TargetSettings};
use super::shared::Shared;
use super::threshold::Threshold;
use crate::error::Error;
use crate::handler::{CloseReport, Handler, HandlerGuard};
use crate::record::Record;

/// How long a reload waits for records that are on their way through the old configuration,
/// when nothing else says how long.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// The front ends of a configuration at work; clones are the same.
///
/// [`Settings::init`] installs them; this is for programs that have a subscriber or a logger
/// of their own to put them into.
#[derive(Debug, Clone)]
pub struct Logging {
    shared: Arc<Shared>,
}

impl Logging {
    /// A layer for `tracing_subscriber`, which lets pass what some logger takes.
    #[cfg(feature = "tracing")]
    pub fn layer<S>(
        &self,
    ) -> tracing_subscriber::filter::Filtered<ConfiguredLayer, ConfiguredFilter, S>
    where
        S: tracing_core::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        use tracing_subscriber::Layer as _;

        ConfiguredLayer::new(Arc::clone(&self.shared))
            .with_filter(ConfiguredFilter::new(Arc::clone(&self.shared)))
    }

    /// A logger for the crate `log`.
    #[cfg(feature = "log")]
    pub fn logger(&self) -> ConfiguredLogger {
        ConfiguredLogger::new(Arc::clone(&self.shared))
    }

    /// Gives a record to the handlers of its target's logger; for programs with neither
    /// `tracing` nor `log`.
    pub fn log(&self, record: &Record<'_>) {
        self.shared.live().record(
            Some(record.time),
            &record.facts,
            |told| {
                told.field("message", record.message);
                for (name, value) in record.extra {
                    told.field(name, value);
                }
                if let Some(trace) = record.trace {
                    told.trace(trace);
                }
            },
            |sls, shown| sls.handler.log_as(record, shown),
        );
    }

    /// The least grave level that any logger takes, for `log::set_max_level`.
    #[cfg(feature = "log")]
    pub fn max_level(&self) -> log::LevelFilter {
        self.shared.live().most().into()
    }
}

/// Ends logging by configuration: dropping it closes every handler, each with the time that
/// its `close_wait` gives.
///
/// Keep it in `main` for as long as the program runs. Afterwards console handlers still write
/// lines, and records for the others are lost.
#[must_use = "dropping the guard closes the handlers"]
pub struct LoggingGuard {
    shared: Arc<Shared>,
    held: Mutex<Held>,
    start: StartHandler,
    /// Whether the front ends are the process's own, whose greatest level is ours to set.
    installed: bool,
    started: SystemTime,
}

/// Starts a handler that uploads.
pub(crate) type StartHandler =
    fn(&BTreeMap<&'static str, Given>) -> Result<(Handler, HandlerGuard), Error>;

/// What is at work now.
#[derive(Debug)]
struct Held {
    settings: Settings,
    uploads: Vec<Upload>,
    consoles: Vec<((Stream, Color), Arc<Console>)>,
    /// Whether the guard was closed.
    closed: bool,
}

/// A handler that was started.
#[derive(Debug)]
struct Upload {
    name: String,
    given: BTreeMap<&'static str, Given>,
    sink: SlsSink,
    guard: HandlerGuard,
}

/// What a reload did.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ReloadReport {
    /// Handlers that were started.
    pub started: usize,
    /// Handlers that go on, since nothing about their delivery changed.
    pub kept: usize,
    /// Handlers that were closed, by name, and what became of their records.
    pub closed: Vec<(String, CloseReport)>,
}

impl Settings {
    /// Starts the handlers without installing anything.
    ///
    /// # Errors
    /// [`Error::Handler`] names the handler that cannot be started, and says why; none is at
    /// work then.
    pub fn start(self) -> Result<(Logging, LoggingGuard), Error> {
        start_in(self, None, start_handler)
    }
}

/// Starts the handlers in some way, for front ends that are there already or for new ones.
pub(crate) fn start_in(
    settings: Settings,
    front_ends: Option<Arc<Shared>>,
    start: StartHandler,
) -> Result<(Logging, LoggingGuard), Error> {
    let started = SystemClock.now();
    let next = Next::of(&settings, &[], &[], start)?;
    let live = next.live(&settings, &[], started);
    let shared = match front_ends {
        Some(shared) => {
            // What it replaces has no handlers that are to be closed.
            drop(shared.replace(live));
            shared
        }
        None => Arc::new(Shared::new(live)),
    };
    let guard = LoggingGuard {
        shared: Arc::clone(&shared),
        held: Mutex::new(Held {
            settings,
            uploads: next.fresh,
            consoles: next.consoles,
            closed: false,
        }),
        start,
        installed: false,
        started,
    };
    Ok((Logging { shared }, guard))
}

pub(crate) fn start_handler(
    given: &BTreeMap<&'static str, Given>,
) -> Result<(Handler, HandlerGuard), Error> {
    let builder = Applied(given).builder()?;
    #[cfg(feature = "https")]
    {
        builder.build()
    }
    #[cfg(not(feature = "https"))]
    {
        drop(builder);
        Err(Error::invalid(
            "type",
            "handlers of the type sls need this crate's feature `https`",
        ))
    }
}

impl LoggingGuard {
    /// Reads the configuration again from where it came, and puts it in force.
    ///
    /// The new one is read and its handlers are started first; when that fails, the old one
    /// goes on. Then all front ends change over at once: each record goes wholly through the
    /// old configuration or wholly through the new one. Handlers whose delivery is set as
    /// before go on; others are closed, each with its `close_wait`, once no record is on its
    /// way to them.
    ///
    /// It blocks the thread until they are closed, so it is not for a handler's own callbacks.
    ///
    /// # Errors
    /// [`Error::Config`] when it cannot be read or followed, or did not come from a file or
    /// the environment; [`Error::Handler`] when a handler cannot be started.
    pub fn reload(&self) -> Result<ReloadReport, Error> {
        let source = self.held().settings.source.clone();
        let settings = match source {
            Source::File(path) => Settings::from_file(path)?,
            Source::Environment => Settings::from_env()?,
            Source::Text => {
                let file = self.held().settings.file.clone();
                return Err(super::ConfigError::not_a_file(&file).into());
            }
        };
        self.reload_with(settings)
    }

    /// The same with another file, from which later reloads read, too.
    ///
    /// # Errors
    /// Those of [`reload`](Self::reload).
    pub fn reload_from(&self, path: impl AsRef<Path>) -> Result<ReloadReport, Error> {
        self.reload_with(Settings::from_file(path)?)
    }

    /// The same with settings that were read already.
    ///
    /// # Errors
    /// [`Error::Handler`] when a handler cannot be started; the old configuration goes on.
    pub fn reload_with(&self, settings: Settings) -> Result<ReloadReport, Error> {
        // Held to the end, so that two reloads come one after the other.
        let mut held = self.held();
        if held.closed {
            return Err(Error::Closed);
        }
        let next = Next::of(&settings, &held.uploads, &held.consoles, self.start)?;
        let live = next.live(&settings, &held.uploads, self.started);
        let most = live.most();
        // What only the new one wants must not be held back while both are known.
        self.raise(self.shared.live().most().max(most));
        let last_record = self.shared.replace(live);
        self.raise(most);
        let mut old = Vec::new();
        let mut uploads = next.fresh;
        let started = uploads.len();
        for (index, upload) in std::mem::take(&mut held.uploads).into_iter().enumerate() {
            if next.kept.contains(&index) {
                uploads.push(upload);
            } else {
                old.push(upload);
            }
        }
        let kept = uploads.len() - started;
        *held = Held {
            settings,
            uploads,
            consoles: next.consoles,
            closed: false,
        };
        if !old.is_empty() {
            // Comes when the last of them is through; a record that hangs must not keep
            // the handlers open, and is counted by its handler as one that came too late.
            let _ = last_record.recv_timeout(LAST_RECORDS);
        }
        Ok(ReloadReport {
            started,
            kept,
            closed: close_all(old, None),
        })
    }

    /// Waits until every record logged before has been delivered, spooled, given to the dead
    /// letters or dropped by every handler; at most `within`. Says whether that is so.
    ///
    /// It can be called as often as one likes, and changes nothing for later records.
    pub fn flush(&self, within: Duration) -> bool {
        let handlers = self.handlers();
        // At once, so that each has all the time.
        let flushed = thread::scope(|scope| {
            let each = handlers
                .iter()
                .map(|(_, handler)| scope.spawn(move || handler.flush(within)));
            let each = each.collect::<Vec<_>>();
            each.into_iter()
                .map(|one| one.join().unwrap_or(false))
                .collect::<Vec<_>>()
        });
        flushed.into_iter().all(|done| done)
    }

    /// The handlers that upload, by name.
    pub fn handlers(&self) -> Vec<(String, Handler)> {
        let held = self.held();
        let each = held.uploads.iter();
        each.map(|upload| (upload.name.clone(), upload.sink.handler.clone()))
            .collect()
    }

    /// How many lines console handlers lost, since nobody read them.
    pub fn lost_lines(&self) -> u64 {
        self.held()
            .consoles
            .iter()
            .map(|(_, console)| console.lost())
            .sum()
    }

    /// Closes every handler, all of them together within `within`, and tells by name what became
    /// of its records.
    ///
    /// Up to half of the time goes to records that are on their way to the handlers.
    pub fn close(self, within: Duration) -> Vec<(String, CloseReport)> {
        self.end(Some(within))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a thread without a runtime waits, and no decision is taken by the clock"
    )]
    fn end(&self, within: Option<Duration>) -> Vec<(String, CloseReport)> {
        let begun = Instant::now();
        let mut held = self.held();
        if std::mem::replace(&mut held.closed, true) {
            return Vec::new();
        }
        // Lines are still written, for what is logged while the program ends.
        let next = Next::consoles(&held.settings, &held.consoles);
        let live = next.live(&held.settings, &[], self.started);
        let most = live.most();
        let last_record = self.shared.replace(live);
        self.raise(most);
        let old = std::mem::take(&mut held.uploads);
        if !old.is_empty() {
            // A record that hangs must leave time for the others to be delivered in.
            let most = within.map_or(LAST_RECORDS, |within| within / 2);
            let _ = last_record.recv_timeout(most);
        }
        if self.installed {
            super::install::release();
        }
        close_all(
            old,
            within.map(|within| within.saturating_sub(begun.elapsed())),
        )
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Whoever panicked in between left either the old state or the new one.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the front ends what to let pass from now on.
    fn raise(&self, most: Threshold) {
        if self.installed {
            super::install::raise(most);
        }
        #[cfg(feature = "tracing")]
        tracing_core::callsite::rebuild_interest_cache();
    }

    /// Takes over what the process has installed.
    pub(crate) fn installed(mut self) -> Self {
        self.installed = true;
        let most = self.shared.live().most();
        self.raise(most);
        self
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for LoggingGuard {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for LoggingGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggingGuard")
            .field("installed", &self.installed)
            .finish_non_exhaustive()
    }
}

/// What is to be put in force.
struct Next {
    fresh: Vec<Upload>,
    /// Indexes of those that go on.
    kept: Vec<usize>,
    consoles: Vec<((Stream, Color), Arc<Console>)>,
    /// For each handler of the settings what it is.
    parts: Vec<Option<Part>>,
}

#[derive(Clone, Copy)]
enum Part {
    Fresh(usize),
    Kept(usize),
    Console(usize),
}

impl Next {
    /// Starts what is not there yet.
    fn of(
        settings: &Settings,
        held: &[Upload],
        consoles: &[((Stream, Color), Arc<Console>)],
        start: StartHandler,
    ) -> Result<Self, Error> {
        let mut next = Self::consoles(settings, consoles);
        for (index, handler) in settings.handlers.iter().enumerate() {
            let TargetSettings::Sls(given) = &handler.target else {
                continue;
            };
            if !settings.is_used(index) {
                continue;
            }
            let same = held
                .iter()
                .enumerate()
                .find(|(at, upload)| upload.given == *given && !next.kept.contains(at));
            let part = match same {
                Some((at, _)) => {
                    next.kept.push(at);
                    Part::Kept(at)
                }
                None => {
                    let (handler_made, guard) = start(given).map_err(|cause| Error::Handler {
                        name: handler.name.clone(),
                        cause: Box::new(cause),
                    })?;
                    next.fresh.push(Upload {
                        name: handler.name.clone(),
                        given: given.clone(),
                        sink: SlsSink::new(handler_made, &Applied(given)),
                        guard,
                    });
                    Part::Fresh(next.fresh.len() - 1)
                }
            };
            next.parts[index] = Some(part);
        }
        Ok(next)
    }

    /// The consoles alone; those that are there already are used again.
    fn consoles(settings: &Settings, held: &[((Stream, Color), Arc<Console>)]) -> Self {
        let mut next = Self {
            fresh: Vec::new(),
            kept: Vec::new(),
            consoles: Vec::new(),
            parts: vec![None; settings.handlers.len()],
        };
        for (index, handler) in settings.handlers.iter().enumerate() {
            let TargetSettings::Console { stream, color } = handler.target else {
                continue;
            };
            let kind = (stream, color);
            let known = next.consoles.iter().position(|(other, _)| *other == kind);
            let at = known.unwrap_or_else(|| {
                let same = held.iter().find(|(other, _)| *other == kind);
                let console = same.map_or_else(
                    || Arc::new(Console::new(stream, color)),
                    |(_, console)| Arc::clone(console),
                );
                next.consoles.push((kind, console));
                next.consoles.len() - 1
            });
            next.parts[index] = Some(Part::Console(at));
        }
        next
    }

    fn live(&self, settings: &Settings, held: &[Upload], started: SystemTime) -> Live {
        let levels = settings.handlers.iter().zip(&self.parts);
        let levels = levels.map(|(handler, part)| match part {
            Some(_) => handler.level,
            None => Threshold::Off,
        });
        let routes = Routes::new(&settings.loggers, levels.collect());
        let targets = settings.handlers.iter().zip(&self.parts);
        let targets = targets.map(|(handler, part)| {
            let sink = match (*part)? {
                Part::Fresh(at) => Sink::Sls(self.fresh.get(at)?.sink.clone()),
                Part::Kept(at) => Sink::Sls(held.get(at)?.sink.clone()),
                Part::Console(at) => Sink::Console(Arc::clone(&self.consoles.get(at)?.1)),
            };
            Some(Target {
                pattern: handler.pattern.clone(),
                sink,
            })
        });
        Live::new(routes, targets.collect(), started)
    }
}

/// Closes handlers at once, each for at most the time given, or else its own.
fn close_all(uploads: Vec<Upload>, within: Option<Duration>) -> Vec<(String, CloseReport)> {
    thread::scope(|scope| {
        let closing = uploads.into_iter().map(|upload| {
            let own = upload.sink.handler.close_wait();
            let Upload { name, guard, .. } = upload;
            (
                name,
                scope.spawn(move || guard.close(within.unwrap_or(own))),
            )
        });
        let closing = closing.collect::<Vec<_>>();
        closing
            .into_iter()
            .filter_map(|(name, report)| Some((name, report.join().ok()?)))
            .collect()
    })
}
