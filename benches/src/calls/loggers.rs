use std::cell::RefCell;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io;
use std::time::Duration;

use sls_logging::Handler;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{FORMATTING, NOTHING};
use crate::ours;

/// A logger that is set up as its manual shows.
pub(super) struct Logger {
    pub(super) call: Box<dyn Fn(u64) + Sync>,
    /// Waits until everything is gone, where that can be asked for.
    pub(super) flush: Box<dyn Fn()>,
    pub(super) dropped: Box<dyn Fn() -> u64>,
}

impl Logger {
    fn new(call: impl Fn(u64) + Sync + 'static) -> Self {
        Self {
            call: Box::new(call),
            flush: Box::new(|| ()),
            dropped: Box::new(|| 0),
        }
    }
}

const USER: &str = "user-17";

/// The message of every log call here, by the macro of the logger.
macro_rules! order_paid {
    ($($macro:ident)::+, $order:expr) => {
        $($macro)::+!("order {} of {} paid after {} ms", $order, USER, $order % 97)
    };
}

/// What the peers write goes nowhere: their threads have the least to do.
pub(super) fn find(name: &str, port: u16) -> Logger {
    match name {
        NOTHING => Logger::new(|order| {
            black_box(order);
        }),
        FORMATTING => Logger::new(format_only),
        "tracing front end" => tracing_front_end(port),
        "log front end" => log_front_end(port),
        "tracing-appender" => tracing_appender(),
        "fast_log" => fast_log(),
        "spdlog-rs" => spdlog(),
        "slog-async" => slog_async(),
        _ => panic!("there is no logger {name}"),
    }
}

thread_local! {
    static TEXT: RefCell<String> = const { RefCell::new(String::new()) };
}

fn format_only(order: u64) {
    TEXT.with_borrow_mut(|text| {
        text.clear();
        let message = order_paid!(format_args, order);
        text.write_fmt(message).expect("a text takes all");
        black_box(text.as_str());
    });
}

fn tracing_front_end(port: u16) -> Logger {
    let handler = handler(port);
    let subscriber = tracing_subscriber::registry().with(handler.layer());
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    shipped(handler, |order| order_paid!(tracing::info, order))
}

fn log_front_end(port: u16) -> Logger {
    let handler = handler(port);
    log::set_boxed_logger(Box::new(handler.logger())).expect("the only one");
    log::set_max_level(log::LevelFilter::Info);
    shipped(handler, |order| order_paid!(log::info, order))
}

/// The handler as it is by default, but that its thread's own timer is out of the way: whatever
/// wakes the thread is the caller.
fn handler(port: u16) -> Handler {
    let (handler, guard) = ours::handler(port)
        .put_wait(Duration::from_secs(600))
        .build()
        .expect("a valid configuration");
    // Until the process ends.
    std::mem::forget(guard);
    handler
}

fn shipped(handler: Handler, call: impl Fn(u64) + Sync + 'static) -> Logger {
    let flushed = handler.clone();
    Logger {
        call: Box::new(call),
        flush: Box::new(move || {
            // A server that has stalled answers nothing; what is then dropped is counted.
            let _ = flushed.flush(Duration::from_millis(500));
        }),
        dropped: Box::new(move || handler.stats().queue.dropped.total()),
    }
}

fn tracing_appender() -> Logger {
    let (writer, guard) = tracing_appender::non_blocking(io::sink());
    std::mem::forget(guard);
    let format = tracing_subscriber::fmt::layer().with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(format.with_writer(writer));
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    Logger::new(|order| order_paid!(tracing::info, order))
}

struct Nowhere;

impl ::fast_log::appender::LogAppender for Nowhere {
    fn do_logs(&mut self, records: &[::fast_log::appender::FastLogRecord]) {
        black_box(records.len());
    }
}

fn fast_log() -> Logger {
    let config = ::fast_log::Config::new()
        .level(log::LevelFilter::Info)
        .custom(Nowhere);
    ::fast_log::init(config).expect("the only one");
    Logger::new(|order| order_paid!(log::info, order))
}

fn spdlog() -> Logger {
    use std::sync::Arc;

    use ::spdlog::sink::{AsyncPoolSink, WriteSink};

    let sink = WriteSink::builder().target(io::sink()).build();
    let sink = AsyncPoolSink::builder()
        .sink(Arc::new(sink.expect("a valid configuration")))
        .build();
    let logger = ::spdlog::Logger::builder()
        .sink(Arc::new(sink.expect("a valid configuration")))
        .build();
    ::spdlog::set_default_logger(Arc::new(logger.expect("a valid configuration")));
    Logger::new(|order| order_paid!(spdlog::info, order))
}

fn slog_async() -> Logger {
    use slog::Drain as _;

    let decorator = slog_term::PlainDecorator::new(io::sink());
    let drain = slog_term::FullFormat::new(decorator).build().fuse();
    let drain = ::slog_async::Async::new(drain).build().fuse();
    let logger = slog::Logger::root(drain, slog::o!());
    Logger::new(move |order| {
        slog::info!(
            logger,
            "order {} of {} paid after {} ms",
            order,
            USER,
            order % 97
        );
    })
}
