//! `where`: keeps the rows for which a condition is true.

use crate::ast::Expr;
use crate::compile::Compiler;
use crate::error::Fault;
use crate::eval::{Context, State, eval, is_true};
use crate::plan::Node;
use crate::types::Type;

#[derive(Debug)]
pub(crate) struct Where {
    condition: Node,
}

impl Where {
    pub(crate) fn compile(compiler: &mut Compiler<'_>, expr: &Expr) -> Result<Self, Fault> {
        let typed = compiler.expr(expr)?;
        if !typed.kind.is_open() && typed.kind != Type::Boolean {
            let fault = Fault::types(
                expr.span,
                format!("where needs a BOOLEAN, this is {}", typed.kind),
            );
            return Err(fault.hint("compare it with something"));
        }
        Ok(Self {
            condition: typed.node,
        })
    }

    pub(crate) fn keeps<'a>(&'a self, row: &State<'a>, cx: &Context<'a>) -> bool {
        is_true(eval(&self.condition, row, cx), cx)
    }
}
