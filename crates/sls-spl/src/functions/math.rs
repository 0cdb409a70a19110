//! Numeric functions.

use crate::number;
use crate::types::{BIGINT, Type};
use crate::value::{Value, bigint};

use super::{Call, Function, Param, plain, returns};

const ONE: &[Param] = &[Param::Number];
const TWO: &[Param] = &[Param::Number, Param::Number];
const INTEGERS: &[Param] = &[Param::Integer, Param::Integer];
const OVERFLOW: &str = "the result is out of range";

macro_rules! of_double {
    ($($name:ident => $names:expr, $run:expr;)*) => {
        $(fn $name<'a>(call: &Call<'a, '_>) -> Value<'a> {
            let run: fn(f64) -> f64 = $run;
            call.double(0).map_or_else(|| call.mismatch(), |x| Value::Double(run(x)))
        })*

        const OF_DOUBLE: &[Function] = &[
            $(plain($names, ONE, 1, returns::double, $name)),*
        ];
    };
}

of_double! {
    acos => &["acos"], f64::acos;
    asin => &["asin"], f64::asin;
    atan => &["atan"], f64::atan;
    cbrt => &["cbrt"], f64::cbrt;
    cos => &["cos"], f64::cos;
    cosh => &["cosh"], f64::cosh;
    degrees => &["degrees"], f64::to_degrees;
    exp => &["exp"], f64::exp;
    ln => &["ln"], f64::ln;
    log2 => &["log2"], f64::log2;
    log10 => &["log10"], f64::log10;
    radians => &["radians"], f64::to_radians;
    sin => &["sin"], f64::sin;
    sqrt => &["sqrt"], f64::sqrt;
    tan => &["tan"], f64::tan;
    tanh => &["tanh"], f64::tanh;
}

const OTHERS: &[Function] = &[
    plain(&["abs"], ONE, 1, returns::first, abs),
    plain(&["atan2"], TWO, 2, returns::double, atan2),
    plain(&["ceil", "ceiling"], ONE, 1, returns::first, ceil),
    plain(&["e"], &[], 0, returns::double, e),
    plain(&["floor"], ONE, 1, returns::first, floor),
    plain(
        &["from_base"],
        &[Param::Text, Param::Integer],
        2,
        returns::bigint,
        from_base,
    ),
    plain(&["to_base"], INTEGERS, 2, returns::varchar, to_base),
    plain(&["infinity"], &[], 0, returns::double, infinity),
    plain(&["nan"], &[], 0, returns::double, nan),
    plain(&["is_nan"], ONE, 1, returns::boolean, is_nan),
    plain(&["is_finite"], ONE, 1, returns::boolean, is_finite),
    plain(&["is_infinite"], ONE, 1, returns::boolean, is_infinite),
    plain(&["mod"], TWO, 2, widest, modulo),
    plain(&["pi"], &[], 0, returns::double, pi),
    plain(&["pow", "power"], TWO, 2, returns::double, power),
    plain(
        &["rand", "random"],
        &[Param::Integer],
        0,
        random_type,
        random,
    ),
    plain(
        &["round"],
        &[Param::Number, Param::Integer],
        1,
        returns::first,
        round,
    ),
    plain(
        &["truncate"],
        &[Param::Number, Param::Integer],
        1,
        returns::first,
        truncate,
    ),
    plain(&["sign"], ONE, 1, returns::first, sign),
    plain(
        &["greatest"],
        &[Param::Ordered],
        1,
        returns::first,
        greatest,
    )
    .repeating()
    .unifying(),
    plain(&["least"], &[Param::Ordered], 1, returns::first, least)
        .repeating()
        .unifying(),
    plain(
        &["width_bucket"],
        &[Param::Number, Param::Number, Param::Number, Param::Integer],
        4,
        returns::bigint,
        width_bucket,
    ),
    plain(&["bitwise_and"], INTEGERS, 2, returns::bigint, bitwise_and),
    plain(&["bitwise_or"], INTEGERS, 2, returns::bigint, bitwise_or),
    plain(&["bitwise_xor"], INTEGERS, 2, returns::bigint, bitwise_xor),
    plain(
        &["bitwise_not"],
        &[Param::Integer],
        1,
        returns::bigint,
        bitwise_not,
    ),
];

pub(super) const FUNCTIONS: &[Function] = &join();

const COUNT: usize = OF_DOUBLE.len() + OTHERS.len();

const fn join() -> [Function; COUNT] {
    const NOTHING: Function = plain(&["e"], &[], 0, returns::double, e);
    let mut all = [NOTHING; COUNT];
    let mut at = 0;
    while at < COUNT {
        let from = if at < OF_DOUBLE.len() {
            &OF_DOUBLE[at]
        } else {
            &OTHERS[at - OF_DOUBLE.len()]
        };
        all[at] = Function { ..*from };
        at += 1;
    }
    all
}

fn widest(args: &[Type]) -> Type {
    match args {
        [a, b] => a.unify(b).unwrap_or(Type::Any),
        _ => Type::Any,
    }
}

fn random_type(args: &[Type]) -> Type {
    if args.is_empty() {
        Type::Double
    } else {
        BIGINT
    }
}

