use crate::extract::Extraction;
use crate::field::{Field, FieldName, FieldNaming};
use crate::level::LevelNames;
use crate::redaction::Redaction;

/// What a record looks like when it is uploaded.
///
/// The options and their defaults are those of the official handler, under the same names.
///
/// ```
/// use sls_logging::{Field, RecordFormat};
///
/// let format = RecordFormat::new()
///     .with_fields([Field::Level, Field::FuncName, Field::Module, Field::LineNo])
///     .with_extract_json(true)
///     .with_extract_json_prefix("json_");
/// # let names = RecordFormat::new().with_fields(["level", "func_name", "module", "line_no"]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct RecordFormat {
    pub(crate) naming: FieldNaming,
    pub(crate) level_names: LevelNames,
    pub(crate) fields: Vec<Field>,
    pub(crate) extra_names: Vec<String>,
    pub(crate) extra: bool,
    pub(crate) prefix: String,
    pub(crate) suffix: String,
    pub(crate) skip_message: bool,
    pub(crate) root_field: Option<String>,
    pub(crate) json: Extraction,
    pub(crate) key_value: Extraction,
    pub(crate) separator: String,
    pub(crate) redaction: Redaction,
}

impl Default for RecordFormat {
    fn default() -> Self {
        Self::new()
    }
}

impl RecordFormat {
    /// The message, the ten fields of [`Field::DEFAULT`] and every extra field.
    pub fn new() -> Self {
        Self {
            naming: FieldNaming::default(),
            level_names: LevelNames::default(),
            fields: Field::DEFAULT.to_vec(),
            extra_names: Vec::new(),
            extra: true,
            prefix: String::new(),
            suffix: String::new(),
            skip_message: false,
            root_field: None,
            json: Extraction::default(),
            key_value: Extraction::default(),
            separator: "=".to_owned(),
            redaction: Redaction::new(),
        }
    }

    /// Sets which fields are uploaded beside the message. Default: [`Field::DEFAULT`].
    ///
    /// A name that is none of [`Field`]'s stands for an extra field of that name; see
    /// [`with_extra`](Self::with_extra). An empty list leaves the message alone.
    pub fn with_fields<F: Into<FieldName>>(mut self, fields: impl IntoIterator<Item = F>) -> Self {
        self.fields.clear();
        self.extra_names.clear();
        for name in fields {
            match name.into() {
                FieldName::Known(field) if !self.fields.contains(&field) => self.fields.push(field),
                FieldName::Extra(name) if !self.extra_names.contains(&name) => {
                    self.extra_names.push(name);
                }
                _ => {}
            }
        }
        self
    }

    /// Sets whose names for the fields are uploaded. Default: the documented ones.
    #[doc(alias = "python_compat")]
    pub fn with_naming(mut self, naming: FieldNaming) -> Self {
        self.naming = naming;
        self
    }

    /// Sets how levels are spelled. Default: as the official handler does.
    pub fn with_level_names(mut self, names: LevelNames) -> Self {
        self.level_names = names;
        self
    }

    /// Sets whether fields that came with a record or its spans are uploaded. Default: all.
    ///
    /// When off, only those are that [`with_fields`](Self::with_fields) names. An extra field
    /// with the name of one of the handler's own, or called `message`, is never uploaded.
    #[doc(alias = "extra")]
    pub fn with_extra(mut self, extra: bool) -> Self {
        self.extra = extra;
        self
    }

    /// Sets what is put before the names of the message, the handler's fields and extra
    /// fields. Default: nothing.
    #[doc(alias = "buildin_fields_prefix")]
    pub fn with_builtin_fields_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets what is put behind the same names. Default: nothing.
    #[doc(alias = "buildin_fields_suffix")]
    pub fn with_builtin_fields_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.suffix = suffix.into();
        self
    }

    /// Sets whether the members of a message that is a JSON object become fields.
    /// Default: no.
    ///
    /// A member that is `null` becomes empty text, and a list or an object its JSON text.
    /// Names get the prefix and suffix for JSON and not those of the handler's fields. JSON
    /// goes before key=value pairs, which are not looked for in a message that is an object.
    #[doc(alias = "extract_json")]
    pub fn with_extract_json(mut self, extract: bool) -> Self {
        self.json.on = extract;
        self
    }

    /// Sets whether a message from which at least one member was taken is left out.
    /// Default: no.
    #[doc(alias = "extract_json_drop_message")]
    pub fn with_extract_json_drop_message(mut self, drop: bool) -> Self {
        self.json.drop_message = drop;
        self
    }

    /// Sets what is put before the names of members. Default: nothing.
    #[doc(alias = "extract_json_prefix")]
    pub fn with_extract_json_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.json.prefix = prefix.into();
        self
    }

    /// Sets what is put behind the names of members. Default: nothing.
    #[doc(alias = "extract_json_suffix")]
    pub fn with_extract_json_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.json.suffix = suffix.into();
        self
    }

    /// Sets whether `key=value` pairs in the message become fields. Default: no.
    ///
    /// Keys and values are made of letters, digits, `_`, `.` and `-`; a value in double
    /// quotes may hold anything but a quote. The official handler looks at the message before
    /// its arguments are filled in; here it has been written in full.
    #[doc(alias = "extract_kv")]
    pub fn with_extract_kv(mut self, extract: bool) -> Self {
        self.key_value.on = extract;
        self
    }

    /// Sets whether a message from which at least one pair was taken is left out.
    /// Default: no.
    #[doc(alias = "extract_kv_drop_message")]
    pub fn with_extract_kv_drop_message(mut self, drop: bool) -> Self {
        self.key_value.drop_message = drop;
        self
    }

    /// Sets what is put before the keys of pairs. Default: nothing.
    #[doc(alias = "extract_kv_prefix")]
    pub fn with_extract_kv_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.key_value.prefix = prefix.into();
        self
    }

    /// Sets what is put behind the keys of pairs. Default: nothing.
    #[doc(alias = "extract_kv_suffix")]
    pub fn with_extract_kv_suffix(mut self, suffix: impl Into<String>) -> Self {
        self.key_value.suffix = suffix.into();
        self
    }

    /// Sets what is between key and value, a piece of a regular expression. Default: `=`,
    /// also when it is empty.
    #[doc(alias = "extract_kv_sep")]
    pub fn with_extract_kv_sep(mut self, separator: impl Into<String>) -> Self {
        let separator = separator.into();
        self.separator = match separator.as_str() {
            "" => "=".to_owned(),
            _ => separator,
        };
        self
    }

    /// Sets whether the message is left out of every record. Default: no.
    #[doc(alias = "skip_message")]
    pub fn with_skip_message(mut self, skip: bool) -> Self {
        self.skip_message = skip;
        self
    }

    /// Uploads the message and the handler's fields as one JSON object under this key.
    /// Default: each has its own field. An empty key means the default.
    ///
    /// Extra and extracted fields keep their own.
    #[doc(alias = "built_in_root_field")]
    pub fn with_built_in_root_field(mut self, key: impl Into<String>) -> Self {
        let key = key.into();
        self.root_field = (!key.is_empty()).then_some(key);
        self
    }

    /// Sets the rules about what must not leave the process. Default: none.
    pub fn with_redaction(mut self, redaction: Redaction) -> Self {
        self.redaction = redaction;
        self
    }
}
