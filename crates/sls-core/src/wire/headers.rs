//! Names of the service's headers.

use http::HeaderName;

macro_rules! headers {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        $($(#[$doc])* pub const $name: HeaderName = HeaderName::from_static($text);)*
    };
}

headers! {
    /// Version of the interface, always [`API_VERSION_VALUE`].
    API_VERSION = "x-log-apiversion";
    /// `hmac-sha1`, in signature version 1 only.
    SIGNATURE_METHOD = "x-log-signaturemethod";
    /// Size of the body before compression, in bytes; 0 when there is none.
    BODY_RAW_SIZE = "x-log-bodyrawsize";
    /// `lz4`, `zstd` or `deflate`; absent for a plain body.
    COMPRESS_TYPE = "x-log-compresstype";
    /// Version 1: a copy of `Date` that is not signed. Version 4: the signed time.
    LOG_DATE = "x-log-date";
    /// SHA-256 of the body as sent, lower-case hexadecimal, in signature version 4 only.
    CONTENT_SHA256 = "x-log-content-sha256";
    /// MD5 of the body as sent, upper-case hexadecimal, in signature version 1 only.
    CONTENT_MD5 = "content-md5";
    /// The token of temporary credentials; signed.
    SECURITY_TOKEN = "x-acs-security-token";
    /// Identifies the call; on every answer.
    REQUEST_ID = "x-log-requestid";
    /// The cursor behind the answered log groups.
    CURSOR = "x-log-cursor";
    /// How many log groups (or logs, or topics) the answer holds.
    COUNT = "x-log-count";
    /// Position of the last answered log group, a decimal number.
    READ_LAST_CURSOR = "x-log-read-last-cursor";
    /// `1` when the read reached the end of the shard.
    END_OF_CURSOR = "x-log-end-of-cursor";
    /// When the log group at the cursor was received, in seconds since the Unix epoch.
    CURSOR_TIME = "x-log-cursor-time";
    /// Bytes scanned before the query.
    RAW_DATA_SIZE = "x-log-rawdatasize";
    /// Log groups scanned before the query.
    RAW_DATA_COUNT = "x-log-rawdatacount";
    /// Logs scanned before the query.
    RAW_DATA_LINES = "x-log-rawdatalines";
    /// Logs that the query gave.
    RESULT_LINES = "x-log-resultlines";
    /// Logs in which the query met a data error.
    FAILED_LINES = "x-log-failedlines";
    /// `Complete`, or `Incomplete` when a query ran out of time.
    PROGRESS = "x-log-progress";
    /// Logs that a query looked at.
    PROCESSED_ROWS = "x-log-processed-rows";
    /// How long a query took, in milliseconds.
    ELAPSED_MILLISECOND = "x-log-elapsed-millisecond";
    /// Whether a query has SQL.
    HAS_SQL = "x-log-has-sql";
    /// The part of a query before the `|`.
    WHERE_QUERY = "x-log-where-query";
    /// The part of a query after the `|`.
    AGG_QUERY = "x-log-agg-query";
    /// Processor time that SQL took, in seconds.
    CPU_SEC = "x-log-cpu-sec";
    /// Processors that SQL ran on.
    CPU_CORES = "x-log-cpu-cores";
    /// How far a scan or a phrase search got, as JSON.
    QUERY_INFO = "x-log-query-info";
    /// Where a list of topics goes on.
    NEXT_TOKEN = "x-log-nexttoken";
}

/// The one version of the interface that is in use.
pub const API_VERSION_VALUE: &str = "0.6.0";
/// The content type of log data.
pub const PROTOBUF: &str = "application/x-protobuf";
/// The content type of everything else.
pub const JSON: &str = "application/json";
