//! The service's error codes, and what another try can do about each.

use std::fmt;

/// What another try of the same request can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// Nothing: the same request gets the same refusal.
    Never,
    /// Succeed after a short wait.
    Backoff,
    /// Succeed once less is asked for: wait a second or more.
    Quota,
    /// Succeed when signed with the right time.
    ClockSkew,
    /// Succeed with fresh credentials.
    Credentials,
}

impl RetryClass {
    /// The class of a refusal: by its code where that is known, by its status otherwise.
    pub fn of_refusal(code: &ErrorCode, status: u16) -> Self {
        code.row()
            .map_or_else(|| Self::of_status(status), |row| row.2)
    }

    /// The class of an answer without a code, for instance a gateway's page.
    pub fn of_status(status: u16) -> Self {
        match status {
            429 => Self::Quota,
            408 | 500 | 502 | 503 | 504 => Self::Backoff,
            _ => Self::Never,
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident: $class:ident = $text:literal $(| $other:literal)*;)*) => {
        /// The service's own name for a refusal.
        ///
        /// Some have two spellings in the wild; both parse into one variant. A code this
        /// version does not know is kept as it came.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
            /// A code this version does not know.
            Other(String),
        }

        const CODES: &[(ErrorCode, &[&str], RetryClass)] = &[
            $((ErrorCode::$name, &[$text $(, $other)*], RetryClass::$class),)*
        ];
    };
}

codes! {
    /// A parameter is missing or out of range; the message says which.
    ParameterInvalid: Never = "ParameterInvalid" | "InvalidParameter";
    /// The request is malformed.
    BadRequest: Never = "BadRequest";
    /// The operation is not supported here.
    NotSupported: Never = "NotSupported";
    /// The path or method does not exist.
    InvalidMethod: Never = "InvalidMethod";
    /// A body without `Content-Type`.
    MissingContentType: Never = "MissingContentType";
    /// A `Content-Type` that is not accepted.
    InvalidContentType: Never = "InvalidContentType";
    /// A body without `Content-Length`.
    MissingContentLength: Never = "MissingContentLength";
    /// A compressed body without `x-log-bodyrawsize`.
    MissingBodyRawSize: Never = "MissingBodyRawSize";
    /// `x-log-bodyrawsize` is not a size.
    InvalidBodyRawSize: Never = "InvalidBodyRawSize";
    /// An `x-log-compresstype` that is not known.
    InvalidCompressType: Never = "InvalidCompressType";
    /// No `Host`.
    MissingHost: Never = "MissingHost";
    /// No `Date`.
    MissingDate: Never = "MissingDate";
    /// `Date` cannot be read.
    InvalidDateFormat: Never = "InvalidDateFormat" | "InvalidRequestTime";
    /// No `x-log-apiversion`.
    MissingApiVersion: Never = "MissingAPIVersion";
    /// An `x-log-apiversion` that is not known.
    InvalidApiVersion: Never = "InvalidAPIVersion";
    /// No `Authorization`, or one of an unknown kind.
    MissAccessKeyId: Never = "MissAccessKeyId";
    /// No `x-log-signaturemethod`.
    MissingSignatureMethod: Never = "MissingSignatureMethod";
    /// An `x-log-signaturemethod` that is not known.
    InvalidSignatureMethod: Never = "InvalidSignatureMethod";
    /// The request's time is more than 15 minutes away from the service's.
    RequestTimeExpired: ClockSkew = "RequestTimeExpired";
    /// The same, as older regions call it.
    RequestTimeTooSkewed: ClockSkew = "RequestTimeTooSkewed";
    /// The signature does not fit the request: a wrong secret, or a request changed on its way.
    SignatureNotMatch: Never = "SignatureNotMatch";
    /// The key may not do this, is disabled or unknown, or its token has expired.
    Unauthorized: Credentials = "Unauthorized";
    /// The key does not exist or is disabled.
    InvalidAccessKeyId: Credentials = "InvalidAccessKeyId" | "InvalidAccessKeyId.NotFound";
    /// The token of temporary credentials has expired.
    SecurityTokenExpired: Credentials = "SecurityTokenExpired" | "SecurityToken.Expired";
    /// The project's write quota is used up for now.
    WriteQuotaExceed: Quota = "WriteQuotaExceed";
    /// The project's read quota is used up for now.
    ReadQuotaExceed: Quota = "ReadQuotaExceed";
    /// The shard's write quota is used up for now.
    ShardWriteQuotaExceed: Quota = "ShardWriteQuotaExceed";
    /// The shard's read quota is used up for now.
    ShardReadQuotaExceed: Quota = "ShardReadQuotaExceed";
    /// A quota is used up for now.
    ExceedQuota: Quota = "ExceedQuota";
    /// The project is closed, for instance for an unpaid bill.
    ProjectForbidden: Never = "ProjectForbidden";
    /// There is no such project.
    ProjectNotExist: Never = "ProjectNotExist" | "ProjectNotExists";
    /// There is one of this name already.
    ProjectAlreadyExist: Never = "ProjectAlreadyExist";
    /// The account has as many projects as it may have.
    ProjectQuotaExceed: Never = "ProjectQuotaExceed";
    /// There is no such logstore.
    LogStoreNotExist: Never = "LogStoreNotExist" | "LogstoreNotExists";
    /// There is one of this name already.
    LogStoreAlreadyExist: Never = "LogStoreAlreadyExist";
    /// The logstore's name or settings are not acceptable.
    LogStoreInfoInvalid: Never = "LogStoreInfoInvalid";
    /// The logstore has no shard to write to.
    LogStoreWithoutShard: Never = "LogStoreWithoutShard";
    /// There is no such shard.
    ShardNotExist: Never = "ShardNotExist" | "ShardNotExsit";
    /// The cursor is garbage, from another shard, or older than what is kept.
    InvalidCursor: Never = "InvalidCursor";
    /// The logs cannot be read.
    PostBodyInvalid: Never = "PostBodyInvalid";
    /// The logs are more than one put may hold.
    PostBodyTooLarge: Never = "PostBodyTooLarge";
    /// The body does not decompress into what was announced.
    PostBodyUncompressError: Never = "PostBodyUncompressError";
    /// A log's time is outside the accepted window.
    InvalidTimestamp: Never = "InvalidTimestamp";
    /// A value is not UTF-8.
    InvalidEncoding: Never = "InvalidEncoding";
    /// A key may not be used.
    InvalidKey: Never = "InvalidKey";
    /// The logstore has no index.
    IndexConfigNotExist: Never = "IndexConfigNotExist";
    /// The logstore has an index already.
    IndexAlreadyExist: Never = "IndexAlreadyExist";
    /// The index settings are not acceptable.
    IndexInfoInvalid: Never = "IndexInfoInvalid";
    /// A query's time range is not acceptable.
    InvalidTimeRange: Never = "InvalidTimeRange";
    /// A query cannot be read.
    InvalidQueryString: Never = "InvalidQueryString";
    /// A query's offset is out of range.
    InvalidOffset: Never = "InvalidOffset";
    /// A query asks for more logs than one answer holds.
    InvalidLine: Never = "InvalidLine";
    /// A query's order is neither forward nor reverse.
    InvalidReverse: Never = "InvalidReverse";
    /// What is asked of a logstore is none of the things one can ask.
    InvalidLogStoreQuery: Never = "InvalidLogStoreQuery";
    /// There is no such consumer group.
    ConsumerGroupNotExist: Never = "ConsumerGroupNotExist";
    /// There is one of this name already.
    ConsumerGroupAlreadyExist: Never = "ConsumerGroupAlreadyExist";
    /// The consumer is unknown or has expired.
    ConsumerNotExist: Never = "ConsumerNotExist" | "ConsumerNotExsit";
    /// The shard is held by another consumer.
    ConsumerNotMatch: Never = "ConsumerNotMatch";
    /// A consumer that the service does not know said that it holds shards.
    NotExistConsumerWithBody: Never = "NotExistConsumerWithBody";
    /// A checkpoint is not Base64.
    InvalidShardCheckPoint: Never = "InvalidShardCheckPoint";
    /// A body is not the JSON it should be.
    JsonInfoInvalid: Never = "JsonInfoInvalid";
    /// There is no such consume processor.
    ConsumeProcessorNotExist: Never = "ConsumeProcessorNotExist";
    /// The service failed.
    InternalServerError: Backoff = "InternalServerError";
    /// The service is busy.
    ServerBusy: Backoff = "ServerBusy";
    /// The service took too long.
    RequestTimeout: Backoff = "RequestTimeout";
}

