use std::error::Error;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use tracing::{field, info_span};
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;

use super::*;
use crate::RecordFormat;
use crate::handler::testing::{Shipped, handler, pairs};

// The target of an event is its module, and what this crate logs is not shipped.
macro_rules! info {
    ($($event:tt)*) => { tracing::info!(target: "program", $($event)*) };
}

/// Runs `program` under a subscriber, the only one of the process meanwhile: what a call site is to
/// do is remembered for all of them together, and looked at again while others come and go.
fn under(subscriber: impl Subscriber + Send + Sync, program: impl FnOnce()) {
    static ONLY: Mutex<()> = Mutex::new(());
    let _only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
    tracing::subscriber::with_default(subscriber, program);
}

/// Runs `program` under the layer; gives what was shipped.
fn run(format: RecordFormat, spans: SpanFields, program: impl FnOnce()) -> Shipped {
    let (handler, shipped) = handler(format, Level::Trace);
    let layer = handler.layer().with_span_fields(spans);
    under(Registry::default().with(layer), program);
    shipped
}

fn bare() -> RecordFormat {
    RecordFormat::new().with_fields::<crate::Field>([])
}

#[test]
fn an_event_has_the_documented_fields() {
    let shipped = run(RecordFormat::new(), SpanFields::Off, || {
        info_span!("checkout").in_scope(|| tracing::warn!(target: "shop", "paid {}", 5));
    });
    let thread = crate::origin::thread_id().to_string();
    let process = std::process::id().to_string();
    let line = shipped.only("line_no").unwrap();
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let mut got = shipped.only_without(&[]);
    got.sort();
    let mut want = pairs(&[
        ("message", "paid 5"),
        ("record_name", "shop"),
        ("level", "WARNING"),
        ("func_name", "checkout"),
        ("module", "tests"),
        ("file_path", file!()),
        ("line_no", &line),
        ("process_id", &process),
        ("process_name", crate::origin::process_name()),
        ("thread_id", &thread),
        ("thread_name", &name),
    ]);
    want.sort();
    assert_eq!(got, want);
}

#[test]
fn outside_a_span_there_is_no_function() {
    let shipped = run(RecordFormat::new(), SpanFields::Fields, || info!("alone"));
    assert_eq!(shipped.only("func_name"), None);
    assert_eq!(shipped.only("spans"), None);
}

#[test]
fn fields_of_an_event_are_uploaded_as_they_show_themselves() {
    let shipped = run(bare(), SpanFields::Off, || {
        info!(
            text = "a",
            int = -1,
            wide = u128::MAX,
            yes = true,
            float = 1.5,
            shown = %"x",
            debugged = ?Some(1),
            absent = field::Empty,
            "m"
        );
    });
    let mut got = shipped.only_without(&[]);
    got.sort();
    let mut want = pairs(&[
        ("message", "m"),
        ("text", "a"),
        ("int", "-1"),
        ("wide", "340282366920938463463374607431768211455"),
        ("yes", "true"),
        ("float", "1.5"),
        ("shown", "x"),
        ("debugged", "Some(1)"),
    ]);
    want.sort();
    assert_eq!(got, want);
}

#[test]
fn an_event_without_a_message_has_an_empty_one() {
    let shipped = run(bare(), SpanFields::Off, || info!(a = 1));
    assert_eq!(
        shipped.only_without(&[]),
        pairs(&[("a", "1"), ("message", "")])
    );
}

#[test]
fn a_field_with_a_name_of_the_handlers_own_is_left_out_and_counted() {
    let (handler, shipped) = handler(bare(), Level::Trace);
    let layer = handler.layer();
    under(Registry::default().with(layer), || {
        info!(level = "loud", name = "kept", "m");
    });
    assert_eq!(
        shipped.only_without(&[]),
        pairs(&[("message", "m"), ("name", "kept")])
    );
    assert_eq!(handler.stats().shadowed_fields, 1);
}

