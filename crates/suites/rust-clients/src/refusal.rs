//! Input: the name of a call that is refused. Result: the client's error.

use aliyun_log_rust_sdk::Error;
use aliyun_log_rust_sdk::get_cursor_models::CursorPos;
use serde_json::{Value, json};

use crate::session::{Result, Session, connect, input};

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    let name: String = input()?;
    let (id, secret) = session.key.clone();
    let (id, secret) = match name.as_str() {
        "wrong_secret" => (id, "not-the-secret".to_owned()),
        "unknown_key" => ("nobody".to_owned(), secret),
        _ => (id, secret),
    };
    let client = connect(&session.endpoint, &id, &secret, None)?;
    let (project, logstore) = (session.project.clone(), session.logstore.clone());
    let refused = match name.as_str() {
        "wrong_secret" | "unknown_key" => {
            let call = client.list_shards(&project, &logstore);
            session.call(call.send()).await.err()
        }
        "missing_logstore" => {
            let call = client.list_shards(&project, "missing");
            session.call(call.send()).await.err()
        }
        "missing_project" => {
            let call = client.get_project("missing");
            session.call(call.send()).await.err()
        }
        "broken_spl" => {
            let first = client.get_cursor(&project, &logstore, 0);
            let first = session
                .call(first.cursor_pos(CursorPos::Begin).send())
                .await?;
            let call = client
                .pull_logs(&project, &logstore, 0)
                .cursor(first.get_body().cursor())
                .count(10)
                .query("* | where cast(cdn_in as) > 70");
            session.call(call.send()).await.err()
        }
        other => return Err(format!("there is no refusal {other:?}").into()),
    };
    match refused {
        Some(Error::Server {
            error_code,
            error_message,
            http_status,
            request_id,
        }) => Ok(json!({
            "status": http_status,
            "code": error_code,
            "message": error_message,
            "request_id": request_id,
        })),
        Some(other) => Err(other.into()),
        None => Err("was not refused".into()),
    }
}
