/// What of the spans around an event is uploaded with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SpanFields {
    /// Nothing but the innermost span's name, as `func_name`.
    Off,
    /// Their names too, as the field `spans`: `server:request`, the outermost first.
    Names,
    /// Their names and their fields.
    ///
    /// Of fields of one name the innermost span's counts, and the event's own before all.
    #[default]
    Fields,
}
