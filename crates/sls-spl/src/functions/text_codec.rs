//! Text and bytes: UTF-8, hexadecimal and base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::value::{Value, write_hex};

use super::{Call, Function, Param, plain, returns};

pub(super) const FUNCTIONS: &[Function] = &[
    plain(
        &["from_utf8"],
        &[Param::Binary, Param::TextOrInteger],
        1,
        returns::varchar,
        from_utf8,
    ),
    plain(&["to_utf8"], &[Param::Text], 1, returns::varbinary, to_utf8),
    plain(&["to_hex"], &[Param::Binary], 1, returns::varchar, to_hex),
    plain(
        &["from_hex"],
        &[Param::TextOrBinary],
        1,
        returns::varbinary,
        from_hex,
    ),
    plain(
        &["to_base64"],
        &[Param::Binary],
        1,
        returns::varchar,
        to_base64,
    ),
    plain(
        &["from_base64"],
        &[Param::TextOrBinary],
        1,
        returns::varbinary,
        from_base64,
    ),
];

/// The standard alphabet; padding is written and may be missing when read.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn from_utf8<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Value::Binary(bytes) = call.arg(0) else {
        return call.mismatch();
    };
    let mut buffer = [0; 4];
    let replacement: &str = match call.arg(1) {
        Value::Null => "\u{fffd}",
        Value::Text(text) => {
            let text = call.cx.read(text);
            if text.chars().count() > 1 {
                return call.fail("the replacement is longer than one character");
            }
            text
        }
        other => match other.as_integer().and_then(|code| u32::try_from(code).ok()) {
            Some(code) => match char::from_u32(code) {
                Some(c) => c.encode_utf8(&mut buffer),
                None => return call.fail("the replacement is not a code point"),
            },
            None => return call.mismatch(),
        },
    };
    if std::str::from_utf8(bytes).is_ok() {
        return Value::Text(bytes);
    }
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while !rest.is_empty() {
        let valid = match std::str::from_utf8(rest) {
            Ok(_) => rest.len(),
            Err(error) => error.valid_up_to(),
        };
        let (valid, after) = rest.split_at(valid);
        out.push_str(&String::from_utf8_lossy(valid));
        if !after.is_empty() {
            out.push_str(replacement);
        }
        rest = &after[broken_length(after)..];
    }
    call.cx.text(&out)
}

/// How many bytes a broken character takes: its first byte and those after it that belong to it,
/// by the old rules that let a character have six.
fn broken_length(bytes: &[u8]) -> usize {
    let Some((first, rest)) = bytes.split_first() else {
        return 0;
    };
    let promised = match first {
        0xc0..=0xdf => 1,
        0xe0..=0xef => 2,
        0xf0..=0xf7 => 3,
        0xf8..=0xfb => 4,
        0xfc..=0xfd => 5,
        _ => 0,
    };
    let given = rest.iter().take(promised);
    1 + given.take_while(|byte| **byte & 0xc0 == 0x80).count()
}

fn to_utf8<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Text(bytes) => Value::Binary(bytes),
        _ => call.mismatch(),
    }
}

fn to_hex<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Value::Binary(bytes) = call.arg(0) else {
        return call.mismatch();
    };
    if !call.cx.fits(bytes.len().saturating_mul(2)) {
        return Value::Null;
    }
    let mut out = String::with_capacity(bytes.len() * 2);
    write_hex(bytes, &mut out);
    call.cx.text(&out)
}

fn from_hex<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Value::Text(text) | Value::Binary(text)) = call.arg(0) else {
        return call.mismatch();
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes: Option<Vec<u8>> = text
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
            _ => None,
        })
        .collect();
    match bytes {
        Some(bytes) => call.cx.binary(&bytes),
        None => call.cx.fail("not hexadecimal", text),
    }
}

fn to_base64<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match call.arg(0) {
        Value::Binary(bytes) if call.cx.fits(bytes.len().saturating_mul(4) / 3 + 4) => {
            call.cx.text(&BASE64.encode(bytes))
        }
        Value::Binary(_) => Value::Null,
        _ => call.mismatch(),
    }
}

fn from_base64<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Value::Text(text) | Value::Binary(text)) = call.arg(0) else {
        return call.mismatch();
    };
    // Padding may be missing, but not in part.
    let whole = !text.ends_with(b"=") || text.len() % 4 == 0;
    match BASE64.decode(text) {
        Ok(bytes) if whole => call.cx.binary(&bytes),
        _ => call.cx.fail("not base64", text),
    }
}
