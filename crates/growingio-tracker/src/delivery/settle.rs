use std::sync::Arc;
use std::time::Duration;

use telemetry_delivery::{Backoff, BoxTransport};
use tokio::time::{sleep, timeout};

use crate::courier::Courier;
use crate::delivery::Then;
use crate::error::Error;
use crate::outbox::Outbox;
use crate::pending::Pending;
use crate::report::Report;

/// Sends all of an outbox within a deadline, and tells what is left of it.
pub(super) fn settle(
    courier: &Courier,
    outbox: Arc<Outbox>,
    deadline: Duration,
    then: Then,
) -> Pending<Report> {
    if outbox.waiting() == 0 && !outbox.has_more() {
        if then == Then::Close {
            outbox.drop_waiting();
        }
        return Pending::ready(report(&outbox, None));
    }
    let gone = {
        let outbox = Arc::clone(&outbox);
        move |gone| {
            if then == Then::Close {
                outbox.drop_waiting();
            }
            report(&outbox, Some(Error::of_courier(gone)))
        }
    };
    courier.ask_to_the_end(
        move |transport| async move {
            let mut error = None;
            if timeout(deadline, send_all(&outbox, &transport, &mut error))
                .await
                .is_err()
            {
                // What went wrong last says more than the time.
                error.get_or_insert(Error::DeadlinePassed { deadline });
            }
            if then == Then::Close {
                outbox.abandon().await;
            }
            report(&outbox, error)
        },
        gone,
    )
}

/// Sends until nothing waits any more, with pauses while that fails.
async fn send_all(outbox: &Outbox, transport: &BoxTransport, error: &mut Option<Error>) {
    let mut failures = 0;
    loop {
        let had_more = outbox.has_more();
        *error = outbox.send_all(transport).await.err();
        let all_is_gone = outbox.waiting() == 0 && !outbox.has_more();
        match error {
            _ if all_is_gone => return,
            // What was on disk and had no room before is in memory now.
            None if had_more => failures = 0,
            None => return,
            Some(_) => failures += 1,
        }
        if failures == 0 {
            continue;
        }
        sleep(pause(failures)).await;
    }
}

/// How long to leave a collector alone that has accepted nothing so many times, the retries of
/// every request aside: half a second, doubling up to ten.
pub(super) fn pause(failures: u32) -> Duration {
    let pauses = Backoff::new(Duration::from_millis(500), Duration::from_secs(10));
    pauses.without_jitter().delay(failures, 0)
}

fn report(outbox: &Outbox, error: Option<Error>) -> Report {
    Report {
        counts: outbox.counts(),
        waiting: outbox.waiting(),
        error,
    }
}
