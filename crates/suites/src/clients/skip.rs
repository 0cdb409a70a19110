//! Why a suite could not run.

use std::process::ExitCode;

/// What a suite exits with after saying why it could not run.
pub const EXIT_CODE: u8 = 77;

/// A line that is longer breaks the frame instead of the terminal.
const WIDEST: usize = 96;

/// Something that a suite needs cannot be had here; neither a success nor a failure.
#[derive(Debug)]
pub struct Skip {
    reason: String,
}

impl Skip {
    /// Skips for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }

    /// Says so in a frame that is hard to overlook, and gives the exit code that means it.
    pub fn announce(&self, suite: &str) -> ExitCode {
        println!("{}", self.framed(suite));
        ExitCode::from(EXIT_CODE)
    }

    fn framed(&self, suite: &str) -> String {
        let text = format!("{suite}: SKIPPED: {}", self.reason);
        let width = text.lines().map(|line| line.chars().count()).max();
        let width = width.unwrap_or(0).min(WIDEST);
        let bar = "*".repeat(width + 4);
        let lines: Vec<_> = text
            .lines()
            .map(|line| format!("* {line:width$} *"))
            .collect();
        format!("{bar}\n{}\n{bar}", lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_framed() {
        let framed = Skip::new("no python\nat all").framed("s");
        let want = "\
*************************
* s: SKIPPED: no python *
* at all                *
*************************";
        assert_eq!(framed, want);
    }
}
