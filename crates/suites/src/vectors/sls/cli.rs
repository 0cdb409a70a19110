//! Command lines of the official client: the same calls by ours, and what is printed of them.

use serde_json::{Deserializer, Map, Value, json};
use sls_client::Error;
use testkit::{Outcome, first_difference};

use super::call::{Failure, is_known, perform};
use super::exchange::{replay, same_error};

/// What the tool exits with.
const DONE: i64 = 0;
const NOT_UNDERSTOOD: i64 = 1;
const NO_ACCOUNT: i64 = 2;
const REFUSED: i64 = 3;

/// Compares the calls of a command line, what is printed and how it ends.
pub(super) async fn check(case: &Value) -> Outcome {
    let words = case["args"]["argv"].as_array().into_iter().flatten();
    let words: Vec<&str> = words.filter_map(Value::as_str).collect();
    let words = match words.as_slice() {
        ["log", rest @ ..] => rest,
        all => all,
    };
    let Some((name, options)) = words.split_first() else {
        return Outcome::Pending("a command line without a command".to_owned());
    };
    if !is_known(name) {
        return Outcome::Pending((*name).to_owned());
    }
    match run(case, name, options).await {
        Ok(()) => Outcome::Passed,
        Err(Failure::Pending(what)) => Outcome::Pending(what),
        Err(Failure::Different(difference)) => Outcome::Failed(difference),
    }
}

async fn run(case: &Value, name: &str, options: &[&str]) -> Result<(), Failure> {
    let mut printed = Vec::new();
    let ended = if has_account(&case["config"]) {
        let mut case = case.clone();
        let args = arguments(options, &case["args"]["files"]);
        let args = match args {
            Err(Failure::Different(why)) => Err(why),
            other => Ok(other?),
        };
        case["call"] = json!(name);
        case["args"] = args.clone().unwrap_or_default();
        let call = async |client: &_| match args {
            Ok(_) => match perform(client, &case, &mut |part| printed.push(part)).await {
                Ok(Ok(returned)) => Ok(Ended::Done(returned)),
                Ok(Err(error)) => Ok(Ended::Refused(error)),
                Err(Failure::Different(why)) => Ok(Ended::NotUnderstood(why)),
                Err(pending) => Err(pending),
            },
            Err(why) => Ok(Ended::NotUnderstood(why)),
        };
        replay(&case, call).await?
    } else {
        Ended::NoAccount
    };
    ended.check(name, printed, &case["result"])
}

/// How a command ended.
enum Ended {
    Done(Value),
    Refused(Error),
    /// Its options cannot be made sense of.
    NotUnderstood(String),
    NoAccount,
}

impl Ended {
    fn check(self, name: &str, mut printed: Vec<Value>, want: &Value) -> Result<(), Failure> {
        let code = match self {
            Self::Done(_) => DONE,
            Self::Refused(_) => REFUSED,
            Self::NotUnderstood(_) => NOT_UNDERSTOOD,
            Self::NoAccount => NO_ACCOUNT,
        };
        let want_code = want["exit_code"].as_i64().unwrap_or(DONE);
        if code != want_code {
            let why = match self {
                Self::Refused(error) => format!(": {error}"),
                Self::NotUnderstood(why) => format!(": {why}"),
                Self::Done(_) | Self::NoAccount => String::new(),
            };
            return Err(format!("exit code: got {code}, want {want_code}{why}").into());
        }
        let stdout = want["stdout"].as_str().unwrap_or_default();
        match self {
            Self::Done(returned) => {
                printed.extend(shown(name, returned));
                same_documents(name, &documents(stdout)?, &printed)
            }
            Self::Refused(error) => {
                let mut want = documents(stdout)?;
                let told = want.pop().unwrap_or_default();
                same_documents(name, &want, &printed)?;
                same_refusal(&told, &error)
            }
            // What is printed then is help, or a trace of the tool itself.
            Self::NotUnderstood(_) | Self::NoAccount => Ok(()),
        }
    }
}

fn has_account(config: &Value) -> bool {
    ["endpoint", "access_key_id", "access_key_secret"]
        .iter()
        .all(|member| config[member].as_str().is_some_and(|text| !text.is_empty()))
}

/// The JSON documents of the output, which stand one after the other.
fn documents(stdout: &str) -> Result<Vec<Value>, Failure> {
    let documents: Result<_, _> = Deserializer::from_str(stdout).into_iter().collect();
    documents.map_err(|error| format!("the recorded output is not JSON: {error}").into())
}

