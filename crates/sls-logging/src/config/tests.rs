use super::pattern::Pattern;
use super::setting::Given;
use super::settings::{Color, LoggerName, Stream, TargetSettings};
use super::threshold::Threshold;
use super::*;

/// The file of the document, whose own words it repeats.
const DOCUMENT: &str = include_str!("../../tests/config/logging.conf");
/// The same in TOML.
const TOML: &str = include_str!("../../tests/config/logging.toml");
/// The same in JSON.
const JSON: &str = include_str!("../../tests/config/logging.json");

/// The variables that the document's file asks for.
fn set(name: &str) -> Option<String> {
    let value = match name {
        "ALIYUN_LOG_SAMPLE_ENDPOINT" => "cn-beijing.log.aliyuncs.com",
        "ALIYUN_LOG_SAMPLE_ACCESSID" => "ak_id",
        "ALIYUN_LOG_SAMPLE_ACCESSKEY" => "hush-hush",
        "ALIYUN_LOG_SAMPLE_TMP_PROJECT" => "project1",
        _ => return None,
    };
    Some(value.to_owned())
}

fn unset(_: &str) -> Option<String> {
    None
}

fn parse(file: &str, text: &str) -> Result<Settings, ConfigError> {
    let syntax = Syntax::from_name(file).unwrap();
    Settings::parse(file, text, syntax, &set)
}

/// The problems of a text that cannot be followed, one a line.
#[track_caller]
fn problems(file: &str, text: &str) -> String {
    match parse(file, text) {
        Ok(_) => panic!("it is read: {text}"),
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hush"), "a secret is shown: {shown}");
            let lines = error.problems().iter().map(|problem| {
                let place = problem
                    .place()
                    .map_or_else(String::new, |at| at.to_string());
                format!("{place}: {}\n", problem.what())
            });
            lines.collect()
        }
    }
}

fn sls_of<'s>(
    settings: &'s Settings,
    name: &str,
) -> &'s std::collections::BTreeMap<&'static str, Given> {
    let handler = settings.handlers.iter().find(|one| one.name == name);
    match &handler.unwrap().target {
        TargetSettings::Sls(given) => given,
        TargetSettings::Console { .. } => panic!("not an sls handler"),
    }
}

#[test]
fn the_documents_file_is_read() {
    let settings = parse("logging.conf", DOCUMENT).unwrap();
    let [root, sls] = settings.loggers.as_slice() else {
        panic!("{:?}", settings.loggers);
    };
    assert_eq!(root.name, LoggerName::ROOT);
    assert_eq!(root.level, Some(Threshold::Debug));
    assert_eq!(sls.name, LoggerName::parse("sls").unwrap());
    assert_eq!(sls.level, Some(Threshold::Info));
    assert!(!sls.propagate);
    let [console, upload] = settings.handlers.as_slice() else {
        panic!("{:?}", settings.handlers);
    };
    assert_eq!(console.level, Threshold::Debug);
    assert_eq!(
        console.target,
        TargetSettings::Console {
            stream: Stream::Stdout,
            color: Color::Never
        }
    );
    assert!(!console.pattern.is_message());
    assert_eq!(upload.level, Threshold::Info);
    assert!(upload.pattern.is_message());
    let text = |text: &str| Given::Text(text.to_owned());
    let given = sls_of(&settings, "slsHandler");
    assert_eq!(given["endpoint"], text("cn-beijing.log.aliyuncs.com"));
    assert_eq!(given["access_key_id"], text("ak_id"));
    assert_eq!(
        given["access_key_secret"],
        Given::Secret("hush-hush".to_owned())
    );
    assert_eq!(given["project"], text("project1"));
    assert_eq!(given["logstore"], text("logstore"));
    // No argument is about them.
    assert_eq!(given["spans"], Given::Choice("off"));
    assert_eq!(given.len(), 6);
    assert_eq!(
        (root.handlers.as_slice(), sls.handlers.as_slice()),
        (&[0][..], &[0, 1][..])
    );
    assert!(!format!("{settings:?}").contains("hush"));
}

