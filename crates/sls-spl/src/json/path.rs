//! JSON paths: `$.a["b c"][0]`, with `.*` and `[*]` for every child.

use super::{Kind, Node};

/// A path that was read once and can be followed many times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    /// Digits without quotes: a place in an array, a name in an object.
    Place(usize, String),
    Every,
}

impl JsonPath {
    /// Reads a path; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let Some(rest) = text.strip_prefix('$') else {
            let mut chars = text.chars();
            let plain = chars
                .next()
                .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
            if !plain {
                return Err("a JSON path starts with '$'");
            }
            return Ok(Self {
                steps: vec![Step::Key(text.to_owned())],
            });
        };
        let mut steps = Vec::new();
        let mut rest = rest;
        while let Some(first) = rest.chars().next() {
            let (step, after) = match first {
                '.' => dotted(&rest[1..])?,
                '[' => bracketed(&rest[1..])?,
                _ => return Err("a step of a JSON path starts with '.' or '['"),
            };
            steps.push(step);
            rest = after;
        }
        Ok(Self { steps })
    }

    /// Whether the path can lead to several values.
    pub(crate) fn is_wild(&self) -> bool {
        self.steps.contains(&Step::Every)
    }

    /// The one value the path leads to; the first one when it has wildcards.
    pub(crate) fn find<'t>(&self, root: Node<'t>) -> Option<Node<'t>> {
        if self.is_wild() {
            return self.find_all(root)?.into_iter().next();
        }
        self.steps.iter().try_fold(root, |node, step| step.of(node))
    }

    /// All values the path leads to, in source order; `None` when what the first wildcard
    /// stands for does not exist.
    pub(crate) fn find_all<'t>(&self, root: Node<'t>) -> Option<Vec<Node<'t>>> {
        let mut found = vec![root];
        let mut fixed = true;
        for step in &self.steps {
            fixed &= *step != Step::Every;
            found = if *step == Step::Every {
                let children = found.iter();
                let children = children.flat_map(|n| n.elements().chain(n.members().map(|m| m.1)));
                children.collect()
            } else {
                found.iter().filter_map(|n| step.of(*n)).collect()
            };
            if fixed && found.is_empty() {
                return None;
            }
        }
        Some(found)
    }
}

impl Step {
    /// The one child the step leads to; wildcards lead to none in particular.
    fn of<'t>(&self, node: Node<'t>) -> Option<Node<'t>> {
        match self {
            Self::Key(key) => member(node, key),
            Self::Place(index, name) => match node.kind() {
                Kind::Array => node.elements().nth(*index),
                _ => member(node, name),
            },
            Self::Every => None,
        }
    }
}

/// The first member of that name.
fn member<'t>(node: Node<'t>, key: &str) -> Option<Node<'t>> {
    if node.kind() != Kind::Object {
        return None;
    }
    node.members()
        .find(|(name, _)| name.decoded() == key)
        .map(|(_, value)| value)
}

fn dotted(rest: &str) -> Result<(Step, &str), &'static str> {
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at(end);
    match name {
        "" => Err("a name is missing after '.' in the JSON path"),
        "*" => Ok((Step::Every, after)),
        name if name.contains([']', '"', '\'', '*']) || name.contains(char::is_whitespace) => {
            Err("this name needs brackets and quotes in the JSON path")
        }
        name => Ok((
            place(name).unwrap_or_else(|| Step::Key(name.to_owned())),
            after,
        )),
    }
}

fn bracketed(rest: &str) -> Result<(Step, &str), &'static str> {
    let first = rest.chars().next();
    if let Some(quote @ ('"' | '\'')) = first {
        let mut name = String::new();
        let mut chars = rest[1..].char_indices();
        while let Some((at, c)) = chars.next() {
            if c == '\\' {
                let (_, escaped) = chars.next().ok_or("the JSON path ends in an escape")?;
                name.push(escaped);
            } else if c == quote {
                let after = &rest[1 + at + 1..];
                let after = after
                    .strip_prefix(']')
                    .ok_or("']' is missing in the JSON path")?;
                return Ok((Step::Key(name), after));
            } else {
                name.push(c);
            }
        }
        return Err("a quote is not closed in the JSON path");
    }
    let (inner, after) = rest
        .split_once(']')
        .ok_or("']' is missing in the JSON path")?;
    if inner == "*" {
        return Ok((Step::Every, after));
    }
    match place(inner) {
        Some(step) => Ok((step, after)),
        None => Err("brackets of a JSON path hold an index, a quoted name or '*'"),
    }
}

/// A step of digits only.
fn place(text: &str) -> Option<Step> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let index = digits.then(|| text.parse().ok()).flatten()?;
    Some(Step::Place(index, text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, want: &[&str]) {
        let text = r#"{"a": {"b c": [10, {"x": 1}], "d": 2}, "req.body": "r", "a-b": 3,
                       "1": {"0": "zero"}}"#;
        let root = super::super::parse(text).expect("valid");
        let path = JsonPath::parse(path).expect("a good path");
        let found = path.find_all(root).unwrap_or_default();
        let got: Vec<&str> = found.iter().map(|n| n.raw()).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn digits_are_places_in_arrays_and_names_in_objects() {
        // Arrays took only brackets, and objects only dots.
        check("$.a['b c'].0", &["10"]);
        check("$['1'][0]", &["\"zero\""]);
        check("$.1.0", &["\"zero\""]);
        check("$.a['b c']['0']", &[]);
    }

    #[test]
    fn a_wildcard_below_nothing_is_not_an_empty_list() {
        let root = super::super::parse(r#"{"a": []}"#).expect("valid");
        let found = |path| JsonPath::parse(path).expect("a good path").find_all(root);
        assert_eq!(found("$.a[*]").map(|all| all.len()), Some(0));
        assert_eq!(found("$.b[*]").map(|all| all.len()), None);
        assert_eq!(found("$.*.b").map(|all| all.len()), Some(0));
    }

    #[test]
    fn steps_lead_to_values() {
        check("$.a.d", &["2"]);
        check("$.a['b c'][0]", &["10"]);
        check("$[\"req.body\"]", &["\"r\""]);
        check("$.a[\"b c\"][*]", &["10", "{\"x\": 1}"]);
        check("$.a.*", &["[10, {\"x\": 1}]", "2"]);
        check("$.a-b", &["3"]);
        check("$.nope", &[]);
        check("$.a[0]", &[]);
    }

    #[test]
    fn malformed_paths_are_errors() {
        for bad in [
            "", "$.", "$..a", "$[", "$[a]", "$[-1]", "$['a]", "a.b", ".a", "$a", "$.a b",
        ] {
            assert!(JsonPath::parse(bad).is_err(), "{bad}");
        }
        assert!(JsonPath::parse("name").is_ok());
    }
}
