//! `project-away`: removes the listed fields.

use crate::ast::{Choice, Ident};
use crate::compile::{Choices, Compiler};
use crate::error::Fault;
use crate::eval::{Context, State};
use crate::names::{FieldId, Names};
use crate::value::Value;

use super::project::is_time;
use super::wildcard::Wildcard;

#[derive(Debug)]
pub(crate) struct ProjectAway {
    remove: Vec<FieldId>,
    patterns: Vec<Wildcard>,
    listed: Vec<String>,
}

impl ProjectAway {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        patterns: &[Ident],
    ) -> Result<Self, Fault> {
        let choices = Choices::new(options, &["wildcard", "wildcard-off"], &[])?;
        let wild = choices.has("wildcard") && !choices.has("wildcard-off");
        let listed = patterns.iter().map(|ident| ident.name.clone()).collect();
        if wild {
            let patterns = Wildcard::all(&patterns.iter().collect::<Vec<_>>());
            let names = compiler.names().clone();
            compiler
                .scope
                .retain(|id| !patterns.iter().any(|p| p.matches(names.name(id))));
            return Ok(Self {
                remove: Vec::new(),
                patterns,
                listed,
            });
        }
        let remove: Vec<FieldId> = patterns
            .iter()
            .map(|ident| compiler.write(&ident.name))
            .collect();
        compiler.scope.retain(|id| !remove.contains(&id));
        Ok(Self {
            remove,
            patterns: Vec::new(),
            listed,
        })
    }

    pub(crate) fn describe(&self, _: &Names) -> String {
        format!("without {}", self.listed.join(", "))
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        for id in &self.remove {
            row.remove(*id);
        }
        if self.patterns.is_empty() {
            return;
        }
        for name in row.field_names(cx.arena) {
            cx.step();
            if cx.stopped().is_some() {
                return;
            }
            if !is_time(name) && self.patterns.iter().any(|pattern| pattern.matches(name)) {
                row.set_named(name, Value::Null);
            }
        }
    }
}
