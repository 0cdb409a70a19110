use serde_json::json;

use super::{Answer, Context};
use crate::engine::search::Around;
use crate::refusal::Refusal;

/// The most logs before, and the most after.
const MAX_LINES: usize = 100;

/// `GET /logstores/{logstore}?type=context_log&pack_id=..&pack_meta=..&back_lines=..&forward_lines=..`
pub(super) fn perform(context: &Context<'_>, logstore: &str) -> Result<Answer, Refusal> {
    let request = context.request;
    let logstore = context.logstore(logstore)?;
    let text = |name| {
        let missing = || Refusal::parameter(format!("parameter {name} is missing"));
        request.parameter(name).ok_or_else(missing)
    };
    let lines = |name| match request.number::<usize>(name)? {
        Some(lines) if lines > MAX_LINES => {
            let message = format!("{name} must be 0 to {MAX_LINES}");
            Err(Refusal::parameter(message))
        }
        lines => Ok(lines.unwrap_or(0)),
    };
    let around = Around {
        pack_id: text("pack_id")?,
        meta: text("pack_meta")?.parse()?,
        back: lines("back_lines")?,
        forward: lines("forward_lines")?,
    };
    if around.back + around.forward == 0 {
        let message = "back_lines and forward_lines must not both be 0";
        return Err(Refusal::parameter(message));
    }
    logstore.check_index()?;
    let found = around.run(&logstore, context.now)?;
    Answer::json(&json!({
        "progress": "Complete",
        "total_lines": found.logs.len(),
        "back_lines": found.back,
        "forward_lines": found.forward,
        "logs": found.logs,
    }))
}
