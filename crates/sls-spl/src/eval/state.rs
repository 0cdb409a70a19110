//! A row on its way through the stages.
//!
//! The input row is never copied: the state is a layer over it that remembers what was read and
//! what was written, by field number for names of the program and by name for the others.

use std::cell::Cell;
use std::collections::HashMap;

use bumpalo::Bump;
use bumpalo::collections::Vec as ArenaVec;

use crate::command::Needs;
use crate::names::{FieldId, Names};
use crate::row::{Field, Row};
use crate::value::{Value, bigint};

/// Fields outside the program from which on they are found by hash and not by scan.
const SCANNED: usize = 16;

/// Fields that are found in one walk over a row.
const FETCHED: usize = 16;

#[derive(Clone, Copy, Debug)]
enum Slot<'a> {
    /// Not asked for yet.
    Unread,
    /// As the input row has it.
    Read(Value<'a>),
    /// As a stage left it; null when a stage removed it.
    Written(Value<'a>),
}

/// A field whose name the program does not mention.
#[derive(Clone, Copy, Debug)]
struct Extra<'a> {
    name: &'a str,
    value: Value<'a>,
    /// Whether the input row has a field of this name, whose place it then takes.
    in_base: bool,
}

pub(crate) struct State<'a> {
    names: &'a Names,
    /// The input row; `None` once a stage has kept only what it listed.
    base: Option<&'a dyn Row>,
    slots: &'a [Cell<Slot<'a>>],
    extras: ArenaVec<'a, Extra<'a>>,
    /// How many of the extras stand in for a field of the input row.
    overrides: usize,
    index: Option<HashMap<&'a str, usize>>,
    /// Written fields in the order of their first writing: slots first, then extras.
    order: ArenaVec<'a, usize>,
    changed: bool,
}

