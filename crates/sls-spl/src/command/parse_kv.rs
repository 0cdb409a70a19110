//! `parse-kv`: fields from pairs of a key and a value in a text.

use std::collections::HashMap;

use regex::bytes::Regex;

use crate::ast::{Choice, Ident, Literal};
use crate::compile::{Choices, Compiler, unescape_delimiter};
use crate::error::{Fault, Span};
use crate::eval::{Context, State};
use crate::names::FieldId;
use crate::re2;
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct KeyValues {
    field: FieldId,
    form: Form,
    preserve: bool,
    pub(super) prefix: String,
}

#[derive(Debug)]
enum Form {
    Delimiters {
        delimiter: String,
        separator: String,
        greedy: bool,
    },
    Pattern(Regex),
    /// Any character of the set ends a pair; quotes around a value are dropped.
    Set {
        delimiters: Vec<char>,
        separator: String,
        quote: char,
    },
}

impl KeyValues {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        field: &Ident,
        strings: &[Literal],
    ) -> Result<Self, Fault> {
        let choices = Choices::new(
            options,
            &["greedy", "regexp"],
            &["mode", "prefix", "delims", "kv-sep", "quotes"],
        )?;
        let old = ["delims", "kv-sep", "quotes"]
            .iter()
            .any(|name| choices.has(name));
        let mixed = [old, choices.has("regexp"), choices.has("greedy")];
        if mixed.iter().filter(|given| **given).count() > 1 {
            return Err(Fault::semantic(
                options.first().map_or(field.span, |option| option.span),
                "these options belong to different forms of parse-kv",
            ));
        }
        let form = if choices.has("regexp") {
            Self::pattern(field.span, strings)?
        } else if old {
            Self::set(&choices, strings)?
        } else {
            Self::delimiters(&choices, field.span, strings)?
        };
        let prefix = choices.prefix();
        let preserve = choices.preserves()?;
        let field = compiler.read(&field.name);
        let names = compiler.names().clone();
        compiler.scope.maybe_text_all(&prefix, &names);
        Ok(Self {
            field,
            form,
            preserve,
            prefix,
        })
    }

    fn pattern(span: Span, strings: &[Literal]) -> Result<Form, Fault> {
        let [pattern] = strings else {
            return Err(Fault::semantic(span, "parse-kv -regexp takes one pattern"));
        };
        let regex = re2::compile(&pattern.text).map_err(|reason| {
            Fault::semantic(pattern.span, format!("bad regular expression: {reason}"))
        })?;
        if regex.captures_len() != 3 {
            return Err(Fault::semantic(
                pattern.span,
                "the pattern of parse-kv needs two groups, for the key and the value",
            ));
        }
        Ok(Form::Pattern(regex))
    }

    fn set(choices: &Choices<'_>, strings: &[Literal]) -> Result<Form, Fault> {
        if let Some(first) = strings.first() {
            return Err(Fault::semantic(
                first.span,
                "parse-kv takes its delimiters as options or as arguments, not both",
            ));
        }
        let delimiters: Vec<char> = match choices.value("delims") {
            Some(literal) => {
                let spaced = Literal {
                    text: literal.text.replace("\\s", " "),
                    span: literal.span,
                };
                let set = unescape_delimiter(&spaced)?;
                if set.is_empty() {
                    return Err(Fault::semantic(literal.span, "-delims is empty"));
                }
                set.chars().collect()
            }
            None => vec![' ', '\t', '\n'],
        };
        let separator = match choices.value("kv-sep") {
            Some(literal) => separator(literal)?,
            None => "=".to_owned(),
        };
        let quote = match choices.value("quotes") {
            Some(literal) => {
                let mut chars = literal.text.chars();
                match (chars.next(), chars.next()) {
                    (Some(quote), None) => quote,
                    _ => {
                        return Err(Fault::semantic(
                            literal.span,
                            "-quotes must be one character",
                        ));
                    }
                }
            }
            None => '"',
        };
        Ok(Form::Set {
            delimiters,
            separator,
            quote,
        })
    }

    fn delimiters(choices: &Choices<'_>, span: Span, strings: &[Literal]) -> Result<Form, Fault> {
        let [delimiter, kv] = strings else {
            return Err(Fault::semantic(
                span,
                "parse-kv needs a delimiter and a key-value separator",
            )
            .hint("write parse-kv field, '&', '='"));
        };
        let (delimiter, separator) = (separator(delimiter)?, separator(kv)?);
        if delimiter.contains(&separator) || separator.contains(&delimiter) {
            return Err(Fault::semantic(
                kv.span,
                "neither separator of parse-kv may contain the other",
            ));
        }
        Ok(Form::Delimiters {
            delimiter,
            separator,
            greedy: choices.has("greedy"),
        })
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        let Some(text) = super::text_of(row, self.field, cx) else {
            return;
        };
        let mut pairs = Pairs::default();
        match &self.form {
            Form::Delimiters {
                delimiter,
                separator,
                greedy: false,
            } => {
                for piece in text.split(delimiter.as_str()) {
                    pairs.piece(piece, separator);
                    if !cx.holds_another(&pairs.list) {
                        return;
                    }
                }
            }
            Form::Delimiters {
                delimiter,
                separator,
                greedy: true,
            } => greedy(text, delimiter, separator, &mut pairs),
            Form::Pattern(regex) => {
                let mut from = 0;
                for captures in regex.captures_iter(text.as_bytes()) {
                    // A search may read all that is left to find a short match.
                    if !cx.work(text.len() - from) || !cx.holds_another(&pairs.list) {
                        return;
                    }
                    from = captures.get(0).map_or(from, |whole| whole.end());
                    // Only an empty group can stand inside a character.
                    let part = |group| {
                        let range = captures.get(group).map(|m| m.range());
                        range.and_then(|range| text.get(range)).unwrap_or("")
                    };
                    pairs.add(part(1), part(2));
                }
            }
            Form::Set {
                delimiters,
                separator,
                quote,
            } => set(text, delimiters, separator, *quote, &mut pairs),
        }
        for (key, value) in pairs.list {
            cx.step();
            if cx.stopped().is_some() {
                return;
            }
            let name = if self.prefix.is_empty() {
                key
            } else {
                cx.read(match cx.text(&format!("{}{key}", self.prefix)) {
                    Value::Text(name) => name,
                    _ => return,
                })
            };
            row.extract(name, Value::Text(value.as_bytes()), self.preserve);
        }
    }
}

