//! `project`: keeps the listed fields, some under a new name.

use crate::ast::{Choice, Ident, Item, Rename};
use crate::compile::{Choices, Compiler};
use crate::error::Fault;
use crate::eval::{Context, State};
use crate::names::{FieldId, Names, TIME, TIME_NS_PART};
use crate::value::Value;

use super::project_rename::{Renames, check_renames};
use super::wildcard::Wildcard;

#[derive(Debug)]
pub(crate) struct Project {
    keep: Vec<FieldId>,
    patterns: Vec<Wildcard>,
    renames: Renames,
    /// What is kept and renamed, for people.
    listed: Vec<String>,
}

impl Project {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        items: &[Item],
    ) -> Result<Self, Fault> {
        let choices = Choices::new(options, &["wildcard", "wildcard-off"], &[])?;
        let mut kept: Vec<&Ident> = Vec::new();
        let mut renames: Vec<&Rename> = Vec::new();
        for item in items {
            match item {
                Item::Keep(ident) => kept.push(ident),
                Item::Rename(rename) => renames.push(rename),
            }
        }
        check_renames(&renames)?;
        for rename in &renames {
            // A field that is renamed itself leaves its name free.
            let moves = |name: &str| renames.iter().any(|r| r.source.name == name);
            let clash = kept
                .iter()
                .any(|ident| ident.name == rename.target.name && !moves(&ident.name));
            if clash {
                return Err(Fault::semantic(
                    rename.target.span,
                    format!("{} is an output twice", rename.target.name),
                ));
            }
        }
        let wild = choices.has("wildcard") && !choices.has("wildcard-off");
        let listed = items
            .iter()
            .map(|item| match item {
                Item::Keep(ident) => ident.name.clone(),
                Item::Rename(rename) => rename.target.name.clone(),
            })
            .collect();
        let patterns = if wild {
            Wildcard::all(&kept)
        } else {
            Vec::new()
        };
        let mut keep = Vec::new();
        if !wild {
            for ident in &kept {
                let id = compiler.read(&ident.name);
                if !keep.contains(&id) {
                    keep.push(id);
                }
            }
        }
        let renames = Renames::compile(compiler, &renames);
        let before = compiler.scope.clone();
        let names = compiler.names().clone();
        compiler
            .scope
            .retain(|id| keep.contains(&id) || patterns.iter().any(|p| p.matches(names.name(id))));
        renames.update(&mut compiler.scope, &before);
        Ok(Self {
            keep,
            patterns,
            renames,
            listed,
        })
    }

    pub(crate) fn describe(&self, _: &Names) -> String {
        format!("only {}", self.listed.join(", "))
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        let mut kept = row.empty(cx.arena);
        for time in [TIME, TIME_NS_PART] {
            let value = row.get(time);
            if !value.is_null() {
                kept.set(time, value);
            }
        }
        for id in &self.keep {
            let value = row.get(*id);
            if !id.is_time() && !value.is_null() && !self.renames.moves(*id, row) {
                kept.set(*id, value);
            }
        }
        if !self.patterns.is_empty() {
            for name in row.field_names(cx.arena) {
                cx.step();
                if cx.stopped().is_some() {
                    return;
                }
                let listed = self.patterns.iter().any(|pattern| pattern.matches(name));
                if listed && !is_time(name) && !self.renames.moves_named(name, row) {
                    kept.set_named(name, row.get_named(name));
                }
            }
        }
        self.renames
            .run(row, |id, value: Value<'a>| kept.set(id, value));
        *row = kept;
    }
}

pub(super) fn is_time(name: &str) -> bool {
    matches!(name, "__time__" | "__time_ns_part__")
}
