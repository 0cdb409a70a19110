//! Searching the logs of a logstore by their own time.
//!
//! The service answers from an index; here every log that is kept is looked at, which is
//! exact and quick enough for the amounts that fit into memory.

mod context; // the neighbours of a log
mod query; // text to conditions
mod terms; // how words are found in values

use std::cmp::Reverse;
use std::time::SystemTime;

use bytes::Bytes;
use serde_json::{Map, Value};
use sls_core::model::TextRef;
use sls_core::wire::{GroupView, LogView};
use sls_spl::{OutputRow, Program};

use super::logstore::{Logstore, Spot};
use super::spl::{LogRow, MAX_RESULT, Shared, damaged, stopped};
use super::storage::Record;
use crate::refusal::Refusal;

pub(crate) use context::Around;
pub(crate) use query::Query;

use context::PackMeta;

/// The most logs a pipeline may be run over: they have to be put in order first.
const MAX_PIPED: usize = 1_000_000;

/// Which logs are asked for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) query: Query,
    pub(crate) topic: Option<String>,
    /// Seconds and nanoseconds; the first moment that counts and the first that does not.
    pub(crate) from: (u64, u32),
    pub(crate) to: (u64, u32),
}

/// Which of the found logs are given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    pub(crate) offset: usize,
    pub(crate) lines: usize,
    /// Whether the youngest come first.
    pub(crate) reverse: bool,
    /// Whether each log tells its place among those of its writer.
    pub(crate) pack_meta: bool,
}

/// A page of logs, and what it took to find them.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) items: Vec<Map<String, Value>>,
    pub(crate) scanned_rows: u64,
    pub(crate) scanned_bytes: u64,
}

/// When a log happened, and its place among those of the same time.
type Place = (u64, u32, u64);

/// A found log: where it is, to be looked at again.
struct Hit {
    place: Place,
    spot: Spot,
    group: Bytes,
    nth: usize,
}

impl Search {
    /// The page of matching logs, after `pipeline` when there is one.
    pub(crate) fn run(
        &self,
        logstore: &Logstore,
        page: Page,
        pipeline: Option<&Program>,
        now: SystemTime,
    ) -> Result<Found, Refusal> {
        let mut found = Found::default();
        let mut hits = Hits::new(page, pipeline.is_some());
        self.scan(logstore, now, &mut found, |hit| hits.push(hit))?;
        let hits = hits.in_order();
        let mut size = AnswerSize::default();
        found.items = match pipeline {
            Some(program) => piped(program, &hits, page, now)?,
            None => hits
                .iter()
                .skip(page.offset)
                .take(page.lines)
                .map(|hit| hit.item(page.pack_meta, &mut size))
                .collect::<Result<_, _>>()?,
        };
        Ok(found)
    }

    /// How many logs match in each of the spans that begin at `starts` and end at the next,
    /// the last at the end of the search.
    pub(crate) fn count(
        &self,
        logstore: &Logstore,
        starts: &[u64],
        now: SystemTime,
    ) -> Result<Vec<u64>, Refusal> {
        let mut counts = vec![0; starts.len()];
        self.scan(logstore, now, &mut Found::default(), |hit| {
            let span = starts.partition_point(|start| *start <= hit.place.0);
            if let Some(count) = span.checked_sub(1).and_then(|span| counts.get_mut(span)) {
                *count += 1;
            }
            Ok(())
        })?;
        Ok(counts)
    }

    fn scan(
        &self,
        logstore: &Logstore,
        now: SystemTime,
        found: &mut Found,
        mut take: impl FnMut(Hit) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let mut sequence = 0;
        logstore.scan(now, &mut |spot, record: &Record| {
            let group = GroupView::parse(&record.group).map_err(damaged)?;
            let topic = group.topic().unwrap_or_default();
            if self.topic.as_ref().is_some_and(|wanted| topic != **wanted) {
                return Ok(());
            }
            found.scanned_bytes += record.group.len() as u64;
            for (nth, log) in group.logs().enumerate() {
                sequence += 1;
                found.scanned_rows += 1;
                let time = (u64::from(log.time()), log.time_ns().unwrap_or(0));
                if time < self.from || time >= self.to || !self.query.matches(&group, &log) {
                    continue;
                }
                take(Hit {
                    place: (time.0, time.1, sequence),
                    spot,
                    group: record.group.clone(),
                    nth,
                })?;
            }
            Ok(())
        })
    }
}

/// The hits that can still be on the page.
struct Hits {
    page: Page,
    /// How many can be on the page or before it; all of them, when they are piped.
    wanted: Option<usize>,
    kept: Vec<Hit>,
}

