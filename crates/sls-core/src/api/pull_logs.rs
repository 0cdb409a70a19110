use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, header};

use super::{ApiReply, ApiRequest, InvalidReply, Name, Operation, Sealed};
use crate::model::{Cursor, ShardId};
use crate::wire::{Compression, GroupList, GroupListView, headers};

/// Reads the next log groups of one shard.
///
/// Refused with `InvalidCursor` once the cursor has outlived what the logstore keeps, and
/// with `ParameterInvalid` when the query is not acceptable; the message then says where.
#[derive(Debug, Clone)]
pub struct PullLogs {
    project: String,
    logstore: String,
    shard: ShardId,
    cursor: Cursor,
    count: u32,
    end_cursor: Option<Cursor>,
    processing: Option<Processing>,
    accept: Compression,
    max_raw_size: usize,
}

/// What the service does with logs before it sends them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Processing {
    /// Runs this SPL text, for instance `* | where status = '404'`.
    Query(String),
    /// Runs the SPL that is stored under this name as a consume processor.
    Processor(String),
}

impl PullLogs {
    /// How many log groups are asked for unless told otherwise; also the most.
    pub const DEFAULT_COUNT: u32 = 1000;
    /// The largest decompressed answer accepted unless told otherwise: 64 MiB, several
    /// times what the service is known to send.
    pub const DEFAULT_MAX_RAW_SIZE: usize = 64 << 20;

    /// Reads from `cursor` on.
    pub fn new(
        project: impl Into<String>,
        logstore: impl Into<String>,
        shard: ShardId,
        cursor: Cursor,
    ) -> Self {
        Self {
            project: project.into(),
            logstore: logstore.into(),
            shard,
            cursor,
            count: Self::DEFAULT_COUNT,
            end_cursor: None,
            processing: None,
            accept: Compression::default(),
            max_raw_size: Self::DEFAULT_MAX_RAW_SIZE,
        }
    }

    /// Asks for at most this many log groups, 1 to 1000. Default: 1000.
    #[must_use]
    pub fn with_count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// Stops in front of this cursor.
    #[must_use]
    pub fn with_end_cursor(mut self, cursor: Cursor) -> Self {
        self.end_cursor = Some(cursor);
        self
    }

    /// Has the service filter and change the logs. Default: nothing; a blank query is nothing.
    #[must_use]
    pub fn with_processing(mut self, processing: Processing) -> Self {
        let blank = matches!(&processing, Processing::Query(query) if query.trim().is_empty());
        self.processing = (!blank).then_some(processing);
        self
    }

    /// Has the service run an SPL query over the logs, see [`Processing::Query`].
    #[must_use]
    pub fn with_query(self, query: impl Into<String>) -> Self {
        self.with_processing(Processing::Query(query.into()))
    }

    /// The compression the answer may have. Default: LZ4.
    #[must_use]
    pub fn with_accept(mut self, compression: Compression) -> Self {
        self.accept = compression;
        self
    }

    /// The largest answer accepted after decompression, in bytes. Default: 64 MiB.
    #[must_use]
    pub fn with_max_raw_size(mut self, bytes: usize) -> Self {
        self.max_raw_size = bytes;
        self
    }
}

impl Sealed for PullLogs {}

impl Operation for PullLogs {
    type Reply = PulledLogs;
    const NAME: &'static str = "PullLogs";

    fn project(&self) -> &str {
        &self.project
    }

    fn resource(&self) -> String {
        format!("{}/{} shard {}", self.project, self.logstore, self.shard)
    }

    fn encode(&self) -> ApiRequest {
        let path = format!("/logstores/{}/shards/{}", Name(&self.logstore), self.shard);
        let accept = HeaderValue::from_static(self.accept.name().unwrap_or(""));
        let mut request = ApiRequest::new(Method::GET, path)
            .with_header(header::ACCEPT, HeaderValue::from_static(headers::PROTOBUF))
            .with_header(header::ACCEPT_ENCODING, accept)
            .with_query("type", "log")
            .with_query("cursor", self.cursor.as_str().to_owned())
            .with_query("count", self.count.to_string());
        if let Some(cursor) = &self.end_cursor {
            request = request.with_query("end_cursor", cursor.as_str().to_owned());
        }
        match &self.processing {
            Some(Processing::Query(query)) => request
                .with_query("pullMode", "scan_on_stream")
                .with_query("query", query.clone()),
            Some(Processing::Processor(name)) => request.with_query("processor", name.clone()),
            None => request,
        }
    }

