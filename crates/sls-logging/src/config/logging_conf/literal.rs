use super::token::{Token, tokens};
use crate::config::nearest::unknown;
use crate::config::pattern::Malformed;
use crate::config::settings::Stream;
use crate::config::tree::{DEEPEST, Lookup, Text};

/// A value and its byte.
#[derive(Clone, PartialEq)]
pub(super) struct Literal {
    pub(super) at: usize,
    pub(super) value: Python,
}

/// What an argument may be; never shown, since it may be a secret.
#[derive(Clone, PartialEq)]
pub(super) enum Python {
    /// `None`, and the variables that would have been asked for had they been set.
    None(Vec<String>),
    Switch(bool),
    Integer(i64),
    Decimal(f64),
    Text(Text),
    Tuple(Vec<Literal>),
    /// A list or a set.
    List(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
    /// `sys.stdout` or `sys.stderr`.
    Stream(Stream),
}

/// What can be written, for errors.
const ALLOWED: &str = "allowed are texts, numbers, True, False, None, tuples, lists, sets, \
                       dicts, os.environ.get(..), os.environ[..], sys.stdout, sys.stderr and \
                       LogFields members";

/// The members of `LogFields`, which stand for their own names.
const LOG_FIELDS: [&str; 16] = [
    "record_name",
    "level",
    "file_name",
    "func_name",
    "module",
    "file_path",
    "line_no",
    "process_id",
    "process_name",
    "thread_id",
    "thread_name",
    "level_no",
    "asc_time",
    "created_timestamp",
    "micro_second",
    "relative_created",
];

/// Reads one expression of the part of Python that configurations need.
///
/// No code is run: the environment's variables come from `lookup`.
///
/// # Errors
/// The first thing that is not of that part, and what is.
pub(super) fn literal(text: &str, lookup: Lookup<'_>) -> Result<Literal, Malformed> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        end: text.len(),
        lookup,
    };
    let literal = parser.value(1)?;
    match parser.peek() {
        None => Ok(literal),
        Some(_) => Err(parser.here(&format!("nothing is expected after the value; {ALLOWED}"))),
    }
}

