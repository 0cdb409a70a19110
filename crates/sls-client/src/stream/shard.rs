use std::ops::Range;
use std::time::Duration;

use futures_core::Stream;
use sls_core::Error;
use sls_core::api::{Processing, PullLogs, PulledLogs};
use sls_core::model::{Cursor, ShardId};
use sls_core::service::{Pull, ShardReader};
use tokio::time::Instant;

use super::start::{StreamStart, reaches};

/// The calls about one shard, over the service or anything else that reads shards.
#[derive(Debug, Clone)]
pub struct ShardHandle<R> {
    reader: R,
    shard: ShardId,
}

impl<R: ShardReader> ShardHandle<R> {
    /// The calls about one shard of `reader`.
    pub fn new(reader: R, shard: ShardId) -> Self {
        Self { reader, shard }
    }

    /// Reads the shard batch by batch from a position on.
    pub fn stream(self, from: impl Into<StreamStart>) -> ShardStream<R> {
        ShardStream {
            reader: self.reader,
            shard: self.shard,
            next: from.into(),
            end: None,
            count: PullLogs::DEFAULT_COUNT,
            processing: None,
            idle: ShardStream::<R>::DEFAULT_IDLE,
            until_caught_up: false,
            standing: None,
        }
    }

    /// Reads the shard from one place up to another, and ends there.
    ///
    /// A time means the time of receipt, not the time inside the logs. The end is fixed
    /// when the first batch is read: what is written later does not belong to it, also
    /// when `to` lies in the future. To go on after an interruption, start at the
    /// [`next_cursor`](PulledLogs::next_cursor) of the last batch, with the same end.
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
    /// # client.project("shop").create("").await?;
    /// # let logstore = client.logstore("shop", "access");
    /// # logstore.create(sls_core::model::LogstoreConfig::named("access").with_shard_count(1)).await?;
    /// # let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    /// use std::time::Duration;
    /// use sls_core::model::ShardId;
    ///
    /// let hour_ago = now - Duration::from_secs(3600);
    /// let mut batches = logstore.shard(ShardId(0)).stream_between(hour_ago, now);
    /// while let Some(batch) = batches.next().await {
    ///     println!("{}", batch?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream_between(
        self,
        from: impl Into<StreamStart>,
        to: impl Into<StreamStart>,
    ) -> ShardStream<R> {
        let mut stream = self.stream(from);
        stream.end = Some(to.into());
        stream
    }

    /// Reads the shard in a range of times or cursors, as
    /// [`stream_between`](Self::stream_between) does.
    pub fn bounded(self, range: Range<impl Into<StreamStart>>) -> ShardStream<R> {
        self.stream_between(range.start, range.end)
    }
}

/// Reads one shard batch by batch.
///
/// Every batch that moves the cursor is given, one that a query left empty included, so that
/// [`PulledLogs::next_cursor`] of the last batch is always where to go on. While the cursor
/// stands still the stream waits and asks again.
///
/// # Example
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// # let server = sls_local::LocalServer::builder().start().await?;
/// # let client = sls_client::Client::builder(
/// #     server.endpoint().parse()?,
/// #     sls_core::credentials::StaticCredentials::new(server.credentials()),
/// # ).build()?;
/// use sls_core::model::{CursorPosition, Log, LogGroup, LogstoreConfig};
/// use sls_core::wire::EncodedGroup;
///
/// client.project("shop").create("").await?;
/// let logstore = client.logstore("shop", "access");
/// logstore.create(LogstoreConfig::named("access").with_shard_count(1)).await?;
/// let group = LogGroup::new(vec![Log::at(1).with("status", "404"), Log::at(2).with("status", "200")]);
/// logstore.put(&EncodedGroup::from(&group)).await?;
///
/// let shard = logstore.shards().await?[0].id;
/// let mut stream = logstore
///     .shard(shard)
///     .stream(CursorPosition::Begin)
///     .with_query("* | where status = '404'")
///     .until_caught_up();
/// let mut matched = 0;
/// while let Some(batch) = stream.next().await {
///     matched += batch?.log_count();
/// }
/// assert_eq!(matched, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "a stream reads nothing until its next batch is asked for"]
pub struct ShardStream<R> {
    reader: R,
    shard: ShardId,
    next: StreamStart,
    end: Option<StreamStart>,
    count: u32,
    processing: Option<Processing>,
    idle: Duration,
    until_caught_up: bool,
    /// What the last pull, which did not move the cursor, leaves to do.
    standing: Option<Standing>,
}

