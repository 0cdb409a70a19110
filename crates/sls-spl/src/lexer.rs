//! Text to tokens.
//!
//! The lexer never fails: what it cannot read becomes a [`TokenKind::Bad`] token that ends the
//! list, so that the parser reports the first fault in reading order.

use crate::error::Span;
use crate::token::{Bad, Mark, Token, TokenKind};

/// Splits `text` into tokens; the last one is `End` or `Bad`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next();
        let last = matches!(token.kind, TokenKind::End | TokenKind::Bad(_));
        tokens.push(token);
        if last {
            return tokens;
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Token {
        if let Some(token) = self.skip_blanks() {
            return token;
        }
        let start = self.at;
        let Some(first) = self.peek() else {
            return self.token(start, TokenKind::End);
        };
        let kind = match first {
            '\'' => self
                .quoted('\'')
                .map_or(TokenKind::Bad(Bad::OpenString), TokenKind::Text),
            '"' => match self.quoted('"') {
                None => TokenKind::Bad(Bad::OpenName),
                Some(name) if name.is_empty() => TokenKind::Bad(Bad::EmptyName),
                Some(name) => TokenKind::Quoted(name),
            },
            c if is_name_start(c) => {
                self.take_while(is_name_part);
                TokenKind::Name(self.text[start..self.at].to_owned())
            }
            c if c.is_ascii_digit() => self.number(),
            '.' if self.peek_second().is_some_and(|c| c.is_ascii_digit()) => self.number(),
            _ => self.mark(first),
        };
        self.token(start, kind)
    }

    fn token(&self, start: usize, kind: TokenKind) -> Token {
        Token {
            kind,
            span: Span::new(start, self.at),
        }
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_second(&self) -> Option<char> {
        self.rest().chars().nth(1)
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !accept(c)).unwrap_or(rest.len());
    }

    /// Skips white space and comments; gives a token when a comment has no end.
    fn skip_blanks(&mut self) -> Option<Token> {
        loop {
            self.take_while(char::is_whitespace);
            let start = self.at;
            if self.rest().starts_with("--") {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                match self.rest()[2..].find("*/") {
                    Some(at) => self.at += 2 + at + 2,
                    None => {
                        self.at = self.text.len();
                        return Some(self.token(start, TokenKind::Bad(Bad::OpenComment)));
                    }
                }
            } else {
                return None;
            }
        }
    }

    /// Reads a quoted run in which the quote is written twice; `None` when it never closes.
    fn quoted(&mut self, quote: char) -> Option<String> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(at) = self.rest().find(quote) else {
                self.at = self.text.len();
                return None;
            };
            value.push_str(&self.text[self.at..self.at + at]);
            self.at += at + 1;
            if self.peek() != Some(quote) {
                return Some(value);
            }
            value.push(quote);
            self.at += 1;
        }
    }

    fn number(&mut self) -> TokenKind {
        let start = self.at;
        let digit = |c: char| c.is_ascii_digit();
        self.take_while(digit);
        let mut decimal = false;
        if self.peek() == Some('.') {
            decimal = true;
            self.at += 1;
            self.take_while(digit);
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            let mark = self.at;
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if self.peek().is_some_and(digit) {
                decimal = true;
                self.take_while(digit);
            } else {
                self.at = mark;
            }
        }
        if self.peek().is_some_and(is_name_part) {
            self.take_while(is_name_part);
            return TokenKind::Bad(Bad::Number);
        }
        let text = self.text[start..self.at].to_owned();
        if decimal {
            TokenKind::Decimal(text)
        } else {
            TokenKind::Integer(text)
        }
    }

    fn mark(&mut self, first: char) -> TokenKind {
        let second = self.peek_second();
        let (mark, len) = match (first, second) {
            ('|', Some('|')) => (Mark::Concat, 2),
            ('=', Some('=')) => (Mark::DoubleEqual, 2),
            ('!', Some('=')) | ('<', Some('>')) => (Mark::NotEqual, 2),
            ('<', Some('=')) => (Mark::LessEqual, 2),
            ('>', Some('=')) => (Mark::GreaterEqual, 2),
            ('-', Some('>')) => (Mark::Arrow, 2),
            ('|', _) => (Mark::Pipe, 1),
            (';', _) => (Mark::Semicolon, 1),
            (',', _) => (Mark::Comma, 1),
            ('.', _) => (Mark::Dot, 1),
            (':', _) => (Mark::Colon, 1),
            ('$', _) => (Mark::Dollar, 1),
            ('(', _) => (Mark::OpenParen, 1),
            (')', _) => (Mark::CloseParen, 1),
            ('[', _) => (Mark::OpenBracket, 1),
            (']', _) => (Mark::CloseBracket, 1),
            ('=', _) => (Mark::Equal, 1),
            ('<', _) => (Mark::Less, 1),
            ('>', _) => (Mark::Greater, 1),
            ('+', _) => (Mark::Plus, 1),
            ('-', _) => (Mark::Minus, 1),
            ('*', _) => (Mark::Star, 1),
            ('/', _) => (Mark::Slash, 1),
            ('%', _) => (Mark::Percent, 1),
            (other, _) => {
                self.at += other.len_utf8();
                return TokenKind::Bad(Bad::Character(other));
            }
        };
        self.at += len;
        TokenKind::Mark(mark)
    }
}

pub(crate) fn is_name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

pub(crate) fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, want: &[&str]) {
        let got: Vec<String> = tokens(text).iter().map(|t| t.kind.describe()).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn comments_and_blanks_separate_tokens() {
        check(
            "*|a--x\nb/* | */c",
            &["'*'", "'|'", "'a'", "'b'", "'c'", "the end"],
        );
    }

    #[test]
    fn quotes_are_doubled_inside_quotes() {
        assert_eq!(
            tokens("'it''s'")[0].kind,
            TokenKind::Text("it's".to_owned())
        );
        assert_eq!(
            tokens("\"a\"\"b\"")[0].kind,
            TokenKind::Quoted("a\"b".to_owned())
        );
    }

    #[test]
    fn bad_token_ends_the_list() {
        check("a ! b", &["'a'", "character '!'"]);
        check("'x", &["a string without its closing quote"]);
        check("1x", &["a malformed number"]);
    }

    #[test]
    fn numbers_keep_their_text() {
        check(
            "1 1.5 1e3 1. .5",
            &["1", "1.5", "1e3", "1.", ".5", "the end"],
        );
    }
}
