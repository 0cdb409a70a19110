//! Log groups that are hard to carry.

use sls_core::model::{Log, LogGroup};

/// What every way of sending must carry unchanged.
///
/// Python cannot leave out topic, source and the time below a second, so all are here.
pub fn groups() -> Vec<LogGroup> {
    vec![
        LogGroup::new(vec![
            Log::at(1_700_000_000)
                .with_time_ns(123_456_789)
                .with("level", "INFO")
                .with("message", "付款成功 – оплачено ✅")
                .with("键 with space", "tab\tnewline\nquote\" zero\0 end"),
            Log::at(1_700_000_001)
                .with_time_ns(999_999_999)
                .with("empty", "")
                .with("twice", "first")
                .with("twice", "second"),
        ])
        .with_topic("shop/支付")
        .with_source("10.1.2.3")
        .with_tag("__hostname__", "web-1")
        .with_tag("区域", "杭州")
        .with_tag("empty", ""),
        // A zero is not the same as nothing on the wire, and neither is an empty topic.
        LogGroup::new(vec![Log::at(1).with_time_ns(0).with("k", "v")])
            .with_topic("")
            .with_source("s"),
        LogGroup::new(vec![
            Log::at(u32::MAX).with_time_ns(1).with("last", "second"),
        ])
        .with_topic("t")
        .with_source("s"),
        compressible(),
        incompressible(),
    ]
}

/// What only our client leaves out or sends.
pub fn rust_groups() -> Vec<LogGroup> {
    let mut groups = groups();
    groups.push(LogGroup::new(vec![Log::at(5).with("no", "topic")]));
    groups.push(LogGroup::new(vec![Log::at(6)]).with_topic("no fields"));
    groups.push(not_utf8());
    groups
}

/// Values that are not text; one group makes Python read its whole batch in another way.
pub fn not_utf8() -> LogGroup {
    let log = Log::at(7)
        .with_time_ns(7)
        .with("bytes", vec![0xff, 0x00, 0xfe, b'a'])
        .with("text", "beside it");
    LogGroup::new(vec![log]).with_topic("raw").with_source("s")
}

fn compressible() -> LogGroup {
    let logs = (0..2000).map(|n| {
        Log::at(1_700_000_000 + n)
            .with_time_ns(n)
            .with("path", "/index.html")
            .with("n", n.to_string())
    });
    LogGroup::new(logs.collect())
        .with_topic("many")
        .with_source("s")
}

/// Hexadecimal digits of a generator: half of every byte cannot be compressed away.
fn incompressible() -> LogGroup {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let noise: String = (0..4096)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            format!("{state:016x}")
        })
        .collect();
    LogGroup::new(vec![Log::at(8).with_time_ns(8).with("noise", noise)])
        .with_topic("noise")
        .with_source("s")
}
