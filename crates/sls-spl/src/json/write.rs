//! JSON text.

/// Writes `text` as a JSON string with its quotes.
pub(crate) fn write_string(text: &str, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(control >> 4)]));
                out.push(char::from(HEX[usize::from(control & 15)]));
            }
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

/// Whether a valid JSON text has no blanks outside its strings.
pub(crate) fn is_compact(raw: &str) -> bool {
    let mut inside = false;
    let mut escaped = false;
    for byte in raw.bytes() {
        if inside {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => inside = false,
                _ => {}
            }
        } else if byte == b'"' {
            inside = true;
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return false;
        }
    }
    true
}

/// Copies a valid JSON text without the blanks outside its strings.
pub(crate) fn compact(raw: &str, out: &mut String) {
    let mut inside = false;
    let mut escaped = false;
    let mut plain = 0;
    for (at, byte) in raw.bytes().enumerate() {
        if inside {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => inside = false,
                _ => {}
            }
        } else if byte == b'"' {
            inside = true;
        } else if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            out.push_str(&raw[plain..at]);
            plain = at + 1;
        }
    }
    out.push_str(&raw[plain..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_inside_strings_stay() {
        let mut out = String::new();
        compact("{ \"a b\" : [ 1 , \"\\\" x\" ] }", &mut out);
        assert_eq!(out, "{\"a b\":[1,\"\\\" x\"]}");
        assert!(is_compact(&out));
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut out = String::new();
        write_string("a\"\\\n\u{1}é", &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\n\\u0001é\"");
    }
}
