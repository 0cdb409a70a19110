use std::time::SystemTime;

use sls_core::Error;
use sls_core::api::{
    ContextLogs, GetContextLogs, GetHistograms, GetLogs, GetLogsV2, Histograms, ListTopics,
};
use sls_core::model::{LogQuery, QueryResult};

use super::LogstoreHandle;
use crate::patience::Patience;

impl LogstoreHandle {
    /// Searches the logstore, or runs SQL over what a search finds.
    ///
    /// While the answer is not complete it is asked for again, up to 5 times with half a
    /// second in between; [`query_with`](Self::query_with) takes another
    /// [`Patience`]. What is not complete by then is given all the same, see
    /// [`QueryResult::is_complete`].
    ///
    /// # Errors
    /// [`Error::Service`] with `IndexConfigNotExist` when the logstore has no index, and
    /// with `InvalidQueryString` or `ParameterInvalid` when the query cannot be read.
    ///
    /// # Cancel safety
    /// Safe: a search changes nothing.
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
    /// # use sls_core::model::{IndexConfig, KeyIndex, Log, LogGroup};
    /// # logstore.create_index(IndexConfig::default().with_key("status", KeyIndex::long())).await?;
    /// # let log = Log::at(1_700_000_000).with("status", "404").with("path", "/cart");
    /// # logstore.put(&(&LogGroup::new(vec![log])).into()).await?;
    /// # let now = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_060);
    /// use std::time::Duration;
    /// use sls_core::model::LogQuery;
    ///
    /// let query = LogQuery::between(now - Duration::from_secs(900), now).with_query("status: 404");
    /// let found = logstore.query(query).await?;
    /// for row in &found.rows {
    ///     println!("{row}");
    /// }
    /// if !found.is_complete() {
    ///     println!("there may be more");
    /// }
    /// # assert_eq!(found.rows.len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn query(&self, query: LogQuery) -> Result<QueryResult, Error> {
        self.query_with(query, Patience::default()).await
    }

    /// Searches as [`query`](Self::query) does, with another patience.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn query_with(
        &self,
        query: LogQuery,
        patience: Patience,
    ) -> Result<QueryResult, Error> {
        let operation = GetLogs::new(&self.project, &self.logstore, query)
            .with_accept(self.client.compression());
        patience
            .ask(&self.client, &operation, QueryResult::is_complete)
            .await
    }

    /// Searches as [`query`](Self::query) does, by the older form of the call, for servers
    /// that do not know the newer one.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn query_v2(&self, query: LogQuery) -> Result<QueryResult, Error> {
        let operation = GetLogsV2::new(&self.project, &self.logstore, query);
        Patience::default()
            .ask(&self.client, &operation, QueryResult::is_complete)
            .await
    }

    /// Searches page by page, until `most` logs are found or there are no more.
    ///
    /// For a search without SQL, of which one answer holds at most 100 logs; SQL has its
    /// own `limit`. [`LogQuery::line`] is the size of a page. A page that stays incomplete
    /// ends it early. The meta is that of the last page, with the counts of all.
    ///
    /// # Errors
    /// As [`query`](Self::query); what was found before is lost then.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn query_pages(&self, query: LogQuery, most: u64) -> Result<QueryResult, Error> {
        let mut all = QueryResult::default();
        loop {
            let got = all.rows.len() as u64;
            let left = u32::try_from(most - got).unwrap_or(u32::MAX);
            let next = query
                .clone()
                .with_offset(query.offset.saturating_add(got))
                .with_line(query.line.min(left));
            let mut page = self.query(next).await?;
            let arrived = page.rows.len() as u64;
            page.meta.count += all.meta.count;
            page.meta.processed_rows += all.meta.processed_rows;
            all.meta = page.meta;
            all.rows.append(&mut page.rows);
            if arrived == 0 || got + arrived >= most || !all.is_complete() {
                return Ok(all);
            }
        }
    }

    /// Counts what a search finds, part by part of its time, `to` not included.
    ///
    /// An answer may be incomplete and says so; the same call again goes on from there.
    /// [`GetHistograms`] takes more, for instance the length of a part.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn histograms(
        &self,
        from: SystemTime,
        to: SystemTime,
        query: &str,
    ) -> Result<Histograms, Error> {
        let operation =
            GetHistograms::new(&self.project, &self.logstore, from, to).with_query(query);
        self.client.send(&operation).await
    }

    /// The topics of the logstore's logs.
    ///
    /// [`ListTopics`] gives them part by part.
    ///
    /// # Errors
    /// [`Error::Service`] with `LogStoreNotExist` when there is no such logstore.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn topics(&self) -> Result<Vec<String>, Error> {
        let mut topics = Vec::new();
        let mut list = ListTopics::new(&self.project, &self.logstore);
        loop {
            let part = self.client.send(&list).await?;
            let is_empty = part.topics.is_empty();
            topics.extend(part.topics);
            match part.next_token {
                Some(token) if !is_empty => list = list.with_token(token),
                _ => return Ok(topics),
            }
        }
    }

    /// The logs that the same writer wrote before and after a log, 0 to 100 each.
    ///
    /// The log's place is in its fields `__tag__:__pack_id__` and `__pack_meta__`, which a
    /// search shows when its query ends in `|with_pack_meta`. An incomplete answer is asked
    /// for again, as [`query`](Self::query) does.
    ///
    /// # Errors
    /// [`Error::Service`] with `ParameterInvalid` when there is no such place.
    ///
    /// # Cancel safety
    /// Safe: dropping the future loses only the answer.
    pub async fn context(
        &self,
        pack_id: &str,
        pack_meta: &str,
        back_lines: u32,
        forward_lines: u32,
    ) -> Result<ContextLogs, Error> {
        let operation = GetContextLogs::new(&self.project, &self.logstore, pack_id, pack_meta)
            .with_lines(back_lines, forward_lines);
        Patience::default()
            .ask(&self.client, &operation, ContextLogs::is_complete)
            .await
    }
}
