//! `parse-regexp`: fields from the groups of the first match.

use regex::bytes::Regex;

use crate::ast::{Choice, Ident, Literal};
use crate::compile::{Choices, Compiler};
use crate::error::Fault;
use crate::eval::{Context, State};
use crate::names::FieldId;
use crate::re2;
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct Regexp {
    field: FieldId,
    regex: Regex,
    pub(super) outputs: Vec<FieldId>,
}

impl Regexp {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        field: &Ident,
        pattern: &Literal,
        outputs: &[Ident],
    ) -> Result<Self, Fault> {
        Choices::new(options, &[], &[])?;
        super::distinct(outputs)?;
        let regex = re2::compile(&pattern.text).map_err(|reason| {
            Fault::semantic(pattern.span, format!("bad regular expression: {reason}"))
        })?;
        let groups = regex.captures_len() - 1;
        if let Some(surplus) = outputs.get(groups) {
            return Err(Fault::semantic(
                surplus.span,
                format!("{} outputs for {groups} groups", outputs.len()),
            ));
        }
        let field = compiler.read(&field.name);
        let outputs: Vec<FieldId> = outputs.iter().map(|o| compiler.write(&o.name)).collect();
        for id in &outputs {
            compiler.scope.maybe_text(*id);
        }
        Ok(Self {
            field,
            regex,
            outputs,
        })
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        let Some(text) = super::text_of(row, self.field, cx) else {
            return;
        };
        let text = text.as_bytes();
        let Some(captures) = self.regex.captures(text) else {
            return;
        };
        for (at, output) in self.outputs.iter().enumerate() {
            // A group that took no part is an empty text, unlike in regexp_extract.
            let value = captures
                .get(at + 1)
                .map_or(&text[..0], |m| &text[m.range()]);
            row.extract_to(*output, Value::Text(value));
        }
    }
}
