use std::fmt::Write as _;

use crate::error::Error;
use crate::secret_end::secret_end;
use regex::{NoExpand, Regex, RegexBuilder};

/// The most rules of one [`Redaction`].
pub const MAX_RULES: usize = 64;

/// What a compiled pattern may take, in bytes.
const PATTERN_BYTES: usize = 1 << 20;

/// Rules about what must not leave the process.
///
/// They are applied while a record is encoded on the caller's thread, before it is queued,
/// spooled or shown to anybody. The time a rule takes grows with the length of the text and
/// with nothing else: the patterns cannot backtrack.
///
/// - [`key`](Self::key) hides the whole value of a field, be it one that came with the record
///   or its spans, or one extracted from the message. In the message and in the values of other
///   fields it hides members of JSON, at any depth and in JSON inside its texts, and what follows
///   the name and `=` or `:`: a word, a value in quotes, which may be escaped, or a list or an
///   object. One that does not end, as in a text that was cut, hides the rest of the text.
/// - [`pattern`](Self::pattern) replaces what a regular expression finds in the message and
///   in the values of such fields.
///
/// The handler's own fields (level, file, thread, ..) are not touched.
///
/// ```
/// use sls_logging::Redaction;
///
/// let redaction = Redaction::new()
///     .key("password")?
///     .pattern(r"\b\d{13,19}\b", "<card>")?;
/// # Ok::<(), sls_logging::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Redaction {
    keys: Vec<Key>,
    patterns: Vec<(Regex, String)>,
}

/// A name whose values are hidden.
#[derive(Debug, Clone)]
struct Key {
    name: String,
    /// The name in a text, and what is between it and its value.
    in_text: Regex,
}

impl Key {
    fn new(name: &str) -> Result<Self, regex::Error> {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        // Only as a whole word, where the name is one.
        let start = if name.starts_with(is_word) {
            r"(?:\b|\\[nrt])"
        } else {
            ""
        };
        let name_in_text = regex::escape(name);
        let in_text = format!(r#"(?i){start}{name_in_text}\\*["']?\s*(?:=>|:=|==|[:=])\s*"#);
        Ok(Self {
            name: name.to_owned(),
            in_text: RegexBuilder::new(&in_text)
                .size_limit(PATTERN_BYTES)
                .build()?,
        })
    }

    /// The text with the values hidden, if there are any.
    fn hide(&self, text: &str) -> Option<String> {
        let mut out: Option<String> = None;
        let (mut done, mut at) = (0, 0);
        while let Some(found) = self.in_text.find_at(text, at) {
            let start = found.end();
            at = start + secret_end(&text[start..]);
            if at > start {
                let out = out.get_or_insert_default();
                out.push_str(&text[done..start]);
                out.push_str(HIDDEN);
                done = at;
            }
        }
        let mut out = out?;
        out.push_str(&text[done..]);
        Some(out)
    }
}

/// What is uploaded instead of a hidden value.
const HIDDEN: &str = "***";

impl Redaction {
    /// No rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Uploads `***` instead of the value of every field of that name, in any case.
    ///
    /// # Errors
    /// [`Error::Redaction`] when there are [`MAX_RULES`] already, or the name is empty.
    pub fn key(mut self, name: &str) -> Result<Self, Error> {
        if name.is_empty() {
            return Err(Error::redaction(name, "an empty name matches nothing"));
        }
        self.room_for(name)?;
        let key = Key::new(name).map_err(|cause| Error::redaction(name, cause))?;
        self.keys.push(key);
        Ok(self)
    }

    /// Uploads `replacement` instead of what the regular expression finds.
    ///
    /// The syntax is that of the crate `regex`; the replacement is taken literally.
    ///
    /// # Errors
    /// [`Error::Redaction`] when the expression is broken or too large, or there are
    /// [`MAX_RULES`] already.
    pub fn pattern(mut self, pattern: &str, replacement: &str) -> Result<Self, Error> {
        self.room_for(pattern)?;
        let regex = RegexBuilder::new(pattern)
            .size_limit(PATTERN_BYTES)
            .dfa_size_limit(PATTERN_BYTES)
            .build()
            .map_err(|cause| Error::redaction(pattern, cause))?;
        self.patterns.push((regex, replacement.to_owned()));
        Ok(self)
    }

