//! Expressions: types from the leaves up.

use crate::ast::{ArithmeticOp, CompareOp, Expr, ExprKind, TypeName};
use crate::cast;
use crate::error::{Fault, Span};
use crate::like::Like;
use crate::plan::{Node, Pattern};
use crate::types::{BIGINT, Type};

use super::Compiler;

/// An expression with its type.
pub(crate) struct Typed {
    pub(crate) node: Node,
    pub(crate) kind: Type,
}

impl Typed {
    pub(super) fn new(node: Node, kind: Type) -> Self {
        Self { node, kind }
    }

    /// The same value as a wider number type.
    pub(super) fn widened(self, wanted: &Type) -> Self {
        let widens = self.kind != *wanted && !wanted.is_open() && self.kind.is_number();
        if !widens {
            return self;
        }
        Self {
            node: Node::Widen(Box::new(self.node), wanted.clone()),
            kind: wanted.clone(),
        }
    }
}

impl Compiler<'_> {
    /// Compiles an expression.
    ///
    /// The arms are methods of their own, since the frame of this one is on the stack once for
    /// every level of nesting.
    pub(crate) fn expr(&mut self, expr: &Expr) -> Result<Typed, Fault> {
        let span = expr.span;
        match &expr.kind {
            ExprKind::Null => Ok(Typed::new(Node::Null, Type::Null)),
            ExprKind::Boolean(value) => Ok(Typed::new(Node::Boolean(*value), Type::Boolean)),
            ExprKind::Text(text) => Ok(Typed::new(
                Node::Text(text.as_bytes().into()),
                Type::Varchar,
            )),
            ExprKind::Integer(digits) => integer(digits, span),
            ExprKind::Decimal(digits) => decimal(digits, span),
            ExprKind::Field(name) => Ok(self.name(name)),
            ExprKind::Or(list) => self.junction(list, Node::Or),
            ExprKind::And(list) => self.junction(list, Node::And),
            ExprKind::Not(operand) => self.not(operand),
            ExprKind::Compare(op, left, right) => self.compare(*op, left, right, span),
            ExprKind::Like {
                negated,
                text,
                pattern,
                escape,
            } => self.like(*negated, text, pattern, *escape),
            ExprKind::In {
                negated,
                value,
                list,
            } => self.contained(*negated, value, list, span),
            ExprKind::Between {
                negated,
                value,
                low,
                high,
            } => self.between(*negated, value, [low, high], span),
            ExprKind::IsNull { negated, value } => self.is_null(*negated, value),
            ExprKind::Concat(parts) => self.concat(parts),
            ExprKind::Arithmetic(op, left, right) => self.arithmetic(*op, left, right, span),
            ExprKind::Negate(operand) => self.negate(operand, span),
            ExprKind::Plus(operand) => self.plus(operand, span),
            ExprKind::Subscript(value, index) => self.subscript(value, index),
            ExprKind::Call { name, args } => self.call(name, args, span),
            ExprKind::Cast {
                checked,
                value,
                target,
            } => self.cast(*checked, value, target),
            ExprKind::Case {
                operand,
                arms,
                otherwise,
            } => self.case(operand.as_deref(), arms, otherwise.as_deref(), span),
            ExprKind::Array(items) => self.array(items, span),
            ExprKind::Lambda { .. } => Err(Fault::semantic(
                span,
                "a lambda may only be an argument of transform or filter",
            )),
        }
    }

    fn junction(&mut self, list: &[Expr], node: fn(Vec<Node>) -> Node) -> Result<Typed, Fault> {
        Ok(Typed::new(node(self.conditions(list)?), Type::Boolean))
    }

    fn not(&mut self, operand: &Expr) -> Result<Typed, Fault> {
        let operand = self.condition(operand)?;
        Ok(Typed::new(Node::Not(Box::new(operand)), Type::Boolean))
    }

    fn compare(
        &mut self,
        op: CompareOp,
        left: &Expr,
        right: &Expr,
        span: Span,
    ) -> Result<Typed, Fault> {
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        self.comparable(&left.kind, &right.kind, span, op.as_str())?;
        if !matches!(op, CompareOp::Equal | CompareOp::NotEqual) {
            ordered(&left.kind, span)?;
            ordered(&right.kind, span)?;
        }
        let node = Node::Compare(op, Box::new(left.node), Box::new(right.node));
        Ok(Typed::new(node, Type::Boolean))
    }

    fn between(
        &mut self,
        negated: bool,
        value: &Expr,
        bounds: [&Expr; 2],
        span: Span,
    ) -> Result<Typed, Fault> {
        let value = self.expr(value)?;
        let [low, high] = bounds;
        let (low, high) = (self.expr(low)?, self.expr(high)?);
        let low_mixes = self.mixes(&value.kind, &low.kind, span, "between")?;
        let high_mixes = self.mixes(&value.kind, &high.kind, span, "between")?;
        if low_mixes || high_mixes {
            self.implicit_cast(span, "between")?;
        }
        ordered(&value.kind, span)?;
        let node = Node::Between {
            negated,
            value: Box::new(value.node),
            low: Box::new(low.node),
            high: Box::new(high.node),
        };
        Ok(Typed::new(node, Type::Boolean))
    }

    fn is_null(&mut self, negated: bool, value: &Expr) -> Result<Typed, Fault> {
        let value = Box::new(self.expr(value)?.node);
        Ok(Typed::new(Node::IsNull { negated, value }, Type::Boolean))
    }

    fn concat(&mut self, parts: &[Expr]) -> Result<Typed, Fault> {
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts {
            let typed = self.expr(part)?;
            want(&typed.kind, &Type::Varchar, part.span, "||")?;
            nodes.push(typed.node);
        }
        Ok(Typed::new(Node::Concat(nodes), Type::Varchar))
    }

    fn arithmetic(
        &mut self,
        op: ArithmeticOp,
        left: &Expr,
        right: &Expr,
        span: Span,
    ) -> Result<Typed, Fault> {
        let (left, right) = (self.expr(left)?, self.expr(right)?);
        let kind = self.arithmetic_type(&left.kind, &right.kind, span, op.as_str())?;
        let node = Node::Arithmetic(op, Box::new(left.node), Box::new(right.node));
        Ok(Typed::new(node, kind))
    }

    fn negate(&mut self, operand: &Expr, span: Span) -> Result<Typed, Fault> {
        let operand = self.expr(operand)?;
        let kind = self.sign(&operand.kind, span, "-")?;
        Ok(Typed::new(Node::Negate(Box::new(operand.node)), kind))
    }

    /// A plus sign keeps numbers, and reads text as one.
    fn plus(&mut self, operand: &Expr, span: Span) -> Result<Typed, Fault> {
        let operand = self.expr(operand)?;
        let kind = self.sign(&operand.kind, span, "+")?;
        if operand.kind.is_number() {
            return Ok(operand);
        }
        let inner = Node::Negate(Box::new(operand.node));
        Ok(Typed::new(Node::Negate(Box::new(inner)), kind))
    }

    fn cast(&mut self, checked: bool, value: &Expr, target: &TypeName) -> Result<Typed, Fault> {
        let value = self.expr(value)?;
        let kind = Type::named(target)?;
        cast::check(&value.kind, &kind, target)?;
        let node = Node::Cast {
            checked,
            value: Box::new(value.node),
            target: kind.clone(),
        };
        Ok(Typed::new(node, kind))
    }

    fn array(&mut self, items: &[Expr], span: Span) -> Result<Typed, Fault> {
        let typed = self.exprs(items)?;
        let (nodes, kind) = self.unified(typed, span, "the items of an array")?;
        Ok(Typed::new(Node::Array(nodes), Type::Array(Box::new(kind))))
    }

    pub(super) fn exprs(&mut self, list: &[Expr]) -> Result<Vec<Typed>, Fault> {
        let mut all = Vec::with_capacity(list.len());
        for item in list {
            all.push(self.expr(item)?);
        }
        Ok(all)
    }

    fn name(&mut self, name: &str) -> Typed {
        let local = self.locals.iter().rposition(|(known, _)| known == name);
        if let Some(depth) = local {
            let kind = self.locals[depth].1.clone();
            return Typed::new(Node::Local(depth), kind);
        }
        let id = self.read(name);
        Typed::new(Node::Field(id), self.scope.get(id))
    }

    /// An expression that must be BOOLEAN.
    pub(crate) fn condition(&mut self, expr: &Expr) -> Result<Node, Fault> {
        let typed = self.expr(expr)?;
        want(&typed.kind, &Type::Boolean, expr.span, "a condition")?;
        Ok(typed.node)
    }

    fn conditions(&mut self, list: &[Expr]) -> Result<Vec<Node>, Fault> {
        list.iter().map(|item| self.condition(item)).collect()
    }

    /// Checks that two types compare, and notes an implicit cast.
    pub(super) fn comparable(
        &mut self,
        left: &Type,
        right: &Type,
        span: Span,
        what: &str,
    ) -> Result<(), Fault> {
        if self.mixes(left, right, span, what)? {
            self.implicit_cast(span, what)?;
        }
        Ok(())
    }

    /// Whether comparing the types needs an implicit cast; an error when they do not compare.
    fn mixes(&self, left: &Type, right: &Type, span: Span, what: &str) -> Result<bool, Fault> {
        if left.unify(right).is_some() {
            return Ok(false);
        }
        if is_text_and_number(left, right) || is_text_and_number(right, left) {
            return Ok(true);
        }
        Err(
            Fault::types(span, format!("{what} cannot compare {left} and {right}"))
                .hint("cast one side to the type of the other"),
        )
    }

    fn like(
        &mut self,
        negated: bool,
        text: &Expr,
        pattern: &Expr,
        escape: Option<char>,
    ) -> Result<Typed, Fault> {
        let typed = self.expr(text)?;
        want(&typed.kind, &Type::Varchar, text.span, "like")?;
        let compiled = self.expr(pattern)?;
        want(&compiled.kind, &Type::Varchar, pattern.span, "like")?;
        let fixed = match &compiled.node {
            Node::Text(bytes) => Like::new(&String::from_utf8_lossy(bytes), escape),
            _ => None,
        };
        // A constant with a bad escape stays for the row, where it is a data error.
        let pattern = match fixed {
            Some(like) => Pattern::Fixed(like),
            None => Pattern::PerRow(Box::new(compiled.node), escape),
        };
        let text = Box::new(typed.node);
        let node = Node::Like {
            negated,
            text,
            pattern,
        };
        Ok(Typed::new(node, Type::Boolean))
    }

    fn contained(
        &mut self,
        negated: bool,
        value: &Expr,
        list: &[Expr],
        span: Span,
    ) -> Result<Typed, Fault> {
        let value = self.expr(value)?;
        let mut mixed = false;
        let mut nodes = Vec::with_capacity(list.len());
        for item in list {
            let typed = self.expr(item)?;
            mixed |= self.mixes(&value.kind, &typed.kind, item.span, "in")?;
            nodes.push(typed.node);
        }
        if mixed {
            self.implicit_cast(span, "in")?;
        }
        let node = Node::In {
            negated,
            value: Box::new(value.node),
            list: nodes,
        };
        Ok(Typed::new(node, Type::Boolean))
    }

    fn arithmetic_type(
        &mut self,
        left: &Type,
        right: &Type,
        span: Span,
        op: &str,
    ) -> Result<Type, Fault> {
        for kind in [left, right] {
            if !kind.is_open() && !kind.is_number() && *kind != Type::Varchar {
                let fault = Fault::types(span, format!("{op} needs numbers, this is {kind}"));
                return Err(match kind {
                    Type::Timestamp | Type::Date => fault.hint("use date_add or date_diff"),
                    _ => fault,
                });
            }
        }
        let text = *left == Type::Varchar || *right == Type::Varchar;
        let null = *left == Type::Null || *right == Type::Null;
        if text && !null {
            self.implicit_cast(span, op)?;
        }
        Ok(match (left, right) {
            (Type::Varchar, Type::Double) | (Type::Double, Type::Varchar) => Type::Double,
            _ if null => left.unify(right).unwrap_or(Type::Any),
            _ if text => Type::Number,
            _ => left.unify(right).unwrap_or(Type::Any),
        })
    }

    fn sign(&mut self, kind: &Type, span: Span, op: &str) -> Result<Type, Fault> {
        match kind {
            Type::Varchar => {
                self.implicit_cast(span, op)?;
                Ok(Type::Number)
            }
            kind if kind.is_number() || kind.is_open() => Ok(kind.clone()),
            kind => Err(Fault::types(
                span,
                format!("{op} needs a number, this is {kind}"),
            )),
        }
    }

    fn subscript(&mut self, value: &Expr, index: &Expr) -> Result<Typed, Fault> {
        let typed = self.expr(value)?;
        let place = self.expr(index)?;
        let kind = match &typed.kind {
            Type::Array(item) => {
                let fits = place.kind.is_open() || place.kind.is_whole();
                if !fits {
                    return Err(Fault::types(
                        index.span,
                        format!(
                            "an array subscript must be an integer, this is {}",
                            place.kind
                        ),
                    ));
                }
                (**item).clone()
            }
            Type::Map(key, value) => {
                if key.unify(&place.kind).is_none() {
                    return Err(Fault::types(
                        index.span,
                        format!("the keys of this map are {key}, this is {}", place.kind),
                    ));
                }
                (**value).clone()
            }
            open if open.is_open() => Type::Any,
            other => {
                let fault = Fault::types(value.span, format!("{other} has no subscripts"));
                return Err(match other {
                    Type::Varchar | Type::Json => fault.hint("use json_extract for JSON text"),
                    _ => fault,
                });
            }
        };
        let node = Node::Subscript(Box::new(typed.node), Box::new(place.node));
        Ok(Typed::new(node, kind))
    }

    fn case(
        &mut self,
        operand: Option<&Expr>,
        arms: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
        span: Span,
    ) -> Result<Typed, Fault> {
        let operand = operand.map(|operand| self.expr(operand)).transpose()?;
        let mut whens = Vec::with_capacity(arms.len());
        let mut thens = Vec::with_capacity(arms.len() + 1);
        for (when, then) in arms {
            whens.push(match &operand {
                Some(operand) => {
                    let typed = self.expr(when)?;
                    let kind = operand.kind.clone();
                    self.comparable(&kind, &typed.kind, when.span, "case")?;
                    typed.node
                }
                None => self.condition(when)?,
            });
            thens.push(self.expr(then)?);
        }
        thens.push(match otherwise {
            Some(otherwise) => self.expr(otherwise)?,
            None => Typed::new(Node::Null, Type::Null),
        });
        let (mut thens, kind) = self.unified(thens, span, "the branches of case")?;
        let otherwise = Box::new(thens.pop().unwrap_or(Node::Null));
        let node = Node::Case {
            operand: operand.map(|operand| Box::new(operand.node)),
            arms: whens.into_iter().zip(thens).collect(),
            otherwise,
        };
        Ok(Typed::new(node, kind))
    }

    /// Brings several expressions to one type by widening numbers.
    pub(super) fn unified(
        &self,
        list: Vec<Typed>,
        span: Span,
        what: &str,
    ) -> Result<(Vec<Node>, Type), Fault> {
        let mut kind = Type::Null;
        for typed in &list {
            kind = match kind.unify(&typed.kind) {
                Some(wider) => wider,
                None => {
                    return Err(Fault::types(
                        span,
                        format!("{what} are of different types: {kind} and {}", typed.kind),
                    )
                    .hint("cast them to one type"));
                }
            };
        }
        let nodes = list
            .into_iter()
            .map(|typed| typed.widened(&kind).node)
            .collect();
        Ok((nodes, kind))
    }
}

