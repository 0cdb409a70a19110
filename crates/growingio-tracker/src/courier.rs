//! The thread that sends for callers who may have no runtime.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::future::{Either, select};
use telemetry_delivery::BoxTransport;
#[cfg(any(feature = "https", test))]
use telemetry_delivery::Transport;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::pending::Pending;
use crate::per_process::PerProcess;

/// Jobs that may wait for their turn. Whoever hands one over usually waits for it.
const WAITING: usize = 4096;
/// Jobs that are done side by side.
const AT_ONCE: usize = 64;

type Job = Box<dyn FnOnce(BoxTransport) -> Task + Send>;
type Task = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes transports; a process that was forked needs one of its own.
pub(crate) type MakeTransport = Arc<dyn Fn() -> BoxTransport + Send + Sync>;

/// Makes a transport each time, and takes the first one where that fails.
#[cfg(any(feature = "https", test))]
pub(crate) fn made_again<T: Transport, E: fmt::Display>(
    first: T,
    make: impl Fn() -> Result<T, E> + Send + Sync + 'static,
) -> MakeTransport {
    let first = BoxTransport::new(first);
    Arc::new(move || match make() {
        Ok(transport) => BoxTransport::new(transport),
        Err(error) => {
            tracing::warn!(%error, "no new transport can be made; the first one goes on");
            first.clone()
        }
    })
}

/// Performs what is handed to it on a thread of its own, or on a runtime of the program's.
///
/// The thread is started with the first job and ends when the courier is dropped and what was
/// under way is done. A process that was forked starts another, since threads do not survive a
/// fork and connections must not be shared.
pub(crate) struct Courier {
    make_transport: MakeTransport,
    /// The threads of a runtime do not survive a fork either, so it is that of one process.
    runtime: Option<(u32, Handle)>,
    // Held for a moment at a time, never across an await.
    jobs: PerProcess<Mutex<Option<mpsc::Sender<Job>>>>,
}

impl Courier {
    pub(crate) fn new(make_transport: MakeTransport, runtime: Option<Handle>) -> Self {
        Self {
            make_transport,
            runtime: runtime.map(|runtime| (std::process::id(), runtime)),
            jobs: PerProcess::new(|| Mutex::new(None)),
        }
    }

    /// Performs a job; dropping what is returned gives it up.
    ///
    /// `gone` tells what it comes to when the job cannot be done.
    pub(crate) fn ask<T, F>(
        &self,
        job: impl FnOnce(BoxTransport) -> F + Send + 'static,
        gone: impl Fn(Gone) -> T + Send + 'static,
    ) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (mut tell, answer) = oneshot::channel();
        let job: Job = Box::new(move |transport| {
            let work = Box::pin(job(transport));
            Box::pin(async move {
                let done = match select(work, Box::pin(tell.closed())).await {
                    Either::Left((value, _)) => Some(value),
                    // Nobody waits for it any more.
                    Either::Right(_) => None,
                };
                if let Some(value) = done {
                    drop(tell.send(value));
                }
            })
        });
        match self.hand_over(job) {
            Ok(()) => Pending::waiting(answer, move || gone(Gone::NoThread)),
            Err(why) => Pending::ready(gone(why)),
        }
    }

    /// Performs a job whether anybody waits for it or not.
    pub(crate) fn ask_to_the_end<T, F>(
        &self,
        job: impl FnOnce(BoxTransport) -> F + Send + 'static,
        gone: impl Fn(Gone) -> T + Send + 'static,
    ) -> Pending<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (tell, answer) = oneshot::channel();
        let job: Job = Box::new(move |transport| {
            let work = job(transport);
            Box::pin(async move { drop(tell.send(work.await)) })
        });
        match self.hand_over(job) {
            Ok(()) => Pending::waiting(answer, move || gone(Gone::NoThread)),
            Err(why) => Pending::ready(gone(why)),
        }
    }

    fn hand_over(&self, job: Job) -> Result<(), Gone> {
        let own = self.jobs.get();
        let mut place = own.lock().unwrap_or_else(PoisonError::into_inner);
        let job = match &*place {
            Some(jobs) => match jobs.try_send(job) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(_)) => return Err(Gone::Busy),
                // The thread has ended, or its runtime.
                Err(TrySendError::Closed(job)) => job,
            },
            None => job,
        };
        let (jobs, queue) = mpsc::channel(WAITING);
        if jobs.try_send(job).is_err() {
            return Err(Gone::Busy);
        }
        let transport = (self.make_transport)();
        let runtime = self.runtime.as_ref();
        let started = match runtime.filter(|(process, _)| *process == std::process::id()) {
            Some((_, runtime)) => {
                runtime.spawn(work(queue, transport));
                Ok(())
            }
            None => std::thread::Builder::new()
                .name("growingio-tracker".to_owned())
                .spawn(
                    move || match Builder::new_current_thread().enable_all().build() {
                        Ok(runtime) => {
                            runtime.block_on(work(queue, transport));
                            // A name that is still being resolved would hold up a drop.
                            runtime.shutdown_background();
                        }
                        Err(error) => tracing::error!(%error, "no runtime for sending"),
                    },
                )
                .map(drop),
        };
        match started {
            Ok(()) => {
                *place = Some(jobs);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "no thread for sending");
                Err(Gone::NoThread)
            }
        }
    }
}

