//! Errors arrive as the client's errors.

use serde_json::json;

use super::super::Result;
use super::super::groups::expect;
use super::super::world::{Access, Programs, World};

/// A call that is refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusal {
    /// Its name in the program `refusal`.
    call: &'static str,
    status: u16,
    code: &'static str,
    /// What the message must mention.
    mentions: &'static str,
}

/// What any key is refused.
pub const ALL: [Refusal; 6] = [
    Refusal::new("wrong_secret", 401, "SignatureNotMatch", "not matched"),
    Refusal::new("unknown_key", 401, "Unauthorized", "nobody"),
    // Where the type of the cast is missing.
    Refusal::new(
        "broken_spl",
        400,
        "ParameterInvalid",
        "at line 1, column 25",
    ),
    Refusal::new("missing_logstore", 404, "LogStoreNotExist", "missing"),
    Refusal::new("missing_project", 404, "ProjectNotExist", "missing"),
    Refusal::new("existing_logstore", 400, "LogStoreAlreadyExist", "existing"),
];

/// What a temporary key is refused besides.
pub const TEMPORARY: [Refusal; 2] = [
    Refusal::new("wrong_token", 401, "Unauthorized", "security token"),
    Refusal::new("no_token", 401, "Unauthorized", "security token"),
];

impl Refusal {
    const fn new(
        call: &'static str,
        status: u16,
        code: &'static str,
        mentions: &'static str,
    ) -> Self {
        Self {
            call,
            status,
            code,
            mentions,
        }
    }

    /// The name of the check.
    pub fn name(self) -> String {
        format!("refused: {}", self.call.replace('_', " "))
    }

    /// The client's error has the server's status, code, message and request id.
    ///
    /// # Errors
    /// When it has others, and when the call was not refused.
    pub async fn arrives<P: Programs>(self, world: &World<P>, access: &Access) -> Result<u64> {
        let logstore = format!("refusal-{}-{access}", self.call).replace([' ', ',', '_'], "-");
        world.logstore(&logstore, 1).await?;
        let program = world.program(access, &logstore, "refusal", []);
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
        if id.len() != 24 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(format!("the request id is {id:?}").into());
        }
        Ok(answer.calls)
    }
}
