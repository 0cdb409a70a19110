//! How much memory all connections together may take for one purpose.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many KiB, taken and given back. Clones share them.
#[derive(Debug, Clone)]
pub(super) struct Room {
    free: Arc<Semaphore>,
    total_kib: u32,
}

impl Room {
    pub(super) fn new(bytes: usize) -> Self {
        let total_kib = kib(bytes).max(1);
        Self {
            free: Arc::new(Semaphore::new(total_kib as usize)),
            total_kib,
        }
    }

    /// Waits for so many bytes, or for all there are when they are fewer; they are given back
    /// when the permit is dropped.
    pub(super) async fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = kib(bytes).min(self.total_kib);
        // The semaphore is never closed.
        Arc::clone(&self.free).acquire_many_owned(wanted).await.ok()
    }

    /// Makes a permit one for so many bytes: gives the rest back, or waits for more.
    pub(super) async fn fit(
        &self,
        mut permit: OwnedSemaphorePermit,
        bytes: usize,
    ) -> Option<OwnedSemaphorePermit> {
        let wanted = kib(bytes).min(self.total_kib) as usize;
        let held = permit.num_permits();
        if let Some(more) = wanted.checked_sub(held) {
            permit.merge(self.take(more << 10).await?);
            return Some(permit);
        }
        permit.split(wanted)
    }
}

/// Rounded up.
fn kib(bytes: usize) -> u32 {
    // As many as the semaphore can count on every platform.
    const MOST: usize = 1 << 28;
    bytes.div_ceil(1024).min(MOST) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_needed_is_given_back_and_what_is_missing_is_taken() {
        let room = Room::new(10 << 10);
        let permit = room.take(8000).await.unwrap();
        assert_eq!(permit.num_permits(), 8);
        let permit = room.fit(permit, 2048).await.unwrap();
        assert_eq!(
            (permit.num_permits(), room.free.available_permits()),
            (2, 8)
        );
        let permit = room.fit(permit, 5000).await.unwrap();
        assert_eq!(
            (permit.num_permits(), room.free.available_permits()),
            (5, 5)
        );
        let permit = room.fit(permit, usize::MAX).await.unwrap();
        assert_eq!(
            (permit.num_permits(), room.free.available_permits()),
            (10, 0)
        );
        let permit = room.fit(permit, 0).await.unwrap();
        assert_eq!(
            (permit.num_permits(), room.free.available_permits()),
            (0, 10)
        );
    }
}
