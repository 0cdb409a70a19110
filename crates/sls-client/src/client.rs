use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::Bytes;
use http::{Request, Uri, header};
use sls_core::api::{ApiReply, ApiRequest, ListLogstores, ListProjects, Operation, Scope};
use sls_core::credentials::CredentialsError;
use sls_core::model::{Page, Project};
use sls_core::sign::SignError;
use sls_core::wire::Compression;
use sls_core::{Call, CredentialsProvider, Endpoint, Error};
use telemetry_delivery::{Attempts, BoxTransport, Once, TransportError};
use tower::ServiceExt as _;
use tracing::{Instrument as _, Span};

use crate::call_record::{self, CallRecord};
use crate::config::ClientBuilder;
use crate::handle::{LogstoreHandle, ProjectHandle};
use crate::paging::{self, Listing};
use crate::sign_layer::Unsigned;

/// Performs the operations of the log service.
///
/// ```text
///   send(operation)
///     encode                       sls_core::api, no I/O
///     Retry                        one deadline around all attempts
///       Sign                       fresh credentials and time for every attempt
///         Transport                one attempt, kept connections
///     decode
/// ```
///
/// Cloning is cheap and clones share connections, credentials and the retry budget, so a
/// program needs one client for each endpoint.
///
/// # Example
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = sls_local::LocalServer::builder().start().await?;
/// # let endpoint = server.endpoint();
/// # let credentials = server.credentials();
/// use sls_client::{Client, StaticCredentials};
///
/// // A server in the same process; for the service, "cn-hangzhou.log.aliyuncs.com".
/// let client = Client::builder(endpoint.parse()?, StaticCredentials::new(credentials)).build()?;
/// # client.project("my-project").create("").await?;
/// # let config = sls_core::model::LogstoreConfig::named("my-logstore");
/// # client.logstore("my-project", "my-logstore").create(config).await?;
/// for shard in client.logstore("my-project", "my-logstore").shards().await? {
///     println!("{shard}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    endpoint: Endpoint,
    stack: BoxTransport,
    user_agent: http::HeaderValue,
    compression: Compression,
}

impl Client {
    /// Starts to configure a client.
    pub fn builder(endpoint: Endpoint, credentials: impl CredentialsProvider) -> ClientBuilder {
        ClientBuilder::new(endpoint, credentials)
    }

