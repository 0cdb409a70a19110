//! Tokens to tree: a hand-written recursive descent.
//!
//! `command` reads the stages, `expr` the expressions. Both stop at the first fault.

mod command;
mod expr;

pub(crate) use command::distance;

use crate::ast::{Ident, Literal, Query};
use crate::error::{Fault, Span};
use crate::lexer;
use crate::token::{Bad, Mark, Token, TokenKind};

/// Deepest nesting of an expression, both as written and as a tree.
pub(crate) const MAX_DEPTH: u16 = 64;

type Parsed<T> = Result<T, Fault>;

/// Parses a whole program.
pub(crate) fn parse(text: &str, stage_limit: usize) -> Parsed<Query> {
    let mut parser = Parser {
        tokens: lexer::tokens(text),
        at: 0,
        depth: 0,
    };
    parser.query(stage_limit)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: u16,
}

impl Parser {
    fn query(&mut self, stage_limit: usize) -> Parsed<Query> {
        self.source()?;
        let mut stages = Vec::new();
        while self.accept(Mark::Pipe) {
            if stages.len() == stage_limit {
                return Err(Fault::limit(
                    self.span(),
                    format!("more than {stage_limit} stages"),
                ));
            }
            stages.push(self.stage()?);
        }
        if self.accept(Mark::Semicolon) {
            match self.kind() {
                TokenKind::End => {}
                TokenKind::Mark(Mark::Dot | Mark::Dollar) => return Err(self.control()),
                _ => return Err(self.unexpected("the end: only one statement is allowed")),
            }
        }
        match self.kind() {
            TokenKind::End => Ok(Query { stages }),
            TokenKind::Mark(Mark::Concat) => Err(self
                .unexpected("'|' or the end")
                .hint("'||' joins strings; a stage starts with a single '|'")),
            _ => Err(self.unexpected("'|' or the end")),
        }
    }

    /// The part before the first pipe: `*` and nothing else when consuming.
    fn source(&mut self) -> Parsed<()> {
        let search = "an index search before the first '|' is not allowed when consuming";
        match self.kind() {
            TokenKind::Mark(Mark::Star) => {
                self.at += 1;
                match self.kind() {
                    TokenKind::Name(_) | TokenKind::Quoted(_) => {
                        Err(Fault::unsupported(self.span(), search).hint("filter with | where"))
                    }
                    _ => Ok(()),
                }
            }
            TokenKind::Mark(Mark::Dot | Mark::Dollar) => Err(self.control()),
            TokenKind::Mark(Mark::Pipe | Mark::Concat | Mark::Semicolon) | TokenKind::End => {
                Err(self.unexpected("'*'"))
            }
            TokenKind::Bad(Bad::Character(_)) => Err(Fault::unsupported(self.span(), search)
                .hint("start with * and filter with | where")),
            TokenKind::Bad(_) => Err(self.unexpected("'*'")),
            _ => Err(Fault::unsupported(self.span(), search)
                .hint("start with * and filter with | where")),
        }
    }

    fn control(&self) -> Fault {
        Fault::unsupported(
            self.span(),
            "control statements and datasets (.let, $name) are not allowed when consuming",
        )
    }

    fn kind(&self) -> &TokenKind {
        &self.tokens[self.at].kind
    }

    fn span(&self) -> Span {
        self.tokens[self.at].span
    }

    /// The span of the token before the current one.
    fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    /// The token `ahead` places on, or the last one.
    fn look(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn is(&self, mark: Mark) -> bool {
        *self.kind() == TokenKind::Mark(mark)
    }

    fn accept(&mut self, mark: Mark) -> bool {
        let found = self.is(mark);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, mark: Mark) -> Parsed<()> {
        if self.accept(mark) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("'{}'", mark.as_str())))
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), TokenKind::Name(name) if name.eq_ignore_ascii_case(word))
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.accept_word(word) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("'{word}'")))
        }
    }

    /// Whether the token `ahead` starts where the one before it ends.
    fn adjacent(&self, ahead: usize) -> bool {
        ahead > 0 && self.look(ahead - 1).span.end() == self.look(ahead).span.start()
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        let found = self.kind();
        let fault = Fault::syntax(
            self.span(),
            match found {
                TokenKind::Bad(bad) if !matches!(bad, Bad::Character(_)) => bad.describe(),
                _ => format!("expected {wanted}, found {}", found.describe()),
            },
        );
        match found {
            TokenKind::Mark(Mark::DoubleEqual) => fault.hint("equality is written with one '='"),
            TokenKind::Bad(Bad::Number) => {
                fault.hint("names that start with a digit need double quotes")
            }
            _ => fault,
        }
    }

    /// A field name of a command: a name, a quoted name, or an unquoted `__tag__:x`.
    fn field(&mut self) -> Parsed<Ident> {
        let start = self.span();
        let mut name = match self.kind() {
            TokenKind::Quoted(name) => {
                let name = name.clone();
                self.advance();
                return Ok(Ident { name, span: start });
            }
            TokenKind::Name(name) => name.clone(),
            TokenKind::Text(_) => {
                return Err(self
                    .unexpected("a field name")
                    .hint("field names take double quotes, strings single quotes"));
            }
            _ => return Err(self.unexpected("a field name")),
        };
        self.advance();
        while self.is(Mark::Colon) && matches!(self.look(1).kind, TokenKind::Name(_)) {
            if self.last_span().end() != self.span().start() || !self.adjacent(1) {
                break;
            }
            if let TokenKind::Name(part) = &self.look(1).kind {
                name.push(':');
                name.push_str(part);
            }
            self.advance();
            self.advance();
        }
        Ok(Ident {
            name,
            span: start.to(self.last_span()),
        })
    }

    fn fields(&mut self) -> Parsed<Vec<Ident>> {
        let mut fields = vec![self.field()?];
        while self.accept(Mark::Comma) {
            fields.push(self.field()?);
        }
        Ok(fields)
    }

    fn string(&mut self) -> Parsed<Literal> {
        let TokenKind::Text(text) = self.kind() else {
            let fault = self.unexpected("a string in single quotes");
            return Err(match self.kind() {
                TokenKind::Quoted(_) => {
                    fault.hint("double quotes make field names, single quotes strings")
                }
                _ => fault,
            });
        };
        let literal = Literal {
            text: text.clone(),
            span: self.span(),
        };
        self.advance();
        Ok(literal)
    }
}