#[test]
fn spans_give_their_names_and_fields_and_the_innermost_wins() {
    let program = || {
        let outer = info_span!("server", request = 1, peer = "a", late = field::Empty);
        let _outer = outer.enter();
        outer.record("late", "yes");
        let inner = info_span!("request", request = 2, user = "bob");
        let _inner = inner.enter();
        info!(user = "eve", "m");
    };
    let shipped = run(bare(), SpanFields::Fields, program);
    let mut got = shipped.only_without(&[]);
    got.sort();
    let mut want = pairs(&[
        ("message", "m"),
        ("user", "eve"),
        ("request", "2"),
        ("peer", "a"),
        ("late", "yes"),
        ("spans", "server:request"),
    ]);
    want.sort();
    assert_eq!(got, want);

    let shipped = run(bare(), SpanFields::Names, program);
    let want = pairs(&[
        ("message", "m"),
        ("user", "eve"),
        ("spans", "server:request"),
    ]);
    assert_eq!(shipped.only_without(&[]), want);

    let shipped = run(bare(), SpanFields::Off, program);
    assert_eq!(shipped.only("spans"), None);
}

#[test]
fn an_event_with_another_parent_has_that_ones_fields() {
    let shipped = run(bare(), SpanFields::Fields, || {
        let parent = info_span!("parent", a = 1);
        let _entered = info_span!("entered", b = 2).entered();
        info!(parent: &parent, "m");
    });
    assert_eq!(
        shipped.only_without(&[]),
        pairs(&[("message", "m"), ("a", "1"), ("spans", "parent")])
    );
}

#[test]
fn more_spans_than_fit_in_place_are_all_named() {
    fn nest(depth: usize) {
        match depth {
            0 => info!("m"),
            depth => info_span!("s").in_scope(|| nest(depth - 1)),
        }
    }
    let shipped = run(bare(), SpanFields::Fields, || nest(20));
    assert_eq!(shipped.only("spans"), Some(vec!["s"; 20].join(":")));
}

#[derive(Debug, thiserror::Error)]
#[error("the order was not stored")]
struct NotStored(#[source] std::io::Error);

#[test]
fn an_error_arrives_with_its_causes_in_one_record() {
    let failure = NotStored(std::io::Error::other("disk full"));
    let shipped = run(bare(), SpanFields::Off, || {
        tracing::error!(target: "program", error = &failure as &dyn Error, "giving up");
    });
    assert_eq!(
        shipped.only_without(&[]),
        pairs(&[
            ("message", "giving up"),
            ("error", "the order was not stored\ncaused by: disk full"),
        ])
    );
}

#[test]
fn filters_of_the_subscriber_and_the_handlers_level_both_hold() {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    let (handler, shipped) = handler(bare(), Level::Info);
    let targets = Targets::new().with_target("shop", LevelFilter::TRACE);
    let subscriber = Registry::default().with(handler.layer().with_filter(targets));
    under(subscriber, || {
        tracing::debug!(target: "shop", "below the handler's level");
        tracing::info!(target: "warehouse", "not a target");
        tracing::info!(target: "shop::till", "kept");
    });
    assert_eq!(shipped.only("message"), Some("kept".to_owned()));
}

#[test]
fn another_layer_sees_what_the_handler_does_not_ship() {
    struct Count(std::sync::Arc<std::sync::atomic::AtomicU64>);
    impl<S: Subscriber> Layer<S> for Count {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let seen = std::sync::Arc::default();
    let (handler, shipped) = handler(bare(), Level::Error);
    let subscriber = Registry::default()
        .with(Count(std::sync::Arc::clone(&seen)))
        .with(handler.layer());
    under(subscriber, || info!("m"));
    assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(shipped.records(), Vec::<Vec<(String, String)>>::new());
}

#[test]
fn records_of_the_delivery_path_are_skipped_and_counted() {
    let (handler, shipped) = handler(bare(), Level::Trace);
    under(Registry::default().with(handler.layer()), || {
        tracing::info!(target: "hyper::client::pool", "reuse");
        tracing::warn!(target: "telemetry_delivery::retry", "again");
        tracing::info!(target: "hyperion", "kept");
    });
    assert_eq!(shipped.only("message"), Some("kept".to_owned()));
    assert_eq!(handler.stats().skipped, 2);
}

/// Logs while it is shown.
struct Chatty;

impl fmt::Display for Chatty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!("I am being shown");
        f.write_str("chatty")
    }
}

