/// Wider than this is a mistake.
pub(super) const WIDEST: usize = 1000;

/// Where the blanks go when a text is shorter than its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
    Middle,
}

/// What a fact is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Notation {
    /// As it is.
    #[default]
    Text,
    /// A whole number.
    Whole,
    /// A number with a fixed count of decimals.
    Fixed,
    /// Hexadecimal, in small or capital letters.
    Hex { capital: bool },
}

/// Width, flags and precision of one fact.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    pub(super) notation: Notation,
    pub(super) width: usize,
    pub(super) precision: Option<usize>,
    /// `None`: right, and left for text in the brace style.
    pub(super) align: Option<Align>,
    pub(super) fill: Option<char>,
    /// Zeros between sign and digits.
    pub(super) zeros: bool,
    /// What stands before a number that is not negative.
    pub(super) plus: Option<char>,
}

impl Layout {
    /// Appends a text.
    pub(super) fn text(&self, text: &str, out: &mut String) {
        let text = match self.precision {
            Some(most) => text
                .char_indices()
                .nth(most)
                .map_or(text, |(end, _)| &text[..end]),
            None => text,
        };
        self.pad(text, out);
    }

    /// Appends a whole number.
    pub(super) fn whole(&self, number: i64, out: &mut String) {
        let digits = match self.notation {
            Notation::Fixed => return self.decimal(number as f64, out),
            Notation::Hex { capital: false } => format!("{:x}", number.unsigned_abs()),
            Notation::Hex { capital: true } => format!("{:X}", number.unsigned_abs()),
            // As text a precision cuts, as it does in Python.
            Notation::Text => return self.text(&number.to_string(), out),
            Notation::Whole => number.unsigned_abs().to_string(),
        };
        let digits = format!("{digits:0>width$}", width = self.precision.unwrap_or(1));
        self.number(number < 0, &digits, out);
    }

    /// Appends a number with decimals.
    pub(super) fn decimal(&self, number: f64, out: &mut String) {
        match self.notation {
            Notation::Text => self.text(&format!("{number:?}"), out),
            // Cut and not rounded, as Python does.
            Notation::Whole | Notation::Hex { .. } => self.whole(number as i64, out),
            Notation::Fixed => {
                let digits = format!("{:.*}", self.precision.unwrap_or(6), number.abs());
                self.number(number < 0.0, &digits, out);
            }
        }
    }

    fn number(&self, negative: bool, digits: &str, out: &mut String) {
        let sign = if negative { Some('-') } else { self.plus };
        let mut text = String::new();
        text.extend(sign);
        if self.zeros && self.align != Some(Align::Left) {
            let zeros = self.width.saturating_sub(text.len() + digits.len());
            text.extend(std::iter::repeat_n('0', zeros));
        }
        text.push_str(digits);
        self.pad(&text, out);
    }

    fn pad(&self, text: &str, out: &mut String) {
        let missing = match self.width {
            0 => 0,
            width => width.saturating_sub(text.chars().count()),
        };
        let before = match self.align {
            Some(Align::Left) => 0,
            Some(Align::Middle) => missing / 2,
            Some(Align::Right) | None => missing,
        };
        let fill = self.fill.unwrap_or(' ');
        out.extend(std::iter::repeat_n(fill, before));
        out.push_str(text);
        out.extend(std::iter::repeat_n(fill, missing - before));
    }
}