/// Applies the variant for integers or the one for doubles, keeping the type.
fn by_kind<'a>(
    call: &Call<'a, '_>,
    integers: impl FnOnce(i128) -> Option<i128>,
    doubles: impl FnOnce(f64) -> f64,
) -> Value<'a> {
    match call.arg(0) {
        Value::Integer(width, value) => match integers(i128::from(value))
            .and_then(|value| i64::try_from(value).ok())
            .filter(|value| width.holds(*value))
        {
            Some(value) => Value::Integer(width, value),
            None => call.fail(OVERFLOW),
        },
        Value::Huge(value) => integers(value).map_or_else(|| call.fail(OVERFLOW), Value::Huge),
        Value::Real(value) => Value::Real(doubles(f64::from(value)) as f32),
        Value::Double(value) => Value::Double(doubles(value)),
        _ => call.mismatch(),
    }
}

fn abs<'a>(call: &Call<'a, '_>) -> Value<'a> {
    by_kind(call, i128::checked_abs, f64::abs)
}

fn ceil<'a>(call: &Call<'a, '_>) -> Value<'a> {
    by_kind(call, Some, f64::ceil)
}

fn floor<'a>(call: &Call<'a, '_>) -> Value<'a> {
    by_kind(call, Some, f64::floor)
}

fn sign<'a>(call: &Call<'a, '_>) -> Value<'a> {
    by_kind(
        call,
        |value| Some(value.signum()),
        // Neither zero has a sign.
        |value| if value == 0.0 { 0.0 } else { value.signum() },
    )
}

fn atan2<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match (call.double(0), call.double(1)) {
        (Some(y), Some(x)) => Value::Double(y.atan2(x)),
        _ => call.mismatch(),
    }
}

fn power<'a>(call: &Call<'a, '_>) -> Value<'a> {
    match (call.double(0), call.double(1)) {
        // Even 1, of which any other power is 1.
        (Some(_), Some(y)) if y.is_nan() => Value::Double(y),
        (Some(x), Some(y)) => Value::Double(x.powf(y)),
        _ => call.mismatch(),
    }
}

fn e<'a>(_: &Call<'a, '_>) -> Value<'a> {
    Value::Double(std::f64::consts::E)
}

fn pi<'a>(_: &Call<'a, '_>) -> Value<'a> {
    Value::Double(std::f64::consts::PI)
}

fn infinity<'a>(_: &Call<'a, '_>) -> Value<'a> {
    Value::Double(f64::INFINITY)
}

fn nan<'a>(_: &Call<'a, '_>) -> Value<'a> {
    Value::Double(f64::NAN)
}

fn test<'a>(call: &Call<'a, '_>, test: fn(f64) -> bool) -> Value<'a> {
    call.double(0)
        .map_or_else(|| call.mismatch(), |x| Value::Boolean(test(x)))
}

fn is_nan<'a>(call: &Call<'a, '_>) -> Value<'a> {
    test(call, f64::is_nan)
}

fn is_finite<'a>(call: &Call<'a, '_>) -> Value<'a> {
    test(call, f64::is_finite)
}

fn is_infinite<'a>(call: &Call<'a, '_>) -> Value<'a> {
    test(call, f64::is_infinite)
}

fn modulo<'a>(call: &Call<'a, '_>) -> Value<'a> {
    use crate::ast::ArithmeticOp;
    match (call.double(0), call.double(1)) {
        (Some(_), Some(_)) => {
            crate::eval::arithmetic(ArithmeticOp::Modulo, call.arg(0), call.arg(1), call.cx)
        }
        _ => call.mismatch(),
    }
}

fn random<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let bits = call.cx.random();
    if call.args.is_empty() {
        // 53 bits are what a double between 0 and 1 holds.
        return Value::Double((bits >> 11) as f64 / (1u64 << 53) as f64);
    }
    match call.integer(0).map(u64::try_from) {
        Some(Ok(bound)) if bound > 0 => bigint((bits % bound) as i64),
        Some(_) => call.fail("the bound of random is not positive"),
        None => call.mismatch(),
    }
}

/// The number of digits a call names; 0 when it names none.
fn digits(call: &Call<'_, '_>) -> Option<i32> {
    if call.args.len() < 2 {
        return Some(0);
    }
    let digits = call.integer(1)?;
    Some(i32::try_from(digits.clamp(-400, 400)).unwrap_or_default())
}

fn round<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Some(digits) = digits(call) else {
        return call.mismatch();
    };
    by_kind(
        call,
        |value| {
            round_integer(value, digits, |value, unit| {
                let half = if value < 0 { -(unit / 2) } else { unit / 2 };
                value.checked_add(half).map(|sum| sum / unit * unit)
            })
        },
        |value| scaled(value, digits, f64::round),
    )
}

fn truncate<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let Some(digits) = digits(call) else {
        return call.mismatch();
    };
    by_kind(
        call,
        |value| round_integer(value, digits, |value, unit| Some(value / unit * unit)),
        |value| scaled(value, digits, f64::trunc),
    )
}

