use sls_core::model::Cursor;
use sls_core::wire::{GroupListEncoder, headers};

use super::{Answer, Context};
use crate::engine::spl::{self, Evaluated};
use crate::engine::{Pulled, unix_seconds};
use crate::fault::Target;
use crate::refusal::Refusal;
use crate::sls::request::shard_id;

/// How many groups are given unless told otherwise; also the most.
const MAX_COUNT: usize = 1000;

/// `GET /logstores/{logstore}/shards/{shard}?type=log&cursor={cursor}&count={count}`
///
/// `pullMode` is not looked at: half of the clients leave it out beside a query.
pub(super) fn perform(
    context: &Context<'_>,
    logstore: &str,
    shard: &str,
) -> Result<Answer, Refusal> {
    let request = context.request;
    let logstore = context.logstore(logstore)?;
    let shard = shard_id(shard)?;
    let cursor = request.cursor("cursor")?;
    let cursor = cursor.ok_or_else(|| Refusal::parameter("parameter cursor is missing"))?;
    let count = request.number("count")?.unwrap_or(MAX_COUNT);
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Refusal::parameter(format!(
            "count must be 1 to {MAX_COUNT}"
        )));
    }
    let end = match request.cursor("end_cursor")? {
        Some(end) => Some(end),
        None => request.cursor("endCursor")?,
    };
    if let Some(name) = request.parameter("processor") {
        return Err(super::no_processor(name));
    }
    // A broken query is refused before anything is read.
    let query = request.parameter("query");
    let program = query
        .map(|query| context.face.programs.compiled(query))
        .transpose()?;
    let pulled = logstore.pull(shard, cursor, count, end, context.now)?;
    let answer = match program {
        Some(program) => {
            let evaluated = spl::evaluate(&program, &pulled.records, context.now)?;
            answer_evaluated(context, evaluated)
        }
        None => {
            let mut list = GroupListEncoder::new();
            for record in &pulled.records {
                list.push(&record.group);
            }
            answer_groups(context, list)
        }
    };
    let target = Target {
        bytes: answer.body.len(),
        ..context.target
    };
    context.face.faults.spend(target, context.now);
    Ok(describe(answer, context, &pulled))
}

fn answer_evaluated(context: &Context<'_>, evaluated: Evaluated) -> Answer {
    answer_groups(context, evaluated.groups)
        .with(headers::RAW_DATA_SIZE, evaluated.scanned_bytes)
        .with(headers::RAW_DATA_COUNT, evaluated.scanned_groups)
        .with(headers::RAW_DATA_LINES, evaluated.scanned_lines)
        .with(headers::RESULT_LINES, evaluated.result_lines)
        .with(headers::FAILED_LINES, evaluated.failed_lines)
}

fn answer_groups(context: &Context<'_>, list: GroupListEncoder) -> Answer {
    let count = list.group_count();
    let accepted = context.request.accepts();
    Answer::compressed(&list.into_bytes(), accepted, headers::PROTOBUF).with(headers::COUNT, count)
}

/// Where the reading went.
fn describe(answer: Answer, context: &Context<'_>, pulled: &Pulled) -> Answer {
    let last = pulled.records.last();
    let cursor_time = last.map_or(context.now, |record| record.received);
    let answer = answer
        .with(headers::CURSOR, Cursor::at_position(pulled.next))
        .with(headers::END_OF_CURSOR, u8::from(pulled.end_of_shard))
        .with(headers::CURSOR_TIME, unix_seconds(cursor_time));
    match pulled.last() {
        Some(last) => answer.with(headers::READ_LAST_CURSOR, last),
        None => answer,
    }
}
