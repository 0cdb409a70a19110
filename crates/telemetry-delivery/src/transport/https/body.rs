use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Body;
use tokio::time::{Instant, timeout, timeout_at};

/// How much is set aside on the word of a `Content-Length` alone.
const TRUSTED_BYTES: usize = 256 * 1024;

/// Why a body was given up.
#[derive(Debug)]
pub(super) enum BodyFailure<E> {
    TooLarge,
    Idle,
    Slow { bytes: usize, window: Duration },
    Broken(E),
}

/// Reads a body to its end, at most `max_bytes` of it, never waiting longer than `read_idle`
/// for more, and wanting so many bytes in every window when there is a minimum.
///
/// A body that announces more than `max_bytes` is not read at all.
pub(super) async fn read<B>(
    body: B,
    max_bytes: usize,
    read_idle: Duration,
    min_throughput: Option<(usize, Duration)>,
) -> Result<Bytes, BodyFailure<B::Error>>
where
    B: Body<Data = Bytes>,
{
    let size = body.size_hint();
    let fits = |bytes: u64| usize::try_from(bytes).is_ok_and(|bytes| bytes <= max_bytes);
    if !fits(size.lower()) {
        return Err(BodyFailure::TooLarge);
    }
    let announced = size.exact().and_then(|bytes| usize::try_from(bytes).ok());

    let mut body = pin!(body);
    let mut read = Vec::new();
    let mut pace = min_throughput.map(|(bytes, window)| Pace::new(bytes, window));
    loop {
        let next = timeout(read_idle, poll_fn(|cx| body.as_mut().poll_frame(cx)));
        let next = match &mut pace {
            None => next.await,
            Some(pace) => match pace.hold(next, read.len()).await {
                Some(next) => next,
                None => return Err(pace.failure()),
            },
        };
        let frame = match next {
            Err(_) => return Err(BodyFailure::Idle),
            Ok(None) => return Ok(Bytes::from(read)),
            Ok(Some(Err(error))) => return Err(BodyFailure::Broken(error)),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > max_bytes - read.len() {
            return Err(BodyFailure::TooLarge);
        }
        let needed = read.len() + data.len();
        if needed > read.capacity() {
            let capacity = grown(read.capacity(), needed, announced);
            read.reserve_exact(capacity - read.len());
        }
        read.extend_from_slice(&data);
    }
}

/// How fast a body has to come.
struct Pace {
    bytes: usize,
    window: Duration,
    /// When the current window ends; `None` when that is too far away to be a time.
    ends: Option<Instant>,
    /// How much had been read when it began.
    read_before: usize,
}

impl Pace {
    fn new(bytes: usize, window: Duration) -> Self {
        Self {
            bytes,
            window,
            ends: Instant::now().checked_add(window),
            read_before: 0,
        }
    }

    /// Waits for `next`; `None` when a window ends first that brought too little.
    ///
    /// `read` is how much had arrived when the wait began.
    async fn hold<F: Future>(&mut self, next: F, read: usize) -> Option<F::Output> {
        let mut next = pin!(next);
        while let Some(ends) = self.ends {
            // What has arrived already comes first, however late it is that we look.
            if let Ok(frame) = timeout_at(ends, next.as_mut()).await {
                return Some(frame);
            }
            if read - self.read_before < self.bytes {
                return None;
            }
            self.read_before = read;
            self.ends = Instant::now().checked_add(self.window);
        }
        Some(next.await)
    }

    fn failure<E>(&self) -> BodyFailure<E> {
        BodyFailure::Slow {
            bytes: self.bytes,
            window: self.window,
        }
    }
}

/// The next capacity of a buffer that has to hold `needed` bytes.
///
/// It doubles, and stops at the announced size, so that an honest server costs no spare bytes
/// and a lying one at most twice what it sent.
fn grown(capacity: usize, needed: usize, announced: Option<usize>) -> usize {
    let next = match announced {
        Some(announced) => capacity.saturating_mul(2).max(TRUSTED_BYTES).min(announced),
        None => capacity.saturating_mul(2),
    };
    next.max(needed)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::rc::Rc;
    use std::task::{Context, Poll};

    use hyper::body::{Frame, SizeHint};
    use tokio::time::{Instant, Sleep, sleep};

    use super::*;

    const IDLE: Duration = Duration::from_secs(30);

    /// Gives `frames` frames of `frame_bytes` each, one every `gap`.
    struct Drip {
        frames: usize,
        frame_bytes: usize,
        gap: Duration,
        announced: Option<u64>,
        waiting: Pin<Box<Sleep>>,
        given: Rc<Cell<usize>>,
    }

    impl Drip {
        fn new(frames: usize, frame_bytes: usize, gap: Duration) -> Self {
            Self {
                frames,
                frame_bytes,
                gap,
                announced: None,
                waiting: Box::pin(sleep(gap)),
                given: Rc::default(),
            }
        }

        fn announcing(mut self, bytes: u64) -> Self {
            self.announced = Some(bytes);
            self
        }

        fn given(&self) -> Rc<Cell<usize>> {
            Rc::clone(&self.given)
        }
    }

    impl Body for Drip {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.given.get() == self.frames {
                return Poll::Ready(None);
            }
            if self.waiting.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            let next = Instant::now() + self.gap;
            self.waiting.as_mut().reset(next);
            self.given.set(self.given.get() + 1);
            let data = Bytes::from(vec![7; self.frame_bytes]);
            Poll::Ready(Some(Ok(Frame::data(data))))
        }

        fn size_hint(&self) -> SizeHint {
            self.announced.map(SizeHint::with_exact).unwrap_or_default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_announced_size_over_the_limit_is_refused_unread() {
        let body = Drip::new(usize::MAX, 100, Duration::ZERO).announcing(1001);
        let given = body.given();
        let failure = read(body, 1000, IDLE, None).await.unwrap_err();
        assert!(matches!(failure, BodyFailure::TooLarge));
        assert_eq!(given.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unannounced_body_is_left_as_soon_as_it_passes_the_limit() {
        let body = Drip::new(usize::MAX, 100, Duration::ZERO);
        let given = body.given();
        let failure = read(body, 1000, IDLE, None).await.unwrap_err();
        assert!(matches!(failure, BodyFailure::TooLarge));
        assert_eq!(given.get(), 11);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_exactly_the_limit_is_read() {
        for announced in [None, Some(1000)] {
            let mut body = Drip::new(10, 100, Duration::ZERO);
            body.announced = announced;
            assert_eq!(read(body, 1000, IDLE, None).await.unwrap(), vec![7; 1000]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_longer_than_the_limit_is_given_up() {
        let began = Instant::now();
        let body = Drip::new(2, 1, Duration::from_secs(31));
        let failure = read(body, 1000, IDLE, None).await.unwrap_err();
        assert!(matches!(failure, BodyFailure::Idle));
        assert_eq!(began.elapsed(), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn every_byte_starts_the_silence_anew() {
        let body = Drip::new(3, 1, Duration::from_secs(29));
        assert_eq!(read(body, 1000, IDLE, None).await.unwrap().len(), 3);
    }

    const PACE: Option<(usize, Duration)> = Some((100, Duration::from_secs(10)));

    #[tokio::test(start_paused = true)]
    async fn a_steady_drip_below_the_minimum_is_given_up_after_one_window() {
        let began = Instant::now();
        let body = Drip::new(usize::MAX, 9, Duration::from_secs(1));
        let failure = read(body, 100_000, IDLE, PACE).await.unwrap_err();
        assert!(matches!(failure, BodyFailure::Slow { bytes: 100, .. }));
        assert_eq!(began.elapsed(), Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_above_the_minimum_is_read_to_its_end() {
        let body = Drip::new(500, 11, Duration::from_millis(990));
        let read = read(body, 100_000, IDLE, PACE).await.unwrap();
        assert_eq!(read.len(), 5500);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_one_window_do_not_count_in_the_next() {
        let began = Instant::now();
        let body = Drip::new(2, 5000, Duration::from_secs(25));
        let failure = read(body, 100_000, IDLE, PACE).await.unwrap_err();
        assert!(matches!(failure, BodyFailure::Slow { .. }));
        assert_eq!(began.elapsed(), Duration::from_secs(10));

        let body = Drip::new(usize::MAX, 5000, Duration::from_secs(9));
        let began = Instant::now();
        let failure = read(body, 100_000, IDLE, PACE).await.unwrap_err();
        assert!(matches!(failure, BodyFailure::TooLarge), "{failure:?}");
        assert_eq!(began.elapsed(), Duration::from_secs(9 * 21));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_window_may_bring_less() {
        let body = Drip::new(1, 9, Duration::from_secs(9));
        assert_eq!(read(body, 1000, IDLE, PACE).await.unwrap().len(), 9);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_told_from_slowness() {
        let pace = Some((1, Duration::from_secs(60)));
        let body = Drip::new(2, 1, Duration::from_secs(31));
        let failure = read(body, 1000, IDLE, pace).await.unwrap_err();
        assert!(matches!(failure, BodyFailure::Idle));
    }

    #[test]
    fn memory_follows_what_arrived_and_not_what_was_announced() {
        let huge = Some(usize::MAX);
        assert_eq!(grown(0, 1, huge), TRUSTED_BYTES);
        assert_eq!(
            grown(TRUSTED_BYTES, TRUSTED_BYTES + 1, huge),
            2 * TRUSTED_BYTES
        );
    }

    #[test]
    fn an_honest_announcement_leaves_no_spare_bytes() {
        assert_eq!(grown(0, 1, Some(1000)), 1000);
        let announced = 3 * TRUSTED_BYTES;
        let last = grown(2 * TRUSTED_BYTES, 2 * TRUSTED_BYTES + 1, Some(announced));
        assert_eq!(last, announced);
    }
}
