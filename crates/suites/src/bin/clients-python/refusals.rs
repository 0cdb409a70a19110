//! Errors arrive as the client's exceptions.

use serde_json::json;
use suites::clients::Result;
use suites::clients::groups::expect;
use suites::clients::world::Access;

use crate::World;

/// A call that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) name: &'static str,
    /// The name of the call in `refusal.py`.
    call: &'static str,
    status: u16,
    code: &'static str,
    /// What the message must mention.
    mentions: &'static str,
}

/// Noticed in a different way by each version of the signature.
pub(crate) const WRONG_SECRET: Refusal = Refusal {
    name: "wrong secret",
    call: "wrong_secret",
    status: 401,
    code: "SignatureNotMatch",
    mentions: "not matched",
};

/// What any key is refused.
pub(crate) const ALL: [Refusal; 6] = [
    WRONG_SECRET,
    Refusal {
        name: "unknown key",
        call: "unknown_key",
        status: 401,
        code: "Unauthorized",
        mentions: "nobody",
    },
    Refusal {
        name: "broken SPL",
        call: "broken_spl",
        status: 400,
        code: "ParameterInvalid",
        // Where the type of the cast is missing.
        mentions: "at line 1, column 25",
    },
    Refusal {
        name: "missing logstore",
        call: "missing_logstore",
        status: 404,
        code: "LogStoreNotExist",
        mentions: "missing",
    },
    Refusal {
        name: "missing project",
        call: "missing_project",
        status: 404,
        code: "ProjectNotExist",
        mentions: "missing",
    },
    Refusal {
        name: "existing logstore",
        call: "existing_logstore",
        status: 400,
        code: "LogStoreAlreadyExist",
        mentions: "refusal-existing",
    },
];

/// What a temporary key is refused besides.
pub(crate) const TEMPORARY: [Refusal; 2] = [
    Refusal {
        name: "another token",
        call: "wrong_token",
        status: 401,
        code: "Unauthorized",
        mentions: "security token",
    },
    Refusal {
        name: "no token",
        call: "no_token",
        status: 401,
        code: "Unauthorized",
        mentions: "security token",
    },
];

impl Refusal {
    /// Python's exception has the server's status, code, message and request id.
    pub(crate) async fn arrives(&self, world: &World, access: &Access) -> Result<u64> {
        let logstore = format!("refusal-{}-{access}", self.call).replace([' ', ',', '_'], "-");
        world.logstore(&logstore, 1).await?;
        let program = world.program(access, &logstore, "refusal.py", [self.call]);
        let answer = program.answer("").await?;
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
