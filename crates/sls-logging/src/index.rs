//! The index that makes a handler's fields searchable.

use sls_client::{ErrorCode, LogstoreHandle};
use sls_core::model::{DEFAULT_TOKENS, IndexConfig, KeyIndex, LineIndex};

use crate::field::{Field, FieldNaming};

/// What [`set_up_index`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IndexChange {
    /// There was no index; now there is.
    Created,
    /// There was another one, which was changed.
    Updated,
    /// There was one with all this already; nothing was written.
    Unchanged,
}

/// The index over whole logs, the message and the handler's fields.
///
/// It says what the index file says that is published for the official Python handler:
/// `line_no`, `process_id` and `thread_id` are numbers, the rest is text, all of it can be
/// analysed, and Chinese text is cut into words in `message` and `file_path`.
pub fn handler_index(naming: FieldNaming) -> IndexConfig {
    // A colon does not cut words of whole logs, so that times can be searched.
    let without_colon = DEFAULT_TOKENS.iter().filter(|token| **token != ":");
    let line = LineIndex::default()
        .with_tokens(without_colon.copied())
        .with_chinese(true);
    let words = |tokens: &[&str]| {
        KeyIndex::text()
            .with_tokens(tokens.iter().copied())
            .with_chinese(false)
    };
    let whole = || words(&[]);
    let prose = || words(&DEFAULT_TOKENS).with_chinese(true);
    let name = |field: Field| field.name(naming);
    IndexConfig::default()
        .with_line(line)
        .with_key("__source__", whole())
        .with_key("__topic__", words(&[",", "\t"]))
        .with_key("message", prose())
        .with_key(name(Field::RecordName), whole())
        .with_key(name(Field::Level), whole())
        .with_key(name(Field::FuncName), words(&DEFAULT_TOKENS))
        .with_key(name(Field::Module), words(&["."]))
        .with_key(name(Field::FilePath), prose())
        .with_key(name(Field::LineNo), KeyIndex::long())
        .with_key(name(Field::ProcessId), KeyIndex::long())
        .with_key(name(Field::ProcessName), whole())
        .with_key(name(Field::ThreadId), KeyIndex::long())
        .with_key(name(Field::ThreadName), whole())
}

/// Gives a logstore this index, or changes the one it has so that it holds this, too.
///
/// Fields and settings of the present index that `index` does not name stay as they are; the
/// official command line's `update_index` would take them away. Logs that are there already
/// do not take part.
///
/// # Errors
/// [`sls_core::Error::Service`] with `IndexInfoInvalid` when a setting is not acceptable, and
/// whatever else reading and writing an index can meet.
///
/// # Cancel safety
/// Dropping the future leaves open whether the index was written; calling again is safe.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = sls_local::LocalServer::builder().start().await?;
/// # let client = sls_client::Client::builder(
/// #     server.endpoint().parse()?,
/// #     sls_client::StaticCredentials::new(server.credentials()),
/// # ).build()?;
/// # client.project("shop").create("").await?;
/// # let logstore = client.logstore("shop", "logs");
/// # logstore.create(sls_core::model::LogstoreConfig::named("logs").with_shard_count(1)).await?;
/// use sls_logging::{FieldNaming, handler_index, set_up_index};
///
/// let change = set_up_index(&logstore, &handler_index(FieldNaming::Documented)).await?;
/// println!("{change:?}");
/// # Ok(())
/// # }
/// ```
pub async fn set_up_index(
    logstore: &LogstoreHandle,
    index: &IndexConfig,
) -> Result<IndexChange, sls_core::Error> {
    let present = match logstore.index().await {
        Ok(present) => present,
        Err(error) if error.code() == Some(&ErrorCode::IndexConfigNotExist) => {
            match logstore.create_index(index.clone()).await {
                Ok(()) => return Ok(IndexChange::Created),
                // Somebody else was faster, or the answer to the first attempt was lost.
                Err(error) if error.code() == Some(&ErrorCode::IndexAlreadyExist) => {
                    logstore.index().await?
                }
                Err(error) => return Err(error),
            }
        }
        Err(error) => return Err(error),
    };
    let wanted = merged(&present, index);
    if wanted == present {
        return Ok(IndexChange::Unchanged);
    }
    logstore.update_index(wanted).await?;
    Ok(IndexChange::Updated)
}

/// The present index with everything that the other one says.
fn merged(present: &IndexConfig, wanted: &IndexConfig) -> IndexConfig {
    let mut merged = present.clone();
    for (name, key) in &wanted.keys {
        merged.keys.insert(name.clone(), key.clone());
    }
    for (name, member) in &wanted.other {
        merged.other.insert(name.clone(), member.clone());
    }
    merged.line = wanted.line.clone().or(merged.line);
    merged.all_keys = wanted.all_keys.clone().or(merged.all_keys);
    merged.ttl = wanted.ttl.or(merged.ttl);
    merged.max_text_len = wanted.max_text_len.or(merged.max_text_len);
    merged.log_reduce = wanted.log_reduce.or(merged.log_reduce);
    merged.scan_index = wanted.scan_index.or(merged.scan_index);
    let lists = [
        (
            &mut merged.log_reduce_white_list,
            &wanted.log_reduce_white_list,
        ),
        (
            &mut merged.log_reduce_black_list,
            &wanted.log_reduce_black_list,
        ),
    ];
    for (list, wanted) in lists {
        if wanted.is_some() {
            list.clone_from(wanted);
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use sls_core::model::KeyType;

    #[test]
    fn the_index_is_the_published_one() {
        let index = handler_index(FieldNaming::Documented);
        let long = ["line_no", "process_id", "thread_id"];
        let text = [
            "__source__",
            "__topic__",
            "message",
            "record_name",
            "level",
            "func_name",
            "module",
            "file_path",
            "process_name",
            "thread_name",
        ];
        assert_eq!(index.keys.len(), long.len() + text.len());
        for (names, kind) in [(&long[..], KeyType::Long), (&text[..], KeyType::Text)] {
            for name in names {
                let key = &index.keys[*name];
                assert_eq!(key.kind, kind, "{name}");
                assert_eq!(key.doc_value, Some(true), "{name}");
            }
        }
        let line = index.line.unwrap();
        assert!(!line.token.iter().any(|token| token == ":"));
        assert_eq!(line.token.len(), DEFAULT_TOKENS.len() - 1);
    }

    #[test]
    fn the_fields_have_pythons_names_when_records_do() {
        let index = handler_index(FieldNaming::Python);
        assert_eq!(index.keys["lineno"].kind, KeyType::Long);
        assert!(index.keys.contains_key("levelname") && !index.keys.contains_key("level"));
    }

    #[test]
    fn what_the_other_index_does_not_name_stays() {
        let present = IndexConfig {
            ttl: Some(30),
            log_reduce: Some(true),
            storage: Some("pg".to_owned()),
            ..IndexConfig::default()
                .with_key("own", KeyIndex::double())
                .with_key("level", KeyIndex::long())
        };
        let merged = merged(&present, &handler_index(FieldNaming::Documented));
        assert_eq!(merged.keys["own"].kind, KeyType::Double);
        assert_eq!(merged.keys["level"].kind, KeyType::Text);
        assert_eq!((merged.ttl, merged.log_reduce), (Some(30), Some(true)));
        assert!(merged.line.is_some());
    }
}
