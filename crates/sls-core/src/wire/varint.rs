/// The bytes that `value` takes as a varint, 1 to 10.
pub(crate) const fn varint_len(value: u64) -> usize {
    // Seven payload bits to a byte; zero still takes one. For the 64 values that `top` can
    // have, nine sixty-fourths round to the same as a seventh, without a division.
    let top = 63 - (value | 1).leading_zeros() as usize;
    (top * 9 + 73) / 64
}

/// The most bytes that a varint takes.
pub(crate) const VARINT_MAX: usize = 10;

/// Writes `value` to the front of `slot`, which must have room, and says how many bytes.
#[inline]
pub(crate) fn varint_into(slot: &mut [u8], value: u64) -> usize {
    let len = varint_len(value);
    write_varint(&mut slot[..len], value);
    len
}

/// Writes `value` over exactly `slot.len()` bytes, which must be `varint_len(value)`.
#[inline]
pub(crate) fn write_varint(slot: &mut [u8], mut value: u64) {
    match slot {
        [only] => *only = value as u8,
        [first, last] => {
            *first = value as u8 | 0x80;
            *last = (value >> 7) as u8;
        }
        [rest @ .., last] => {
            for byte in rest {
                *byte = value as u8 | 0x80;
                value >>= 7;
            }
            *last = value as u8;
        }
        [] => {}
    }
}

/// Reads a varint; `None` when it is cut or longer than 64 bits.
#[inline]
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let &first = bytes.first()?;
    if first < 0x80 {
        *bytes = &bytes[1..];
        return Some(u64::from(first));
    }
    take_long_varint(bytes)
}

fn take_long_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for (index, &byte) in bytes.iter().take(10).enumerate() {
        // The tenth byte holds the one bit that is left of 64.
        if index == 9 && byte > 1 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *bytes = &bytes[index + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_put_is_taken(value: u64) {
            let mut buf = [0; VARINT_MAX];
            let len = varint_into(&mut buf, value);
            prop_assert_eq!(len, varint_len(value));
            let mut rest = &buf[..len];
            prop_assert_eq!(take_varint(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }
    }

    #[test]
    fn a_cut_or_overlong_varint_is_refused() {
        for bad in [&[][..], &[0x80], &[0xff; 10], &[0x80; 11]] {
            assert_eq!(take_varint(&mut &*bad), None, "{bad:?}");
        }
    }
}
