//! Where in a program a record was made, as far as that tells all its fixed fields.

#[cfg(feature = "log")]
use crate::level::Level;

/// Names a call site whose level, target and place are the same every time.
///
/// Made of the addresses of static things, which stay what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Site {
    addresses: [usize; 2],
    lengths: [usize; 2],
    line_and_level: u64,
}

impl Site {
    /// Of `tracing`, by its description.
    #[cfg(feature = "tracing")]
    pub(crate) fn described(metadata: &'static tracing_core::Metadata<'static>) -> Self {
        Self {
            addresses: [std::ptr::from_ref(metadata) as usize, 0],
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
    ) -> Self {
        Self {
            addresses: [file.as_ptr() as usize, module.as_ptr() as usize],
            lengths: [file.len(), module.len()],
            line_and_level: u64::from(line) << 8 | u64::from(level.number()),
        }
    }

    /// A number that differs for neighbours, by which to find a place in a small table.
    #[inline]
    pub(crate) fn number(&self) -> usize {
        // Statics are aligned, and neighbours differ in the bits above.
        let address = self.addresses[0];
        (address >> 4) ^ (address >> 10) ^ (self.line_and_level >> 8) as usize
    }
}
