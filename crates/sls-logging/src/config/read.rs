//! From TOML or JSON to settings.

use std::collections::BTreeMap;

use super::nearest::unknown;
use super::pattern::{DateFormat, Pattern, Style};
use super::problem::{Fault, Faults};
use super::setting::{Kind, Setting};
use super::settings::{
    Color, HandlerSettings, LoggerName, LoggerSettings, MOST_HANDLERS, Settings, Source, Stream,
    TargetSettings,
};
use super::sls;
use super::threshold::Threshold;
use super::tree::{Key, Node, Value};

/// The keys at the top.
pub(crate) const TOP: [&str; 5] = ["version", "root", "loggers", "handlers", "formatters"];
/// The keys of a logger; the root has the first two.
pub(crate) const LOGGER: [&str; 3] = ["level", "handlers", "propagate"];
/// The keys of every handler.
pub(crate) const HANDLER: [&str; 3] = ["type", "level", "formatter"];
/// The further keys of a console handler.
pub(crate) const CONSOLE: [&str; 2] = ["stream", "color"];
/// The keys of a formatter.
pub(crate) const FORMATTER: [&str; 3] = ["format", "style", "datefmt"];

/// What handlers may be.
const TYPES: [&str; 2] = ["console", "sls"];

type Table = [(Key, Node)];

/// Reads the tree of a file.
///
/// What is wrong is added to `faults`; the settings are good only when nothing was.
pub(crate) fn read(file: &str, tree: &Node, faults: &mut Faults) -> Settings {
    let mut reader = Reader {
        faults: &mut *faults,
        patterns: BTreeMap::new(),
        handlers: Vec::new(),
    };
    let Some(top) = reader.table(tree, "the file") else {
        return Settings::empty(file);
    };
    reader.known(top, "key", &TOP);
    if let Some((_, version)) = find(top, "version") {
        if version.value != Value::Integer(1) {
            reader.fault(version.at, "`version` is 1");
        }
    }
    for (name, formatter) in reader.tables(top, "formatters") {
        reader.formatter(name, formatter);
    }
    for (name, handler) in reader.tables(top, "handlers") {
        reader.handler(name, handler);
    }
    let mut loggers = vec![reader.root(top)];
    for (name, logger) in reader.tables(top, "loggers") {
        if let Some(logger) = reader.logger(name, logger) {
            if loggers.iter().any(|other| other.name == logger.name) {
                reader.fault(name.at, "a logger of this name is there already");
            }
            loggers.push(logger);
        }
    }
    let mut handlers = reader.handlers;
    if let Some(handler) = handlers.get(MOST_HANDLERS) {
        let what = format!("more than {MOST_HANDLERS} handlers");
        faults.add(handler.at, what);
        handlers.truncate(MOST_HANDLERS);
    }
    if loggers.iter().all(|logger| logger.handlers.is_empty()) && faults.is_empty() {
        faults.add(
            0,
            "no logger has a handler, so nothing would be logged; write for instance \
             `root.handlers = [\"console\"]`",
        );
    }
    Settings {
        source: Source::Text,
        file: file.to_owned(),
        loggers,
        handlers: handlers.into_iter().map(|named| named.settings).collect(),
    }
}

struct Reader<'f> {
    faults: &'f mut Faults,
    /// By name; those that are broken too, so that their users are not called wrong.
    patterns: BTreeMap<String, Pattern>,
    handlers: Vec<Named>,
}

struct Named {
    at: usize,
    settings: HandlerSettings,
}