#[test]
fn a_value_that_logs_while_it_is_shown_hangs_nothing() {
    let (handler, shipped) = handler(bare(), Level::Trace);
    under(Registry::default().with(handler.layer()), || {
        info!(value = %Chatty, "outer {}", Chatty);
    });
    assert_eq!(
        shipped.only_without(&[]),
        pairs(&[("message", "outer chatty"), ("value", "chatty")])
    );
}

#[test]
fn a_span_value_that_logs_while_it_is_recorded_does_not_hang() {
    let shipped = run(bare(), SpanFields::Fields, || {
        let span = info_span!("s", value = field::Empty);
        let _entered = span.enter();
        span.record("value", field::display(Chatty));
        info!("after");
    });
    let messages: Vec<_> = shipped
        .records()
        .into_iter()
        .map(|record| record[0].1.clone())
        .collect();
    assert_eq!(messages, ["I am being shown", "after"]);
}

/// Fails, or panics, while it is shown.
struct Broken(bool);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!self.0, "in the middle");
        f.write_str("so far")?;
        Err(fmt::Error)
    }
}

#[test]
fn a_value_that_cannot_be_shown_is_uploaded_as_far_as_it_came() {
    let shipped = run(bare(), SpanFields::Off, || info!("{}", Broken(false)));
    assert_eq!(shipped.only("message"), Some("so far".to_owned()));
}

#[test]
fn after_a_panic_in_a_value_the_next_record_is_whole() {
    let shipped = run(bare(), SpanFields::Off, || {
        let shown = std::panic::catch_unwind(|| info!(a = 1, "{}", Broken(true)));
        assert!(shown.is_err());
        info!("next");
    });
    assert_eq!(shipped.only_without(&[]), pairs(&[("message", "next")]));
}

#[test]
fn two_encoders_on_one_thread_do_not_mix_their_call_sites() {
    let (plain, first) = handler(RecordFormat::new().with_fields(["level"]), Level::Trace);
    let python = RecordFormat::new()
        .with_fields(["line_no", "thread_name"])
        .with_naming(crate::FieldNaming::Python);
    let (other, second) = handler(python, Level::Trace);
    let subscriber = Registry::default().with(plain.layer()).with(other.layer());
    under(subscriber, || {
        for _ in 0..2 {
            info!("m");
        }
    });
    for record in first.records() {
        assert_eq!(record, pairs(&[("message", "m"), ("level", "INFO")]));
    }
    for record in second.records() {
        assert_eq!(record[1].0, "lineno");
        assert_eq!(record[2].0, "threadName");
    }
    assert_eq!((first.records().len(), second.records().len()), (2, 2));
}

#[test]
fn a_call_site_remembered_in_the_place_of_another_keeps_its_own_fields() {
    // More sites than a thread remembers.
    macro_rules! sites {
        ($($n:literal)*) => { $( tracing::info!(target: concat!("t", $n), "{}", $n); )* };
    }
    let shipped = run(
        RecordFormat::new().with_fields(["record_name"]),
        SpanFields::Off,
        || {
            for _ in 0..2 {
                sites!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29
                30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57
                58 59 60 61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79);
            }
        },
    );
    let records = shipped.records();
    assert_eq!(records.len(), 160);
    for record in records {
        assert_eq!(record[1].1, format!("t{}", record[0].1));
    }
}
