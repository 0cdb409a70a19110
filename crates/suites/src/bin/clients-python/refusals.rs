//! Errors arrive as the client's exceptions.

use serde_json::json;
use suites::clients::Result;
use suites::clients::groups::expect;

use crate::world::World;

/// A call that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    /// The name of the call in `refusal.py`.
    call: &'static str,
    status: u16,
    code: &'static str,
    /// What the message must mention.
    mentions: &'static [&'static str],
}

pub(crate) const ALL: [Refusal; 5] = [
    Refusal {
        name: "wrong key",
        call: "wrong_key",
        status: 401,
        code: "SignatureNotMatch",
        mentions: &["not matched"],
    },
    Refusal {
        name: "broken SPL",
        call: "broken_spl",
        status: 400,
        code: "ParameterInvalid",
        // Where the type of the cast is missing.
        mentions: &["line 1", "column 25"],
    },
    Refusal {
        name: "missing logstore",
        call: "missing_logstore",
        status: 404,
        code: "LogStoreNotExist",
        mentions: &["missing"],
    },
    Refusal {
        name: "missing project",
        call: "missing_project",
        status: 404,
        code: "ProjectNotExist",
        mentions: &["missing"],
    },
    Refusal {
        name: "existing logstore",
        call: "existing_logstore",
        status: 400,
        code: "LogStoreAlreadyExist",
        mentions: &[LOGSTORE],
    },
];

const LOGSTORE: &str = "refusals";

impl Refusal {
    /// Python's exception has the server's status, code, message and request id.
    pub(crate) async fn arrives(&self, world: &World) -> Result<u64> {
        let logstore = world.client.logstore(crate::world::PROJECT, LOGSTORE);
        if logstore.get().await.is_err() {
            world.logstore(LOGSTORE, 1).await?;
        }
        let program = world.program(&world.access(), LOGSTORE, "refusal.py", [self.call]);
        let answer = program.answer("").await?;
        let told = answer.result;
        let found = json!([told["status"], told["code"]]);
        expect("status and code", &found, &json!([self.status, self.code]))?;
        let message = told["message"].as_str().unwrap_or_default();
        if let Some(text) = self.mentions.iter().find(|text| !message.contains(**text)) {
            return Err(format!("{message:?} does not mention {text:?}").into());
        }
        let id = told["request_id"].as_str().unwrap_or_default();
        if id.len() != 24 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("the request id is {id:?}").into());
        }
        Ok(answer.calls)
    }
}
