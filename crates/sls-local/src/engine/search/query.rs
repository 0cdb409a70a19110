//! The search before the first pipe: words, `key: value`, `key > 1`, and, or, not.

use std::borrow::Cow;

use serde_json::Value;
use sls_core::model::TextRef;
use sls_core::wire::{GroupView, LogView};

use super::terms::Term;
use crate::refusal::Refusal;

/// How deep parentheses may nest; the parser calls itself for each.
const MAX_DEPTH: usize = 100;

/// A condition on a log.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Query {
    All,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    /// Somewhere in the contents.
    #[expect(private_interfaces, reason = "conditions are only made here")]
    Anywhere(Term),
    /// In the field of this name.
    #[expect(private_interfaces, reason = "conditions are only made here")]
    Field(String, Term),
    /// The field is a number that compares so.
    #[expect(private_interfaces, reason = "conditions are only made here")]
    Number(String, Comparison, f64),
    /// The field is a number within these two.
    #[expect(private_interfaces, reason = "conditions are only made here")]
    Within(String, Range),
}

/// Two numbers, and whether each is within.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    from: f64,
    with_from: bool,
    to: f64,
    with_to: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

impl Query {
    /// Reads the text before the first pipe; nothing at all means everything.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            next: 0,
        };
        if parser.tokens.is_empty() {
            return Ok(Self::All);
        }
        let query = parser.or(0)?;
        match parser.peek() {
            None => Ok(query),
            Some(token) => Err(invalid(format!("unexpected {token:?}"))),
        }
    }

    pub(super) fn matches(&self, group: &GroupView<'_>, log: &LogView<'_>) -> bool {
        match self {
            Self::All => true,
            Self::And(all) => all.iter().all(|query| query.matches(group, log)),
            Self::Or(any) => any.iter().any(|query| query.matches(group, log)),
            Self::Not(query) => !query.matches(group, log),
            Self::Anywhere(term) => log
                .contents()
                .any(|(_, value)| term.is_in(&value.to_string_lossy())),
            Self::Field(name, term) => field(group, log, name)
                .is_some_and(|value| term.is_anything() || term.is_in(&value)),
            Self::Number(name, comparison, wanted) => {
                number(group, log, name).is_some_and(|number| comparison.holds(number, *wanted))
            }
            Self::Within(name, range) => {
                number(group, log, name).is_some_and(|number| range.has(number))
            }
        }
    }
}

fn number(group: &GroupView<'_>, log: &LogView<'_>, name: &str) -> Option<f64> {
    field(group, log, name)?.trim().parse().ok()
}

/// The text of a field, or of a value inside of one that is JSON.
fn field<'a>(group: &GroupView<'a>, log: &LogView<'a>, name: &str) -> Option<Cow<'a, str>> {
    if let Some(value) = plain_field(group, log, name) {
        return Some(value.to_string_lossy());
    }
    // Any dot may be the end of the field's name and the beginning of the path inside it.
    name.match_indices('.').find_map(|(dot, _)| {
        let value = plain_field(group, log, &name[..dot])?;
        let value: Value = serde_json::from_str(value.to_str().ok()?).ok()?;
        inside(&value, &name[dot + 1..]).map(Cow::Owned)
    })
}

/// The text of the value at a path whose names may have dots themselves.
fn inside(value: &Value, path: &str) -> Option<String> {
    let members = value.as_object()?;
    match members.get(path) {
        Some(Value::String(text)) => return Some(text.clone()),
        Some(other) => return Some(other.to_string()),
        None => {}
    }
    path.match_indices('.')
        .find_map(|(dot, _)| inside(members.get(&path[..dot])?, &path[dot + 1..]))
}

fn plain_field<'a>(group: &GroupView<'a>, log: &LogView<'a>, name: &str) -> Option<TextRef<'a>> {
    match name {
        "__topic__" => return group.topic(),
        "__source__" => return group.source(),
        _ => {}
    }
    if let Some(value) = log.get(name) {
        return Some(value);
    }
    let tag = name.strip_prefix("__tag__:")?;
    let mut tags = group.tags();
    tags.find(|(key, _)| *key == tag).map(|(_, value)| value)
}

impl Range {
    fn has(self, number: f64) -> bool {
        let above = number > self.from || self.with_from && number == self.from;
        let below = number < self.to || self.with_to && number == self.to;
        above && below
    }