fn value_of(field: Field<'_>) -> Value<'_> {
    match field {
        Field::Text(bytes) => Value::Text(bytes),
        Field::BigInt(number) => bigint(number),
    }
}

impl<'a> State<'a> {
    pub(crate) fn new(base: &'a dyn Row, names: &'a Names, arena: &'a Bump) -> Self {
        Self::layer(Some(base), names, arena, false)
    }

    fn layer(base: Option<&'a dyn Row>, names: &'a Names, arena: &'a Bump, changed: bool) -> Self {
        Self {
            names,
            base,
            slots: arena.alloc_slice_fill_with(names.len(), |_| Cell::new(Slot::Unread)),
            extras: ArenaVec::new_in(arena),
            overrides: 0,
            index: None,
            order: ArenaVec::new_in(arena),
            changed,
        }
    }

    /// A row without fields, for a stage that lists what stays.
    pub(crate) fn empty(&self, arena: &'a Bump) -> Self {
        Self::layer(None, self.names, arena, true)
    }

    /// A copy that can go its own way.
    pub(crate) fn fork(&self, arena: &'a Bump) -> Self {
        let slots = self.slots;
        Self {
            names: self.names,
            base: self.base,
            slots: arena.alloc_slice_fill_with(slots.len(), |at| slots[at].clone()),
            extras: self.extras.clone(),
            overrides: self.overrides,
            index: self.index.clone(),
            order: self.order.clone(),
            changed: self.changed,
        }
    }

    pub(crate) fn get(&self, id: FieldId) -> Value<'a> {
        let slot = &self.slots[id.index()];
        match slot.get() {
            Slot::Read(value) | Slot::Written(value) => value,
            Slot::Unread => {
                let field = self.base.and_then(|base| base.field(self.names.name(id)));
                let value = field.map_or(Value::Null, value_of);
                slot.set(Slot::Read(value));
                value
            }
        }
    }

    /// Reads what a stage needs in one go, but for what is known already.
    pub(crate) fn fetch(&self, needs: &Needs) {
        let Some(base) = self.base else {
            return;
        };
        let unread = |id: &FieldId| matches!(self.slots[id.index()].get(), Slot::Unread);
        if needs.ids.iter().filter(|id| unread(id)).count() < 2 {
            return;
        }
        let all = needs.ids.chunks(FETCHED).zip(needs.names.chunks(FETCHED));
        for (ids, names) in all {
            let mut found = [None; FETCHED];
            base.fields(names, &mut found[..ids.len()]);
            for (id, field) in ids.iter().zip(found) {
                if unread(id) {
                    self.slots[id.index()].set(Slot::Read(field.map_or(Value::Null, value_of)));
                }
            }
        }
    }

    /// The number of a name of the program.
    pub(crate) fn id(&self, name: &str) -> Option<FieldId> {
        self.names.find(name)
    }

    /// The field of any name.
    pub(crate) fn get_named(&self, name: &str) -> Value<'a> {
        if let Some(id) = self.names.find(name) {
            return self.get(id);
        }
        if let Some(at) = self.extra(name) {
            return self.extras[at].value;
        }
        let field = self.base.and_then(|base| base.field(name));
        field.map_or(Value::Null, value_of)
    }

    /// Writes a field; null removes it.
    pub(crate) fn set(&mut self, id: FieldId, value: Value<'a>) {
        let slot = &self.slots[id.index()];
        if !matches!(slot.get(), Slot::Written(_)) {
            self.order.push(id.index());
        }
        slot.set(Slot::Written(value));
        self.changed = true;
    }

    /// Writes a field of any name; null removes it.
    pub(crate) fn set_named(&mut self, name: &'a str, value: Value<'a>) {
        if let Some(id) = self.names.find(name) {
            self.set(id, value);
            return;
        }
        self.changed = true;
        if let Some(at) = self.extra(name) {
            self.extras[at].value = value;
            return;
        }
        let in_base = self.base.is_some_and(|base| base.field(name).is_some());
        self.overrides += usize::from(in_base);
        let at = self.extras.len();
        self.extras.push(Extra {
            name,
            value,
            in_base,
        });
        self.order.push(self.slots.len() + at);
        if let Some(index) = &mut self.index {
            index.insert(name, at);
        } else if self.extras.len() > SCANNED {
            let all = self.extras.iter().enumerate();
            self.index = Some(all.map(|(at, extra)| (extra.name, at)).collect());
        }
    }

    fn extra(&self, name: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(name).copied(),
            None => self.extras.iter().position(|extra| extra.name == name),
        }
    }

    /// Removes a field when the row has it.
    pub(crate) fn remove(&mut self, id: FieldId) {
        if !id.is_time() && !self.get(id).is_null() {
            self.set(id, Value::Null);
        }
    }

    /// Writes what a parser extracted: text does not replace a value of another type, nor, when
    /// `preserve` is set, any value. The time fields are out of reach.
    pub(crate) fn extract(&mut self, name: &'a str, text: Value<'a>, preserve: bool) {
        if matches!(name, "__time__" | "__time_ns_part__") || text.is_null() {
            return;
        }
        if may_replace(self.get_named(name), text, preserve) {
            self.set_named(name, text);
        }
    }

    /// As [`State::extract`], for a name of the program.
    pub(crate) fn extract_to(&mut self, id: FieldId, text: Value<'a>) {
        if !id.is_time() && !text.is_null() && may_replace(self.get(id), text, false) {
            self.set(id, text);
        }
    }

    pub(crate) fn is_changed(&self) -> bool {
        self.changed
    }

    /// The names of all fields, copied to the arena, in order and without repetitions.
    pub(crate) fn field_names(&self, arena: &'a Bump) -> Vec<&'a str> {
        let mut names: Vec<&'a str> = Vec::new();
        self.visit(&mut |name, _| names.push(arena.alloc_str(name)));
        let mut seen = std::collections::HashSet::with_capacity(names.len());
        names.retain(|name| seen.insert(*name));
        names
    }

    /// Calls `visitor` for every field that is not null: those of the input row in their places,
    /// then the new ones.
    pub(crate) fn visit(&self, visitor: &mut dyn FnMut(&str, Value<'_>)) {
        let mut placed = Marks::new(self.slots.len());
        if let Some(base) = self.base {
            base.visit(&mut |name, field| {
                if let Some(id) = self.names.find(name) {
                    match self.slots[id.index()].get() {
                        Slot::Written(value) => {
                            if placed.mark(id.index()) && !value.is_null() {
                                visitor(name, value);
                            }
                        }
                        _ => visitor(name, value_of(field)),
                    }
                    return;
                }
                if self.overrides > 0 {
                    if let Some(at) = self.extra(name) {
                        if !self.extras[at].value.is_null() {
                            visitor(name, self.extras[at].value);
                        }
                        return;
                    }
                }
                visitor(name, value_of(field));
            });
        }
        for &at in &self.order {
            if let Some(id) = self.names.id(at) {
                if let Slot::Written(value) = self.slots[at].get() {
                    if !value.is_null() && !placed.is_marked(at) {
                        visitor(self.names.name(id), value);
                    }
                }
            } else {
                let extra = &self.extras[at - self.slots.len()];
                if !extra.in_base && !extra.value.is_null() {
                    visitor(extra.name, extra.value);
                }
            }
        }
    }
}

fn may_replace(old: Value<'_>, new: Value<'_>, preserve: bool) -> bool {
    old.is_null() || (!preserve && old.same_type(new))
}

/// A set of small numbers, on the stack while it fits in one word.
enum Marks {
    Word(u64),
    Many(Vec<bool>),
}

impl Marks {
    fn new(len: usize) -> Self {
        if len <= 64 {
            Self::Word(0)
        } else {
            Self::Many(vec![false; len])
        }
    }

    /// Marks `at`; says whether it was unmarked.
    fn mark(&mut self, at: usize) -> bool {
        let fresh = !self.is_marked(at);
        match self {
            Self::Word(word) => *word |= 1 << at,
            Self::Many(list) => list[at] = true,
        }
        fresh
    }

    fn is_marked(&self, at: usize) -> bool {
        match self {
            Self::Word(word) => *word >> at & 1 == 1,
            Self::Many(list) => list[at],
        }
    }
}
