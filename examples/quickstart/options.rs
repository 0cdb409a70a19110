//! What the command line says.

use std::path::PathBuf;

use lexopt::prelude::*;

/// The text of `--help`.
pub(crate) const HELP: &str = "\
Ships an access log to a log service and reads it back through SPL.

Usage: cargo run --release --example quickstart -- [OPTIONS]

  --input FILE      an access log in the combined format [default: a bundled one]
  --query SPL       what to read back [default: rows with a status of 400 or above]
  --json            prints the counts as a JSON object on the last line
  --endpoint URL    a service to use instead of the embedded one; the key is read from
                    ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET and,
                    for temporary credentials, ALIBABA_CLOUD_SECURITY_TOKEN
  --project NAME    the project [default: quickstart]
  --logstore NAME   the logstore [default: access-log]
  --help            prints this
";

const DEFAULT_QUERY: &str =
    "* | where cast(status as bigint) >= 400 | project time, client, status, path";

/// What to ship, where to, and what to read back.
pub(crate) struct Options {
    /// The log to ship; the bundled one when absent.
    pub(crate) input: Option<PathBuf>,
    /// The SPL to read with.
    pub(crate) query: String,
    /// Whether to end with a JSON object.
    pub(crate) json: bool,
    /// Another service than the embedded one.
    pub(crate) endpoint: Option<String>,
    /// The project.
    pub(crate) project: String,
    /// The logstore.
    pub(crate) logstore: String,
}

/// Reads the command line; `None` when it asks for help.
pub(crate) fn parse() -> Result<Option<Options>, lexopt::Error> {
    let mut options = Options {
        input: None,
        query: DEFAULT_QUERY.to_owned(),
        json: false,
        endpoint: None,
        project: "quickstart".to_owned(),
        logstore: "access-log".to_owned(),
    };
    let mut parser = lexopt::Parser::from_env();
    let mut named = false;
    while let Some(argument) = parser.next()? {
        match argument {
            Long("input") => options.input = Some(parser.value()?.into()),
            Long("query") => options.query = parser.value()?.string()?,
            Long("json") => options.json = true,
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
