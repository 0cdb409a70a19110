use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why no complete answer arrived.
///
/// `Display` is one line with this error's own facts; the cause is behind
/// [`source`](Error::source) and not repeated.
/// Neither shows a path, a query, a header or a body, since any of them may hold a secret.
///
/// Cloning is cheap.
#[derive(Clone)]
pub struct TransportError {
    // Boxed, so that a `Result` on the good path is not as large as its rarest error.
    facts: Box<Facts>,
}

#[derive(Debug, Clone)]
struct Facts {
    kind: TransportErrorKind,
    message: Cow<'static, str>,
    sent: bool,
    attempts: u32,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What went wrong, by what a caller may do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The host name has no address, or nobody could be asked for it.
    Dns,
    /// No connection came about: refused, unreachable, or broken while it was set up.
    Connect,
    /// The two sides did not agree on TLS; an untrusted certificate is the usual reason.
    Tls,
    /// There is a proxy on the way, and it opened none to the server.
    Proxy(ProxyErrorKind),
    /// A time limit passed.
    Timeout(TimeoutKind),
    /// The connection ended before the head of an answer was complete.
    Closed,
    /// An answer began, and its body is of no use.
    Body(BodyErrorKind),
    /// What arrived is not HTTP/1.1.
    Protocol,
    /// The request itself cannot be sent, wherever to.
    InvalidRequest,
    /// Anything else; the message says what.
    Other,
}

/// Why a proxy opened no way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProxyErrorKind {
    /// It wants credentials, or other ones: it answered 407.
    Unauthorized,
    /// It does not let this through: any answer that no other kind stands for.
    Refused,
    /// It could not reach the server, or is itself in trouble: its answer was one of 500 to 599.
    Unreachable,
    /// The environment names a proxy that cannot be used.
    Misconfigured,
}

/// Which time limit passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// Name resolution, TCP and TLS together took too long.
    Connect,
    /// One attempt, from its start to the last byte of its answer, took too long.
    Attempt,
    /// The server fell silent in the middle of an answer's body.
    ReadIdle,
    /// The body of an answer came slower than the configured minimum.
    Throughput,
    /// All attempts and the waits between them took too long.
    Deadline,
}

/// What is wrong with an answer's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BodyErrorKind {
    /// It is, or claims to be, larger than the configured limit.
    TooLarge,
    /// The connection ended in the middle of it.
    Cut,
}

impl TransportError {
    /// A failure of a transport of your own.
    ///
    /// `message` becomes the text: lower case, one line, no full stop, no secrets.
    /// Until [`with_sent`](Self::with_sent) says otherwise, [`Dns`], [`Connect`], [`Tls`],
    /// [`Proxy`], [`Timeout(Connect)`](TimeoutKind::Connect) and [`InvalidRequest`] mean that nothing
    /// was sent, and every other kind that something may have been.
    ///
    /// [`Dns`]: TransportErrorKind::Dns
    /// [`Connect`]: TransportErrorKind::Connect
    /// [`Tls`]: TransportErrorKind::Tls
    /// [`Proxy`]: TransportErrorKind::Proxy
    /// [`InvalidRequest`]: TransportErrorKind::InvalidRequest
    pub fn new(kind: TransportErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        use TransportErrorKind as Kind;

        let sent = !matches!(
            kind,
            Kind::Dns
                | Kind::Connect
                | Kind::Tls
                | Kind::Proxy(_)
                | Kind::Timeout(TimeoutKind::Connect)
                | Kind::InvalidRequest
        );
        Self {
            facts: Box::new(Facts {
                kind,
                message: message.into(),
                sent,
                attempts: 1,
                source: None,
            }),
        }
    }

