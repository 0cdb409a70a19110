//! From settings to the builder of a handler.

use std::collections::BTreeMap;
use std::time::Duration;

use sls_core::credentials::{Credentials, EnvCredentials};
use telemetry_delivery::batch::Overflow;

use super::setting::Given;
use crate::error::Error;
use crate::field::FieldNaming;
use crate::format::RecordFormat;
use crate::handler::{Handler, HandlerBuilder, Signature};
use crate::level::LevelNames;
use crate::redaction::Redaction;

/// How large a file of dead letters may become unless told otherwise.
const DEAD_LETTER_BYTES: u64 = 64 << 20;
/// How long records wait for company unless told otherwise, see [`HandlerBuilder::put_wait`].
const PUT_WAIT: Duration = Duration::from_secs(2);

/// How large a segment of a spool is unless told otherwise.
#[cfg(feature = "spool")]
const SEGMENT_BYTES: u64 = 16 << 20;

/// What was given of the settings of a handler that uploads.
pub(crate) struct Applied<'g>(pub(crate) &'g BTreeMap<&'static str, Given>);

impl Applied<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(Given::Text(text) | Given::Secret(text)) => Some(text),
            _ => None,
        }
    }

    /// A text that is not empty.
    fn filled(&self, key: &str) -> Option<&str> {
        self.text(key).filter(|text| !text.is_empty())
    }

    fn choice(&self, key: &str) -> Option<&'static str> {
        match self.0.get(key) {
            Some(Given::Choice(name)) => Some(name),
            _ => None,
        }
    }

    fn switch(&self, key: &str) -> Option<bool> {
        match self.0.get(key) {
            Some(Given::Switch(on)) => Some(*on),
            _ => None,
        }
    }

    fn bytes(&self, key: &str) -> Option<u64> {
        match self.0.get(key) {
            Some(Given::Count(count)) => Some(*count),
            _ => None,
        }
    }

    fn count(&self, key: &str) -> Option<usize> {
        let count = usize::try_from(self.bytes(key)?);
        Some(count.unwrap_or(usize::MAX))
    }

    fn time(&self, key: &str) -> Option<Duration> {
        match self.0.get(key) {
            Some(Given::Time(time)) => Some(*time),
            _ => None,
        }
    }

    fn texts(&self, key: &str) -> Option<&[String]> {
        match self.0.get(key) {
            Some(Given::Texts(texts)) => Some(texts),
            _ => None,
        }
    }

    fn pairs(&self, key: &str) -> &[(String, String)] {
        match self.0.get(key) {
            Some(Given::Pairs(pairs)) => pairs,
            _ => &[],
        }
    }

    /// The handler's builder with everything that was given.
    ///
    /// # Errors
    /// [`Error::Redaction`] when a rule cannot be used; everything else was checked when the
    /// settings were read.
    pub(crate) fn builder(&self) -> Result<HandlerBuilder, Error> {
        let mut builder = Handler::builder()
            .format(self.format()?)
            .signature(self.signature());
        builder = match (self.text("access_key_id"), self.text("access_key_secret")) {
            (Some(id), Some(secret)) => {
                let credentials = Credentials::new(id, secret);
                builder.credentials(match self.text("security_token") {
                    Some(token) => credentials.with_security_token(token),
                    None => credentials,
                })
            }
            _ => builder.credentials_provider(EnvCredentials),
        };
        for (key, set) in [
            ("endpoint", HandlerBuilder::endpoint as fn(_, String) -> _),
            ("project", HandlerBuilder::project),
            ("logstore", HandlerBuilder::logstore),
            ("topic", HandlerBuilder::topic),
            ("source", HandlerBuilder::source),
        ] {
            if let Some(text) = self.filled(key) {
                builder = set(builder, text.to_owned());
            }
        }
        for (key, set) in [
            (
                "queue_size",
                HandlerBuilder::queue_size as fn(_, usize) -> _,
            ),
            ("queue_bytes", HandlerBuilder::queue_bytes),
            ("batch_size", HandlerBuilder::batch_size),
        ] {
            if let Some(count) = self.count(key) {
                builder = set(builder, count);
            }
        }
        for (key, set) in [
            ("put_wait", HandlerBuilder::put_wait as fn(_, Duration) -> _),
            ("close_wait", HandlerBuilder::close_wait),
        ] {
            if let Some(time) = self.time(key) {
                builder = set(builder, time);
            }
        }
        for (key, value) in self.pairs("tags") {
            builder = builder.tag(key, value);
        }
        if let Some(policy) = self.overflow() {
            builder = builder.overflow(policy);
        }
        if let Some(announce) = self.switch("announce_drops") {
            builder = builder.announce_drops(announce);
        }
        if let Some(number) = self.switch("context_ids") {
            builder = builder.context_ids(number);
        }
        if let Some(folder) = self.text("spool") {
            builder = self.spool(builder, folder)?;
        }
        if let Some(file) = self.text("dead_letter_file") {
            let most = self.bytes("dead_letter_bytes");
            builder = builder.dead_letter_file(file, most.unwrap_or(DEAD_LETTER_BYTES));
        }
        Ok(builder)
    }

    #[cfg(feature = "spool")]
    fn spool(&self, builder: HandlerBuilder, folder: &str) -> Result<HandlerBuilder, Error> {
        use telemetry_delivery::spool::{Fsync, SpoolConfig};

        let mut config = SpoolConfig::default();
        if let Some(bytes) = self.bytes("spool_bytes") {
            // A spool has room for several segments.
            config = config
                .with_max_bytes(bytes)
                .with_segment_bytes((bytes / 8).min(SEGMENT_BYTES));
        }
        let interval = self.time("spool_fsync_interval").map(Fsync::Interval);
        let fsync = match self.choice("spool_fsync") {
            Some("record") => Some(Fsync::EveryRecord),
            Some("system") => Some(Fsync::System),
            _ => interval,
        };
        if let Some(fsync) = fsync {
            config = config.with_fsync(fsync);
        }
        Ok(builder.spool(folder, config))
    }

    #[cfg(not(feature = "spool"))]
    fn spool(&self, _: HandlerBuilder, _: &str) -> Result<HandlerBuilder, Error> {
        Err(Error::invalid(
            "spool",
            "this crate's feature `spool` is off",
        ))
    }

    fn overflow(&self) -> Option<Overflow> {
        let wait = match self.choice("when_full")? {
            "drop_oldest" => return Some(Overflow::DropOldest),
            "wait" => {
                let put_wait = self.time("put_wait").unwrap_or(PUT_WAIT);
                self.time("full_wait").unwrap_or(put_wait * 2)
            }
            _ => Duration::ZERO,
        };
        #[cfg(feature = "spool")]
        if self.text("spool").is_some() {
            // The queue is full when the folder is, too.
            return Some(Overflow::Spill(wait));
        }
        Some(if wait.is_zero() {
            Overflow::DropNewest
        } else {
            Overflow::Wait(wait)
        })
    }

    /// What of the spans around an event is uploaded.
    #[cfg(feature = "tracing")]
    pub(crate) fn spans(&self) -> crate::SpanFields {
        match self.choice("spans") {
            Some("off") => crate::SpanFields::Off,
            Some("names") => crate::SpanFields::Names,
            _ => crate::SpanFields::Fields,
        }
    }

    fn signature(&self) -> Signature {
        match self.choice("auth_version") {
            Some("v4") => Signature::V4 {
                region: self.filled("region").map(str::to_owned),
            },
            _ => Signature::V1,
        }
    }

    fn format(&self) -> Result<RecordFormat, Error> {
        let mut format = RecordFormat::new();
        if let Some(fields) = self.texts("fields") {
            format = format.with_fields(fields.iter().map(String::as_str));
        }
        format = match self.choice("naming") {
            Some("python") => format.with_naming(FieldNaming::Python),
            _ => format,
        };
        format = match self.choice("level_names") {
            Some("rust") => format.with_level_names(LevelNames::Rust),
            _ => format,
        };
        for (key, set) in [
            ("extra", RecordFormat::with_extra as fn(_, bool) -> _),
            ("skip_message", RecordFormat::with_skip_message),
            ("extract_json", RecordFormat::with_extract_json),
            (
                "extract_json_drop_message",
                RecordFormat::with_extract_json_drop_message,
            ),
            ("extract_kv", RecordFormat::with_extract_kv),
            (
                "extract_kv_drop_message",
                RecordFormat::with_extract_kv_drop_message,
            ),
        ] {
            if let Some(on) = self.switch(key) {
                format = set(format, on);
            }
        }
        for (key, set) in [
            (
                "builtin_fields_prefix",
                RecordFormat::with_builtin_fields_prefix as fn(_, String) -> _,
            ),
            (
                "builtin_fields_suffix",
                RecordFormat::with_builtin_fields_suffix,
            ),
            (
                "extract_json_prefix",
                RecordFormat::with_extract_json_prefix,
            ),
            (
                "extract_json_suffix",
                RecordFormat::with_extract_json_suffix,
            ),
            ("extract_kv_prefix", RecordFormat::with_extract_kv_prefix),
            ("extract_kv_suffix", RecordFormat::with_extract_kv_suffix),
            ("extract_kv_sep", RecordFormat::with_extract_kv_sep),
            (
                "built_in_root_field",
                RecordFormat::with_built_in_root_field,
            ),
        ] {
            if let Some(text) = self.text(key) {
                format = set(format, text.to_owned());
            }
        }
        let mut redaction = Redaction::new();
        for key in self.texts("redact_keys").unwrap_or_default() {
            redaction = redaction.key(key)?;
        }
        for (pattern, replacement) in self.pairs("redact_patterns") {
            redaction = redaction.pattern(pattern, replacement)?;
        }
        Ok(format.with_redaction(redaction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::setting::{Kind, Setting};
    use crate::config::sls::SETTINGS;

    /// A value that no setting has by itself.
    fn unusual(setting: &Setting) -> Given {
        match setting.kind {
            Kind::Switch => Given::Switch(setting.default == "false"),
            Kind::Count { .. } | Kind::Bytes { .. } => Given::Count(77_777),
            Kind::Time { .. } => Given::Time(Duration::from_millis(777)),
            Kind::Text | Kind::Name => Given::Text("unusual".to_owned()),
            Kind::Address => Given::Text("unusual.example".to_owned()),
            Kind::Secret => Given::Secret("unusual".to_owned()),
            Kind::Choice(names) => {
                let other = names.iter().find(|name| !setting.default.contains(**name));
                Given::Choice(other.unwrap())
            }
            Kind::Texts => Given::Texts(vec!["unusual".to_owned()]),
            Kind::Pairs => Given::Pairs(vec![("unusual".to_owned(), "value".to_owned())]),
        }
    }

    fn shown(given: &BTreeMap<&'static str, Given>) -> String {
        let applied = Applied(given);
        let builder = applied.builder().unwrap();
        let dead_letters = match &builder.dead_letters {
            crate::handler::DeadLetters::File(path, most) => format!("{path:?} {most}"),
            _ => String::new(),
        };
        let switches = (builder.announce_drops, builder.context_ids);
        #[cfg(feature = "spool")]
        let spool = &builder.spool;
        #[cfg(not(feature = "spool"))]
        let spool = ();
        #[cfg(feature = "tracing")]
        let spans = applied.spans();
        #[cfg(not(feature = "tracing"))]
        let spans = given.get("spans");
        format!("{builder:?} {dead_letters} {switches:?} {spool:?} {spans:?}")
    }

    /// Settings that matter only beside another one.
    fn companion(key: &str) -> Vec<(&'static str, Given)> {
        let text = |text: &str| Given::Text(text.to_owned());
        match key {
            "access_key_id" | "security_token" => vec![
                ("access_key_id", text("id")),
                ("access_key_secret", Given::Secret("s".to_owned())),
            ],
            "access_key_secret" => vec![("access_key_id", text("id"))],
            "dead_letter_bytes" => vec![("dead_letter_file", text("dead"))],
            "spool_bytes" | "spool_fsync" | "spool_fsync_interval" => {
                vec![("spool", text("folder"))]
            }
            "full_wait" => vec![("when_full", Given::Choice("wait"))],
            "region" => vec![("auth_version", Given::Choice("v4"))],
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_setting_changes_the_handler() {
        for setting in SETTINGS {
            if cfg!(not(feature = "spool")) && setting.key.starts_with("spool") {
                continue;
            }
            let before = companion(setting.key).into_iter().collect();
            let mut after: BTreeMap<_, _> = companion(setting.key).into_iter().collect();
            after.insert(setting.key, unusual(setting));
            assert_ne!(shown(&before), shown(&after), "{}", setting.key);
            assert!(!shown(&after).contains("Secret"), "{}", setting.key);
        }
    }

    #[cfg(not(feature = "spool"))]
    #[test]
    fn a_spool_needs_its_feature() {
        let given = BTreeMap::from([("spool", Given::Text("folder".to_owned()))]);
        let error = Applied(&given).builder().unwrap_err();
        assert_eq!(error.to_string(), "spool cannot be used");
    }

    #[cfg(feature = "spool")]
    #[test]
    fn with_a_spool_what_has_no_room_moves_to_disk_before_it_waits_or_is_dropped() {
        let second = Duration::from_secs(1);
        for (choice, policy) in [
            (None, Overflow::Spill(Duration::ZERO)),
            (Some("drop_newest"), Overflow::Spill(Duration::ZERO)),
            (Some("wait"), Overflow::Spill(second)),
            (Some("drop_oldest"), Overflow::DropOldest),
        ] {
            let mut given = BTreeMap::from([
                ("spool", Given::Text("folder".to_owned())),
                ("full_wait", Given::Time(second)),
            ]);
            given.extend(choice.map(|choice| ("when_full", Given::Choice(choice))));
            let builder = Applied(&given).builder().unwrap();
            assert_eq!(builder.overflow_policy(), policy, "{choice:?}");
        }
    }

    #[test]
    fn nothing_given_is_the_handlers_own_default() {
        let none = BTreeMap::new();
        let plain = Handler::builder().credentials_provider(EnvCredentials);
        let builder = Applied(&none).builder().unwrap();
        assert_eq!(format!("{builder:?}"), format!("{plain:?}"));
    }
}
