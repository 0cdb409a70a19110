//! The command line.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;

use sls_core::Credentials;

pub(crate) const HELP: &str = "\
A local server that speaks the protocol of Alibaba Cloud Simple Log Service.

Usage: sls-local [options]

  --listen ADDR                   address to listen on (default 127.0.0.1:10240)
  --access-key ID:SECRET[:TOKEN]  a key to accept, may be repeated
                                  (default: local with the secret local-secret)
  --no-auth                       accept requests without looking at their signature
  --host NAME                     also answer to this host name; *.NAME for one more label
  --data DIR                      keep everything in this folder (default: in memory)
  --memory MIB                    divide so much memory among all that grows
  --memory-budget MIB             room for logs in memory (default 1024), or with --data for
                                  what was read from the folder (default 64)
  --growingio-strict              refuse tracked events that the manual calls incomplete
  --help, --version

Without --data everything is kept in memory, puts are refused when there is no room for more,
and all is gone when the server ends. With it a put is answered once it is on the disk.
";

/// With less there is not even room for one large body and its answer.
const LEAST_MEMORY: usize = 64 << 20;

/// What to do.
#[derive(Debug)]
pub(crate) enum Command {
    Serve(Options),
    Help,
    Version,
}

/// How to serve.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) listen: SocketAddr,
    pub(crate) keys: Vec<Credentials>,
    pub(crate) no_auth: bool,
    pub(crate) hosts: Vec<String>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) memory_limit: Option<usize>,
    pub(crate) memory_budget: Option<usize>,
    pub(crate) growingio_strict: bool,
}

/// Reads the command line; the error is one line.
pub(crate) fn parse(mut parser: lexopt::Parser) -> Result<Command, lexopt::Error> {
    use lexopt::prelude::*;

    let mut options = Options {
        listen: SocketAddr::from(([127, 0, 0, 1], 10240)),
        keys: Vec::new(),
        no_auth: false,
        hosts: Vec::new(),
        data: None,
        memory_limit: None,
        memory_budget: None,
        growingio_strict: false,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("listen") => {
                let text = parser.value()?.string()?;
                let mut found = text.to_socket_addrs().into_iter().flatten();
                let address = found.next();
                options.listen =
                    address.ok_or_else(|| format!("--listen needs ADDRESS:PORT, not {text:?}"))?;
            }
            Long("access-key") => options.keys.push(key(&parser.value()?.string()?)?),
            Long("no-auth") => options.no_auth = true,
            Long("host") => options.hosts.push(parser.value()?.string()?),
            Long("data") => {
                let folder = PathBuf::from(parser.value()?);
                if folder.as_os_str().is_empty() {
                    return Err("--data needs a folder".into());
                }
                options.data = Some(folder);
            }
            Long("memory") => {
                let bytes = mebibytes(&mut parser)?.ok_or("--memory is too large")?;
                if bytes < LEAST_MEMORY {
                    return Err("--memory needs 64 or more".into());
                }
                options.memory_limit = Some(bytes);
            }
            Long("memory-budget") => {
                let bytes = mebibytes(&mut parser)?;
                options.memory_budget = Some(bytes.ok_or("--memory-budget is too large")?);
            }
            Long("growingio-strict") => options.growingio_strict = true,
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Command::Serve(options))
}

/// In bytes; none when there are no such numbers.
fn mebibytes(parser: &mut lexopt::Parser) -> Result<Option<usize>, lexopt::Error> {
    use lexopt::ValueExt as _;

    let mib: usize = parser.value()?.parse()?;
    Ok(mib.checked_mul(1 << 20))
}

/// The argument is not repeated in errors: it holds a secret.
fn key(text: &str) -> Result<Credentials, &'static str> {
    const FORM: &str = "--access-key needs ID:SECRET or ID:SECRET:TOKEN";
    let mut parts = text.splitn(3, ':');
    let (Some(id), Some(secret)) = (parts.next(), parts.next()) else {
        return Err(FORM);
    };
    let token = parts.next();
    if id.is_empty() || secret.is_empty() || token.is_some_and(str::is_empty) {
        return Err(FORM);
    }
    let key = Credentials::new(id, secret);
    Ok(match token {
        Some(token) => key.with_security_token(token),
        None => key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(args: &[&str]) -> Result<Options, String> {
        let parser = lexopt::Parser::from_args(args.iter().copied());
        match parse(parser) {
            Ok(Command::Serve(options)) => Ok(options),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn defaults_are_loopback_and_the_known_key() {
        let options = serve(&[]).unwrap();
        assert_eq!(options.listen.to_string(), "127.0.0.1:10240");
        assert!(options.keys.is_empty() && !options.no_auth);
    }

    #[test]
    fn a_key_may_have_a_token_with_colons() {
        let options = serve(&["--access-key", "id:secret:to:ken", "--access-key=a:b"]).unwrap();
        assert_eq!(options.keys[0].access_key_id(), "id");
        assert_eq!(options.keys[0].access_key_secret(), "secret");
        assert_eq!(options.keys[0].security_token(), Some("to:ken"));
        assert_eq!(options.keys[1].security_token(), None);
    }

    #[test]
    fn a_malformed_key_is_refused_without_being_repeated() {
        for bad in ["hush", "hush:", ":hush", "id:hush:"] {
            let error = serve(&["--access-key", bad]).unwrap_err();
            assert!(
                error.contains("ID:SECRET") && !error.contains("hush"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_name_may_be_listened_on() {
        let options = serve(&[
            "--listen",
            "localhost:0",
            "--no-auth",
            "--access-key",
            "a:b",
        ]);
        assert!(options.unwrap().listen.ip().is_loopback());
    }

    #[test]
    fn a_folder_and_memory_are_given_in_names_and_mebibytes() {
        let options = serve(&["--data", "logs", "--memory", "256", "--memory-budget=1"]).unwrap();
        assert_eq!(options.data, Some(PathBuf::from("logs")));
        assert_eq!(options.memory_limit, Some(256 << 20));
        assert_eq!(options.memory_budget, Some(1 << 20));
    }

    #[test]
    fn nonsense_is_refused_in_one_line() {
        for bad in [
            &["--listen", "nowhere"][..],
            &["--listen"],
            &["--unknown"],
            &["extra"],
            &["--memory-budget", "much"],
            &["--memory", "63"],
            &["--data", ""],
        ] {
            let error = serve(bad).unwrap_err();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
}
