//! What an expression may reach besides the row: memory, zone, clock, and the tally of errors.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use regex::bytes::Regex;

use crate::clock::Stopwatch;
use crate::error::ErrorKind;
use crate::value::Value;

/// Longest single value a function may make, in bytes; larger ones are data errors.
pub(crate) const MAX_VALUE: usize = 16 << 20;
/// Deepest nesting of arrays and maps.
const MAX_NESTING: usize = 64;
/// How many steps pass between two looks at the stopwatch.
const STEPS_PER_CHECK: u32 = 64;
/// How many bytes a function may work through between two looks at the stopwatch: a look costs
/// less than a thousandth of that, and every function is through with it in some milliseconds.
pub(crate) const WORK_PER_CHECK: usize = 256 << 10;
/// Longest pattern that may come from a row, in bytes; larger ones are data errors.
pub(crate) const MAX_PATTERN: usize = 64 << 10;
/// Patterns that come from rows and are kept compiled at a time.
const CACHED_PATTERNS: usize = 64;

/// What outlives a row and belongs to one evaluator.
#[derive(Debug)]
pub(crate) struct Run<'p> {
    pub(crate) zone: &'p TimeZone,
    pub(crate) now: Timestamp,
    pub(crate) memory_limit: usize,
    pub(crate) stopwatch: &'p dyn Stopwatch,
    pub(crate) deadline: Duration,
    pub(crate) steps: Cell<u32>,
    /// Bytes worked through since the last look at the stopwatch.
    pub(crate) work: Cell<usize>,
    pub(crate) random: Cell<u64>,
    pub(crate) patterns: RefCell<HashMap<Vec<u8>, Option<Arc<Regex>>>>,
}

