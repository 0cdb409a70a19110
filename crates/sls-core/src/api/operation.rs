use http::StatusCode;

use super::{ApiReply, ApiRequest, InvalidReply};
use crate::error::{Call, Error};

/// One operation of the service. Sealed: new required methods may come.
pub trait Operation: Sealed + Send + Sync {
    /// What the answer holds.
    type Reply: Send;

    /// The name of the operation in the service's manual.
    const NAME: &'static str;

    /// The project it is about, empty for the account.
    fn project(&self) -> &str;

    /// What it is about, for people: project, logstore, shard.
    fn resource(&self) -> String {
        self.project().to_owned()
    }

    /// The request, without address and signature.
    fn encode(&self) -> ApiRequest;

    /// Reads an answer of status 200.
    ///
    /// # Errors
    /// Says what is wrong with the answer.
    fn decode(&self, reply: &ApiReply) -> Result<Self::Reply, InvalidReply>;

    /// The name of this call in errors.
    fn call(&self) -> Call {
        Call::new(Self::NAME, self.resource())
    }

    /// Reads any answer: the reply, or the refusal as an error.
    ///
    /// Only status 200 is success on this service.
    ///
    /// # Errors
    /// [`Error::Service`] for a refusal, [`Error::BadAnswer`] for what is neither a refusal
    /// nor a reply.
    fn read(&self, reply: &ApiReply) -> Result<Self::Reply, Error> {
        if reply.status != StatusCode::OK {
            return Err(reply.refusal(self.call()));
        }
        self.decode(reply).map_err(|invalid| Error::BadAnswer {
            call: self.call(),
            status: reply.status.as_u16(),
            request_id: reply.request_id(),
            reason: invalid.reason,
            cause: invalid.cause,
        })
    }
}

/// Keeps [`Operation`] to this crate: its name cannot be reached from outside.
pub trait Sealed {}
