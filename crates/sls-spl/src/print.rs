//! Trees back to text.
//!
//! Printing and parsing again gives the same tree, up to places and to quoting.

use std::fmt::{self, Display, Formatter, Write as _};

use crate::ast::{Choice, Command, Expr, ExprKind, Ident, Item, Literal, Query, Rename, TypeName};
use crate::lexer::{is_name_part, is_name_start};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("*")?;
        for stage in &self.stages {
            write!(f, " | {}", stage.command)?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Where(condition) => write!(f, "where {condition}"),
            Self::Extend(assigns) => {
                f.write_str("extend ")?;
                let all = assigns.iter();
                list(f, all, |f, a| write!(f, "{} = {}", a.target, a.value))
            }
            Self::Project { options, items } => {
                write!(f, "project {}", Options(options))?;
                list(f, items.iter(), |f, item| match item {
                    Item::Keep(ident) => ident.fmt(f),
                    Item::Rename(rename) => rename.fmt(f),
                })
            }
            Self::ProjectAway { options, patterns } => {
                write!(f, "project-away {}", Options(options))?;
                list(f, patterns.iter(), |f, p| p.fmt(f))
            }
            Self::ProjectRename { options, renames } => {
                write!(f, "project-rename {}", Options(options))?;
                list(f, renames.iter(), |f, r| r.fmt(f))
            }
            Self::ParseRegexp {
                options,
                field,
                pattern,
                outputs,
            } => {
                write!(f, "parse-regexp {}{field}, {pattern} as ", Options(options))?;
                list(f, outputs.iter(), |f, o| o.fmt(f))
            }
            Self::ParseCsv {
                options,
                field,
                outputs,
            } => {
                write!(f, "parse-csv {}{field} as ", Options(options))?;
                list(f, outputs.iter(), |f, o| o.fmt(f))
            }
            Self::ParseKv {
                options,
                field,
                strings,
            } => {
                write!(f, "parse-kv {}{field}", Options(options))?;
                for string in strings {
                    write!(f, ", {string}")?;
                }
                Ok(())
            }
            Self::ParseJson { options, field } => {
                write!(f, "parse-json {}{field}", Options(options))
            }
            Self::ExpandValues {
                options,
                field,
                output,
            } => {
                write!(f, "expand-values {}{field}", Options(options))?;
                match output {
                    Some(output) => write!(f, " as {output}"),
                    None => Ok(()),
                }
            }
            Self::PackFields { options, output } => {
                write!(f, "pack-fields {}as {output}", Options(options))
            }
        }
    }
}

struct Options<'t>(&'t [Choice]);

impl Display for Options<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for choice in self.0 {
            write!(f, "-{}", choice.name)?;
            if let Some(value) = &choice.value {
                write!(f, "={value}")?;
            }
            f.write_char(' ')?;
        }
        Ok(())
    }
}

impl Display for Rename {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}", self.target, self.source)
    }
}

impl Display for Ident {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        name(f, &self.name)
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        string(f, &self.text)
    }
}

impl Display for TypeName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.args.is_empty() {
            return Ok(());
        }
        f.write_char('(')?;
        list(f, self.args.iter(), |f, arg| arg.fmt(f))?;
        f.write_char(')')
    }
}

fn list<'t, T: 't>(
    f: &mut Formatter<'_>,
    items: impl Iterator<Item = &'t T>,
    print: impl Fn(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (at, item) in items.enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        print(f, item)?;
    }
    Ok(())
}

fn string(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    write!(f, "'{}'", text.replace('\'', "''"))
}

/// Words that mean something at the start of an expression.
const RESERVED: &[&str] = &[
    "null",
    "true",
    "false",
    "not",
    "case",
    "cast",
    "try_cast",
    "array",
    "current_timestamp",
    "current_date",
    "and",
    "or",
    "in",
    "is",
    "like",
    "between",
    "when",
    "then",
    "else",
    "end",
    "as",
    "escape",
];

fn name(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(is_name_start) && chars.all(is_name_part);
    let reserved = RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word));
    if plain && !reserved {
        f.write_str(name)
    } else {
        write!(f, "\"{}\"", name.replace('"', "\"\""))
    }
}

/// How tightly an expression binds; parts that bind less are put in parentheses.
fn level(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::Lambda { .. } => 0,
        ExprKind::Or(_) => 1,
        ExprKind::And(_) => 2,
        ExprKind::Not(_) => 3,
        ExprKind::Compare(..)
        | ExprKind::Like { .. }
        | ExprKind::In { .. }
        | ExprKind::Between { .. }
        | ExprKind::IsNull { .. } => 4,
        ExprKind::Concat(_) => 5,
        ExprKind::Arithmetic(op, ..) => match op.as_str() {
            "+" | "-" => 6,
            _ => 7,
        },
        ExprKind::Negate(_) | ExprKind::Plus(_) => 8,
        // A sign in front binds less than a subscript.
        ExprKind::Integer(digits) if digits.starts_with('-') => 8,
        _ => 9,
    }
}

