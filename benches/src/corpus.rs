//! The logs that are measured, made up the same way on every run.

/// One kind of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An access log of a web server, 13 fields.
    Access,
    /// 10 fields of 30 bytes.
    Ten,
    /// The log of the published Java and Go producer reports: 8 fields of about 57 bytes.
    Report,
    /// 2 short fields.
    Two,
    /// 50 fields.
    Fifty,
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Access,
        Self::Ten,
        Self::Report,
        Self::Two,
        Self::Fifty,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Access => "access log",
            Self::Ten => "10 fields",
            Self::Report => "report log",
            Self::Two => "2 fields",
            Self::Fifty => "50 fields",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Logs as a program holds them before it hands them to a client.
#[derive(Debug)]
pub(crate) struct Corpus {
    pub(crate) logs: Vec<Log>,
}

/// A log: a time and fields, every text an allocation of its own, as in a real program.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) time: u32,
    pub(crate) fields: Vec<(String, String)>,
}

impl Corpus {
    pub(crate) fn new(kind: Kind, logs: usize) -> Self {
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let log = |index: usize| Log {
            time: 1_700_000_000 + index as u32 / 40,
            fields: fields(kind, index, &mut random),
        };
        Self {
            logs: (0..logs).map(log).collect(),
        }
    }

    /// The same access logs as a web server writes them: one line in one field.
    pub(crate) fn as_lines(&self) -> Self {
        let line = |log: &Log| {
            let value = |name: &str| {
                let field = log.fields.iter().find(|(key, _)| key == name);
                field.map_or("-", |(_, value)| value.as_str())
            };
            format!(
                "{} - {} [{}] \"{} {} HTTP/1.1\" {} {} \"{}\" \"{}\"",
                value("remote_addr"),
                value("remote_user"),
                value("time_local"),
                value("request_method"),
                value("request_uri"),
                value("status"),
                value("body_bytes_sent"),
                value("http_referer"),
                value("http_user_agent"),
            )
        };
        let log = |log: &Log| Log {
            time: log.time,
            fields: vec![("content".to_owned(), line(log))],
        };
        Self {
            logs: self.logs.iter().map(log).collect(),
        }
    }

    /// The keys and values of a log that are `&str` to every contender.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let fields = self.logs.iter().flat_map(|log| &log.fields);
        fields.flat_map(|(key, value)| [key.as_str(), value.as_str()])
    }
}

fn fields(kind: Kind, index: usize, random: &mut Random) -> Vec<(String, String)> {
    match kind {
        Kind::Access => access(index, random),
        Kind::Ten => (0..10)
            .map(|n| (format!("field_{n:02}"), random.word(30)))
            .collect(),
        Kind::Report => (1..=8)
            .map(|n| {
                let value =
                    format!("{n}abcdefghijklmnopqrstuvwxyz!@#$%^&*()_0123456789-{index:08}");
                (format!("content_key_{n}"), value)
            })
            .collect(),
        Kind::Two => vec![
            (
                "level".to_owned(),
                random.one_of(&["INFO", "WARN"]).to_owned(),
            ),
            ("message".to_owned(), format!("order {index} paid")),
        ],
        Kind::Fifty => (0..50)
            .map(|n| (format!("column_{n:02}"), random.word(8 + n % 17)))
            .collect(),
    }
}

fn access(index: usize, random: &mut Random) -> Vec<(String, String)> {
    const AGENTS: &[&str] = &[
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "okhttp/4.12.0",
        "curl/8.5.0",
    ];
    const PATHS: &[&str] = &[
        "/api/v1/orders",
        "/api/v1/orders/search",
        "/static/app.js",
        "/index.html",
        "/health",
    ];
    let (a, b) = (random.below(256), random.below(256));
    let referer = random.one_of(PATHS);
    [
        ("remote_addr", format!("203.0.{a}.{b}")),
        ("remote_user", "-".to_owned()),
        (
            "time_local",
            format!("14/Nov/2023:22:13:{:02} +0000", index / 40 % 60),
        ),
        (
            "request_method",
            random.one_of(&["GET", "GET", "GET", "POST"]).to_owned(),
        ),
        (
            "request_uri",
            format!("{}?id={}", random.one_of(PATHS), random.below(100_000)),
        ),
        (
            "status",
            random
                .one_of(&["200", "200", "200", "304", "404", "502"])
                .to_owned(),
        ),
        ("body_bytes_sent", random.below(60_000).to_string()),
        ("request_length", (300 + random.below(900)).to_string()),
        ("request_time", format!("0.{:03}", random.below(1000))),
        (
            "upstream_response_time",
            format!("0.{:03}", random.below(1000)),
        ),
        ("http_referer", format!("https://shop.example.com{referer}")),
        ("http_user_agent", random.one_of(AGENTS).to_owned()),
        ("host", "shop.example.com".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

/// xorshift64*: reproducible, and nothing here depends on its quality.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn one_of(&mut self, choices: &[&'static str]) -> &'static str {
        choices[self.below(choices.len() as u64) as usize]
    }

    fn word(&mut self, len: usize) -> String {
        (0..len)
            .map(|_| char::from(b'a' + self.below(26) as u8))
            .collect()
    }
}
