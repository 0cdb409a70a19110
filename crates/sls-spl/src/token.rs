//! The tokens of a program.

use crate::error::Span;

/// One token with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A name without quotes, as written.
    Name(String),
    /// A name in double quotes, unescaped.
    Quoted(String),
    /// A string in single quotes, unescaped.
    Text(String),
    /// Digits only.
    Integer(String),
    /// Digits with a point or an exponent.
    Decimal(String),
    /// An operator or a punctuation mark.
    Mark(Mark),
    /// Something no token starts with; an error once the parser gets here.
    Bad(Bad),
    /// The end of the text.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Pipe,
    Concat,
    Semicolon,
    Comma,
    Dot,
    Colon,
    Dollar,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    Equal,
    DoubleEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Arrow,
}

impl Mark {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pipe => "|",
            Self::Concat => "||",
            Self::Semicolon => ";",
            Self::Comma => ",",
            Self::Dot => ".",
            Self::Colon => ":",
            Self::Dollar => "$",
            Self::OpenParen => "(",
            Self::CloseParen => ")",
            Self::OpenBracket => "[",
            Self::CloseBracket => "]",
            Self::Equal => "=",
            Self::DoubleEqual => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Star => "*",
            Self::Slash => "/",
            Self::Percent => "%",
            Self::Arrow => "->",
        }
    }
}

/// Why no token could be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    Character(char),
    OpenString,
    OpenName,
    OpenComment,
    EmptyName,
    Number,
}

impl TokenKind {
    /// How the token is called in messages.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("'{name}'"),
            Self::Quoted(name) => format!("\"{name}\""),
            Self::Text(_) => "a string".to_owned(),
            Self::Integer(digits) | Self::Decimal(digits) => digits.clone(),
            Self::Mark(mark) => format!("'{}'", mark.as_str()),
            Self::Bad(bad) => bad.describe(),
            Self::End => "the end".to_owned(),
        }
    }
}

impl Bad {
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Character(c) => format!("character {c:?}"),
            Self::OpenString => "a string without its closing quote".to_owned(),
            Self::OpenName => "a field name without its closing quote".to_owned(),
            Self::OpenComment => "a comment without its end".to_owned(),
            Self::EmptyName => "an empty field name".to_owned(),
            Self::Number => "a malformed number".to_owned(),
        }
    }
}