#[test]
fn toml_and_json_say_the_same_as_the_documents_file() {
    let python = parse("logging.conf", DOCUMENT).unwrap();
    for (file, text) in [("logging.toml", TOML), ("logging.json", JSON)] {
        let settings = parse(file, text).unwrap();
        assert_eq!(settings.loggers, python.loggers, "{file}");
        assert_eq!(settings.handlers, python.handlers, "{file}");
    }
}

#[test]
fn variables_of_the_documents_file_that_are_not_set_are_named_all_at_once() {
    let error = Settings::parse("logging.conf", DOCUMENT, Syntax::LoggingConf, &unset).unwrap_err();
    let text = error.to_string();
    for name in ["ENDPOINT", "ACCESSID", "ACCESSKEY", "TMP_PROJECT"] {
        assert!(
            text.contains(&format!("ALIYUN_LOG_SAMPLE_{name} is not set")),
            "{text}"
        );
    }
    assert!(text.starts_with("logging.conf:30:7:"), "{text}");
}

#[test]
fn every_argument_has_its_position() {
    let conf = conf(
        "args=('cn-beijing.log.aliyuncs.com', 'id', 'hush', 'p', 'l', 'mytopic', \
         ['level', 'func_name'], 1000, 1.5, 3, 10, 'pre_', '_suf', True, True, 'jp', 'js', \
         True, False, 'kp', 'ks', ':', False, 'v4', 'cn-beijing')",
    );
    let settings = parse("logging.conf", &conf).unwrap();
    let given = sls_of(&settings, "h");
    let text = |text: &str| Given::Text(text.to_owned());
    let seconds = |seconds| Given::Time(std::time::Duration::from_secs_f64(seconds));
    for (key, value) in [
        ("topic", text("mytopic")),
        (
            "fields",
            Given::Texts(vec!["level".to_owned(), "func_name".to_owned()]),
        ),
        ("queue_size", Given::Count(1000)),
        ("put_wait", seconds(1.5)),
        ("close_wait", seconds(3.0)),
        ("batch_size", Given::Count(10)),
        ("builtin_fields_prefix", text("pre_")),
        ("builtin_fields_suffix", text("_suf")),
        ("extract_json", Given::Switch(true)),
        ("extract_json_drop_message", Given::Switch(true)),
        ("extract_json_prefix", text("jp")),
        ("extract_json_suffix", text("js")),
        ("extract_kv", Given::Switch(true)),
        ("extract_kv_drop_message", Given::Switch(false)),
        ("extract_kv_prefix", text("kp")),
        ("extract_kv_suffix", text("ks")),
        ("extract_kv_sep", text(":")),
        ("extra", Given::Switch(false)),
        ("auth_version", Given::Choice("v4")),
        ("region", text("cn-beijing")),
        ("spans", Given::Choice("off")),
    ] {
        assert_eq!(given[key], value, "{key}");
    }
    assert_eq!(given.len(), 26);
}

/// A file whose one handler has these options.
fn conf(options: &str) -> String {
    format!(
        "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\n\
         level=DEBUG\nhandlers=h\n[handler_h]\nclass=aliyun.log.QueuedLogHandler\n{options}\n"
    )
}

#[test]
fn what_python_takes_for_its_default_is_not_given() {
    let conf = conf(
        "args=('e.example', 'id', 'hush', 'p', 'l', None, None, 0, 0, 0, None)\n\
         kwargs={'extra': 1, 'extract_json': None, 'level': 'ERROR'}",
    );
    let settings = parse("logging.conf", &conf).unwrap();
    let given = sls_of(&settings, "h");
    assert_eq!(given.len(), 7);
    assert_eq!(given["extra"], Given::Switch(true));
    assert_eq!(settings.handlers[0].level, Threshold::Error);
}

#[test]
fn arguments_over_several_lines_are_one_value() {
    let conf = conf("args=('e.example', # the region\n      'id', 'hush',\n  'p', 'l')");
    assert_eq!(sls_of(&parse("logging.conf", &conf).unwrap(), "h").len(), 6);
}

