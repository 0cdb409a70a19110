//! Running expressions over rows.

mod arithmetic;
mod context;
mod expr;
mod state;

pub(crate) use arithmetic::apply as arithmetic;
pub(crate) use context::{Context, MAX_PATTERN, MAX_VALUE, Run};
pub(crate) use expr::{eval, is_true};
pub(crate) use state::State;