    fn room_for(&self, rule: &str) -> Result<(), Error> {
        if self.keys.len() + self.patterns.len() < MAX_RULES {
            return Ok(());
        }
        Err(Error::redaction(rule, "too many rules"))
    }

    /// Whether there is nothing to do.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.patterns.is_empty()
    }

    /// Whether the values of such a field are hidden.
    pub(crate) fn hides(&self, name: &str) -> bool {
        self.keys
            .iter()
            .any(|key| key.name.eq_ignore_ascii_case(name))
    }

    /// What to upload instead of `value`, the value of the field `name`; `scratch` holds it
    /// when it is neither.
    pub(crate) fn value<'a>(&self, name: &str, value: &'a str, scratch: &'a mut String) -> &'a str {
        if self.hides(name) {
            return HIDDEN;
        }
        self.message(value, scratch)
    }

    /// What to upload instead of a message.
    pub(crate) fn message<'a>(&self, text: &'a str, scratch: &'a mut String) -> &'a str {
        let changed = self.may_name_a_key(text) && self.hide_keys(text, scratch);
        if !changed {
            if !self.patterns.iter().any(|(regex, _)| regex.is_match(text)) {
                return text;
            }
            scratch.clear();
            scratch.push_str(text);
        }
        self.text_in_place(scratch)
    }

    /// Writes the text without the values of hidden keys; says whether there were any.
    fn hide_keys(&self, text: &str, out: &mut String) -> bool {
        if text.trim_ascii_start().starts_with(['{', '[']) {
            if let Ok(mut value) = serde_json::from_str(text) {
                let hidden = self.hide_in(&mut value);
                if hidden {
                    out.clear();
                    let _ = write!(out, "{value}");
                }
                return hidden;
            }
        }
        let mut changed = false;
        for key in &self.keys {
            let so_far = if changed { out.as_str() } else { text };
            if let Some(hidden) = key.hide(so_far) {
                *out = hidden;
                changed = true;
            }
        }
        changed
    }

    fn hidden_keys(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        (self.may_name_a_key(text) && self.hide_keys(text, &mut out)).then_some(out)
    }

