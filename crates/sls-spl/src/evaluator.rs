//! A run of a program over a batch of rows.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;

use bumpalo::Bump;
use jiff::Timestamp;

use crate::command::{Stage, StagePlan};
use crate::error::{Error, ErrorKind};
use crate::eval::{Context, Run, State};
use crate::output::OutputRow;
use crate::program::Program;
use crate::row::Row;

/// Messages of data errors a report keeps.
const SAMPLES: usize = 5;
/// Bytes an evaluator sets aside for its first rows.
const FIRST_CHUNK: usize = 4096;

/// Runs a program over the rows of one batch.
///
/// Memory is reused from row to row: a row that is dropped by `where` allocates nothing.
pub struct Evaluator<'p> {
    program: &'p Program,
    run: Run<'p>,
    arena: Bump,
    report: Report,
}

impl fmt::Debug for Evaluator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluator")
            .field("program", &self.program.to_string())
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

const _: fn() = || {
    fn movable<T: Send>() {}
    movable::<Evaluator<'static>>();
};

impl<'p> Evaluator<'p> {
    pub(crate) fn new(program: &'p Program, now: SystemTime) -> Self {
        let options = &program.options;
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let stopwatch = &*options.stopwatch;
        Self {
            program,
            run: Run {
                zone: &program.zone,
                now,
                memory_limit: options.memory_limit,
                stopwatch,
                deadline: stopwatch.elapsed().saturating_add(options.time_limit),
                steps: Cell::new(0),
                work: Cell::new(0),
                random: Cell::new(now.as_nanosecond() as u64),
                patterns: RefCell::new(HashMap::new()),
            },
            arena: Bump::with_capacity(FIRST_CHUNK.min(options.memory_limit)),
            report: Report::default(),
        }
    }

    /// Runs one row and calls `out` for each row it becomes: none, one or several.
    ///
    /// A value that cannot be converted or computed is null and counts in the [`Report`]; it is
    /// no error of this call.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] and [`ErrorKind::Memory`] when the run went over a limit.
    /// Rows already given to `out` stay given; the evaluator should not be used any more.
    pub fn row(&mut self, row: &dyn Row, out: &mut dyn FnMut(OutputRow<'_>)) -> Result<(), Error> {
        self.report.rows_in += 1;
        let before = self.report.rows_out;
        let (stopped, failed, sample) = {
            let sampling = self.report.samples.len() < SAMPLES;
            let cx = Context::new(&self.arena, &self.run, sampling);
            let state = State::new(row, &self.program.names, &self.arena);
            let rows_out = &mut self.report.rows_out;
            let mut emit = |output: OutputRow<'_>| {
                *rows_out += 1;
                out(output);
            };
            stages(&self.program.stages, state, &cx, &mut emit);
            (cx.stopped(), cx.errors() > 0, cx.take_sample())
        };
        self.arena.reset();
        self.report.rows_failed += u64::from(failed);
        self.report.samples.extend(sample);
        self.report.rows_dropped += u64::from(self.report.rows_out == before);
        match stopped {
            None => Ok(()),
            Some(kind) => Err(self.stopped(kind)),
        }
    }

    fn stopped(&self, kind: ErrorKind) -> Error {
        let options = &self.program.options;
        let message = match kind {
            ErrorKind::Memory => format!(
                "a row needed more than {} bytes of memory",
                options.memory_limit
            ),
            _ => format!("the run took longer than {:?}", options.time_limit),
        };
        Error::whole(kind, message)
    }

    /// What happened so far.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

/// Runs the rest of the stages over a row; recursion is as deep as there are `expand-values`.
fn stages<'a>(
    list: &'a [Stage],
    mut row: State<'a>,
    cx: &Context<'a>,
    out: &mut dyn FnMut(OutputRow<'_>),
) {
    for (at, stage) in list.iter().enumerate() {
        cx.step();
        if cx.stopped().is_some() {
            return;
        }
        row.fetch(&stage.needs);
        match &stage.plan {
            StagePlan::Where(stage) => {
                if !stage.keeps(&row, cx) {
                    return;
                }
            }
            StagePlan::Extend(stage) => stage.run(&mut row, cx),
            StagePlan::Project(stage) => stage.run(&mut row, cx),
            StagePlan::ProjectAway(stage) => stage.run(&mut row, cx),
            StagePlan::ProjectRename(stage) => stage.run(&mut row),
            StagePlan::Regexp(stage) => stage.run(&mut row, cx),
            StagePlan::Csv(stage) => stage.run(&mut row, cx),
            StagePlan::KeyValues(stage) => stage.run(&mut row, cx),
            StagePlan::Json(stage) => stage.run(&mut row, cx),
            StagePlan::PackFields(stage) => stage.run(&mut row, cx),
            StagePlan::ExpandValues(stage) => {
                if let Some(values) = stage.values(&row, cx) {
                    for value in values {
                        let mut each = row.fork(cx.arena);
                        stage.apply(&mut each, value);
                        stages(&list[at + 1..], each, cx, out);
                        if cx.stopped().is_some() {
                            return;
                        }
                    }
                    return;
                }
            }
        }
    }
    cx.check_memory();
    if cx.stopped().is_none() {
        out(OutputRow::new(&row, cx.run.zone));
    }
}

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    rows_in: u64,
    rows_out: u64,
    rows_dropped: u64,
    rows_failed: u64,
    samples: Vec<String>,
}

impl Report {
    /// Rows that were run.
    pub fn rows_in(&self) -> u64 {
        self.rows_in
    }

    /// Rows that came out; `expand-values` can make them more than went in.
    pub fn rows_out(&self) -> u64 {
        self.rows_out
    }

    /// Input rows of which nothing came out.
    pub fn rows_dropped(&self) -> u64 {
        self.rows_dropped
    }

    /// Input rows with at least one data error.
    pub fn rows_failed(&self) -> u64 {
        self.rows_failed
    }

    /// The messages of the first few data errors, at most one to a row.
    pub fn samples(&self) -> &[String] {
        &self.samples
    }
}
