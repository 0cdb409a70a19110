//! `parse-csv`: fields from separated values.

use std::borrow::Cow;

use crate::ast::{Choice, Ident};
use crate::compile::{Choices, Compiler, unescape_delimiter};
use crate::error::Fault;
use crate::eval::{Context, State};
use crate::names::FieldId;
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct Csv {
    field: FieldId,
    delimiter: String,
    quote: Option<char>,
    strict: bool,
    pub(super) outputs: Vec<FieldId>,
}

impl Csv {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        field: &Ident,
        outputs: &[Ident],
    ) -> Result<Self, Fault> {
        let choices = Choices::new(options, &["strict"], &["delim", "quote"])?;
        super::distinct(outputs)?;
        let mut delimiter = ",".to_owned();
        if let Some(literal) = choices.value("delim") {
            delimiter = unescape_delimiter(literal)?;
            if !delimiter.is_ascii() || !(1..=3).contains(&delimiter.len()) {
                return Err(Fault::semantic(
                    literal.span,
                    "-delim must be 1 to 3 ASCII characters",
                ));
            }
        }
        let mut quote = None;
        if let Some(literal) = choices.value("quote") {
            let text = unescape_delimiter(literal)?;
            let mut chars = text.chars();
            quote = chars.next();
            let problem = if !text.is_ascii() || quote.is_none() || chars.next().is_some() {
                Some("-quote must be one ASCII character")
            } else if delimiter.len() > 1 {
                Some("-quote needs a -delim of one character")
            } else if delimiter == text {
                Some("-quote and -delim must differ")
            } else {
                None
            };
            if let Some(problem) = problem {
                return Err(Fault::semantic(literal.span, problem));
            }
        }
        let field = compiler.read(&field.name);
        let outputs: Vec<FieldId> = outputs.iter().map(|o| compiler.write(&o.name)).collect();
        for id in &outputs {
            compiler.scope.maybe_text(*id);
        }
        Ok(Self {
            field,
            delimiter,
            quote,
            strict: choices.has("strict"),
            outputs,
        })
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        let Some(text) = super::text_of(row, self.field, cx) else {
            return;
        };
        if self.strict && self.values(text).count() != self.outputs.len() {
            return;
        }
        for (output, value) in self.outputs.iter().zip(self.values(text)) {
            let value = match value {
                Cow::Borrowed(part) => Value::Text(part.as_bytes()),
                Cow::Owned(part) => cx.text(&part),
            };
            row.extract_to(*output, value);
        }
    }

    fn values<'t>(&'t self, text: &'t str) -> Values<'t> {
        Values {
            rest: Some(text),
            delimiter: &self.delimiter,
            quote: self.quote,
        }
    }
}

struct Values<'t> {
    rest: Option<&'t str>,
    delimiter: &'t str,
    quote: Option<char>,
}

impl<'t> Iterator for Values<'t> {
    type Item = Cow<'t, str>;

    fn next(&mut self) -> Option<Cow<'t, str>> {
        let text = self.rest?;
        if let Some(quote) = self.quote {
            if let Some(inner) = text.strip_prefix(quote) {
                return Some(self.quoted(inner, quote));
            }
        }
        match text.split_once(self.delimiter) {
            Some((value, rest)) => {
                self.rest = Some(rest);
                Some(Cow::Borrowed(value))
            }
            None => {
                self.rest = None;
                Some(Cow::Borrowed(text))
            }
        }
    }
}

impl<'t> Values<'t> {
    /// A value whose quote has been read; text after its closing quote belongs to it.
    fn quoted(&mut self, inner: &'t str, quote: char) -> Cow<'t, str> {
        let mut value: Cow<'t, str> = Cow::Borrowed("");
        let mut rest = inner;
        loop {
            let Some((part, after)) = rest.split_once(quote) else {
                // Never closed: the value takes all there is.
                self.rest = None;
                value += rest;
                return value;
            };
            value += part;
            match after.strip_prefix(quote) {
                Some(after) => {
                    value.to_mut().push(quote);
                    rest = after;
                }
                None => {
                    rest = after;
                    break;
                }
            }
        }
        match rest.split_once(self.delimiter) {
            Some((tail, after)) => {
                self.rest = Some(after);
                value += tail;
            }
            None => {
                self.rest = None;
                value += rest;
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, quote: Option<char>, want: &[&str]) {
        let values = Values {
            rest: Some(text),
            delimiter: ",",
            quote,
        };
        assert_eq!(values.collect::<Vec<_>>(), want);
    }

    #[test]
    fn quotes_open_only_at_the_start_of_a_value() {
        check("\"a,b\",c", Some('"'), &["a,b", "c"]);
        check("a\"b,c\"", Some('"'), &["a\"b", "c\""]);
        check("\"a\"\"b\"x,c", Some('"'), &["a\"bx", "c"]);
        check("\"a,b", Some('"'), &["a,b"]);
        check("\"a,b\"", None, &["\"a", "b\""]);
        check("", None, &[""]);
        check(",", None, &["", ""]);
    }
}
