use super::LogId;

/// Changes that are made together or not at all.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(super) written: Vec<(String, Vec<u8>)>,
    pub(super) erased: Vec<String>,
    pub(super) erased_under: Vec<String>,
    pub(super) removed: Vec<LogId>,
}

impl Changes {
    /// Puts a fact under a name, in place of what was known under it.
    pub(crate) fn write(mut self, name: impl Into<String>, fact: Vec<u8>) -> Self {
        self.written.push((name.into(), fact));
        self
    }

    /// Forgets what is known under a name.
    pub(crate) fn erase(mut self, name: impl Into<String>) -> Self {
        self.erased.push(name.into());
        self
    }

    /// Forgets what is known under every name that begins so.
    pub(crate) fn erase_under(mut self, prefix: impl Into<String>) -> Self {
        self.erased_under.push(prefix.into());
        self
    }

    /// Deletes a log; readers that still hold it may find it empty or as it was.
    pub(crate) fn remove(mut self, log: LogId) -> Self {
        self.removed.push(log);
        self
    }
}
