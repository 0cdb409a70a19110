//! What files and folders are called.
//!
//! ```text
//! root/
//!   0000000007.spool/                                     one per open spool
//!     lock                                                held while it is open
//!     0000000007-0000000000000000-9b1c6de2f04a7713.seg    records
//!     0000000007-0000000000000000-9b1c6de2f04a7713.ack    which of them are done
//! ```
//!
//! A segment is called after the folder it was written in, its first sequence and its salt.
//! The names sort by age, and stay unique when files move to another folder.

/// The file that is locked while a folder is in use.
pub(super) const LOCK: &str = "lock";

/// Names a segment; ordered by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentName {
    pub(super) folder: u64,
    pub(super) first: u64,
    pub(super) salt: u64,
}

/// What a file of a folder is by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileName {
    Lock,
    Records(SegmentName),
    Acks(SegmentName),
    Foreign,
}

impl SegmentName {
    pub(super) fn records(self) -> String {
        format!("{self}.seg")
    }

    pub(super) fn acks(self) -> String {
        format!("{self}.ack")
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let name = Self {
            folder: parts.next()?.parse().ok()?,
            first: u64::from_str_radix(parts.next()?, 16).ok()?,
            salt: u64::from_str_radix(parts.next()?, 16).ok()?,
        };
        // One name for one segment: no sign, no missing zeros, nothing behind.
        (name.to_string() == text).then_some(name)
    }
}

impl std::fmt::Display for SegmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:010}-{:016x}-{:016x}",
            self.folder, self.first, self.salt
        )
    }
}

impl FileName {
    pub(super) fn read(name: &str) -> Self {
        let segment = |extension| {
            name.strip_suffix(extension)
                .and_then(|stem: &str| SegmentName::read(stem))
        };
        if name == LOCK {
            Self::Lock
        } else if let Some(segment) = segment(".seg") {
            Self::Records(segment)
        } else if let Some(segment) = segment(".ack") {
            Self::Acks(segment)
        } else {
            Self::Foreign
        }
    }
}

pub(super) fn folder(number: u64) -> String {
    format!("{number:010}.spool")
}

/// The number of a folder; nothing when it is no spool's.
pub(super) fn read_folder(name: &str) -> Option<u64> {
    let number = name.strip_suffix(".spool")?.parse().ok()?;
    (folder(number) == name).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written_and_nothing_else_is() {
        let segment = SegmentName {
            folder: 7,
            first: 0x1f,
            salt: u64::MAX,
        };
        assert_eq!(
            segment.records(),
            "0000000007-000000000000001f-ffffffffffffffff.seg"
        );
        assert_eq!(
            FileName::read(&segment.records()),
            FileName::Records(segment)
        );
        assert_eq!(FileName::read(&segment.acks()), FileName::Acks(segment));
        assert_eq!(FileName::read("lock"), FileName::Lock);
        for foreign in [
            "",
            ".seg",
            "lock.seg",
            "7-1f-ff.seg",
            "+000000007-000000000000001f-ffffffffffffffff.seg",
            "0000000007-000000000000001f-ffffffffffffffff-0.seg",
            "0000000007-000000000000001f-ffffffffffffffff",
        ] {
            assert_eq!(FileName::read(foreign), FileName::Foreign, "{foreign}");
        }
        assert_eq!(read_folder(&folder(3)), Some(3));
        assert_eq!(read_folder("3.spool"), None);
        assert_eq!(read_folder("lost+found"), None);
    }

    #[test]
    fn names_sort_by_age() {
        let name = |folder, first| SegmentName {
            folder,
            first,
            salt: 0,
        };
        let mut names = [name(10, 0), name(9, 0x100), name(9, 0xff)];
        names.sort();
        assert_eq!(names, [name(9, 0xff), name(9, 0x100), name(10, 0)]);
    }
}
