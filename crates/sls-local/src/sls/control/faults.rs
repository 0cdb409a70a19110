use http::Method;
use serde::{Deserialize as _, Serialize};
use serde_json::{Map, Value};

use super::{Answer, Face, Request, json};
use crate::fault::{Fault, FaultId};
use crate::refusal::Refusal;

/// The most faults that can be in force this way.
const MAX_FAULTS: usize = 1000;

#[derive(Serialize)]
struct Listed {
    id: FaultId,
    #[serde(flatten)]
    fault: Fault,
}

#[derive(Serialize)]
struct Added {
    id: FaultId,
}

/// `POST`, `GET` and `DELETE /_local/faults`
pub(super) fn perform(face: &Face, request: &Request) -> Result<Answer, Refusal> {
    match request.method {
        Method::POST => {
            let fault = read(json(request)?)?;
            if face.faults.list().len() >= MAX_FAULTS {
                let message = format!("there are {MAX_FAULTS} faults already");
                return Err(Refusal::quota("ExceedQuota", message));
            }
            let id = face.faults.add(fault);
            Answer::json(&Added { id })
        }
        Method::GET => {
            let kept = face.faults.list().into_iter();
            let listed: Vec<_> = kept.map(|(id, fault)| Listed { id, fault }).collect();
            Answer::json(&listed)
        }
        Method::DELETE => {
            match request.number("id")? {
                Some(id) if !face.faults.remove(FaultId(id)) => {
                    let message = format!("there is no fault {id}");
                    return Err(Refusal::missing("FaultNotExist", message));
                }
                Some(_) => {}
                None => face.faults.clear(),
            }
            Ok(Answer::empty())
        }
        _ => Err(Refusal::method(&request.path)),
    }
}

/// A misspelt member would make a fault wider than it was meant, so it is refused.
fn read(given: Map<String, Value>) -> Result<Fault, Refusal> {
    let refused = |cause: serde_json::Error| Refusal::parameter(format!("no fault: {cause}"));
    let fault = Fault::deserialize(Value::Object(given.clone())).map_err(refused)?;
    let known = serde_json::to_value(&fault).map_err(refused)?;
    match given.keys().find(|name| known.get(name).is_none()) {
        Some(name) => Err(Refusal::parameter(format!(
            "a fault has no member {name:?}"
        ))),
        None => {
            let checked = fault.check();
            checked.map_err(|cause| Refusal::parameter(cause.to_string()))?;
            Ok(fault)
        }
    }
}
