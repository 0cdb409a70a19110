//! Settings from the environment's variables.

use super::nearest::unknown;
use super::pattern::Pattern;
use super::problem::{ConfigError, Problem};
use super::read::check;
use super::setting::{Kind, Setting};
use super::settings::{
    Color, HandlerSettings, LoggerName, LoggerSettings, Settings, Source, Stream, TargetSettings,
};
use super::sls;
use super::threshold::Threshold;
use super::tree::{Key, Node, Text, Value};

/// What every variable begins with.
pub(crate) const PREFIX: &str = "SLS_LOGGING_";

/// The variables that are no setting of the handler, and what they are about.
pub(crate) const VARIABLES: [(&str, &str, &str); 4] = [
    (
        "SLS_LOGGING_CONFIG",
        "none",
        "a file to read instead; no other of these variables may be set then",
    ),
    ("SLS_LOGGING_LEVEL", "`info`", "the root's level"),
    (
        "SLS_LOGGING_LEVELS",
        "none",
        "levels of other loggers, as `shop::db=debug,hyper=warn`",
    ),
    (
        "SLS_LOGGING_CONSOLE",
        "`stderr`",
        "where lines go, too: `stderr`, `stdout` or `off`",
    ),
];

/// What else counts as not set in the environment: an empty text.
pub(crate) type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Where problems are said to be.
const PLACE: &str = "environment";

impl Settings {
    /// Reads the environment: `SLS_LOGGING_ENDPOINT`, `SLS_LOGGING_PROJECT` and
    /// `SLS_LOGGING_LOGSTORE` must be set; every other setting of a handler has a variable of
    /// its name, too. `SLS_LOGGING_CONFIG` names a file to read instead.
    ///
    /// The access key comes from `ALIBABA_CLOUD_ACCESS_KEY_ID` and
    /// `ALIBABA_CLOUD_ACCESS_KEY_SECRET` unless `SLS_LOGGING_ACCESS_KEY_ID` and
    /// `SLS_LOGGING_ACCESS_KEY_SECRET` are set.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with everything that is missing or wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let names = names.filter(|name| name.starts_with(PREFIX));
        Self::from_variables(&names.collect::<Vec<_>>(), &|name| std::env::var(name).ok())
    }

    fn from_variables(names: &[String], variables: Variables<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader {
            lookup: &|name| variables(name).filter(|text| !text.trim().is_empty()),
            problems: Vec::new(),
        };
        let names = names.iter().map(String::as_str);
        let names = names.filter(|name| (reader.lookup)(name).is_some());
        let names = names.collect::<Vec<_>>();
        if let Some(file) = (reader.lookup)("SLS_LOGGING_CONFIG") {
            if names.len() > 1 {
                let what = "SLS_LOGGING_CONFIG is set, so no other variable that begins with \
                            SLS_LOGGING_ may be; write `${NAME}` in the file to use one";
                let problem = Problem::new(None, what);
                return Err(ConfigError::invalid(PLACE, vec![problem]));
            }
            return Self::from_file(file.trim()).map(|settings| Self {
                source: Source::Environment,
                ..settings
            });
        }
        reader.refuse_unknown(&names);
        let settings = reader.settings();
        if reader.problems.is_empty() {
            Ok(settings)
        } else {
            Err(ConfigError::invalid(PLACE, reader.problems))
        }
    }
}

/// The variable of a setting.
pub(crate) fn variable_of(setting: &Setting) -> String {
    format!("{PREFIX}{}", setting.key.to_ascii_uppercase())
}