struct Parser<'l> {
    tokens: Vec<(usize, Token)>,
    next: usize,
    end: usize,
    lookup: Lookup<'l>,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn here(&self, what: &str) -> Malformed {
        Malformed {
            at: self.at(),
            what: what.to_owned(),
        }
    }

    fn eat(&mut self, mark: char) -> bool {
        let found = self.peek() == Some(&Token::Mark(mark));
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, mark: char) -> Result<(), Malformed> {
        if self.eat(mark) {
            return Ok(());
        }
        Err(self.here(&format!("`{mark}` is expected here")))
    }

    fn value(&mut self, depth: usize) -> Result<Literal, Malformed> {
        if depth > DEEPEST {
            return Err(self.here("nested too deep"));
        }
        let at = self.at();
        let Some((_, token)) = self.tokens.get(self.next).cloned() else {
            return Err(self.here("a value is expected here"));
        };
        self.next += 1;
        let value = match token {
            Token::Text(text) => self.texts(text),
            Token::Integer(number) => Python::Integer(number),
            Token::Decimal(number) => Python::Decimal(number),
            Token::Mark('-') => match self.peek() {
                Some(Token::Integer(number)) => {
                    let number = -*number;
                    self.next += 1;
                    Python::Integer(number)
                }
                Some(Token::Decimal(number)) => {
                    let number = -*number;
                    self.next += 1;
                    Python::Decimal(number)
                }
                _ => return Err(self.here("a number is expected here")),
            },
            Token::Mark('(') => self.tuple(depth)?,
            Token::Mark('[') => Python::List(self.items(']', depth)?),
            Token::Mark('{') => self.braces(depth)?,
            Token::Name(name) => self.name(&name, at, depth)?,
            Token::Mark(_) => {
                return Err(Malformed {
                    at,
                    what: format!("a value is expected here; {ALLOWED}"),
                });
            }
        };
        Ok(Literal { at, value })
    }

    /// Texts in a row are one text.
    fn texts(&mut self, mut text: String) -> Python {
        while let Some(Token::Text(more)) = self.peek() {
            text.push_str(more);
            self.next += 1;
        }
        Python::Text(Text {
            text,
            ..Text::default()
        })
    }

    /// What is in round brackets: a tuple only with a comma, as in Python.
    fn tuple(&mut self, depth: usize) -> Result<Python, Malformed> {
        if self.eat(')') {
            return Ok(Python::Tuple(Vec::new()));
        }
        let first = self.value(depth + 1)?;
        if self.eat(')') {
            return Ok(first.value);
        }
        self.expect(',')?;
        let mut items = vec![first];
        items.extend(self.items(')', depth)?);
        Ok(Python::Tuple(items))
    }

    fn items(&mut self, end: char, depth: usize) -> Result<Vec<Literal>, Malformed> {
        let mut items = Vec::new();
        while !self.eat(end) {
            items.push(self.value(depth + 1)?);
            if !self.eat(',') {
                self.expect(end)?;
                break;
            }
        }
        Ok(items)
    }

    /// A dict or a set; an empty one is a dict.
    fn braces(&mut self, depth: usize) -> Result<Python, Malformed> {
        if self.eat('}') {
            return Ok(Python::Dict(Vec::new()));
        }
        let first = self.value(depth + 1)?;
        if !self.eat(':') {
            let mut items = vec![first];
            if !self.eat(',') {
                self.expect('}')?;
                return Ok(Python::List(items));
            }
            items.extend(self.items('}', depth)?);
            return Ok(Python::List(items));
        }
        let mut pairs = vec![(first, self.value(depth + 1)?)];
        loop {
            if !self.eat(',') {
                self.expect('}')?;
                break;
            }
            if self.eat('}') {
                break;
            }
            let key = self.value(depth + 1)?;
            self.expect(':')?;
            pairs.push((key, self.value(depth + 1)?));
        }
        Ok(Python::Dict(pairs))
    }

    fn name(&mut self, first: &str, at: usize, depth: usize) -> Result<Python, Malformed> {
        let mut path = first.to_owned();
        while self.eat('.') {
            let Some(Token::Name(part)) = self.peek() else {
                return Err(self.here("a name is expected here"));
            };
            path.push('.');
            path.push_str(part);
            self.next += 1;
        }
        let member = path
            .strip_prefix("aliyun.log.")
            .unwrap_or(&path)
            .strip_prefix("LogFields.");
        if let Some(member) = member {
            return match LOG_FIELDS.iter().find(|field| **field == member) {
                Some(field) => Ok(Python::Text(Text::from(*field))),
                None => Err(Malformed {
                    at,
                    what: unknown("member of LogFields", member, LOG_FIELDS),
                }),
            };
        }
        match path.as_str() {
            "None" => Ok(Python::None(Vec::new())),
            "True" => Ok(Python::Switch(true)),
            "False" => Ok(Python::Switch(false)),
            "sys.stdout" => Ok(Python::Stream(Stream::Stdout)),
            "sys.stderr" => Ok(Python::Stream(Stream::Stderr)),
            "os.environ.get" | "os.getenv" => {
                self.expect('(')?;
                let name = self.variable(depth)?;
                let default = if self.eat(',') && self.peek() != Some(&Token::Mark(')')) {
                    let default = self.value(depth + 1)?;
                    self.eat(',');
                    default.value
                } else {
                    Python::None(Vec::new())
                };
                self.expect(')')?;
                Ok(self.variable_or(name, default))
            }
            "os.environ" if self.eat('[') => {
                let name = self.variable(depth)?;
                self.expect(']')?;
                match (self.lookup)(&name) {
                    Some(text) => Ok(from_variable(text)),
                    None => Err(Malformed {
                        at,
                        what: format!(
                            "the environment variable {name} is not set; set it, or write \
                             os.environ.get('{name}', 'default')"
                        ),
                    }),
                }
            }
            _ => Err(Malformed {
                at,
                what: format!("this name is not known; {ALLOWED}"),
            }),
        }
    }

    /// The name of a variable.
    fn variable(&mut self, depth: usize) -> Result<String, Malformed> {
        let literal = self.value(depth + 1)?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match literal.value {
            Python::Text(name)
                if !name.text.is_empty()
                    && name.text.len() < 256
                    && name.text.bytes().all(fits) =>
            {
                Ok(name.text)
            }
            _ => Err(Malformed {
                at: literal.at,
                what: "the name of an environment variable is expected here: letters, digits \
                       and `_`"
                    .to_owned(),
            }),
        }
    }

    fn variable_or(&self, name: String, default: Python) -> Python {
        match ((self.lookup)(&name), default) {
            (Some(text), _) => from_variable(text),
            // So that a complaint about the default can say why it holds.
            (None, Python::Text(mut default)) => {
                default.unset.insert(0, name);
                Python::Text(default)
            }
            (None, Python::None(mut unset)) => {
                unset.insert(0, name);
                Python::None(unset)
            }
            (None, default) => default,
        }
    }
}