/// Prints a part that must bind at least as tightly as `floor`.
struct Part<'t>(&'t Expr, u8);

impl Display for Part<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if level(self.0) < self.1 {
            write!(f, "({})", self.0)
        } else {
            self.0.fmt(f)
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Expr], with: &str, floor: u8) -> fmt::Result {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            write!(f, " {with} ")?;
        }
        Part(part, floor).fmt(f)?;
    }
    Ok(())
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let not = |negated: &bool| if *negated { "not " } else { "" };
        match &self.kind {
            ExprKind::Null => f.write_str("null"),
            ExprKind::Boolean(value) => write!(f, "{value}"),
            ExprKind::Text(text) => string(f, text),
            ExprKind::Integer(digits) | ExprKind::Decimal(digits) => f.write_str(digits),
            ExprKind::Field(field) => name(f, field),
            ExprKind::Or(parts) => joined(f, parts, "or", 2),
            ExprKind::And(parts) => joined(f, parts, "and", 3),
            ExprKind::Not(operand) => write!(f, "not {}", Part(operand, 3)),
            ExprKind::Compare(op, left, right) => {
                write!(f, "{} {} {}", Part(left, 5), op.as_str(), Part(right, 5))
            }
            ExprKind::Like {
                negated,
                text,
                pattern,
                escape,
            } => {
                let (text, pattern) = (Part(text, 5), Part(pattern, 5));
                write!(f, "{text} {}like {pattern}", not(negated))?;
                match escape {
                    Some(escape) => {
                        f.write_str(" escape ")?;
                        string(f, escape.encode_utf8(&mut [0; 4]))
                    }
                    None => Ok(()),
                }
            }
            ExprKind::In {
                negated,
                value,
                list: items,
            } => {
                write!(f, "{} {}in (", Part(value, 5), not(negated))?;
                list(f, items.iter(), |f, item| item.fmt(f))?;
                f.write_char(')')
            }
            ExprKind::Between {
                negated,
                value,
                low,
                high,
            } => {
                let (value, low, high) = (Part(value, 5), Part(low, 5), Part(high, 5));
                write!(f, "{value} {}between {low} and {high}", not(negated))
            }
            ExprKind::IsNull { negated, value } => {
                write!(f, "{} is {}null", Part(value, 5), not(negated))
            }
            ExprKind::Concat(parts) => joined(f, parts, "||", 6),
            ExprKind::Arithmetic(op, left, right) => {
                let own = level(self);
                let (left, right) = (Part(left, own), Part(right, own + 1));
                write!(f, "{left} {} {right}", op.as_str())
            }
            // A blank keeps two signs from becoming a comment.
            ExprKind::Negate(operand) => match operand.kind {
                ExprKind::Integer(_) => write!(f, "- {operand}"),
                _ => write!(f, "- {}", Part(operand, 8)),
            },
            ExprKind::Plus(operand) => write!(f, "+ {}", Part(operand, 8)),
            ExprKind::Subscript(value, index) => write!(f, "{}[{index}]", Part(value, 9)),
            ExprKind::Call { name, args } => {
                write!(f, "{name}(")?;
                list(f, args.iter(), |f, arg| arg.fmt(f))?;
                f.write_char(')')
            }
            ExprKind::Cast {
                checked,
                value,
                target,
            } => {
                let name = if *checked { "cast" } else { "try_cast" };
                write!(f, "{name}({value} as {target})")
            }
            ExprKind::Case {
                operand,
                arms,
                otherwise,
            } => {
                f.write_str("case")?;
                if let Some(operand) = operand {
                    write!(f, " {operand}")?;
                }
                for (when, then) in arms {
                    write!(f, " when {when} then {then}")?;
                }
                if let Some(otherwise) = otherwise {
                    write!(f, " else {otherwise}")?;
                }
                f.write_str(" end")
            }
            ExprKind::Array(items) => {
                f.write_str("array[")?;
                list(f, items.iter(), |f, item| item.fmt(f))?;
                f.write_char(']')
            }
            ExprKind::Lambda { params, body } => {
                if let [param] = params.as_slice() {
                    write!(f, "{param} -> {body}")
                } else {
                    write!(f, "({}) -> {body}", params.join(", "))
                }
            }
        }
    }
}