struct Reader<'v> {
    lookup: Variables<'v>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn problem(&mut self, what: impl Into<String>) {
        self.problems.push(Problem::new(None, what));
    }

    fn refuse_unknown(&mut self, names: &[&str]) {
        let known = sls::SETTINGS.iter().map(variable_of);
        let known = known.chain(VARIABLES.iter().map(|(name, ..)| (*name).to_owned()));
        let known = known.collect::<Vec<_>>();
        for name in names {
            if known.iter().any(|known| known == name) {
                continue;
            }
            // The beginning is the same, and long.
            let short = |name: &str| name[PREFIX.len()..].to_ascii_lowercase();
            let shorts = known.iter().map(|name| short(name)).collect::<Vec<_>>();
            let shorts = shorts.iter().map(String::as_str);
            let what = unknown("variable SLS_LOGGING_..:", &short(name), shorts);
            self.problem(what);
        }
    }

    fn settings(&mut self) -> Settings {
        let mut handlers = vec![HandlerSettings {
            name: "sls".to_owned(),
            level: Threshold::Trace,
            pattern: Pattern::default(),
            target: self.sls(),
        }];
        if let Some(stream) = self.console() {
            handlers.push(HandlerSettings {
                name: "console".to_owned(),
                level: Threshold::Trace,
                pattern: Pattern::line(),
                target: TargetSettings::Console {
                    stream,
                    color: Color::Auto,
                },
            });
        }
        let level = match (self.lookup)("SLS_LOGGING_LEVEL") {
            Some(name) => self.level("SLS_LOGGING_LEVEL", &name),
            None => Some(Threshold::Info),
        };
        let mut loggers = vec![LoggerSettings {
            name: LoggerName::ROOT,
            // Everything passes a root for which nothing is to be set.
            level: level.or(Some(Threshold::Trace)),
            handlers: (0..handlers.len()).collect(),
            propagate: true,
        }];
        for logger in self.levels() {
            if loggers.iter().any(|other| other.name == logger.name) {
                self.problem("SLS_LOGGING_LEVELS names a logger twice");
            }
            loggers.push(logger);
        }
        Settings {
            file: PLACE.to_owned(),
            source: Source::Environment,
            loggers,
            handlers,
        }
    }

    fn level(&mut self, variable: &str, name: &str) -> Option<Threshold> {
        Threshold::from_name(name).unwrap_or_else(|what| {
            self.problem(format!("{variable}: {what}"));
            None
        })
    }

    fn levels(&mut self) -> Vec<LoggerSettings> {
        let variable = "SLS_LOGGING_LEVELS";
        let Some(list) = (self.lookup)(variable) else {
            return Vec::new();
        };
        let mut loggers = Vec::new();
        for part in list.split(',').filter(|part| !part.trim().is_empty()) {
            let Some((name, level)) = part.split_once('=') else {
                self.problem(format!(
                    "{variable} is a list such as `shop::db=debug,hyper=warn`"
                ));
                continue;
            };
            let level = self.level(variable, level.trim());
            match LoggerName::parse(name.trim()) {
                Ok(name) => loggers.push(LoggerSettings {
                    name,
                    level,
                    handlers: Vec::new(),
                    propagate: true,
                }),
                Err(what) => self.problem(format!("{variable}: {what}")),
            }
        }
        loggers
    }

    fn console(&mut self) -> Option<Stream> {
        match (self.lookup)("SLS_LOGGING_CONSOLE")
            .as_deref()
            .map(str::trim)
        {
            None | Some("stderr") => Some(Stream::Stderr),
            Some("stdout") => Some(Stream::Stdout),
            Some("off") => None,
            Some(_) => {
                self.problem("SLS_LOGGING_CONSOLE is `stderr`, `stdout` or `off`");
                None
            }
        }
    }

    fn sls(&mut self) -> TargetSettings {
        let mut given = std::collections::BTreeMap::new();
        for setting in sls::SETTINGS {
            let variable = variable_of(setting);
            let Some(text) = (self.lookup)(&variable) else {
                continue;
            };
            match check(setting, &node(setting.kind, text)) {
                Ok(value) => {
                    given.insert(setting.key, value);
                }
                Err(fault) => self.problem(format!("{variable}: {}", fault.what)),
            }
        }
        let is_there = |key: &str| {
            let setting = sls::SETTINGS.iter().find(|setting| setting.key == key);
            setting.is_some_and(|setting| (self.lookup)(&variable_of(setting)).is_some())
        };
        let missing = sls::incomplete(is_there);
        for what in missing {
            self.problem(format!("{what} (SLS_LOGGING_ and its name in capitals)"));
        }
        TargetSettings::Sls(given)
    }
}

