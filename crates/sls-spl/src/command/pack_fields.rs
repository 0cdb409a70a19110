//! `pack-fields`: many fields into one JSON object.

use regex::bytes::Regex;

use crate::ast::{Choice, Ident, Literal};
use crate::compile::{Choices, Compiler};
use crate::error::Fault;
use crate::eval::{Context, State};
use crate::json::write_string;
use crate::names::FieldId;
use crate::re2;
use crate::types::Type;
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct PackFields {
    include: Option<Regex>,
    exclude: Option<Regex>,
    keep: bool,
    ltrim: String,
    pub(super) output: FieldId,
}

impl PackFields {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        output: &Ident,
    ) -> Result<Self, Fault> {
        let choices = Choices::new(options, &["keep"], &["ltrim", "include", "exclude"])?;
        let pattern = |literal: Option<&Literal>| {
            literal
                .map(|literal| {
                    re2::compile_whole(&literal.text).map_err(|reason| {
                        Fault::semantic(literal.span, format!("bad regular expression: {reason}"))
                    })
                })
                .transpose()
        };
        let (include, exclude) = (
            pattern(choices.value("include"))?,
            pattern(choices.value("exclude"))?,
        );
        let ltrim = choices
            .value("ltrim")
            .map_or_else(String::new, |literal| literal.text.clone());
        let output = compiler.write(&output.name);
        compiler.scope.set(output, Type::Varchar);
        Ok(Self {
            include,
            exclude,
            keep: choices.has("keep"),
            ltrim,
            output,
        })
    }

    fn packs(&self, name: &str) -> bool {
        let name = name.as_bytes();
        self.include
            .as_ref()
            .is_none_or(|regex| regex.is_match(name))
            && !self
                .exclude
                .as_ref()
                .is_some_and(|regex| regex.is_match(name))
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        if self.output.is_time() {
            return;
        }
        let mut object = String::from("{");
        let mut packed = Vec::new();
        for name in row.field_names(cx.arena) {
            cx.step();
            if cx.stopped().is_some() {
                return;
            }
            let Value::Text(bytes) = row.get_named(name) else {
                continue;
            };
            if super::project::is_time(name) || !self.packs(name) {
                continue;
            }
            if object.len() > 1 {
                object.push(',');
            }
            let short = name.strip_prefix(self.ltrim.as_str()).unwrap_or(name);
            write_string(short, &mut object);
            object.push(':');
            write_string(cx.read(bytes), &mut object);
            packed.push(name);
        }
        object.push('}');
        let object = cx.text(&object);
        if object.is_null() {
            return;
        }
        if !self.keep {
            for name in packed {
                row.set_named(name, Value::Null);
            }
        }
        row.set(self.output, object);
    }
}
