//! Checkpoints at moments that the processor chooses.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sls_core::model::Cursor;
use tokio::sync::{Notify, watch};

/// Says how far a shard has been processed, at moments that the processor chooses.
///
/// By default the worker saves on its own, after a batch was processed. A processor that wants
/// to be sure before it goes on calls [`save`](Self::save); one that gathers rows over several
/// batches asks for manual checkpoints, see
/// [`with_manual_checkpoints`](crate::WorkerConfig::with_manual_checkpoints), and calls
/// [`mark`](Self::mark) once they are safe.
#[derive(Clone)]
pub struct Checkpointer {
    place: Place,
    marks: Option<Arc<Marks>>,
}

/// A batch in the order of its shard; 0 is in front of the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: u64,
    pub(crate) cursor: Cursor,
}

impl Checkpointer {
    pub(crate) fn new(place: Place, marks: Arc<Marks>) -> Self {
        Self {
            place,
            marks: Some(marks),
        }
    }

    pub(crate) fn detached() -> Self {
        let place = Place {
            sequence: 0,
            cursor: Cursor::new(""),
        };
        Self { place, marks: None }
    }

    /// Marks this batch and all before it as processed; the worker saves it in due time.
    ///
    /// Marking a batch after a later one does nothing: marks only move forward.
    pub fn mark(&self) {
        if let Some(marks) = &self.marks {
            marks.mark(&self.place, false);
        }
    }

    /// Marks this batch and all before it as processed and returns once that is saved.
    ///
    /// # Errors
    /// [`NotSaved`] when the shard was lost or given up before. Another consumer may get the
    /// batch again then.
    ///
    /// # Cancel safety
    /// Safe: the mark stays and is saved in due time.
    pub async fn save(&self) -> Result<(), NotSaved> {
        let marks = self.marks.as_ref().ok_or(NotSaved)?;
        let mut saved = marks.saved.subscribe();
        marks.mark(&self.place, true);
        let is_done = |saved: &Saved| saved.sequence >= self.place.sequence || saved.is_over;
        let saved = saved.wait_for(is_done).await.map_err(|_| NotSaved)?;
        match saved.sequence >= self.place.sequence {
            true => Ok(()),
            false => Err(NotSaved),
        }
    }
}

impl fmt::Debug for Checkpointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Checkpointer")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// The shard was lost or given up before the checkpoint was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("checkpoint not saved, since the shard is no longer held")]
pub struct NotSaved;

/// What processors say to the task of their shard.
#[derive(Debug)]
pub(crate) struct Marks {
    /// The furthest mark that the task has not taken yet.
    fresh: Mutex<Option<Mark>>,
    wake: Notify,
    saved: watch::Sender<Saved>,
}

#[derive(Debug, Clone)]
pub(crate) struct Mark {
    pub(crate) place: Place,
    /// Whether somebody waits for it.
    pub(crate) is_urgent: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Saved {
    sequence: u64,
    is_over: bool,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self {
            fresh: Mutex::default(),
            wake: Notify::new(),
            saved: watch::Sender::default(),
        }
    }

    fn mark(&self, place: &Place, is_urgent: bool) {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        let further = match fresh.take() {
            Some(mark) if mark.place.sequence > place.sequence => Mark {
                is_urgent: mark.is_urgent || is_urgent,
                ..mark
            },
            before => Mark {
                place: place.clone(),
                is_urgent: is_urgent || before.is_some_and(|mark| mark.is_urgent),
            },
        };
        *fresh = Some(further);
        self.wake.notify_one();
    }

    /// Returns the furthest new mark, when there is one.
    pub(crate) async fn next(&self) -> Mark {
        loop {
            if let Some(mark) = self.take() {
                return mark;
            }
            self.wake.notified().await;
        }
    }

    pub(crate) fn take(&self) -> Option<Mark> {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.take()
    }

    /// Everything up to the batch of this number is saved.
    pub(crate) fn saved(&self, sequence: u64) {
        self.saved
            .send_modify(|saved| saved.sequence = saved.sequence.max(sequence));
    }

    /// Nothing will be saved any more.
    pub(crate) fn over(&self) {
        self.saved.send_modify(|saved| saved.is_over = true);
    }
}
