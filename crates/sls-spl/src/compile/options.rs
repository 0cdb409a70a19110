//! The options of commands.

use crate::ast::{Choice, Literal};
use crate::error::Fault;

/// The options a stage was given, checked against those its command has.
pub(crate) struct Choices<'t> {
    given: &'t [Choice],
}

impl<'t> Choices<'t> {
    /// Refuses options that are unknown, repeated, or wrongly have or lack a value.
    pub(crate) fn new(
        given: &'t [Choice],
        switches: &[&str],
        values: &[&str],
    ) -> Result<Self, Fault> {
        for (at, choice) in given.iter().enumerate() {
            let name = choice.name.as_str();
            let fault = |message: String| Err(Fault::semantic(choice.span, message));
            if given[..at].iter().any(|earlier| earlier.name == name) {
                return fault(format!("option -{name} is given twice"));
            }
            if switches.contains(&name) {
                if choice.value.is_some() {
                    return fault(format!("option -{name} takes no value"));
                }
            } else if values.contains(&name) {
                if choice.value.is_none() {
                    return fault(format!("option -{name} needs a value"));
                }
            } else {
                let known: Vec<String> = switches
                    .iter()
                    .chain(values)
                    .map(|name| format!("-{name}"))
                    .collect();
                let fault = Fault::semantic(choice.span, format!("unknown option -{name}"));
                return Err(if known.is_empty() {
                    fault.hint("this command has no options")
                } else {
                    fault.hint(format!("options are {}", known.join(", ")))
                });
            }
        }
        Ok(Self { given })
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.iter().any(|choice| choice.name == name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'t Literal> {
        self.given
            .iter()
            .find(|choice| choice.name == name)
            .and_then(|choice| choice.value.as_ref())
    }

    /// The value of `-prefix`, empty when there is none.
    pub(crate) fn prefix(&self) -> String {
        self.value("prefix")
            .map_or_else(String::new, |prefix| prefix.text.clone())
    }

    /// Whether `-mode` asks to keep existing values.
    pub(crate) fn preserves(&self) -> Result<bool, Fault> {
        match self.value("mode") {
            None => Ok(false),
            Some(mode) => match mode.text.as_str() {
                "overwrite" => Ok(false),
                "preserve" => Ok(true),
                other => Err(
                    Fault::semantic(mode.span, format!("unknown mode '{other}'"))
                        .hint("modes are 'overwrite' and 'preserve'"),
                ),
            },
        }
    }
}

/// Decodes `\t`, `\n`, `\r`, `\\`, octal `\11` and hexadecimal `\x09`; the rest stays as it is.
pub(crate) fn unescape_delimiter(literal: &Literal) -> Result<String, Fault> {
    let mut out = String::new();
    let mut rest = literal.text.as_str();
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let run = |radix: u32, max: usize, from: &str| {
            from.bytes()
                .take(max)
                .take_while(|b| char::from(*b).is_digit(radix))
                .count()
        };
        let (code, used) = match rest.bytes().next() {
            Some(b't') => (Some(9), 1),
            Some(b'n') => (Some(10), 1),
            Some(b'r') => (Some(13), 1),
            Some(b'\\') => (Some(92), 1),
            Some(b'x') => {
                let len = run(16, 2, &rest[1..]);
                if len == 0 {
                    return Err(Fault::semantic(
                        literal.span,
                        "\\x needs one or two hexadecimal digits",
                    ));
                }
                (u32::from_str_radix(&rest[1..=len], 16).ok(), 1 + len)
            }
            Some(b'0'..=b'7') => {
                let len = run(8, 3, rest);
                (u32::from_str_radix(&rest[..len], 8).ok(), len)
            }
            _ => (Some(92), 0),
        };
        let Some(c) = code.and_then(char::from_u32) else {
            return Err(Fault::semantic(
                literal.span,
                "the escape is not a character",
            ));
        };
        out.push(c);
        rest = &rest[used..];
    }
    out.push_str(rest);
    Ok(out)
}
