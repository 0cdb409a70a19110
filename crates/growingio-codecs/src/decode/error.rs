use crate::batch::Format;
use crate::route::Route;

/// Why a request cannot be decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The body is compressed in a way that is not known here.
    #[error("compression {0:?} is not known")]
    UnknownCompression(String),
    /// The body is obfuscated in a way that is not known here.
    #[error("obfuscation {0:?} is not known")]
    UnknownCrypt(String),
    /// The body is obfuscated, and nothing in the request tells the key.
    #[error("the body is obfuscated and the request has neither stm nor X-Timestamp")]
    NoKey,
    /// The body is, or would become, larger than is allowed.
    #[error("{bytes} bytes are more than the limit of {limit}")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// The compressed block is damaged, or is not one.
    #[error("not a snappy block")]
    BadBlock(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bytes are not of the format.
    #[error("malformed {format} at byte {offset}: {what}")]
    Malformed {
        /// What the body should be.
        format: Format,
        /// Where in the body, after decompression.
        offset: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A field of a record holds something that it cannot hold.
    #[error("{field} of record {record} {what}")]
    BadField {
        /// Which record, counted from 0.
        record: usize,
        /// The field's name on the wire.
        field: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Values are nested too deeply.
    #[error("values are nested more than {limit} deep")]
    TooDeep {
        /// The deepest allowed.
        limit: usize,
    },
    /// There is too much of something.
    #[error("there are more than {limit} {what}")]
    TooMany {
        /// What there is too much of: `records` or `values`.
        what: &'static str,
        /// How many are allowed.
        limit: usize,
    },
    /// The format has no form for the kind of record that the path asks for.
    #[error("{format} has no form for {route}")]
    NotCarried {
        /// The body's format.
        format: Format,
        /// The kind of record.
        route: Route,
    },
}
