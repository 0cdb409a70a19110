//! The stages of a program.

use crate::ast::{Assign, Choice, Command, Item, Literal, Rename, Stage};
use crate::error::{Fault, Span};
use crate::token::{Mark, TokenKind};

use super::{Parsed, Parser};

/// Commands of the language that consumption does not allow.
const NOT_WHEN_CONSUMING: &[&str] = &[
    "stats",
    "sort",
    "limit",
    "make-series",
    "render",
    "select",
    "log-to-metric",
    "metric-to-metric",
];

/// All commands, for the hint of a misspelt one.
const COMMANDS: &[&str] = &[
    "where",
    "extend",
    "project",
    "project-away",
    "project-rename",
    "parse-regexp",
    "parse-csv",
    "parse-kv",
    "parse-json",
    "expand-values",
    "pack-fields",
];

impl Parser {
    pub(super) fn stage(&mut self) -> Parsed<Stage> {
        let (name, name_span) = self.command_name()?;
        let command = match name.as_str() {
            "where" => Command::Where(self.expr()?),
            "extend" => self.extend()?,
            "project" => self.project()?,
            "project-away" => Command::ProjectAway {
                options: self.options()?,
                patterns: self.fields()?,
            },
            "project-rename" => self.project_rename()?,
            "parse-regexp" => self.parse_regexp()?,
            "parse-csv" => self.parse_csv()?,
            "parse-kv" => self.parse_kv()?,
            "parse-json" => Command::ParseJson {
                options: self.options()?,
                field: self.field()?,
            },
            "expand-values" => self.expand_values()?,
            "pack-fields" => self.pack_fields()?,
            other if NOT_WHEN_CONSUMING.contains(&other) => {
                return Err(Fault::unsupported(
                    name_span,
                    format!("command {other} is not allowed when consuming"),
                ));
            }
            other => {
                let fault = Fault::syntax(name_span, format!("unknown command {other}"));
                return Err(match nearest(other) {
                    Some(known) => fault.hint(format!("did you mean {known}?")),
                    None => fault.hint(format!("commands are {}", COMMANDS.join(", "))),
                });
            }
        };
        Ok(Stage { command })
    }

    /// A name, or several joined by hyphens without blanks, in lower case.
    fn command_name(&mut self) -> Parsed<(String, Span)> {
        match self.kind() {
            TokenKind::Name(_) => {}
            TokenKind::Mark(Mark::Dot | Mark::Dollar) => return Err(self.control()),
            _ => return Err(self.unexpected("a command")),
        }
        let start = self.span();
        let name = self.hyphenated();
        Ok((name, start.to(self.last_span())))
    }

    /// Reads `a-b-c` from the current name on; lower case.
    fn hyphenated(&mut self) -> String {
        let mut name = String::new();
        if let TokenKind::Name(first) = self.kind() {
            name.push_str(first);
        }
        self.advance();
        while self.is(Mark::Minus)
            && self.last_span().end() == self.span().start()
            && self.adjacent(1)
        {
            let TokenKind::Name(part) = &self.look(1).kind else {
                break;
            };
            name.push('-');
            name.push_str(part);
            self.advance();
            self.advance();
        }
        name.make_ascii_lowercase();
        name
    }

    /// `-name`, `-name='value'`, … as many as there are.
    fn options(&mut self) -> Parsed<Vec<Choice>> {
        let mut options = Vec::new();
        while self.is(Mark::Minus) {
            let start = self.span();
            if !matches!(self.look(1).kind, TokenKind::Name(_)) || !self.adjacent(1) {
                return Err(self.unexpected("a field name or an option"));
            }
            self.advance();
            let name = self.hyphenated();
            let value = if self.accept(Mark::Equal) {
                Some(self.option_value()?)
            } else {
                None
            };
            options.push(Choice {
                name,
                value,
                span: start.to(self.last_span()),
            });
        }
        Ok(options)
    }

    fn option_value(&mut self) -> Parsed<Literal> {
        let span = self.span();
        let (TokenKind::Text(text) | TokenKind::Integer(text) | TokenKind::Name(text)) =
            self.kind()
        else {
            return Err(self.unexpected("the value of the option"));
        };
        let text = text.clone();
        self.advance();
        Ok(Literal { text, span })
    }

    fn extend(&mut self) -> Parsed<Command> {
        let mut assigns = Vec::new();
        loop {
            let target = self.field()?;
            self.expect(Mark::Equal)?;
            let value = self.expr()?;
            assigns.push(Assign { target, value });
            if !self.accept(Mark::Comma) {
                return Ok(Command::Extend(assigns));
            }
        }
    }

    fn project(&mut self) -> Parsed<Command> {
        let options = self.options()?;
        let mut items = Vec::new();
        loop {
            let first = self.field()?;
            items.push(if self.accept(Mark::Equal) {
                Item::Rename(Rename {
                    target: first,
                    source: self.field()?,
                })
            } else {
                Item::Keep(first)
            });
            if !self.accept(Mark::Comma) {
                return Ok(Command::Project { options, items });
            }
        }
    }

    fn project_rename(&mut self) -> Parsed<Command> {
        let options = self.options()?;
        let mut renames = Vec::new();
        loop {
            let target = self.field()?;
            self.expect(Mark::Equal)?;
            renames.push(Rename {
                target,
                source: self.field()?,
            });
            if !self.accept(Mark::Comma) {
                return Ok(Command::ProjectRename { options, renames });
            }
        }
    }

    fn parse_regexp(&mut self) -> Parsed<Command> {
        let options = self.options()?;
        let field = self.field()?;
        self.expect(Mark::Comma)?;
        let pattern = self.string()?;
        self.expect_word("as")?;
        Ok(Command::ParseRegexp {
            options,
            field,
            pattern,
            outputs: self.fields()?,
        })
    }

    fn parse_csv(&mut self) -> Parsed<Command> {
        let options = self.options()?;
        let field = self.field()?;
        self.expect_word("as")?;
        Ok(Command::ParseCsv {
            options,
            field,
            outputs: self.fields()?,
        })
    }

    fn parse_kv(&mut self) -> Parsed<Command> {
        let options = self.options()?;
        let field = self.field()?;
        let mut strings = Vec::new();
        while strings.len() < 2 && self.accept(Mark::Comma) {
            strings.push(self.string()?);
        }
        Ok(Command::ParseKv {
            options,
            field,
            strings,
        })
    }

    fn expand_values(&mut self) -> Parsed<Command> {
        let options = self.options()?;
        let field = self.field()?;
        let output = if self.accept_word("as") {
            Some(self.field()?)
        } else {
            None
        };
        Ok(Command::ExpandValues {
            options,
            field,
            output,
        })
    }

    fn pack_fields(&mut self) -> Parsed<Command> {
        let options = self.options()?;
        self.expect_word("as")?;
        Ok(Command::PackFields {
            options,
            output: self.field()?,
        })
    }
}

/// The command that differs from `name` by one or two letters.
fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > 32 {
        return None;
    }
    COMMANDS
        .iter()
        .map(|known| (distance(name.as_bytes(), known.as_bytes()), *known))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, known)| known)
}

/// Edit distance of two short words.
pub(crate) fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substitute = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substitute.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
