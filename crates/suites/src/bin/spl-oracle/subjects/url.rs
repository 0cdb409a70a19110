//! URL functions.

use crate::datum::{Datum, Kind};
use crate::domain::{self, text};
use crate::subject::Group;

const URLS: &[&str] = &[
    "http://example.com",
    "https://user:pw@example.com:8080/a/b.html?x=1&y=2#frag",
    "http://example.com/%E6%97%A5?q=%E6%97%A5#%E6%97%A5",
    "/path/only?x=1",
    "?x=1",
    "#f",
    "",
    "mailto:me@example.com",
    "http://[::1]:80/x",
    "http://[::1",
    "http://example.com:port/",
    "http://example.com:99999/",
    "http://example.com:/",
    "http://a b/",
    "http://example.com/a b",
    "http://example.com/?a=1&a=2&b",
    "http://example.com/?a=%20+x&%61=enc&=v&c=",
    "http://日本.jp/道",
    "HTTP://EXAMPLE.COM/A",
    "//example.com/x",
    "example.com/x",
    "example.com:80/x",
    "http:",
    "http://",
    "http:///x",
    "a:b:c",
    "1http://x",
    "http://x/%zz",
    "http://x/%",
    "http://x?a=1#b?c=2",
    "http://x/;p=1?q",
    "http://x/??a=1",
    "http://x/#a#b",
    "ftp://x.y/z",
    "http://x\n.y",
    "http://user@x",
    "http://x:0/",
    "http://x:65535",
    "http://x:65536",
    "http://x/a?b=c/d?e",
    "http://-x_y.z/",
    "http://1.2.3.4:5/",
    "http://x/<>",
    "http://x/a%2Fb?c%3Dd=e%26f",
    "http://x/?a==b",
    "http://x/?a&b=&c",
    "tel:+1-2",
    "urn:a:b",
    "http://x/|",
    "http://x/\"",
    "http://x/{}",
    "http://x/^`",
    "http://x/\\",
    " http://x/",
    "http://x/ ",
    "http://x:8a/",
    "http://x:-1/",
    "http://a@b@c/",
    "http://x/%E6",
    "http://x/?q=%FF",
];

pub(super) fn add(group: &mut Group) {
    group.call("url_encode", &[text()]);
    let escaped = domain::only(
        Kind::Varchar,
        [
            "a+b",
            "%20",
            "%2",
            "%",
            "%zz",
            "%E6%97%A5",
            "%e6%97%a5",
            "%FF",
            "%E6",
            "%00",
            "a%2Bb+c",
            "日本",
            "%%",
            "%u65e5",
            "+",
            "%2B%2b",
            "100%",
            "%-1",
            "% 1",
            "%C3%28",
        ],
    );
    group.call("url_decode", &[escaped]);
    group.call("url_decode", &[text()]);
    let mut urls = domain::only(Kind::Varchar, URLS.iter().copied());
    urls.random = |random| {
        let parts = [
            "http", "://", "x.y", ":80", "/", "a", "?", "b=1", "&", "#", "%20", "@", "日", ":",
            "[", "]",
        ];
        Datum::Text(random.text(&parts, 10))
    };
    for part in ["protocol", "host", "port", "path", "query", "fragment"] {
        group.call(&format!("url_extract_{part}"), &[urls.clone()]);
    }
    let names = domain::only(
        Kind::Varchar,
        [
            "a", "x", "b", "", "c", "q", "日", "%61", "A", "c%3Dd", "c=d",
        ],
    );
    let escaped = "http://x/?c%3Dd=e%26f";
    group
        .call("url_extract_parameter", &[urls.clone(), names])
        .with(["c=d", "c"].map(|name| [Datum::from(escaped), Datum::from(name)]));
    for name in ["a", "b", ""] {
        group.add(
            "url_extract_parameter",
            format!("url_extract_parameter(a0, '{name}')"),
            &[urls.clone()],
        );
    }
}
