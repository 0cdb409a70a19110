use std::collections::BTreeMap;

use super::ini::{Ini, IniOption, Joined, Section};
use super::interpolate::interpolate;
use super::literal::{Literal, Python, literal};
use crate::config::nearest::unknown;
use crate::config::pattern::{DateFormat, Malformed, Pattern, Style};
use crate::config::problem::{Fault, Faults};
use crate::config::read::check;
use crate::config::setting::{Given, Kind, Setting};
use crate::config::settings::{
    Color, HandlerSettings, LoggerName, LoggerSettings, MOST_HANDLERS, Settings, Source, Stream,
    TargetSettings,
};
use crate::config::sls;
use crate::config::threshold::Threshold;
use crate::config::tree::{Key, Lookup, Node, Text, Value};

/// The options of each kind of section.
pub(crate) const LOGGER: [&str; 4] = ["level", "handlers", "qualname", "propagate"];
pub(crate) const HANDLER: [&str; 5] = ["class", "level", "formatter", "args", "kwargs"];
pub(crate) const FORMATTER: [&str; 4] = ["format", "datefmt", "style", "class"];

/// The classes that handlers may be of.
pub(crate) const STREAM_HANDLERS: [&str; 2] = ["StreamHandler", "logging.StreamHandler"];
pub(crate) const QUEUED_HANDLERS: [&str; 2] = [
    "aliyun.log.QueuedLogHandler",
    "aliyun.log.logger_hanlder.QueuedLogHandler",
];

/// Reads a file.
///
/// What is wrong is added to `faults`; the settings are good only when nothing was. Sections
/// that nothing refers to are left alone, as Python does.
pub(crate) fn read(file: &str, text: &str, lookup: Lookup<'_>, faults: &mut Faults) -> Settings {
    let ini = Ini::parse(text, faults);
    if !faults.is_empty() {
        return Settings::empty(file);
    }
    let mut reader = Reader {
        ini: &ini,
        lookup,
        faults: &mut *faults,
        patterns: BTreeMap::new(),
        handlers: Vec::new(),
    };
    for (name, section) in reader.listed("formatters", "formatter_") {
        reader.formatter(name, section);
    }
    for (name, section) in reader.listed("handlers", "handler_") {
        reader.handler(name, section);
    }
    let mut loggers: Vec<LoggerSettings> = Vec::new();
    for (name, section) in reader.listed("loggers", "logger_") {
        if let Some(logger) = reader.logger(&name, section) {
            if loggers.iter().any(|other| other.name == logger.name) {
                reader.fault(section.at, "a logger of this name is there already");
            }
            loggers.push(logger);
        }
    }
    let handlers = reader.handlers;
    if !loggers.iter().any(|logger| logger.name.is_root()) && faults.is_empty() {
        let at = ini.section("loggers").map_or(0, |section| section.at);
        faults.add(at, "`root` must be among the `keys` of the loggers");
    }
    if loggers.iter().all(|logger| logger.handlers.is_empty()) && faults.is_empty() {
        faults.add(0, "no logger has a handler, so nothing would be logged");
    }
    loggers.sort_by_key(|logger| !logger.name.is_root());
    Settings {
        source: Source::Text,
        file: file.to_owned(),
        loggers,
        handlers,
    }
}

struct Reader<'i> {
    ini: &'i Ini,
    lookup: Lookup<'i>,
    faults: &'i mut Faults,
    /// By name; those that are broken too, so that their users are not called wrong.
    patterns: BTreeMap<String, Pattern>,
    handlers: Vec<HandlerSettings>,
}

impl<'i> Reader<'i> {
    fn fault(&mut self, at: usize, what: impl Into<String>) {
        self.faults.add(at, what);
    }

