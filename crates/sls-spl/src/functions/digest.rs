//! Digests and checksums of bytes.

use md5::{Digest as _, Md5};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use crate::value::{Value, bigint};

use super::{Call, Function, Param, plain, returns};

const ONE: &[Param] = &[Param::Binary];

pub(super) const FUNCTIONS: &[Function] = &[
    plain(&["md5"], ONE, 1, returns::varbinary, md5),
    plain(&["sha1"], ONE, 1, returns::varbinary, sha1),
    plain(&["sha256"], ONE, 1, returns::varbinary, sha256),
    plain(&["sha512"], ONE, 1, returns::varbinary, sha512),
    plain(&["xxhash64"], ONE, 1, returns::varbinary, xxhash64),
    plain(&["crc32"], ONE, 1, returns::bigint, crc32),
];

fn with<'a>(call: &Call<'a, '_>, run: impl FnOnce(&[u8]) -> Value<'a>) -> Value<'a> {
    match call.arg(0) {
        Value::Binary(bytes) => run(bytes),
        _ => call.mismatch(),
    }
}

fn md5<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |bytes| call.cx.binary(&Md5::digest(bytes)))
}

fn sha1<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |bytes| call.cx.binary(&Sha1::digest(bytes)))
}

fn sha256<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |bytes| call.cx.binary(&Sha256::digest(bytes)))
}

fn sha512<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |bytes| call.cx.binary(&Sha512::digest(bytes)))
}

fn xxhash64<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |bytes| call.cx.binary(&xxh64(bytes).to_be_bytes()))
}

fn crc32<'a>(call: &Call<'a, '_>) -> Value<'a> {
    with(call, |bytes| bigint(i64::from(crc32fast::hash(bytes))))
}

const PRIME_1: u64 = 0x9e37_79b1_85eb_ca87;
const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f;
const PRIME_3: u64 = 0x1656_67b1_9e37_79f9;
const PRIME_4: u64 = 0x85eb_ca77_c2b2_ae63;
const PRIME_5: u64 = 0x27d4_eb2f_1656_67c5;

/// XXH64 with seed 0.
fn xxh64(bytes: &[u8]) -> u64 {
    let mut stripes = bytes.chunks_exact(32);
    let mut hash = if bytes.len() >= 32 {
        let mut lanes = [
            PRIME_1.wrapping_add(PRIME_2),
            PRIME_2,
            0,
            0u64.wrapping_sub(PRIME_1),
        ];
        for stripe in stripes.by_ref() {
            for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
                *lane = round(*lane, little(word));
            }
        }
        let [a, b, c, d] = lanes;
        let mixed = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        lanes.iter().fold(mixed, |hash, lane| {
            (hash ^ round(0, *lane))
                .wrapping_mul(PRIME_1)
                .wrapping_add(PRIME_4)
        })
    } else {
        PRIME_5
    };
    hash = hash.wrapping_add(bytes.len() as u64);
    let mut words = stripes.remainder().chunks_exact(8);
    for word in words.by_ref() {
        hash = (hash ^ round(0, little(word)))
            .rotate_left(27)
            .wrapping_mul(PRIME_1)
            .wrapping_add(PRIME_4);
    }
    let mut rest = words.remainder();
    if rest.len() >= 4 {
        let (half, after) = rest.split_at(4);
        hash = (hash ^ little(half).wrapping_mul(PRIME_1))
            .rotate_left(23)
            .wrapping_mul(PRIME_2)
            .wrapping_add(PRIME_3);
        rest = after;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(PRIME_5))
            .rotate_left(11)
            .wrapping_mul(PRIME_1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIME_2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIME_3);
    hash ^ (hash >> 32)
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2))
        .rotate_left(31)
        .wrapping_mul(PRIME_1)
}

/// Up to eight bytes, the lowest first.
fn little(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xxh64_gives_the_published_values() {
        assert_eq!(xxh64(b""), 0xef46_db37_51d8_e999);
        assert_eq!(xxh64(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(xxh64(b"abc"), 0x44bc_2cf5_ad77_0999);
        assert_eq!(
            xxh64(b"Nobody inspects the spammish repetition"),
            0xfbce_a83c_8a37_8bf1
        );
    }
}
