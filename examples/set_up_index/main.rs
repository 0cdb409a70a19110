//! Gives a logstore the index that makes a log handler's fields searchable.
//!
//! Without arguments it needs nothing: it starts a server in this process and shows the index
//! there. With an endpoint it sets up the index of a real logstore.
//!
//! ```text
//! cargo run --example set_up_index
//! cargo run --example set_up_index -- --endpoint cn-hangzhou.log.aliyuncs.com \
//!     --project project1 --logstore logstore1 --index-detail loghandler_index.json
//! ```

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use sls_client::{Client, EnvCredentials, LogstoreHandle, StaticCredentials};
use sls_core::model::{IndexConfig, LogstoreConfig};
use sls_local::LocalServer;
use sls_logging::{FieldNaming, IndexChange, handler_index, set_up_index};

const HELP: &str = "\
Gives a logstore the index that makes a log handler's fields searchable.

Usage: cargo run --example set_up_index -- [OPTIONS]

  --index-detail FILE  an index as JSON, as the official command line takes it
                       [default: the handler's fields]
  --endpoint URL       a service to use instead of the embedded one; the key is read from
                       ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and,
                       for temporary credentials, ALIBABA_CLOUD_SECURITY_TOKEN
  --project NAME       the project [default: project1]
  --logstore NAME      the logstore [default: logstore1]
  --help               prints this
";

struct Options {
    index_detail: Option<PathBuf>,
    endpoint: Option<String>,
    project: String,
    logstore: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match options() {
        Ok(Some(options)) => run(&options).await,
        Ok(None) => std::io::stdout()
            .write_all(HELP.as_bytes())
            .map_err(Into::into),
        Err(error) => {
            eprintln!("set_up_index: {error}; --help tells what there is");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            eprintln!("set_up_index: {text}");
            ExitCode::FAILURE
        }
    }
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::*;

    let mut options = Options {
        index_detail: None,
        endpoint: None,
        project: "project1".to_owned(),
        logstore: "logstore1".to_owned(),
    };
    let mut parser = lexopt::Parser::from_env();
    let mut named = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("index-detail") => options.index_detail = Some(parser.value()?.into()),
            Long("endpoint") => options.endpoint = Some(parser.value()?.string()?),
            Long("project") => {
                options.project = parser.value()?.string()?;
                named = true;
            }
            Long("logstore") => options.logstore = parser.value()?.string()?,
            Long("help") | Short('h') => return Ok(None),
            _ => return Err(argument.unexpected()),
        }
    }
    // Project names are unique in a whole region, so there is no default for a real one.
    if options.endpoint.is_some() && !named {
        return Err("--endpoint needs --project as well".into());
    }
    Ok(Some(options))
}

async fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let index = match &options.index_detail {
        Some(file) => serde_json::from_slice::<IndexConfig>(&std::fs::read(file)?)?,
        None => handler_index(FieldNaming::Documented),
    };
    let (logstore, server) = match &options.endpoint {
        Some(endpoint) => {
            let credentials = StaticCredentials::new(EnvCredentials::load()?);
            let client = Client::builder(endpoint.parse()?, credentials).build()?;
            let logstore = client.logstore(&options.project, &options.logstore);
            (logstore, None)
        }
        None => {
            let server = LocalServer::builder().start().await?;
            let service = server.service();
            service.create_project(&options.project).await?;
            let config = LogstoreConfig::named(&options.logstore).with_shard_count(1);
            service.create_logstore(&options.project, config).await?;
            let credentials = StaticCredentials::new(server.credentials());
            let client = Client::builder(server.endpoint().parse()?, credentials).build()?;
            let logstore = client.logstore(&options.project, &options.logstore);
            (logstore, Some(server))
        }
    };
    let (change, present) = set_up(&logstore, &index).await?;
    let mut out = std::io::stdout();
    let said = match change {
        IndexChange::Created => "made",
        IndexChange::Updated => "changed",
        _ => "was as it should be",
    };
    writeln!(out, "{}/{}: {said}", options.project, options.logstore)?;
    writeln!(out, "{present}")?;
    drop(server);
    Ok(())
}

async fn set_up(
    logstore: &LogstoreHandle,
    index: &IndexConfig,
) -> Result<(IndexChange, IndexConfig), sls_core::Error> {
    let change = set_up_index(logstore, index).await?;
    Ok((change, logstore.index().await?))
}
