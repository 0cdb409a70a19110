/// Where the secret ends that a text begins with; 0 when it begins with none.
///
/// A value in quotes, which may be escaped, ends with them, a list or an object with its bracket,
/// and anything else in front of what separates words. What does not end goes on to the end of
/// the text. Takes time in proportion to the length of the secret.
pub(crate) fn secret_end(text: &str) -> usize {
    let scheme = scheme_end(text);
    match value_end(&text[scheme..]) {
        0 => value_end(text),
        value => scheme + value,
    }
}

/// Where that ends which HTTP has in front of a secret.
fn scheme_end(text: &str) -> usize {
    for scheme in ["basic", "bearer", "digest", "negotiate", "token"] {
        let start = text.get(..scheme.len());
        if start.is_some_and(|start| start.eq_ignore_ascii_case(scheme)) {
            let rest = &text[scheme.len()..];
            let value = rest.trim_start();
            if value.len() < rest.len() {
                return text.len() - value.len();
            }
        }
    }
    0
}

fn value_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    match bytes {
        [b'[' | b'{', ..] => group_end(bytes),
        // A string as Python and Rust show some.
        [b'b' | b'r' | b'u' | b'f', rest @ ..] if quoted_end(rest).is_some() => {
            1 + quoted_end(rest).unwrap_or_default()
        }
        _ => quoted_end(bytes).unwrap_or_else(|| word_end(text)),
    }
}

/// Where the value in quotes ends that the text begins with. In a text inside a text quotes are
/// escaped, perhaps several times.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let level = backslashes(text);
    let quote = *text.get(level)?;
    if !matches!(quote, b'"' | b'\'') {
        return None;
    }
    // So many spell one backslash of the value.
    let unit = 2 * (level + 1);
    let mut at = level + 1;
    while at < text.len() {
        let escapes = backslashes(&text[at..]);
        at += escapes;
        if text.get(at) == Some(&quote) {
            if escapes < level {
                // The text around it ends here.
                return Some(at - escapes);
            }
            if escapes % unit == level {
                return Some(at + 1);
            }
        }
        at += 1;
    }
    Some(text.len())
}

fn backslashes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b'\\').count()
}

/// Where the bracket is closed that the text begins with.
fn group_end(text: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if let Some(quoted) = quoted_end(&text[at..]) {
            at += quoted;
            continue;
        }
        at += backslashes(&text[at..]);
        match text.get(at) {
            Some(b'(' | b'[' | b'{') => depth += 1,
            Some(b')' | b']' | b'}') if depth <= 1 => return at + 1,
            Some(b')' | b']' | b'}') => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

fn word_end(text: &str) -> usize {
    let end = plain_end(text);
    let name = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':' | '!')));
    let Some(name) = name.filter(|name| *name > 0) else {
        return end;
    };
    let rest = &text[name..];
    if rest.starts_with(['(', '[', '{']) {
        // `Some("two words")`
        let group = name + group_end(rest.as_bytes());
        return group + plain_end(&text[group..]);
    }
    if rest.starts_with(" {") && text.starts_with(char::is_uppercase) {
        // `Secret { value: "two words" }`
        return name + 1 + group_end(&rest.as_bytes()[1..]);
    }
    end
}

fn plain_end(text: &str) -> usize {
    let separates = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '&' | ')' | ']' | '}');
    text.find(separates).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret is everything in front of `rest`.
    #[track_caller]
    fn check(secret: &str, rest: &str) {
        let text = format!("{secret}{rest}");
        assert_eq!(&text[secret_end(&text)..], rest);
    }

    #[test]
    fn a_value_in_quotes_ends_with_them_however_often_they_are_escaped() {
        check(r#""two words""#, r#","n":1}"#);
        check(r#""a\"b\\""#, " n=1");
        check(r#"\"two \\\"words\\\" \\\\\""#, r#"}" n=1"#);
        check(r#"\\\"two words\\\""#, r#"}\" n=1"#);
        check("'two words'", " n=1");
        check("b'two words'", " n=1");
        // The text around it was cut.
        check(r#"\"two words"#, r#"" n=1"#);
        check("\"two words", "");
        check("\"two\\", "");
    }

    #[test]
    fn a_list_ends_with_its_bracket_whatever_is_in_it() {
        check(r#"["a]","b",{"c":["d"]}]"#, r#","n":1}"#);
        check(r#"[\"a]\",\"b\"]"#, r#"}" n=1"#);
        check(r#"{"a": "}"}"#, " n=1");
        check(r#"["a", "b"#, "");
        check("[[[", "");
    }

    #[test]
    fn a_value_as_rust_shows_it_is_hidden_whole() {
        check(r#"Some("two words")"#, r#", n: 1 }"#);
        check(r#"Secret { value: "two } words", n: 1 }"#, " }");
        check(r#"vec!["two", "words"]"#, " n=1");
    }

    #[test]
    fn a_word_ends_where_the_next_begins() {
        check("hunter2", ", n=1");
        check("x", "&n=1");
        check("Bearer abc.def", " n=1");
        check("Bearer", ", n=1");
        check("it's", " n=1");
        check("\u{5bc6}\u{7801}", "\u{3000}n=1");
        check("", "&n=1");
        check("", "");
    }

    #[test]
    fn many_brackets_and_backslashes_take_one_look_each() {
        // Looking again from each of them would take minutes.
        for text in ["[\\", "[\\\"", "\\", "\\'", "'[", "("] {
            let text = text.repeat(1 << 20);
            assert!(secret_end(&text) <= text.len());
            assert!(secret_end(&format!("[{text}")) <= text.len() + 1);
        }
    }
}
