//! The bytes a client meant, out of those it sent.

use bytes::Bytes;
use http::header;
use sls_core::wire::{Compression, DecompressError, headers};

use super::request::Request;
use crate::engine::Packed;
use crate::refusal::Refusal;

/// The body before compression, at most `limit` bytes.
///
/// `x-log-bodyrawsize` counts only when the body is compressed: clients write 0 beside a
/// plain JSON body. Nothing is allocated before the announced size is within the limit and
/// within what the body can expand to.
pub(crate) fn raw(request: &Request, limit: usize) -> Result<Bytes, Refusal> {
    if !request.body.is_empty() && !request.headers.contains_key(header::CONTENT_TYPE) {
        return Err(Refusal::bad(
            "MissingContentType",
            "Content-Type does not exist in http header when body is not empty.",
        ));
    }
    untyped(request, limit)
}

/// The body as it came, when it came compressed. Only for one that was found to be fine.
pub(crate) fn packed(request: &Request) -> Option<Packed> {
    if !request.is_compressed() {
        return None;
    }
    let name = request.header(&headers::COMPRESS_TYPE)?;
    Some(Packed {
        compression: Compression::from_name(name)?,
        bytes: request.body.clone(),
    })
}

/// The same for a body whose kind nobody states.
pub(crate) fn untyped(request: &Request, limit: usize) -> Result<Bytes, Refusal> {
    let body = &request.body;
    if !request.is_compressed() {
        if body.len() > limit {
            return Err(too_large(body.len(), limit));
        }
        return Ok(body.clone());
    }
    let name = request.header(&headers::COMPRESS_TYPE).unwrap_or_default();
    let compression = Compression::from_name(name).ok_or_else(|| {
        let message = format!("x-log-compresstype {name} is unsupported.");
        Refusal::bad("InvalidCompressType", message)
    })?;
    let raw_size = raw_size(request)?;
    match compression.decompress(body, raw_size, limit) {
        Ok(raw) => Ok(Bytes::from(raw)),
        Err(DecompressError::TooLarge { raw_size, limit }) => Err(too_large(raw_size, limit)),
        Err(cause) => Err(Refusal::bad(
            "PostBodyUncompressError",
            format!("body cannot be decompressed: {cause}"),
        )),
    }
}

fn raw_size(request: &Request) -> Result<usize, Refusal> {
    let text = request.headers.get(headers::BODY_RAW_SIZE).ok_or_else(|| {
        Refusal::bad(
            "MissingBodyRawSize",
            "x-log-bodyrawsize does not exist in http header when body is compressed.",
        )
    })?;
    let digits = text.to_str().map(str::trim).unwrap_or_default();
    let size = digits
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| digits.parse().ok());
    size.flatten().ok_or_else(|| {
        Refusal::bad(
            "InvalidBodyRawSize",
            "x-log-bodyrawsize is not a size in bytes.",
        )
    })
}

/// The refusal of a body that is too large before compression.
pub(crate) fn too_large(bytes: usize, limit: usize) -> Refusal {
    Refusal::bad(
        "PostBodyTooLarge",
        format!("body of {bytes} bytes is over the limit of {limit}"),
    )
}
