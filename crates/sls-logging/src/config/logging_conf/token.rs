use crate::config::pattern::Malformed;

/// A word of Python's expressions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Name(String),
    Text(String),
    Integer(i64),
    Decimal(f64),
    /// One of `( ) [ ] { } , : . = -`.
    Mark(char),
}

const MARKS: &str = "()[]{},:.=-";

/// Cuts an expression into words, each with its byte.
///
/// # Errors
/// The first thing that is none, or that this part of Python does not have.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Malformed> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let (token, length) = match letter {
            _ if letter.is_whitespace() => {
                at += letter.len_utf8();
                continue;
            }
            '#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            // The end of a line inside brackets may be marked; outside there is only one line.
            '\\' if rest.starts_with("\\\n") => {
                at += 2;
                continue;
            }
            '\'' | '"' => self::text(rest, false, at)?,
            '0'..='9' => number(rest).ok_or_else(|| no_number(at))?,
            '.' if rest[1..].starts_with(|next: char| next.is_ascii_digit()) => {
                number(rest).ok_or_else(|| no_number(at))?
            }
            '_' | 'a'..='z' | 'A'..='Z' => {
                let end = rest
                    .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                    .unwrap_or(rest.len());
                let name = &rest[..end];
                if rest[end..].starts_with(['\'', '"']) {
                    let raw = match name {
                        "r" | "R" => true,
                        "u" | "U" => false,
                        _ => {
                            return Err(malformed(
                                at,
                                "a text may have `r` or `u` before it, and nothing else",
                            ));
                        }
                    };
                    let (token, length) = self::text(&rest[end..], raw, at)?;
                    (token, end + length)
                } else {
                    (Token::Name(name.to_owned()), end)
                }
            }
            _ if MARKS.contains(letter) => (Token::Mark(letter), 1),
            _ => return Err(malformed(at, "this letter means nothing here")),
        };
        tokens.push((at, token));
        at += length;
    }
    Ok(tokens)
}

fn malformed(at: usize, what: &str) -> Malformed {
    Malformed {
        at,
        what: what.to_owned(),
    }
}

fn no_number(at: usize) -> Malformed {
    malformed(at, "not a number of 64 bits")
}

/// The number at the start, and its length.
fn number(text: &str) -> Option<(Token, usize)> {
    let mut end = 0;
    let mut last = ' ';
    for letter in text.chars() {
        let sign = matches!(letter, '+' | '-')
            && matches!(last, 'e' | 'E')
            && !text.starts_with("0x")
            && !text.starts_with("0X");
        if !(letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_') || sign) {
            break;
        }
        end += letter.len_utf8();
        last = letter;
    }
    let written = &text[..end];
    if written.ends_with('_') || written.contains("__") {
        return None;
    }
    let digits = written.replace('_', "");
    let lower = digits.to_ascii_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((lower.strip_prefix(prefix)?, radix)));
    let token = if let Some((digits, radix)) = radix {
        // The library would take a second sign.
        let plain = !digits.starts_with(['+', '-']);
        Token::Integer(i64::from_str_radix(digits, radix).ok().filter(|_| plain)?)
    } else if digits.bytes().all(|digit| digit.is_ascii_digit()) {
        // As in Python, where 010 is no number.
        let zeros = digits.len() > 1
            && digits.starts_with('0')
            && digits.contains(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
        Token::Integer(digits.parse().ok().filter(|_| !zeros)?)
    } else {
        let plain = lower
            .chars()
            .all(|letter| letter.is_ascii_digit() || matches!(letter, '.' | 'e' | '+' | '-'));
        let decimal = digits.parse::<f64>().ok().filter(|_| plain)?;
        Token::Decimal(decimal)
    };
    Some((token, end))
}

/// The text at the start, and its length with the quotes.
fn text(rest: &str, raw: bool, at: usize) -> Result<(Token, usize), Malformed> {
    let quote = &rest[..1];
    let triple = quote.repeat(3);
    let long = rest.starts_with(&triple);
    let end = if long { triple.as_str() } else { quote };
    let open = || malformed(at, "this text has no end");
    let mut out = String::new();
    let mut here = end.len();
    loop {
        let left = &rest[here..];
        if left.starts_with(end) {
            return Ok((Token::Text(out), here + end.len()));
        }
        let letter = left.chars().next().ok_or_else(open)?;
        match letter {
            '\n' if !long => return Err(open()),
            '\\' => {
                let escaped = left[1..].chars().next().ok_or_else(open)?;
                let length = 1 + escaped.len_utf8();
                if raw {
                    out.push_str(&left[..length]);
                    here += length;
                } else {
                    here += escape(left, &mut out).ok_or_else(|| {
                        malformed(at, "a text with an escape that stands for no letter")
                    })?;
                }
            }
            _ => {
                out.push(letter);
                here += letter.len_utf8();
            }
        }
    }
}

