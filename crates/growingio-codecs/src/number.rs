//! The text of numbers, the same in JSON, in protobuf and in joined lists.

/// Gives the decimal text of an integer.
#[inline]
pub(crate) fn with_integer<R>(value: i128, then: impl FnOnce(&str) -> R) -> R {
    let mut buffer = itoa::Buffer::new();
    // Formatting 128 bits takes several times as long, and few integers need them.
    match i64::try_from(value) {
        Ok(value) => then(buffer.format(value)),
        Err(_) => then(buffer.format(value)),
    }
}

/// Gives the text of a finite double: the shortest digits that read back as the same value.
///
/// With the value as `d.ddd * 10^e`, it is positional for `-4 <= e <= 15` and always has a
/// fraction; otherwise the exponent follows with its sign and at least two digits. Measured
/// against the Python SDK, case `custom-numbers` and table `numbers`.
#[inline]
pub(crate) fn with_double<R>(value: f64, then: impl FnOnce(&str) -> R) -> R {
    let mut buffer = zmij::Buffer::new();
    let shortest = buffer.format_finite(value);
    let magnitude = value.abs();
    if (1e-4..1e16).contains(&magnitude) || magnitude == 0.0 {
        return then(shortest);
    }
    let mut text = Scientific::default();
    text.rewrite(shortest);
    then(text.as_str())
}

/// A number in scientific notation, made from the same number in any notation.
#[derive(Default)]
struct Scientific {
    // A sign, 17 digits, a point, and an exponent of five characters.
    bytes: [u8; 32],
    len: usize,
}

impl Scientific {
    fn rewrite(&mut self, number: &str) {
        let (sign, number) = match number.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", number),
        };
        let (mantissa, exponent) = match number.split_once('e') {
            Some((mantissa, exponent)) => (mantissa, exponent.parse().unwrap_or(0)),
            None => (number, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        let leading = digits().take_while(|digit| *digit == b'0').count();
        let significant = digits()
            .enumerate()
            .filter(|(_, digit)| *digit != b'0')
            .last()
            .map_or(0, |(index, _)| index + 1);
        // Positions are counted from the first digit, the exponent from the one before the point.
        let exponent: i32 = exponent + whole.len() as i32 - 1 - leading as i32;

        self.push(sign.bytes());
        self.push(digits().skip(leading).take(1));
        if significant > leading + 1 {
            self.push(*b".");
            self.push(digits().take(significant).skip(leading + 1));
        }
        self.push(if exponent < 0 { *b"e-" } else { *b"e+" });
        if exponent.unsigned_abs() < 10 {
            self.push(*b"0");
        }
        let mut buffer = itoa::Buffer::new();
        self.push(buffer.format(exponent.unsigned_abs()).bytes());
    }

    fn push(&mut self, bytes: impl IntoIterator<Item = u8>) {
        for (slot, byte) in self.bytes[self.len..].iter_mut().zip(bytes) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn double(value: f64) -> String {
        with_double(value, str::to_owned)
    }

    #[track_caller]
    fn check(value: f64, want: &str) {
        assert_eq!(double(value), want);
    }

    #[test]
    fn doubles_are_positional_from_a_ten_thousandth_to_ten_to_the_fifteenth() {
        check(1.0, "1.0");
        check(-0.0, "-0.0");
        check(0.0, "0.0");
        check(0.1, "0.1");
        check(0.0001, "0.0001");
        check(0.000_123_4, "0.0001234");
        check(1e15, "1000000000000000.0");
        check(9_999_999_999_999_998.0, "9999999999999998.0");
        check(123_456_789_012_345_680.0, "1.2345678901234568e+17");
    }

    #[test]
    fn other_doubles_have_a_signed_exponent_of_two_digits_or_more() {
        check(1e16, "1e+16");
        check(1e-5, "1e-05");
        check(1.5e-7, "1.5e-07");
        check(-9.999e-5, "-9.999e-05");
        check(5e-324, "5e-324");
        check(f64::MAX, "1.7976931348623157e+308");
        check(f64::MIN, "-1.7976931348623157e+308");
        check(1e100, "1e+100");
    }

    #[test]
    fn integers_have_any_size() {
        for value in [0, -7, i128::from(u64::MAX), i128::MAX, i128::MIN] {
            assert_eq!(with_integer(value, str::to_owned), value.to_string());
        }
    }

    proptest! {
        #[test]
        fn a_double_reads_back(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
            prop_assert_eq!(double(value).parse::<f64>().unwrap().to_bits(), value.to_bits());
        }

        #[test]
        fn the_notation_follows_the_exponent(value in proptest::num::f64::NORMAL) {
            let plain = format!("{value:e}");
            let exponent: i32 = plain.split_once('e').unwrap().1.parse().unwrap();
            let text = double(value);
            prop_assert_eq!(text.contains('e'), !(-4..=15).contains(&exponent), "{}", text);
            prop_assert_eq!(text.contains('.') || text.contains('e'), true);
        }
    }
}
