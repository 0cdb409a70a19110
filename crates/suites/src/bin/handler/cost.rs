//! What a spool costs, by policy: the numbers of docs/spool.md.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;

use telemetry_delivery::spool::{Fsync, Record, Spool, SpoolConfig};
use tokio::time::Instant;

use crate::counts::Counts;
use crate::histogram::Histogram;

/// An item of this size is a typical log.
const ITEM: usize = 200;
/// How long each case is measured.
const LASTING: Duration = Duration::from_secs(2);

pub(crate) fn run() -> Result<Counts, Box<dyn Error>> {
    let root = std::env::temp_dir().join(format!("suite-cost-{}", std::process::id()));
    let policies = [
        ("every record", Fsync::EveryRecord),
        (
            "interval of 500 ms",
            Fsync::Interval(Duration::from_millis(500)),
        ),
        ("system", Fsync::System),
    ];
    for (name, fsync) in policies {
        for items in [1, 1000] {
            let _ = fs::remove_dir_all(&root);
            let measured = measure(&root, fsync, items);
            let _ = fs::remove_dir_all(&root);
            let (times, begun) = measured?;
            let seconds = begun.as_secs_f64();
            println!(
                "cost, {name}, {items} items of {ITEM} bytes per commit: {:.0} items/s; commit p50 {:.1?}, p99 {:.1?}",
                times.count() as f64 * f64::from(items) / seconds,
                times.quantile(0.5),
                times.quantile(0.99),
            );
        }
    }
    Ok(Counts::default())
}

/// Appends, commits and acknowledges, over and over.
fn measure(root: &Path, fsync: Fsync, items: u32) -> Result<(Histogram, Duration), Box<dyn Error>> {
    let mut spool = Spool::open(root, SpoolConfig::default().with_fsync(fsync))?;
    let bytes = vec![b'x'; ITEM * items as usize];
    let ends: Vec<u32> = (1..=items).map(|item| item * ITEM as u32).collect();
    let mut times = Histogram::new();
    let begun = Instant::now();
    while begun.elapsed() < LASTING {
        let before = Instant::now();
        let id = spool.append(Record {
            lane: b"lane",
            ends: &ends,
            bytes: &bytes,
        })?;
        spool.commit(before.into_std())?;
        times.add(before.elapsed());
        spool.acknowledge(id)?;
    }
    let lasted = begun.elapsed();
    spool.close()?;
    Ok((times, lasted))
}