    fn decode(&self, reply: &ApiReply) -> Result<PulledLogs, InvalidReply> {
        let next_cursor = reply
            .text(&headers::CURSOR)
            .filter(|text| !text.is_empty())
            .map(Cursor::from)
            .ok_or_else(|| InvalidReply::new(format!("header {} is missing", headers::CURSOR)))?;
        let group_count: usize = reply.number(&headers::COUNT)?;
        let raw_size: usize = reply.number(&headers::BODY_RAW_SIZE)?;
        let body = match raw_size {
            // There is no body then, whatever follows.
            0 => Bytes::new(),
            raw_size => reply.decompress(raw_size, self.max_raw_size)?,
        };
        let list = GroupList::parse(body)
            .map_err(|cause| InvalidReply::because("body is not a list of log groups", cause))?;
        let arrived = list.view().group_count();
        if arrived != group_count {
            return Err(InvalidReply::new(format!(
                "{arrived} log groups arrived where {group_count} were announced"
            )));
        }
        Ok(PulledLogs {
            cursor: self.cursor.clone(),
            next_cursor,
            end_of_cursor: reply
                .number_if_any::<u8>(&headers::END_OF_CURSOR)
                .map(|flag| flag != 0),
            read_last_cursor: reply.number_if_any(&headers::READ_LAST_CURSOR),
            cursor_time: reply.number_if_any(&headers::CURSOR_TIME),
            scan: ScanStats::of(reply),
            list,
        })
    }
}

/// Log groups of one shard, and where the next ones are.
///
/// Holds the decompressed bytes; [`groups`](Self::groups) hands out views of them, and
/// clones share them.
#[derive(Clone, PartialEq, Eq)]
pub struct PulledLogs {
    cursor: Cursor,
    next_cursor: Cursor,
    end_of_cursor: Option<bool>,
    read_last_cursor: Option<u64>,
    cursor_time: Option<u64>,
    scan: Option<ScanStats>,
    list: GroupList,
}

impl PulledLogs {
    /// The cursor that was read from.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Where to read on. Equal to [`cursor`](Self::cursor) when there was nothing new.
    ///
    /// With a query it moves over what the query dropped, so it can move while nothing
    /// was answered.
    pub fn next_cursor(&self) -> &Cursor {
        &self.next_cursor
    }

    /// Whether the cursor stood still: the reader has caught up.
    pub fn is_caught_up(&self) -> bool {
        self.cursor == self.next_cursor
    }

    /// Whether the read reached the end of the shard, when the service says so.
    pub fn end_of_cursor(&self) -> Option<bool> {
        self.end_of_cursor
    }

    /// The log groups.
    pub fn groups(&self) -> GroupListView<'_> {
        self.list.view()
    }

    /// How many log groups there are.
    pub fn group_count(&self) -> usize {
        self.list.view().group_count()
    }

    /// How many logs there are in all groups together.
    pub fn log_count(&self) -> usize {
        self.list.view().log_count()
    }

    /// The size of the groups before compression, in bytes.
    pub fn raw_size(&self) -> usize {
        self.list.as_bytes().len()
    }

    /// The position of the last log group, when the service says so.
    ///
    /// Without a query, group `i` of `n` has the position `last - n + 1 + i`.
    pub fn read_last_cursor(&self) -> Option<u64> {
        self.read_last_cursor
    }

    /// When the service received the log group at the cursor, in seconds since the Unix epoch.
    pub fn cursor_time(&self) -> Option<u64> {
        self.cursor_time
    }

    /// What the query read to give this, when there was a query.
    pub fn scan(&self) -> Option<&ScanStats> {
        self.scan.as_ref()
    }
}

impl fmt::Debug for PulledLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PulledLogs")
            .field("cursor", &self.cursor)
            .field("next_cursor", &self.next_cursor)
            .field("groups", &self.group_count())
            .field("logs", &self.log_count())
            .field("raw_size", &self.raw_size())
            .field("end_of_cursor", &self.end_of_cursor)
            .field("scan", &self.scan)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for PulledLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} logs in {} log groups ({} bytes), next cursor {}",
            self.log_count(),
            self.group_count(),
            self.raw_size(),
            self.next_cursor
        )?;
        match &self.scan {
            Some(scan) => write!(f, "; {scan}"),
            None => Ok(()),
        }
    }
}

/// What a query read before it gave its result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScanStats {
    /// Log groups read.
    pub groups: u64,
    /// Bytes read, before compression.
    pub bytes: u64,
    /// Logs read, when the service says so.
    pub lines: Option<u64>,
    /// Logs given, when the service says so.
    pub result_lines: Option<u64>,
    /// Logs in which an expression failed, when the service says so.
    pub failed_lines: Option<u64>,
}

impl ScanStats {
    fn of(reply: &ApiReply) -> Option<Self> {
        Some(Self {
            groups: reply.number_if_any(&headers::RAW_DATA_COUNT)?,
            bytes: reply.number_if_any(&headers::RAW_DATA_SIZE)?,
            lines: reply.number_if_any(&headers::RAW_DATA_LINES),
            result_lines: reply.number_if_any(&headers::RESULT_LINES),
            failed_lines: reply.number_if_any(&headers::FAILED_LINES),
        })
    }
}

