//! Input: a list of log groups.

use serde_json::Value;

use crate::groups::Group;
use crate::session::{Result, Session, input};

pub(crate) async fn run(session: &mut Session) -> Result<Value> {
    for group in input::<Vec<Group>>()? {
        let put = session
            .client
            .put_logs(&session.project, &session.logstore)
            .log_group(group.into());
        session.call(put.send()).await?;
    }
    Ok(Value::Null)
}