/// A variable's text as a setting's value: lists have commas, and tables have `=` in between.
fn node(kind: Kind, text: String) -> Node {
    let value = |text: &str| {
        Value::Text(Text {
            text: text.to_owned(),
            from_variable: true,
            unset: Vec::new(),
        })
    };
    let parts = text.split(',').map(str::trim);
    let mut parts = parts.filter(|part| !part.is_empty());
    Node::new(
        0,
        match kind {
            Kind::Texts => Value::List(parts.map(|part| Node::new(0, value(part))).collect()),
            Kind::Pairs => {
                let pairs = parts.by_ref().map(|part| {
                    let (name, text) = part.split_once('=')?;
                    let key = Key {
                        at: 0,
                        name: name.trim().to_owned(),
                    };
                    Some((key, Node::new(0, value(text.trim()))))
                });
                match pairs.collect::<Option<Vec<_>>>() {
                    Some(pairs) => Value::Table(pairs),
                    None => Value::Other("another value"),
                }
            }
            _ => value(&text),
        },
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::config::setting::Given;

    const NEEDED: [(&str, &str); 3] = [
        ("SLS_LOGGING_ENDPOINT", "cn-hangzhou.log.aliyuncs.com"),
        ("SLS_LOGGING_PROJECT", "p"),
        ("SLS_LOGGING_LOGSTORE", "l"),
    ];

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, String> {
        let map = pairs.iter().copied().collect::<BTreeMap<_, _>>();
        let names = map.keys().map(|name| (*name).to_owned());
        let lookup = |name: &str| map.get(name).map(|text| (*text).to_owned());
        Settings::from_variables(&names.collect::<Vec<_>>(), &lookup)
            .map_err(|error| error.to_string())
    }

    fn with(more: &[(&'static str, &'static str)]) -> Result<Settings, String> {
        read(&[&NEEDED, more].concat())
    }

    fn given(settings: &Settings) -> &BTreeMap<&'static str, Given> {
        match &settings.handlers[0].target {
            TargetSettings::Sls(given) => given,
            TargetSettings::Console { .. } => panic!("a console comes first"),
        }
    }

    #[test]
    fn what_is_needed_is_enough() {
        let settings = with(&[]).unwrap();
        assert_eq!(settings.loggers[0].level, Some(Threshold::Info));
        assert_eq!(settings.loggers[0].handlers, [0, 1]);
        assert_eq!(given(&settings).len(), 3);
    }

    #[test]
    fn all_that_is_missing_is_named_at_once() {
        let error = read(&[("SLS_LOGGING_ACCESS_KEY_SECRET", "hush")]).unwrap_err();
        for name in ["`endpoint`", "`project`", "`logstore`", "`access_key_id`"] {
            assert!(error.contains(name), "{error}");
        }
        assert!(!error.contains("hush"), "{error}");
        assert!(
            read(&[("SLS_LOGGING_ENDPOINT", " ")])
                .unwrap_err()
                .contains("`endpoint`")
        );
    }

    #[test]
    fn every_setting_has_a_variable() {
        let settings = with(&[
            ("SLS_LOGGING_QUEUE_SIZE", "100"),
            ("SLS_LOGGING_PUT_WAIT", "500ms"),
            ("SLS_LOGGING_FIELDS", "level, module"),
            ("SLS_LOGGING_TAGS", "env=test, zone=a=b"),
            ("SLS_LOGGING_EXTRA", "false"),
            ("SLS_LOGGING_LEVEL", "debug"),
            ("SLS_LOGGING_LEVELS", "hyper=warn, shop::db=trace"),
            ("SLS_LOGGING_CONSOLE", "off"),
        ])
        .unwrap();
        let given = given(&settings);
        assert_eq!(given["queue_size"], Given::Count(100));
        assert_eq!(given["extra"], Given::Switch(false));
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(given["fields"], Given::Texts(texts(&["level", "module"])));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            given["tags"],
            Given::Pairs(vec![pair("env", "test"), pair("zone", "a=b")])
        );
        assert_eq!(settings.handlers.len(), 1);
        assert_eq!(settings.loggers[0].level, Some(Threshold::Debug));
        assert_eq!(settings.loggers[2].level, Some(Threshold::Trace));
    }

    #[test]
    fn what_is_wrong_is_told_by_the_variables_name() {
        for (name, value, says) in [
            (
                "SLS_LOGGING_QUEUE_SIZE",
                "hush",
                "SLS_LOGGING_QUEUE_SIZE: `queue_size` is",
            ),
            (
                "SLS_LOGGING_LEVEL",
                "hush",
                "SLS_LOGGING_LEVEL: unknown level",
            ),
            ("SLS_LOGGING_LEVELS", "hush", "SLS_LOGGING_LEVELS is a list"),
            (
                "SLS_LOGGING_LEVELS",
                "a=info,a=debug",
                "names a logger twice",
            ),
            ("SLS_LOGGING_CONSOLE", "hush", "SLS_LOGGING_CONSOLE is"),
            ("SLS_LOGGING_TAGS", "hush", "SLS_LOGGING_TAGS: `tags` is"),
            ("SLS_LOGGING_TOPCI", "hush", "did you mean `topic`?"),
            ("SLS_LOGGING_CONFIG", "hush.toml", "no other variable"),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert!(error.contains(says), "{name}: {error}");
            assert!(!error.contains("hush"), "{error}");
        }
    }
}
