use sls_logging::config::{Settings, Syntax};

use crate::world::{LONG, World, log, with_layer};

/// The document's handler that uploads a few fields only, in a whole file.
const FIELDS: &str = include_str!("../config/fields.conf");

#[test]
fn records_go_where_their_logger_says_by_either_front_end() {
    let world = World::new();
    let text = format!(
        "[root]\nlevel = \"info\"\nhandlers = [\"one\"]\n\
         [loggers.\"shop::db\"]\nlevel = \"debug\"\nhandlers = [\"two\"]\npropagate = false\n{}{}",
        world.handler("one", "level = \"warning\""),
        world.handler("two", ""),
    );
    let (logging, guard) = world.start(&text);
    for (level, target, message) in [
        (log::Level::Warn, "shop", "log: root takes warnings"),
        (log::Level::Info, "shop", "its handler does not take this"),
        (log::Level::Debug, "shop::db", "log: debug of db"),
        (log::Level::Debug, "shop.db.pool", "log: debug below db"),
        (log::Level::Trace, "shop::db", "db does not take this"),
        (log::Level::Error, "shop::dbx", "log: not below db"),
    ] {
        log(&logging, level, target, message);
    }
    with_layer(&logging, || {
        tracing::warn!(target: "shop", "tracing: root takes warnings");
        tracing::info!(target: "shop", "its handler does not take this");
        let span = tracing::info_span!(target: "shop::db", "query", user = 7);
        let _entered = span.enter();
        tracing::debug!(target: "shop::db::pool", rows = 3, "tracing: debug below db");
        tracing::trace!(target: "shop::db", "db does not take this");
    });
    assert!(guard.flush(LONG));
    assert_eq!(
        world.values("one", "message"),
        [
            "log: root takes warnings",
            "log: not below db",
            "tracing: root takes warnings"
        ]
    );
    assert_eq!(
        world.values("two", "message"),
        [
            "log: debug of db",
            "log: debug below db",
            "tracing: debug below db"
        ]
    );
    assert_eq!(world.values("two", "rows"), ["", "", "3"]);
    assert_eq!(world.values("two", "user"), ["", "", "7"]);
    assert_eq!(world.values("two", "func_name"), ["", "", "query"]);
    let reports = guard.close(LONG);
    assert!(reports.iter().all(|(_, report)| report.dropped == 0));
}

#[test]
fn a_formatter_makes_the_message_and_extraction_sees_the_message_itself() {
    let world = World::new();
    let text = format!(
        "[root]\nlevel = \"info\"\nhandlers = [\"one\"]\n\
         [formatters.line]\nformat = \"{{levelname}}=x {{name}} {{message}}\"\nstyle = \"{{\"\n{}",
        world.handler("one", "formatter = \"line\"\nextract_kv = true"),
    );
    let (logging, guard) = world.start(&text);
    log(&logging, log::Level::Warn, "shop", "paid a=5");
    with_layer(&logging, || {
        tracing::info!(target: "shop", "paid a={}", 6);
    });
    assert!(guard.flush(LONG));
    assert_eq!(
        world.values("one", "message"),
        ["WARNING=x shop paid a=5", "INFO=x shop paid a=6"]
    );
    assert_eq!(world.values("one", "a"), ["5", "6"]);
    assert_eq!(world.values("one", "WARNING"), ["", ""]);
}

#[test]
fn a_program_without_either_front_end_logs_records() {
    let world = World::new();
    let text = format!(
        "[root]\nlevel = \"info\"\nhandlers = [\"one\"]\n{}",
        world.handler("one", "")
    );
    let (logging, guard) = world.start(&text);
    let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
    for level in [sls_logging::Level::Info, sls_logging::Level::Debug] {
        let record = sls_logging::Record::new(time, level, "shop", "paid");
        logging.log(&record.with_trace("in till").with_extra(&[("user", "7")]));
    }
    assert!(guard.flush(LONG));
    assert_eq!(world.values("one", "message"), ["paid\nin till"]);
    assert_eq!(world.values("one", "user"), ["7"]);
}

#[test]
fn what_nobody_takes_is_not_even_put_together() {
    struct Fragile;
    impl std::fmt::Display for Fragile {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("it was put together")
        }
    }
    let world = World::new();
    let text = format!(
        "[root]\nlevel = \"info\"\nhandlers = [\"one\"]\n{}",
        world.handler("one", "level = \"error\""),
    );
    let (logging, guard) = world.start(&text);
    assert_eq!(logging.max_level(), log::LevelFilter::Error);
    with_layer(&logging, || {
        assert!(!tracing::enabled!(target: "shop", tracing::Level::WARN));
        assert!(tracing::enabled!(target: "shop", tracing::Level::ERROR));
        tracing::warn!(target: "shop", "{}", Fragile);
    });
    log(&logging, log::Level::Warn, "shop", "m");
    assert!(guard.flush(LONG));
    assert!(world.values("one", "message").is_empty());
}

#[test]
fn the_documents_short_list_of_fields_is_all_that_arrives() {
    let world = World::new();
    let list = "fields = [\"level\", \"func_name\", \"module\", \"line_no\"]";
    let text = format!(
        "[root]\nlevel = \"info\"\nhandlers = [\"one\"]\n{}",
        world.handler("one", list)
    );
    let (logging, guard) = world.start(&text);
    log(&logging, log::Level::Info, "sls", "test1");
    assert!(guard.flush(LONG));
    for (key, value) in [
        ("message", "test1"),
        ("level", "INFO"),
        ("module", "till"),
        ("line_no", "7"),
        ("record_name", ""),
        ("file_path", ""),
        ("thread_id", ""),
    ] {
        assert_eq!(world.values("one", key), [value], "{key}");
    }
}

#[test]
fn of_a_logging_conf_with_fields_only_those_arrive_and_the_message_inside_a_span_too() {
    let world = World::new();
    let text = world.here(FIELDS, "one");
    let settings = Settings::from_str(&text, Syntax::LoggingConf).unwrap();
    let (logging, guard) = settings.start().unwrap();
    with_layer(&logging, || {
        let span = tracing::info_span!("pay", user = 7);
        span.in_scope(|| tracing::info!("test1"));
    });
    assert!(guard.flush(LONG));
    assert_eq!(
        world.keys("one"),
        ["func_name", "level", "line_no", "message", "module"]
    );
    assert_eq!(world.values("one", "func_name"), ["pay"]);
    assert_eq!(world.values("one", "module"), ["routes"]);
    drop(guard);
}
