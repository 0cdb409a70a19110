//! `project-rename`: new names for fields, the rest stays.

use crate::ast::{Choice, Rename};
use crate::compile::{Choices, Compiler, Scope};
use crate::error::Fault;
use crate::eval::State;
use crate::names::FieldId;
use crate::types::Type;
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct ProjectRename {
    renames: Renames,
}

impl ProjectRename {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        renames: &[Rename],
    ) -> Result<Self, Fault> {
        Choices::new(options, &[], &[])?;
        let renames: Vec<&Rename> = renames.iter().collect();
        check_renames(&renames)?;
        let renames = Renames::compile(compiler, &renames);
        let before = compiler.scope.clone();
        compiler.scope.retain(|id| !renames.is_source(id));
        renames.update(&mut compiler.scope, &before);
        Ok(Self { renames })
    }

    pub(crate) fn targets(&self) -> Vec<FieldId> {
        self.renames
            .pairs
            .iter()
            .map(|(target, _)| *target)
            .collect()
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>) {
        let mut written = Vec::with_capacity(self.renames.pairs.len());
        self.renames.run(row, |id, value| written.push((id, value)));
        for (_, source) in &self.renames.pairs {
            row.remove(*source);
        }
        for (id, value) in written {
            row.set(id, value);
        }
    }
}

/// No two fields to one name, no field to two names.
pub(super) fn check_renames(renames: &[&Rename]) -> Result<(), Fault> {
    for (at, rename) in renames.iter().enumerate() {
        let earlier = &renames[..at];
        if earlier.iter().any(|r| r.target.name == rename.target.name) {
            return Err(Fault::semantic(
                rename.target.span,
                format!("{} is an output twice", rename.target.name),
            ));
        }
        if earlier.iter().any(|r| r.source.name == rename.source.name) {
            return Err(Fault::semantic(
                rename.source.span,
                format!("{} is renamed twice", rename.source.name),
            ));
        }
    }
    Ok(())
}

/// Renames that all read the row as it entered the stage; those of time fields are left out.
#[derive(Debug)]
pub(super) struct Renames {
    /// Target and source.
    pairs: Vec<(FieldId, FieldId)>,
}

impl Renames {
    pub(super) fn compile(compiler: &mut Compiler<'_>, renames: &[&Rename]) -> Self {
        let mut pairs = Vec::with_capacity(renames.len());
        for rename in renames {
            let source = compiler.read(&rename.source.name);
            let target = compiler.write(&rename.target.name);
            if !source.is_time() && !target.is_time() {
                pairs.push((target, source));
            }
        }
        Self { pairs }
    }

    fn is_source(&self, id: FieldId) -> bool {
        self.pairs.iter().any(|(_, source)| *source == id)
    }

    /// Whether the field gets another name in this row.
    pub(super) fn moves(&self, id: FieldId, row: &State<'_>) -> bool {
        self.is_source(id) && !row.get(id).is_null()
    }

    pub(super) fn moves_named(&self, name: &str, row: &State<'_>) -> bool {
        row.id(name).is_some_and(|id| self.moves(id, row))
    }

    /// Calls `write` with each target and what it becomes; a missing source is skipped.
    ///
    /// A value does not replace one of another type, which then stays under its name.
    pub(super) fn run<'a>(&self, row: &State<'a>, mut write: impl FnMut(FieldId, Value<'a>)) {
        for (target, source) in &self.pairs {
            let new = row.get(*source);
            if new.is_null() {
                continue;
            }
            let old = if self.is_source(*target) {
                Value::Null
            } else {
                row.get(*target)
            };
            let stays = !old.is_null() && !old.same_type(new);
            write(*target, if stays { old } else { new });
        }
    }

    /// Updates the types of the targets.
    pub(super) fn update(&self, scope: &mut Scope, before: &Scope) {
        for (target, source) in &self.pairs {
            let new = before.get(*source);
            let fixed = self.is_source(*target) || before.get(*target) == new;
            scope.set(*target, if fixed { new } else { Type::Any });
        }
    }
}
