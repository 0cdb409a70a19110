use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use growingio_codecs::{Json, Protobuf, Rules, Snappy, Xor};
use serde_json::Value;

use crate::config::{ConfigError, Strategy, TrackerBuilder};
use crate::delivery::{Asynchronous, Buffered, DebugPrint, Immediate};
use crate::outbox::Overflow;
use crate::retry::Retry;

/// The settings of a tracker as texts and numbers, from a file or from the environment.
///
/// | setting | value | default |
/// |---|---|---|
/// | `product_id`, `data_source_id`, `server_host` | texts, needed | |
/// | `data_parser` | `json`, `snappy`, `snappy_xor`, `protobuf`, `protobuf_snappy_xor` | `json` |
/// | `consumer` | `immediate`, `buffered`, `asynchronous`, `debug`, `dry_run` | `immediate` |
/// | `max_size` | messages | 500 |
/// | `max_bytes` | bytes | 64 MiB |
/// | `flush_after` | seconds | 10 |
/// | `overflow` | `refuse`, `drop_newest`, `drop_oldest` | `refuse` |
/// | `keep_order` | yes or no | no |
/// | `retry_limit` | retries | 3 |
/// | `retry_backoff_factor` | seconds | 0.25 |
/// | `request_timeout`, `connect_timeout`, `close_wait` | seconds | as the builder |
/// | `verify_cert` | yes or no | yes |
/// | `root_certificate` | a file with PEM | none |
/// | `proxy` | an address, or `none` | as the environment says |
/// | `strict` | yes or no | yes |
/// | `spool` | a folder, with the feature of that name | none |
///
/// A file is TOML, or JSON when its name ends in `.json`, with these names at the top. In the
/// environment they are in capitals behind `GROWINGIO_`, and yes is `true`.
///
/// ```
/// use growingio_tracker::Settings;
///
/// let settings = Settings::from_toml(
///     r#"
///     product_id = "my-product"
///     data_source_id = "my-data-source"
///     server_host = "https://collector.example"
///     consumer = "asynchronous"
///     flush_after = 3
///     "#,
/// )?;
/// let tracker = settings.builder()?.build()?;
/// # drop(tracker);
/// # Ok::<(), growingio_tracker::ConfigError>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Settings {
    values: BTreeMap<&'static str, Value>,
}

const NAMES: [&str; 20] = [
    "product_id",
    "data_source_id",
    "server_host",
    "data_parser",
    "consumer",
    "max_size",
    "max_bytes",
    "flush_after",
    "overflow",
    "keep_order",
    "retry_limit",
    "retry_backoff_factor",
    "request_timeout",
    "connect_timeout",
    "close_wait",
    "verify_cert",
    "root_certificate",
    "proxy",
    "strict",
    "spool",
];

const PREFIX: &str = "GROWINGIO_";