/// Each broken piece, and the start of what is said about it.
#[test]
fn what_is_wrong_in_pythons_file_is_told_with_its_line() {
    let mut wrong = String::new();
    let good = "'e.example', 'id', 'hush', 'p', 'l'";
    for (options, says) in [
        (
            format!("args=({good}, open('hush'))"),
            "12:44: this name is not known; allowed are",
        ),
        (format!("args=({good}"), "12:42: `)` is expected"),
        (
            "args=('e.example')".to_owned(),
            "12:6: `args` is a tuple; one value alone",
        ),
        (
            "args=('e.example', 'id', 'hush')".to_owned(),
            "12:6: a QueuedLogHandler needs project, log_store",
        ),
        (
            format!("args=({good}, 'topic', None, 'hush')"),
            "12:59: `queue_size` is another value, but this is a whole number",
        ),
        (
            format!("args=({good})\nkwargs={{'topci': 'hush'}}"),
            "13:9: unknown argument of a QueuedLogHandler `topci`; did you mean `topic`?",
        ),
        (
            format!("args=({good})\nkwargs={{'project': 'hush'}}"),
            "13:9: this argument is among `args` already",
        ),
        (
            format!("args=({good})\nlevle=INFO"),
            "13:1: unknown option of a handler `levle`; did you mean `level`?",
        ),
        (
            format!("args=({good})\nlevel=LOUD"),
            "13:7: unknown level; known:",
        ),
        (
            format!("args=({good})\nformatter=hush"),
            "13:11: unknown formatter; there is none",
        ),
        (
            format!("args=({good})\nhush"),
            "13:1: neither a section nor an option",
        ),
        (
            format!("args=({good})\n  , 'hush'"),
            "13:3: nothing is expected after",
        ),
        (format!("args=({good}, '50%')"), "12:47: `%` stands alone"),
        (
            "args=('hush hush', 'id', 'hush', 'p', 'l')".to_owned(),
            "12:7: `endpoint` is another value, but this is an address",
        ),
    ] {
        let found = problems("logging.conf", &conf(&options));
        if !found.starts_with(says) {
            wrong.push_str(&format!("{options}: {found}"));
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn what_is_wrong_around_it_is_told_too() {
    for (text, says) in [
        (
            "[loggers]\nkeys=root\n",
            ": the section `[formatters]` is missing",
        ),
        (
            "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nhandlers=\n",
            "4:6: the section `[handler_..]` of this name is missing",
        ),
        (
            "[loggers]\nkeys=a\n[handlers]\nkeys=\n[formatters]\nkeys=\n[logger_a]\nqualname=a\nhandlers=\n",
            "1:1: `root` must be among",
        ),
        (
            "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=\n[logger_root]\nhandlers=h\n\
             [handler_h]\nclass=FileHandler\nargs=('hush',)\n",
            "10:7: this class is not known",
        ),
        (
            "[loggers]\nkeys=root\n[handlers]\nkeys=h\n[formatters]\nkeys=f\n[logger_root]\nhandlers=h\n\
             [handler_h]\nclass=StreamHandler\nargs=(sys.stdout,)\n[formatter_f]\nformat=%(mesage)s\n",
            "13:8: unknown name in a format `mesage`; did you mean `message`?",
        ),
    ] {
        let found = problems("logging.conf", text);
        assert!(found.contains(says), "{text}: {found}");
    }
}

#[test]
fn what_is_wrong_in_toml_is_told_with_its_place() {
    let mut wrong = String::new();
    for (text, says) in [
        (
            "[handlers.a]\ntype = \"console\"\n[root]\nhandler = [\"a\"]",
            "4:1: unknown key of the root logger `handler`; did you mean `handlers`?",
        ),
        (
            "[handlers.console]\ntype = \"console\"\n[root]\nhandlers = [\"consol\"]",
            "4:13: unknown handler `consol`; did you mean `console`?",
        ),
        (
            "[handlers.a]\ntype = \"sls\"\naccess_key_secret = \"hush\"\n[root]\nhandlers = [\"a\"]",
            "1:11: `access_key_secret` needs `access_key_id`\n1:11: an sls handler needs `endpoint`",
        ),
        (
            "[handlers.a]\ntype = \"sls\"\nacces_key_secret = \"hush\"",
            "1:11: an sls handler needs `endpoint`\n1:11: an sls handler needs `logstore`\n\
             1:11: an sls handler needs `project`\n\
             3:1: unknown key of an sls handler `acces_key_secret`; did you mean `access_key_secret`?",
        ),
        (
            "[handlers.a]\ntype = \"sls\"\nsecret \"hush\"",
            "3:8: not TOML",
        ),
        (
            "[handlers.a]\ntype = \"file\"",
            "2:8: unknown type of a handler; known: console, sls",
        ),
        ("version = 2", "1:11: `version` is 1"),
        ("[loggers.\"a..b\"]", "1:10: no name of a logger"),
        (
            "[loggers.root]",
            "1:10: the root logger is the table `root`",
        ),
        (
            "[loggers.a]\npropagate = 0",
            "2:13: another value, but this is true or false",
        ),
        (
            "[loggers.\"a.b\"]\n[loggers.\"a::b\"]",
            "2:10: a logger of this name is there already",
        ),
        (
            "[loggers]\na = 5",
            "2:5: an integer, but each of `loggers` is a table",
        ),
        (
            "[formatters.f]\nformat = \"%(x\"",
            "2:10: at byte 0: `%(` without `)`",
        ),
        (
            "[formatters.f]\nstyle = \"$\"",
            "1:13: a formatter needs a `format`",
        ),
        (
            "[root]\nlevel = \"${LOUD}\"",
            "2:9: the environment variable LOUD is not set",
        ),
        (
            "[root]\nhandlers = [\"a\", 5]",
            "2:13: unknown handler; there is none",
        ),
        ("", "1:1: no logger has a handler"),
    ] {
        let found = problems("logging.toml", text);
        if !found.starts_with(says) {
            wrong.push_str(&format!("{text}: {found}"));
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn json_knows_its_places_too() {
    let text = "{\n  \"handlers\": {\n    \"a\": {\"type\": \"console\", \"colour\": \"never\"}\n  },\n  \
                \"root\": {\"handlers\": [\"a\"]}\n}";
    let found = problems("logging.json", text);
    assert!(
        found.contains("3:30: unknown key of a console handler `colour`; did you mean `color`?"),
        "{found}"
    );
    let found = problems("logging.json", "{\"root\": {\"level\": \"hush\n\"}}");
    assert!(found.starts_with("1:"), "{found}");
}

#[test]
fn a_level_of_a_root_that_says_notset_lets_everything_pass() {
    let text = "[handlers.a]\ntype = \"console\"\n[root]\nlevel = \"notset\"\nhandlers = [\"a\"]\n\
                [loggers.x]\nlevel = \"notset\"";
    let settings = parse("a.toml", text).unwrap();
    assert_eq!(settings.loggers[0].level, Some(Threshold::Trace));
    assert_eq!(settings.loggers[1].level, None);
}

#[test]
fn a_formatter_is_shared_by_its_name() {
    let text = "[formatters.f]\nformat = \"{levelname:<8} {message}\"\nstyle = \"{\"\n\
                [handlers.a]\ntype = \"console\"\nformatter = \"f\"\n[root]\nhandlers = [\"a\"]";
    let settings = parse("a.toml", text).unwrap();
    let written = settings.handlers[0].pattern.clone();
    assert!(written != Pattern::default() && written != Pattern::line());
    let text = "[handlers.a]\ntype = \"console\"\n[root]\nhandlers = [\"a\"]";
    let settings = parse("a.toml", text).unwrap();
    assert_eq!(settings.handlers[0].pattern, Pattern::line());
}

#[test]
fn a_file_that_is_too_long_is_refused_unread() {
    let text = " ".repeat(LONGEST_CONFIG + 1);
    let error = parse("a.toml", &text).unwrap_err();
    assert!(error.to_string().contains("longer than"), "{error}");
}

#[test]
fn a_file_that_is_not_there_is_told_by_its_name() {
    let error = Settings::from_file("no/such/logging.toml").unwrap_err();
    assert_eq!(error.to_string(), "cannot read no/such/logging.toml");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_mark_at_the_start_of_a_file_is_skipped() {
    let text = format!("\u{feff}{DOCUMENT}");
    assert!(parse("logging.conf", &text).is_ok());
}

#[test]
fn more_handlers_than_there_is_room_for_are_refused() {
    let mut text = "[root]\nhandlers = [\"h0\"]\n".to_owned();
    for index in 0..65 {
        text.push_str(&format!("[handlers.h{index}]\ntype = \"console\"\n"));
    }
    assert!(problems("a.toml", &text).contains("more than 64 handlers"));
}
