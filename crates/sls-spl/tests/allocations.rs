//! A row that `where` drops costs no allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::UNIX_EPOCH;

use sls_spl::{Field, Options, Program};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[expect(unsafe_code, reason = "counting allocations needs a global allocator")]
// SAFETY: every call is passed on unchanged to the system allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A thread that is ending has no counter left, and nothing to count.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of this very method.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How many allocations ten dropped rows cost.
fn dropping(query: &str) -> usize {
    let program = Program::compile(query, &Options::default()).expect("a good program");
    let row = [
        ("__time__", Field::BigInt(1_700_000_000)),
        ("status", Field::Text(b"200")),
        ("agent", Field::Text(b"Mozilla/5.0")),
        ("dirty", Field::Text(b"-")),
    ];
    let mut evaluator = program.evaluator(UNIX_EPOCH);
    let mut drop_row = || {
        let result = evaluator.row(&row, &mut |_| panic!("the row was kept"));
        result.expect("no limit is near");
    };
    // The first rows may set up caches and fill the report with samples.
    for _ in 0..10 {
        drop_row();
    }
    let before = COUNT.get();
    for _ in 0..10 {
        drop_row();
    }
    COUNT.get() - before
}

#[test]
fn dropped_rows_allocate_nothing() {
    for query in [
        "* | where cast(status as bigint) >= 400",
        "* | where status = 404 or agent like '%bot%'",
        "* | where regexp_like(agent, 'curl|wget')",
        "* | where status in ('404', '500') and __time__ > 0",
        "* | where cast(dirty as bigint) > 0",
        "* | where missing is not null",
        "* | where agent = 'a' | extend x = upper(agent)",
    ] {
        assert_eq!(dropping(query), 0, "{query}");
    }
}
