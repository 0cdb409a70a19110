use std::fmt;
use std::io;
use std::path::PathBuf;

/// Something on disk that is not as it was written, or not ours.
///
/// Reading goes on behind it: what else is there is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// Where in the file it begins.
    pub offset: u64,
    /// How many bytes were skipped.
    pub bytes: u64,
    /// What it looks like.
    pub kind: DamageKind,
}

/// What damage looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// Bytes that are not what was written. The records among them are lost.
    Corrupt,
    /// Less than a record, or only zeros, at the end of a segment: a process or a machine stopped
    /// while it wrote. No promise was made for this record, or the promise ended with the machine.
    TornTail,
    /// Acknowledgements that are not what was written. What they stood for is delivered again.
    Acknowledgements,
    /// Segments written by a newer version of this crate. They stay where they are, for it.
    NewerVersion(u16),
    /// A file that is no part of a spool. It stays where it is.
    Foreign,
    /// The system refuses to read on. The rest of the file stays, and the next start tries again.
    Unreadable(io::ErrorKind),
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            offset,
            bytes,
            kind,
        } = self;
        let path = path.display();
        match kind {
            DamageKind::Corrupt => write!(
                f,
                "{path}: {bytes} bytes at offset {offset} are damaged and were skipped"
            ),
            DamageKind::TornTail => write!(
                f,
                "{path}: the last write at offset {offset} was interrupted, {bytes} bytes were skipped"
            ),
            DamageKind::Acknowledgements => write!(
                f,
                "{path}: {bytes} bytes of acknowledgements at offset {offset} are damaged; what they stood for is delivered again"
            ),
            DamageKind::NewerVersion(version) => write!(
                f,
                "{path}: format version {version}, and this program reads up to {}; left for a newer one",
                super::format::VERSION
            ),
            DamageKind::Foreign => write!(f, "{path}: not a file of a spool; left alone"),
            DamageKind::Unreadable(kind) => write!(
                f,
                "{path}: cannot be read from offset {offset} on ({kind}); left for the next start"
            ),
        }
    }
}
