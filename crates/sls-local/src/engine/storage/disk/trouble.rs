//! What failed, and when it is worth another try.
//!
//! ```text
//! a commit fails --> nothing is written for a pause --> one more try --> the next pause is longer
//!                    and those who ask are told why           \-> it succeeds: all is well
//! ```

use std::time::Duration;

use tokio::time::Instant;

use super::super::StorageError;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// Keeps a disk that fails from being asked over and over. Every failed commit means that the
/// store has to be opened again, which takes time while nobody can read.
#[derive(Debug, Default)]
pub(super) struct Trouble(Option<Pause>);

#[derive(Debug)]
struct Pause {
    why: StorageError,
    length: Duration,
    until: Instant,
}

impl Trouble {
    /// Notes a failure. The first pause is 100 ms, each further one twice as long, up to 10 s.
    pub(super) fn failed(&mut self, why: StorageError, now: Instant) {
        let length = match &self.0 {
            None => SHORTEST,
            Some(last) => (last.length * 2).min(LONGEST),
        };
        let until = now + length;
        self.0 = Some(Pause { why, length, until });
    }

    /// Notes that a commit succeeded.
    pub(super) fn over(&mut self) {
        self.0 = None;
    }

    /// Whether the last commit of this kind failed.
    pub(super) fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// What failed, when it is too early to try again.
    pub(super) fn too_early(&self, now: Instant) -> Option<&StorageError> {
        let pause = self.0.as_ref().filter(|pause| now < pause.until)?;
        Some(&pause.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_anew_after_a_success() {
        let mut trouble = Trouble::default();
        let mut now = Instant::now();
        assert_eq!(trouble.too_early(now), None);
        let mut waited = Vec::new();
        for _ in 0..9 {
            trouble.failed(StorageError::DiskFull, now);
            let begin = now;
            while let Some(why) = trouble.too_early(now) {
                assert_eq!(*why, StorageError::DiskFull);
                now += Duration::from_millis(50);
            }
            waited.push((now - begin).as_millis());
        }
        assert_eq!(
            waited,
            [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]
        );
        assert!(trouble.is_there());
        trouble.over();
        assert!(!trouble.is_there());
        trouble.failed(StorageError::Busy, now);
        assert_eq!(trouble.too_early(now + SHORTEST), None);
    }
}
