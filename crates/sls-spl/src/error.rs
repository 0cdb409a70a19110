//! What can be wrong with a program, and with a run of it.

use std::fmt;

/// A range of bytes of the program text, with its place for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    /// The span from the start of `self` to the end of `other`.
    pub(crate) fn to(self, other: Self) -> Self {
        Self::new(self.start, other.end.max(self.start))
    }

    /// Offset of the first byte.
    pub fn start(&self) -> usize {
        self.start
    }

    /// Offset just after the last byte.
    pub fn end(&self) -> usize {
        self.end
    }
}

/// The class of an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text does not parse, or names an unknown command.
    Syntax,
    /// A name, an option value, a pattern or a number of arguments is wrong.
    Semantic,
    /// An operand, a branch or a result has a type that cannot be used there.
    Type,
    /// Legal in the language, but not allowed when consuming.
    Unsupported,
    /// The program is too long, has too many stages, or nests too deeply.
    Limit,
    /// The run took longer than its time limit.
    Timeout,
    /// The run needed more memory than its limit.
    Memory,
}

impl ErrorKind {
    /// The name used in messages and on the wire: `syntax`, `semantic`, `type`, …
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Semantic => "semantic",
            Self::Type => "type",
            Self::Unsupported => "unsupported",
            Self::Limit => "limit",
            Self::Timeout => "timeout",
            Self::Memory => "memory",
        }
    }

    /// Whether the fault is in the program text, as opposed to a run that went over a limit.
    pub fn is_compile_time(self) -> bool {
        !matches!(self, Self::Timeout | Self::Memory)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a program was refused, or why a run of it stopped.
///
/// `Display` shows the message, the line of the program and a caret under the position:
///
/// ```text
/// type: where needs a BOOLEAN, this is BIGINT at line 1, column 11
///   * | where 1
///             ^
///   hint: compare it with something
/// ```
///
/// [`Error::one_line`] gives the first line alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    place: Option<Place>,
}

/// A span resolved against the text it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    span: Span,
    line: usize,
    column: usize,
    text: String,
    width: usize,
}

/// Longest part of a line that an error repeats, in characters on each side of the position.
const SHOWN: usize = 60;

impl Place {
    fn new(source: &str, span: Span) -> Self {
        let start = floor_boundary(source, span.start);
        let end = floor_boundary(source, span.end).max(start);
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..]
            .find('\n')
            .map_or(source.len(), |at| start + at);
        let line = source[..start].matches('\n').count() + 1;
        let column = source[line_start..start].chars().count() + 1;
        let before: Vec<char> = source[line_start..start].chars().collect();
        let after: Vec<char> = source[start..line_end].chars().collect();
        let cut = before.len().saturating_sub(SHOWN);
        // Tabs would move the caret; one blank keeps the columns in step.
        let shown: String = before[cut..]
            .iter()
            .chain(after.iter().take(SHOWN))
            .map(|c| if c.is_control() { ' ' } else { *c })
            .collect();
        let width = source[start..end.min(line_end)].chars().count();
        Self {
            span: Span::new(start, end),
            line,
            column,
            text: format!("{}\n  {}", shown.trim_end(), " ".repeat(before.len() - cut)),
            width: width.clamp(1, SHOWN),
        }
    }
}

/// Writes line breaks and other control characters, which names may have, as escapes.
fn on_one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_debug());
        } else {
            line.push(c);
        }
    }
    line
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Error {
    /// An error that belongs to no place in the text.
    pub(crate) fn whole(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                message: on_one_line(message.into()),
                hint: None,
                place: None,
            }),
        }
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        self.inner.kind
    }

    /// What is wrong, in one line without the position.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// What to write instead, when that is known.
    pub fn hint(&self) -> Option<&str> {
        self.inner.hint.as_deref()
    }

    /// The bytes of the program the error is about; `None` for limits of the whole run.
    pub fn span(&self) -> Option<Span> {
        self.inner.place.as_ref().map(|place| place.span)
    }

    /// The line of the position, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.inner.place.as_ref().map(|place| place.line)
    }

    /// The column of the position in characters, counted from 1.
    pub fn column(&self) -> Option<usize> {
        self.inner.place.as_ref().map(|place| place.column)
    }

    /// Whether the same request can succeed when it is sent again, perhaps for less data.
    pub fn is_retryable(&self) -> bool {
        !self.inner.kind.is_compile_time()
    }

    /// The error on one line: `kind: message at line L, column C`.
    pub fn one_line(&self) -> String {
        match &self.inner.place {
            Some(place) => format!(
                "{}: {} at line {}, column {}",
                self.inner.kind, self.inner.message, place.line, place.column
            ),
            None => format!("{}: {}", self.inner.kind, self.inner.message),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.one_line())?;
        if let Some(place) = &self.inner.place {
            write!(f, "\n  {}{}", place.text, "^".repeat(place.width))?;
        }
        if let Some(hint) = &self.inner.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// An error that does not know its text yet; what the lexer, parser and compiler return.
///
/// Boxed inside: results that may be faults are everywhere on the stack of the parser.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    inner: Box<FaultInner>,
}

#[derive(Clone, Debug)]
struct FaultInner {
    kind: ErrorKind,
    span: Span,
    message: String,
    hint: Option<String>,
}

impl Fault {
    fn new(kind: ErrorKind, span: Span, message: impl Into<String>) -> Self {
        Self {
            inner: Box::new(FaultInner {
                kind,
                span,
                message: message.into(),
                hint: None,
            }),
        }
    }

    pub(crate) fn syntax(span: Span, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Syntax, span, message)
    }

    pub(crate) fn semantic(span: Span, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Semantic, span, message)
    }

    pub(crate) fn types(span: Span, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Type, span, message)
    }

    pub(crate) fn unsupported(span: Span, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, span, message)
    }

    pub(crate) fn limit(span: Span, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Limit, span, message)
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.inner.hint = Some(hint.into());
        self
    }

    /// Binds the error to the text it is about.
    pub(crate) fn in_text(self, source: &str) -> Error {
        Error {
            inner: Box::new(Inner {
                kind: self.inner.kind,
                message: on_one_line(self.inner.message),
                hint: self.inner.hint.map(on_one_line),
                place: Some(Place::new(source, self.inner.span)),
            }),
        }
    }
}

/// The class of a [`Warning`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarningKind {
    /// Text is compared or computed with as a number without a cast.
    ImplicitCast,
}

impl WarningKind {
    /// The name used in messages: `implicit-cast`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ImplicitCast => "implicit-cast",
        }
    }
}

impl fmt::Display for WarningKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something in a program that works here but deserves a second look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    kind: WarningKind,
    message: String,
    place: Place,
}

impl Warning {
    pub(crate) fn new(kind: WarningKind, source: &str, span: Span, message: String) -> Self {
        Self {
            kind,
            message: on_one_line(message),
            place: Place::new(source, span),
        }
    }

    /// The class of the warning.
    pub fn kind(&self) -> WarningKind {
        self.kind
    }

    /// What was noticed, in one line without the position.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The bytes of the program the warning is about.
    pub fn span(&self) -> Span {
        self.place.span
    }

    /// The line of the position, counted from 1.
    pub fn line(&self) -> usize {
        self.place.line
    }

    /// The column of the position in characters, counted from 1.
    pub fn column(&self) -> usize {
        self.place.column
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} at line {}, column {}",
            self.kind, self.message, self.place.line, self.place.column
        )
    }
}
