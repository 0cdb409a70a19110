//! One line of an access log in the combined format:
//!
//! ```text
//! client ident user [17/May/2015:10:05:03 +0000] "GET /cart HTTP/1.1" 404 209 "referer" "user agent"
//! ```

use jiff::fmt::strtime;

/// The names the fields are shipped under, in the order they stand on the line.
pub(crate) const FIELDS: [&str; 11] = [
    "client",
    "ident",
    "user",
    "time",
    "method",
    "path",
    "protocol",
    "status",
    "bytes",
    "referer",
    "user_agent",
];

/// A line taken apart, in the order of [`FIELDS`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// When it happened, in seconds since the Unix epoch.
    pub(crate) seconds: u32,
    /// The texts; the number of bytes is `0` where the log has `-`.
    pub(crate) texts: [&'a str; FIELDS.len()],
}

/// Takes a line apart; `None` when it is not of this format.
pub(crate) fn parse(line: &[u8]) -> Option<Line<'_>> {
    let mut rest = std::str::from_utf8(line).ok()?;
    let client = word(&mut rest)?;
    let ident = word(&mut rest)?;
    let user = word(&mut rest)?;
    rest = rest.strip_prefix('[')?;
    let (time, after) = rest.split_once("] ")?;
    rest = after;
    let request = quoted(&mut rest)?;
    let mut words = request.split(' ');
    let (method, path, protocol) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || [method, path, protocol].contains(&"") {
        return None;
    }
    rest = rest.strip_prefix(' ')?;
    let status = word(&mut rest).filter(|status| is_number(status) && status.len() == 3)?;
    let bytes = match word(&mut rest)? {
        "-" => "0",
        bytes => Some(bytes).filter(|bytes| is_number(bytes))?,
    };
    let referer = quoted(&mut rest)?;
    rest = rest.strip_prefix(' ')?;
    let user_agent = quoted(&mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    Some(Line {
        seconds: seconds(time)?,
        texts: [
            client, ident, user, time, method, path, protocol, status, bytes, referer, user_agent,
        ],
    })
}

/// Text up to the next space, and that space.
fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (word, after) = rest.split_once(' ')?;
    *rest = after;
    Some(word).filter(|word| !word.is_empty())
}

/// Text in double quotes; a quote inside is written `\"`.
fn quoted<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let inner = rest.strip_prefix('"')?;
    let mut escaped = false;
    let end = inner.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    *rest = &inner[end + 1..];
    Some(&inner[..end])
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn seconds(time: &str) -> Option<u32> {
    let time = strtime::parse("%d/%b/%Y:%H:%M:%S %z", time).ok()?;
    u32::try_from(time.to_timestamp().ok()?.as_second()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"192.0.2.1 - u7 [17/May/2015:10:05:03 +0200] "GET /a?b=\"c\" HTTP/1.1" 404 - "-" "curl/8""#;

    #[test]
    fn a_line_is_taken_apart_into_its_eleven_fields() {
        let line = parse(GOOD.as_bytes()).unwrap();
        assert_eq!(line.seconds, 1_431_849_903);
        let want = [
            "192.0.2.1",
            "-",
            "u7",
            "17/May/2015:10:05:03 +0200",
            "GET",
            r#"/a?b=\"c\""#,
            "HTTP/1.1",
            "404",
            "0",
            "-",
            "curl/8",
        ];
        assert_eq!(line.texts, want);
    }

    #[test]
    fn a_line_with_any_part_cut_off_does_not_parse() {
        for end in 0..GOOD.len() {
            assert_eq!(parse(&GOOD.as_bytes()[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn what_only_looks_like_a_log_line_does_not_parse() {
        for (from, to) in [
            ("May", "Mai"),
            ("17/", "32/"),
            ("2015", "1969"),
            (" 404 ", " 4x4 "),
            (" 404 ", " 4040 "),
            (" - \"-\"", " 1k \"-\""),
            ("GET ", ""),
            ("GET ", "GET  "),
            ("curl/8\"", "curl/8\" x"),
        ] {
            let line = GOOD.replacen(from, to, 1);
            assert_ne!(line, GOOD, "the case changes nothing");
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
        assert_eq!(parse(b"\xff\xfe"), None);
        assert_eq!(parse(b""), None);
    }
}