fn integer(digits: &str, span: Span) -> Result<Typed, Fault> {
    match digits.parse() {
        Ok(value) => Ok(Typed::new(Node::BigInt(value), BIGINT)),
        Err(_) => Err(Fault::semantic(span, "the number does not fit BIGINT")
            .hint("write cast('…' as hugeint)")),
    }
}

fn decimal(digits: &str, span: Span) -> Result<Typed, Fault> {
    match digits.parse() {
        Ok(value) => Ok(Typed::new(Node::Double(value), Type::Double)),
        Err(_) => Err(Fault::semantic(span, "not a number")),
    }
}

fn is_text_and_number(text: &Type, number: &Type) -> bool {
    *text == Type::Varchar && number.is_number()
}

/// Refuses a type that is known and not the wanted one.
pub(super) fn want(given: &Type, wanted: &Type, span: Span, what: &str) -> Result<(), Fault> {
    if given.is_open() || given == wanted {
        return Ok(());
    }
    Err(Fault::types(
        span,
        format!("{what} needs {wanted}, this is {given}"),
    ))
}

fn ordered(kind: &Type, span: Span) -> Result<(), Fault> {
    if kind.is_ordered() {
        return Ok(());
    }
    Err(Fault::types(span, format!("{kind} values have no order")))
}
