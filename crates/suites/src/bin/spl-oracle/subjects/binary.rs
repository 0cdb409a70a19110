//! Digests, and bytes as text.

use crate::datum::Kind;
use crate::domain::{self, binary, text};
use crate::subject::Group;

pub(super) fn add(group: &mut Group) {
    for name in [
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "xxhash64",
        "crc32",
        "to_hex",
        "to_base64",
        "from_utf8",
    ] {
        group.call(name, &[binary()]);
    }
    group.call("to_utf8", &[text()]);
    group.call(
        "from_utf8",
        &[binary(), domain::only(Kind::Varchar, ["", "?", "日", "ab"])],
    );
    group.call(
        "from_utf8",
        &[
            binary(),
            domain::only(Kind::Bigint, [0, 63, 0x65e5, 0xd800, 0x11_0000, -1]),
        ],
    );
    let hex = domain::only(
        Kind::Varchar,
        [
            "", "00", "ff", "FF", "fF", "f", "0g", "zz", " 00", "00 ", "e697a5", "日", "0x00",
        ],
    );
    group.call("from_hex", &[hex]);
    let base64 = || {
        domain::only(
            Kind::Varchar,
            [
                "", "YQ==", "YQ=", "YQ", "Y", "YWI=", "YWI", "YWJj", "YWJj\n", "YW Jj", "+/+/",
                "-_-_", "YQ==YQ==", "====", "=", "YR==", "日", "5pel", "YWJjZA==", "YWJjZ",
            ],
        )
    };
    group.call("from_base64", &[base64()]);
    group.add("from_base64", "from_base64(to_utf8(a0))", &[base64()]);
    for name in ["md5", "to_hex", "to_base64"] {
        group.add(name, format!("{name}(cast(a0 as varbinary))"), &[text()]);
    }
}