impl Reader<'_> {
    fn fault(&mut self, at: usize, what: impl Into<String>) {
        self.faults.add(at, what);
    }

    fn table<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n Table> {
        match &node.value {
            Value::Table(pairs) => Some(pairs),
            other => {
                let kind = other.kind();
                self.fault(node.at, format!("{kind}, but {what} is a table"));
                None
            }
        }
    }

    /// The named tables below a key.
    fn tables<'n>(&mut self, top: &'n Table, key: &str) -> Vec<(&'n Key, &'n Table)> {
        let Some((_, node)) = find(top, key) else {
            return Vec::new();
        };
        let named = self.table(node, &format!("`{key}`")).unwrap_or_default();
        let each = named.iter().filter_map(|(name, node)| {
            let table = self.table(node, &format!("each of `{key}`"))?;
            Some((name, table))
        });
        each.collect()
    }

    /// Refuses keys that are not among the known ones.
    fn known(&mut self, table: &Table, what: &str, known: &[&str]) {
        for (key, _) in table {
            if !known.contains(&key.name.as_str()) {
                self.fault(key.at, unknown(what, &key.name, known.iter().copied()));
            }
        }
    }

    fn text<'n>(&mut self, table: &'n Table, key: &str) -> Option<(&'n Node, &'n str)> {
        let (_, node) = find(table, key)?;
        match &node.value {
            Value::Text(text) => Some((node, &text.text)),
            other => {
                let kind = other.kind();
                self.fault(node.at, format!("{kind}, but `{key}` is text"));
                None
            }
        }
    }

    fn formatter(&mut self, name: &Key, table: &Table) {
        self.known(table, "key of a formatter", &FORMATTER);
        let style = match self.text(table, "style") {
            None | Some((_, "%")) => Style::Percent,
            Some((_, "{")) => Style::Brace,
            Some((node, _)) => {
                self.fault(node.at, "`style` is `%` or `{`");
                Style::Percent
            }
        };
        let date = match self.text(table, "datefmt") {
            Some((node, format)) => DateFormat::parse(format)
                .map_err(|what| self.fault(node.at, what))
                .unwrap_or_default(),
            None => DateFormat::default(),
        };
        let pattern = match self.text(table, "format") {
            Some((node, format)) => Pattern::parse(style, format, date)
                .map_err(|malformed| {
                    let what = format!("at byte {}: {}", malformed.at, malformed.what);
                    self.fault(node.at, what);
                })
                .unwrap_or_default(),
            None => {
                self.fault(name.at, "a formatter needs a `format`");
                Pattern::default()
            }
        };
        self.patterns.insert(name.name.clone(), pattern);
    }

    /// The level of a table: `None` when it is not there or wrong, and then NOTSET inside.
    fn level(&mut self, table: &Table) -> Option<Option<Threshold>> {
        let (_, node) = find(table, "level")?;
        if let Value::Integer(number) = &node.value {
            return Some(Threshold::from_number(*number));
        }
        let (_, name) = self.text(table, "level")?;
        let level = Threshold::from_name(name).map_err(|what| Fault::new(node.at, what));
        self.faults.take(level)
    }

    fn handler(&mut self, name: &Key, table: &Table) {
        let target = match self.text(table, "type") {
            Some((_, "console")) => {
                self.known(
                    table,
                    "key of a console handler",
                    &[&HANDLER[..], &CONSOLE[..]].concat(),
                );
                self.console(table)
            }
            Some((_, "sls")) => self.sls(name, table),
            Some((node, other)) => {
                self.fault(node.at, unknown("type of a handler", other, TYPES));
                CONSOLE_DEFAULT
            }
            None => {
                self.fault(name.at, "a handler needs a `type`, `console` or `sls`");
                CONSOLE_DEFAULT
            }
        };
        let pattern = match self.text(table, "formatter") {
            None if matches!(target, TargetSettings::Console { .. }) => Pattern::line(),
            None => Pattern::default(),
            Some((node, formatter)) => match self.patterns.get(formatter) {
                Some(pattern) => pattern.clone(),
                None => {
                    let known = self.patterns.keys().map(String::as_str);
                    let what = unknown("formatter", formatter, known);
                    self.fault(node.at, what);
                    Pattern::default()
                }
            },
        };
        let settings = HandlerSettings {
            name: name.name.clone(),
            level: self.level(table).flatten().unwrap_or(Threshold::Trace),
            pattern,
            target,
        };
        self.handlers.push(Named {
            at: name.at,
            settings,
        });
    }

    fn console(&mut self, table: &Table) -> TargetSettings {
        let stream = match self.text(table, "stream") {
            None | Some((_, "stderr")) => Stream::Stderr,
            Some((_, "stdout")) => Stream::Stdout,
            Some((node, _)) => {
                self.fault(node.at, "`stream` is `stdout` or `stderr`");
                Stream::Stderr
            }
        };
        let color = match self.text(table, "color") {
            None | Some((_, "auto")) => Color::Auto,
            Some((_, "always")) => Color::Always,
            Some((_, "never")) => Color::Never,
            Some((node, _)) => {
                self.fault(node.at, "`color` is `auto`, `always` or `never`");
                Color::Auto
            }
        };
        TargetSettings::Console { stream, color }
    }

    fn sls(&mut self, name: &Key, table: &Table) -> TargetSettings {
        let mut given = BTreeMap::new();
        for (key, node) in table {
            if HANDLER.contains(&key.name.as_str()) {
                continue;
            }
            match sls::SETTINGS.iter().find(|one| one.key == key.name) {
                Some(setting) => {
                    if let Some(value) = self.faults.take(check(setting, node)) {
                        given.insert(setting.key, value);
                    }
                }
                None => {
                    let known = sls::SETTINGS.iter().map(|setting| setting.key);
                    let what = unknown("key of an sls handler", &key.name, known.chain(HANDLER));
                    self.fault(key.at, what);
                }
            }
        }
        for what in sls::incomplete(|key| find(table, key).is_some()) {
            self.fault(name.at, what);
        }
        TargetSettings::Sls(given)
    }

    fn root(&mut self, top: &Table) -> LoggerSettings {
        let mut root = LoggerSettings {
            name: LoggerName::ROOT,
            level: None,
            handlers: Vec::new(),
            propagate: true,
        };
        if let Some((_, node)) = find(top, "root") {
            if let Some(table) = self.table(node, "`root`") {
                self.known(table, "key of the root logger", &LOGGER[..2]);
                root.level = match self.level(table) {
                    // Everything passes a root for which nothing is to be set.
                    Some(None) => Some(Threshold::Trace),
                    level => level.flatten(),
                };
                root.handlers = self.handlers_of(table);
            }
        }
        root
    }

    fn logger(&mut self, name: &Key, table: &Table) -> Option<LoggerSettings> {
        self.known(table, "key of a logger", &LOGGER);
        let propagate = match find(table, "propagate") {
            None => true,
            Some((_, node)) => {
                let checked = Kind::Switch.check(node);
                self.faults.take(checked) != Some(super::setting::Given::Switch(false))
            }
        };
        let parsed = match name.name.as_str() {
            "root" => Err("the root logger is the table `root`, outside of `loggers`".to_owned()),
            other => LoggerName::parse(other),
        };
        let parsed = parsed.map_err(|what| Fault::new(name.at, what));
        Some(LoggerSettings {
            name: self.faults.take(parsed)?,
            level: self.level(table).flatten(),
            handlers: self.handlers_of(table),
            propagate,
        })
    }

    /// The handlers a logger names, as indexes.
    fn handlers_of(&mut self, table: &Table) -> Vec<usize> {
        let Some((_, node)) = find(table, "handlers") else {
            return Vec::new();
        };
        let Value::List(items) = &node.value else {
            self.fault(node.at, "`handlers` is a list of names");
            return Vec::new();
        };
        let mut indexes = Vec::new();
        for item in items {
            let Value::Text(name) = &item.value else {
                self.fault(item.at, "`handlers` is a list of names");
                continue;
            };
            let found = self
                .handlers
                .iter()
                .position(|handler| handler.settings.name == name.text);
            match found {
                Some(index) if !indexes.contains(&index) => indexes.push(index),
                Some(_) => self.fault(item.at, "this handler is named twice"),
                None => {
                    let known = self
                        .handlers
                        .iter()
                        .map(|named| named.settings.name.as_str());
                    let what = unknown("handler", &name.text, known);
                    self.fault(item.at, what);
                }
            }
        }
        indexes
    }
}

const CONSOLE_DEFAULT: TargetSettings = TargetSettings::Console {
    stream: Stream::Stderr,
    color: Color::Auto,
};

fn find<'t>(table: &'t Table, key: &str) -> Option<&'t (Key, Node)> {
    table.iter().find(|(name, _)| name.name == key)
}

/// Checks a setting; its name goes before what is wrong.
pub(crate) fn check(setting: &Setting, node: &Node) -> Result<super::setting::Given, Fault> {
    setting
        .kind
        .check(node)
        .map_err(|fault| Fault::new(fault.at, format!("`{}` is {}", setting.key, fault.what)))
}