fn same_documents(name: &str, want: &[Value], got: &[Value]) -> Result<(), Failure> {
    let mut got = got.to_vec();
    // Of a search in pages the recorded tool prints the first page only.
    if matches!(name, "get_log" | "get_logs") {
        if let ([Value::Array(want)], [Value::Array(got)]) = (want, got.as_mut_slice()) {
            got.truncate(want.len().max(1));
        }
    }
    match first_difference(&json!(want), &json!(got)) {
        Some(difference) => Err(format!("printed: {difference}").into()),
        None => Ok(()),
    }
}

fn same_refusal(told: &Value, error: &Error) -> Result<(), Failure> {
    // Refused by either client without asking; the words are its own business.
    if matches!(error, Error::InvalidRequest { .. }) {
        return Ok(());
    }
    let want = json!({
        "error_code": told["errorCode"],
        "error_message": told["errorMessage"],
        "request_id": told["requestId"],
        // Not printed.
        "http_status": error.status(),
    });
    Ok(same_error(&want, error)?)
}

/// What is printed of what a call returned: the body of the answer, nothing for none.
fn shown(name: &str, mut returned: Value) -> Option<Value> {
    let member = match name {
        "pull_log" | "get_log_all" => return None,
        name if ["create_", "update_", "delete_", "put_", "arrange_"]
            .iter()
            .any(|verb| name.starts_with(verb)) =>
        {
            return None;
        }
        "get_project" => "fields",
        "list_shards" | "split_shard" | "merge_shard" | "heart_beat" => "shards",
        "get_check_point" | "get_check_point_fixed" => "check_points",
        "list_topics" => "topics",
        "get_log"
        | "get_logs"
        | "execute_logstore_sql"
        | "get_project_logs"
        | "execute_project_sql" => "logs",
        "get_logstore"
        | "get_index_config"
        | "get_histograms"
        | "get_context_logs"
        | "list_consumer_group"
        | "pull_logs" => "body",
        _ => return Some(returned),
    };
    Some(returned[member].take())
}

/// Options that go to the tool and not to the call. What they say is in the case's
/// configuration too, or does not change what is printed as JSON.
const OF_THE_TOOL: [&str; 9] = [
    "access-id",
    "access-key",
    "sts-token",
    "region-endpoint",
    "sign-version",
    "region-id",
    "client-name",
    "format-output",
    "decode-output",
];

/// The call's arguments, from `--name=value` and `--name value`.
fn arguments(options: &[&str], files: &Value) -> Result<Value, Failure> {
    let mut args = Map::new();
    let mut words = options.iter();
    while let Some(word) = words.next() {
        let option = word.strip_prefix("--");
        let option = option.ok_or_else(|| format!("{word:?} is not an option"))?;
        let (name, text) = match option.split_once('=') {
            Some(pair) => pair,
            None => {
                let value = words.next();
                (
                    option,
                    *value.ok_or_else(|| format!("{word} has no value"))?,
                )
            }
        };
        if OF_THE_TOOL.contains(&name) {
            continue;
        }
        if name == "jmes-filter" {
            return Err(Failure::Pending("--jmes-filter".to_owned()));
        }
        let value = value(name, text, files)?;
        match (name, value) {
            ("request", Value::Object(request)) => args.extend(request_arguments(request, files)?),
            (name, value) => {
                args.insert(name.to_owned(), value);
            }
        }
    }
    Ok(Value::Object(args))
}

/// The members of a request, under the names of the calls that take them one by one.
fn request_arguments(
    request: Map<String, Value>,
    files: &Value,
) -> Result<Map<String, Value>, Failure> {
    let members = request.into_iter().map(|(name, found)| {
        let found = match (name.as_str(), found) {
            ("logitems", Value::Array(items)) => items.into_iter().collect(),
            (name, Value::String(text)) => value(name, &text, files)?,
            (_, other) => other,
        };
        let name = match name.as_str() {
            "logitems" => "log_items".to_owned(),
            "logtags" => "log_tags".to_owned(),
            "hashKey" => "hashkey".to_owned(),
            _ => name,
        };
        Ok((name, found))
    });
    members.collect()
}

const NUMBERS: [&str; 20] = [
    "ttl",
    "shard_count",
    "max_split_shard",
    "hot_ttl",
    "infrequent_access_ttl",
    "offset",
    "size",
    "line",
    "shard_id",
    "shardId",
    "shard",
    "count",
    "batch_size",
    "timeout",
    "back_lines",
    "forward_lines",
    "from_time_nano_part",
    "to_time_nano_part",
    "from_ns",
    "to_ns",
];
const FLAGS: [&str; 14] = [
    "enable_tracking",
    "append_meta",
    "auto_split",
    "preserve_storage",
    "enable_modify",
    "normalize",
    "compress",
    "reverse",
    "power_sql",
    "scan",
    "forward",
    "accurate_query",
    "in_order",
    "force_success",
];
const OBJECTS: [&str; 4] = ["index_detail", "encrypt_conf", "request", "shards"];
const TIMES: [&str; 5] = ["from_time", "to_time", "fromTime", "toTime", "start_time"];