    /// The sections that the `keys` of another section name.
    fn listed(&mut self, list: &str, prefix: &str) -> Vec<(String, &'i Section)> {
        let Some(section) = self.ini.section(list) else {
            self.fault(0, format!("the section `[{list}]` is missing"));
            return Vec::new();
        };
        self.known(section, "option", &["keys"]);
        let Some(keys) = self.text(section, "keys") else {
            self.fault(section.at, "this section needs `keys=`, a list of names");
            return Vec::new();
        };
        let mut found = Vec::<(String, &Section)>::new();
        for (at, name) in names(&keys) {
            if found.iter().any(|(other, _)| *other == name) {
                self.fault(at, "this name is there twice");
                continue;
            }
            let title = format!("{prefix}{name}");
            match self.ini.section(&title) {
                Some(section) => found.push((name, section)),
                None => self.fault(
                    at,
                    format!("the section `[{prefix}..]` of this name is missing"),
                ),
            }
        }
        if prefix == "handler_" && found.len() > MOST_HANDLERS {
            self.fault(section.at, format!("more than {MOST_HANDLERS} handlers"));
            found.truncate(MOST_HANDLERS);
        }
        found
    }

    /// Refuses options that are not among the known ones.
    fn known(&mut self, section: &Section, what: &str, known: &[&str]) {
        for option in &section.options {
            if !known.contains(&option.name.as_str()) {
                let what = unknown(what, &option.name, known.iter().copied());
                self.fault(option.at, what);
            }
        }
    }