impl fmt::Display for ScanStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "scanned {} log groups ({} bytes",
            self.groups, self.bytes
        )?;
        for (name, lines) in [
            ("logs", self.lines),
            ("matched", self.result_lines),
            ("failed", self.failed_lines),
        ] {
            if let Some(lines) = lines {
                write!(f, ", {lines} {name}")?;
            }
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::model::{Log, LogGroup};
    use crate::wire::{EncodedGroup, GroupListEncoder};
    use http::{HeaderMap, HeaderName, StatusCode};

    fn pull() -> PullLogs {
        PullLogs::new("p", "l", ShardId(3), Cursor::at_position(1))
    }

    fn body() -> Vec<u8> {
        let group = LogGroup::new(vec![Log::at(1).with("status", "404".repeat(50))]);
        let mut list = GroupListEncoder::new();
        list.push(EncodedGroup::from(&group).as_bytes());
        list.into_bytes()
    }

    fn reply(raw_size: usize, compression: &'static str, body: Vec<u8>) -> ApiReply {
        let mut headers = HeaderMap::new();
        headers.insert(headers::CURSOR, HeaderValue::from_static("Mg=="));
        headers.insert(headers::COUNT, HeaderValue::from_static("1"));
        headers.insert(headers::BODY_RAW_SIZE, HeaderValue::from(raw_size));
        headers.insert(
            headers::COMPRESS_TYPE,
            HeaderValue::from_static(compression),
        );
        ApiReply {
            status: StatusCode::OK,
            headers,
            body: body.into(),
        }
    }

    #[track_caller]
    fn check_refused(reply: &ApiReply, want: &str) {
        let error = pull().read(reply).unwrap_err();
        let Error::BadAnswer { reason, cause, .. } = &error else {
            panic!("{error}");
        };
        let text = format!("{reason}: {cause:?}");
        assert!(text.contains(want), "{text}");
    }

    #[test]
    fn a_lying_answer_is_refused_by_kind() {
        let raw = body();
        let size = raw.len();
        let lz4 = Compression::Lz4.compress(&raw);
        assert!(pull().read(&reply(size, "lz4", lz4.clone())).is_ok());
        check_refused(&reply(size + 1, "lz4", lz4.clone()), "decompressed");
        check_refused(&reply(size - 1, "lz4", lz4.clone()), "decompressed");
        check_refused(&reply(512 << 20, "lz4", lz4.clone()), "TooLarge");
        check_refused(&reply(32 << 20, "lz4", lz4.clone()), "Lying");
        check_refused(
            &reply(size, "lz4", lz4[..lz4.len() - 3].to_vec()),
            "decompressed",
        );
        check_refused(&reply(size, "brotli", lz4), "not known");
        check_refused(&reply(size + 9, "", raw.clone()), "Lying");
        check_refused(&reply(size - 9, "", raw.clone()), "WrongSize");
        check_refused(
            &reply(size - 9, "", raw[..size - 9].to_vec()),
            "list of log groups",
        );
    }

    #[test]
    fn a_missing_or_wrong_header_is_named() {
        let raw = body();
        let good = reply(raw.len(), "lz4", Compression::Lz4.compress(&raw));
        for (name, value, want) in [
            (headers::CURSOR, None, "x-log-cursor is missing"),
            (headers::COUNT, None, "x-log-count is missing"),
            (headers::COUNT, Some("x"), "x-log-count is not a number"),
            (headers::BODY_RAW_SIZE, None, "x-log-bodyrawsize is missing"),
            (
                headers::BODY_RAW_SIZE,
                Some("-1"),
                "x-log-bodyrawsize is not a number",
            ),
        ] {
            let mut bad = good.clone();
            change(&mut bad.headers, name, value);
            check_refused(&bad, want);
        }
    }

    #[test]
    fn a_batch_is_not_lost_to_a_header_that_only_comes_with_it() {
        let raw = body();
        let mut odd = reply(raw.len(), "lz4", Compression::Lz4.compress(&raw));
        for (name, value) in [
            (headers::RAW_DATA_COUNT, ""),
            (headers::READ_LAST_CURSOR, "-1"),
            (headers::END_OF_CURSOR, "true"),
        ] {
            change(&mut odd.headers, name, Some(value));
        }
        let pulled = pull().read(&odd).unwrap();
        assert_eq!(pulled.log_count(), 1);
        assert_eq!(
            (
                pulled.scan(),
                pulled.read_last_cursor(),
                pulled.end_of_cursor()
            ),
            (None, None, None)
        );
    }

    fn change(headers: &mut HeaderMap, name: HeaderName, value: Option<&'static str>) {
        match value {
            Some(value) => drop(headers.insert(name, HeaderValue::from_static(value))),
            None => drop(headers.remove(name)),
        }
    }

    #[test]
    fn a_wrong_count_of_groups_is_refused() {
        let mut lying = reply(0, "lz4", Vec::new());
        check_refused(&lying, "0 log groups arrived where 1 were announced");
        change(&mut lying.headers, headers::COUNT, Some("0"));
        let pulled = pull().read(&lying).unwrap();
        assert!(!pulled.is_caught_up());
        assert_eq!(
            pulled.to_string(),
            "0 logs in 0 log groups (0 bytes), next cursor Mg=="
        );
    }

    #[test]
    fn a_blank_query_is_no_query() {
        let request = pull().with_query(" \n").encode();
        assert!(
            request
                .query
                .iter()
                .all(|(key, _)| key != "query" && key != "pullMode")
        );
    }
}
