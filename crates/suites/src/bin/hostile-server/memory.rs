//! How much memory this process has taken, as Linux tells it; elsewhere it is not measured.

use std::fs;

/// What a hostile answer may cost.
pub(crate) const MAX_GROWTH: u64 = 32 * 1000 * 1000;

/// The largest size of the process from a moment on, compared with its size then.
pub(crate) struct Peak {
    // `None` where it cannot be measured.
    size_before: Option<u64>,
}

impl Peak {
    pub(crate) fn start() -> Self {
        // Makes the kernel forget the largest size so far.
        let forgotten = fs::write("/proc/self/clear_refs", "5").is_ok();
        Self {
            size_before: resident().filter(|_| forgotten),
        }
    }

    /// By how many bytes the size was larger than at the start, at most.
    pub(crate) fn growth(&self) -> Option<u64> {
        Some(status("VmHWM")?.saturating_sub(self.size_before?))
    }
}

/// The size of the process now, in bytes.
pub(crate) fn resident() -> Option<u64> {
    status("VmRSS")
}

fn status(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line
        .trim_start_matches(':')
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    Some(kib * 1024)
}
