//! What a configuration is written in.

/// What a configuration is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Syntax {
    /// TOML.
    Toml,
    /// JSON with the same keys.
    Json,
    /// The `logging.conf` of Python's `logging.config.fileConfig`.
    LoggingConf,
}

impl Syntax {
    /// The syntax that a file's name tells: `.toml`, `.json`, `.conf`, `.ini` or `.cfg`.
    pub fn from_name(file: &str) -> Option<Self> {
        let name = file.rsplit(['/', '\\']).next()?;
        let (_, extension) = name.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "toml" => Some(Self::Toml),
            "json" => Some(Self::Json),
            "conf" | "ini" | "cfg" => Some(Self::LoggingConf),
            _ => None,
        }
    }

    /// The syntax that a text is most likely written in.
    ///
    /// What begins with a brace is JSON, what has the sections `[loggers]` and `[handlers]`
    /// with `keys` below them is Python's, and anything else is TOML.
    pub fn from_content(text: &str) -> Self {
        if text.trim_start().starts_with('{') {
            return Self::Json;
        }
        let mut lines = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
            .peekable();
        while let Some(line) = lines.next() {
            let keys = |next: &&str| {
                let rest = next.strip_prefix("keys").map(str::trim_start);
                // A list in TOML has brackets.
                rest.and_then(|rest| rest.strip_prefix(['=', ':']))
                    .is_some_and(|value| !value.trim_start().starts_with(['[', '"', '\'']))
            };
            let listing = matches!(line, "[loggers]" | "[handlers]" | "[formatters]");
            if listing && lines.peek().is_some_and(keys) {
                return Self::LoggingConf;
            }
        }
        Self::Toml
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_syntax() {
        for (name, syntax) in [
            ("logging.toml", Some(Syntax::Toml)),
            ("etc/Logging.JSON", Some(Syntax::Json)),
            ("logging.conf", Some(Syntax::LoggingConf)),
            ("logging.ini", Some(Syntax::LoggingConf)),
            ("dir.toml/logging", None),
            ("logging.yaml", None),
        ] {
            assert_eq!(Syntax::from_name(name), syntax, "{name}");
        }
    }

    #[test]
    fn a_text_tells_its_syntax() {
        for (text, syntax) in [
            (" \n{\"version\": 1}", Syntax::Json),
            ("# x\n[loggers]\nkeys=root", Syntax::LoggingConf),
            ("[handlers]\n; x\nkeys : a, b", Syntax::LoggingConf),
            ("[loggers]\nkeys = [\"a\"]", Syntax::Toml),
            ("[loggers.keys]\nlevel = \"info\"", Syntax::Toml),
            ("", Syntax::Toml),
        ] {
            assert_eq!(Syntax::from_content(text), syntax, "{text}");
        }
    }
}
