//! Good HTTP with the wrong thing in it.

use sls_client::ErrorCode;
use telemetry_delivery::{BodyErrorKind, TransportErrorKind};

use super::size::{pull_headers, pulled};
use crate::case::{
    Case, MIB, Outcome, answer, bad_answer, case, client, list_shards, no_answer, pull, refused,
};
use crate::server::Server;

const HTML: &str = "<html><head><title>Hello</title></head><body>It works!</body></html>";
const CUT: TransportErrorKind = TransportErrorKind::Body(BodyErrorKind::Cut);

pub(crate) const CASES: &[Case] = &[
    case!(
        "html instead of json",
        listed("200 OK", "content-type: text/html\r\n", HTML)
    ),
    case!(
        "html of a gateway",
        listed("502 Bad Gateway", "content-type: text/html\r\n", HTML)
    ),
    case!(
        "html of a captive portal",
        listed("511 Network Authentication Required", "", HTML)
    ),
    case!("nothing instead of json", listed("200 OK", "", "")),
    case!("nothing instead of a refusal", listed("500 Oops", "", "")),
    case!("no content", async {
        let server = Server::saying("HTTP/1.1 204 No Content\r\n\r\n").await;
        bad_answer(list_shards(&client(&server)).await, 204, "empty")
    }),
    case!("a status of no class", listed("999 What", "", "{}")),
    case!(
        "json of another kind",
        listed("200 OK", "", r#"{"shards":"none"}"#)
    ),
    case!("json with a megabyte in the wrong place", {
        listed("200 OK", "", format!("[\"{}\"]", "x\\n".repeat(MIB / 2)))
    }),
    case!(
        "json that ends early",
        listed("200 OK", "", r#"[{"shardID":0,"#)
    ),
    case!(
        "json of a refusal without code",
        listed("400 Bad", "", r#"{"errorMessage":"no"}"#)
    ),
    case!(
        "json nested a million times",
        listed("200 OK", "", "[".repeat(MIB))
    ),
    case!(
        "a refusal nested a million times",
        listed("400 Bad", "", r#"{"a":"#.repeat(MIB / 4))
    ),
    case!(
        "binary instead of json",
        listed("200 OK", "", [0xff, 0xfe, 0x00, 0x80])
    ),
    case!(
        "a refusal of many lines",
        spoken("a\\nb\\r\\n\\u001b[31mred\\u0000")
    ),
    case!("a refusal of a megabyte", spoken("x".repeat(MIB))),
    case!("a code of many lines", async {
        let body = r#"{"errorCode":"\n\u001b[2J","errorMessage":"m"}"#;
        let server = Server::saying(answer("400 Bad", "", body)).await;
        let code = ErrorCode::parse("\n\u{1b}[2J");
        refused(list_shards(&client(&server)).await, &code)
    }),
    case!("a content type of 8 KB", {
        let header = format!("content-type: {}\r\n", "x".repeat(8000));
        listed("502 Bad Gateway", header, HTML)
    }),
    case!("a request id of 8 KB", {
        let header = format!("x-log-requestid: {}\r\n", "x".repeat(8000));
        listed("502 Bad Gateway", header, HTML)
    }),
    case!(
        "headers missing",
        pulled(String::new(), vec![0; 9], 200, "x-log-cursor is missing")
    ),
    case!("a compression nobody knows", {
        pulled(
            pull_headers(&"x".repeat(8000), 9),
            vec![0; 9],
            200,
            "compression \"xxx",
        )
    }),
    case!(
        "json instead of log groups",
        pulled(pull_headers("", 2), b"{}".to_vec(), 200, "")
    ),
    case!("log groups that end early", {
        pulled(pull_headers("", 4), vec![0x0a, 0x7f, 0x0a, 0x01], 200, "")
    }),
    case!(
        "lz4 that ends early",
        pulled(pull_headers("lz4", 99), vec![0xf0, 9, 1], 200, "lz4")
    ),
    case!("zstd that ends early", {
        let body = vec![0x28, 0xb5, 0x2f, 0xfd, 0, 0x50];
        pulled(pull_headers("zstd", 99), body, 200, "zstd")
    }),
    case!("deflate that ends early", {
        pulled(
            pull_headers("deflate", 99),
            vec![0x78, 0x9c, 1],
            200,
            "deflate",
        )
    }),
    case!("content-length too large", async {
        let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n[]").await;
        no_answer(list_shards(&client(&server)).await, CUT)
    }),
    case!("content-length too small", async {
        let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n[]").await;
        bad_answer(list_shards(&client(&server)).await, 200, "JSON")
    }),
    case!("chunks that end early", async {
        let said = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n[]";
        let server = Server::saying(said).await;
        no_answer(pull(&client(&server)).await, CUT)
    }),
];

/// A list of shards answered with this.
async fn listed(
    status: &'static str,
    headers: impl Into<String>,
    body: impl AsRef<[u8]>,
) -> Outcome {
    let headers = headers.into();
    let server = Server::saying(answer(status, &headers, body)).await;
    let code = status.split(' ').next().and_then(|code| code.parse().ok());
    let result = list_shards(&client(&server)).await;
    bad_answer(result, code.unwrap_or_default(), "")
}

/// A refusal with this message, as JSON spells it.
async fn spoken(message: impl AsRef<str>) -> Outcome {
    let message = message.as_ref();
    let body = format!(r#"{{"errorCode":"ParameterInvalid","errorMessage":"{message}"}}"#);
    let server = Server::saying(answer("400 Bad Request", "", body)).await;
    let result = list_shards(&client(&server)).await;
    refused(result, &ErrorCode::ParameterInvalid)
}
