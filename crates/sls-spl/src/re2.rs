//! RE2 patterns for the `regex` crate.
//!
//! The engines are of one family, but their syntaxes differ: this module rewrites a pattern
//! item by item, so that what RE2 reads as a literal stays one and what it refuses is refused.

use regex::bytes::{Regex, RegexBuilder};

/// Largest compiled program, in bytes.
const SIZE_LIMIT: usize = 4 << 20;
/// Largest count in `{n,m}`, as in RE2.
const MAX_REPEAT: u32 = 1000;

/// Compiles an RE2 pattern; the error says what is wrong with it.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    build(&translate(pattern)?)
}

/// Compiles an RE2 pattern that must match a whole text.
pub(crate) fn compile_whole(pattern: &str) -> Result<Regex, String> {
    // Compiled alone first, so that an unbalanced pattern cannot lean on the wrapping.
    compile(pattern)?;
    build(&format!(r"\A(?:{})\z", translate(pattern)?))
}

fn build(translated: &str) -> Result<Regex, String> {
    RegexBuilder::new(translated)
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(SIZE_LIMIT)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "the pattern is too large".to_owned(),
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut translator = Translator {
        rest: pattern,
        out: String::with_capacity(pattern.len() + 16),
        repeated: false,
    };
    while let Some(c) = translator.peek() {
        translator.item(c)?;
    }
    Ok(translator.out)
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    /// Whether the last item was a repetition, after which RE2 allows no other.
    repeated: bool,
}