    fn option(&self, section: &'i Section, name: &str) -> Option<&'i IniOption> {
        self.ini.option(section, name)
    }

    /// The text of an option with what it refers to.
    fn text(&mut self, section: &'i Section, name: &str) -> Option<Joined> {
        let option = self.option(section, name)?;
        let whole = interpolate(self.ini, section, option);
        self.faults.take(whole)
    }

    fn formatter(&mut self, name: String, section: &'i Section) {
        self.known(section, "option of a formatter", &FORMATTER);
        // Python reads these without looking for other options in them.
        let raw = |option| self.ini.option(section, option).map(|option| &option.value);
        let mut faults = Vec::new();
        let mut fault = |value: &Joined, at, what: String| {
            faults.push(Fault::new(value.byte(at), what));
        };
        let style = match raw("style").map(|value| (value, value.text.as_str())) {
            None | Some((_, "%" | "")) => Style::Percent,
            Some((_, "{")) => Style::Brace,
            Some((value, _)) => {
                fault(value, 0, "`style` is `%` or `{`".to_owned());
                Style::Percent
            }
        };
        if let Some(class) = raw("class") {
            if !matches!(class.text.as_str(), "" | "logging.Formatter" | "Formatter") {
                fault(
                    class,
                    0,
                    "formatters are of the class `logging.Formatter`".to_owned(),
                );
            }
        }
        let date = match raw("datefmt").filter(|value| !value.text.is_empty()) {
            Some(value) => DateFormat::parse(&value.text).unwrap_or_else(|what| {
                fault(value, 0, what);
                DateFormat::default()
            }),
            None => DateFormat::default(),
        };
        let pattern = match raw("format").filter(|value| !value.text.is_empty()) {
            Some(value) => Pattern::parse(style, &value.text, date).unwrap_or_else(|malformed| {
                fault(value, malformed.at, malformed.what);
                Pattern::default()
            }),
            None => Pattern::default(),
        };
        for fault in faults {
            self.faults.push(fault);
        }
        self.patterns.insert(name, pattern);
    }

    /// The level of a section: `None` when it is not there or wrong, and then NOTSET inside.
    fn level(&mut self, section: &'i Section) -> Option<Option<Threshold>> {
        let level = self.text(section, "level")?;
        let parsed = Threshold::from_name(&level.text);
        self.faults
            .take(parsed.map_err(|what| Fault::new(level.byte(0), what)))
    }

    fn handler(&mut self, name: String, section: &'i Section) {
        self.known(section, "option of a handler", &HANDLER);
        let arguments = self.arguments(section);
        let target = match self.text(section, "class") {
            Some(class) if STREAM_HANDLERS.contains(&class.text.as_str()) => {
                self.stream_handler(&arguments)
            }
            Some(class) if QUEUED_HANDLERS.contains(&class.text.as_str()) => {
                self.queued_handler(section, &arguments)
            }
            Some(class) => {
                self.fault(
                    class.byte(0),
                    "this class is not known; handlers are of the class `StreamHandler` or \
                     `aliyun.log.QueuedLogHandler`",
                );
                console(Stream::Stderr)
            }
            None => {
                self.fault(section.at, "a handler needs `class=`");
                console(Stream::Stderr)
            }
        };
        let level = self.level(section).flatten();
        let pattern = match self.text(section, "formatter") {
            Some(formatter) if !formatter.text.is_empty() => {
                match self.patterns.get(&formatter.text) {
                    Some(pattern) => pattern.clone(),
                    None => {
                        let known = self.patterns.keys().map(String::as_str);
                        let what = unknown("formatter", &formatter.text, known);
                        self.fault(formatter.byte(0), what);
                        Pattern::default()
                    }
                }
            }
            _ => Pattern::default(),
        };
        self.handlers.push(HandlerSettings {
            name,
            level: level.or(arguments.level).unwrap_or(Threshold::Trace),
            pattern,
            target,
        });
    }

    /// Reads `args` and `kwargs`.
    fn arguments(&mut self, section: &'i Section) -> Arguments {
        let mut arguments = Arguments {
            at: section.at,
            ..Arguments::default()
        };
        if let Some((joined, args)) = self.python(section, "args") {
            arguments.at = joined.byte(args.at);
            match args.value {
                Python::Tuple(items) | Python::List(items) => {
                    let place = |item: Literal| (joined.byte(item.at), item.value);
                    arguments.positional = items.into_iter().map(place).collect();
                }
                _ => self.fault(
                    arguments.at,
                    "`args` is a tuple; one value alone is written with a comma, \
                     `(sys.stdout,)`",
                ),
            }
        }
        if let Some((joined, kwargs)) = self.python(section, "kwargs") {
            match kwargs.value {
                Python::Dict(pairs) => {
                    for (key, value) in pairs {
                        let at = joined.byte(key.at);
                        match key.value {
                            Python::Text(key) => {
                                let value = (joined.byte(value.at), value.value);
                                arguments.named.push((at, key.text, value));
                            }
                            _ => self.fault(at, "the keys of `kwargs` are texts"),
                        }
                    }
                }
                _ => self.fault(joined.byte(kwargs.at), "`kwargs` is a dict"),
            }
        }
        // What every handler takes beside its own arguments.
        let level = arguments
            .named
            .iter()
            .position(|(_, name, _)| name == "level");
        if let Some((_, _, (at, value))) = level.map(|index| arguments.named.remove(index)) {
            let level = match value {
                Python::Integer(number) => Ok(Threshold::from_number(number)),
                Python::Text(name) => Threshold::from_name(&name.text),
                _ => Err("`level` is a number or a name".to_owned()),
            };
            let level = level.map_err(|what| Fault::new(at, what));
            arguments.level = self.faults.take(level).flatten();
        }
        arguments
    }

    fn python(&mut self, section: &'i Section, option: &str) -> Option<(Joined, Literal)> {
        let joined = self.text(section, option)?;
        if joined.text.is_empty() {
            let at = joined.byte(0);
            self.fault(
                at,
                format!("`{option}` is empty; leave it out, or write `()` or `{{}}`"),
            );
            return None;
        }
        match literal(&joined.text, self.lookup) {
            Ok(literal) => Some((joined, literal)),
            Err(Malformed { at, what }) => {
                self.fault(joined.byte(at), what);
                None
            }
        }
    }

    fn stream_handler(&mut self, arguments: &Arguments) -> TargetSettings {
        let mut stream = Stream::Stderr;
        let mut read = |(at, value): &(usize, Python), faults: &mut Faults| match value {
            Python::Stream(given) => stream = *given,
            Python::None(_) => {}
            _ => faults.add(*at, "a StreamHandler takes `sys.stdout` or `sys.stderr`"),
        };
        if let Some(first) = arguments.positional.first() {
            read(first, self.faults);
        }
        if let Some((at, _)) = arguments.positional.get(1) {
            self.faults.add(*at, "a StreamHandler takes one argument");
        }
        for (at, name, value) in &arguments.named {
            match name.as_str() {
                "stream" if arguments.positional.is_empty() => read(value, self.faults),
                "stream" => self.faults.add(*at, "`stream` is among `args` already"),
                _ => self.faults.add(
                    *at,
                    unknown("argument of a StreamHandler", name, ["stream", "level"]),
                ),
            }
        }
        console(stream)
    }

    fn queued_handler(&mut self, section: &Section, arguments: &Arguments) -> TargetSettings {
        let settings = &sls::SETTINGS[..sls::POSITIONAL];
        let mut given = BTreeMap::new();
        let mut seen = Vec::new();
        let mut take = |setting: &'static Setting, at, value: &Python, faults: &mut Faults| {
            seen.push(setting.key);
            match node(setting, at, value) {
                Ok(Some(node)) => {
                    if let Some(value) = faults.take(check(setting, &node)) {
                        given.insert(setting.key, value);
                    }
                }
                Ok(None) => {}
                Err(what) => faults.add(at, what),
            }
        };
        for (setting, (at, value)) in settings.iter().zip(&arguments.positional) {
            take(setting, *at, value, self.faults);
        }
        if let Some((at, _)) = arguments.positional.get(sls::POSITIONAL) {
            let what = format!(
                "more than the {} arguments of a QueuedLogHandler",
                sls::POSITIONAL
            );
            self.faults.add(*at, what);
        }
        for (at, name, (value_at, value)) in &arguments.named {
            let index = settings
                .iter()
                .position(|setting| setting.python == Some(name.as_str()));
            match index {
                Some(index) if index < arguments.positional.len() => {
                    self.faults
                        .add(*at, "this argument is among `args` already");
                }
                Some(index) => take(&settings[index], *value_at, value, self.faults),
                None => {
                    let known = settings.iter().filter_map(|setting| setting.python);
                    let what = unknown("argument of a QueuedLogHandler", name, known);
                    self.faults.add(*at, what);
                }
            }
        }
        let missing = settings[..REQUIRED]
            .iter()
            .filter(|setting| !seen.contains(&setting.key))
            .filter_map(|setting| setting.python)
            .collect::<Vec<_>>();
        let any = !arguments.positional.is_empty() || self.option(section, "args").is_none();
        if !missing.is_empty() && any {
            let what = format!("a QueuedLogHandler needs {}", missing.join(", "));
            self.faults.add(arguments.at, what);
        }
        // Python has no spans, and none of its arguments could switch them off.
        given.insert("spans", Given::Choice("off"));
        TargetSettings::Sls(given)
    }