/// A separator of 1 to 5 characters.
fn separator(literal: &Literal) -> Result<String, Fault> {
    let text = unescape_delimiter(literal)?;
    if (1..=5).contains(&text.chars().count()) {
        return Ok(text);
    }
    Err(Fault::semantic(
        literal.span,
        "a separator of parse-kv must be 1 to 5 characters",
    ))
}

/// The pairs found so far; the last of several with one key wins.
#[derive(Debug, Default)]
struct Pairs<'t> {
    list: Vec<(&'t str, &'t str)>,
    places: HashMap<&'t str, usize>,
}

impl<'t> Pairs<'t> {
    /// A pair with a trimmed key; an empty key is none.
    fn add(&mut self, key: &'t str, value: &'t str) {
        let key = key.trim();
        if key.is_empty() {
            return;
        }
        match self.places.get(key) {
            Some(place) => self.list[*place].1 = value,
            None => {
                self.places.insert(key, self.list.len());
                self.list.push((key, value));
            }
        }
    }

    fn piece(&mut self, piece: &'t str, separator: &str) {
        if let Some((key, value)) = piece.split_once(separator) {
            self.add(key, value);
        }
    }
}

/// A value runs until a delimiter that is followed by a key and a separator.
fn greedy<'t>(text: &'t str, delimiter: &str, separator: &str, pairs: &mut Pairs<'t>) {
    let mut current: Option<(&'t str, usize)> = None;
    let mut from = 0;
    loop {
        if let Some((key, value_at)) = key_at(&text[from..], delimiter, separator) {
            if let Some((key, start)) = current {
                pairs.add(key, &text[start..from - delimiter.len()]);
            }
            current = Some((key, from + value_at));
            from += value_at;
        }
        match text[from..].find(delimiter) {
            Some(at) => from += at + delimiter.len(),
            None => break,
        }
    }
    if let Some((key, start)) = current {
        pairs.add(key, &text[start..]);
    }
}

/// A key at the start of `text` and where its value starts.
fn key_at<'t>(text: &'t str, delimiter: &str, separator: &str) -> Option<(&'t str, usize)> {
    let end = text.find(delimiter).unwrap_or(text.len());
    let (key, _) = text[..end].split_once(separator)?;
    let trimmed = key.trim();
    if trimmed.is_empty() || trimmed.contains(char::is_whitespace) {
        return None;
    }
    Some((trimmed, key.len() + separator.len()))
}

/// The old form: one of several characters ends a pair, unless it stands inside quotes.
fn set<'t>(
    text: &'t str,
    delimiters: &[char],
    separator: &str,
    quote: char,
    pairs: &mut Pairs<'t>,
) {
    let mut rest = text;
    loop {
        let end = rest.find(delimiters).unwrap_or(rest.len());
        let mut used = end;
        match rest[..end].split_once(separator) {
            None => {}
            Some((key, value)) => {
                let value_at = key.len() + separator.len();
                match quoted(&rest[value_at..], delimiters, quote) {
                    Some(inner) => {
                        used = value_at + inner.len() + 2 * quote.len_utf8();
                        pairs.add(key, inner);
                    }
                    None => pairs.add(key, value),
                }
            }
        }
        let Some(delimiter) = rest[used..].chars().next() else {
            return;
        };
        rest = &rest[used + delimiter.len_utf8()..];
    }
}

/// The inside of a quoted value that ends at a delimiter or at the end.
fn quoted<'t>(text: &'t str, delimiters: &[char], quote: char) -> Option<&'t str> {
    let inner = text.strip_prefix(quote)?;
    let (value, after) = inner.split_once(quote)?;
    (after.is_empty() || after.starts_with(delimiters)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greedy_values_keep_delimiters_that_start_no_pair() {
        let mut pairs = Pairs::default();
        greedy("x,a=1,2, 3,b=4 5,c d=6,e=", ",", "=", &mut pairs);
        assert_eq!(pairs.list, [("a", "1,2, 3"), ("b", "4 5,c d=6"), ("e", "")]);
    }

    #[test]
    fn old_form_drops_quotes_around_values() {
        let mut pairs = Pairs::default();
        set("a=\"x y\" b=2  c=\"d e=f", &[' '], "=", '"', &mut pairs);
        assert_eq!(
            pairs.list,
            [("a", "x y"), ("b", "2"), ("c", "\"d"), ("e", "f")]
        );
    }
}
