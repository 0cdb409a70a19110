//! A body that is sent at once, or a few bytes at a time.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

/// The body of an answer.
#[derive(Debug)]
pub(super) struct AnswerBody {
    rest: Bytes,
    /// How many bytes at a time, and how long between.
    pace: Option<(usize, Duration)>,
    /// Set while the next bytes have to wait.
    pause: Option<Pin<Box<Sleep>>>,
    room: Room,
}

/// What a body takes of the memory for answers, if that is worth counting.
type Room = Option<Arc<OwnedSemaphorePermit>>;

impl AnswerBody {
    pub(super) fn new(body: Bytes) -> Self {
        Self {
            rest: body,
            pace: None,
            pause: None,
            room: None,
        }
    }

    /// Sends so many bytes at a time, with a pause in between.
    pub(super) fn at_pace(mut self, pace: Option<(usize, Duration)>) -> Self {
        self.pace = pace;
        self
    }

    /// Gives the room back when the last byte has gone, or is given up.
    pub(super) fn in_room(mut self, room: Option<OwnedSemaphorePermit>) -> Self {
        self.room = room.map(Arc::new);
        self
    }
}

impl Body for AnswerBody {
    type Data = Piece;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        let bytes = match self.pace {
            Some((bytes, wait)) => {
                self.pause = Some(Box::pin(sleep(wait)));
                bytes.clamp(1, self.rest.len())
            }
            None => self.rest.len(),
        };
        let piece = Piece {
            bytes: self.rest.split_to(bytes),
            _room: self.room.clone(),
        };
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// Bytes on their way out. They keep the whole body in memory, and so its room: the HTTP
/// library holds them until the socket has taken the last one, long after the body is done.
#[derive(Debug)]
pub(super) struct Piece {
    bytes: Bytes,
    _room: Room,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
    }
}
