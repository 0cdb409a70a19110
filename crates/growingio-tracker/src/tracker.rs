use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use growingio_codecs::record::Preset;
use growingio_codecs::{EventRecord, ItemRecord, Rules, UserMapping, unix_ms};
use telemetry_delivery::Clock;
use tokio::runtime::Handle;

use crate::config::{ConfigError, TrackerBuilder};
use crate::counts::{Counters, Counts};
use crate::delivery::{Delivery, Then};
use crate::error::Error;
use crate::message::{CustomEvent, Given, Identity, Message, UserAttributes};
use crate::pending::Pending;
use crate::report::Report;

/// Tracks events, user attributes and items.
///
/// Every call checks and takes its message at once; what it returns is to be awaited, or
/// waited for with [`Pending::wait`], and tells whether it worked. When messages are sent is a
/// matter of the [strategy](crate::Strategy).
///
/// Clones and the trackers of other [projects](Self::project) share all of it. When the last of
/// them is dropped, what waits is sent first, for as long as
/// [`close_wait`](TrackerBuilder::close_wait) allows.
#[doc(alias = "GrowingTracker")]
#[derive(Clone)]
pub struct Tracker {
    shared: Arc<Shared>,
    project: Project,
}

/// From this size on, in bytes, an id is refused: the product's is part of the address of every
/// request, which cannot have any length.
pub(crate) const LONG_ID: usize = 1 << 10;

/// A product and one of its data sources.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) product_id: Arc<str>,
    pub(crate) data_source_id: Arc<str>,
}

impl Project {
    pub(crate) fn new(product_id: &str, data_source_id: &str) -> Result<Self, ConfigError> {
        for (setting, id) in [
            ("product_id", product_id),
            ("data_source_id", data_source_id),
        ] {
            if id.is_empty() {
                return Err(ConfigError::Missing { setting });
            }
            if id.len() >= LONG_ID {
                let why = "it has 1024 bytes or more";
                return Err(ConfigError::Unusable { setting, why });
            }
        }
        Ok(Self {
            product_id: product_id.into(),
            data_source_id: data_source_id.into(),
        })
    }
}

/// What all clones of a tracker have in common.
pub(crate) struct Shared {
    pub(crate) delivery: Arc<dyn Delivery>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) rules: Rules,
    /// Platform and version.
    pub(crate) sdk: (String, String),
    pub(crate) presets: Vec<Preset<'static>>,
    pub(crate) request_timeout: Duration,
    pub(crate) close_wait: Duration,
    pub(crate) runtime: Option<Handle>,
}

impl Tracker {
    /// A tracker that sends every message at once, as JSON.
    ///
    /// # Errors
    /// [`ConfigError`] when an id is empty or has 1024 bytes or more, or the host is not an address that begins with
    /// `http://` or `https://`.
    #[cfg(feature = "https")]
    pub fn new(
        product_id: impl Into<String>,
        data_source_id: impl Into<String>,
        server_host: impl Into<String>,
    ) -> Result<Self, ConfigError> {
        Self::builder(product_id, data_source_id, server_host).build()
    }

    /// Sets up a tracker.
    ///
    /// `product_id` is the project (AccountID), `data_source_id` one source inside it, and
    /// `server_host` the address of the collector, with its scheme and, if need be, a path.
    pub fn builder(
        product_id: impl Into<String>,
        data_source_id: impl Into<String>,
        server_host: impl Into<String>,
    ) -> TrackerBuilder {
        TrackerBuilder::new(product_id, data_source_id, server_host)
    }

    pub(crate) fn of(shared: Shared, project: Project) -> Self {
        Self {
            shared: Arc::new(shared),
            project,
        }
    }

    /// A tracker for another project, or another data source, by the same means.
    ///
    /// # Errors
    /// [`ConfigError::Missing`] when an id is empty, and [`ConfigError::Unusable`] when it has 1024
    /// bytes or more.
    pub fn project(&self, product_id: &str, data_source_id: &str) -> Result<Self, ConfigError> {
        Ok(Self {
            shared: Arc::clone(&self.shared),
            project: Project::new(product_id, data_source_id)?,
        })
    }

