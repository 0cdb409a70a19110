use serde_json::Value;
use sls_core::sign::v4::content_sha256;
use sls_core::wire::Compression;

use super::{byte_difference, from_base64, text};

/// The recorded body is undone, and what we make of the same bytes is, too.
pub(super) fn both_ways(case: &Value) -> Option<String> {
    check(case).err()
}

fn check(case: &Value) -> Result<(), String> {
    let name = text(case, "algorithm")?;
    let compression =
        Compression::from_name(name).ok_or_else(|| format!("compression {name:?} is not known"))?;
    let raw_size = case["raw_size"]
        .as_u64()
        .ok_or("the case has no raw_size")?;
    let raw_size = usize::try_from(raw_size).map_err(|cause| cause.to_string())?;
    let undo = |body: &[u8]| {
        compression
            .decompress(body, raw_size, 64 << 20)
            .map_err(|error| error.to_string())
    };
    let raw = undo(&from_base64(text(case, "compressed_b64")?)?)?;
    if let Some(want) = case["raw_sha256"].as_str() {
        if content_sha256(&raw) != want {
            return Err("the decompressed body has another hash".to_owned());
        }
    }
    if let Some(want) = case["raw_b64"].as_str() {
        if let Some(difference) = byte_difference(&from_base64(want)?, &raw) {
            return Err(format!("decompressed: {difference}"));
        }
    }
    let again = undo(&compression.compress(&raw))?;
    byte_difference(&raw, &again).map_or(Ok(()), |difference| {
        Err(format!("compressed and decompressed: {difference}"))
    })
}
