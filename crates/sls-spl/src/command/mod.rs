//! The commands: each file compiles one and runs it over a row.

mod expand_values;
mod extend;
mod filter;
mod pack_fields;
mod parse_csv;
mod parse_json;
mod parse_kv;
mod parse_regexp;
mod project;
mod project_away;
mod project_rename;
mod wildcard;

use crate::error::Fault;
use crate::eval::{Context, State};
use crate::names::{FieldId, Names};
use crate::value::Value;

pub(crate) use expand_values::ExpandValues;
pub(crate) use extend::Extend;
pub(crate) use filter::Where;
pub(crate) use pack_fields::PackFields;
pub(crate) use parse_csv::Csv;
pub(crate) use parse_json::JsonStage;
pub(crate) use parse_kv::KeyValues;
pub(crate) use parse_regexp::Regexp;
pub(crate) use project::Project;
pub(crate) use project_away::ProjectAway;
pub(crate) use project_rename::ProjectRename;

/// One stage of a compiled program.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) plan: StagePlan,
    /// The fields it reads.
    pub(crate) reads: Vec<FieldId>,
    pub(crate) needs: Needs,
}

/// The fields a stage looks at, found together before it runs.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) ids: Vec<FieldId>,
    pub(crate) names: Vec<Box<str>>,
}

impl Needs {
    /// Those of a stage that reads some fields; empty when one lookup does.
    pub(crate) fn of(plan: &StagePlan, reads: &[FieldId], names: &Names) -> Self {
        let outputs: &[FieldId] = match plan {
            StagePlan::Where(_) | StagePlan::Extend(_) => &[],
            // A value that is there decides whether it is replaced.
            StagePlan::Regexp(regexp) => &regexp.outputs,
            StagePlan::Csv(csv) => &csv.outputs,
            _ => return Self::default(),
        };
        let mut needs = Self::default();
        for id in reads.iter().chain(outputs) {
            if !needs.ids.contains(id) {
                needs.ids.push(*id);
                needs.names.push(names.name(*id).into());
            }
        }
        if needs.ids.len() < 2 {
            return Self::default();
        }
        needs
    }
}

#[derive(Debug)]
pub(crate) enum StagePlan {
    Where(Where),
    Extend(Extend),
    Project(Project),
    ProjectAway(ProjectAway),
    ProjectRename(ProjectRename),
    Regexp(Regexp),
    Csv(Csv),
    KeyValues(KeyValues),
    Json(JsonStage),
    ExpandValues(ExpandValues),
    PackFields(PackFields),
}

impl StagePlan {
    /// What the stage writes, for people.
    pub(crate) fn writes(&self, names: &Names) -> String {
        let list = |ids: &[FieldId]| {
            let all: Vec<&str> = ids.iter().map(|id| names.name(*id)).collect();
            all.join(", ")
        };
        match self {
            Self::Where(_) => String::new(),
            Self::Extend(extend) => list(&extend.targets()),
            Self::Project(project) => project.describe(names),
            Self::ProjectAway(away) => away.describe(names),
            Self::ProjectRename(rename) => list(&rename.targets()),
            Self::Regexp(regexp) => list(&regexp.outputs),
            Self::Csv(csv) => list(&csv.outputs),
            Self::KeyValues(stage) => format!("{}* (keys of the text)", stage.prefix),
            Self::Json(stage) => format!("{}* (members of the object)", stage.prefix),
            Self::ExpandValues(stage) => list(&[stage.output]),
            Self::PackFields(stage) => list(&[stage.output]),
        }
    }
}

/// The characters of a field that a parser reads; `None` when it is not text.
fn text_of<'a>(row: &State<'a>, id: FieldId, cx: &Context<'a>) -> Option<&'a str> {
    match row.get(id) {
        Value::Text(bytes) => Some(cx.read(bytes)),
        _ => None,
    }
}

/// Refuses a field that is named twice among the outputs of a stage.
fn distinct(names: &[crate::ast::Ident]) -> Result<(), Fault> {
    for (at, ident) in names.iter().enumerate() {
        if names[..at].iter().any(|earlier| earlier.name == ident.name) {
            return Err(Fault::semantic(
                ident.span,
                format!("{} is an output twice", ident.name),
            ));
        }
    }
    Ok(())
}
