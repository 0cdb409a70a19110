//! Answers that are larger than they seem, or seem larger than they are.

use std::time::Duration;

use flate2::{Compress, FlushCompress, Status};
use sls_client::Client;
use sls_core::api::PulledLogs;
use sls_core::model::{Cursor, ShardId};
use telemetry_delivery::{BodyErrorKind, HttpsConfig, TransportErrorKind};

use crate::case::{Case, MIB, Outcome, bad_answer, case, client, client_within, no_answer, pull};
use crate::server::Server;

/// What every bomb here expands to.
const HUGE: usize = 516 * MIB;
/// About the largest claim that is not looked into before memory is taken for it.
const BELIEVED: usize = 16 * MIB;
/// The largest claim that the default limit of a pull lets through.
const CREDIBLE: usize = 63 * MIB;

pub(crate) const CASES: &[Case] = &[
    case!(
        "lz4 claims 512 MiB",
        claims("lz4", vec![0xff; 2 * MIB], HUGE, "over the limit")
    ),
    case!(
        "zstd claims 512 MiB",
        claims("zstd", vec![0xff; 2 * MIB], HUGE, "over the limit")
    ),
    case!(
        "deflate claims 512 MiB",
        claims("deflate", vec![0xff; 2 * MIB], HUGE, "over the limit")
    ),
    case!(
        "plain claims 512 MiB",
        claims("", vec![0xff; 2 * MIB], HUGE, "over the limit")
    ),
    case!("claims more than a number holds", {
        let headers = "x-log-cursor: Mg==\r\nx-log-count: 1\r\nx-log-compresstype: lz4\r\n\
                       x-log-bodyrawsize: 99999999999999999999999\r\n";
        pulled(
            headers.to_owned(),
            vec![0; 100],
            200,
            "x-log-bodyrawsize is not a number",
        )
    }),
    case!(
        "lz4 bomb, claims 16 MiB",
        claims("lz4", lz4_bomb(), BELIEVED, "lz4")
    ),
    case!(
        "lz4 bomb, claims 63 MiB",
        claims("lz4", lz4_bomb(), CREDIBLE, "")
    ),
    case!(
        "zstd bomb, claims 16 MiB",
        claims("zstd", zstd_bomb(20), BELIEVED, "")
    ),
    case!(
        "zstd bomb, claims 63 MiB",
        claims("zstd", zstd_bomb(20), CREDIBLE, "")
    ),
    case!(
        "zstd bomb, claims 8 MiB, window 8 MiB",
        claims("zstd", zstd_bomb(23), 8 * MIB, "")
    ),
    case!(
        "zstd bomb, claims 16 MiB, window 8 MiB",
        claims("zstd", zstd_bomb(23), BELIEVED, "")
    ),
    case!(
        "zstd bomb, window 64 MiB",
        claims("zstd", zstd_bomb(26), BELIEVED, "")
    ),
    case!(
        "zstd bomb, window 2 GiB",
        claims("zstd", zstd_bomb(31), BELIEVED, "")
    ),
    case!(
        "deflate bomb, claims 16 MiB",
        claims("deflate", deflate_bomb(), BELIEVED, "")
    ),
    case!(
        "deflate bomb, claims 63 MiB",
        claims("deflate", deflate_bomb(), CREDIBLE, "")
    ),
    case!(
        "small body, claims 63 MiB",
        claims("lz4", vec![0x10, b'x'], CREDIBLE, "cannot expand")
    ),
    case!("a limit of one's own", own_limit()),
    case!("content-length of 512 MiB", async {
        let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 536870912\r\n\r\n").await;
        no_answer(pull(&client(&server)).await, TOO_LARGE)
    }),
    case!(
        "body without end, no length",
        endless(b"HTTP/1.1 200 OK\r\n\r\n", &[7; 65536])
    ),
    case!("body without end, chunked", {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        endless(
            head,
            b"10\r\n0123456789abcdef\r\n10\r\n0123456789abcdef\r\n",
        )
    }),
    case!("a chunk of 16 EiB", {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n";
        endless(head, &[7; 65536])
    }),
    case!("chunk extensions without end", async {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;";
        let server = Server::repeating(head, &[b'x'; 65536], Duration::ZERO).await;
        no_answer(pull(&client(&server)).await, TransportErrorKind::Protocol)
    }),
];

