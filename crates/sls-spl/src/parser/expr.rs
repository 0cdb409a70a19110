//! Expressions, by precedence climbing.
//!
//! Two bounds keep every later walk of the tree off the end of the stack: how deep the text
//! nests while it is read, and how high the finished tree is.

use crate::ast::{ArithmeticOp, CompareOp, Expr, ExprKind, TypeName};
use crate::error::{Fault, Span};
use crate::token::{Mark, TokenKind};

use super::{MAX_DEPTH, Parsed, Parser};

impl Parser {
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.nested(Self::or)
    }

    /// Runs `read` one level deeper, or refuses.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep(self.span()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Parsed<Expr> {
        let first = self.and()?;
        if !self.is_word("or") {
            return Ok(first);
        }
        let mut list = vec![first];
        while self.accept_word("or") {
            list.push(self.and()?);
        }
        self.node(ExprKind::Or(list))
    }

    fn and(&mut self) -> Parsed<Expr> {
        let first = self.not()?;
        if !self.is_word("and") {
            return Ok(first);
        }
        let mut list = vec![first];
        while self.accept_word("and") {
            list.push(self.not()?);
        }
        self.node(ExprKind::And(list))
    }

    fn not(&mut self) -> Parsed<Expr> {
        // A field may be called "not" where nothing that can be negated follows.
        if !self.is_word("not") || self.name_stands_alone() || self.ends_a_branch() {
            return self.comparison();
        }
        let start = self.span();
        self.advance();
        let operand = self.nested(Self::not)?;
        let span = start.to(operand.span);
        build(ExprKind::Not(Box::new(operand)), span)
    }

    /// Whether the current word is followed by something no operand starts with.
    fn name_stands_alone(&self) -> bool {
        match &self.look(1).kind {
            TokenKind::Mark(mark) => !matches!(mark, Mark::OpenParen | Mark::Minus | Mark::Plus),
            TokenKind::Name(word) => ["and", "or", "is", "in", "like", "between"]
                .iter()
                .any(|infix| word.eq_ignore_ascii_case(infix)),
            TokenKind::End => true,
            _ => false,
        }
    }

    /// Whether the current word is followed by a word that no expression starts with.
    fn ends_a_branch(&self) -> bool {
        matches!(&self.look(1).kind, TokenKind::Name(word)
            if ["then", "else", "as"].iter().any(|w| word.eq_ignore_ascii_case(w)))
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.operators(0)?;
        let op = match self.kind() {
            TokenKind::Mark(Mark::Equal) => CompareOp::Equal,
            TokenKind::Mark(Mark::NotEqual) => CompareOp::NotEqual,
            TokenKind::Mark(Mark::Less) => CompareOp::Less,
            TokenKind::Mark(Mark::LessEqual) => CompareOp::LessEqual,
            TokenKind::Mark(Mark::Greater) => CompareOp::Greater,
            TokenKind::Mark(Mark::GreaterEqual) => CompareOp::GreaterEqual,
            _ => return self.predicate(left),
        };
        self.advance();
        let right = self.operators(0)?;
        self.node(ExprKind::Compare(op, Box::new(left), Box::new(right)))
    }

    fn predicate(&mut self, left: Expr) -> Parsed<Expr> {
        if self.accept_word("is") {
            let negated = self.accept_word("not");
            self.expect_word("null")?;
            let span = left.span.to(self.last_span());
            let value = Box::new(left);
            return build(ExprKind::IsNull { negated, value }, span);
        }
        let negated = self.is_word("not")
            && matches!(&self.look(1).kind, TokenKind::Name(word)
                if ["like", "in", "between"].iter().any(|w| word.eq_ignore_ascii_case(w)));
        if negated {
            self.advance();
        }
        if self.accept_word("like") {
            let pattern = self.operators(0)?;
            let escape = if self.accept_word("escape") {
                Some(self.escape()?)
            } else {
                None
            };
            return self.node(ExprKind::Like {
                negated,
                text: Box::new(left),
                pattern: Box::new(pattern),
                escape,
            });
        }
        if self.accept_word("between") {
            let low = self.operators(0)?;
            self.expect_word("and")?;
            let high = self.operators(0)?;
            return self.node(ExprKind::Between {
                negated,
                value: Box::new(left),
                low: Box::new(low),
                high: Box::new(high),
            });
        }
        if self.accept_word("in") {
            self.expect(Mark::OpenParen)?;
            let list = self.list()?;
            self.expect(Mark::CloseParen)?;
            return self.node(ExprKind::In {
                negated,
                value: Box::new(left),
                list,
            });
        }
        Ok(left)
    }

    fn escape(&mut self) -> Parsed<char> {
        let literal = self.string()?;
        let mut chars = literal.text.chars();
        match (chars.next(), chars.next()) {
            (Some(escape), None) => Ok(escape),
            _ => Err(Fault::semantic(
                literal.span,
                "the escape of like must be one character",
            )),
        }
    }

    /// `||`, then `+ -`, then `* / %`, each left to right; `floor` is the loosest allowed.
    fn operators(&mut self, floor: u8) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let TokenKind::Mark(mark) = *self.kind() else {
                return Ok(left);
            };
            let (level, op) = match mark {
                Mark::Concat => (0, None),
                Mark::Plus => (1, Some(ArithmeticOp::Add)),
                Mark::Minus => (1, Some(ArithmeticOp::Subtract)),
                Mark::Star => (2, Some(ArithmeticOp::Multiply)),
                Mark::Slash => (2, Some(ArithmeticOp::Divide)),
                Mark::Percent => (2, Some(ArithmeticOp::Modulo)),
                _ => return Ok(left),
            };
            if level < floor {
                return Ok(left);
            }
            left = match op {
                Some(op) => {
                    self.advance();
                    let right = self.operators(level + 1)?;
                    self.node(ExprKind::Arithmetic(op, Box::new(left), Box::new(right)))?
                }
                None => {
                    let mut list = vec![left];
                    while self.accept(Mark::Concat) {
                        list.push(self.operators(1)?);
                    }
                    self.node(ExprKind::Concat(list))?
                }
            };
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let start = self.span();
        if self.accept(Mark::Minus) {
            let operand = self.nested(Self::unary)?;
            let span = start.to(operand.span);
            // The smallest BIGINT is only writable when the sign belongs to the number.
            if let ExprKind::Integer(digits) = &operand.kind {
                if !digits.starts_with('-') {
                    return build(ExprKind::Integer(format!("-{digits}")), span);
                }
            }
            return build(ExprKind::Negate(Box::new(operand)), span);
        }
        if self.accept(Mark::Plus) {
            let operand = self.nested(Self::unary)?;
            let span = start.to(operand.span);
            return build(ExprKind::Plus(Box::new(operand)), span);
        }
        let mut value = self.primary()?;
        while self.accept(Mark::OpenBracket) {
            let index = self.expr()?;
            self.expect(Mark::CloseBracket)?;
            let span = value.span.to(self.last_span());
            value = build(ExprKind::Subscript(Box::new(value), Box::new(index)), span)?;
        }
        Ok(value)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let span = self.span();
        let kind = match self.kind().clone() {
            TokenKind::Text(text) => ExprKind::Text(text),
            TokenKind::Integer(digits) => ExprKind::Integer(digits),
            TokenKind::Decimal(digits) => ExprKind::Decimal(digits),
            TokenKind::Quoted(name) => ExprKind::Field(name),
            TokenKind::Mark(Mark::OpenParen) => return self.parenthesised(),
            TokenKind::Name(name) => return self.named(&name),
            TokenKind::Mark(Mark::Dollar) => return Err(self.control()),
            _ => return Err(self.unexpected("an expression")),
        };
        self.advance();
        build(kind, span)
    }

    /// `( expr )`, or the parameters of a lambda.
    fn parenthesised(&mut self) -> Parsed<Expr> {
        if let Some(params) = self.lambda_params() {
            return self.lambda(params);
        }
        self.advance();
        let inner = self.expr()?;
        self.expect(Mark::CloseParen)?;
        Ok(inner)
    }

    /// Reads `(a, b) ->` or `a ->` when that is what follows; otherwise moves nothing.
    fn lambda_params(&mut self) -> Option<Vec<String>> {
        let mut ahead = 0;
        let mut params = Vec::new();
        let name = |ahead: usize| match &self.look(ahead).kind {
            TokenKind::Name(name) => Some(name.clone()),
            _ => None,
        };
        let mark = |ahead: usize, mark: Mark| self.look(ahead).kind == TokenKind::Mark(mark);
        if mark(0, Mark::OpenParen) {
            loop {
                params.push(name(ahead + 1)?);
                ahead += 2;
                if mark(ahead, Mark::CloseParen) {
                    break;
                }
                if !mark(ahead, Mark::Comma) {
                    return None;
                }
            }
        } else {
            params.push(name(0)?);
        }
        if !mark(ahead + 1, Mark::Arrow) {
            return None;
        }
        for _ in 0..ahead + 2 {
            self.advance();
        }
        Some(params)
    }

    fn lambda(&mut self, params: Vec<String>) -> Parsed<Expr> {
        let start = self.last_span();
        let body = self.expr()?;
        let span = start.to(body.span);
        let body = Box::new(body);
        build(ExprKind::Lambda { params, body }, span)
    }

    /// Whatever starts with a name: a literal, `case`, `cast`, a call, a lambda or a field.
    fn named(&mut self, name: &str) -> Parsed<Expr> {
        let span = self.span();
        let lower = name.to_ascii_lowercase();
        let next = self.look(1).kind.clone();
        let open = next == TokenKind::Mark(Mark::OpenParen);
        if let Some(params) = self.lambda_params() {
            return self.lambda(params);
        }
        match lower.as_str() {
            "null" | "true" | "false" if !open => {
                self.advance();
                let kind = match lower.as_str() {
                    "null" => ExprKind::Null,
                    word => ExprKind::Boolean(word == "true"),
                };
                return build(kind, span);
            }
            "case" if !self.name_stands_alone() && !self.ends_a_branch() => return self.case(),
            "cast" | "try_cast" if open => return self.cast(lower == "cast"),
            "array" if next == TokenKind::Mark(Mark::OpenBracket) => return self.array(),
            "current_timestamp" | "current_date" if !open => {
                self.advance();
                let (name, args) = (lower, Vec::new());
                return build(ExprKind::Call { name, args }, span);
            }
            _ => {}
        }
        self.advance();
        if !open {
            return build(ExprKind::Field(name.to_owned()), span);
        }
        self.advance();
        let args = if self.is(Mark::CloseParen) {
            Vec::new()
        } else {
            self.list()?
        };
        self.expect(Mark::CloseParen)?;
        let span = span.to(self.last_span());
        build(ExprKind::Call { name: lower, args }, span)
    }

    fn list(&mut self) -> Parsed<Vec<Expr>> {
        let mut list = vec![self.expr()?];
        while self.accept(Mark::Comma) {
            list.push(self.expr()?);
        }
        Ok(list)
    }

    fn array(&mut self) -> Parsed<Expr> {
        let start = self.span();
        self.advance();
        self.advance();
        let items = if self.is(Mark::CloseBracket) {
            Vec::new()
        } else {
            self.list()?
        };
        self.expect(Mark::CloseBracket)?;
        build(ExprKind::Array(items), start.to(self.last_span()))
    }

    fn cast(&mut self, checked: bool) -> Parsed<Expr> {
        let start = self.span();
        self.advance();
        self.advance();
        let value = Box::new(self.expr()?);
        self.expect_word("as")?;
        let target = Box::new(self.type_name()?);
        self.expect(Mark::CloseParen)?;
        let span = start.to(self.last_span());
        build(
            ExprKind::Cast {
                checked,
                value,
                target,
            },
            span,
        )
    }

    /// `bigint`, `varchar(10)`, `array(bigint)`, `map(varchar, bigint)`.
    fn type_name(&mut self) -> Parsed<TypeName> {
        let start = self.span();
        let name = match self.kind() {
            TokenKind::Name(name) => name.to_ascii_lowercase(),
            TokenKind::Integer(digits) => digits.clone(),
            _ => return Err(self.unexpected("a type")),
        };
        self.advance();
        let mut args = Vec::new();
        if self.accept(Mark::OpenParen) {
            loop {
                let arg = self.nested(Self::type_name)?;
                args.push(arg);
                if !self.accept(Mark::Comma) {
                    break;
                }
            }
            self.expect(Mark::CloseParen)?;
        }
        Ok(TypeName {
            name,
            args,
            span: start.to(self.last_span()),
        })
    }

    fn case(&mut self) -> Parsed<Expr> {
        let start = self.span();
        self.advance();
        let operand = if self.is_word("when") {
            None
        } else {
            Some(Box::new(self.expr()?))
        };
        let mut arms = Vec::new();
        while self.accept_word("when") {
            let when = self.expr()?;
            self.expect_word("then")?;
            arms.push((when, self.expr()?));
        }
        if arms.is_empty() {
            return Err(self.unexpected("'when'"));
        }
        let otherwise = if self.accept_word("else") {
            Some(Box::new(self.expr()?))
        } else {
            None
        };
        self.expect_word("end")?;
        let span = start.to(self.last_span());
        build(
            ExprKind::Case {
                operand,
                arms,
                otherwise,
            },
            span,
        )
    }

    /// A node that spans its children.
    fn node(&self, kind: ExprKind) -> Parsed<Expr> {
        let mut expr = build(kind, self.last_span())?;
        if let Some(first) = expr.children().first() {
            expr.span = first.span.to(self.last_span());
        }
        Ok(expr)
    }
}

fn build(kind: ExprKind, span: Span) -> Parsed<Expr> {
    let mut expr = Expr {
        kind,
        span,
        height: 0,
    };
    let below = expr.children().iter().map(|e| e.height).max();
    expr.height = below.map_or(1, |h| h + 1);
    if expr.height > MAX_DEPTH {
        return Err(too_deep(span));
    }
    Ok(expr)
}

fn too_deep(span: Span) -> Fault {
    Fault::limit(
        span,
        format!("expression nests deeper than {MAX_DEPTH} levels"),
    )
    .hint("split it over several extend stages")
}
