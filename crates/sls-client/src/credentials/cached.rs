use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use sls_core::CredentialsProvider;
use sls_core::credentials::{Credentials, CredentialsError, CredentialsFuture};
use telemetry_delivery::{Clock, SystemClock};

/// Keeps what another provider gave until shortly before it expires.
///
/// New ones are asked for once, whoever needs them: all who wait for the answer get it, a
/// failure too. Until it is there, whoever comes gets the old ones as long as those are valid,
/// and so does the one who asked when the provider fails.
/// Credentials without an expiry are kept until the service refuses them.
///
/// # Cancel safety
/// A caller that is dropped takes the question along only when nobody else waits for its answer.
pub struct CachedCredentials<P> {
    provider: Arc<P>,
    clock: Arc<dyn Clock>,
    early: Duration,
    // Held for a moment at a time, never across an await.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    credentials: Option<Credentials>,
    /// When the provider was asked last, successfully or not.
    asked_at: Option<SystemTime>,
    /// The question that has no answer yet; its askers own it.
    asking: Weak<Asking>,
    /// The process that it is asked in.
    asking_in: u32,
}

impl Kept {
    /// Forgets a question that was on its way when this process was forked off: whoever asked
    /// is not here, so there will be no answer.
    fn in_process(&mut self, id: u32) {
        if std::mem::replace(&mut self.asking_in, id) != id {
            self.asking = Weak::new();
        }
    }

    fn was_asked_within(&self, time: Duration, now: SystemTime) -> bool {
        let since = self.asked_at.map(|asked| now.duration_since(asked));
        since.is_some_and(|since| since.is_ok_and(|since| since < time))
    }
}

enum Found {
    /// Good for a while, or until an answer comes that somebody else waits for.
    Fresh(Credentials),
    /// Valid, and it is time to ask for new ones.
    Ageing(Credentials, Arc<Asking>),
    Nothing(Arc<Asking>),
}

/// A question to the provider, for all who wait for its answer.
///
/// One of them holds the lock and drives the question; when that one is dropped, the next one
/// goes on where it was.
struct Asking(tokio::sync::Mutex<Question>);

enum Question {
    Open(CredentialsFuture<'static>),
    Answered(Result<Credentials, Failure>),
}

impl<P: CredentialsProvider> CachedCredentials<P> {
    /// How long before they expire new ones are asked for, unless told otherwise.
    pub const DEFAULT_EARLY: Duration = Duration::from_secs(180);

    /// While valid credentials are at hand, the provider is not asked more often than this.
    const PAUSE: Duration = Duration::from_secs(10);

    /// Keeps what `provider` gives.
    pub fn new(provider: P) -> Self {
        Self {
            provider: Arc::new(provider),
            clock: Arc::new(SystemClock),
            early: Self::DEFAULT_EARLY,
            kept: Mutex::default(),
        }
    }

    /// How long before they expire new ones are asked for. Default: 3 minutes.
    #[must_use]
    pub fn with_early(mut self, early: Duration) -> Self {
        self.early = early;
        self
    }

    /// Tells expiry by this clock. Default: the system's.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self) -> Found {
        let now = self.clock.now();
        let mut kept = self.kept();
        kept.in_process(std::process::id());
        let Some(credentials) = kept.credentials.clone() else {
            return Found::Nothing(self.join(&mut kept));
        };
        let Some(expiry) = credentials.expires_at() else {
            return Found::Fresh(credentials);
        };
        let left = expiry.duration_since(now).unwrap_or_default();
        let somebody_asks = kept.asking.strong_count() > 0;
        if left.is_zero() {
            Found::Nothing(self.join(&mut kept))
        } else if left > self.early || somebody_asks || kept.was_asked_within(Self::PAUSE, now) {
            Found::Fresh(credentials)
        } else {
            Found::Ageing(credentials, self.join(&mut kept))
        }
    }

    /// The question that others wait for already, or a new one.
    fn join(&self, kept: &mut Kept) -> Arc<Asking> {
        kept.asking.upgrade().unwrap_or_else(|| {
            let provider = Arc::clone(&self.provider);
            let question = Box::pin(async move { provider.credentials().await });
            let asking = Asking(tokio::sync::Mutex::new(Question::Open(question)));
            let asking = Arc::new(asking);
            kept.asking = Arc::downgrade(&asking);
            asking
        })
    }

    async fn answer(&self, asking: Arc<Asking>) -> Result<Credentials, CredentialsError> {
        let mut question = asking.0.lock().await;
        let answer = match &mut *question {
            Question::Open(asked) => {
                let answer = asked.as_mut().await.map_err(Failure::from);
                let mut kept = self.kept();
                kept.asked_at = Some(self.clock.now());
                // Who comes from now on asks anew, or finds what came.
                kept.asking = Weak::new();
                if let Ok(credentials) = &answer {
                    kept.credentials = Some(credentials.clone());
                }
                answer
            }
            Question::Answered(answer) => return answer.clone().map_err(Failure::into),
        };
        *question = Question::Answered(answer.clone());
        answer.map_err(Failure::into)
    }