impl Translator<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.skip(c.len_utf8());
        Some(c)
    }

    fn accept(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn item(&mut self, c: char) -> Result<(), String> {
        let repetition = match c {
            '*' | '+' | '?' => {
                self.skip(1);
                Some(c.to_string())
            }
            '{' => match self.counts()? {
                Some(counts) => Some(counts),
                None => {
                    self.skip(1);
                    self.literal('{');
                    None
                }
            },
            _ => {
                self.repeated = false;
                return self.plain(c);
            }
        };
        let Some(mut repetition) = repetition else {
            self.repeated = false;
            return Ok(());
        };
        if self.repeated {
            return Err("bad repetition operator".to_owned());
        }
        if self.accept("?") {
            repetition.push('?');
        }
        self.out.push_str(&repetition);
        self.repeated = true;
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`; `None` when the brace opens none of them.
    fn counts(&mut self) -> Result<Option<String>, String> {
        let Some(end) = self.rest.find('}') else {
            return Ok(None);
        };
        let inner = &self.rest[1..end];
        let (low, high) = match inner.split_once(',') {
            Some((low, high)) => (low, Some(high)),
            None => (inner, None),
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || !high.is_none_or(|high| high.is_empty() || digits(high)) {
            return Ok(None);
        }
        let number = |text: &str| {
            text.parse::<u32>()
                .ok()
                .filter(|n| *n <= MAX_REPEAT)
                .ok_or_else(|| "the repetition count is too large".to_owned())
        };
        let least = number(low)?;
        let text = match high {
            None => format!("{{{least}}}"),
            Some("") => format!("{{{least},}}"),
            Some(high) => {
                let most = number(high)?;
                if most < least {
                    return Err("the repetition counts are in the wrong order".to_owned());
                }
                format!("{{{least},{most}}}")
            }
        };
        self.skip(end + 1);
        Ok(Some(text))
    }

    fn plain(&mut self, c: char) -> Result<(), String> {
        match c {
            '\\' => self.escape(),
            '[' => self.class(),
            '(' => self.group(),
            '.' | '^' | '$' | '|' | ')' => {
                self.skip(1);
                self.out.push(c);
                Ok(())
            }
            _ => {
                self.next();
                self.literal(c);
                Ok(())
            }
        }
    }

    /// Writes a character so that it stands for itself, inside and outside a class.
    fn literal(&mut self, c: char) {
        if c.is_ascii_punctuation()
            && !matches!(
                c,
                '<' | '>' | '_' | '"' | '\'' | '/' | ',' | ':' | ';' | '=' | '!' | '@' | '%' | '`'
            )
        {
            self.out.push('\\');
        }
        self.out.push(c);
    }

    fn code(&mut self, code: u32) -> Result<(), String> {
        let c = char::from_u32(code).ok_or("the escape is not a character")?;
        self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
        Ok(())
    }

    fn group(&mut self) -> Result<(), String> {
        self.skip(1);
        self.out.push('(');
        if !self.accept("?") {
            return Ok(());
        }
        if self.rest.starts_with(['=', '!', '>', '#', '|'])
            || self.rest.starts_with("<=")
            || self.rest.starts_with("<!")
        {
            return Err("lookaround, atomic groups and comments are not supported".to_owned());
        }
        if self.accept("P<") || self.accept("<") {
            let (name, rest) = self
                .rest
                .split_once('>')
                .ok_or("the name of a group is not closed")?;
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
                return Err("a group has a bad name".to_owned());
            }
            self.out.push_str(&format!("?P<{name}>"));
            self.rest = rest;
            return Ok(());
        }
        let end = self.rest.find([':', ')']).ok_or("a group is not closed")?;
        let flags = &self.rest[..end];
        if !flags
            .chars()
            .all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'))
        {
            return Err("a group has an unknown flag".to_owned());
        }
        self.out.push('?');
        self.out.push_str(&self.rest[..=end]);
        self.skip(end + 1);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        self.skip(1);
        let c = self.next().ok_or("the pattern ends in a backslash")?;
        match c {
            'b' => self.out.push_str(r"(?-u:\b)"),
            'B' => self.out.push_str(r"(?-u:\B)"),
            'A' | 'z' => {
                self.out.push('\\');
                self.out.push(c);
            }
            'Q' => {
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                for c in quoted.chars() {
                    self.literal(c);
                }
            }
            'C' => return Err("\\C is not supported".to_owned()),
            _ => match self.shared_escape(c)? {
                Escape::Set(set) => {
                    if set.starts_with('\\') {
                        self.out.push_str(&set);
                    } else {
                        self.out.push_str(&format!("[{set}]"));
                    }
                }
                Escape::Code(code) => self.code(code)?,
            },
        }
        Ok(())
    }

    /// An escape that means the same inside and outside a class.
    fn shared_escape(&mut self, c: char) -> Result<Escape, String> {
        let set = |text: &str| Ok(Escape::Set(text.to_owned()));
        let code = |code: u32| Ok(Escape::Code(code));
        match c {
            'd' => set("0-9"),
            'D' => set("^0-9"),
            'w' => set("0-9A-Za-z_"),
            'W' => set("^0-9A-Za-z_"),
            's' => set(r" \t\n\x0c\r"),
            'S' => set(r"^ \t\n\x0c\r"),
            'p' | 'P' => self.property(c),
            'a' => code(7),
            'f' => code(12),
            't' => code(9),
            'n' => code(10),
            'r' => code(13),
            'v' => code(11),
            'x' => self.hexadecimal(),
            '0' => code(self.octal(0, 2)),
            '1'..='7' if self.rest.starts_with(|c| matches!(c, '0'..='7')) => {
                code(self.octal(u32::from(c) - u32::from('0'), 2))
            }
            '1'..='9' => Err("back references are not supported".to_owned()),
            c if c.is_ascii_alphabetic() || !c.is_ascii() => Err(format!("unknown escape \\{c}")),
            c => code(u32::from(c)),
        }
    }

    /// Up to `more` further octal digits.
    fn octal(&mut self, start: u32, more: usize) -> u32 {
        let mut value = start;
        for _ in 0..more {
            let Some(digit) = self.peek().filter(|c| matches!(c, '0'..='7')) else {
                break;
            };
            value = value * 8 + (u32::from(digit) - u32::from('0'));
            self.skip(1);
        }
        value
    }

    fn hexadecimal(&mut self) -> Result<Escape, String> {
        let bad = "a \\x escape needs two hexadecimal digits or braces";
        let digits = if self.accept("{") {
            let (digits, rest) = self.rest.split_once('}').ok_or(bad)?;
            self.rest = rest;
            digits
        } else {
            let digits = self.rest.get(..2).ok_or(bad)?;
            self.skip(2);
            digits
        };
        if digits.is_empty() || digits.len() > 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad.to_owned());
        }
        let code = u32::from_str_radix(digits, 16).map_err(|_| bad)?;
        Ok(Escape::Code(code))
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}` and their negations.
    fn property(&mut self, c: char) -> Result<Escape, String> {
        let bad = "a \\p escape needs a letter or a name in braces";
        let name = if self.accept("{") {
            let (name, rest) = self.rest.split_once('}').ok_or(bad)?;
            self.rest = rest;
            name.to_owned()
        } else {
            self.next().ok_or(bad)?.to_string()
        };
        let (inner, inverted) = match name.strip_prefix('^') {
            Some(inner) => (inner, true),
            None => (name.as_str(), false),
        };
        if inner.is_empty() || !inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return Err(bad.to_owned());
        }
        let negative = (c == 'P') != inverted;
        let letter = if negative { 'P' } else { 'p' };
        if inner == "Any" {
            let every = r"\x00-\x{10FFFF}";
            return Ok(Escape::Set(format!(
                "{}{every}",
                if negative { "^" } else { "" }
            )));
        }
        Ok(Escape::Set(format!("\\{letter}{{{inner}}}")))
    }

    /// A character class, written again item by item.
    fn class(&mut self) -> Result<(), String> {
        const OPEN: &str = "a character class is not closed";
        self.skip(1);
        self.out.push('[');
        if self.accept("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let c = self.peek().ok_or(OPEN)?;
            if c == ']' && !first {
                self.skip(1);
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if let Some(name) = self.rest.strip_prefix("[:") {
                // The colon that opens the name does not close it, as in `[[:]`.
                if let Some(length) = name.find(":]") {
                    self.named_class(2 + length)?;
                    continue;
                }
            }
            let Some(low) = self.class_item()? else {
                continue;
            };
            let ranged = self.rest.starts_with('-') && !self.rest[1..].starts_with(']');
            if !ranged {
                self.code(low)?;
                continue;
            }
            self.skip(1);
            self.peek().ok_or(OPEN)?;
            let high = self
                .class_char()?
                .ok_or("a range of a class has a bad end")?;
            if high < low {
                return Err("a range of a class is in the wrong order".to_owned());
            }
            self.code(low)?;
            self.out.push('-');
            self.code(high)?;
        }
    }

    /// A character, or `None` when a whole set was written instead.
    fn class_item(&mut self) -> Result<Option<u32>, String> {
        let start = self.rest;
        if let Some(code) = self.class_char()? {
            return Ok(Some(code));
        }
        self.rest = start;
        self.skip(1);
        let c = self.next().ok_or("a character class is not closed")?;
        if let Escape::Set(set) = self.shared_escape(c)? {
            if set.starts_with('^') {
                self.out.push_str(&format!("[{set}]"));
            } else {
                self.out.push_str(&set);
            }
        }
        Ok(None)
    }

    /// One character of a class; `None` at an escape that stands for several.
    fn class_char(&mut self) -> Result<Option<u32>, String> {
        let c = self.next().ok_or("a character class is not closed")?;
        if c != '\\' {
            return Ok(Some(u32::from(c)));
        }
        let c = self.next().ok_or("the pattern ends in a backslash")?;
        match self.shared_escape(c)? {
            Escape::Code(code) => Ok(Some(code)),
            Escape::Set(_) => Ok(None),
        }
    }

    /// `[:alpha:]` inside a class.
    fn named_class(&mut self, end: usize) -> Result<(), String> {
        const NAMES: &[&str] = &[
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "word", "xdigit",
        ];
        let name = &self.rest[2..end];
        if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(format!("unknown character class [:{name}:]"));
        }
        self.out.push_str(&self.rest[..end + 2]);
        self.skip(end + 2);
        Ok(())
    }
}

enum Escape {
    /// The inside of a class, perhaps negated, or a property escape.
    Set(String),
    /// One character.
    Code(u32),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, text: &str, want: Option<&str>) {
        let regex = compile(pattern).unwrap_or_else(|e| panic!("{pattern}: {e}"));
        let found = regex.find(text.as_bytes());
        let got = found.map(|m| String::from_utf8_lossy(m.as_bytes()).into_owned());
        assert_eq!(got.as_deref(), want, "{pattern} on {text}");
    }

    #[test]
    fn the_opening_of_a_named_class_does_not_close_it() {
        // Found by fuzzing: the colon was taken for both ends of a name.
        check("[[:]+", "a[:b", Some("[:"));
        assert!(compile("[[:]:]").is_err());
        assert!(compile("[[::]]").is_err());
        check("[[:digit:]:]+", "a1:b", Some("1:"));
    }

    #[test]
    fn brackets_and_braces_may_be_literals() {
        check(r"[^[\]]+", "[ab]", Some("ab"));
        check(r#"({[\w":\s,\-}]+)"#, "x {\"a\": 1}", Some("{\"a\": 1}"));
        check(r"[]a]+", "x]a", Some("]a"));
        check(r"[^]]+", "]ab]", Some("ab"));
        check(r"a{,2}", "a{,2}", Some("a{,2}"));
        check(r"a{2}", "aaa", Some("aa"));
        check(r"x}y]", "x}y]", Some("x}y]"));
        check(r"[a&&b~~%--]+", "&~-'z", Some("&~-'"));
        check(r"[\w-.]+", "a-.b", Some("a-.b"));
        check(r"[a-]+", "a-b", Some("a-"));
    }

    #[test]
    fn perl_classes_are_ascii() {
        check(r"\w+", "é中abc", Some("abc"));
        check(r"\d+", "٣7", Some("7"));
        check(r"[\D]+", "1٣a2", Some("٣a"));
        check(r"\bé", " é", None);
        check(r"\s", "\u{a0}\u{b} ", Some(" "));
        check(r"\pL+", "1中é2", Some("中é"));
        check(r"[\p{^L}]+", "中12é", Some("12"));
        check(".", "中", Some("中"));
    }

    #[test]
    fn escapes_follow_re2() {
        check(r"\Q[a].*\E+", "[a].***", Some("[a].***"));
        check(r"\101\x42\x{43}\0", "ABC\0", Some("ABC\0"));
        check(r"\<\_\/\-\ \>", "<_/- >", Some("<_/- >"));
        check(r"[\x{4e00}-\x{9fa5}]+", "a测试", Some("测试"));
        check(r"(?i)É(?-i:b)", "éb", Some("éb"));
        check(r"(?P<n>a)(?<m>b)", "ab", Some("ab"));
        check(r"a*?b+?", "aabb", Some("aab"));
        check(r"[[:alpha:][:^ascii:]]+", "1a中2", Some("a中"));
    }

    #[test]
    fn what_re2_refuses_is_refused() {
        for bad in [
            r"(?=a)",
            r"(?!a)",
            r"(?<=a)",
            r"(?<!a)b",
            r"(?>a)",
            r"(a)\1",
            r"a**",
            r"a*+",
            r"a++",
            r"a{2}{3}",
            r"a{1001}",
            r"\C",
            r"\Z",
            r"(?x)a",
            r"[a",
            r"(a",
            r"a)",
            r"*a",
            r"\8",
            r"[[:foo:]]",
            r"[b-a]",
            r"\",
            r"\i",
            r"(?P<>a)",
            r"[\b]",
            r"\u0041",
            r"\p{Nope}",
            r"((a{1000}){1000}){1000}",
            r"a)(b",
        ] {
            assert!(compile(bad).is_err(), "{bad}");
        }
        assert!(compile_whole("a)|(?:b").is_err());
    }
}
