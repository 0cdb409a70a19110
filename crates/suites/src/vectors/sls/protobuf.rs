use serde_json::Value;
use sls_core::model::LogGroup;
use sls_core::wire::{EncodedGroup, GroupListEncoder, GroupListView, GroupView};
use testkit::first_difference;

use super::logical::{group_json, parse_group};
use super::{byte_difference, from_hex, text};

/// One `LogGroup`: the recorded bytes are read, and written.
pub(super) fn log_group(case: &Value) -> Option<String> {
    let decode = |bytes: &[u8]| {
        let view = GroupView::parse(bytes).map_err(|error| error.to_string())?;
        Ok(vec![view.to_owned()])
    };
    let encode = |groups: &[LogGroup]| EncodedGroup::from(&groups[0]).into_bytes();
    both_ways(case, std::slice::from_ref(&case["logical"]), decode, encode).err()
}

/// One `LogGroupList`.
pub(super) fn log_group_list(case: &Value) -> Option<String> {
    let decode = |bytes: &[u8]| {
        let view = GroupListView::parse(bytes).map_err(|error| error.to_string())?;
        Ok(view.to_owned())
    };
    let encode = |groups: &[LogGroup]| {
        let mut list = GroupListEncoder::new();
        for group in groups {
            list.push(EncodedGroup::from(group).as_bytes());
        }
        list.into_bytes()
    };
    let logical = case["logical"].as_array().map_or(&[][..], Vec::as_slice);
    both_ways(case, logical, decode, encode).err()
}

fn both_ways(
    case: &Value,
    logical: &[Value],
    decode: impl Fn(&[u8]) -> Result<Vec<LogGroup>, String>,
    encode: impl Fn(&[LogGroup]) -> Vec<u8>,
) -> Result<(), String> {
    let bytes = from_hex(text(case, "hex")?)?;
    let decoded = decode(&bytes);
    if case["parses_in_official_sdk"] == Value::Bool(false) {
        return match decoded {
            Ok(_) => Err("malformed bytes were accepted".to_owned()),
            Err(_) => Ok(()),
        };
    }
    let decoded = decoded?;
    if case["logical"].is_null() {
        return Ok(());
    }
    let want: Vec<LogGroup> = logical.iter().map(parse_group).collect::<Result<_, _>>()?;
    let json = |groups: &[LogGroup]| groups.iter().map(group_json).collect::<Value>();
    if let Some(difference) = first_difference(&json(&want), &json(&decoded)) {
        return Err(format!("decoded: {difference}"));
    }
    if case["decode_only"] == Value::Bool(true) {
        return Ok(());
    }
    match byte_difference(&bytes, &encode(&want)) {
        Some(difference) => Err(format!("encoded: {difference}")),
        None => Ok(()),
    }
}