/// Integers only change when the digits are before the point.
fn round_integer(
    value: i128,
    digits: i32,
    to_unit: impl FnOnce(i128, i128) -> Option<i128>,
) -> Option<i128> {
    if digits >= 0 {
        return Some(value);
    }
    match 10i128.checked_pow(digits.unsigned_abs()) {
        Some(unit) => to_unit(value, unit),
        None => Some(0),
    }
}

fn scaled(value: f64, digits: i32, cut: impl FnOnce(f64) -> f64) -> f64 {
    if digits == 0 || !value.is_finite() {
        return cut(value);
    }
    let factor = 10f64.powi(digits.abs());
    let (scaled, result): (f64, fn(f64, f64) -> f64) = if digits > 0 {
        (value * factor, |cut, factor| cut / factor)
    } else {
        (value / factor, |cut, factor| cut * factor)
    };
    // So many digits that the number has none to lose, or fewer than it has before the point.
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    if !scaled.is_finite() || (digits > 0 && scaled.abs() >= WHOLE) {
        return value;
    }
    let result = result(cut(scaled), factor);
    if result.is_nan() {
        // Nothing is left before so many digits.
        0.0
    } else if result.is_infinite() {
        // Rounded up beyond the largest number.
        value
    } else {
        result
    }
}

fn radix<'a>(call: &Call<'a, '_>) -> Result<u32, Value<'a>> {
    match call.integer(1) {
        Some(radix @ 2..=36) => Ok(radix as u32),
        Some(_) => Err(call.fail("the radix is not between 2 and 36")),
        None => Err(call.mismatch()),
    }
}

fn from_base<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (text, radix) = match (call.text(0), radix(call)) {
        (_, Err(value)) => return value,
        (None, _) => return call.mismatch(),
        (Some(text), Ok(radix)) => (text, radix),
    };
    match i64::from_str_radix(text, radix) {
        Ok(value) => bigint(value),
        Err(_) => call.cx.fail("not a number of that radix", text.as_bytes()),
    }
}

fn to_base<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (value, radix) = match (call.integer(0), radix(call)) {
        (_, Err(value)) => return value,
        (None, _) => return call.mismatch(),
        (Some(value), Ok(radix)) => (value, radix),
    };
    let mut rest = value.unsigned_abs();
    let mut reversed = String::new();
    loop {
        let digit = (rest % u64::from(radix)) as u32;
        reversed.push(char::from_digit(digit, radix).unwrap_or('0'));
        rest /= u64::from(radix);
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        reversed.push('-');
    }
    call.cx.text(&reversed.chars().rev().collect::<String>())
}

fn greatest<'a>(call: &Call<'a, '_>) -> Value<'a> {
    extreme(call, std::cmp::Ordering::Greater)
}

fn least<'a>(call: &Call<'a, '_>) -> Value<'a> {
    extreme(call, std::cmp::Ordering::Less)
}

fn extreme<'a>(call: &Call<'a, '_>, wanted: std::cmp::Ordering) -> Value<'a> {
    let mut best = call.arg(0);
    for value in &call.args[1..] {
        if !value.same_type(best) && value.as_double().is_none() {
            return call.mismatch();
        }
        if value.total_order(best) == wanted {
            best = *value;
        }
    }
    best
}

fn width_bucket<'a>(call: &Call<'a, '_>) -> Value<'a> {
    let (Some(x), Some(low), Some(high), Some(count)) = (
        call.double(0),
        call.double(1),
        call.double(2),
        call.integer(3),
    ) else {
        return call.mismatch();
    };
    if count <= 0 || x.is_nan() || !low.is_finite() || !high.is_finite() || low == high {
        return call.fail("the buckets of width_bucket are not valid");
    }
    let (lower, upper) = (low.min(high), low.max(high));
    let bucket = if x < lower {
        0.0
    } else if x >= upper {
        count as f64 + 1.0
    } else {
        (count as f64 * (x - lower) / (upper - lower)).floor() + 1.0
    };
    // Counted from the other end when the bounds fall.
    let bucket = if low > high {
        count as f64 + 1.0 - bucket
    } else {
        bucket
    };
    match number::round_to_integer(bucket).and_then(|bucket| i64::try_from(bucket).ok()) {
        Some(bucket) => bigint(bucket),
        None => call.fail(OVERFLOW),
    }
}

fn bits<'a>(call: &Call<'a, '_>, run: fn(i64, i64) -> i64) -> Value<'a> {
    match (call.integer(0), call.integer(1)) {
        (Some(a), Some(b)) => bigint(run(a, b)),
        _ => call.mismatch(),
    }
}

fn bitwise_and<'a>(call: &Call<'a, '_>) -> Value<'a> {
    bits(call, |a, b| a & b)
}

fn bitwise_or<'a>(call: &Call<'a, '_>) -> Value<'a> {
    bits(call, |a, b| a | b)
}

fn bitwise_xor<'a>(call: &Call<'a, '_>) -> Value<'a> {
    bits(call, |a, b| a ^ b)
}

fn bitwise_not<'a>(call: &Call<'a, '_>) -> Value<'a> {
    call.integer(0)
        .map_or_else(|| call.mismatch(), |value| bigint(!value))
}
