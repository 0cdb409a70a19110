use std::future::Future;

use crate::error::{Call, Error};
use crate::model::HashKey;
use crate::wire::EncodedGroup;

/// Takes log groups for one logstore. Generic: used once per program, on a busy path.
pub trait LogSink: Send + Sync + 'static {
    /// Writes one log group; `Ok` means that the service has it.
    ///
    /// # Errors
    /// [`Error`]; after [`Error::NoAnswer`] the group may have been written all the same.
    fn put_logs(&self, group: &EncodedGroup) -> impl Future<Output = Result<(), Error>> + Send;

    /// Writes one log group that was put together elsewhere, from its bytes.
    ///
    /// A sink that can compress them where they are, or route them, says so by having its own;
    /// by default they are copied first.
    ///
    /// # Errors
    /// As [`put_logs`](Self::put_logs), and by default [`Error::InvalidRequest`] for a group
    /// that wants a certain shard.
    fn put_raw(&self, group: RawGroup<'_>) -> impl Future<Output = Result<(), Error>> + Send {
        async move {
            if group.hash_key.is_some() {
                return Err(Error::InvalidRequest {
                    call: Call::new("PutLogs", ""),
                    reason: "this sink does not route by hash keys".to_owned(),
                });
            }
            let group = EncodedGroup::from_wire(group.bytes.to_vec(), group.logs);
            self.put_logs(&group).await
        }
    }
}

/// The bytes of a log group, borrowed from wherever they were put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawGroup<'a> {
    /// The protobuf message `LogGroup`, which is not checked.
    pub bytes: &'a [u8],
    /// How many logs are inside.
    pub logs: usize,
    /// Where the group goes: the shard whose range holds this key, or any.
    pub hash_key: Option<HashKey>,
}

impl<'a> RawGroup<'a> {
    /// A group for the shard of the service's choice.
    pub const fn new(bytes: &'a [u8], logs: usize) -> Self {
        Self {
            bytes,
            logs,
            hash_key: None,
        }
    }

    /// Wants the shard whose range holds `key`, if there is one.
    #[must_use]
    pub const fn with_hash_key(mut self, key: Option<HashKey>) -> Self {
        self.hash_key = key;
        self
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A fake of ten lines.
    #[derive(Default)]
    struct Fake(Mutex<Vec<EncodedGroup>>);

    impl LogSink for Fake {
        async fn put_logs(&self, group: &EncodedGroup) -> Result<(), Error> {
            self.0.lock().unwrap().push(group.clone());
            Ok(())
        }
    }

    fn now<F: Future>(future: F) -> F::Output {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("not ready at once"),
        }
    }

    #[test]
    fn raw_bytes_reach_a_sink_that_knows_nothing_of_them() {
        let fake = Fake::default();
        now(fake.put_raw(RawGroup::new(b"bytes", 3))).unwrap();
        let groups = fake.0.into_inner().unwrap();
        assert_eq!(groups, [EncodedGroup::from_wire(b"bytes".to_vec(), 3)]);
    }

    #[test]
    fn a_key_is_not_ignored_by_a_sink_that_does_not_route() {
        let fake = Fake::default();
        let group = RawGroup::new(b"bytes", 3).with_hash_key(Some(HashKey::MIN));
        let refused = now(fake.put_raw(group)).unwrap_err();
        assert!(matches!(refused, Error::InvalidRequest { .. }));
        assert!(fake.0.into_inner().unwrap().is_empty());
    }
}