/// Why a cursor stands still, as far as it matters.
#[derive(Debug, Clone, Copy)]
struct Standing {
    /// When to ask again. Kept here, so that a call that is dropped does not start the wait
    /// anew.
    until: Instant,
    /// Whether the service said that there is more all the same.
    more: bool,
}

impl<R: ShardReader> ShardStream<R> {
    /// How long to wait while the cursor stands still, unless told otherwise.
    pub const DEFAULT_IDLE: Duration = Duration::from_secs(1);

    /// Has the service run an SPL query over the logs. Default: none.
    pub fn with_query(self, query: impl Into<String>) -> Self {
        self.with_processing(Processing::Query(query.into()))
    }

    /// Has the service filter and change the logs. Default: nothing.
    pub fn with_processing(mut self, processing: Processing) -> Self {
        self.processing = Some(processing);
        self
    }

    /// The most log groups in a batch, 1 to 1000. Default: 1000.
    pub fn with_count(mut self, count: u32) -> Self {
        self.count = count;
        self
    }

    /// How long to wait while the cursor stands still. Default: 1 second.
    pub fn with_idle(mut self, wait: Duration) -> Self {
        self.idle = wait;
        self
    }

    /// Ends when the cursor stands still, instead of waiting.
    pub fn until_caught_up(mut self) -> Self {
        self.until_caught_up = true;
        self
    }

    /// The shard that is read.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Where the next batch starts; `None` until the service has given a cursor.
    pub fn cursor(&self) -> Option<&Cursor> {
        match &self.next {
            StreamStart::Cursor(cursor) => Some(cursor),
            StreamStart::Position(_) => None,
        }
    }

    /// The next batch; `None` when reading only until caught up or up to an end, and that is
    /// reached.
    ///
    /// # Errors
    /// What the service refused or the network lost. The stream stays where it is, so
    /// calling again tries the same batch again.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer in flight, and the next call reads
    /// the same batch again.
    pub async fn next(&mut self) -> Option<Result<PulledLogs, Error>> {
        loop {
            if let Some(standing) = self.standing {
                // An end lies within what was there when it was fixed, so a cursor that
                // stands still in front of it has nothing left to reach.
                if !standing.more && (self.until_caught_up || self.end.is_some()) {
                    return None;
                }
                tokio::time::sleep_until(standing.until).await;
                self.standing = None;
            }
            match self.pull().await {
                Ok(None) => return None,
                Ok(Some(batch)) if batch.is_caught_up() => {
                    self.standing = Some(Standing {
                        until: Instant::now() + self.idle,
                        more: batch.end_of_cursor() == Some(false),
                    });
                }
                Ok(Some(batch)) => {
                    self.next = StreamStart::Cursor(batch.next_cursor().clone());
                    return Some(Ok(batch));
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next batch, or `None` when the cursor has reached the end.
    async fn pull(&mut self) -> Result<Option<PulledLogs>, Error> {
        let cursor = fix(&self.reader, self.shard, &mut self.next).await?;
        let end_cursor = match &mut self.end {
            Some(end) => Some(fix(&self.reader, self.shard, end).await?),
            None => None,
        };
        if end_cursor.as_ref().is_some_and(|end| reaches(&cursor, end)) {
            return Ok(None);
        }
        let pull = Pull {
            shard: self.shard,
            cursor,
            count: self.count,
            end_cursor,
            processing: self.processing.clone(),
        };
        self.reader.pull(pull).await.map(Some)
    }

    /// The same as a [`Stream`], for combinators.
    pub fn into_stream(self) -> impl Stream<Item = Result<PulledLogs, Error>> + Send {
        futures_util::stream::unfold(self, |mut stream| async move {
            let batch = stream.next().await?;
            Some((batch, stream))
        })
    }
}

/// Turns a position into a cursor and keeps it, so that `End` means the end at the first
/// try and not at a later one.
async fn fix<R: ShardReader>(
    reader: &R,
    shard: ShardId,
    place: &mut StreamStart,
) -> Result<Cursor, Error> {
    match place {
        StreamStart::Cursor(cursor) => Ok(cursor.clone()),
        StreamStart::Position(position) => {
            let cursor = reader.cursor(shard, *position).await?;
            *place = StreamStart::Cursor(cursor.clone());
            Ok(cursor)
        }
    }
}