    fn text_in_place<'a>(&self, text: &'a mut String) -> &'a str {
        for (regex, replacement) in &self.patterns {
            if regex.is_match(text) {
                *text = regex.replace_all(text, NoExpand(replacement)).into_owned();
            }
        }
        text
    }

    /// Whether a closer look is worth it: a hidden name, or an escape that may spell one, occurs.
    fn may_name_a_key(&self, text: &str) -> bool {
        self.keys.iter().any(|key| {
            let name = key.name.as_bytes();
            text.as_bytes()
                .windows(name.len())
                .any(|window| window.eq_ignore_ascii_case(name))
        }) || (!self.keys.is_empty() && text.contains('\\'))
    }

    fn hide_in(&self, value: &mut serde_json::Value) -> bool {
        match value {
            serde_json::Value::Object(members) => {
                let mut hidden = false;
                let mut renamed = Vec::new();
                for (name, value) in members.iter_mut() {
                    if self.hides(name) {
                        *value = HIDDEN.into();
                        hidden = true;
                    } else {
                        hidden |= self.hide_in(value);
                        renamed.extend(self.hidden_keys(name).map(|new| (name.clone(), new)));
                    }
                }
                for (name, mut new) in renamed {
                    while members.contains_key(&new) {
                        new.push('*');
                    }
                    if let Some(value) = members.remove(&name) {
                        members.insert(new, value);
                    }
                    hidden = true;
                }
                hidden
            }
            serde_json::Value::String(text) => match self.hidden_keys(text) {
                Some(hidden) => {
                    *text = hidden;
                    true
                }
                None => false,
            },
            serde_json::Value::Array(items) => items
                .iter_mut()
                .fold(false, |hidden, item| self.hide_in(item) | hidden),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Redaction {
        Redaction::new()
            .key("Password")
            .and_then(|rules| rules.pattern(r"\b\d{13,19}\b", "$<card>"))
            .unwrap()
    }

    #[track_caller]
    fn check(name: &str, value: &str, want: &str) {
        assert_eq!(rules().value(name, value, &mut String::new()), want);
    }

    #[test]
    fn a_hidden_key_hides_its_value_in_any_case() {
        check("password", "hunter2", "***");
        check("PASSWORD", "", "***");
        check("passwords", "two", "two");
    }

    #[test]
    fn every_find_is_replaced_literally() {
        check(
            "n",
            "4111111111111111 and 5500000000000004!",
            "$<card> and $<card>!",
        );
        check("n", "12345", "12345");
    }

    #[test]
    fn hidden_members_are_hidden_at_any_depth() {
        check(
            "body",
            r#"{"a":[{"password":"x"}],"b":1}"#,
            r#"{"a":[{"password":"***"}],"b":1}"#,
        );
        // The name is spelled with an escape.
        check("body", r#"{"p\u0061ssword":"x"}"#, r#"{"password":"***"}"#);
        let text = r#"{"user":"4111111111111111","password":{"deep":1}}"#;
        let mut scratch = String::new();
        assert_eq!(
            rules().message(text, &mut scratch),
            r#"{"password":"***","user":"$<card>"}"#
        );
    }

    #[test]
    fn text_that_only_looks_like_json_is_left_as_it_is() {
        check("body", "{password", "{password");
        check("body", "passwords=two", "passwords=two");
        check("body", r#"{"other": 1.50}"#, r#"{"other": 1.50}"#);
    }

    #[test]
    fn in_plain_text_what_follows_a_hidden_name_is_hidden() {
        check(
            "m",
            "user=bob password=hunter2, n=1",
            "user=bob password=***, n=1",
        );
        check("m", r#"Password: "two words" n=1"#, "Password: *** n=1");
        check("m", r#"password="a\"b" n=1"#, "password=*** n=1");
        check("url", "/login?password=x&n=1", "/login?password=***&n=1");
        // What HTTP has in front of a secret is not the secret.
        check("m", "password: Bearer abc.def n=1", "password: *** n=1");
        // JSON behind a prefix, before a trace, and cut.
        check("m", r#"INFO {"password":"x"}"#, r#"INFO {"password":***}"#);
        check(
            "m",
            "{\"password\":\"x\"}\ntrace",
            "{\"password\":***}\ntrace",
        );
        check("m", r#"{"password":"x","#, r#"{"password":***,"#);
    }

    #[test]
    fn in_the_texts_of_json_hidden_names_are_found_too() {
        check(
            "m",
            r#"{"url":"/login?password=hunter2&n=1"}"#,
            r#"{"url":"/login?password=***&n=1"}"#,
        );
        check(
            "m",
            r#"{"body":"{\"password\":\"hunter2\"}"}"#,
            r#"{"body":"{\"password\":\"***\"}"}"#,
        );
        check("m", r#"["password=hunter2"]"#, r#"["password=***"]"#);
        check("m", r#"["p\u0061ssword=hunter2"]"#, r#"["password=***"]"#);
        // In a name; none of two is lost.
        check(
            "m",
            r#"{"/?password=a":1,"/?password=b":2}"#,
            r#"{"/?password=***":1,"/?password=****":2}"#,
        );
        check("m", r#"{"url":"/?n=1.50"}"#, r#"{"url":"/?n=1.50"}"#);
    }

    #[test]
    fn in_plain_text_a_whole_list_and_a_text_inside_a_text_are_hidden() {
        check(
            "m",
            r#"x {"password":["hunter2","hunter3"],"n":1}"#,
            r#"x {"password":***,"n":1}"#,
        );
        check(
            "m",
            r#"x body="{\"password\":\"two words\",\"n\":1}""#,
            r#"x body="{\"password\":***,\"n\":1}""#,
        );
        check("m", r#"x "a\npassword=hunter2""#, r#"x "a\npassword=***"#);
        check(
            "m",
            r#"User { password: Some("two words"), n: 1 }"#,
            "User { password: ***, n: 1 }",
        );
        check("m", r#""password"=>"two words" n"#, r#""password"=>*** n"#);
        check("m", r#"{"password":"two wor"#, r#"{"password":***"#);
        check("m", "password= password=x", "password= ***");
        check("url", "?password=&n=1", "?password=&n=1");
    }

    #[test]
    fn a_broken_or_endless_rule_is_refused() {
        assert!(Redaction::new().pattern("(", "").is_err());
        assert!(Redaction::new().pattern(r"(\w{1000}){1000}", "").is_err());
        assert!(Redaction::new().key("").is_err());
        let mut rules = Redaction::new();
        for index in 0..MAX_RULES {
            rules = rules.key(&format!("k{index}")).unwrap();
        }
        assert!(rules.key("more").is_err());
    }
}
