//! What the recorded cases need to be run: their folders, a comparison that finds the first
//! difference, and the count of what passed. Knows no vendor.

mod cases;
mod diff;
mod tally;

pub use cases::{Case, cases_below, vectors};
pub use diff::{first_difference, first_difference_unordered};
pub use tally::{Outcome, Tally};
