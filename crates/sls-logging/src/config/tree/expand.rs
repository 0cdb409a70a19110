use super::{Node, Text, Value};
use crate::config::problem::Faults;

/// The longest text that a value may become.
const LONGEST: usize = 64 * 1024;

/// Gives a variable of the environment; `None` when it is not set.
pub(crate) type Lookup<'l> = &'l dyn Fn(&str) -> Option<String>;

/// Puts the environment's variables into every text of a tree.
///
/// `${NAME}` must be set, `${NAME:-default}` need not; a variable that is set and empty
/// counts as not set for the latter, as in a shell. `$${` stands for `${`. Keys are left
/// alone, and so is what a variable holds.
pub(crate) fn expand(node: &mut Node, lookup: Lookup<'_>, faults: &mut Faults) {
    match &mut node.value {
        Value::Text(text) => match expanded(&text.text, lookup) {
            Ok(Some(new)) => *text = new,
            Ok(None) => {}
            Err(what) => faults.add(node.at, what),
        },
        Value::List(items) => {
            for item in items {
                expand(item, lookup, faults);
            }
        }
        Value::Table(pairs) => {
            for (_, value) in pairs {
                expand(value, lookup, faults);
            }
        }
        _ => {}
    }
}

/// `None` when there is nothing to do.
fn expanded(text: &str, lookup: Lookup<'_>) -> Result<Option<Text>, String> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut new = Text::default();
    let mut rest = text;
    while let Some(dollar) = rest.find("${") {
        let (before, variable) = rest.split_at(dollar);
        if let Some(before) = before.strip_suffix('$') {
            new.text.push_str(before);
            new.text.push_str("${");
            rest = &variable[2..];
            continue;
        }
        new.text.push_str(before);
        let Some((inside, after)) = variable[2..].split_once('}') else {
            return Err("`${` without `}`; write `$${` for the two letters".to_owned());
        };
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            return Err(
                "no name of a variable between `${` and `}`: letters, digits and `_` only, \
                 then perhaps `:-` and a default"
                    .to_owned(),
            );
        }
        match (lookup(name), default) {
            (Some(value), None) => new.text.push_str(&value),
            (Some(value), Some(_)) if !value.is_empty() => new.text.push_str(&value),
            (_, Some(default)) => {
                new.text.push_str(default);
                new.unset.push(name.to_owned());
            }
            (None, None) => {
                return Err(format!(
                    "the environment variable {name} is not set; set it, or write \
                     `${{{name}:-default}}`"
                ));
            }
        }
        new.from_variable = true;
        if new.text.len() > LONGEST {
            return Err(format!("longer than {LONGEST} bytes with its variables"));
        }
        rest = after;
    }
    new.text.push_str(rest);
    Ok(Some(new))
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.len() <= 255
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(template: &str) -> Result<String, String> {
        let lookup = |name: &str| match name {
            "REGION" => Some("cn-hangzhou".to_owned()),
            "EMPTY" => Some(String::new()),
            "TRICK" => Some("${REGION}".to_owned()),
            _ => None,
        };
        expanded(template, &lookup)
            .map(|new| new.map_or_else(|| template.to_owned(), |new| new.text))
    }

    #[test]
    fn variables_and_defaults_take_their_place() {
        for (template, becomes) in [
            ("plain $ and }", "plain $ and }"),
            ("${REGION}.log", "cn-hangzhou.log"),
            ("a${REGION}b${REGION}", "acn-hangzhoubcn-hangzhou"),
            ("${ABSENT:-here}", "here"),
            ("${EMPTY:-here}", "here"),
            ("${EMPTY}", ""),
            ("${ABSENT:-}", ""),
            ("$${REGION}", "${REGION}"),
            ("日志${REGION:-x}日志", "日志cn-hangzhou日志"),
        ] {
            assert_eq!(text(template).as_deref(), Ok(becomes), "{template}");
        }
    }

    #[test]
    fn what_a_variable_holds_is_not_expanded_again() {
        assert_eq!(text("${TRICK}").as_deref(), Ok("${REGION}"));
    }

    #[test]
    fn a_missing_variable_is_named_with_what_would_be_right() {
        let error = text("${ABSENT}").unwrap_err();
        assert!(error.contains("ABSENT is not set"), "{error}");
        assert!(error.contains("${ABSENT:-default}"), "{error}");
    }

    #[test]
    fn half_a_variable_is_refused() {
        for template in ["${REGION", "${}", "${a b}", "${1A}", "${:-x}"] {
            assert!(text(template).is_err(), "{template}");
        }
    }

    #[test]
    fn a_value_does_not_grow_without_end() {
        let long = "x".repeat(1000);
        let lookup = |_: &str| Some(long.clone());
        let template = "${A}".repeat(1000);
        assert!(expanded(&template, &lookup).is_err());
    }
}