/// An option's value as what its name says it is.
fn value(name: &str, text: &str, files: &Value) -> Result<Value, Failure> {
    let unlike = |what: &str| Failure::Different(format!("{name}: {text:?} is not {what}"));
    if NUMBERS.contains(&name) {
        let number: Result<i64, _> = text.trim().parse();
        return number.map(Value::from).map_err(|_| unlike("a number"));
    }
    if FLAGS.contains(&name) {
        return match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "t" | "yes" | "y" => Ok(json!(true)),
            "false" | "0" | "f" | "no" => Ok(json!(false)),
            _ => Err(unlike("a flag")),
        };
    }
    if OBJECTS.contains(&name) {
        let json = match text.strip_prefix("file://").map(|path| &files[path]) {
            Some(Value::Null) => return Err(unlike("a file of the case")),
            Some(Value::String(text)) => text,
            Some(value) => return Ok(value.clone()),
            None => text,
        };
        return serde_json::from_str(json).map_err(|_| unlike("JSON"));
    }
    if TIMES.contains(&name) && !matches!(text, "begin" | "end") {
        let seconds: Result<u64, _> = text.trim().parse();
        // The recorded tool also knows times in words and by the calendar.
        return seconds
            .map(Value::from)
            .map_err(|_| Failure::Pending("a time that is not in seconds".to_owned()));
    }
    Ok(json!(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::{cases_below, vectors};

    fn parsed(options: &[&str]) -> Result<Value, String> {
        let files = json!({"a.json": {"a": 1}, "text.json": "[1]"});
        arguments(options, &files).map_err(|failure| match failure {
            Failure::Pending(what) => format!("pending {what}"),
            Failure::Different(why) => why,
        })
    }

    #[test]
    fn options_become_arguments_of_their_kinds() {
        let args = parsed(&[
            "--project_name=p",
            "--shard_id",
            "3",
            "--in_order=Yes",
            "--index_detail=file://a.json",
            "--shards=file://text.json",
            "--query=a = b",
            "--from_time=1700000000",
            "--format-output=json",
        ]);
        let want = json!({
            "project_name": "p", "shard_id": 3, "in_order": true, "index_detail": {"a": 1},
            "shards": [1], "query": "a = b", "from_time": 1_700_000_000,
        });
        assert_eq!(args, Ok(want));
    }

    #[test]
    fn a_request_is_its_members() {
        let args = parsed(&[r#"--request={"project": "p", "toTime": "5", "reverse": "true"}"#]);
        assert_eq!(
            args,
            Ok(json!({"project": "p", "toTime": 5, "reverse": true}))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_printed_is_the_body_of_the_answer() {
        let mut tally = testkit::Tally::default();
        let mut compared = 0;
        for case in cases_below(&vectors("sls"), &mut tally).expect("the cases are readable") {
            let (file, case) = (case.file, case.json);
            let name = case["call"].as_str().unwrap_or_default();
            let body = &case["exchanges"][0]["response"]["body"];
            let one_answer = case["exchanges"]
                .as_array()
                .is_some_and(|all| all.len() == 1);
            if !file.starts_with("api-") || !one_answer || body["compress"].is_string() {
                continue;
            }
            let outcome = replay(&case, async |client| {
                perform(client, &case, &mut |_| ()).await
            });
            let Ok(Ok(returned)) = outcome.await else {
                continue;
            };
            let printed = shown(name, returned);
            let want = Some(&body["json"]).filter(|json| !json.is_null());
            if let Some(want) = want {
                let difference = first_difference(want, &printed.unwrap_or_default());
                assert_eq!(difference, None, "{file}");
                compared += 1;
            }
        }
        assert!(compared > 10, "{compared}");
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(parsed(&["--shard_id=x"]).is_err());
        assert!(parsed(&["--index_detail=file://b.json"]).is_err());
        assert!(parsed(&["stray"]).is_err());
        assert!(parsed(&["--count"]).is_err());
        let pending = parsed(&["--from_time=1 hour ago"]).unwrap_err();
        assert!(pending.starts_with("pending"), "{pending}");
    }
}
