/// The bytes that `value` takes as a varint, 1 to 10.
pub(super) const fn varint_len(value: u64) -> usize {
    // Seven payload bits to a byte; zero still takes one.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Fills `to`, which has as many bytes as `value` takes.
#[inline]
pub(super) fn varint_into(to: &mut [u8], mut value: u64) {
    if let Some((last, more)) = to.split_last_mut() {
        for byte in more {
            *byte = value as u8 | 0x80;
            value >>= 7;
        }
        *last = value as u8;
    }
}

/// Reads a varint; `None` when it is cut or longer than 64 bits.
#[inline]
pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
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
        fn what_is_put_is_taken(value: u64, shift in 0..64) {
            let value = value >> shift;
            let mut buf = vec![0; varint_len(value)];
            varint_into(&mut buf, value);
            let mut rest = buf.as_slice();
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
