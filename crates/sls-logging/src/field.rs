/// What the handler knows about a record beside its message.
///
/// Numbers are uploaded as decimal text, as all values are.
#[doc(alias = "LogFields")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// `record_name`: the target of the record, which is the module path unless it is given.
    RecordName,
    /// `level`: see [`Level::name`](crate::Level::name).
    Level,
    /// `func_name`: the innermost span's name; absent outside a span.
    FuncName,
    /// `module`: the last segment of the module path.
    Module,
    /// `file_path`: the source file as the compiler was given it.
    FilePath,
    /// `line_no`: the line in the source file.
    LineNo,
    /// `process_id`: the system's id of the process.
    ProcessId,
    /// `process_name`: the name of the executable without its extension.
    ProcessName,
    /// `thread_id`: the system's id of the thread on Linux and Android, elsewhere the standard
    /// library's number for it.
    ThreadId,
    /// `thread_name`: absent when the thread has none.
    ThreadName,
    /// `file_name`: the last segment of the file's path. Not by default.
    FileName,
    /// `level_no`: see [`Level::number`](crate::Level::number). Not by default.
    LevelNo,
    /// `asc_time`: the local time, `2023-11-14 22:13:20,123`. Not by default.
    AscTime,
    /// `created_timestamp`: seconds since the Unix epoch with six decimals. Not by default.
    CreatedTimestamp,
    /// `micro_second`: the milliseconds of the time, whatever the name says; that is what the
    /// official handler uploads under it. Not by default.
    MicroSecond,
    /// `relative_created`: milliseconds since the first record. Not by default.
    RelativeCreated,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 16] = [
        Self::RecordName,
        Self::Level,
        Self::FuncName,
        Self::Module,
        Self::FilePath,
        Self::LineNo,
        Self::ProcessId,
        Self::ProcessName,
        Self::ThreadId,
        Self::ThreadName,
        Self::FileName,
        Self::LevelNo,
        Self::AscTime,
        Self::CreatedTimestamp,
        Self::MicroSecond,
        Self::RelativeCreated,
    ];

    /// The fields that are uploaded unless told otherwise.
    pub const DEFAULT: [Self; 10] = [
        Self::RecordName,
        Self::Level,
        Self::FuncName,
        Self::Module,
        Self::FilePath,
        Self::LineNo,
        Self::ProcessId,
        Self::ProcessName,
        Self::ThreadId,
        Self::ThreadName,
    ];

    /// The key that the field is uploaded under.
    pub const fn name(self, naming: FieldNaming) -> &'static str {
        let (documented, attribute) = self.names();
        match naming {
            FieldNaming::Documented => documented,
            FieldNaming::Python => attribute,
        }
    }

    /// The field of that name, in either naming.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| {
            let (documented, attribute) = field.names();
            documented == name || attribute == name
        })
    }

    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::RecordName => ("record_name", "name"),
            Self::Level => ("level", "levelname"),
            Self::FuncName => ("func_name", "funcName"),
            Self::Module => ("module", "module"),
            Self::FilePath => ("file_path", "pathname"),
            Self::LineNo => ("line_no", "lineno"),
            Self::ProcessId => ("process_id", "process"),
            Self::ProcessName => ("process_name", "processName"),
            Self::ThreadId => ("thread_id", "thread"),
            Self::ThreadName => ("thread_name", "threadName"),
            Self::FileName => ("file_name", "filename"),
            Self::LevelNo => ("level_no", "levelno"),
            Self::AscTime => ("asc_time", "asctime"),
            Self::CreatedTimestamp => ("created_timestamp", "created"),
            Self::MicroSecond => ("micro_second", "msecs"),
            Self::RelativeCreated => ("relative_created", "relativeCreated"),
        }
    }
}

/// Which names fields are uploaded under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FieldNaming {
    /// The names that the documents and the published index have: `record_name`, `level`, ..
    #[default]
    Documented,
    /// The names that the official Python handler really uploads, those of the attributes of
    /// its records: `name`, `levelname`, ..
    Python,
}

/// An entry of the list of fields to upload: a [`Field`], or the name of an extra one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldName {
    /// A field of the handler's own.
    Known(Field),
    /// A field that comes with the record. Such a name only matters when extra fields are
    /// off, see [`RecordFormat::with_extra`](crate::RecordFormat::with_extra).
    Extra(String),
}

impl From<Field> for FieldName {
    fn from(field: Field) -> Self {
        Self::Known(field)
    }
}

impl From<&str> for FieldName {
    fn from(name: &str) -> Self {
        Field::from_name(name).map_or_else(|| Self::Extra(name.to_owned()), Self::Known)
    }
}

impl From<String> for FieldName {
    fn from(name: String) -> Self {
        Field::from_name(&name).map_or(Self::Extra(name), Self::Known)
    }
}

/// Whether a field that came with a record has a name the handler keeps for itself.
///
/// The official handler never uploads such an extra field, under either name. Here the names
/// that are not in use stay free, since `name` or `process` are good names for what a program
/// has to tell.
pub(crate) fn is_reserved(name: &str, naming: FieldNaming) -> bool {
    is_documented(name) || (naming == FieldNaming::Python && is_attribute(name))
}

/// Written out, since a record may bring many fields and a loop over all names costs more than
/// to encode one.
fn is_documented(name: &str) -> bool {
    matches!(
        name,
        "message"
            | "record_name"
            | "level"
            | "func_name"
            | "module"
            | "file_path"
            | "line_no"
            | "process_id"
            | "process_name"
            | "thread_id"
            | "thread_name"
            | "file_name"
            | "level_no"
            | "asc_time"
            | "created_timestamp"
            | "micro_second"
            | "relative_created"
    )
}

fn is_attribute(name: &str) -> bool {
    matches!(
        name,
        "name"
            | "levelname"
            | "funcName"
            | "pathname"
            | "lineno"
            | "process"
            | "processName"
            | "thread"
            | "threadName"
            | "filename"
            | "levelno"
            | "asctime"
            | "created"
            | "msecs"
            | "relativeCreated"
            | "exc_info"
            | "exc_text"
            | "stack_info"
            | "msg"
            | "args"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_both_its_names() {
        for field in Field::ALL {
            for naming in [FieldNaming::Documented, FieldNaming::Python] {
                assert_eq!(Field::from_name(field.name(naming)), Some(field));
            }
        }
        assert_eq!(FieldName::from("user"), FieldName::Extra("user".to_owned()));
    }

    #[test]
    fn an_extra_field_never_has_the_name_of_one_in_use() {
        for field in Field::ALL {
            for naming in [FieldNaming::Documented, FieldNaming::Python] {
                assert!(is_reserved(field.name(naming), naming), "{field:?}");
            }
        }
    }

    #[test]
    fn names_not_in_use_stay_free_for_what_a_program_tells() {
        assert!(is_reserved("level", FieldNaming::Documented));
        assert!(is_reserved("level", FieldNaming::Python));
        assert!(is_reserved("message", FieldNaming::Documented));
        assert!(!is_reserved("name", FieldNaming::Documented));
        assert!(is_reserved("name", FieldNaming::Python));
        assert!(!is_reserved("args", FieldNaming::Documented));
    }
}