    fn logger(&mut self, key: &str, section: &'i Section) -> Option<LoggerSettings> {
        self.known(section, "option of a logger", &LOGGER);
        let is_root = key == "root";
        let level = self.level(section);
        let level = match level {
            // Everything passes a root for which nothing is to be set.
            Some(None) if is_root => Some(Threshold::Trace),
            other => other.flatten(),
        };
        let handlers = self.handlers_of(section);
        let propagate = match self.text(section, "propagate") {
            None => true,
            Some(value) => match value.text.parse::<i64>() {
                Ok(number) => number != 0,
                Err(_) => {
                    self.fault(value.byte(0), "`propagate` is 0 or 1");
                    true
                }
            },
        };
        let name = if is_root {
            LoggerName::ROOT
        } else {
            let Some(qualname) = self.text(section, "qualname") else {
                self.fault(
                    section.at,
                    "a logger needs `qualname=`, the name that records have",
                );
                return None;
            };
            let name = match qualname.text.as_str() {
                // What `logging.getLogger("root")` gives.
                "root" => Err("`root` is the name of the root logger".to_owned()),
                other => LoggerName::parse(other),
            };
            let name = name.map_err(|what| Fault::new(qualname.byte(0), what));
            self.faults.take(name)?
        };
        Some(LoggerSettings {
            name,
            level,
            handlers,
            propagate,
        })
    }