/// The longest file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError::File`] with what is wrong and where; never with a value.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let wrong = |why: String| ConfigError::File {
            file: path.display().to_string(),
            why,
        };
        let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
        if size.len() > LONGEST {
            return Err(wrong(format!("more than {LONGEST} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let is_json = path.extension().is_some_and(|end| end == "json");
        let read = if is_json {
            read_json(&text)
        } else {
            read_toml(&text)
        };
        read.and_then(Self::from_object).map_err(wrong)
    }

    /// Reads a text in TOML.
    ///
    /// # Errors
    /// As [`from_file`](Self::from_file).
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let read = read_toml(text).and_then(Self::from_object);
        read.map_err(|why| ConfigError::File {
            file: "the text".to_owned(),
            why,
        })
    }

    /// Takes the variables of the environment that begin with `GROWINGIO_` and are known.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// Takes variables from somewhere else.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let values = NAMES.into_iter().filter_map(|name| {
            let text = variable(&format!("{PREFIX}{}", name.to_uppercase()))?;
            (!text.is_empty()).then_some((name, Value::String(text)))
        });
        Self {
            values: values.collect(),
        }
    }

    /// The same, where what the other has counts more.
    #[must_use]
    pub fn overridden_by(mut self, other: Self) -> Self {
        self.values.extend(other.values);
        self
    }

    fn from_object(object: Value) -> Result<Self, String> {
        let Value::Object(pairs) = object else {
            return Err("it is not a table of settings".to_owned());
        };
        let mut values = BTreeMap::new();
        for (name, value) in pairs {
            let known = NAMES.into_iter().find(|known| *known == name);
            let known = known.ok_or_else(|| format!("there is no setting {name:?}"))?;
            values.insert(known, value);
        }
        Ok(Self { values })
    }

    /// A builder with these settings, for what settings cannot say.
    ///
    /// # Errors
    /// [`ConfigError::AllMissing`] with everything that is needed and absent,
    /// [`ConfigError::Unusable`] and [`ConfigError::OutOfRange`] with a setting's name.
    pub fn builder(&self) -> Result<TrackerBuilder, ConfigError> {
        let needed = ["product_id", "data_source_id", "server_host"];
        let is_missing = |name: &&'static str| matches!(self.text(name), Ok(None | Some("")));
        let missing: Vec<_> = needed.into_iter().filter(is_missing).collect();
        if !missing.is_empty() {
            return Err(ConfigError::AllMissing { settings: missing });
        }
        let text = |name| Ok::<_, ConfigError>(self.text(name)?.unwrap_or_default());
        let ids = (text("product_id")?, text("data_source_id")?);
        let mut builder = TrackerBuilder::new(ids.0, ids.1, text("server_host")?);
        builder = match self.choice("data_parser", "json")? {
            "json" => builder.codec(Json),
            "snappy" => builder.codec(Snappy::new(Json)),
            "snappy_xor" => builder.codec(Xor::new(Snappy::new(Json))),
            "protobuf" => builder.codec(Protobuf),
            "protobuf_snappy_xor" => builder.codec(Xor::new(Snappy::new(Protobuf))),
            _ => return Err(unknown("data_parser")),
        };
        builder = builder.delivery(self.strategy()?).retry(self.retry()?);
        if let Some(limit) = self.seconds("request_timeout")? {
            builder = builder.request_timeout(limit);
        }
        if let Some(limit) = self.seconds("close_wait")? {
            builder = builder.close_wait(limit);
        }
        if self.flag("strict")? == Some(false) {
            builder = builder.rules(Rules::lenient());
        }
        if let Some(folder) = self.text("spool")? {
            builder = spool(builder, folder)?;
        }
        self.transport(builder)
    }

    fn strategy(&self) -> Result<Strategy, ConfigError> {
        let overflow = match self.choice("overflow", "refuse")? {
            "refuse" => Overflow::Refuse,
            "drop_newest" => Overflow::DropNewest,
            "drop_oldest" => Overflow::DropOldest,
            _ => return Err(unknown("overflow")),
        };
        let size = self.number("max_size")?;
        let bytes = self.number("max_bytes")?;
        let keep_order = self.flag("keep_order")? == Some(true);
        Ok(match self.choice("consumer", "immediate")? {
            "immediate" => Immediate.into(),
            "debug" => DebugPrint::new().into(),
            "dry_run" => DebugPrint::dry_run().into(),
            "buffered" => {
                let mut settings = Buffered::default().with_overflow(overflow);
                settings = size.map_or(settings, |size| settings.with_max_size(size));
                settings = bytes.map_or(settings, |bytes| settings.with_max_bytes(bytes));
                if keep_order {
                    settings = settings.with_order_kept();
                }
                settings.into()
            }
            "asynchronous" => {
                let mut settings = Asynchronous::default().with_overflow(overflow);
                settings = size.map_or(settings, |size| settings.with_max_size(size));
                settings = bytes.map_or(settings, |bytes| settings.with_max_bytes(bytes));
                if let Some(limit) = self.seconds("flush_after")? {
                    settings = settings.with_flush_after(limit);
                }
                if keep_order {
                    settings = settings.with_order_kept();
                }
                settings.into()
            }
            _ => return Err(unknown("consumer")),
        })
    }

    fn retry(&self) -> Result<Retry, ConfigError> {
        let mut retry = Retry::default();
        if let Some(limit) = self.number("retry_limit")? {
            let limit = u32::try_from(limit).map_err(|_| unusable("retry_limit"))?;
            retry = retry.with_limit(limit);
        }
        if let Some(factor) = self.seconds("retry_backoff_factor")? {
            retry = retry.with_backoff_factor(factor);
        }
        Ok(retry)
    }

    #[cfg(feature = "https")]
    fn transport(&self, mut builder: TrackerBuilder) -> Result<TrackerBuilder, ConfigError> {
        if let Some(limit) = self.seconds("connect_timeout")? {
            builder = builder.connect_timeout(limit);
        }
        if let Some(verify) = self.flag("verify_cert")? {
            builder = builder.verify_cert(verify);
        }
        if let Some(path) = self.text("root_certificate")? {
            let text = std::fs::read(path).map_err(|_| ConfigError::Unusable {
                setting: "root_certificate",
                why: "the file cannot be read",
            })?;
            builder = builder.root_certificate_pem(text)?;
        }
        match self.text("proxy")? {
            None => Ok(builder),
            Some("none") => Ok(builder.no_proxy()),
            Some(address) => builder.proxy(address),
        }
    }

    #[cfg(not(feature = "https"))]
    fn transport(&self, builder: TrackerBuilder) -> Result<TrackerBuilder, ConfigError> {
        let of_https = [
            "connect_timeout",
            "verify_cert",
            "root_certificate",
            "proxy",
        ];
        match of_https.iter().find(|name| self.values.contains_key(*name)) {
            None => Ok(builder),
            Some(setting) => Err(ConfigError::Unusable {
                setting,
                why: "the transport is not built in",
            }),
        }
    }

    fn text(&self, name: &'static str) -> Result<Option<&str>, ConfigError> {
        match self.values.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ConfigError::Unusable {
                setting: name,
                why: "it is not a text",
            }),
        }
    }

    fn choice(&self, name: &'static str, default: &'static str) -> Result<&str, ConfigError> {
        Ok(self.text(name)?.unwrap_or(default))
    }

    fn number(&self, name: &'static str) -> Result<Option<usize>, ConfigError> {
        let number = match self.values.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok()),
        };
        number.map(Some).ok_or_else(|| unusable(name))
    }

    fn seconds(&self, name: &'static str) -> Result<Option<Duration>, ConfigError> {
        let seconds = match self.values.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(value) => value.as_f64(),
        };
        let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        time.map(Some).ok_or(ConfigError::Unusable {
            setting: name,
            why: "it is not a number of seconds",
        })
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, ConfigError> {
        let flag = match self.values.get(name) {
            None => return Ok(None),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::String(text)) => text.trim().to_lowercase().parse().ok(),
            Some(_) => None,
        };
        flag.map(Some).ok_or(ConfigError::Unusable {
            setting: name,
            why: "it is neither true nor false",
        })
    }
}