/// What belongs to one row.
pub(crate) struct Context<'a> {
    pub(crate) arena: &'a Bump,
    pub(crate) run: &'a Run<'a>,
    /// How many data errors the row has had so far.
    errors: Cell<u32>,
    /// The first of them, when a sample is wanted.
    sample: RefCell<Option<String>>,
    sampling: bool,
    stop: Cell<Option<ErrorKind>>,
    /// The values of the lambda parameters in scope.
    pub(crate) locals: RefCell<Vec<Value<'a>>>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(arena: &'a Bump, run: &'a Run<'a>, sampling: bool) -> Self {
        Self {
            arena,
            run,
            errors: Cell::new(0),
            sample: RefCell::new(None),
            sampling,
            stop: Cell::new(None),
            locals: RefCell::new(Vec::new()),
        }
    }

    /// Notes a data error; the value of the expression is null.
    pub(crate) fn fail(&self, reason: &str, subject: &[u8]) -> Value<'a> {
        self.errors.set(self.errors.get().saturating_add(1));
        if self.sampling && self.sample.borrow().is_none() {
            let shown = &subject[..subject.len().min(64)];
            let text = if subject.is_empty() {
                reason.to_owned()
            } else {
                format!(
                    "{reason}: {}",
                    String::from_utf8_lossy(shown).escape_debug()
                )
            };
            *self.sample.borrow_mut() = Some(text);
        }
        Value::Null
    }

    pub(crate) fn errors(&self) -> u32 {
        self.errors.get()
    }

    pub(crate) fn take_sample(&self) -> Option<String> {
        self.sample.borrow_mut().take()
    }

    /// Runs `work` so that its data errors do not count; the flag says whether there were any.
    pub(crate) fn attempt<T>(&self, work: impl FnOnce() -> T) -> (T, bool) {
        let errors = self.errors.get();
        let sample = self.sample.take();
        let result = work();
        let failed = self.errors.get() != errors;
        self.errors.set(errors);
        *self.sample.borrow_mut() = sample;
        (result, failed)
    }

    /// Why the run must end, if it must.
    pub(crate) fn stopped(&self) -> Option<ErrorKind> {
        self.stop.get()
    }

    /// Counts one step of work; from time to time looks at the limits.
    pub(crate) fn step(&self) {
        let steps = self.run.steps.get();
        self.run.steps.set(steps.wrapping_add(1));
        if steps % STEPS_PER_CHECK == 0 {
            self.check_time();
        }
        self.check_memory();
    }

    fn check_time(&self) {
        if self.run.stopwatch.elapsed() >= self.run.deadline {
            self.stop.set(Some(ErrorKind::Timeout));
        }
    }

    /// Counts work by the bytes it goes through; `false` when the run must end.
    ///
    /// Whatever may go over one value more than a few times asks here on the way.
    #[inline]
    pub(crate) fn work(&self, bytes: usize) -> bool {
        let work = self.run.work.get().saturating_add(bytes);
        if work < WORK_PER_CHECK {
            self.run.work.set(work);
        } else {
            self.run.work.set(0);
            self.check_time();
        }
        self.stop.get().is_none()
    }

    pub(crate) fn check_memory(&self) {
        if self.arena.allocated_bytes() > self.run.memory_limit {
            self.stop.set(Some(ErrorKind::Memory));
        }
    }

    /// Whether a value of `bytes` may be made now; notes why not.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        if bytes > MAX_VALUE {
            self.fail("the result is too large", b"");
            return false;
        }
        if self.arena.allocated_bytes().saturating_add(bytes) > self.run.memory_limit
            && bytes > self.arena.chunk_capacity()
        {
            self.stop.set(Some(ErrorKind::Memory));
        }
        self.stop.get().is_none()
    }

    /// The characters of a text value; bytes that are not UTF-8 read as U+FFFD.
    pub(crate) fn read(&self, bytes: &'a [u8]) -> &'a str {
        match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) if !self.fits(bytes.len()) => "",
            Err(_) => self.arena.alloc_str(&String::from_utf8_lossy(bytes)),
        }
    }

    /// A text value with a copy of `text`.
    pub(crate) fn text(&self, text: &str) -> Value<'a> {
        if self.fits(text.len()) {
            Value::Text(self.arena.alloc_str(text).as_bytes())
        } else {
            Value::Null
        }
    }

    /// A binary value with a copy of `bytes`.
    pub(crate) fn binary(&self, bytes: &[u8]) -> Value<'a> {
        if self.fits(bytes.len()) {
            Value::Binary(self.arena.alloc_slice_copy(bytes))
        } else {
            Value::Null
        }
    }

    /// An array value with a copy of `items`.
    pub(crate) fn array(&self, items: &[Value<'a>]) -> Value<'a> {
        if self.fits(size_of_val(items)) && self.is_light(items.iter()) {
            Value::Array(self.arena.alloc_slice_copy(items))
        } else {
            Value::Null
        }
    }

    /// An array value of what an iterator gives, which is not asked for more than fits.
    pub(crate) fn collect(&self, items: impl Iterator<Item = Value<'a>>) -> Value<'a> {
        let mut list = Vec::new();
        for item in items {
            if !self.holds_another(&list) {
                return Value::Null;
            }
            list.push(item);
        }
        self.array(&list)
    }

    /// Whether a list that will be part of a value may grow; notes why not.
    ///
    /// Lists are gathered outside the arena, where the limits do not see them.
    #[inline]
    pub(crate) fn holds_another<T>(&self, list: &Vec<T>) -> bool {
        if list.len() < list.capacity() {
            return self.stop.get().is_none();
        }
        let bytes = list.len().saturating_add(1).saturating_mul(size_of::<T>());
        self.work(bytes) && self.fits(bytes)
    }

    /// A map value with a copy of `entries`.
    pub(crate) fn map(&self, entries: &[(Value<'a>, Value<'a>)]) -> Value<'a> {
        let parts = entries.iter().flat_map(|(key, value)| [key, value]);
        if self.fits(size_of_val(entries)) && self.is_light(parts) {
            Value::Map(self.arena.alloc_slice_copy(entries))
        } else {
            Value::Null
        }
    }

    /// Whether a container of these parts stays within bounds when it is walked or written.
    ///
    /// Parts are shared and not copied, so a few stages that each hold the last value many times
    /// would otherwise make a value that is small in memory and endless as text.
    fn is_light<'v>(&self, parts: impl Iterator<Item = &'v Value<'a>>) -> bool
    where
        'a: 'v,
    {
        let mut left = MAX_VALUE;
        let light = parts
            .into_iter()
            .all(|part| weigh(*part, MAX_NESTING, &mut left));
        if !light {
            self.fail("the result is too large or nests too deeply", b"");
        }
        light
    }

    /// A JSON value from a valid JSON text, made compact.
    pub(crate) fn json(&self, raw: &'a str) -> Value<'a> {
        if crate::json::is_compact(raw) {
            return Value::Json(raw);
        }
        let mut text = String::with_capacity(raw.len());
        crate::json::compact(raw, &mut text);
        if self.fits(text.len()) {
            Value::Json(self.arena.alloc_str(&text))
        } else {
            Value::Null
        }
    }

    /// The next of a sequence of numbers that look random.
    pub(crate) fn random(&self) -> u64 {
        let state = self.run.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.run.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A pattern that came from the row, compiled; `None` when it is not a pattern.
    pub(crate) fn pattern(&self, bytes: &'a [u8]) -> Option<Arc<Regex>> {
        let mut patterns = self.run.patterns.borrow_mut();
        if let Some(known) = patterns.get(bytes) {
            return known.clone();
        }
        if patterns.len() >= CACHED_PATTERNS {
            patterns.clear();
        }
        // Compiling takes as long as going through a lot of text.
        if !self.work(WORK_PER_CHECK) {
            return None;
        }
        let compiled = if bytes.len() > MAX_PATTERN {
            None
        } else {
            crate::re2::compile(&String::from_utf8_lossy(bytes)).ok()
        };
        let compiled = compiled.map(Arc::new);
        patterns.insert(bytes.to_vec(), compiled.clone());
        compiled
    }
}

/// Takes the size of a value as text off `left`; `false` when it is larger or nests deeper.
fn weigh(value: Value<'_>, depth: usize, left: &mut usize) -> bool {
    let own = match value {
        Value::Text(bytes) | Value::Binary(bytes) => bytes.len(),
        Value::Json(text) => text.len(),
        Value::Array(_) | Value::Map(_) if depth == 0 => return false,
        Value::Array(items) => {
            *left = left.saturating_sub(1);
            return *left > 0 && items.iter().all(|item| weigh(*item, depth - 1, left));
        }
        Value::Map(entries) => {
            *left = left.saturating_sub(1);
            return *left > 0
                && entries
                    .iter()
                    .all(|(k, v)| weigh(*k, depth - 1, left) && weigh(*v, depth - 1, left));
        }
        _ => 1,
    };
    match left.checked_sub(own + 1) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}