    pub(crate) fn new(
        endpoint: Endpoint,
        stack: BoxTransport,
        user_agent: http::HeaderValue,
        compression: Compression,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                endpoint,
                stack,
                user_agent,
                compression,
            }),
        }
    }

    /// Where this client sends its calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// How this client compresses what it puts, and wants compressed what it pulls.
    pub fn compression(&self) -> Compression {
        self.inner.compression
    }

    /// The calls about one project.
    pub fn project(&self, project: impl Into<String>) -> ProjectHandle {
        ProjectHandle::new(self.clone(), project.into())
    }

    /// The calls about one logstore.
    pub fn logstore(
        &self,
        project: impl Into<String>,
        logstore: impl Into<String>,
    ) -> LogstoreHandle {
        LogstoreHandle::new(self.clone(), project.into(), logstore.into())
    }

    /// Lists the account's projects in the endpoint's region.
    ///
    /// A size of more than 500 takes several requests, one after the other, until there
    /// are as many or there are no more; `u32::MAX` gives all.
    ///
    /// # Errors
    /// [`Error::Service`] when the service refuses, and whatever one request can end with.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = sls_local::LocalServer::builder().start().await?;
    /// # let client = sls_client::Client::builder(
    /// #     server.endpoint().parse()?,
    /// #     sls_client::StaticCredentials::new(server.credentials()),
    /// # ).build()?;
    /// use sls_core::api::ListProjects;
    ///
    /// client.project("shop-north").create("").await?;
    /// client.project("shop-south").create("").await?;
    /// let shops = ListProjects::new().with_name("shop").with_size(u32::MAX);
    /// for project in client.list_projects(&shops).await?.items {
    ///     println!("{project}");
    /// }
    /// # assert_eq!(client.list_projects(&shops).await?.items.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn list_projects(&self, list: &ListProjects) -> Result<Page<Project>, Error> {
        let listing = Listing {
            offset: list.offset(),
            size: list.size(),
            most: ListProjects::MAX_SIZE,
        };
        paging::list(self, listing, |offset, size| {
            list.clone().with_offset(offset).with_size(size)
        })
        .await
    }

    /// Lists the names of a project's logstores, as [`list_projects`](Self::list_projects)
    /// lists projects.
    ///
    /// # Errors
    /// [`Error::Service`] with `ProjectNotExist` when there is no such project.
    pub async fn list_logstores(&self, list: &ListLogstores) -> Result<Page<String>, Error> {
        let Some(size) = list.size() else {
            return self.send(list).await;
        };
        let listing = Listing {
            offset: list.offset(),
            size,
            most: ListLogstores::MAX_SIZE,
        };
        paging::list(self, listing, |offset, size| {
            list.clone().with_offset(offset).with_size(size)
        })
        .await
    }

    /// Performs one operation.
    ///
    /// # Errors
    /// [`Error::Service`] when the service refuses, [`Error::BadAnswer`] when it answers
    /// nonsense, [`Error::NoAnswer`] when no complete answer arrives in time, and the
    /// others when nothing was sent.
    ///
    /// # Cancel safety
    /// Dropping the future ends the attempt in flight; the service may have acted on it.
    ///
    /// # Tracing
    /// A `debug` span `call`; nothing about single logs, and neither bodies nor queries.
    ///
    /// | field | is | when there is none |
    /// |---|---|---|
    /// | `operation` | the operation, as the manual spells it | |
    /// | `project` | the project's name | empty, for calls about the account |
    /// | `resource` | project, logstore and shard, as far as the call is about one | |
    /// | `attempts` | how many attempts were made | the call is under way, or nothing was sent |
    /// | `status` | the HTTP status of the last answer | no answer arrived |
    /// | `request_id` | the service's name for the call | no answer arrived |
    pub async fn send<O: Operation>(&self, operation: &O) -> Result<O::Reply, Error> {
        self.send_as(operation, |_| ()).await
    }

    /// The same for a call that must not be repeated: a copy that arrives late would undo what was
    /// said after it. The caller, who knows what it said since, tries again.
    pub(crate) async fn send_once<O: Operation>(&self, operation: &O) -> Result<O::Reply, Error> {
        let mark = |request: &mut Request<Bytes>| {
            request.extensions_mut().insert(Once);
        };
        self.send_as(operation, mark).await
    }

    async fn send_as<O: Operation>(
        &self,
        operation: &O,
        mark: impl FnOnce(&mut Request<Bytes>) + Send,
    ) -> Result<O::Reply, Error> {
        let span = call_record::span(operation);
        let performing = async {
            let mut request = self.request(operation)?;
            mark(&mut request);
            self.perform(operation, request, span.clone()).await
        };
        performing.instrument(span.clone()).await
    }

    async fn perform<O: Operation>(
        &self,
        operation: &O,
        request: Request<Bytes>,
        span: Span,
    ) -> Result<O::Reply, Error> {
        let record = CallRecord::begin(span, O::NAME, request.body().len());
        let outcome = self.inner.stack.clone().oneshot(request).await;
        let response = match outcome {
            Ok(response) => response,
            Err(cause) => {
                record.not_answered(cause.attempts());
                return Err(no_answer(operation.call(), cause));
            }
        };
        let (parts, body) = response.into_parts();
        let Attempts(attempts) = parts.extensions.get().copied().unwrap_or(Attempts(1));
        let reply = ApiReply {
            status: parts.status,
            headers: parts.headers,
            body,
        };
        let outcome = operation.read(&reply);
        record.answered(attempts, &reply, outcome.as_ref().err());
        outcome
    }

    /// Adds the address; the signature is added for every attempt.
    fn request<O: Operation>(&self, operation: &O) -> Result<Request<Bytes>, Error> {
        let project = operation.project();
        if let Some(reason) = unusable_as_host(O::SCOPE, project) {
            return Err(Error::InvalidRequest {
                call: operation.call(),
                reason: format!("{project:?} is not a project: {reason}"),
            });
        }
        let encoded = operation.encode();
        let invalid = |reason: String| Error::InvalidRequest {
            call: operation.call(),
            reason,
        };
        if leads_elsewhere(&encoded.path) {
            let path = &encoded.path;
            let reason = "is empty, has a slash, or is `.` or `..`";
            return Err(invalid(format!("a name in {path:?} {reason}")));
        }
        let endpoint = &self.inner.endpoint;
        let address = endpoint.base_url(project) + &encoded.path_and_query();
        let uri: Uri = address
            .parse()
            .map_err(|cause| invalid(format!("the address cannot be written: {cause}")))?;
        let host = endpoint
            .host_header(project)
            .parse()
            .map_err(|_| invalid("the host cannot be written".to_owned()))?;
        let ApiRequest {
            method,
            path,
            query,
            headers,
            body,
        } = encoded;
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        request.headers_mut().insert(header::HOST, host);
        request
            .headers_mut()
            .insert(header::USER_AGENT, self.inner.user_agent.clone());
        request.extensions_mut().insert(Arc::new(Unsigned {
            path,
            query,
            anonymous: !O::SIGNED,
            renewed: AtomicBool::new(false),
        }));
        Ok(request)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.inner.endpoint)
            .field("compression", &self.inner.compression)
            .finish_non_exhaustive()
    }
}

/// The project becomes part of the host name, so what it may hold decides where we connect.
fn unusable_as_host(scope: Scope, project: &str) -> Option<&'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if project.is_empty() {
        (scope != Scope::Account).then_some("it is empty")
    } else if !project.bytes().all(allowed) {
        Some("it may hold letters, digits and - only")
    } else {
        None
    }
}

/// Whether a server, or a proxy on the way, may take a path for another one.
fn leads_elsewhere(path: &str) -> bool {
    let names = path.strip_prefix('/').unwrap_or(path);
    let is_no_name =
        |name: &str| matches!(name, "" | "." | "..") || name.contains(ApiRequest::SLASH);
    !names.is_empty() && names.split('/').any(is_no_name)
}

fn no_answer(call: Call, cause: TransportError) -> Error {
    let (may_have_acted, transient) = (cause.may_have_been_sent(), cause.is_transient());
    let not_signed = std::error::Error::source(&cause)
        .is_some_and(|source| source.is::<CredentialsError>() || source.is::<SignError>());
    let cause = Box::new(cause);
    if not_signed {
        Error::NotSigned { call, cause }
    } else {
        Error::NoAnswer {
            call,
            may_have_acted,
            transient,
            cause,
        }
    }
}