/// Appends what the escape at the start stands for; its length, or `None` when it is broken.
fn escape(text: &str, out: &mut String) -> Option<usize> {
    let code = text[1..].chars().next()?;
    let plain = match code {
        '\n' => {
            return Some(2);
        }
        '\\' | '\'' | '"' => code,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => return hexadecimal(text, 2, out),
        'u' => return hexadecimal(text, 4, out),
        'U' => return hexadecimal(text, 8, out),
        // Names of letters would take a table of them all.
        'N' => return None,
        '0'..='7' => {
            let digits = text[1..]
                .chars()
                .take(3)
                .take_while(|digit| digit.is_digit(8))
                .collect::<String>();
            out.push(char::from_u32(u32::from_str_radix(&digits, 8).ok()?)?);
            return Some(1 + digits.len());
        }
        // Python leaves an unknown one as it is.
        other => {
            out.push('\\');
            out.push(other);
            return Some(1 + other.len_utf8());
        }
    };
    out.push(plain);
    Some(2)
}

fn hexadecimal(text: &str, digits: usize, out: &mut String) -> Option<usize> {
    let digits = text.get(2..2 + digits)?;
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    out.push(char::from_u32(u32::from_str_radix(digits, 16).ok()?)?);
    Some(2 + digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Token, String> {
        let mut tokens = tokens(text).map_err(|malformed| malformed.what)?;
        assert_eq!(tokens.len(), 1, "{text}: {tokens:?}");
        Ok(tokens.remove(0).1)
    }

    /// Every expectation is what CPython 3.11 makes of the same literal.
    #[test]
    fn texts_are_read_as_python_reads_them() {
        for (literal, text) in [
            (r"'a'", "a"),
            (r#""it's""#, "it's"),
            (r"'it\'s'", "it's"),
            (r"'\n\t\\\x41\u65e5\U0001F600\101\0'", "\n\t\\A日😀A\0"),
            (r"'\a\b\f\v'", "\u{7}\u{8}\u{c}\u{b}"),
            (r"'\d'", "\\d"),
            (r"r'\n\''", "\\n\\'"),
            (r"u'x'", "x"),
            (r#"'''a'b"c'''"#, "a'b\"c"),
            ("'''a\nb'''", "a\nb"),
            ("'a\\\nb'", "ab"),
            (r"'日志'", "日志"),
        ] {
            assert_eq!(one(literal), Ok(Token::Text(text.to_owned())), "{literal}");
        }
    }

    #[test]
    fn numbers_are_read_as_python_reads_them() {
        for (literal, token) in [
            ("0", Token::Integer(0)),
            ("00", Token::Integer(0)),
            ("40960", Token::Integer(40960)),
            ("1_000", Token::Integer(1000)),
            ("0x1F", Token::Integer(31)),
            ("0o17", Token::Integer(15)),
            ("0b101", Token::Integer(5)),
            ("2.5", Token::Decimal(2.5)),
            (".5", Token::Decimal(0.5)),
            ("5.", Token::Decimal(5.0)),
            ("1e3", Token::Decimal(1000.0)),
            ("1e-3", Token::Decimal(0.001)),
        ] {
            assert_eq!(one(literal), Ok(token), "{literal}");
        }
    }

    #[test]
    fn what_is_no_word_is_refused_and_not_shown() {
        for text in [
            "'hush",
            "'hush\n'",
            "'''hush",
            "'hush\\",
            r"'hush\x4'",
            r"'hush\ud800'",
            r"'hush\N{BULLET}'",
            "b'hush'",
            "f'{hush}'",
            "010",
            "1__0",
            "1_",
            "9999999999999999999",
            "12ab",
            "1e",
            "0x",
            "0x-5",
            "1j",
            "a @ b",
            "日",
        ] {
            let malformed = tokens(text).unwrap_err();
            assert!(!malformed.what.contains("hush"), "{text}: {malformed:?}");
        }
    }

    #[test]
    fn comments_and_line_ends_are_no_words() {
        let all = tokens("( # why\n 1, \\\n 2)").unwrap();
        assert_eq!(all.len(), 5);
        assert_eq!(tokens("  ").unwrap(), []);
    }
}
