//! `extend`: fields from expressions.

use crate::ast::Assign;
use crate::compile::Compiler;
use crate::error::Fault;
use crate::eval::{Context, State, eval};
use crate::names::FieldId;
use crate::plan::Node;
use crate::value::{Value, bigint};

#[derive(Debug)]
pub(crate) struct Extend {
    assigns: Vec<(FieldId, Node)>,
}

impl Extend {
    pub(crate) fn compile(compiler: &mut Compiler<'_>, assigns: &[Assign]) -> Result<Self, Fault> {
        let targets: Vec<_> = assigns.iter().map(|assign| assign.target.clone()).collect();
        super::distinct(&targets)?;
        let mut compiled = Vec::with_capacity(assigns.len());
        let mut kinds = Vec::with_capacity(assigns.len());
        for assign in assigns {
            let typed = compiler.expr(&assign.value)?;
            let id = compiler.write(&assign.target.name);
            let integer = typed.kind.is_open() || typed.kind.is_whole();
            if id.is_time() && !integer {
                return Err(Fault::types(
                    assign.value.span,
                    format!(
                        "{} must be INTEGER or BIGINT, this is {}",
                        assign.target.name, typed.kind
                    ),
                )
                .hint("write cast(… as bigint)"));
            }
            compiled.push((id, typed.node));
            kinds.push((id, typed.kind));
        }
        // All expressions read the row as it entered the stage, so the types change afterwards.
        for (id, kind) in kinds {
            compiler.scope.set(id, kind);
        }
        Ok(Self { assigns: compiled })
    }

    pub(crate) fn targets(&self) -> Vec<FieldId> {
        self.assigns.iter().map(|(id, _)| *id).collect()
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        if let [(id, node)] = self.assigns.as_slice() {
            let value = eval(node, row, cx);
            assign(*id, value, row, cx);
            return;
        }
        let values: Vec<Value<'a>> = self
            .assigns
            .iter()
            .map(|(_, node)| eval(node, row, cx))
            .collect();
        for ((id, _), value) in self.assigns.iter().zip(values) {
            assign(*id, value, row, cx);
        }
    }
}

fn assign<'a>(id: FieldId, value: Value<'a>, row: &mut State<'a>, cx: &Context<'a>) {
    if !id.is_time() {
        // Writing null where nothing was changes nothing.
        if !value.is_null() || !row.get(id).is_null() {
            row.set(id, value);
        }
        return;
    }
    match value {
        Value::Integer(_, number) => row.set(id, bigint(number)),
        Value::Null => {
            cx.fail("a time field cannot become null", b"");
        }
        _ => {
            cx.fail("a time field must be an integer", b"");
        }
    }
}
