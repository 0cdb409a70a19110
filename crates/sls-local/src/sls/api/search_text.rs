//! A query of the search operations: a search, and perhaps a pipeline behind it.

use crate::engine::search::Query;
use crate::refusal::Refusal;

/// The parts of a query.
#[derive(Debug)]
pub(super) struct SearchText<'a> {
    /// What stands before the first pipe.
    pub(super) search: &'a str,
    /// A program of SPL in which everything is where it is in the query, so that the place
    /// in an error is right.
    pub(super) pipeline: Option<String>,
    /// Whether the query ends in `|with_pack_meta`.
    pub(super) pack_meta: bool,
}

/// What makes a search show where each log is, for those who ask for its neighbours.
const WITH_PACK_META: &str = "with_pack_meta";

impl<'a> SearchText<'a> {
    /// Takes a query apart; SQL is refused by name.
    pub(super) fn parse(text: &'a str) -> Result<Self, Refusal> {
        let Some(pipe) = first_pipe(text) else {
            return Ok(Self {
                search: text.trim(),
                pipeline: None,
                pack_meta: false,
            });
        };
        let (search, pipeline) = text.split_at(pipe);
        let first_word = pipeline[1..].split_whitespace().next().unwrap_or_default();
        if ["select", "set", "with"]
            .iter()
            .any(|word| first_word.eq_ignore_ascii_case(word))
        {
            return Err(no_sql());
        }
        if pipeline[1..].trim() == WITH_PACK_META {
            return Ok(Self {
                search: search.trim(),
                pipeline: None,
                pack_meta: true,
            });
        }
        if pipeline.trim_end().ends_with(WITH_PACK_META) {
            let message = format!("{WITH_PACK_META} follows a search, not a pipeline");
            return Err(Refusal::parameter(message));
        }
        let blanks = search.chars().count().saturating_sub(1);
        Ok(Self {
            search: search.trim(),
            pipeline: Some(format!("*{}{pipeline}", " ".repeat(blanks))),
            pack_meta: false,
        })
    }

    /// The condition before the pipe.
    pub(super) fn query(&self) -> Result<Query, Refusal> {
        Query::parse(self.search)
    }
}

/// The answer to every query that is SQL.
pub(super) fn no_sql() -> Refusal {
    Refusal::parameter(
        "ErrorType:OLSQueryParseError.ErrorMessage:SQL is not supported by this server, \
         a search and a pipeline of SPL are",
    )
}

/// Where the first `|` outside of quotes is.
fn first_pipe(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (place, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '|') => return Some(place),
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_cut_at_the_first_pipe_outside_of_quotes() {
        let whole = SearchText::parse(" a: \"x|y\" ").unwrap();
        assert_eq!((whole.search, whole.pipeline), ("a: \"x|y\"", None));
        let parts = SearchText::parse("a: é | where b = '|'").unwrap();
        assert_eq!(parts.search, "a: é");
        assert_eq!(parts.pipeline.as_deref(), Some("*    | where b = '|'"));
        let parts = SearchText::parse("| where b = '1'").unwrap();
        assert_eq!(parts.pipeline.as_deref(), Some("*| where b = '1'"));
    }

    #[test]
    fn a_search_may_ask_for_the_places_of_logs_and_a_pipeline_may_not() {
        let text = SearchText::parse("a: 1 | with_pack_meta ").unwrap();
        assert_eq!((text.search, text.pipeline), ("a: 1", None));
        assert!(text.pack_meta);
        assert!(!SearchText::parse("with_pack_meta").unwrap().pack_meta);
        SearchText::parse("* | where a = '1' |with_pack_meta").unwrap_err();
    }

    #[test]
    fn sql_is_refused_by_name() {
        for text in [
            "* | select count(1)",
            "|SELECT 1",
            "a | with x as (select 1) select 2",
        ] {
            let refusal = SearchText::parse(text).unwrap_err();
            assert!(refusal.message.contains("SQL is not supported"), "{text}");
        }
    }
}
