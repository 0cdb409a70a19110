//! A row that came out of a program.

use std::fmt;

use jiff::tz::TimeZone;

use crate::eval::State;
use crate::value::Value;

/// A row that came out of a program, as text.
#[derive(Clone, Copy)]
pub struct OutputRow<'r> {
    row: &'r dyn View,
    zone: &'r TimeZone,
}

/// The state of a row without its lifetime.
trait View {
    fn is_changed(&self) -> bool;
    fn visit(&self, visitor: &mut dyn FnMut(&str, Value<'_>));
}

impl View for State<'_> {
    fn is_changed(&self) -> bool {
        State::is_changed(self)
    }

    fn visit(&self, visitor: &mut dyn FnMut(&str, Value<'_>)) {
        State::visit(self, visitor);
    }
}

impl<'r> OutputRow<'r> {
    pub(crate) fn new(row: &'r State<'_>, zone: &'r TimeZone) -> Self {
        Self { row, zone }
    }

    /// Whether no stage changed the row, so that the bytes of the input can be copied.
    pub fn is_unchanged(&self) -> bool {
        !self.row.is_changed()
    }

    /// Calls `visitor` with the name and the text of every field that is not null.
    ///
    /// Fields of the input row come first and in their order, then the new ones.
    /// The times are among them as `__time__` and `__time_ns_part__`, in decimal.
    pub fn visit(&self, visitor: &mut dyn FnMut(&str, &[u8])) {
        let mut scratch = String::new();
        self.row.visit(&mut |name, value| match value {
            Value::Text(bytes) => visitor(name, bytes),
            value => {
                scratch.clear();
                value.write(self.zone, &mut scratch);
                visitor(name, scratch.as_bytes());
            }
        });
    }

    /// The fields as owned pairs of name and text.
    pub fn to_fields(&self) -> Vec<(String, Vec<u8>)> {
        let mut fields = Vec::new();
        self.visit(&mut |name, text| fields.push((name.to_owned(), text.to_vec())));
        fields
    }
}

impl fmt::Debug for OutputRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.visit(&mut |name, text| {
            map.entry(&name, &String::from_utf8_lossy(text));
        });
        map.finish()
    }
}