    /// `[1 2]`, with a round bracket on a side whose number is not within.
    fn parse(text: &str) -> Option<Self> {
        let inner = text.strip_prefix(['[', '('])?.strip_suffix([']', ')'])?;
        let mut numbers = inner.split([' ', ',']).filter(|number| !number.is_empty());
        let (from, to) = (numbers.next()?, numbers.next()?);
        if numbers.next().is_some() {
            return None;
        }
        Some(Self {
            from: from.parse().ok()?,
            with_from: text.starts_with('['),
            to: to.parse().ok()?,
            with_to: text.ends_with(']'),
        })
    }
}

impl Comparison {
    fn holds(self, number: f64, wanted: f64) -> bool {
        match self {
            Self::Less => number < wanted,
            Self::LessOrEqual => number <= wanted,
            Self::Greater => number > wanted,
            Self::GreaterOrEqual => number >= wanted,
            Self::Equal => number == wanted,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    Colon,
    Compare(Comparison),
    Word(String),
    Quoted(String),
}

fn tokens(text: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let token = match c {
            _ if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            ':' => Token::Colon,
            '=' => Token::Compare(Comparison::Equal),
            '<' if chars.next_if_eq(&'=').is_some() => Token::Compare(Comparison::LessOrEqual),
            '<' => Token::Compare(Comparison::Less),
            '>' if chars.next_if_eq(&'=').is_some() => Token::Compare(Comparison::GreaterOrEqual),
            '>' => Token::Compare(Comparison::Greater),
            '"' | '\'' => Token::Quoted(quoted(c, &mut chars)?),
            _ => {
                let mut word = c.to_string();
                let ends = |c: &char| c.is_whitespace() || "():=<>\"".contains(*c);
                while let Some(c) = chars.next_if(|c| !ends(c)) {
                    word.push(c);
                }
                // The name of a tag has a colon inside.
                if word == "__tag__" && chars.next_if_eq(&':').is_some() {
                    word.push(':');
                    while let Some(c) = chars.next_if(|c| !ends(c)) {
                        word.push(c);
                    }
                }
                Token::Word(word)
            }
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn quoted(quote: char, chars: &mut impl Iterator<Item = char>) -> Result<String, Refusal> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            c if c == quote => return Ok(text),
            c => text.push(c),
        }
    }
    Err(invalid("a quote is not closed"))
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    /// Takes a word that joins conditions.
    fn take_word(&mut self, word: &str) -> bool {
        let is_it =
            matches!(self.peek(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        self.next += usize::from(is_it);
        is_it
    }

    fn or(&mut self, depth: usize) -> Result<Query, Refusal> {
        let mut any = vec![self.and(depth)?];
        while self.take_word("or") {
            any.push(self.and(depth)?);
        }
        Ok(match any.len() {
            1 => any.remove(0),
            _ => Query::Or(any),
        })
    }

    /// Conditions side by side must hold together, with or without a word in between.
    fn and(&mut self, depth: usize) -> Result<Query, Refusal> {
        let mut all = vec![self.one(depth)?];
        loop {
            let ends = match self.peek() {
                None | Some(Token::Close) => true,
                Some(Token::Word(word)) => word.eq_ignore_ascii_case("or"),
                Some(_) => false,
            };
            if ends {
                break;
            }
            self.take_word("and");
            all.push(self.one(depth)?);
        }
        Ok(match all.len() {
            1 => all.remove(0),
            _ => Query::And(all),
        })
    }

    fn one(&mut self, depth: usize) -> Result<Query, Refusal> {
        if depth > MAX_DEPTH {
            return Err(invalid("conditions nest too deeply"));
        }
        if self.take_word("not") {
            return Ok(Query::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.take() {
            Some(Token::Open) => {
                let query = self.or(depth + 1)?;
                match self.take() {
                    Some(Token::Close) => Ok(query),
                    _ => Err(invalid("a parenthesis is not closed")),
                }
            }
            Some(Token::Word(word)) if word == "*" && self.peek() != Some(&Token::Colon) => {
                Ok(Query::All)
            }
            Some(Token::Word(word)) if is_joint(&word) => {
                Err(invalid(format!("a condition is missing before {word}")))
            }
            Some(Token::Word(text) | Token::Quoted(text)) => self.condition(text),
            Some(token) => Err(invalid(format!("unexpected {token:?}"))),
            None => Err(invalid("a condition is missing at the end")),
        }
    }

    /// What follows a word decides whether it was a key.
    fn condition(&mut self, text: String) -> Result<Query, Refusal> {
        let comparison = match self.peek() {
            Some(Token::Colon) => None,
            Some(Token::Compare(comparison)) => Some(*comparison),
            Some(Token::Word(word)) if word == "in" && self.begins_range() => {
                self.next += 1;
                return self.range(text);
            }
            _ => return Ok(Query::Anywhere(Term::new(&text))),
        };
        self.next += 1;
        let Some(Token::Word(value) | Token::Quoted(value)) = self.take() else {
            return Err(invalid(format!("a value of {text} is missing")));
        };
        let Some(comparison) = comparison else {
            return Ok(Query::Field(text, Term::new(&value)));
        };
        match value.parse() {
            Ok(number) => Ok(Query::Number(text, comparison, number)),
            Err(_) => Err(invalid(format!("{value:?} is not a number"))),
        }
    }
}

impl Parser {
    /// Whether a bracket comes after the next token.
    fn begins_range(&self) -> bool {
        match self.tokens.get(self.next + 1) {
            Some(Token::Open) => true,
            Some(Token::Word(word)) => word.starts_with('['),
            _ => false,
        }
    }

    /// `[1 2]` and the like, up to the bracket that ends it.
    fn range(&mut self, name: String) -> Result<Query, Refusal> {
        let mut text = String::new();
        loop {
            match self.take() {
                Some(Token::Open) if text.is_empty() => text.push('('),
                Some(Token::Close) => text.push(')'),
                Some(Token::Word(word)) => {
                    text.push_str(&word);
                    if !word.ends_with(']') {
                        text.push(' ');
                    }
                }
                _ => return Err(invalid(format!("the range of {name} is not closed"))),
            }
            if text.ends_with([']', ')']) {
                break;
            }
        }
        match Range::parse(&text) {
            Some(range) => Ok(Query::Within(name, range)),
            None => Err(invalid(format!("{text:?} is no range of two numbers"))),
        }
    }
}

fn is_joint(word: &str) -> bool {
    word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or")
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::bad("InvalidQueryString", message)
}

#[cfg(test)]
mod tests {
    use sls_core::wire::{GroupEncoder, GroupMeta};

    use super::*;

    #[track_caller]
    fn check(query: &str, want: bool) {
        let mut group = GroupEncoder::new();
        let mut log = group.log(1);
        log.field("level", "ERROR").field("cost", "12.5");
        log.field("message", "cannot open /tmp/x: no such file");
        log.field(
            "json",
            r#"{"user": {"name": "Ann Lee", "age": 41, "x.y": {"z": true}}}"#,
        );
        drop(log);
        let meta = GroupMeta::default()
            .with_topic("app")
            .with_tag("host", "h1");
        let group = group.finish(&meta);
        let group = GroupView::parse(group.as_bytes()).unwrap();
        let log = group.logs().next().unwrap();
        let found = Query::parse(query).unwrap().matches(&group, &log);
        assert_eq!(found, want, "{query}");
    }

    #[test]
    fn conditions_hold_as_they_read() {
        for query in [
            "",
            " * ",
            "error",
            "level: error",
            "level:\"ERROR\"",
            "level: *",
            "\"such file\"",
            "'no such'",
            "open and file",
            "open file",
            "nothing or open",
            "not nothing",
            "not (nothing or info)",
            "level: info or level: error and open",
            "cost > 12 and cost <= 12.5",
            "cost = 12.5",
            "message: fil* and __topic__: app",
            "__tag__:host: h1",
            "json.user.name: lee",
            "json.user.age > 40",
            "json.user.x.y.z: true",
            "json.user: age",
            "cost in [12 13]",
            "cost in [12.5 13)",
            "cost in ( 12 12.5 ]",
            "cost in [12,13] and json.user.age in (40 42)",
        ] {
            check(query, true);
        }
        for query in [
            "nothing",
            "level: err",
            "other: *",
            "\"file such\"",
            "open and nothing",
            "open nothing",
            "not open",
            "(level: info or level: error) and nothing",
            "cost > 12.5",
            "level > 1",
            "app",
            "__tag__:host: h2",
            "json.user.name: bob",
            "json.user.other: *",
            "level.user: *",
            "cost in (12.5 13]",
            "cost in [12 12.5)",
            "level in [1 2]",
        ] {
            check(query, false);
        }
    }

    #[test]
    fn broken_queries_are_refused() {
        let deep = "(".repeat(10_000);
        let nots = "not ".repeat(10_000);
        for query in [
            "(",
            ")",
            "a:",
            ":",
            "a and",
            "or a",
            "a: (b)",
            "a > b",
            "\"open",
            "(a",
            "a)",
            "> 1",
            "a in [1 2",
            "a in [1]",
            "a in [1 2 3]",
            "a in (x y)",
            "a in (",
            &deep,
            &nots,
        ] {
            let refusal = Query::parse(query).unwrap_err();
            assert_eq!(refusal.code, "InvalidQueryString", "{query}");
        }
    }
}
