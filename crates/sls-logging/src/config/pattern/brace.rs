use super::fact::Fact;
use super::layout::{Align, Layout, Notation};
use super::percent::number;
use super::{Malformed, Piece, push_literal};

/// Reads the newer style, `{levelname:<8}`.
///
/// After the colon come a fill letter and `<`, `>` or `^`, a sign, a zero, a width, a
/// precision, and `s`, `d`, `f`, `x` or `X`.
pub(super) fn pieces(format: &str) -> Result<Vec<Piece>, Malformed> {
    let mut pieces = Vec::new();
    let mut rest = format;
    while let Some(brace) = rest.find(['{', '}']) {
        push_literal(&mut pieces, &rest[..brace]);
        let at = format.len() - rest.len() + brace;
        let (brace, after) = rest[brace..].split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            push_literal(&mut pieces, brace);
            rest = after;
            continue;
        }
        if brace == "}" {
            return Err(Malformed::new(at, "`}` stands alone; write `}}`"));
        }
        let Some((inside, after)) = after.split_once('}') else {
            return Err(Malformed::new(
                at,
                "`{` without `}`; write `{{` for the letter",
            ));
        };
        let (name, spec) = inside.split_once(':').unwrap_or((inside, ""));
        let fact = Fact::from_name(name).map_err(|what| Malformed::new(at, what))?;
        let layout = layout(fact, spec).map_err(|what| Malformed::new(at, what))?;
        pieces.push(Piece::Fact(fact, layout));
        rest = after;
    }
    push_literal(&mut pieces, rest);
    Ok(pieces)
}

fn layout(fact: Fact, spec: &str) -> Result<Layout, String> {
    let mut layout = Layout {
        align: fact.is_text().then_some(Align::Left),
        ..Layout::default()
    };
    let mut letters = spec.chars();
    let mut rest = spec;
    match (letters.next(), letters.next()) {
        (Some(fill), Some(align)) if self::align(align).is_some() => {
            layout.fill = Some(fill);
            layout.align = self::align(align);
            rest = &spec[fill.len_utf8() + align.len_utf8()..];
        }
        (Some(align), _) if self::align(align).is_some() => {
            layout.align = self::align(align);
            rest = &spec[1..];
        }
        _ => {}
    }
    if let Some(sign) = rest.chars().next().filter(|c| matches!(c, '+' | '-' | ' ')) {
        layout.plus = (sign != '-').then_some(sign);
        rest = &rest[1..];
    }
    if let Some(after) = rest.strip_prefix('0') {
        layout.zeros = true;
        rest = after;
    }
    let (width, after) = number(rest)?;
    layout.width = width.unwrap_or(0);
    rest = after;
    if let Some(after) = rest.strip_prefix('.') {
        let (precision, after) = number(after)?;
        layout.precision = precision;
        rest = after;
    }
    layout.notation = match rest {
        "" | "s" => Notation::Text,
        "d" => Notation::Whole,
        "f" => Notation::Fixed,
        "x" => Notation::Hex { capital: false },
        "X" => Notation::Hex { capital: true },
        _ => {
            return Err(
                "after `:` come alignment, width, precision and one of `s`, `d`, `f`, `x`, \
                 as in `{levelname:<8}`"
                    .to_owned(),
            );
        }
    };
    // `{lineno:5}` means a number five wide, zeros and sign included.
    if rest.is_empty() && fact.allows(Notation::Whole) && layout.precision.is_none() {
        layout.notation = if fact.allows(Notation::Hex { capital: true }) {
            Notation::Whole
        } else {
            Notation::Text
        };
    }
    if layout.zeros && layout.notation == Notation::Text {
        layout.fill = layout.fill.or(Some('0'));
    }
    if !fact.allows(layout.notation) {
        return Err("this is text and cannot be written as a number".to_owned());
    }
    Ok(layout)
}

fn align(letter: char) -> Option<Align> {
    match letter {
        '<' => Some(Align::Left),
        '>' => Some(Align::Right),
        '^' => Some(Align::Middle),
        _ => None,
    }
}