    /// Tracks a custom event that happens now.
    ///
    /// # Errors
    /// As [`track`](Self::track).
    pub fn track_custom_event<'a>(
        &'a self,
        event_name: impl Into<Cow<'a, str>>,
        identity: Identity<'a>,
        attributes: impl Into<Given<'a>>,
    ) -> Pending<Result<(), Error>> {
        let now = unix_ms(self.shared.clock.now());
        let mut event = Box::new(EventRecord::custom(event_name, now));
        identity.put_into(&mut event);
        event.attributes = attributes.into().0.unwrap_or_default();
        self.track(Message::Event(event))
    }

    /// Tracks attributes of a login user.
    ///
    /// # Errors
    /// As [`track`](Self::track).
    pub fn track_user<'a>(
        &'a self,
        identity: Identity<'a>,
        attributes: impl Into<Given<'a>>,
    ) -> Pending<Result<(), Error>> {
        let mut event = self.user_attributes().with_identity(identity);
        if let Given(Some(attributes)) = attributes.into() {
            event = event.with_attributes(attributes);
        }
        self.track(event)
    }

    /// Submits an item, a row of a dimension table.
    ///
    /// # Errors
    /// As [`track`](Self::track).
    pub fn submit_item<'a>(
        &'a self,
        item_key: impl Into<Cow<'a, str>>,
        item_id: impl Into<Cow<'a, str>>,
        attributes: impl Into<Given<'a>>,
    ) -> Pending<Result<(), Error>> {
        let mut item = ItemRecord::new(item_key, item_id);
        item.attributes = attributes.into().0;
        self.track(item)
    }

    /// Says that ids of several kinds, login user keys and ids, belong to one user.
    ///
    /// Only the protobuf codec has a form for it.
    ///
    /// # Errors
    /// As [`track`](Self::track).
    pub fn map_user<'a, K, V>(
        &'a self,
        identities: impl IntoIterator<Item = (K, V)>,
    ) -> Pending<Result<(), Error>>
    where
        K: Into<Cow<'a, str>>,
        V: Into<Cow<'a, str>>,
    {
        let now = unix_ms(self.shared.clock.now());
        let mapping = identities
            .into_iter()
            .fold(UserMapping::new(now), |mapping, (key, id)| {
                mapping.with_identity(key, id)
            });
        self.track(mapping)
    }

    /// Begins a custom event that happens now by the tracker's clock.
    #[doc(alias = "EventBuilder")]
    pub fn custom_event<'a>(&self, event_name: impl Into<Cow<'a, str>>) -> CustomEvent<'a> {
        CustomEvent::made_at(event_name, self.shared.clock.now())
    }

    /// Begins attributes of a login user that hold from now on by the tracker's clock.
    #[doc(alias = "UserBuilder")]
    pub fn user_attributes<'a>(&self) -> UserAttributes<'a> {
        UserAttributes::made_at(self.shared.clock.now())
    }

    /// Tracks a message.
    ///
    /// It is checked and taken before this returns. Product and data source become those of
    /// the tracker, and events get its presets where they have none of their own.
    ///
    /// # Errors
    /// [`Error`]; unless it [was taken](Error::is_taken) nevertheless, nothing becomes of the
    /// message.
    pub fn track<'a>(&'a self, message: impl Into<Message<'a>>) -> Pending<Result<(), Error>> {
        let mut message = message.into();
        self.complete(&mut message);
        if let Err(cause) = message.check(&self.shared.rules) {
            self.shared.counters.failed();
            let route = message.route();
            return Pending::ready(Err(Error::Invalid { route, cause }));
        }
        self.shared.delivery.take(message)
    }

    /// Fills in what a message does not say about itself.
    fn complete<'a>(&'a self, message: &mut Message<'a>) {
        let Project {
            product_id,
            data_source_id,
        } = &self.project;
        message.set_ids(product_id, data_source_id);
        if let Message::Event(event) = message {
            let (platform, version) = &self.shared.sdk;
            event.platform = Some(platform.as_str().into());
            event.sdk_version = Some(version.as_str().into());
            for preset in &self.shared.presets {
                if event.presets.get(preset).is_none() {
                    event.presets.set(preset.clone());
                }
            }
        }
    }

    /// Sends all that waits, and returns when that is done or `deadline` has passed.
    ///
    /// It can be repeated, and messages may come meanwhile.
    pub fn flush(&self, deadline: Duration) -> Pending<Report> {
        self.shared.delivery.settle(deadline, Then::GoOn)
    }

    /// Sends all that waits, and takes nothing more. For all clones.
    ///
    /// It returns when that is done or `deadline` has passed; what waits then is given up and
    /// counted as dropped. Calls that come later fail with [`Error::Closed`].
    #[doc(alias = "stop")]
    pub fn close(&self, deadline: Duration) -> Pending<Report> {
        self.shared.delivery.settle(deadline, Then::Close)
    }

    /// What has become of the messages so far.
    pub fn counts(&self) -> Counts {
        self.shared.counters.now()
    }

    /// How long one attempt may take.
    pub fn request_timeout(&self) -> Duration {
        self.shared.request_timeout
    }

    /// The product that messages belong to.
    pub fn product_id(&self) -> &str {
        &self.project.product_id
    }

    /// The data source that messages belong to.
    pub fn data_source_id(&self) -> &str {
        &self.project.data_source_id
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracker")
            .field("project", &self.project)
            .field("delivery", &self.shared.delivery)
            .finish_non_exhaustive()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let closing = self.delivery.settle(self.close_wait, Then::Close);
        match &self.runtime {
            // This may be one of its threads, and the only one.
            Some(runtime) => drop(runtime.spawn(closing)),
            None => {
                // The strategy keeps to the time; this is for one that does not.
                let _ = closing.wait_at_most(self.close_wait + Duration::from_secs(1));
            }
        }
    }
}