    async fn get(&self) -> Result<Credentials, CredentialsError> {
        match self.find() {
            Found::Fresh(credentials) => Ok(credentials),
            Found::Ageing(old, asking) => match self.answer(asking).await {
                Ok(new) => Ok(new),
                Err(error) => {
                    tracing::warn!(%error, "no new credentials; using the old ones");
                    Ok(old)
                }
            },
            Found::Nothing(asking) => self.answer(asking).await,
        }
    }
}

/// A [`CredentialsError`] that several callers get.
#[derive(Clone)]
enum Failure {
    Missing(Vec<&'static str>),
    NoneOf(Vec<Self>),
    Unavailable(&'static str, Cause),
}

/// A cause that several errors have.
#[derive(Clone)]
struct Cause(Arc<dyn Error + Send + Sync>);

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        match error {
            CredentialsError::Missing { variables } => Self::Missing(variables),
            CredentialsError::NoneOf { reasons } => {
                Self::NoneOf(reasons.into_iter().map(Self::from).collect())
            }
            CredentialsError::Unavailable { provider, cause } => {
                Self::Unavailable(provider, Cause(cause.into()))
            }
            other => Self::Unavailable("the provider", Cause(Arc::new(other))),
        }
    }
}

impl From<Failure> for CredentialsError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Missing(variables) => Self::Missing { variables },
            Failure::NoneOf(reasons) => Self::NoneOf {
                reasons: reasons.into_iter().map(Self::from).collect(),
            },
            Failure::Unavailable(provider, cause) => Self::Unavailable {
                provider,
                cause: Box::new(cause),
            },
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl<P: CredentialsProvider> CredentialsProvider for CachedCredentials<P> {
    fn credentials(&self) -> CredentialsFuture<'_> {
        Box::pin(self.get())
    }

    /// Forgets them, unless they are new: what the service refuses a new key is something
    /// that the key may not do, and asking for another one changes nothing.
    fn refused(&self, credentials: &Credentials) {
        let now = self.clock.now();
        {
            let mut kept = self.kept();
            let refused = kept.credentials.as_ref();
            let is_kept = refused.is_some_and(|kept| kept.is_same_key(credentials));
            if !is_kept || kept.was_asked_within(Self::PAUSE, now) {
                return;
            }
            kept.credentials = None;
        }
        self.provider.refused(credentials);
    }
}

