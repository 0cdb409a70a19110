//! Where in a program a record was made, as far as that tells all its fixed fields.

#[cfg(feature = "log")]
use crate::level::Level;

/// From this length on a text is no part of a [`Site`].
#[cfg(feature = "log")]
const LONG: usize = 1 << 12;

/// Names a call site whose level, target and place are the same every time.
///
/// Made of the addresses of static things, which stay what they are. Plain numbers one by one:
/// they were stored a moment ago, and a comparison of several at once would wait for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Site {
    address: usize,
    module: usize,
    /// Lengths, level and line.
    other: u64,
}

impl Site {
    /// Of `tracing`, by its description.
    #[cfg(feature = "tracing")]
    #[inline]
    pub(crate) fn described(metadata: &'static tracing_core::Metadata<'static>) -> Self {
        Self {
            address: std::ptr::from_ref(metadata) as usize,
            ..Self::default()
        }
    }

    /// Of `log`, whose records are described by what its macros pass; the target is the module.
    #[cfg(feature = "log")]
    #[inline]
    pub(crate) fn placed(
        module: &'static str,
        file: &'static str,
        line: u32,
        level: Level,
    ) -> Option<Self> {
        (module.len() < LONG && file.len() < LONG).then(|| Self {
            address: file.as_ptr() as usize,
            module: module.as_ptr() as usize,
            other: u64::from(line)
                | u64::from(level.number()) << 32
                | (file.len() as u64) << 40
                | (module.len() as u64) << 52,
        })
    }

    /// A number that differs for neighbours, by which to find a place in a small table.
    #[inline]
    pub(crate) fn number(&self) -> usize {
        // Statics are aligned, and neighbours differ in the bits above.
        (self.address >> 4) ^ (self.address >> 10) ^ self.other as usize
    }
}

#[cfg(all(test, feature = "log"))]
mod tests {
    use super::*;

    #[test]
    fn a_site_differs_by_each_of_its_parts() {
        let (module, file) = ("shop::till", "src/till.rs");
        let site = |module, file, line, level| Site::placed(module, file, line, level).unwrap();
        let one = site(module, file, 7, Level::Info);
        assert_eq!(one, site(module, file, 7, Level::Info));
        for other in [
            site(&module[..4], file, 7, Level::Info),
            site(&module[6..], file, 7, Level::Info),
            site(module, &file[..4], 7, Level::Info),
            site(module, &file[4..], 7, Level::Info),
            site(module, file, 8, Level::Info),
            site(module, file, 7, Level::Warn),
        ] {
            assert_ne!(one, other);
        }
        let long: &'static str = "x".repeat(LONG).leak();
        assert!(Site::placed(long, file, 7, Level::Info).is_none());
        assert!(Site::placed(module, long, 7, Level::Info).is_none());
    }
}
