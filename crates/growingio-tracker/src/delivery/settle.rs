use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

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
    if outbox.waiting() == 0 {
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
            let error = match timeout(deadline, outbox.send_all(&transport)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error),
                Err(_) => Some(Error::DeadlinePassed { deadline }),
            };
            if then == Then::Close {
                outbox.abandon().await;
            }
            report(&outbox, error)
        },
        gone,
    )
}

fn report(outbox: &Outbox, error: Option<Error>) -> Report {
    Report {
        counts: outbox.counts(),
        waiting: outbox.waiting(),
        error,
    }
}