    /// The same with a cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.facts.source = Some(Arc::from(source.into()));
        self
    }

    /// The same, knowing whether any byte of the request may have left.
    #[must_use]
    pub fn with_sent(mut self, sent: bool) -> Self {
        self.facts.sent = sent;
        self
    }

    /// The same after `attempts` attempts. Default: 1.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.facts.attempts = attempts;
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> TransportErrorKind {
        self.facts.kind
    }

    /// Whether the server may have received the request, and hence may have acted on it.
    ///
    /// `false` is certain, `true` is a possibility.
    /// After several attempts it covers all of them: a first attempt that lost its answer and a
    /// second that was refused make `true`.
    #[must_use]
    pub fn may_have_been_sent(&self) -> bool {
        self.facts.sent
    }

    /// How many attempts were made, 1 unless a [`Retry`](crate::Retry) made more.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.facts.attempts
    }

    /// Whether the same request may fare better when sent again, as far as the failure tells.
    ///
    /// | kind | transient |
    /// |---|---|
    /// | `Dns`, `Connect`, `Closed`, `Body(Cut)` | yes |
    /// | `Timeout(Connect)`, `Timeout(Attempt)`, `Timeout(ReadIdle)`, `Timeout(Throughput)` | yes |
    /// | `Proxy(Unreachable)` | yes |
    /// | `Proxy` of any other kind | no |
    /// | `Timeout(Deadline)` | no, the time is used up |
    /// | `Tls`, `Protocol`, `Body(TooLarge)`, `InvalidRequest`, `Other` | no |
    ///
    /// Whether it *should* be sent again also depends on what a second copy would do; see
    /// [`may_have_been_sent`](Self::may_have_been_sent).
    #[must_use]
    pub fn is_transient(&self) -> bool {
        use TransportErrorKind as Kind;

        match self.kind() {
            Kind::Dns | Kind::Connect | Kind::Closed | Kind::Body(BodyErrorKind::Cut) => true,
            Kind::Timeout(which) => which != TimeoutKind::Deadline,
            Kind::Proxy(why) => why == ProxyErrorKind::Unreachable,
            Kind::Tls
            | Kind::Protocol
            | Kind::Body(BodyErrorKind::TooLarge)
            | Kind::InvalidRequest
            | Kind::Other => false,
        }
    }
}

impl fmt::Debug for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Facts {
            kind,
            message,
            sent,
            attempts,
            source,
        } = &*self.facts;
        f.debug_struct("TransportError")
            .field("kind", kind)
            .field("message", message)
            .field("may_have_been_sent", sent)
            .field("attempts", attempts)
            .field("source", source)
            .finish()
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.facts.message)?;
        if self.facts.attempts > 1 {
            write!(f, " ({} attempts)", self.facts.attempts)?;
        }
        Ok(())
    }
}

impl Error for TransportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.facts.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use TransportErrorKind as Kind;

    use super::*;

    #[track_caller]
    fn check(kind: Kind, want_sent: bool, want_transient: bool) {
        let error = TransportError::new(kind, "it broke");
        assert_eq!(error.may_have_been_sent(), want_sent, "sent, {kind:?}");
        assert_eq!(error.is_transient(), want_transient, "transient, {kind:?}");
    }

    #[test]
    fn what_fails_before_the_request_leaves_was_not_sent() {
        check(Kind::Dns, false, true);
        check(Kind::Connect, false, true);
        check(Kind::Tls, false, false);
        check(Kind::Timeout(TimeoutKind::Connect), false, true);
        check(Kind::InvalidRequest, false, false);
        check(Kind::Proxy(ProxyErrorKind::Unauthorized), false, false);
        check(Kind::Proxy(ProxyErrorKind::Refused), false, false);
        check(Kind::Proxy(ProxyErrorKind::Unreachable), false, true);
        check(Kind::Proxy(ProxyErrorKind::Misconfigured), false, false);
    }

    #[test]
    fn what_fails_later_may_have_been_sent() {
        check(Kind::Timeout(TimeoutKind::Attempt), true, true);
        check(Kind::Timeout(TimeoutKind::ReadIdle), true, true);
        check(Kind::Timeout(TimeoutKind::Throughput), true, true);
        check(Kind::Timeout(TimeoutKind::Deadline), true, false);
        check(Kind::Closed, true, true);
        check(Kind::Body(BodyErrorKind::Cut), true, true);
        check(Kind::Body(BodyErrorKind::TooLarge), true, false);
        check(Kind::Protocol, true, false);
        check(Kind::Other, true, false);
    }

    #[test]
    fn the_cause_is_behind_source_and_not_in_the_text() {
        let error = TransportError::new(Kind::Connect, "cannot connect to 127.0.0.1:9")
            .with_source("connection refused");
        assert_eq!(error.to_string(), "cannot connect to 127.0.0.1:9");
        let source = error.source().expect("a cause was given");
        assert_eq!(source.to_string(), "connection refused");
    }

    #[test]
    fn the_text_counts_attempts_once_there_were_several() {
        let error = TransportError::new(Kind::Closed, "closed");
        assert_eq!(error.to_string(), "closed");
        assert_eq!(error.with_attempts(4).to_string(), "closed (4 attempts)");
    }
}
