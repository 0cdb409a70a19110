//! Calls: lookup, arity, argument types, and constants that are read once.

use std::sync::Arc;

use crate::ast::{Expr, ExprKind};
use crate::error::{Fault, Span};
use crate::functions::{self, CallNode, Function, Prepare, Prepared, Unit};
use crate::json::JsonPath;
use crate::plan::Node;
use crate::re2;
use crate::time::DateFormat;
use crate::types::Type;

use super::Compiler;
use super::expr::{Typed, want};

impl Compiler<'_> {
    pub(super) fn call(&mut self, name: &str, args: &[Expr], span: Span) -> Result<Typed, Fault> {
        match name {
            "if" => return self.if_call(args, span),
            "coalesce" => return self.coalesce(args, span),
            "nullif" => return self.nullif(args, span),
            "try" => return self.try_call(args, span),
            "transform" | "filter" => return self.lambda_call(name, args, span),
            _ => {}
        }
        let Some(function) = functions::find(name) else {
            return Err(unknown(name, span));
        };
        self.check_arity(function, name, args.len(), span)?;
        let typed = self.exprs(args)?;
        self.finish_call(function, name, typed, args, span)
    }

    /// The part of a call that comes after its arguments, off the stack while they compile.
    fn finish_call(
        &self,
        function: &'static Function,
        name: &str,
        typed: Vec<Typed>,
        args: &[Expr],
        span: Span,
    ) -> Result<Typed, Fault> {
        let first = typed.first().map_or(Type::Null, |arg| arg.kind.clone());
        for (at, (arg, expr)) in typed.iter().zip(args).enumerate() {
            let last = function.params.len() - 1;
            let param = function.params[at.min(last)];
            if !param.accepts(&arg.kind, &first) {
                return Err(Fault::types(
                    expr.span,
                    format!(
                        "argument {} of {name} must be {}, this is {}",
                        at + 1,
                        param.describe(),
                        arg.kind
                    ),
                ));
            }
        }
        let typed = if function.unifies {
            let (nodes, kind) = self.unified(typed, span, &format!("the arguments of {name}"))?;
            nodes
                .into_iter()
                .map(|node| Typed::new(node, kind.clone()))
                .collect()
        } else {
            typed
        };
        let kinds: Vec<Type> = typed.iter().map(|arg| arg.kind.clone()).collect();
        let nodes: Vec<Node> = typed.into_iter().map(|arg| arg.node).collect();
        let prepared = prepare(function.prepare, &nodes, args)?;
        let kind = match (function.returns)(&kinds) {
            Type::Null => Type::Any,
            kind => kind,
        };
        let node = CallNode {
            function,
            args: nodes,
            prepared,
        };
        Ok(Typed::new(Node::Call(Box::new(node)), kind))
    }

    fn check_arity(
        &self,
        function: &Function,
        name: &str,
        given: usize,
        span: Span,
    ) -> Result<(), Fault> {
        let most = function.params.len();
        let fits = given >= function.required && (given <= most || function.repeats);
        // Keys without values are no map.
        if fits && !(name == "map" && given == 1) {
            return Ok(());
        }
        let wanted = match (function.required, most) {
            (least, _) if function.repeats => format!("{least} arguments or more"),
            (least, most) if least == most => format!("{most} arguments"),
            (least, most) => format!("{least} to {most} arguments"),
        };
        Err(Fault::semantic(
            span,
            format!("{name} takes {wanted}, {given} given"),
        ))
    }

    fn exactly(
        name: &str,
        args: &[Expr],
        counts: std::ops::RangeInclusive<usize>,
        span: Span,
    ) -> Result<(), Fault> {
        if counts.contains(&args.len()) {
            return Ok(());
        }
        Err(Fault::semantic(
            span,
            format!("{name} does not take {} arguments", args.len()),
        ))
    }

    /// `if(condition, then[, otherwise])` is a case with one arm.
    fn if_call(&mut self, args: &[Expr], span: Span) -> Result<Typed, Fault> {
        Self::exactly("if", args, 2..=3, span)?;
        let condition = self.condition(&args[0])?;
        let mut branches = self.exprs(&args[1..])?;
        if branches.len() == 1 {
            branches.push(Typed::new(Node::Null, Type::Null));
        }
        let (mut branches, kind) = self.unified(branches, span, "the branches of if")?;
        let otherwise = Box::new(branches.pop().unwrap_or(Node::Null));
        let then = branches.pop().unwrap_or(Node::Null);
        let node = Node::Case {
            operand: None,
            arms: vec![(condition, then)],
            otherwise,
        };
        Ok(Typed::new(node, kind))
    }

    fn coalesce(&mut self, args: &[Expr], span: Span) -> Result<Typed, Fault> {
        Self::exactly("coalesce", args, 1..=usize::MAX, span)?;
        let typed = self.exprs(args)?;
        let (nodes, kind) = self.unified(typed, span, "the arguments of coalesce")?;
        Ok(Typed::new(Node::Coalesce(nodes), kind))
    }

    fn nullif(&mut self, args: &[Expr], span: Span) -> Result<Typed, Fault> {
        Self::exactly("nullif", args, 2..=2, span)?;
        let (left, right) = (self.expr(&args[0])?, self.expr(&args[1])?);
        self.comparable(&left.kind, &right.kind, span, "nullif")?;
        let node = Node::NullIf(Box::new(left.node), Box::new(right.node));
        Ok(Typed::new(node, left.kind))
    }

    fn try_call(&mut self, args: &[Expr], span: Span) -> Result<Typed, Fault> {
        Self::exactly("try", args, 1..=1, span)?;
        let inner = self.expr(&args[0])?;
        Ok(Typed::new(Node::Try(Box::new(inner.node)), inner.kind))
    }

    /// `transform(array, x -> …)` and `filter(array, x -> condition)`.
    fn lambda_call(&mut self, name: &str, args: &[Expr], span: Span) -> Result<Typed, Fault> {
        Self::exactly(name, args, 2..=2, span)?;
        let array = self.expr(&args[0])?;
        let item = match &array.kind {
            Type::Array(item) => (**item).clone(),
            kind if kind.is_open() => Type::Any,
            kind => {
                return Err(Fault::types(
                    args[0].span,
                    format!("argument 1 of {name} must be an array, this is {kind}"),
                ));
            }
        };
        let ExprKind::Lambda { params, body } = &args[1].kind else {
            return Err(Fault::semantic(
                args[1].span,
                format!("argument 2 of {name} must be a lambda such as x -> x + 1"),
            ));
        };
        let [param] = params.as_slice() else {
            return Err(Fault::semantic(
                args[1].span,
                format!("the lambda of {name} has one parameter"),
            ));
        };
        self.locals.push((param.clone(), item));
        let compiled = self.expr(body);
        self.locals.pop();
        let compiled = compiled?;
        let array_node = Box::new(array.node);
        if name == "filter" {
            want(
                &compiled.kind,
                &Type::Boolean,
                body.span,
                "the lambda of filter",
            )?;
            let node = Node::Filter(array_node, Box::new(compiled.node));
            return Ok(Typed::new(node, array.kind));
        }
        let node = Node::Transform(array_node, Box::new(compiled.node));
        Ok(Typed::new(node, Type::Array(Box::new(compiled.kind))))
    }
}

