//! A compiled program.

use std::fmt;
use std::time::SystemTime;

use jiff::tz::TimeZone;

use crate::ast::Query;
use crate::command::Stage;
use crate::compile;
use crate::error::{Error, ErrorKind, Fault, Span, Warning};
use crate::evaluator::Evaluator;
use crate::names::Names;
use crate::options::Options;
use crate::parser;

/// A program, compiled once and run as often as wanted.
///
/// It holds no state of a run and is `Send + Sync`: share it in an `Arc`.
/// `Display` prints it back as text that compiles to the same program.
///
/// ```
/// use sls_spl::{Options, Program};
///
/// let program = Program::compile("*|where  A=1", &Options::default())?;
/// assert_eq!(program.to_string(), "* | where A = 1");
/// assert_eq!(program.warnings()[0].kind().as_str(), "implicit-cast");
/// # Ok::<(), sls_spl::Error>(())
/// ```
#[derive(Debug)]
pub struct Program {
    query: Query,
    pub(crate) stages: Vec<Stage>,
    pub(crate) names: Names,
    warnings: Vec<Warning>,
    pub(crate) zone: TimeZone,
    pub(crate) options: Options,
}

const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Program>();
};

impl Program {
    /// Compiles a program.
    ///
    /// # Errors
    /// The first fault in the text, with its place: see [`ErrorKind`] for the classes.
    /// A time zone in `options` that does not exist is of kind [`ErrorKind::Semantic`].
    pub fn compile(text: &str, options: &Options) -> Result<Self, Error> {
        if text.len() > options.script_limit {
            let message = format!(
                "the program has {} bytes, {} are allowed",
                text.len(),
                options.script_limit
            );
            let end = Span::new(options.script_limit, options.script_limit);
            return Err(Fault::limit(end, message).in_text(text));
        }
        let zone = TimeZone::get(&options.time_zone).map_err(|_| {
            Error::whole(
                ErrorKind::Semantic,
                format!("unknown time zone {:?}", options.time_zone),
            )
        })?;
        let query =
            parser::parse(text, options.stage_limit).map_err(|fault| fault.in_text(text))?;
        let compiled = compile::compile(&query, text, options)?;
        Ok(Self {
            query,
            stages: compiled.stages,
            names: compiled.names,
            warnings: compiled.warnings,
            zone,
            options: options.clone(),
        })
    }

    /// What deserves a second look, in the order of the text.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The stages with the fields each reads and writes, one stage to a line.
    ///
    /// ```
    /// use sls_spl::{Options, Program};
    ///
    /// let text = "* | where status = '200' | project-rename code = status";
    /// let program = Program::compile(text, &Options::default())?;
    /// assert_eq!(
    ///     program.explain(),
    ///     "1. where status = '200'\n   reads: status\n\
    ///      2. project-rename code = status\n   reads: status\n   writes: code\n"
    /// );
    /// # Ok::<(), sls_spl::Error>(())
    /// ```
    pub fn explain(&self) -> String {
        let mut out = String::new();
        for (at, (stage, source)) in self.stages.iter().zip(&self.query.stages).enumerate() {
            out.push_str(&format!("{}. {}\n", at + 1, source.command));
            let reads: Vec<&str> = stage.reads.iter().map(|id| self.names.name(*id)).collect();
            let writes = stage.plan.writes(&self.names);
            for (what, list) in [("reads", reads.join(", ")), ("writes", writes)] {
                if !list.is_empty() {
                    out.push_str(&format!("   {what}: {list}\n"));
                }
            }
        }
        out
    }

    /// Starts a run over one batch of rows.
    ///
    /// `now` is what `now()` and its relatives give for the whole batch; it also seeds `random()`.
    /// The time limit starts here.
    pub fn evaluator(&self, now: SystemTime) -> Evaluator<'_> {
        Evaluator::new(self, now)
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.query.fmt(f)
    }
}
