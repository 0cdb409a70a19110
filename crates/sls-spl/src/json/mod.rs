//! JSON read in place.
//!
//! Values are slices of the source text: numbers keep their digits and members their order.
//! A text is checked once as a whole; after that its parts are walked without further checks.

mod path;
mod write;

use std::borrow::Cow;

pub(crate) use path::JsonPath;
pub(crate) use write::{compact, is_compact, write_string};

/// Deepest nesting of arrays and objects; deeper text counts as invalid.
const MAX_DEPTH: usize = 256;

/// One value of a valid JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node<'t> {
    raw: &'t str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    Boolean,
    Number,
    Text,
    Array,
    Object,
}

/// Checks `text` and gives its value; `None` when it is not JSON.
pub(crate) fn parse(text: &str) -> Option<Node<'_>> {
    let mut scanner = Scanner::new(text);
    scanner.blanks();
    let start = scanner.at;
    scanner.value(0)?;
    let end = scanner.at;
    scanner.blanks();
    (scanner.at == text.len()).then(|| Node {
        raw: &text[start..end],
    })
}

impl<'t> Node<'t> {
    /// The source text of the value.
    pub(crate) fn raw(self) -> &'t str {
        self.raw
    }

    pub(crate) fn kind(self) -> Kind {
        match self.raw.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::Text,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') | None => Kind::Null,
            Some(_) => Kind::Number,
        }
    }

    /// The text of a scalar: strings decoded, numbers and booleans as written.
    ///
    /// `None` for null, arrays and objects.
    pub(crate) fn scalar(self) -> Option<Cow<'t, str>> {
        match self.kind() {
            Kind::Text => Some(self.decoded()),
            Kind::Number | Kind::Boolean => Some(Cow::Borrowed(self.raw)),
            Kind::Null | Kind::Array | Kind::Object => None,
        }
    }

    /// The characters of a string value.
    pub(crate) fn decoded(self) -> Cow<'t, str> {
        let inner = self
            .raw
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(self.raw);
        if inner.contains('\\') {
            Cow::Owned(unescape(inner))
        } else {
            Cow::Borrowed(inner)
        }
    }

    /// The elements of an array; nothing for other values.
    pub(crate) fn elements(self) -> Elements<'t> {
        Elements {
            scanner: Scanner::inside(self.raw, self.kind() == Kind::Array),
        }
    }

    /// The members of an object, key first; nothing for other values.
    pub(crate) fn members(self) -> Members<'t> {
        Members {
            scanner: Scanner::inside(self.raw, self.kind() == Kind::Object),
        }
    }

    /// How many elements or members there are; 0 for scalars.
    pub(crate) fn size(self) -> usize {
        match self.kind() {
            Kind::Array => self.elements().count(),
            Kind::Object => self.members().count(),
            _ => 0,
        }
    }
}

pub(crate) struct Elements<'t> {
    scanner: Scanner<'t>,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        self.scanner.separator();
        self.scanner.node()
    }
}

pub(crate) struct Members<'t> {
    scanner: Scanner<'t>,
}

impl<'t> Iterator for Members<'t> {
    type Item = (Node<'t>, Node<'t>);

    fn next(&mut self) -> Option<(Node<'t>, Node<'t>)> {
        self.scanner.separator();
        let key = self.scanner.node()?;
        self.scanner.blanks();
        self.scanner.accept(b':')?;
        self.scanner.blanks();
        Some((key, self.scanner.node()?))
    }
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// A scanner just inside a container, or at the end when `text` is something else.
    fn inside(text: &'t str, container: bool) -> Self {
        let at = if container { 1 } else { text.len() };
        Self { text, at }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Moves to the next value of a container.
    fn separator(&mut self) {
        self.blanks();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.blanks();
        }
    }

    /// The value at this place; `None` at the closing bracket.
    fn node(&mut self) -> Option<Node<'t>> {
        let start = self.at;
        self.value(0)?;
        Some(Node {
            raw: &self.text[start..self.at],
        })
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => self.container(depth, b'}', true),
            b'[' => self.container(depth, b']', false),
            b'"' => self.string(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn container(&mut self, depth: usize, close: u8, keyed: bool) -> Option<()> {
        if depth >= MAX_DEPTH {
            return None;
        }
        self.at += 1;
        self.blanks();
        if self.accept(close).is_some() {
            return Some(());
        }
        loop {
            if keyed {
                self.string()?;
                self.blanks();
                self.accept(b':')?;
                self.blanks();
            }
            self.value(depth + 1)?;
            self.blanks();
            if self.accept(close).is_some() {
                return Some(());
            }
            self.accept(b',')?;
            self.blanks();
        }
    }

    fn string(&mut self) -> Option<()> {
        self.accept(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.escape()?,
                control if control < 0x20 => return None,
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        self.at += 1;
        match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                let digits = self.text.as_bytes().get(self.at + 1..self.at + 5)?;
                if !digits.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                self.at += 5;
            }
            _ => return None,
        }
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        found.then(|| self.at += word.len())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Decodes the escapes of a checked string; half of a surrogate pair becomes U+FFFD.
fn unescape(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let Some(code) = rest.as_bytes().get(at + 1) else {
            return out;
        };
        rest = &rest[at + 2..];
        match code {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let high = unit(rest);
                rest = rest.get(4..).unwrap_or_default();
                let low = rest.strip_prefix("\\u").map(unit);
                let pair = low.and_then(|low| {
                    char::decode_utf16([high, low])
                        .next()
                        .and_then(Result::ok)
                        .filter(|c| c.len_utf16() == 2)
                });
                match pair {
                    Some(c) => {
                        out.push(c);
                        rest = rest.get(6..).unwrap_or_default();
                    }
                    None => out.push(char::from_u32(u32::from(high)).unwrap_or('\u{fffd}')),
                }
            }
            other => out.push(char::from(*other)),
        }
    }
    out.push_str(rest);
    out
}

fn unit(digits: &str) -> u16 {
    digits
        .get(..4)
        .and_then(|digits| u16::from_str_radix(digits, 16).ok())
        .unwrap_or(0xfffd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_valid_texts_are_json() {
        for good in [
            "{}",
            " [1 , 2.50e+3] ",
            "\"\\u00e9\"",
            "-0",
            "null",
            "{\"a\":[{}]}",
        ] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "{",
            "01",
            "1.",
            ".5",
            "+1",
            "[1,]",
            "{\"a\"}",
            "{a:1}",
            "nul",
            "1 2",
            "\"\n\"",
            "\"\\x\"",
            "'a'",
            "[1 2]",
            "\"\\u12\"",
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = "[".repeat(100_000);
        assert!(parse(&deep).is_none());
        let fine = format!("{}{}", "[".repeat(256), "]".repeat(256));
        assert!(parse(&fine).is_some());
    }

    #[test]
    fn escapes_decode_and_lone_surrogates_are_replaced() {
        let text = |raw| parse(raw).map(|n| n.decoded().into_owned());
        assert_eq!(
            text(r#""a\n\"\u6d4b\ud83d\ude00""#).as_deref(),
            Some("a\n\"测😀")
        );
        assert_eq!(text(r#""\ud83dx""#).as_deref(), Some("\u{fffd}x"));
        assert_eq!(text(r#""\ud83d\u0041""#).as_deref(), Some("\u{fffd}A"));
    }
}
