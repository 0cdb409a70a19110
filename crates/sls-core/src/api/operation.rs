use http::StatusCode;

use super::{ApiReply, ApiRequest, InvalidReply};
use crate::error::{Call, Error};

/// One operation of the service. Sealed: new required methods may come.
pub trait Operation: Sealed + Send + Sync {
    /// What the answer holds.
    type Reply: Send;

    /// The name of the operation in the service's manual.
    const NAME: &'static str;

    /// Whether it is about a project or about the account.
    const SCOPE: Scope = Scope::Project;

    /// Whether the request carries a signature. Only web tracking does without.
    const SIGNED: bool = true;

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

/// What a call is about, and so which host it goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// A project or something in it: the project's name is part of the host.
    Project,
    /// The account in one region: the host is the endpoint alone.
    Account,
}

/// Keeps [`Operation`] to this crate: its name cannot be reached from outside.
pub trait Sealed {}
