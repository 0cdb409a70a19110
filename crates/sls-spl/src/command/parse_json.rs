//! `parse-json`: fields from the members of a JSON object.

use std::collections::HashMap;

use crate::ast::{Choice, Ident};
use crate::compile::{Choices, Compiler};
use crate::error::Fault;
use crate::eval::{Context, State};
use crate::json::{self, JsonPath, Kind, Node};
use crate::names::FieldId;
use crate::value::Value;

#[derive(Debug)]
pub(crate) struct JsonStage {
    field: FieldId,
    path: Option<JsonPath>,
    preserve: bool,
    pub(super) prefix: String,
}

impl JsonStage {
    pub(crate) fn compile(
        compiler: &mut Compiler<'_>,
        options: &[Choice],
        field: &Ident,
    ) -> Result<Self, Fault> {
        let choices = Choices::new(options, &[], &["mode", "path", "prefix"])?;
        let path = path(&choices)?;
        let prefix = choices.prefix();
        let preserve = choices.preserves()?;
        let field = compiler.read(&field.name);
        let names = compiler.names().clone();
        compiler.scope.maybe_text_all(&prefix, &names);
        Ok(Self {
            field,
            path,
            preserve,
            prefix,
        })
    }

    pub(crate) fn run<'a>(&'a self, row: &mut State<'a>, cx: &Context<'a>) {
        let Some(object) = super::text_of(row, self.field, cx)
            .and_then(json::parse)
            .and_then(|root| follow(self.path.as_ref(), root))
            .filter(|node| node.kind() == Kind::Object)
        else {
            return;
        };
        // The last of several members with one name wins, also when it is null.
        let mut members: Vec<(&'a str, Node<'a>)> = Vec::new();
        let mut places: HashMap<&'a str, usize> = HashMap::new();
        for (key, value) in object.members() {
            let name = match (key.decoded(), self.prefix.is_empty()) {
                (std::borrow::Cow::Borrowed(name), true) => name,
                (name, _) => match cx.text(&format!("{}{name}", self.prefix)) {
                    Value::Text(name) => cx.read(name),
                    _ => return,
                },
            };
            match places.get(name) {
                Some(place) => members[*place].1 = value,
                None => {
                    if !cx.holds_another(&members) {
                        return;
                    }
                    places.insert(name, members.len());
                    members.push((name, value));
                }
            }
        }
        for (name, value) in members {
            cx.step();
            if cx.stopped().is_some() {
                return;
            }
            row.extract(name, text_of_node(value, cx), self.preserve);
        }
    }
}

/// The path of a stage, if it has one.
pub(super) fn path(choices: &Choices<'_>) -> Result<Option<JsonPath>, Fault> {
    let Some(literal) = choices.value("path") else {
        return Ok(None);
    };
    JsonPath::parse(&literal.text)
        .map(Some)
        .map_err(|reason| Fault::semantic(literal.span, format!("bad JSON path: {reason}")))
}

pub(super) fn follow<'t>(path: Option<&JsonPath>, root: Node<'t>) -> Option<Node<'t>> {
    match path {
        Some(path) => path.find(root),
        None => Some(root),
    }
}

/// Strings decoded, numbers and booleans as written, the rest as compact JSON; null is null.
pub(super) fn text_of_node<'a>(node: Node<'a>, cx: &Context<'a>) -> Value<'a> {
    match node.kind() {
        Kind::Null => Value::Null,
        Kind::Array | Kind::Object => match cx.json(node.raw()) {
            Value::Json(text) => Value::Text(text.as_bytes()),
            other => other,
        },
        Kind::Text | Kind::Number | Kind::Boolean => match node.scalar() {
            Some(std::borrow::Cow::Borrowed(text)) => Value::Text(text.as_bytes()),
            Some(std::borrow::Cow::Owned(text)) => cx.text(&text),
            None => Value::Null,
        },
    }
}
