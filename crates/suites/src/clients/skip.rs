//! Why a suite could not run.

use std::process::ExitCode;

/// What a suite exits with after saying why it could not run.
pub const EXIT_CODE: u8 = 77;

/// How wide the text in the frame is.
const WIDTH: usize = 92;

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
        self.tell(suite);
        ExitCode::from(EXIT_CODE)
    }

    /// Says so in the same frame about a part of a suite, which goes on without it.
    pub fn tell(&self, what: &str) {
        println!("{}", self.framed(what));
    }

    fn framed(&self, what: &str) -> String {
        let text = format!("{what}: SKIPPED: {}", self.reason);
        let lines: Vec<_> = text.lines().flat_map(wrap).collect();
        let width = lines.iter().map(|line| line.chars().count()).max();
        let width = width.unwrap_or(0);
        let bar = "*".repeat(width + 4);
        let lines: Vec<_> = lines
            .iter()
            .map(|line| format!("* {line:width$} *"))
            .collect();
        format!("{bar}\n{}\n{bar}", lines.join("\n"))
    }
}

/// Breaks a line between words; a longer word stays whole.
fn wrap(line: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in line.split_whitespace() {
        let last = lines.last_mut().expect("there is one from the start");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= WIDTH {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
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

    #[test]
    fn a_long_reason_is_wrapped_between_words() {
        let lines = wrap(&"twenty characters it ".repeat(5));
        let lengths: Vec<_> = lines.iter().map(String::len).collect();
        assert_eq!(lengths, [90, 13]);
    }
}
