//! The recorded cases, run against our crates.
//!
//! A set is a folder laid out like `crates/testkit/vectors/{sls,spl,growingio}`; each has a
//! README that says how to compare. Other folders of the same layout run the same way.

mod growingio;
mod sls;
mod spl;

use std::io;
use std::path::Path;

use testkit::Tally;

/// One kind of case set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// Requests, replies, signatures and bodies of the log service.
    Sls,
    /// Programs of the pipeline language.
    Spl,
    /// Requests of the event tracker.
    GrowingIo,
}

impl Set {
    /// Every set, in the order they are run.
    pub const ALL: [Self; 3] = [Self::Sls, Self::Spl, Self::GrowingIo];

    /// Its folder's name, and its name in the output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sls => "sls",
            Self::Spl => "spl",
            Self::GrowingIo => "growingio",
        }
    }

    /// Runs every case below a folder.
    ///
    /// # Errors
    /// When the folder or a case cannot be read.
    pub fn run(self, folder: &Path) -> io::Result<Tally> {
        match self {
            Self::Sls => sls::run(folder),
            Self::Spl => spl::run(folder),
            Self::GrowingIo => growingio::run(folder),
        }
    }
}
