#![doc = include_str!("../README.md")]

mod ast; // the tree of a program
mod cast; // conversions between types
mod clock; // the time a run has taken
mod command; // the stages, one file each
mod compile; // tree to plan
mod error; // what can be wrong
mod eval; // expressions over rows
mod evaluator; // a run over a batch
mod functions; // the scalar functions, one table per group
mod json; // JSON read in place
mod lexer; // text to tokens
mod like; // like patterns
mod names; // field names, numbered
mod number; // numbers from and to text
mod options; // limits, zone, strictness
mod output; // a row that came out
mod parser; // tokens to tree
mod plan; // expressions ready to run
mod print; // trees back to text
mod program; // a compiled program
mod re2; // RE2 patterns for the regex crate
mod row; // what a log looks like
mod time; // local times and their text
mod token; // the tokens
mod types; // the types of the language
mod value; // the values of a row

pub use clock::{Stopwatch, SystemStopwatch};
pub use error::{Error, ErrorKind, Span, Warning, WarningKind};
pub use evaluator::{Evaluator, Report};
pub use functions::function_names;
pub use options::Options;
pub use output::OutputRow;
pub use program::Program;
pub use row::{Field, Row};
