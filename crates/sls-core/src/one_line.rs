use std::fmt::{self, Write as _};

/// The longest text of another side that is shown whole, in characters.
const LONGEST: usize = 400;

/// What another side wrote, as the text of an error may show it: one line, not too long, nothing
/// that moves a terminal's cursor.
pub(crate) struct OneLine<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = Line {
            out: f,
            left: LONGEST,
            is_cut: false,
        };
        let written = write!(line, "{}", self.0);
        if line.is_cut {
            return f.write_str("..");
        }
        written
    }
}

struct Line<'l, 'f> {
    out: &'l mut fmt::Formatter<'f>,
    left: usize,
    is_cut: bool,
}

impl fmt::Write for Line<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if self.left == 0 {
                self.is_cut = true;
                // Stops whoever is writing a megabyte.
                return Err(fmt::Error);
            }
            self.left -= 1;
            self.out.write_char(match c {
                '\t' | '\n' | '\r' | '\u{2028}' | '\u{2029}' => ' ',
                c if c.is_control() => char::REPLACEMENT_CHARACTER,
                c => c,
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        assert_eq!(OneLine(text).to_string(), want);
    }

    #[test]
    fn what_is_one_line_stays_as_it_is() {
        check("", "");
        check(
            "logstore \u{65e5}\u{5fd7} not found",
            "logstore \u{65e5}\u{5fd7} not found",
        );
        let longest = "x".repeat(LONGEST);
        check(&longest, &longest);
    }

    #[test]
    fn lines_become_one_and_controls_are_harmless() {
        check("a\nb\r\nc\u{2028}d", "a b  c d");
        check("\u{1b}[31mred\0", "\u{fffd}[31mred\u{fffd}");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let want = format!("{}..", "\u{65e5}".repeat(LONGEST));
        check(&"\u{65e5}".repeat(LONGEST + 1), &want);
        check(&"\u{65e5}".repeat(100_000), &want);
    }
}
