use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::Utf8Error;

/// A key or a value of a log: text by agreement, bytes in fact.
///
/// Everything people write is UTF-8, but nothing on the way enforces it, and one bad byte
/// must not cost a whole batch. So a `Text` keeps the bytes as they came and says on
/// request whether they are UTF-8. `Display` replaces what is not by U+FFFD.
///
/// Up to 30 bytes are kept in place, which most keys and values fit.
#[derive(Clone)]
pub struct Text(Repr);

/// Four words; the length of a short one takes what would otherwise be padding.
#[derive(Clone)]
enum Repr {
    Short { len: u8, bytes: [u8; SHORT] },
    Long(Vec<u8>),
}

const SHORT: usize = 30;

const _: () = assert!(size_of::<Text>() == 32 || size_of::<usize>() != 8);

impl Text {
    /// The bytes as they are on the wire.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Short { len, bytes } => &bytes[..usize::from(*len)],
            Repr::Long(bytes) => bytes,
        }
    }

    /// The borrowed form.
    pub fn as_text_ref(&self) -> TextRef<'_> {
        TextRef::new(self.as_bytes())
    }

    /// The text, when it is UTF-8.
    ///
    /// # Errors
    /// [`Utf8Error`] tells where the first bad byte is.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(self.as_bytes())
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }

    /// The bytes; those of a long text without a copy.
    pub fn into_bytes(self) -> Vec<u8> {
        match self.0 {
            Repr::Short { len, bytes } => bytes[..usize::from(len)].to_vec(),
            Repr::Long(bytes) => bytes,
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::from(&[][..])
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_text_ref().fmt_debug(f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Repr::Long(bytes))
    }
}

impl From<&[u8]> for Text {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        let mut short = [0; SHORT];
        match short.get_mut(..bytes.len()) {
            Some(slot) => {
                slot.copy_from_slice(bytes);
                Self(Repr::Short {
                    len: bytes.len() as u8,
                    bytes: short,
                })
            }
            None => Self(Repr::Long(bytes.to_vec())),
        }
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

/// A borrowed [`Text`]: a slice of a decompressed body.
#[derive(Clone, Copy)]
pub struct TextRef<'a>(Known<'a>);

/// What is known about the bytes.
#[derive(Clone, Copy)]
enum Known<'a> {
    Nothing(&'a [u8]),
    /// They are UTF-8, and asking again costs nothing.
    Utf8(&'a str),
}

impl<'a> TextRef<'a> {
    /// Wraps bytes that are text by agreement.
    #[inline]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(Known::Nothing(bytes))
    }

    /// The bytes as they are on the wire.
    #[inline]
    pub const fn as_bytes(self) -> &'a [u8] {
        match self.0 {
            Known::Nothing(bytes) => bytes,
            Known::Utf8(text) => text.as_bytes(),
        }
    }

    /// The text, when it is UTF-8.
    ///
    /// # Errors
    /// [`Utf8Error`] tells where the first bad byte is.
    #[inline]
    pub fn to_str(self) -> Result<&'a str, Utf8Error> {
        match self.0 {
            Known::Nothing(bytes) => std::str::from_utf8(bytes),
            Known::Utf8(text) => Ok(text),
        }
    }

    /// The text, with U+FFFD for what is not UTF-8.
    pub fn to_string_lossy(self) -> Cow<'a, str> {
        match self.0 {
            Known::Nothing(bytes) => String::from_utf8_lossy(bytes),
            Known::Utf8(text) => Cow::Borrowed(text),
        }
    }

    /// An owned copy.
    pub fn to_text(self) -> Text {
        Text::from(self.as_bytes())
    }

    fn fmt_debug(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_str() {
            Ok(text) => fmt::Debug::fmt(text, f),
            Err(_) => write!(f, "b\"{}\"", self.as_bytes().escape_ascii()),
        }
    }
}

impl Default for TextRef<'_> {
    fn default() -> Self {
        Self::from("")
    }
}

impl PartialEq for TextRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for TextRef<'_> {}

impl Hash for TextRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialOrd for TextRef<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TextRef<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl fmt::Debug for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_debug(f)
    }
}

impl fmt::Display for TextRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_string_lossy())
    }
}

impl<'a> From<&'a str> for TextRef<'a> {
    #[inline]
    fn from(text: &'a str) -> Self {
        Self(Known::Utf8(text))
    }
}

impl AsRef<[u8]> for TextRef<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq<str> for TextRef<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for TextRef<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_utf8_are_kept_and_shown_escaped() {
        let text = Text::from(vec![b'a', 0xff]);
        assert!(text.to_str().is_err());
        assert_eq!(text.as_bytes(), [b'a', 0xff]);
        assert_eq!(format!("{text:?}"), r#"b"a\xff""#);
        assert_eq!(text.to_string(), "a\u{fffd}");
    }

    #[test]
    fn short_and_long_texts_are_alike() {
        for len in [0, 1, SHORT - 1, SHORT, SHORT + 1, 200] {
            let bytes = vec![b'x'; len];
            let (copied, moved) = (Text::from(bytes.as_slice()), Text::from(bytes.clone()));
            assert_eq!(copied, moved);
            assert_eq!(copied.as_bytes(), bytes);
            assert_eq!(copied.as_text_ref(), TextRef::from(moved.to_str().unwrap()));
            assert_eq!(copied.into_bytes(), moved.into_bytes());
        }
    }
}