#[cfg(feature = "spool")]
fn spool(builder: TrackerBuilder, folder: &str) -> Result<TrackerBuilder, ConfigError> {
    Ok(builder.spool(folder, crate::SpoolConfig::default()))
}

#[cfg(not(feature = "spool"))]
fn spool(_: TrackerBuilder, _: &str) -> Result<TrackerBuilder, ConfigError> {
    Err(ConfigError::Unusable {
        setting: "spool",
        why: "the feature of that name is off",
    })
}

const fn unusable(setting: &'static str) -> ConfigError {
    ConfigError::Unusable {
        setting,
        why: "it is not a whole number, or too large",
    }
}

const fn unknown(setting: &'static str) -> ConfigError {
    ConfigError::Unusable {
        setting,
        why: "it is none of the choices",
    }
}

fn read_json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("line {} is not JSON as expected", error.line()))
}

fn read_toml(text: &str) -> Result<Value, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        // The error's own text may show the line, and with it a password.
        let place = error.span().map_or(0, |span| span.start);
        let before = text.bytes().take(place);
        let line = before.filter(|byte| *byte == b'\n').count() + 1;
        format!("line {line} is not TOML")
    })
}

/// The names of what is set, without values.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: &str = "product_id = 'p'\ndata_source_id = 'd'\nserver_host = 'http://u:secret@h'\n";

    #[track_caller]
    fn check(text: &str, want: &str) {
        let built = Settings::from_toml(&format!("{IDS}{text}"))
            .and_then(|settings| settings.builder()?.build());
        let got = built.map_or_else(|error| error.to_string(), |_| "fine".to_owned());
        assert_eq!(got, want, "{text}");
        assert!(!got.contains("secret"));
    }

    #[test]
    fn every_setting_is_read() {
        check(
            "consumer = 'asynchronous'\nmax_size = 7\nmax_bytes = 9000\nflush_after = 0.5\n\
             overflow = 'drop_oldest'\nkeep_order = true\nretry_limit = 0\n\
             retry_backoff_factor = 1\nrequest_timeout = 3\nclose_wait = 1\nstrict = false\n\
             data_parser = 'protobuf_snappy_xor'",
            "fine",
        );
        #[cfg(feature = "https")]
        check(
            "connect_timeout = 1\nverify_cert = true\nproxy = 'http://proxy.example:3128'",
            "fine",
        );
    }

    #[test]
    fn what_is_wrong_is_named_and_not_shown() {
        check(
            "consumer = 'buffered'\nmax_size = 'secret'",
            "max_size cannot be used: it is not a whole number, or too large",
        );
        check(
            "consumer = 'secret'",
            "consumer cannot be used: it is none of the choices",
        );
        check(
            "flush_after = 'secret'\nconsumer = 'asynchronous'",
            "flush_after cannot be used: it is not a number of seconds",
        );
        check(
            "strict = 3",
            "strict cannot be used: it is neither true nor false",
        );
        check(
            "data_parser = 3",
            "data_parser cannot be used: it is not a text",
        );
        check("secret", "the text cannot be used: line 4 is not TOML");
        check(
            "consumers = 'x'",
            "the text cannot be used: there is no setting \"consumers\"",
        );
    }

    #[test]
    fn all_that_is_missing_is_told_at_once() {
        let error = Settings::default().builder().unwrap_err();
        assert_eq!(
            error.to_string(),
            "product_id, data_source_id, server_host are missing"
        );
    }

    #[test]
    fn the_environment_counts_more_than_a_file() {
        let variables = |name: &str| match name {
            "GROWINGIO_PRODUCT_ID" => Some("from the environment".to_owned()),
            "GROWINGIO_STRICT" => Some("False".to_owned()),
            "GROWINGIO_MAX_SIZE" => Some(" 8 ".to_owned()),
            _ => None,
        };
        let file = Settings::from_toml(IDS).unwrap();
        let settings = file.overridden_by(Settings::from_variables(variables));
        assert_eq!(
            settings.text("product_id"),
            Ok(Some("from the environment"))
        );
        assert_eq!(settings.text("data_source_id"), Ok(Some("d")));
        assert_eq!(settings.flag("strict"), Ok(Some(false)));
        assert_eq!(settings.number("max_size"), Ok(Some(8)));
        assert!(!format!("{settings:?}").contains("secret"));
    }

    #[test]
    fn a_file_is_read_by_its_ending() {
        let folder = tempfile::tempdir().unwrap();
        let json = folder.path().join("settings.json");
        std::fs::write(&json, r#"{"product_id": "p", "retry_limit": 1}"#).unwrap();
        let toml = folder.path().join("settings.toml");
        std::fs::write(&toml, "product_id = 'p'\nretry_limit = 1").unwrap();
        assert_eq!(Settings::from_file(&json), Settings::from_file(&toml));
        assert!(Settings::from_file(folder.path().join("none")).is_err());
    }
}
