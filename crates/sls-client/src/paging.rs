use sls_core::Error;
use sls_core::api::Operation;
use sls_core::model::Page;

use crate::client::Client;

/// Which part of a list is wanted, and how much of it one answer holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Listing {
    pub(crate) offset: u32,
    pub(crate) size: u32,
    pub(crate) most: u32,
}

/// Gets a part of a list, one request after the other where it does not fit one answer.
///
/// What fits one answer is one request, also when fewer items come back than were asked for.
pub(crate) async fn list<O, T>(
    client: &Client,
    listing: Listing,
    at: impl Fn(u32, u32) -> O + Send + Sync,
) -> Result<Page<T>, Error>
where
    O: Operation<Reply = Page<T>>,
    T: Send,
{
    let Listing { offset, size, most } = listing;
    let mut all = client.send(&at(offset, size.min(most))).await?;
    let mut arrived = all.items.len();
    loop {
        let got = u32::try_from(all.items.len()).unwrap_or(u32::MAX);
        let next = offset.saturating_add(got);
        if size <= most || arrived == 0 || got >= size || u64::from(next) >= all.total {
            return Ok(all);
        }
        let page = client.send(&at(next, most.min(size - got))).await?;
        arrived = page.items.len();
        all.total = page.total;
        all.items.extend(page.items);
    }
}