const TOO_LARGE: TransportErrorKind = TransportErrorKind::Body(BodyErrorKind::TooLarge);

/// A pull answered with `body`, said to be `raw_size` bytes before compression.
async fn claims(
    compression: &'static str,
    body: Vec<u8>,
    raw_size: usize,
    part: &'static str,
) -> Outcome {
    pulled(pull_headers(compression, raw_size), body, 200, part).await
}

pub(super) fn pull_headers(compression: &str, raw_size: usize) -> String {
    format!(
        "x-log-requestid: 5F2A0000000000000000ABCD\r\nx-log-cursor: Mg==\r\nx-log-count: 1\r\n\
         x-log-bodyrawsize: {raw_size}\r\nx-log-compresstype: {compression}\r\n"
    )
}

pub(super) async fn pulled(
    headers: String,
    body: Vec<u8>,
    status: u16,
    part: &'static str,
) -> Outcome {
    let server = Server::saying(crate::case::answer("200 OK", &headers, body)).await;
    bad_answer(pull(&client(&server)).await, status, part)
}

async fn own_limit() -> Outcome {
    let headers = pull_headers("lz4", CREDIBLE);
    let server = Server::saying(crate::case::answer("200 OK", &headers, lz4_bomb())).await;
    bad_answer(
        pull_up_to(&client(&server), MIB).await,
        200,
        "over the limit of 1048576",
    )
}

async fn pull_up_to(client: &Client, bytes: usize) -> Result<PulledLogs, sls_client::Error> {
    let logstore = client.logstore("shop", "access");
    let pull = logstore.pull(ShardId(0), Cursor::from("MQ=="));
    client.send(&pull.with_max_raw_size(bytes)).await
}

/// A body that goes on and on, against a limit of 1 MiB.
async fn endless(head: &'static [u8], again: &'static [u8]) -> Outcome {
    let server = Server::repeating(head, again, Duration::ZERO).await;
    let https = HttpsConfig::default().with_max_response_bytes(MIB);
    no_answer(pull(&client_within(&server, https)).await, TOO_LARGE)
}

/// One letter, and then matches of it, each of 64 KiB and with 259 bytes to write that down.
fn lz4_bomb() -> Vec<u8> {
    const MATCH: usize = 64 * 1024;
    let mut block = vec![0x10, b'x', 1, 0];
    for _ in 0..HUGE / MATCH {
        block.extend_from_slice(&[0x0f, 1, 0]);
        block.resize(block.len() + MATCH / 255, 0xff);
        block.push(0);
    }
    // The five literals that every block ends with.
    block.extend_from_slice(&[0x50, b'x', b'x', b'x', b'x', b'x']);
    block
}

/// A frame of run-length blocks, four bytes for every 128 KiB.
fn zstd_bomb(window_log: u8) -> Vec<u8> {
    const BLOCK: usize = 128 * 1024;
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0, (window_log - 10) << 3];
    for left in (0..HUGE / BLOCK).rev() {
        let header = (BLOCK << 3) | (1 << 1) | usize::from(left == 0);
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(b'x');
    }
    frame
}

/// A zlib stream that says the same mebibyte of zeros again and again.
fn deflate_bomb() -> Vec<u8> {
    let mut mebibyte = Vec::with_capacity(4096);
    let mut compress = Compress::new(flate2::Compression::best(), false);
    // A full flush ends at a whole byte and forgets what came before.
    let status = compress.compress_vec(&vec![0; MIB], &mut mebibyte, FlushCompress::Full);
    assert!(
        matches!(status, Ok(Status::Ok)) && compress.total_in() == MIB as u64,
        "a mebibyte of zeros fits into 4 KiB"
    );
    let mut stream = vec![0x78, 0xda];
    for _ in 0..HUGE / MIB {
        stream.extend_from_slice(&mebibyte);
    }
    // An empty last block, and the checksum of so many zeros.
    let adler = ((HUGE % 65521) as u32) << 16 | 1;
    stream.extend_from_slice(&[3, 0]);
    stream.extend_from_slice(&adler.to_be_bytes());
    stream
}