fn unknown(name: &str, span: Span) -> Fault {
    if functions::is_aggregate(name) {
        return Fault::semantic(
            span,
            format!("{name} is an aggregate function, which expressions cannot use"),
        );
    }
    let fault = Fault::semantic(span, format!("unknown function {name}"));
    let nearest = functions::function_names()
        .filter(|known| known.len().abs_diff(name.len()) <= 2)
        .map(|known| {
            (
                crate::parser::distance(name.as_bytes(), known.as_bytes()),
                known,
            )
        })
        .filter(|(distance, _)| *distance <= 2)
        .min();
    match nearest {
        Some((_, known)) => fault.hint(format!("did you mean {known}?")),
        None => fault,
    }
}

/// Reads the constant argument of a call, when it is one.
fn prepare(what: Prepare, nodes: &[Node], args: &[Expr]) -> Result<Prepared, Fault> {
    let at = match what {
        Prepare::Nothing => return Ok(Prepared::Nothing),
        Prepare::Regex(at) | Prepare::Path(at) | Prepare::Format(at) | Prepare::Unit(at) => at,
    };
    let Some(Node::Text(bytes)) = nodes.get(at) else {
        return Ok(Prepared::Nothing);
    };
    let text = String::from_utf8_lossy(bytes);
    let span = args[at].span;
    Ok(match what {
        Prepare::Nothing => Prepared::Nothing,
        Prepare::Regex(_) => Prepared::Regex(Arc::new(re2::compile(&text).map_err(|reason| {
            Fault::semantic(span, format!("bad regular expression: {reason}"))
        })?)),
        Prepare::Path(_) => Prepared::Path(
            JsonPath::parse(&text)
                .map_err(|reason| Fault::semantic(span, format!("bad JSON path: {reason}")))?,
        ),
        Prepare::Format(_) => Prepared::Format(DateFormat::new(&text)),
        Prepare::Unit(_) => Prepared::Unit(Unit::named(&text).ok_or_else(|| {
            Fault::semantic(span, format!("unknown unit of time '{text}'")).hint(
                "units are millisecond, second, minute, hour, day, week, month, quarter, year",
            )
        })?),
    })
}
