//! What has arrived in a logstore, for a test to look at.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use sls_core::model::{Cursor, LogGroup, ShardId};
use sls_core::wire::GroupView;

use crate::arrivals::NotArrived;
use crate::logstore::LocalLogstore;

/// A log group and where it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredGroup {
    /// The shard that took it.
    pub shard: ShardId,
    /// The cursor in front of it.
    pub cursor: Cursor,
    /// When it arrived, by the server's clock.
    pub received: SystemTime,
    /// The logs with their topic, source and tags.
    pub group: LogGroup,
}

impl LocalLogstore {
    /// Every log group that is kept, shard by shard in the order of arrival; none when there
    /// is no such logstore.
    ///
    /// # Example
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::time::Duration;
    /// use sls_core::model::{Log, LogGroup, LogstoreConfig, ShardId};
    /// use sls_core::service::LogSink as _;
    /// use sls_core::wire::EncodedGroup;
    /// use sls_local::LocalServer;
    ///
    /// let server = LocalServer::builder().start().await?;
    /// let service = server.service();
    /// service.create_project("shop").await?;
    /// service.create_logstore("shop", LogstoreConfig::named("orders").with_shard_count(1)).await?;
    ///
    /// // The program under test writes, now or later ...
    /// let group = LogGroup::new(vec![Log::at(1).with("amount", "7")]).with_topic("checkout");
    /// service.logstore("shop", "orders").put_logs(&EncodedGroup::from(&group)).await?;
    ///
    /// // ... and this is what came of it.
    /// let orders = service.logstore("shop", "orders");
    /// let stored = orders.wait_for_logs(1, Duration::from_secs(5)).await?;
    /// assert_eq!(stored[0].group, group);
    /// assert_eq!(stored[0].shard, ShardId(0));
    /// assert_eq!(orders.puts_by_shard()[&ShardId(0)], 1);
    /// assert_eq!(server.logs("shop", "orders"), stored);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stored(&self) -> Vec<StoredGroup> {
        let face = self.service().face();
        let Ok(logstore) = face.engine().logstore(self.project(), self.name()) else {
            return Vec::new();
        };
        let mut stored = Vec::new();
        let scanned = logstore.scan(face.clock().now(), &mut |spot, record| {
            // Groups are checked when they are put.
            if let Ok(group) = GroupView::parse(&record.group) {
                stored.push(StoredGroup {
                    shard: spot.shard,
                    cursor: Cursor::at_position(spot.position),
                    received: record.received,
                    group: group.to_owned(),
                });
            }
            Ok(())
        });
        if let Err(error) = scanned {
            tracing::warn!(%error, "not all that is stored could be read");
        }
        stored
    }

    /// How many logs have arrived since the logstore was made, those that expired included.
    pub fn arrived_logs(&self) -> u64 {
        let engine = self.service().face().engine();
        let logstore = engine.logstore(self.project(), self.name());
        logstore.map_or(0, |logstore| logstore.arrived())
    }

    /// How many puts each shard has taken since it was made; closed shards are among them
    /// for as long as they hold something.
    pub fn puts_by_shard(&self) -> BTreeMap<ShardId, u64> {
        let engine = self.service().face().engine();
        let logstore = engine.logstore(self.project(), self.name());
        logstore.map_or_else(|_| BTreeMap::new(), |logstore| logstore.puts())
    }

    /// Waits until so many logs have arrived since the logstore was made, which may happen
    /// meanwhile, and gives what is kept.
    ///
    /// # Errors
    /// [`NotArrived`] when there are fewer at the deadline.
    ///
    /// # Cancel safety
    /// Safe: waiting changes nothing.
    pub async fn wait_for_logs(
        &self,
        count: u64,
        within: Duration,
    ) -> Result<Vec<StoredGroup>, NotArrived> {
        let arrivals = self.service().face().arrivals();
        let arrived = || self.arrived_logs();
        arrivals.wait("logs", count, within, arrived).await?;
        Ok(self.stored())
    }
}