fn from_variable(text: String) -> Python {
    Python::Text(Text {
        text,
        from_variable: true,
        unset: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(name: &str) -> Option<String> {
        (name == "SET").then(|| "value".to_owned())
    }

    fn read(text: &str) -> Result<Python, Malformed> {
        literal(text, &environment).map(|literal| literal.value)
    }

    fn a(text: &str) -> Python {
        Python::Text(Text::from(text))
    }

    /// The values without their places.
    fn items(value: Python) -> Vec<Python> {
        match value {
            Python::Tuple(items) | Python::List(items) => {
                items.into_iter().map(|item| item.value).collect()
            }
            _ => panic!("no items"),
        }
    }

    #[test]
    fn the_documents_arguments_are_read() {
        let args = read(
            "('cn-beijing.log.aliyuncs.com', 'ak_id', 'ak_key', 'project1', \"logstore1\", \
             'mytopic', ['level', 'func_name', 'module', 'line_no']  )",
        );
        let args = items(args.unwrap());
        assert_eq!(args.len(), 7);
        assert!(args[4] == a("logstore1"));
        assert!(items(args[6].clone()) == ["level", "func_name", "module", "line_no"].map(a));
    }

    #[test]
    fn the_environment_is_asked_and_a_default_holds_otherwise() {
        let Ok(Python::Text(text)) = read("os.environ.get('SET', '')") else {
            panic!("no text");
        };
        assert!(text.text == "value" && text.from_variable);
        let Ok(Python::Text(text)) = read("os.environ.get('ABSENT', 'x')") else {
            panic!("no text");
        };
        assert!(text.text == "x" && text.unset == ["ABSENT"]);
        let unset = ["ABSENT", "OTHER"].map(str::to_owned).to_vec();
        assert!(
            read("os.environ.get('ABSENT', os.environ.get('OTHER'))") == Ok(Python::None(unset))
        );
        assert!(read("os.environ.get('ABSENT', 5)") == Ok(Python::Integer(5)));
        assert!(read("os.environ['SET']").is_ok());
        let error = read("os.environ['ABSENT']").err().unwrap();
        assert!(error.what.contains("ABSENT is not set"), "{error:?}");
    }

    #[test]
    fn tuples_need_a_comma_as_in_python() {
        assert!(items(read("(sys.stdout,)").unwrap()) == [Python::Stream(Stream::Stdout)]);
        assert!(read("(sys.stderr)") == Ok(Python::Stream(Stream::Stderr)));
        assert!(items(read("()").unwrap()).is_empty());
        assert!(items(read("(1, -2.5, None, True,)").unwrap()).len() == 4);
    }

    #[test]
    fn sets_dicts_and_members_are_read() {
        assert!(
            items(read("{LogFields.level, aliyun.log.LogFields.module}").unwrap())
                == [a("level"), a("module")]
        );
        let Ok(Python::Dict(pairs)) = read("{'topic': 'a' 'b', 'extra': False,}") else {
            panic!("no dict");
        };
        assert!(pairs[0].1.value == a("ab") && pairs[1].1.value == Python::Switch(false));
        assert!(read("{}") == Ok(Python::Dict(Vec::new())));
    }

    #[test]
    fn anything_else_is_refused_at_its_byte_and_not_shown() {
        for (text, at) in [
            ("__import__('os').system('hush')", 0),
            ("('a', open('hush'))", 6),
            ("('a' + 'hush')", 5),
            ("(x for x in 'hush')", 1),
            ("os.environ", 0),
            ("os.environ.get(5)", 15),
            ("os.environ.get('hush hush')", 15),
            ("LogFields.levl", 0),
            ("('hush'", 7),
            ("('hush' 5)", 8),
            ("['hush'}", 7),
            ("'a' 5", 4),
            ("-'hush'", 1),
            ("", 0),
            ("lambda: 0", 0),
        ] {
            let malformed = read(text).err().unwrap_or_else(|| panic!("{text} is read"));
            assert_eq!(malformed.at, at, "{text}: {malformed:?}");
            assert!(!malformed.what.contains("hush"), "{text}: {malformed:?}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_without_harm() {
        for open in ["(", "[", "{", "os.environ.get("] {
            assert!(read(&open.repeat(100_000)).is_err(), "{open}");
        }
    }
}
