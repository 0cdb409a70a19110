use std::collections::{HashMap, HashSet};

use crate::config::problem::{Fault, Faults};

/// A file as `configparser` reads it with its defaults.
///
/// Full-line comments begin with `#` or `;`, a name ends at the first `=` or `:`, a line
/// that is indented deeper than its option goes on with the value, and names of options
/// are in lower case.
#[derive(Default)]
pub(super) struct Ini {
    sections: Vec<Section>,
    /// What holds in every section that does not say otherwise.
    defaults: Section,
}

#[derive(Default)]
pub(super) struct Section {
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) options: Vec<IniOption>,
}

pub(super) struct IniOption {
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) value: Joined,
}

/// A value of one or more lines, and where each of them is in the file.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(super) struct Joined {
    pub(super) text: String,
    /// From this byte of the text on, bytes are those of the file from that byte on.
    pieces: Vec<(usize, usize)>,
}

impl Joined {
    /// Appends a part of the file.
    pub(super) fn push(&mut self, part: &str, at: usize) {
        self.pieces.push((self.text.len(), at));
        self.text.push_str(part);
    }

    /// The byte of the file for a byte of the text.
    pub(super) fn byte(&self, at: usize) -> usize {
        let piece = self.pieces.partition_point(|(start, _)| *start <= at);
        match self.pieces[..piece].last() {
            Some((start, byte)) => byte + (at - start),
            None => 0,
        }
    }

    fn trim_end(&mut self) {
        self.text.truncate(self.text.trim_end().len());
    }
}

impl Section {
    fn find(&self, name: &str) -> Option<&IniOption> {
        self.options.iter().find(|option| option.name == name)
    }
}

impl Ini {
    /// Reads a file; lines that are neither section nor option are added to `faults`.
    pub(super) fn parse(text: &str, faults: &mut Faults) -> Self {
        let mut reader = Reader::default();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            if let Err(fault) = reader.line(line, at) {
                faults.push(fault);
            }
            at += line.len();
        }
        reader.ini()
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// An option of a section, or of `[DEFAULT]`.
    pub(super) fn option<'i>(&'i self, section: &'i Section, name: &str) -> Option<&'i IniOption> {
        section.find(name).or_else(|| self.defaults.find(name))
    }
}

const DEFAULT: &str = "DEFAULT";

#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    defaults: Section,
    /// The section that lines belong to now.
    current: Option<Current>,
    /// Names that are taken, each with its section.
    options: HashSet<(usize, String)>,
    names: HashMap<String, usize>,
    /// How far the option or section that was begun last is indented.
    indent: usize,
    /// Whether lines can go on with an option.
    in_option: bool,
}

#[derive(Clone, Copy)]
enum Current {
    Section(usize),
    Defaults,
    /// A section that is there twice: its lines were complained about once.
    Ignored,
}

impl Reader {
    fn line(&mut self, line: &str, at: usize) -> Result<(), Fault> {
        let value = line.trim();
        if value.starts_with(['#', ';']) {
            return Ok(());
        }
        if value.is_empty() {
            if self.in_option {
                self.go_on("", at);
            }
            return Ok(());
        }
        let blank = line.len() - line.trim_start().len();
        let indent = line[..blank].chars().count();
        let at = at + blank;
        if self.in_option && indent > self.indent {
            self.go_on(value, at);
            return Ok(());
        }
        self.indent = indent;
        self.in_option = false;
        let header = value.strip_prefix('[').and_then(|rest| {
            let end = rest.rfind(']').filter(|end| *end > 0)?;
            Some(&rest[..end])
        });
        match header {
            Some(name) => self.section(name, at),
            None => self.option(value, at),
        }
    }

    fn section(&mut self, name: &str, at: usize) -> Result<(), Fault> {
        if name == DEFAULT {
            self.current = Some(Current::Defaults);
            return Ok(());
        }
        if self.names.contains_key(name) {
            self.current = Some(Current::Ignored);
            return Err(Fault::new(at, "this section is there twice"));
        }
        let index = self.sections.len();
        self.names.insert(name.to_owned(), index);
        self.current = Some(Current::Section(index));
        self.sections.push(Section {
            at,
            name: name.to_owned(),
            options: Vec::new(),
        });
        Ok(())
    }

