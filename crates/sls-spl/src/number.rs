//! Numbers from and to text.

use std::fmt::Write as _;

/// An integer: optional sign and digits, blanks around it allowed.
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let text = text.trim_ascii();
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    // Eighteen digits cannot overflow, which keeps the common case free of checks.
    if digits.len() <= 18 {
        let mut value: i64 = 0;
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + i64::from(digit);
        }
        return Some(if negative { -value } else { value });
    }
    i64::try_from(parse_huge(text)?).ok()
}

/// An integer of 128 bits: optional sign and digits, blanks around it allowed.
pub(crate) fn parse_huge(text: &[u8]) -> Option<i128> {
    let text = text.trim_ascii();
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, text),
    };
    if digits.is_empty() {
        return None;
    }
    let mut value: i128 = 0;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Counting down reaches the smallest value, which has no positive twin.
        value = value.checked_mul(10)?.checked_sub(i128::from(digit))?;
    }
    if negative {
        Some(value)
    } else {
        value.checked_neg()
    }
}

/// A decimal or exponent form, or exactly `NaN`, `Infinity`, `-Infinity`.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    plain_float(text)?.parse().ok()
}

/// As [`parse_double`], rounded to 32 bits.
pub(crate) fn parse_real(text: &[u8]) -> Option<f32> {
    plain_float(text)?.parse().ok()
}

fn plain_float(text: &[u8]) -> Option<&str> {
    let text = text.trim_ascii();
    let text = std::str::from_utf8(text).ok()?;
    // Words such as "inf" are numbers to Rust, but not here.
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    (plain || matches!(text, "NaN" | "Infinity" | "-Infinity")).then_some(text)
}

/// Plain decimal with at least one digit after the point, never an exponent.
pub(crate) fn write_double(value: f64, out: &mut String) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        let start = out.len();
        let _ = write!(out, "{value}");
        point(out, start);
    }
}

/// As [`write_double`], with the digits a 32-bit number needs.
pub(crate) fn write_real(value: f32, out: &mut String) {
    if value.is_finite() {
        let start = out.len();
        let _ = write!(out, "{value}");
        point(out, start);
    } else {
        write_double(f64::from(value), out);
    }
}

fn point(out: &mut String, start: usize) {
    if !out[start..].contains('.') {
        out.push_str(".0");
    }
}

/// The nearest integer, halves away from zero; `None` when it has none in 128 bits.
pub(crate) fn round_to_integer(value: f64) -> Option<i128> {
    let rounded = value.round();
    // 2^127 itself is out of range, its negative is not.
    let limit = 2f64.powi(127);
    (rounded.is_finite() && rounded < limit && rounded >= -limit).then_some(rounded as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_sign_and_blanks_and_nothing_else() {
        assert_eq!(parse_integer(b" +5 "), Some(5));
        assert_eq!(parse_integer(b"-9223372036854775808"), Some(i64::MIN));
        for bad in [
            "",
            " ",
            "+",
            "-",
            "1 2",
            "1.0",
            "9223372036854775808",
            "0x1",
        ] {
            assert_eq!(parse_integer(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(
            parse_huge(i128::MIN.to_string().as_bytes()),
            Some(i128::MIN)
        );
        assert_eq!(parse_huge(b"170141183460469231731687303715884105728"), None);
    }

    #[test]
    fn doubles_accept_only_the_documented_words() {
        assert_eq!(parse_double(b"1."), Some(1.0));
        assert_eq!(parse_double(b"-1.5e3"), Some(-1500.0));
        assert_eq!(parse_double(b"-Infinity"), Some(f64::NEG_INFINITY));
        for bad in ["", "nan", "inf", "infinity", "1.2a", ".", "e5", "+Infinity"] {
            assert_eq!(parse_double(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn doubles_print_without_exponent() {
        for (value, want) in [
            (1_600_333_200.0, "1600333200.0"),
            (0.1, "0.1"),
            (1e21, "1000000000000000000000.0"),
            (1e-7, "0.0000001"),
            (-0.0, "-0.0"),
            (f64::NAN, "NaN"),
        ] {
            let mut out = String::new();
            write_double(value, &mut out);
            assert_eq!(out, want);
        }
    }
}
