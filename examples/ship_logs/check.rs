//! Checks what the example shows. Its own main function, since it starts itself as the
//! program that logs.

mod demo;
mod program;

use std::collections::BTreeMap;
use std::path::Path;

fn main() {
    let arguments = std::env::args().collect::<Vec<_>>();
    match arguments.as_slice() {
        [_, flag, file] if flag == "--config" => {
            program::run(Path::new(file)).expect("the program runs");
        }
        // Asked for the names of tests, of which there are none.
        _ if arguments.iter().any(|argument| argument == "--list") => {}
        _ => check(),
    }
}

#[tokio::main]
async fn check() {
    for configuration in demo::CONFIGURATIONS {
        let run = demo::run(configuration).await.expect("the program runs");
        let logs = run.logs.iter();
        let logs = logs.map(|log| log.iter().cloned().collect::<BTreeMap<_, _>>());
        let logs = logs.collect::<Vec<_>>();
        let [info, error] = logs.as_slice() else {
            panic!("{configuration}: {} logs arrived and not 2", logs.len());
        };
        let names = |log: &BTreeMap<String, String>| log.keys().cloned().collect::<Vec<_>>();
        if configuration == "few-fields.toml" {
            let few = ["func_name", "level", "line_no", "message", "module"];
            assert_eq!(names(info), few, "{configuration}");
            assert_eq!(run.topic, "mytopic");
            assert_eq!(run.console, "");
        } else {
            let all = [
                "file_path",
                "func_name",
                "level",
                "line_no",
                "message",
                "module",
                "process_id",
                "process_name",
                "record_name",
                "spans",
                "thread_id",
                "thread_name",
            ];
            // Python has no spans.
            let has_spans = configuration != "logging.conf";
            let wanted = all.into_iter().filter(|name| has_spans || *name != "spans");
            assert!(names(info).iter().eq(wanted), "{configuration}: {info:?}");
            assert_eq!(info["record_name"], "sls");
            assert_eq!(info["thread_name"], "main");
            assert!(info["file_path"].ends_with("program.rs"));
            assert!(info["process_id"].parse::<u32>().is_ok());
            let lines = run.console.lines().collect::<Vec<_>>();
            assert!(lines[0].ends_with(" - sls - INFO - test1"), "{lines:?}");
            assert!(
                lines[1].ends_with(" - sls - ERROR - the amount was not shared"),
                "{lines:?}"
            );
            assert!(lines.contains(&"caused by: division by zero"), "{lines:?}");
        }
        assert_eq!(info["message"], "test1");
        assert_eq!(info["level"], "INFO");
        assert_eq!(info["func_name"], "run");
        assert_eq!(info["module"], "program");
        assert!(info["line_no"].parse::<u32>().is_ok());
        assert_eq!(error["message"], "the amount was not shared");
        assert_eq!(error["level"], "ERROR");
        assert_eq!(
            error["error"],
            "the amount was not shared\ncaused by: division by zero"
        );
        assert!(error["backtrace"].contains("share"), "{error:?}");
    }
    println!("ship_logs: {} configurations", demo::CONFIGURATIONS.len());
}
