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
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
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

/// Whether a valid JSON text is as [`compact`] would write it, as far as a glance can tell.
pub(crate) fn is_compact(raw: &str) -> bool {
    let mut inside = false;
    for byte in raw.bytes() {
        match byte {
            b'\\' => return false,
            b'"' => inside = !inside,
            b' ' | b'\t' | b'\n' | b'\r' if !inside => return false,
            _ => {}
        }
    }
    true
}

/// Copies a valid JSON text without the blanks outside its strings and without needless escapes.
pub(crate) fn compact(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = rest.find(['"', ' ', '\t', '\n', '\r']) {
        out.push_str(&rest[..at]);
        let after = &rest[at..];
        if !after.starts_with('"') {
            rest = &after[1..];
            continue;
        }
        let text = &after[..string_end(after)];
        if text.contains('\\') {
            write_string(&super::Node { raw: text }.decoded(), out);
        } else {
            out.push_str(text);
        }
        rest = &after[text.len()..];
    }
    out.push_str(rest);
}

/// The length of the string a text starts with, quotes included.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_inside_strings_stay() {
        let mut out = String::new();
        compact("{ \"a b\" : [ 1.50 , \"\\\" x\" ] }", &mut out);
        assert_eq!(out, "{\"a b\":[1.50,\"\\\" x\"]}");
        assert!(is_compact("{\"a b\":[1]}"));
    }

    #[test]
    fn needless_escapes_are_decoded() {
        let mut out = String::new();
        compact(r#"["\u6d4b\/", "\u0001\n\b\"\\"]"#, &mut out);
        assert_eq!(out, r#"["测/","\u0001\n\b\"\\"]"#);
    }

    #[test]
    fn control_characters_are_escaped() {
        let mut out = String::new();
        write_string("a\"\\\n\u{1}é", &mut out);
        assert_eq!(out, "\"a\\\"\\\\\\n\\u0001é\"");
    }
}