    fn option(&mut self, line: &str, at: usize) -> Result<(), Fault> {
        let Some(current) = self.current else {
            return Err(Fault::new(
                at,
                "a line before the first section; begin with `[loggers]`",
            ));
        };
        let broken = || {
            Fault::new(
                at,
                "neither a section nor an option; write `name=value`, or indent a line that \
                 goes on with the value above",
            )
        };
        let end = line.find(['=', ':']).ok_or_else(broken)?;
        let name = line[..end].trim_end().to_lowercase();
        if name.is_empty() {
            return Err(broken());
        }
        let (section, id) = match current {
            Current::Section(index) => (&mut self.sections[index], index + 1),
            Current::Defaults => (&mut self.defaults, 0),
            Current::Ignored => return Ok(()),
        };
        if !self.options.insert((id, name.clone())) {
            return Err(Fault::new(at, "this option is there twice in its section"));
        }
        let rest = &line[end + 1..];
        let value = rest.trim_start();
        let mut joined = Joined::default();
        joined.push(value, at + line.len() - value.len());
        section.options.push(IniOption {
            at,
            name,
            value: joined,
        });
        self.in_option = true;
        Ok(())
    }

    /// Adds a line to the option that was begun last.
    fn go_on(&mut self, line: &str, at: usize) {
        let section = match self.current {
            Some(Current::Section(index)) => &mut self.sections[index],
            Some(Current::Defaults) => &mut self.defaults,
            _ => return,
        };
        if let Some(option) = section.options.last_mut() {
            option.value.text.push('\n');
            option.value.push(line, at);
        }
    }

    fn ini(mut self) -> Ini {
        let all = self.sections.iter_mut().chain([&mut self.defaults]);
        for option in all.flat_map(|section| &mut section.options) {
            option.value.trim_end();
        }
        Ini {
            sections: self.sections,
            defaults: self.defaults,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Ini, Result<(), String>) {
        let mut faults = Faults::default();
        let ini = Ini::parse(text, &mut faults);
        let outcome = faults.into_result("f", text).map_err(|e| e.to_string());
        (ini, outcome)
    }

    fn value(ini: &Ini, section: &str, option: &str) -> String {
        let section = ini.section(section).unwrap();
        ini.option(section, option).unwrap().value.text.clone()
    }

    /// What CPython 3.11 makes of the same lines.
    #[test]
    fn lines_are_read_as_configparser_reads_them() {
        let text = "# comment\n[a]\nKey = one\nb: two = 2\n; comment\nc=\n  three\n\n   four\n\
                    \n[b] trailing\n d = x ; not a comment\n e = y\n[DEFAULT]\nf=all\nb=shadowed\n";
        let (ini, outcome) = parse(text);
        assert_eq!(outcome, Ok(()));
        assert_eq!(value(&ini, "a", "key"), "one");
        assert_eq!(value(&ini, "a", "b"), "two = 2");
        assert_eq!(value(&ini, "a", "c"), "\nthree\n\nfour");
        assert_eq!(value(&ini, "b", "d"), "x ; not a comment");
        assert_eq!(value(&ini, "b", "e"), "y");
        assert_eq!(value(&ini, "a", "f"), "all");
    }

    #[test]
    fn a_comment_inside_a_value_is_left_out() {
        let (ini, outcome) = parse("[a]\nb=(\n  # why\n  1,\n  )\r\n");
        assert_eq!(outcome, Ok(()));
        assert_eq!(value(&ini, "a", "b"), "(\n1,\n)");
    }

    #[test]
    fn a_byte_of_a_value_is_found_in_the_file() {
        let text = "[a]\nb = (1,\n     'x')\n";
        let (ini, _) = parse(text);
        let value = &ini.option(ini.section("a").unwrap(), "b").unwrap().value;
        let at = value.byte(value.text.find("'x'").unwrap());
        assert_eq!(&text[at..at + 3], "'x'");
        let at = value.byte(value.text.find('1').unwrap());
        assert_eq!(&text[at..=at], "1");
    }

    #[test]
    fn broken_lines_are_told_with_their_place_and_not_shown() {
        for (text, says) in [
            ("hush=1\n", "f:1:1: a line before the first section"),
            ("[a]\nhush\n", "f:2:1: neither a section nor an option"),
            ("[a]\n=hush\n", "f:2:1: neither a section nor an option"),
            ("[a]\n[a]\nx=1\n", "f:2:1: this section is there twice"),
            ("[a]\nhush=1\nHUSH=2\n", "f:3:1: this option is there twice"),
            ("[]\n", "f:1:1: a line before"),
        ] {
            let (_, outcome) = parse(text);
            let error = outcome.unwrap_err();
            assert!(error.starts_with(says), "{text:?}: {error}");
            assert!(!error.to_lowercase().contains("hush"), "{error}");
        }
    }
}
