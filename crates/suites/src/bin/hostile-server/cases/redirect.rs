//! Servers that send us elsewhere, together with our credentials.

use crate::case::{Case, Outcome, answer, bad_answer, case, client, list_shards};
use crate::server::Server;

pub(crate) const CASES: &[Case] = &[
    case!("301 to another host", sent_away("301 Moved Permanently")),
    case!("302 to another host", sent_away("302 Found")),
    case!("303 to another host", sent_away("303 See Other")),
    case!("307 to another host", sent_away("307 Temporary Redirect")),
    case!("308 to another host", sent_away("308 Permanent Redirect")),
];

async fn sent_away(status: &'static str) -> Outcome {
    let elsewhere = Server::saying(answer("200 OK", "", "[]")).await;
    let location = format!("location: http://{}/logstores\r\n", elsewhere.address);
    let server = Server::saying(answer(status, &location, "")).await;
    let result = list_shards(&client(&server)).await;
    let code = status[..3]
        .parse()
        .map_err(|_| "a status has three digits")?;
    let text = bad_answer(result, code, "empty")?;
    match elsewhere.connections().await {
        0 => Ok(text),
        some => Err(format!("{some} connections to the other host: {text}")),
    }
}