/// Why a job was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Too many are waiting already.
    Busy,
    /// The thread could not be started, or has ended.
    NoThread,
}

/// Performs jobs side by side until no more can come and all are done.
async fn work(mut queue: mpsc::Receiver<Job>, transport: BoxTransport) {
    let mut under_way = JoinSet::new();
    loop {
        if under_way.len() == AT_ONCE {
            under_way.join_next().await;
        }
        match next(&mut queue, &mut under_way).await {
            Next::Job(job) => drop(under_way.spawn(job(transport.clone()))),
            Next::Done => {}
            Next::End => break,
        }
    }
    while under_way.join_next().await.is_some() {}
}

/// What happens next to one who works.
enum Next {
    /// There is another job.
    Job(Job),
    /// One that was under way is done.
    Done,
    /// No more can come.
    End,
}

async fn next(queue: &mut mpsc::Receiver<Job>, under_way: &mut JoinSet<()>) -> Next {
    poll_fn(|cx| {
        if let Poll::Ready(job) = queue.poll_recv(cx) {
            return Poll::Ready(job.map_or(Next::End, Next::Job));
        }
        // `None` is ready at once and means that nothing is under way.
        match under_way.poll_join_next(cx) {
            Poll::Ready(Some(_)) => Poll::Ready(Next::Done),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    })
    .await
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use bytes::Bytes;
    use http::{Request, Response};
    use telemetry_delivery::TransportError;
    use tower::{ServiceExt as _, service_fn};

    use super::*;

    /// Answers with a status.
    fn transport(status: u16) -> BoxTransport {
        BoxTransport::new(service_fn(move |_: Request<Bytes>| async move {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status.try_into().unwrap();
            Ok::<_, TransportError>(response)
        }))
    }

    async fn status(transport: BoxTransport) -> u16 {
        let request = Request::new(Bytes::new());
        transport.oneshot(request).await.unwrap().status().as_u16()
    }

    /// A thread that could not have a transport of its own panicked.
    #[tokio::test]
    async fn where_no_transport_can_be_made_any_more_the_first_one_goes_on() {
        let made = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&made);
        let make = made_again(transport(200), move || {
            match count.fetch_add(1, Ordering::SeqCst) {
                0 => Ok(transport(201)),
                _ => Err("the proxy makes no sense"),
            }
        });
        let mut seen = Vec::new();
        for _ in 0..3 {
            // A thread of its own for each, as after a fork or after its end.
            let courier = Courier::new(Arc::clone(&make), None);
            seen.push(courier.ask(status, |gone| panic!("{gone:?}")).await);
        }
        assert_eq!(seen, [201, 200, 200]);
        assert_eq!(made.load(Ordering::SeqCst), 3);
    }
}
