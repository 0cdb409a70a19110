//! Texts in JSON as the Python SDK writes them: nothing outside printable ASCII is raw.

use crate::text::Pieces;

/// Appends a text in quotes.
#[inline]
pub(super) fn push_quoted(buf: &mut Vec<u8>, text: &str) {
    buf.push(b'"');
    push_escaped(buf, text);
    buf.push(b'"');
}

/// Takes pieces of a text that is already in quotes.
pub(super) struct Escaped<'b>(pub(super) &'b mut Vec<u8>);

impl Pieces for Escaped<'_> {
    fn piece(&mut self, text: &str) {
        push_escaped(self.0, text);
    }
}

/// Appends a text without quotes.
#[inline]
pub(super) fn push_escaped(buf: &mut Vec<u8>, text: &str) {
    if is_plain(text.as_bytes()) {
        buf.extend_from_slice(text.as_bytes());
    } else {
        push_rest(buf, text);
    }
}

fn push_rest(buf: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut at = plain_prefix(bytes);
    buf.extend_from_slice(&bytes[..at]);
    while at < bytes.len() {
        let byte = bytes[at];
        if byte < 0x80 {
            push_ascii(buf, byte);
            at += 1;
        } else {
            // Only whole ASCII characters were passed over, so this is where a character
            // begins; others like it tend to follow.
            for character in text[at..].chars().take_while(|c| !c.is_ascii()) {
                at += character.len_utf8();
                for unit in character.encode_utf16(&mut [0; 2]) {
                    push_unit(buf, *unit);
                }
            }
        }
        let plain = plain_prefix(&bytes[at..]);
        buf.extend_from_slice(&bytes[at..at + plain]);
        at += plain;
    }
}

#[inline]
fn push_ascii(buf: &mut Vec<u8>, byte: u8) {
    match ESCAPES[usize::from(byte)] {
        UNICODE => push_unit(buf, u16::from(byte)),
        letter => buf.extend_from_slice(&[b'\\', letter]),
    }
}

#[inline]
fn push_unit(buf: &mut Vec<u8>, unit: u16) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |shift: u32| HEX[usize::from(unit >> shift & 15)];
    buf.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// The byte stands for itself.
const PLAIN: u8 = 0;
/// The byte is written, alone or as part of a character, as `\u` and four digits.
const UNICODE: u8 = b'u';

/// What each byte needs: nothing, a number, or the letter after a backslash.
const ESCAPES: [u8; 256] = {
    let mut table = [UNICODE; 256];
    let mut byte = 0x20;
    while byte < 0x7f {
        table[byte] = PLAIN;
        byte += 1;
    }
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table
};

/// Whether every byte stands for itself.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        // The last word may overlap the one before it; looking twice costs less than a
        // loop over what is left.
        return !has_escape(u64::from_le_bytes(*last))
            && !has_escape(u64::from_le_bytes(*first))
            && (bytes.len() <= 16 || words_are_plain(&bytes[8..]));
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return !has_escape(u64::from(first) | (u64::from(last) << 32));
    }
    bytes
        .iter()
        .all(|byte| ESCAPES[usize::from(*byte)] == PLAIN)
}

/// The whole words of a text whose last eight bytes have been looked at.
fn words_are_plain(bytes: &[u8]) -> bool {
    let mut words = bytes.chunks_exact(8);
    words.all(|word| {
        word.try_into()
            .is_ok_and(|word| !has_escape(u64::from_le_bytes(word)))
    })
}

/// How many bytes stand for themselves before the first that does not.
#[inline]
fn plain_prefix(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk() {
        if has_escape(u64::from_le_bytes(*chunk)) {
            break;
        }
        at += 8;
    }
    while at < bytes.len() && ESCAPES[usize::from(bytes[at])] == PLAIN {
        at += 1;
    }
    at
}

/// Whether any of eight bytes needs an escape.
///
/// In each byte, the highest bit is set by a subtraction that borrows or an addition that
/// carries into it. A borrow from a neighbour can set it too, but only when that neighbour
/// needs an escape itself.
#[inline]
const fn has_escape(word: u64) -> bool {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let control = word.wrapping_sub(ONES * 0x20);
    let delete = word.wrapping_add(ONES);
    let quote = (word ^ (ONES * b'"' as u64)).wrapping_sub(ONES);
    let backslash = (word ^ (ONES * b'\\' as u64)).wrapping_sub(ONES);
    (word | control | delete | quote | backslash) & HIGH != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, want: &str) {
        let mut buf = Vec::new();
        push_quoted(&mut buf, text);
        assert_eq!(String::from_utf8(buf).unwrap(), want);
    }

    #[test]
    fn escapes_are_the_short_ones_or_four_digits_in_lower_case() {
        check("ctl\"\\/<>&'", r#""ctl\"\\/<>&'""#);
        check("\u{8}\t\n\u{c}\r", r#""\b\t\n\f\r""#);
        check("\u{0}\u{b}\u{1f}\u{7f}", r#""\u0000\u000b\u001f\u007f""#);
        check("本科\u{2028}é", r#""\u672c\u79d1\u2028\u00e9""#);
        check("🙂 ok", r#""\ud83d\ude42 ok""#);
        check("", r#""""#);
    }

    #[test]
    fn every_byte_is_found_at_every_place_of_a_word() {
        for byte in 0..=255u8 {
            for place in 0..8 {
                let mut bytes = *b"abcdefgh";
                bytes[place] = byte;
                let needed = ESCAPES[usize::from(byte)] != PLAIN;
                assert_eq!(
                    has_escape(u64::from_le_bytes(bytes)),
                    needed,
                    "{byte} at {place}"
                );
            }
        }
    }

    #[test]
    fn a_byte_is_found_at_every_place_of_texts_of_every_length() {
        for len in 0..40 {
            let mut bytes = vec![b'a'; len];
            assert!(is_plain(&bytes), "{len}");
            for place in 0..len {
                bytes[place] = 0x7f;
                assert!(!is_plain(&bytes), "{place} of {len}");
                bytes[place] = b'a';
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in "[\\x00-\\x7f中🙂é\u{2028}]{0,40}") {
            let mut buf = Vec::new();
            push_quoted(&mut buf, &text);
            prop_assert!(buf.iter().all(|byte| (0x20..0x7f).contains(byte)));
            prop_assert_eq!(serde_json::from_slice::<String>(&buf).unwrap(), text);
        }
    }
}
