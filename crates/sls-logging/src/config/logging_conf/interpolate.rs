use super::ini::{Ini, IniOption, Joined, Section};
use crate::config::problem::Fault;

/// As deep as `configparser` goes.
const DEEPEST: usize = 10;

/// The longest text that a value may become.
const LONGEST: usize = 64 * 1024;

/// Puts other options of the section, or of `[DEFAULT]`, in the place of `%(name)s`, and `%`
/// in the place of `%%`.
///
/// # Errors
/// A lone `%`, an option that is not there, options that refer to each other in a circle.
pub(super) fn interpolate(
    ini: &Ini,
    section: &Section,
    option: &IniOption,
) -> Result<Joined, Fault> {
    let mut whole = Joined::default();
    let run = Run {
        ini,
        section,
        at: None,
    };
    run.append(&option.value, &mut whole, 1)?;
    Ok(whole)
}

struct Run<'i> {
    ini: &'i Ini,
    section: &'i Section,
    /// Where in the file the outermost reference is, once inside of one.
    at: Option<usize>,
}

impl Run<'_> {
    fn append(&self, value: &Joined, whole: &mut Joined, depth: usize) -> Result<(), Fault> {
        let text = &value.text;
        let mut done = 0;
        // Once a piece begins at each line, bytes keep their places.
        while let Some(percent) = text[done..].find('%').map(|at| done + at) {
            let at = self.at.unwrap_or_else(|| value.byte(percent));
            self.copy(value, done, percent, whole);
            let after = &text[percent + 1..];
            if after.starts_with('%') {
                whole.push("%", at);
                done = percent + 2;
            } else {
                let name = after
                    .strip_prefix('(')
                    .and_then(|after| after.split_once(")s"))
                    .map(|(name, _)| name)
                    .filter(|name| !name.is_empty() && !name.contains(')'));
                let Some(name) = name else {
                    return Err(Fault::new(
                        at,
                        "`%` stands alone; write `%%`, or `%(option)s` for another option",
                    ));
                };
                self.refer(name, at, whole, depth)?;
                done = percent + "%()s".len() + name.len();
            }
            if whole.text.len() > LONGEST {
                return Err(Fault::new(at, format!("longer than {LONGEST} bytes")));
            }
        }
        self.copy(value, done, text.len(), whole);
        Ok(())
    }

    fn refer(&self, name: &str, at: usize, whole: &mut Joined, depth: usize) -> Result<(), Fault> {
        let Some(other) = self.ini.option(self.section, &name.to_lowercase()) else {
            return Err(Fault::new(
                at,
                "no option of this name in the section or in `[DEFAULT]`",
            ));
        };
        if depth == DEEPEST {
            return Err(Fault::new(at, "options that refer to each other too deep"));
        }
        let inside = Run {
            at: Some(at),
            ..*self
        };
        inside.append(&other.value, whole, depth + 1)
    }

    /// Copies a part of a value, line by line, so that places stay known.
    fn copy(&self, value: &Joined, from: usize, to: usize, whole: &mut Joined) {
        let mut start = from;
        for line in value.text[from..to].split_inclusive('\n') {
            whole.push(line, self.at.unwrap_or_else(|| value.byte(start)));
            start += line.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::problem::Faults;

    fn interpolated(text: &str) -> Result<String, String> {
        let ini = Ini::parse(text, &mut Faults::default());
        let section = ini.section("s").unwrap();
        let option = ini.option(section, "x").unwrap();
        interpolate(&ini, section, option)
            .map(|joined| joined.text)
            .map_err(|fault| fault.what)
    }

    #[test]
    fn other_options_take_the_place_of_their_names() {
        for (text, becomes) in [
            ("[s]\nx=100%%", "100%"),
            ("[s]\nx=a%(y)sb\ny=1", "a1b"),
            ("[DEFAULT]\ny=1\n[s]\nx=%(Y)s", "1"),
            ("[s]\nx=%(y)s\ny=%(z)s%%\nz=deep", "deep%"),
            ("[s]\nx=('a',\n  '%(y)s')\ny=b", "('a',\n'b')"),
        ] {
            assert_eq!(interpolated(text).as_deref(), Ok(becomes), "{text}");
        }
    }

    #[test]
    fn what_configparser_refuses_is_refused() {
        for (text, says) in [
            ("[s]\nx=50%", "stands alone"),
            ("[s]\nx=%(y)d\ny=1", "stands alone"),
            ("[s]\nx=%(y)s", "no option of this name"),
            ("[s]\nx=%(y)s\ny=%(x)s", "too deep"),
        ] {
            let error = interpolated(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn a_value_does_not_grow_without_end() {
        let mut text = "[s]\nx=%(a8)s\na0=0123456789\n".to_owned();
        for level in 1..9 {
            let below = format!("%(a{})s", level - 1).repeat(10);
            text.push_str(&format!("a{level}={below}\n"));
        }
        assert!(interpolated(&text).unwrap_err().contains("longer"));
    }

    #[test]
    fn places_survive() {
        let text = "[s]\nx=%%(1,\n  %(y)s, here)\ny=1";
        let ini = Ini::parse(text, &mut Faults::default());
        let section = ini.section("s").unwrap();
        let option = ini.option(section, "x").unwrap();
        let joined = interpolate(&ini, section, option).unwrap();
        let at = joined.byte(joined.text.find("here").unwrap());
        assert_eq!(&text[at..at + 4], "here");
    }
}
