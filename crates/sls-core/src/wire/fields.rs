use super::decode::WireError;
use super::varint::take_varint;

/// The value of a field, by its wire type.
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
    /// 64 bits or a group: no message here has such a field.
    Other,
}

/// The fields of one message, as tag byte and value.
///
/// A field number above 15 takes more than one byte; no message here has one, so those are
/// reported under the tag 0, which no known field has.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// Groups, which proto2 has and nobody uses, may nest; as many levels are skipped as by prost.
const MAX_GROUP_DEPTH: u32 = 100;

impl<'a> Fields<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next field; an error instead of an early end when the bytes are malformed.
    pub(super) fn next_checked(
        &mut self,
        message: &'static str,
        body: &[u8],
    ) -> Result<Option<(u8, Value<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let left = self.rest;
        match self.take() {
            Some(field) => Ok(Some(field)),
            None => Err(WireError::at(message, left, body)),
        }
    }

    #[inline]
    fn take(&mut self) -> Option<(u8, Value<'a>)> {
        // Nearly every field is a message of less than 16 KiB with a small field number.
        let (tag, len, rest) = match self.rest {
            [tag, len, rest @ ..] if *len < 0x80 => (*tag, usize::from(*len), rest),
            [tag, low, high, rest @ ..] if *high < 0x80 => {
                let len = usize::from(*low & 0x7f) | usize::from(*high) << 7;
                (*tag, len, rest)
            }
            _ => return self.take_any(),
        };
        if tag & 0x87 != 2 || tag < 8 {
            return self.take_any();
        }
        let (value, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some((tag, Value::Bytes(value)))
    }

    fn take_any(&mut self) -> Option<(u8, Value<'a>)> {
        let tag = take_varint(&mut self.rest)?;
        let value = self.take_value(tag, MAX_GROUP_DEPTH)?;
        Some((
            u8::try_from(tag).ok().filter(|t| *t < 0x80).unwrap_or(0),
            value,
        ))
    }

    #[inline]
    fn take_value(&mut self, tag: u64, depth: u32) -> Option<Value<'a>> {
        if tag >> 3 == 0 || tag > u64::from(u32::MAX) {
            return None;
        }
        match tag & 7 {
            0 => take_varint(&mut self.rest).map(Value::Varint),
            1 => self.take_bytes(8).map(|_| Value::Other),
            2 => {
                let len = take_varint(&mut self.rest)?;
                let len = usize::try_from(len).ok()?;
                self.take_bytes(len).map(Value::Bytes)
            }
            3 => self.skip_group(tag, depth).map(|()| Value::Other),
            5 => {
                let bytes = self.take_bytes(4)?;
                let bytes = bytes.try_into().ok()?;
                Some(Value::Fixed32(u32::from_le_bytes(bytes)))
            }
            _ => None,
        }
    }

    #[inline]
    fn take_bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        Some(taken)
    }

    fn skip_group(&mut self, start: u64, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let end = start + 1;
        loop {
            let tag = take_varint(&mut self.rest)?;
            if tag == end {
                return Some(());
            }
            self.take_value(tag, depth)?;
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u8, Value<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.take()
    }
}