impl Hits {
    fn new(page: Page, piped: bool) -> Self {
        let wanted = page.offset.saturating_add(page.lines);
        Self {
            page,
            wanted: (!piped).then_some(wanted),
            kept: Vec::new(),
        }
    }

    fn push(&mut self, hit: Hit) -> Result<(), Refusal> {
        self.kept.push(hit);
        let most = match self.wanted {
            // Sorting once in a while keeps no more than twice of what is wanted.
            Some(wanted) => 4096_usize.max(wanted.saturating_mul(2)),
            None => MAX_PIPED,
        };
        if self.kept.len() <= most {
            return Ok(());
        }
        let Some(wanted) = self.wanted else {
            return Err(Refusal::parameter(format!(
                "more than {MAX_PIPED} logs match; ask for a shorter time"
            )));
        };
        self.sort();
        self.kept.truncate(wanted);
        Ok(())
    }

    fn in_order(mut self) -> Vec<Hit> {
        self.sort();
        self.kept
    }

    fn sort(&mut self) {
        if self.page.reverse {
            self.kept.sort_unstable_by_key(|hit| Reverse(hit.place));
        } else {
            self.kept.sort_unstable_by_key(|hit| hit.place);
        }
    }
}

impl Hit {
    fn view(&self) -> Result<(GroupView<'_>, LogView<'_>), Refusal> {
        let group = GroupView::parse(&self.group).map_err(damaged)?;
        let log = group.logs().nth(self.nth).ok_or_else(|| {
            Refusal::internal(
                "InternalServerError",
                "a log group changed while it was read",
            )
        })?;
        Ok((group, log))
    }

    fn item(&self, pack_meta: bool, size: &mut AnswerSize) -> Result<Map<String, Value>, Refusal> {
        let (group, log) = self.view()?;
        size.add(log.as_bytes().len())?;
        let meta = (pack_meta && context::pack_id(&group).is_some()).then(|| PackMeta {
            spot: self.spot,
            logs: group.log_count(),
            nth: self.nth,
        });
        Ok(item(&group, &log, meta))
    }
}

/// The log as it is answered: every value is text.
fn item(group: &GroupView<'_>, log: &LogView<'_>, meta: Option<PackMeta>) -> Map<String, Value> {
    let mut item = Map::new();
    let text = |text: Option<TextRef<'_>>| Value::from(text.unwrap_or_default().to_string());
    item.insert("__time__".to_owned(), log.time().to_string().into());
    item.insert("__topic__".to_owned(), text(group.topic()));
    item.insert("__source__".to_owned(), text(group.source()));
    for (key, value) in group.tags() {
        item.insert(format!("__tag__:{key}"), text(Some(value)));
    }
    for (key, value) in log.contents() {
        item.insert(key.to_string(), text(Some(value)));
    }
    if let Some(meta) = meta {
        item.insert("__pack_meta__".to_owned(), meta.to_string().into());
    }
    item
}

/// Refuses an answer that grows too large to be held.
#[derive(Debug, Default)]
struct AnswerSize(usize);

impl AnswerSize {
    fn add(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.0 += bytes;
        if self.0 <= MAX_RESULT {
            return Ok(());
        }
        Err(Refusal::parameter(format!(
            "limit: the answer is over {MAX_RESULT} bytes, fewer lines give less"
        )))
    }
}

fn piped(
    program: &Program,
    hits: &[Hit],
    page: Page,
    now: SystemTime,
) -> Result<Vec<Map<String, Value>>, Refusal> {
    let mut evaluator = program.evaluator(now);
    let mut items = Vec::new();
    let mut passed = 0;
    let mut size = AnswerSize::default();
    for hit in hits {
        if items.len() >= page.lines {
            break;
        }
        let mut bytes = 0;
        let (group, log) = hit.view()?;
        let shared = Shared::of(&group);
        let row = LogRow::new(log, &shared);
        let mut keep = |row: OutputRow<'_>| {
            passed += 1;
            if passed > page.offset && items.len() < page.lines {
                items.push(item_of(&row, &mut bytes));
            }
        };
        evaluator
            .row(&row, &mut keep)
            .map_err(|error| stopped(&error))?;
        size.add(bytes)?;
    }
    Ok(items)
}

fn item_of(row: &OutputRow<'_>, bytes: &mut usize) -> Map<String, Value> {
    let mut item = Map::new();
    row.visit(&mut |name, value| {
        *bytes += name.len() + value.len();
        let value = String::from_utf8_lossy(value).into_owned();
        item.insert(name.to_owned(), value.into());
    });
    item
}
