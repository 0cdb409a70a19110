//! `expand-values`: one row for each element of a JSON array or member of a JSON object.

use crate::ast::{Choice, Ident};
use crate::compile::{Choices, Compiler};
use crate::error::Fault;
use crate::eval::{Context, State};
use crate::json::{self, JsonPath, Kind};
use crate::names::FieldId;
use crate::value::Value;

use super::parse_json::{follow, path, text_of_node};

/// Most rows one row may become, and the default.
const MAX_ROWS: usize = 10;

#[derive(Debug)]
pub(crate) struct ExpandValues {
    field: FieldId,
    path: Option<JsonPath>,
    limit: usize,
    keep: bool,
    pub(super) output: FieldId,
}

impl ExpandValues {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        field: &Ident,
        output: Option<&Ident>,
    ) -> Result<Self, Fault> {
        let choices = Choices::new(options, &["keep"], &["path", "limit"])?;
        let limit = match choices.value("limit") {
            None => MAX_ROWS,
            Some(literal) => match literal.text.parse() {
                Ok(limit @ 1..=MAX_ROWS) => limit,
                _ => {
                    return Err(Fault::semantic(
                        literal.span,
                        format!("-limit must be between 1 and {MAX_ROWS}"),
                    ));
                }
            },
        };
        let path = path(&choices)?;
        let field_id = compiler.read(&field.name);
        let output = compiler.write(&output.unwrap_or(field).name);
        compiler.scope.maybe_text(output);
        Ok(Self {
            field: field_id,
            path,
            limit,
            keep: choices.has("keep"),
            output,
        })
    }

    /// The values of the rows to come; `None` when the row passes through unchanged.
    pub(crate) fn values<'a>(&self, row: &State<'a>, cx: &Context<'a>) -> Option<Vec<Value<'a>>> {
        if self.output.is_time() {
            return None;
        }
        let root = super::text_of(row, self.field, cx).and_then(json::parse)?;
        let node = follow(self.path.as_ref(), root)?;
        let values: Vec<Value<'a>> = match node.kind() {
            Kind::Array => node
                .elements()
                .take(self.limit)
                .map(|element| match element.kind() {
                    Kind::Null => Value::Text(b"null"),
                    _ => text_of_node(element, cx),
                })
                .collect(),
            Kind::Object => node
                .members()
                .take(self.limit)
                .map(|(key, value)| {
                    let mut text = format!("{{{}:", key.raw());
                    json::compact(value.raw(), &mut text);
                    text.push('}');
                    cx.text(&text)
                })
                .collect(),
            _ => return None,
        };
        (!values.is_empty()).then_some(values)
    }

    /// Makes `row` the one for `value`.
    pub(crate) fn apply<'a>(&self, row: &mut State<'a>, value: Value<'a>) {
        if !self.keep {
            row.remove(self.field);
        }
        row.set(self.output, value);
    }
}
