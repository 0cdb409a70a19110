//! What is known when compiling about the types of the fields.

use std::collections::HashMap;

use crate::names::{FieldId, Names};
use crate::types::{BIGINT, Type};

/// Largest type that is remembered, counted in the types it is made of.
const MAX_SIZE: usize = 32;

/// The types of the fields that are not plain VARCHAR.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    types: HashMap<FieldId, Type>,
}

impl Scope {
    pub(crate) fn get(&self, id: FieldId) -> Type {
        if id.is_time() {
            return BIGINT;
        }
        self.types.get(&id).cloned().unwrap_or(Type::Varchar)
    }

    pub(crate) fn set(&mut self, id: FieldId, kind: Type) {
        if id.is_time() {
            return;
        }
        // Stages that each wrap the last type twice would make it grow without end.
        let kind = if kind.size() > MAX_SIZE {
            Type::Any
        } else {
            kind
        };
        if kind == Type::Varchar {
            self.types.remove(&id);
        } else {
            self.types.insert(id, kind);
        }
    }

    /// A field that may or may not have become text.
    pub(crate) fn maybe_text(&mut self, id: FieldId) {
        if self.get(id) != Type::Varchar {
            self.set(id, Type::Any);
        }
    }

    /// All fields whose names start so may or may not have become text.
    pub(crate) fn maybe_text_all(&mut self, prefix: &str, names: &Names) {
        for (id, kind) in &mut self.types {
            if names.name(*id).starts_with(prefix) {
                *kind = Type::Any;
            }
        }
    }

    /// Forgets the fields a stage does not keep.
    pub(crate) fn retain(&mut self, keep: impl Fn(FieldId) -> bool) {
        self.types.retain(|id, _| keep(*id));
    }
}