impl<P: fmt::Debug> fmt::Debug for CachedCredentials<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedCredentials")
            .field("provider", &self.provider)
            .field("early", &self.early)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sls_core::credentials::FnCredentials;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::time::UNIX_EPOCH;
    use telemetry_delivery::ManualClock;
    use tokio::sync::Notify;

    const LIFE: Duration = Duration::from_secs(3600);

    struct Vault {
        clock: ManualClock,
        asked: AtomicU32,
        broken: AtomicBool,
        /// When set, an answer waits for it.
        gate: Option<Notify>,
    }

    impl Vault {
        fn new(gate: Option<Notify>) -> Arc<Self> {
            Arc::new(Self {
                clock: ManualClock::new(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
                asked: AtomicU32::new(0),
                broken: AtomicBool::new(false),
                gate,
            })
        }

        fn provider(self: &Arc<Self>) -> CachedCredentials<FnCredentials> {
            let vault = Arc::clone(self);
            let provider = FnCredentials::new(move || {
                let vault = Arc::clone(&vault);
                async move { vault.answer().await }
            });
            CachedCredentials::new(provider).with_clock(self.clock.clone())
        }

        async fn answer(&self) -> Result<Credentials, CredentialsError> {
            let nth = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(gate) = &self.gate {
                gate.notified().await;
            }
            if self.broken.load(Ordering::SeqCst) {
                return Err(CredentialsError::Unavailable {
                    provider: "vault",
                    cause: "closed".into(),
                });
            }
            let expiry = self.clock.now() + LIFE;
            Ok(Credentials::new(format!("id-{nth}"), "secret").with_expiry(expiry))
        }

        fn asked(&self) -> u32 {
            self.asked.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn a_process_that_was_forked_off_asks_for_itself() {
        let vault = Vault::new(Some(Notify::new()));
        let provider = vault.provider();
        // Of the parent, which alone goes on with it.
        let mut parents = std::pin::pin!(provider.credentials());
        std::future::poll_fn(|context| {
            assert!(parents.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        provider.kept().asking_in = 0;
        let mut childs = std::pin::pin!(provider.credentials());
        std::future::poll_fn(|context| {
            assert!(childs.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        assert_eq!(vault.asked(), 2);
    }

    async fn id(provider: &CachedCredentials<FnCredentials>) -> String {
        let credentials = provider.credentials().await.unwrap();
        credentials.access_key_id().to_owned()
    }

    #[tokio::test]
    async fn they_are_asked_for_once_and_again_before_they_expire() {
        let vault = Vault::new(None);
        let provider = vault.provider();
        assert_eq!(id(&provider).await, "id-1");
        vault.clock.advance(LIFE - Duration::from_secs(181));
        assert_eq!(id(&provider).await, "id-1");
        vault.clock.advance(Duration::from_secs(1));
        assert_eq!(id(&provider).await, "id-2");
        assert_eq!(vault.asked(), 2);
    }

    #[tokio::test]
    async fn old_ones_are_used_while_they_are_valid_and_the_provider_fails() {
        let vault = Vault::new(None);
        let provider = vault.provider();
        assert_eq!(id(&provider).await, "id-1");
        vault.broken.store(true, Ordering::SeqCst);
        vault.clock.advance(LIFE - Duration::from_secs(60));
        assert_eq!(id(&provider).await, "id-1");
        assert_eq!(id(&provider).await, "id-1");
        assert_eq!(
            vault.asked(),
            2,
            "a broken provider is left alone for a while"
        );
        vault.clock.advance(Duration::from_secs(60));
        assert!(provider.credentials().await.is_err(), "they have expired");
        vault.broken.store(false, Ordering::SeqCst);
        assert_eq!(id(&provider).await, "id-4");
    }

    #[tokio::test]
    async fn many_callers_cause_one_question() {
        let vault = Vault::new(Some(Notify::new()));
        let provider = Arc::new(vault.provider());
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let provider = Arc::clone(&provider);
                tokio::spawn(async move { id(&provider).await })
            })
            .collect();
        tokio::task::yield_now().await;
        vault.gate.as_ref().unwrap().notify_one();
        for caller in callers {
            assert_eq!(caller.await.unwrap(), "id-1");
        }
        assert_eq!(vault.asked(), 1);
    }

    #[tokio::test]
    async fn all_who_wait_get_the_failure_of_one_question() {
        let vault = Vault::new(Some(Notify::new()));
        vault.broken.store(true, Ordering::SeqCst);
        let provider = Arc::new(vault.provider());
        let callers: Vec<_> = (0..20)
            .map(|_| {
                let provider = Arc::clone(&provider);
                tokio::spawn(async move { provider.credentials().await })
            })
            .collect();
        tokio::task::yield_now().await;
        vault.gate.as_ref().unwrap().notify_one();
        for caller in callers {
            let error = caller.await.unwrap().unwrap_err();
            assert_eq!(error.to_string(), "no credentials from vault");
            assert_eq!(error.source().unwrap().to_string(), "closed");
        }
        assert_eq!(vault.asked(), 1);
        // Who comes later asks anew.
        vault.broken.store(false, Ordering::SeqCst);
        vault.gate.as_ref().unwrap().notify_one();
        assert_eq!(id(&provider).await, "id-2");
    }

    #[tokio::test]
    async fn a_question_goes_on_when_the_one_who_asked_it_is_dropped() {
        let vault = Vault::new(Some(Notify::new()));
        let provider = Arc::new(vault.provider());
        let ask = || {
            let provider = Arc::clone(&provider);
            tokio::spawn(async move { id(&provider).await })
        };
        let (first, second, third) = (ask(), ask(), ask());
        tokio::task::yield_now().await;
        assert_eq!(vault.asked(), 1);
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        third.abort();
        vault.gate.as_ref().unwrap().notify_one();
        assert_eq!(second.await.unwrap(), "id-1");
        assert_eq!(vault.asked(), 1);
    }

    #[tokio::test]
    async fn a_question_that_nobody_waits_for_is_dropped() {
        let vault = Vault::new(Some(Notify::new()));
        let provider = Arc::new(vault.provider());
        let asking = Arc::clone(&provider);
        let caller = tokio::spawn(async move { id(&asking).await });
        tokio::task::yield_now().await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        vault.gate.as_ref().unwrap().notify_one();
        assert_eq!(id(&provider).await, "id-2");
    }

    #[tokio::test]
    async fn nobody_waits_for_new_ones_while_the_old_are_valid() {
        let vault = Vault::new(Some(Notify::new()));
        let gate = vault.gate.as_ref().unwrap();
        let provider = Arc::new(vault.provider());
        gate.notify_one();
        assert_eq!(id(&provider).await, "id-1");
        vault.clock.advance(LIFE - Duration::from_secs(60));
        let asking = Arc::clone(&provider);
        let asking = tokio::spawn(async move { id(&asking).await });
        tokio::task::yield_now().await;
        assert_eq!(id(&provider).await, "id-1", "while the other one waits");
        gate.notify_one();
        assert_eq!(asking.await.unwrap(), "id-2");
    }

    #[tokio::test]
    async fn refused_ones_are_forgotten_unless_they_are_others() {
        let vault = Vault::new(None);
        let provider = vault.provider();
        assert_eq!(id(&provider).await, "id-1");
        provider.refused(&Credentials::new("someone", "else"));
        assert_eq!(id(&provider).await, "id-1");
        let refused = provider.credentials().await.unwrap();
        provider.refused(&refused);
        assert_eq!(id(&provider).await, "id-1", "a new key is not to blame");
        vault.clock.advance(Duration::from_secs(60));
        provider.refused(&refused);
        assert_eq!(id(&provider).await, "id-2");
    }

    #[tokio::test]
    async fn debug_shows_no_credentials() {
        let vault = Vault::new(None);
        let provider = vault.provider();
        id(&provider).await;
        assert!(!format!("{provider:?}").contains("secret"));
    }
}
