//! A body that is sent at once, or a few bytes at a time.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// The body of an answer.
#[derive(Debug)]
pub(super) struct DripBody {
    rest: Bytes,
    /// How many bytes at a time, and how long between.
    pace: Option<(usize, Duration)>,
    /// Set while the next bytes have to wait.
    pause: Option<Pin<Box<Sleep>>>,
}

impl DripBody {
    pub(super) fn new(body: Bytes, pace: Option<(usize, Duration)>) -> Self {
        Self {
            rest: body,
            pace,
            pause: None,
        }
    }
}

impl Body for DripBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
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
        let drop = self.rest.split_to(bytes);
        Poll::Ready(Some(Ok(Frame::data(drop))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}
