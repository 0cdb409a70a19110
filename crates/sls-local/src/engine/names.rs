//! Which names the service accepts.

use crate::refusal::Refusal;

/// 3 to 63 lower-case letters, digits and `-`, with a letter or digit at both ends.
pub(crate) fn check_project(name: &str) -> Result<(), Refusal> {
    if is_name(name, b"-") {
        return Ok(());
    }
    Err(Refusal::parameter(format!(
        "projectName {name:?} must have 3 to 63 lower-case letters, digits and '-', \
         and begin and end with a letter or digit"
    )))
}

/// The same with `_` allowed inside.
pub(crate) fn check_logstore(name: &str) -> Result<(), Refusal> {
    if is_name(name, b"-_") {
        return Ok(());
    }
    Err(Refusal::bad(
        "LogStoreInfoInvalid",
        format!(
            "logstore name {name:?} must have 3 to 63 lower-case letters, digits, '-' and '_', \
             and begin and end with a letter or digit"
        ),
    ))
}

fn is_name(name: &str, inside: &[u8]) -> bool {
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    (3..=63).contains(&bytes.len())
        && bytes.iter().all(|b| plain(b) || inside.contains(b))
        && bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_the_rules_are_refused() {
        let long = "a".repeat(64);
        for bad in [
            "",
            "ab",
            "-ab",
            "ab-",
            "aBc",
            "a.b",
            "a b",
            "ab_",
            "日志日志",
            &long,
        ] {
            assert!(check_project(bad).is_err(), "{bad}");
            assert!(check_logstore(bad).is_err(), "{bad}");
        }
        assert!(check_project("a_b").is_err());
    }

    #[test]
    fn names_within_the_rules_are_accepted() {
        let longest = "a".repeat(63);
        for good in ["abc", "a-b", "0-9", &longest] {
            assert!(check_project(good).is_ok(), "{good}");
            assert!(check_logstore(good).is_ok(), "{good}");
        }
        assert!(check_logstore("a_b").is_ok());
    }
}