impl ErrorCode {
    /// Reads a code in any case and either spelling.
    pub fn parse(text: &str) -> Self {
        CODES
            .iter()
            .find(|(_, names, _)| names.iter().any(|name| name.eq_ignore_ascii_case(text)))
            .map_or_else(|| Self::Other(text.to_owned()), |row| row.0.clone())
    }

    /// The code in the service's spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => known.row().map_or("", |row| row.1[0]),
        }
    }

    /// Every code this version knows.
    pub fn known() -> impl Iterator<Item = &'static Self> {
        CODES.iter().map(|row| &row.0)
    }

    /// All spellings of the code in the wild, the service's own first.
    pub fn spellings(&self) -> &'static [&'static str] {
        self.row().map_or(&[], |row| row.1)
    }

    fn row(&self) -> Option<&'static (Self, &'static [&'static str], RetryClass)> {
        CODES.iter().find(|(code, _, _)| code == self)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_and_any_case_are_one_code() {
        for text in ["ShardNotExist", "ShardNotExsit", "shardnotexist"] {
            assert_eq!(ErrorCode::parse(text), ErrorCode::ShardNotExist);
        }
        assert_eq!(
            ErrorCode::parse("LogstoreNotExist"),
            ErrorCode::LogStoreNotExist
        );
    }

    #[test]
    fn every_code_is_read_back_from_its_own_name() {
        for (code, names, _) in CODES {
            for name in *names {
                assert_eq!(&ErrorCode::parse(name), code);
            }
            assert_eq!(code.to_string(), names[0]);
        }
    }

    #[test]
    fn an_unknown_code_is_kept_and_judged_by_its_status() {
        let code = ErrorCode::parse("SomethingNew");
        assert_eq!(code.to_string(), "SomethingNew");
        for (status, class) in [
            (400, RetryClass::Never),
            (403, RetryClass::Never),
            (404, RetryClass::Never),
            (408, RetryClass::Backoff),
            (429, RetryClass::Quota),
            (500, RetryClass::Backoff),
            (501, RetryClass::Never),
            (502, RetryClass::Backoff),
            (503, RetryClass::Backoff),
            (504, RetryClass::Backoff),
        ] {
            assert_eq!(RetryClass::of_refusal(&code, status), class, "{status}");
        }
    }

    #[test]
    fn a_known_code_counts_more_than_the_status() {
        let quota = ErrorCode::parse("WriteQuotaExceed");
        assert_eq!(RetryClass::of_refusal(&quota, 403), RetryClass::Quota);
        let forbidden = ErrorCode::parse("ProjectForbidden");
        assert_eq!(RetryClass::of_refusal(&forbidden, 403), RetryClass::Never);
        let skew = ErrorCode::parse("RequestTimeExpired");
        assert_eq!(RetryClass::of_refusal(&skew, 400), RetryClass::ClockSkew);
    }
}
