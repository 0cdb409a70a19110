//! A search: what is asked and what comes back.

mod meta;
mod request;
mod row;

pub use meta::{PhraseQueryInfo, Progress, QueryMeta, QueryMode, QueryTerm};
pub use request::LogQuery;
pub(crate) use request::wire_time;
pub use row::QueryRow;

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueryResult {
    /// How the search went.
    pub meta: QueryMeta,
    /// The logs, or the rows that SQL made of them.
    pub rows: Vec<QueryRow>,
}

impl QueryResult {
    /// Whether the service looked at everything. If not, there may be more, and asking
    /// again goes on from where it got to.
    pub fn is_complete(&self) -> bool {
        self.meta.progress == Progress::Complete
    }
}

impl std::fmt::Display for QueryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let progress = &self.meta.progress;
        write!(f, "{} rows, {progress}", self.rows.len())
    }
}
