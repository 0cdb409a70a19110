//! A JSON reader that keeps numbers exact and the order of members.

use std::borrow::Cow;

use super::DecodeError;
use super::limits::{Budget, DecodeLimits};
use crate::batch::Format;
use crate::record::{AttributeValue, Attributes};

type Result<T> = std::result::Result<T, DecodeError>;

pub(super) struct Reader<'b> {
    text: &'b str,
    at: usize,
    pub(super) budget: Budget,
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8], limits: &DecodeLimits) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|cause| DecodeError::Malformed {
            format: Format::Json,
            offset: cause.valid_up_to(),
            what: "not UTF-8",
        })?;
        Ok(Self {
            text,
            at: if text.starts_with('\u{feff}') { 3 } else { 0 },
            budget: Budget::new(limits),
        })
    }

    /// The next byte that is not white space, without taking it.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let space = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
            .count();
        self.at += space;
        rest.get(space).copied()
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.malformed("something follows the value")),
        }
    }

    pub(super) fn malformed(&self, what: &'static str) -> DecodeError {
        DecodeError::Malformed {
            format: Format::Json,
            offset: self.at,
            what,
        }
    }

    pub(super) fn bad_field(&self, field: &'static str, what: &'static str) -> DecodeError {
        DecodeError::BadField {
            record: self.budget.current(),
            field,
            what,
        }
    }

    /// An object; `member` reads the value of each key.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Cow<'b, str>) -> Result<()>,
    ) -> Result<()> {
        self.take(b'{', "expected an object")?;
        if self.take_if(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.take(b':', "expected a colon")?;
            member(self, key)?;
            if !self.take_if(b',') {
                return self.take(b'}', "expected a comma or the end of the object");
            }
        }
    }

    /// An array; `element` reads each value.
    pub(super) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.take(b'[', "expected an array")?;
        if self.take_if(b']') {
            return Ok(());
        }
        loop {
            element(self)?;
            if !self.take_if(b',') {
                return self.take(b']', "expected a comma or the end of the array");
            }
        }
    }

    /// Any value; numbers that no variant holds are kept as texts.
    pub(super) fn value(&mut self, depth: usize) -> Result<AttributeValue<'static>> {
        Ok(match self.peek() {
            Some(b'{') => AttributeValue::Map(self.attributes(depth)?),
            Some(b'[') => {
                let depth = self.budget.deeper(depth)?;
                let mut values = Vec::new();
                self.array(|reader| {
                    reader.budget.value()?;
                    values.push(reader.value(depth)?);
                    Ok(())
                })?;
                values.into()
            }
            Some(b'"') => AttributeValue::Text(Cow::Owned(self.string()?.into_owned())),
            Some(b't') => self.word("true", AttributeValue::Bool(true))?,
            Some(b'f') => self.word("false", AttributeValue::Bool(false))?,
            Some(b'n') => self.word("null", AttributeValue::Null)?,
            _ => number(self.number()?),
        })
    }

    /// An object as attributes.
    pub(super) fn attributes(&mut self, depth: usize) -> Result<Attributes<'static>> {
        let depth = self.budget.deeper(depth)?;
        let mut pairs = Vec::new();
        self.object(|reader, key| {
            reader.budget.value()?;
            let value = reader.value(depth)?;
            pairs.push((Cow::Owned(key.into_owned()), value));
            Ok(())
        })?;
        Ok(Attributes::from_pairs(pairs))
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self, depth: usize) -> Result<()> {
        match self.peek() {
            Some(b'{') => {
                let depth = self.budget.deeper(depth)?;
                self.object(|reader, _| reader.skip(depth))
            }
            Some(b'[') => {
                let depth = self.budget.deeper(depth)?;
                self.array(|reader| reader.skip(depth))
            }
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.word("true", ()),
            Some(b'f') => self.word("false", ()),
            Some(b'n') => self.word("null", ()),
            _ => self.number().map(drop),
        }
    }

    fn word<T>(&mut self, word: &str, value: T) -> Result<T> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.malformed("expected a value"))
    }

    fn take(&mut self, byte: u8, otherwise: &'static str) -> Result<()> {
        if self.take_if(byte) {
            return Ok(());
        }
        Err(self.malformed(otherwise))
    }

    fn take_if(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn string(&mut self) -> Result<Cow<'b, str>> {
        self.take(b'"', "expected a string")?;
        let start = self.at;
        let plain = self.plain_part()?;
        if self.take_if_now(b'"') {
            return Ok(Cow::Borrowed(&self.text[start..start + plain]));
        }
        let mut whole = self.text[start..start + plain].to_owned();
        loop {
            // What is not the closing quote here is a backslash.
            self.at += 1;
            whole.push(self.escape()?);
            let start = self.at;
            let plain = self.plain_part()?;
            whole.push_str(&self.text[start..start + plain]);
            if self.take_if_now(b'"') {
                return Ok(Cow::Owned(whole));
            }
        }
    }

    /// Goes to the next quote or backslash, and tells how far that was.
    fn plain_part(&mut self) -> Result<usize> {
        let rest = &self.text.as_bytes()[self.at..];
        let stop = rest
            .iter()
            .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        let plain = stop.unwrap_or(rest.len());
        self.at += plain;
        match rest.get(plain) {
            Some(b'"' | b'\\') => Ok(plain),
            Some(_) => Err(self.malformed("a control character in a string")),
            None => Err(self.malformed("a string without end")),
        }
    }

    fn take_if_now(&mut self, byte: u8) -> bool {
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<char> {
        let Some(&letter) = self.text.as_bytes().get(self.at) else {
            return Err(self.malformed("a string without end"));
        };
        let character = match letter {
            b'"' | b'\\' | b'/' => char::from(letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                self.at += 1;
                return self.unicode();
            }
            _ => return Err(self.malformed("an unknown escape")),
        };
        self.at += 1;
        Ok(character)
    }

    /// Four digits, twice for a pair; half a pair, which some SDKs can send, is replaced.
    fn unicode(&mut self) -> Result<char> {
        let first = self.unit()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let after_first = self.at;
        if self.take_if_now(b'\\') && self.take_if_now(b'u') {
            let second = self.unit()?;
            if (0xdc00..0xe000).contains(&second) {
                let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        self.at = after_first;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> Result<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let unit = digits.and_then(|digits| {
            digits.iter().try_fold(0, |unit, &digit| {
                Some(unit << 4 | char::from(digit).to_digit(16)?)
            })
        });
        match unit {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => Err(self.malformed("expected four hexadecimal digits")),
        }
    }

    fn number(&mut self) -> Result<&'b str> {
        self.peek();
        let start = self.at;
        self.take_if_now(b'-');
        let whole = self.digits();
        let padded = whole > 1 && self.text.as_bytes()[self.at - whole] == b'0';
        if whole == 0 || padded {
            self.at = start;
            return Err(self.malformed("expected a value"));
        }
        if self.take_if_now(b'.') && self.digits() == 0 {
            return Err(self.malformed("expected a digit"));
        }
        if self.take_if_now(b'e') || self.take_if_now(b'E') {
            if !self.take_if_now(b'+') {
                self.take_if_now(b'-');
            }
            if self.digits() == 0 {
                return Err(self.malformed("expected a digit"));
            }
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += digits;
        digits
    }
}

/// A number's value, or its text when it has too many digits or too large an exponent.
fn number(text: &str) -> AttributeValue<'static> {
    let value = if text.contains(['.', 'e', 'E']) {
        let value = text.parse().ok().filter(|value: &f64| value.is_finite());
        value.map(AttributeValue::Double)
    } else {
        text.parse().ok().map(AttributeValue::Integer)
    };
    value.unwrap_or_else(|| text.to_owned().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<AttributeValue<'static>> {
        let mut reader = Reader::new(text.as_bytes(), &DecodeLimits::default())?;
        let value = reader.value(32)?;
        reader.end()?;
        Ok(value)
    }

    #[track_caller]
    fn check<'a>(text: &str, want: impl Into<AttributeValue<'a>>) {
        assert_eq!(read(text).unwrap(), want.into());
    }

    #[track_caller]
    fn refused(text: &str, want: &str) {
        let error = read(text).unwrap_err().to_string();
        assert_eq!(error, want);
    }

    #[test]
    fn numbers_keep_their_type_and_all_digits() {
        check("0", 0);
        check("-7", -7);
        check(
            "123456789012345678901234567890",
            123_456_789_012_345_678_901_234_567_890_i128,
        );
        check("1.0", 1.0);
        check("1e+16", 1e16);
        check("-0.0", -0.0);
        // Neither an i128 nor a finite double: the text is all that is left.
        check(&"9".repeat(60), "9".repeat(60));
        check("1e999", "1e999");
    }

    #[test]
    fn strings_are_unescaped() {
        check(r#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz");
        check(r#""\u672c\ud83d\ude42\u00E9""#, "本🙂é");
        check(
            r#""\ud83dx\ude42\ud800\u0041""#,
            "\u{fffd}x\u{fffd}\u{fffd}A",
        );
        check("\"本科\"", "本科");
    }

    #[test]
    fn the_last_of_repeated_keys_counts() {
        check(r#"{"a":1,"b":[null,true],"a":2}"#, {
            let list: [AttributeValue<'_>; 2] = [AttributeValue::Null, true.into()];
            Attributes::new().with("a", 2).with("b", list)
        });
    }

    #[test]
    fn the_error_says_where() {
        refused("[1,]", "malformed JSON at byte 3: expected a value");
        refused("[NaN]", "malformed JSON at byte 1: expected a value");
        refused("[01]", "malformed JSON at byte 1: expected a value");
        refused("-", "malformed JSON at byte 0: expected a value");
        refused("1.", "malformed JSON at byte 2: expected a digit");
        refused("1e", "malformed JSON at byte 2: expected a digit");
        refused("\"a", "malformed JSON at byte 2: a string without end");
        refused("\"\\", "malformed JSON at byte 2: a string without end");
        refused("\"\\x\"", "malformed JSON at byte 2: an unknown escape");
        refused(
            "\"\\u12g4\"",
            "malformed JSON at byte 3: expected four hexadecimal digits",
        );
        refused(
            "\"\n\"",
            "malformed JSON at byte 1: a control character in a string",
        );
        refused("{\"a\" 1}", "malformed JSON at byte 5: expected a colon");
        refused(
            "{\"a\":1",
            "malformed JSON at byte 6: expected a comma or the end of the object",
        );
        refused(
            "1 2",
            "malformed JSON at byte 2: something follows the value",
        );
        refused("", "malformed JSON at byte 0: expected a value");
    }

    #[test]
    fn deep_values_do_not_exhaust_the_stack() {
        let deep = "[".repeat(1 << 20);
        refused(&deep, "values are nested more than 32 deep");
        let mut reader = Reader::new(deep.as_bytes(), &DecodeLimits::default()).unwrap();
        assert!(matches!(
            reader.skip(32),
            Err(DecodeError::TooDeep { limit: 32 })
        ));
    }

    fn same(ours: &AttributeValue<'_>, theirs: &serde_json::Value) -> bool {
        match (ours, theirs) {
            (AttributeValue::Null, serde_json::Value::Null) => true,
            (AttributeValue::Bool(a), serde_json::Value::Bool(b)) => a == b,
            (AttributeValue::Text(a), serde_json::Value::String(b)) => a == b,
            (AttributeValue::Integer(a), serde_json::Value::Number(b)) => {
                a.to_string() == b.to_string()
            }
            (AttributeValue::Double(a), serde_json::Value::Number(b)) => b.as_f64() == Some(*a),
            (AttributeValue::List(a), serde_json::Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
            }
            (AttributeValue::Map(a), serde_json::Value::Object(b)) => {
                a.len() == b.len()
                    && a.iter()
                        .all(|(key, a)| b.get(key.as_ref()).is_some_and(|b| same(a, b)))
            }
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn what_looks_like_json_is_read_as_serde_json_reads_it(
            text in r#"(\[|\]|\{|\}|"a"|"\\u00e9"|:|,|1|-0\.5|2e3|null|true| |"é\\n"){0,12}"#
        ) {
            match (read(&text), serde_json::from_str::<serde_json::Value>(&text)) {
                (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs), "{} {:?}", text, ours),
                (Err(_), Err(_)) => {}
                (ours, theirs) => prop_assert!(false, "{}: {:?} and {:?}", text, ours, theirs),
            }
        }
    }
}
