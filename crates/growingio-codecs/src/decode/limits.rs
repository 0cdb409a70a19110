use super::DecodeError;

/// How much a decoder takes before it gives up.
///
/// A body is not trusted: each limit is checked before memory is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct DecodeLimits {
    body_bytes: usize,
    records: usize,
    values: usize,
    depth: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            body_bytes: 16 << 20,
            records: 100_000,
            values: 1_000_000,
            depth: 32,
        }
    }
}

impl DecodeLimits {
    /// The largest body, before and after decompression. Default: 16 MiB.
    pub fn with_body_bytes(mut self, bytes: usize) -> Self {
        self.body_bytes = bytes;
        self
    }

    /// The most records. Default: 100 000, fifty times what the Python SDK sends at once.
    pub fn with_records(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// The most attributes and list elements in all records together. Default: a million.
    pub fn with_values(mut self, values: usize) -> Self {
        self.values = values;
        self
    }

    /// How deep lists and maps may be nested. Default: 32; more than 128 counts as 128.
    pub fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth.min(128);
        self
    }

    pub(super) fn check_body(&self, bytes: usize) -> Result<(), DecodeError> {
        if bytes <= self.body_bytes {
            return Ok(());
        }
        Err(DecodeError::TooLarge {
            bytes,
            limit: self.body_bytes,
        })
    }
}

/// What is left of the limits while a body is read.
#[derive(Debug)]
pub(super) struct Budget {
    limits: DecodeLimits,
    records: usize,
    values: usize,
}

impl Budget {
    pub(super) fn new(limits: &DecodeLimits) -> Self {
        Self {
            limits: *limits,
            records: 0,
            values: 0,
        }
    }

    /// Counts a record.
    pub(super) fn record(&mut self) -> Result<(), DecodeError> {
        count(&mut self.records, self.limits.records, "records")
    }

    /// Counts an attribute or a list element.
    pub(super) fn value(&mut self) -> Result<(), DecodeError> {
        count(&mut self.values, self.limits.values, "values")
    }

    /// The levels that are left below this one.
    pub(super) fn deeper(&self, depth: usize) -> Result<usize, DecodeError> {
        depth.checked_sub(1).ok_or(DecodeError::TooDeep {
            limit: self.limits.depth,
        })
    }

    /// Which record is being read, counted from 0.
    pub(super) fn current(&self) -> usize {
        self.records.saturating_sub(1)
    }

    pub(super) fn depth(&self) -> usize {
        self.limits.depth
    }
}

fn count(so_far: &mut usize, limit: usize, what: &'static str) -> Result<(), DecodeError> {
    if *so_far == limit {
        return Err(DecodeError::TooMany { what, limit });
    }
    *so_far += 1;
    Ok(())
}
