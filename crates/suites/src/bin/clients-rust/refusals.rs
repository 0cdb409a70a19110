//! Errors arrive as the client's errors.

use serde_json::json;
use suites::clients::Result;
use suites::clients::groups::expect;

use crate::World;

/// A call that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Its name in the program `refusal`.
    pub(crate) call: &'static str,
    status: u16,
    code: &'static str,
    /// What the message must mention.
    mentions: &'static str,
}

pub(crate) const ALL: [Refusal; 5] = [
    Refusal {
        call: "wrong_secret",
        status: 401,
        code: "SignatureNotMatch",
        mentions: "not matched",
    },
    Refusal {
        call: "unknown_key",
        status: 401,
        code: "Unauthorized",
        mentions: "nobody",
    },
    Refusal {
        call: "broken_spl",
        status: 400,
        code: "ParameterInvalid",
        // Where the type of the cast is missing.
        mentions: "at line 1, column 25",
    },
    Refusal {
        call: "missing_logstore",
        status: 404,
        code: "LogStoreNotExist",
        mentions: "missing",
    },
    Refusal {
        call: "missing_project",
        status: 404,
        code: "ProjectNotExist",
        mentions: "missing",
    },
];

impl Refusal {
    /// The client's error has the server's status, code, message and request id.
    pub(crate) async fn arrives(&self, world: &World) -> Result<u64> {
        let logstore = format!("refusal-{}", self.call.replace('_', "-"));
        world.logstore(&logstore, 1).await?;
        let program = world.program(&world.access(), &logstore, "refusal", []);
        let answer = program.answer(&json!(self.call).to_string()).await?;
        let told = answer.result;
        let found = json!([told["status"], told["code"]]);
        expect("status and code", &found, &json!([self.status, self.code]))?;
        let message = told["message"].as_str().unwrap_or_default();
        if !message.contains(self.mentions) {
            let wanted = self.mentions;
            return Err(format!("{message:?} does not mention {wanted:?}").into());
        }
        let id = told["request_id"].as_str().unwrap_or_default();
        if id.len() != 24 {
            return Err(format!("the request id is {id:?}").into());
        }
        Ok(answer.calls)
    }
}
