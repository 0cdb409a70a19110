use serde::Serialize;

use super::{Answer, Context};
use crate::refusal::Refusal;

/// How many logstores are listed unless told otherwise, as the manual has it.
const DEFAULT_SIZE: usize = 500;

#[derive(Serialize)]
struct Body {
    count: usize,
    total: usize,
    logstores: Vec<String>,
}

/// `GET /logstores`: those whose name holds the given text, of the given kind.
pub(super) fn perform(context: &Context<'_>) -> Result<Answer, Refusal> {
    let request = context.request;
    let (offset, size) = request.page(DEFAULT_SIZE)?;
    let name = request.parameter("logstoreName").unwrap_or_default();
    let kind = request.parameter("telemetryType");
    let logstores = context.face.engine.logstores(request.project()?)?;
    let names: Vec<_> = logstores
        .iter()
        .filter(|logstore| logstore.name().contains(name))
        .filter(|logstore| kind.is_none_or(|kind| logstore.config().telemetry_type == kind))
        .map(|logstore| logstore.name().to_owned())
        .collect();
    let total = names.len();
    let logstores: Vec<_> = names.into_iter().skip(offset).take(size).collect();
    Answer::json(&Body {
        count: logstores.len(),
        total,
        logstores,
    })
}
