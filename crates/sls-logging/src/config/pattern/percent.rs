use super::fact::Fact;
use super::layout::{Align, Layout, Notation, WIDEST};
use super::{Malformed, Piece, push_literal};

/// Reads Python's older style, `%(levelname)-8s`.
///
/// After the name come the flags `-`, `0`, `+` and blank, a width, a precision, and `s`
/// for text, `d`, `i` or `u` for whole numbers, `f` for decimals, `x` or `X` for
/// hexadecimal ones.
pub(super) fn pieces(format: &str) -> Result<Vec<Piece>, Malformed> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        push_literal(&mut pieces, &rest[..percent]);
        let at = format.len() - rest.len() + percent;
        let after = &rest[percent + 1..];
        if let Some(after) = after.strip_prefix('%') {
            push_literal(&mut pieces, "%");
            rest = after;
            continue;
        }
        let Some(after) = after.strip_prefix('(') else {
            return Err(Malformed::new(
                at,
                "`%` stands alone; write `%%`, or a name as in `%(message)s`",
            ));
        };
        let Some((name, after)) = after.split_once(')') else {
            return Err(Malformed::new(at, "`%(` without `)`"));
        };
        let fact = Fact::from_name(name).map_err(|what| Malformed::new(at, what))?;
        let (layout, after) = layout(after).map_err(|what| Malformed::new(at, what))?;
        if !fact.allows(layout.notation) {
            return Err(Malformed::new(
                at,
                if fact.is_text() {
                    "this is text: end it with `s`"
                } else {
                    "this is a number with decimals: end it with `s`, `d` or `f`"
                },
            ));
        }
        pieces.push(Piece::Fact(fact, layout));
        rest = after;
    }
    push_literal(&mut pieces, rest);
    Ok(pieces)
}

fn layout(text: &str) -> Result<(Layout, &str), String> {
    let mut layout = Layout::default();
    let mut rest = text;
    loop {
        match rest.bytes().next() {
            Some(b'-') => layout.align = Some(Align::Left),
            Some(b'0') => layout.zeros = true,
            Some(b'+') => layout.plus = Some('+'),
            Some(b' ') => layout.plus = layout.plus.or(Some(' ')),
            Some(b'#') => return Err("the flag `#` has no meaning here".to_owned()),
            _ => break,
        }
        rest = &rest[1..];
    }
    if let (Some(width), after) = number(rest)? {
        layout.width = width;
        rest = after;
    }
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = number(after)?;
        layout.precision = Some(precision.unwrap_or(0));
        rest = after;
    }
    layout.notation = match rest.bytes().next() {
        Some(b's') => Notation::Text,
        Some(b'd' | b'i' | b'u') => Notation::Whole,
        Some(b'f' | b'F') => Notation::Fixed,
        Some(b'x') => Notation::Hex { capital: false },
        Some(b'X') => Notation::Hex { capital: true },
        Some(b'*') => return Err("a width is written as a number, not as `*`".to_owned()),
        _ => {
            return Err(
                "a name is followed by `s`, `d`, `f` or `x`, as in `%(message)s`".to_owned(),
            );
        }
    };
    Ok((layout, &rest[1..]))
}

/// The digits at the start, if there are any.
pub(super) fn number(text: &str) -> Result<(Option<usize>, &str), String> {
    let end = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    if end == 0 {
        return Ok((None, text));
    }
    match text[..end].parse() {
        Ok(number) if number <= WIDEST => Ok((Some(number), &text[end..])),
        _ => Err(format!("wider than {WIDEST}")),
    }
}
