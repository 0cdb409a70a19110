//! What a log looks like to the language.

/// One field of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field<'a> {
    /// VARCHAR: every field of a log except its times.
    ///
    /// Normally UTF-8; other bytes pass through untouched and are read lossily by functions.
    Text(&'a [u8]),
    /// BIGINT: `__time__` and `__time_ns_part__`.
    BigInt(i64),
}

/// A log as the language sees it. Object safe.
///
/// The names are the keys of the contents and `__time__`, `__time_ns_part__` (when set),
/// `__topic__`, `__source__` and `__tag__:<key>`.
/// Names should not repeat; when they do, [`Row::field`] decides which one expressions see.
pub trait Row {
    /// The field of that exact name; `None` is null.
    fn field(&self, name: &str) -> Option<Field<'_>>;

    /// The fields of several names; `found` has a place for each and is empty when given.
    ///
    /// What a program asks for when a stage needs several fields.
    /// The default asks for one after the other; a row that walks over all its fields to find
    /// one should find these in one walk.
    fn fields<'r>(&'r self, names: &[Box<str>], found: &mut [Option<Field<'r>>]) {
        for (name, place) in names.iter().zip(found) {
            *place = self.field(name);
        }
    }

    /// Calls `visitor` for every field, in order.
    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>));
}

const _: fn(&dyn Row) = |_| {};

impl<R: Row + ?Sized> Row for &R {
    fn field(&self, name: &str) -> Option<Field<'_>> {
        (**self).field(name)
    }

    fn fields<'r>(&'r self, names: &[Box<str>], found: &mut [Option<Field<'r>>]) {
        (**self).fields(names, found);
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>)) {
        (**self).visit(visitor);
    }
}

/// Pairs of a name and a value: handy in tests, and for rows that are built by hand.
impl<'t> Row for [(&'t str, Field<'t>)] {
    fn field(&self, name: &str) -> Option<Field<'_>> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>)) {
        for (name, value) in self {
            visitor(name, *value);
        }
    }
}

impl<'t> Row for Vec<(&'t str, Field<'t>)> {
    fn field(&self, name: &str) -> Option<Field<'_>> {
        self.as_slice().field(name)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>)) {
        self.as_slice().visit(visitor);
    }
}

impl<'t, const N: usize> Row for [(&'t str, Field<'t>); N] {
    fn field(&self, name: &str) -> Option<Field<'_>> {
        self.as_slice().field(name)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Field<'_>)) {
        self.as_slice().visit(visitor);
    }
}