    /// The handlers that a logger names, as indexes.
    fn handlers_of(&mut self, section: &'i Section) -> Vec<usize> {
        let Some(list) = self.text(section, "handlers") else {
            self.fault(
                section.at,
                "a logger needs `handlers=`; it is empty when there are none",
            );
            return Vec::new();
        };
        let mut indexes = Vec::new();
        for (at, name) in names(&list) {
            let found = self.handlers.iter().position(|other| other.name == name);
            match found {
                Some(index) if !indexes.contains(&index) => indexes.push(index),
                Some(_) => self.fault(at, "this handler is named twice"),
                None => {
                    let known = self.handlers.iter().map(|handler| handler.name.as_str());
                    let what = unknown("handler", &name, known);
                    self.fault(at, what);
                }
            }
        }
        indexes
    }
}

/// How many arguments of a QueuedLogHandler have no default.
const REQUIRED: usize = 5;

/// What a handler's class is called with; each value with its byte in the file.
#[derive(Default)]
struct Arguments {
    at: usize,
    positional: Vec<(usize, Python)>,
    named: Vec<(usize, String, (usize, Python))>,
    level: Option<Threshold>,
}

fn console(stream: Stream) -> TargetSettings {
    TargetSettings::Console {
        stream,
        color: Color::Never,
    }
}

/// The names of a list with commas, each with its byte in the file; blanks are no names.
fn names(list: &Joined) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let mut start = 0;
    for part in list.text.split(',') {
        let name = part.trim();
        if !name.is_empty() {
            let blank = part.len() - part.trim_start().len();
            names.push((list.byte(start + blank), name.to_owned()));
        }
        start += part.len() + 1;
    }
    names
}

/// An argument as a setting's value; `None` when Python would take its default.
fn node(setting: &Setting, at: usize, value: &Python) -> Result<Option<Node>, String> {
    let required = matches!(setting.kind, Kind::Name | Kind::Address | Kind::Secret);
    let value = match value {
        Python::None(unset) if required => Value::Text(Text {
            text: String::new(),
            from_variable: true,
            unset: unset.clone(),
        }),
        Python::None(_) => return Ok(None),
        Python::Integer(0) if matches!(setting.kind, Kind::Count { .. } | Kind::Time { .. }) => {
            return Ok(None);
        }
        Python::Integer(number @ (0 | 1)) if setting.kind == Kind::Switch => {
            Value::Switch(*number == 1)
        }
        Python::Switch(on) => Value::Switch(*on),
        Python::Integer(number) => Value::Integer(*number),
        Python::Decimal(number) => Value::Decimal(*number),
        Python::Text(text) => Value::Text(text.clone()),
        Python::Tuple(items) | Python::List(items) => Value::List(
            items
                .iter()
                .map(|item| {
                    node(setting, at, &item.value)
                        .map(|node| node.unwrap_or_else(|| Node::new(at, Value::Nothing)))
                })
                .collect::<Result<_, _>>()?,
        ),
        Python::Dict(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| {
                let name = match &key.value {
                    Python::Text(text) => text.text.clone(),
                    _ => return Err("the keys of a dict are texts here".to_owned()),
                };
                let value = node(setting, at, &value.value)?;
                let value = value.unwrap_or_else(|| Node::new(at, Value::Nothing));
                Ok((Key { at, name }, value))
            });
            Value::Table(pairs.collect::<Result<_, _>>()?)
        }
        Python::Stream(_) => {
            return Err(format!(
                "a stream, but `{}` is {}",
                setting.python.unwrap_or(setting.key),
                setting.kind.describe()
            ));
        }
    };
    Ok(Some(Node::new(at, value)))
}
