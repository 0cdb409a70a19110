//! Tree to plan: names are resolved, types checked, constants prepared.

mod call;
mod expr;
mod options;
mod scope;

use crate::ast::{Command, Query};
use crate::command::{
    Csv, ExpandValues, Extend, JsonStage, KeyValues, Needs, PackFields, Project, ProjectAway,
    ProjectRename, Regexp, Stage, StagePlan, Where,
};
use crate::error::{Error, Fault, Span, Warning, WarningKind};
use crate::names::{FieldId, Names};
use crate::options::Options;
use crate::types::Type;

pub(crate) use options::{Choices, unescape_delimiter};
pub(crate) use scope::Scope;

/// What compiling gives.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) stages: Vec<Stage>,
    pub(crate) names: Names,
    pub(crate) warnings: Vec<Warning>,
}

pub(crate) struct Compiler<'s> {
    source: &'s str,
    strict: bool,
    names: Names,
    pub(crate) scope: Scope,
    warnings: Vec<Warning>,
    /// The parameters of the lambdas around the current expression.
    locals: Vec<(String, Type)>,
    /// The fields the current stage reads.
    reads: Vec<FieldId>,
}

pub(crate) fn compile(query: &Query, source: &str, options: &Options) -> Result<Compiled, Error> {
    let mut compiler = Compiler {
        source,
        strict: options.strict,
        names: Names::new(),
        scope: Scope::default(),
        warnings: Vec::new(),
        locals: Vec::new(),
        reads: Vec::new(),
    };
    let mut stages = Vec::new();
    for stage in &query.stages {
        compiler.reads.clear();
        let plan = compiler
            .command(&stage.command)
            .map_err(|fault| fault.in_text(source))?;
        let mut reads = std::mem::take(&mut compiler.reads);
        reads.sort_unstable();
        reads.dedup();
        let needs = Needs::of(&plan, &reads, &compiler.names);
        stages.push(Stage { plan, reads, needs });
    }
    Ok(Compiled {
        stages,
        names: compiler.names,
        warnings: compiler.warnings,
    })
}

impl Compiler<'_> {
    fn command(&mut self, command: &Command) -> Result<StagePlan, Fault> {
        Ok(match command {
            Command::Where(condition) => StagePlan::Where(Where::compile(self, condition)?),
            Command::Extend(assigns) => StagePlan::Extend(Extend::compile(self, assigns)?),
            Command::Project { options, items } => {
                StagePlan::Project(Project::compile(self, options, items)?)
            }
            Command::ProjectAway { options, patterns } => {
                StagePlan::ProjectAway(ProjectAway::compile(self, options, patterns)?)
            }
            Command::ProjectRename { options, renames } => {
                StagePlan::ProjectRename(ProjectRename::compile(self, options, renames)?)
            }
            Command::ParseRegexp {
                options,
                field,
                pattern,
                outputs,
            } => StagePlan::Regexp(Regexp::compile(self, options, field, pattern, outputs)?),
            Command::ParseCsv {
                options,
                field,
                outputs,
            } => StagePlan::Csv(Csv::compile(self, options, field, outputs)?),
            Command::ParseKv {
                options,
                field,
                strings,
            } => StagePlan::KeyValues(KeyValues::compile(self, options, field, strings)?),
            Command::ParseJson { options, field } => {
                StagePlan::Json(JsonStage::compile(self, options, field)?)
            }
            Command::ExpandValues {
                options,
                field,
                output,
            } => StagePlan::ExpandValues(ExpandValues::compile(
                self,
                options,
                field,
                output.as_ref(),
            )?),
            Command::PackFields { options, output } => {
                StagePlan::PackFields(PackFields::compile(self, options, output)?)
            }
        })
    }

    /// The number of a field the stage reads.
    pub(crate) fn read(&mut self, name: &str) -> FieldId {
        let id = self.names.intern(name);
        self.reads.push(id);
        id
    }

    /// The number of a field the stage writes or removes.
    pub(crate) fn write(&mut self, name: &str) -> FieldId {
        self.names.intern(name)
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Notes that text is used as a number, or refuses it when strict.
    fn implicit_cast(&mut self, span: Span, what: &str) -> Result<(), Fault> {
        let message = format!("{what} converts text to a number without a cast");
        if self.strict {
            return Err(
                Fault::types(span, message).hint("write cast(… as bigint) or cast(… as double)")
            );
        }
        self.warnings.push(Warning::new(
            WarningKind::ImplicitCast,
            self.source,
            span,
            message,
        ));
        Ok(())
    }
}
