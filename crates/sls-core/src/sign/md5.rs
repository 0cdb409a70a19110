//! MD5 (RFC 1321), which signature version 1 wants of every body.
//!
//! It protects nothing here: the service compares it with what arrived, and the signature
//! covers it. So it is only asked to be fast, being the slowest step of a put after
//! compression: 64 steps for 64 bytes, each waiting for the one before.

/// The digest of a message.
pub(super) fn digest(message: &[u8]) -> [u8; 16] {
    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let mut blocks = message.chunks_exact(64);
    for block in &mut blocks {
        compress(&mut state, block);
    }
    // A bit, zeros, and the length in bits at the end of the last block.
    let rest = blocks.remainder();
    let mut tail = [0; 128];
    tail[..rest.len()].copy_from_slice(rest);
    tail[rest.len()] = 0x80;
    let end = if rest.len() < 56 { 64 } else { 128 };
    let bits = (message.len() as u64).wrapping_mul(8);
    tail[end - 8..end].copy_from_slice(&bits.to_le_bytes());
    for block in tail[..end].chunks_exact(64) {
        compress(&mut state, block);
    }
    let mut digest = [0; 16];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

/// One step: `$a` becomes `$b` plus something rotated.
///
/// What does not depend on `$b`, the result of the step before, is added up first.
macro_rules! step {
    ($early:expr, $late:expr, $a:ident, $b:ident, $word:expr, $constant:expr, $turn:literal) => {
        $a = $a
            .wrapping_add($word)
            .wrapping_add($constant)
            .wrapping_add($early)
            .wrapping_add($late)
            .rotate_left($turn)
            .wrapping_add($b);
    };
}

/// Four steps, after which every part of the state was changed once.
macro_rules! steps {
    ($early:ident, $late:ident, $w:ident, [$($at:literal),*], $k:literal, [$t0:literal, $t1:literal, $t2:literal, $t3:literal], $a:ident, $b:ident, $c:ident, $d:ident) => {
        steps!(@ $early, $late, $w, $($at),*, $k, $t0, $t1, $t2, $t3, $a, $b, $c, $d);
    };
    (@ $early:ident, $late:ident, $w:ident, $i0:literal, $i1:literal, $i2:literal, $i3:literal, $k:literal, $t0:literal, $t1:literal, $t2:literal, $t3:literal, $a:ident, $b:ident, $c:ident, $d:ident) => {
        step!($early($b, $c, $d), $late($b, $c, $d), $a, $b, $w[$i0], K[$k], $t0);
        step!($early($a, $b, $c), $late($a, $b, $c), $d, $a, $w[$i1], K[$k + 1], $t1);
        step!($early($d, $a, $b), $late($d, $a, $b), $c, $d, $w[$i2], K[$k + 2], $t2);
        step!($early($c, $d, $a), $late($c, $d, $a), $b, $c, $w[$i3], K[$k + 3], $t3);
    };
}

// The four functions of the standard as sums of a part without the newest value, `x`, and a
// part with it. A sum does for the standard's "or" where no bit is set on both sides.

#[inline(always)]
const fn none(_: u32, _: u32, _: u32) -> u32 {
    0
}
#[inline(always)]
const fn f(x: u32, y: u32, z: u32) -> u32 {
    z ^ (x & (y ^ z))
}
#[inline(always)]
const fn g_early(_: u32, y: u32, z: u32) -> u32 {
    y & !z
}
#[inline(always)]
const fn g_late(x: u32, _: u32, z: u32) -> u32 {
    x & z
}
#[inline(always)]
const fn h(x: u32, y: u32, z: u32) -> u32 {
    x ^ (y ^ z)
}
#[inline(always)]
const fn i(x: u32, y: u32, z: u32) -> u32 {
    y ^ (x | !z)
}

fn compress(state: &mut [u32; 4], block: &[u8]) {
    let mut w = [0; 16];
    for (word, bytes) in w.iter_mut().zip(block.chunks_exact(4)) {
        *word = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    let [mut a, mut b, mut c, mut d] = *state;

    steps!(none, f, w, [0, 1, 2, 3], 0, [7, 12, 17, 22], a, b, c, d);
    steps!(none, f, w, [4, 5, 6, 7], 4, [7, 12, 17, 22], a, b, c, d);
    steps!(none, f, w, [8, 9, 10, 11], 8, [7, 12, 17, 22], a, b, c, d);
    steps!(
        none,
        f,
        w,
        [12, 13, 14, 15],
        12,
        [7, 12, 17, 22],
        a,
        b,
        c,
        d
    );

    steps!(
        g_early,
        g_late,
        w,
        [1, 6, 11, 0],
        16,
        [5, 9, 14, 20],
        a,
        b,
        c,
        d
    );
    steps!(
        g_early,
        g_late,
        w,
        [5, 10, 15, 4],
        20,
        [5, 9, 14, 20],
        a,
        b,
        c,
        d
    );
    steps!(
        g_early,
        g_late,
        w,
        [9, 14, 3, 8],
        24,
        [5, 9, 14, 20],
        a,
        b,
        c,
        d
    );
    steps!(
        g_early,
        g_late,
        w,
        [13, 2, 7, 12],
        28,
        [5, 9, 14, 20],
        a,
        b,
        c,
        d
    );

    steps!(none, h, w, [5, 8, 11, 14], 32, [4, 11, 16, 23], a, b, c, d);
    steps!(none, h, w, [1, 4, 7, 10], 36, [4, 11, 16, 23], a, b, c, d);
    steps!(none, h, w, [13, 0, 3, 6], 40, [4, 11, 16, 23], a, b, c, d);
    steps!(none, h, w, [9, 12, 15, 2], 44, [4, 11, 16, 23], a, b, c, d);

    steps!(none, i, w, [0, 7, 14, 5], 48, [6, 10, 15, 21], a, b, c, d);
    steps!(none, i, w, [12, 3, 10, 1], 52, [6, 10, 15, 21], a, b, c, d);
    steps!(none, i, w, [8, 15, 6, 13], 56, [6, 10, 15, 21], a, b, c, d);
    steps!(none, i, w, [4, 11, 2, 9], 60, [6, 10, 15, 21], a, b, c, d);

    for (word, new) in state.iter_mut().zip([a, b, c, d]) {
        *word = word.wrapping_add(new);
    }
}

/// The integer part of 2^32 times the sine of 1 to 64.
const K: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

#[cfg(test)]
mod tests {
    use super::digest;

    fn hex(message: &[u8]) -> String {
        let byte = |byte: &u8| format!("{byte:02x}");
        digest(message).iter().map(byte).collect()
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        for (message, want) in [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("a", "0cc175b9c0f1b6a831c399e269772661"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
            (
                "abcdefghijklmnopqrstuvwxyz",
                "c3fcd3d76192e4007dfb496cca67e13b",
            ),
            (
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
                "d174ab98d277d9f5a5611c2c9f419d9f",
            ),
        ] {
            assert_eq!(hex(message.as_bytes()), want, "{message}");
        }
    }

    #[test]
    fn every_length_of_the_last_block_is_padded_as_python_does() {
        // hashlib.md5 over the digests of these 400 messages, one after another.
        let digests: Vec<u8> = (0..400)
            .flat_map(|len| {
                let message: Vec<u8> = (0..len).map(|at| (at * 7 + len) as u8).collect();
                digest(&message)
            })
            .collect();
        assert_eq!(hex(&digests), "023ddd0e481725ebfadfc72d28d2ce6d");
    }
}
