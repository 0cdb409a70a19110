//! `sls-local` as a child process.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines,
};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use super::Result;

/// How long it may take to be ready; it has nothing to do before that but to bind.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to end once it was asked to.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to show what it holds in memory.
const SHOW_LIMIT: Duration = Duration::from_secs(60);

const READY: &str = "listening on ";

/// A server of its own for one suite, on a free port of the loopback interface.
///
/// Dropping it kills it; [`stop`](Self::stop) ends it as an operator would.
#[derive(Debug)]
pub struct ServerProcess {
    child: Child,
    url: String,
    exports: BTreeMap<String, String>,
}

impl ServerProcess {
    /// Starts the program with these arguments, and waits until it has told its address and
    /// the variables that a client of it needs.
    ///
    /// # Errors
    /// When it ends, or does not tell all of that within a minute.
    pub async fn start(program: &Path, args: &[&str], variables: &[&str]) -> Result<Self> {
        Self::start_within(START_LIMIT, program, args, variables).await
    }

    /// The same for a server that has something to do before it is ready.
    ///
    /// # Errors
    /// As [`start`](Self::start), after this time.
    pub async fn start_within(
        limit: Duration,
        program: &Path,
        args: &[&str],
        variables: &[&str],
    ) -> Result<Self> {
        let mut child = Command::new(program)
            .args(["--listen", "127.0.0.1:0"])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start {}: {error}", program.display()))?;
        let stdout = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let stderr = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut said = Said::default();
        let ready = timeout(limit, said.listen(stdout, stderr, variables)).await;
        match ready {
            Ok(Ok(())) => Ok(Self {
                child,
                url: said.url,
                exports: said.exports,
            }),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(format!("the server was not ready in time; {said:?}").into()),
        }
    }

    /// Where it listens, for instance `http://127.0.0.1:10240`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value that it tells its clients to give to a variable.
    pub fn export(&self, variable: &str) -> Option<&str> {
        self.exports.get(variable).map(String::as_str)
    }

    /// What it shows of itself below `/_local/`, as JSON.
    ///
    /// # Errors
    /// When it does not answer within a minute, or refuses.
    pub async fn shown(&self, target: &str) -> Result<Value> {
        let address = self.url.strip_prefix("http://");
        let address = address.ok_or("the server's address has another scheme")?;
        let answer = timeout(SHOW_LIMIT, ask(address, "GET", target, "")).await;
        let answer = answer.map_err(|_| format!("no answer to {target}"))??;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| format!("the answer to {target} has no head: {answer}"))?;
        if !head.starts_with("HTTP/1.1 200 ") {
            return Err(format!("{target} was refused: {answer}").into());
        }
        Ok(serde_json::from_str(body)?)
    }

    /// Asks it for something below `/_local/` that changes it: a fault, another time.
    ///
    /// # Errors
    /// When it does not answer within a minute, or refuses.
    pub async fn change(&self, method: &str, target: &str, body: &Value) -> Result<()> {
        let address = self.url.strip_prefix("http://");
        let address = address.ok_or("the server's address has another scheme")?;
        let body = body.to_string();
        let answer = timeout(SHOW_LIMIT, ask(address, method, target, &body)).await;
        let answer = answer.map_err(|_| format!("no answer to {target}"))??;
        if answer.starts_with("HTTP/1.1 2") {
            Ok(())
        } else {
            Err(format!("{method} {target} was refused: {answer}").into())
        }
    }

    /// The number of its process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Ends it as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Asks it to end, and waits until it did.
    ///
    /// # Errors
    /// When it does not end within a minute, or not with success.
    pub async fn stop(mut self) -> Result<()> {
        let id = self.child.id().ok_or("the server has ended by itself")?;
        terminate(id, &mut self.child).await?;
        let status = timeout(STOP_LIMIT, self.child.wait()).await;
        let status = status.map_err(|_| "the server does not end when asked to")??;
        if status.success() || cfg!(not(unix)) {
            Ok(())
        } else {
            Err(format!("the server ended with {status} when asked to").into())
        }
    }
}

/// One request on a connection of its own, and the whole answer to it. The server closes
/// when asked to, and gives such an answer in one piece.
async fn ask(address: &str, method: &str, target: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Sends SIGTERM. The standard library cannot, and a shell has `kill` everywhere.
#[cfg(unix)]
async fn terminate(id: u32, _child: &mut Child) -> Result<()> {
    let mut kill = std::process::Command::new("sh");
    kill.args(["-c", &format!("kill -TERM {id}")]);
    super::program::Program::new(kill).run("").await?;
    Ok(())
}

/// There is no such request elsewhere; the program can only be ended the hard way.
#[cfg(not(unix))]
async fn terminate(_id: u32, child: &mut Child) -> Result<()> {
    Ok(child.start_kill()?)
}

/// What the server said about itself.
#[derive(Debug, Default)]
struct Said {
    url: String,
    exports: BTreeMap<String, String>,
    other: Vec<String>,
}

impl Said {
    /// Reads until all is known, and leaves the rest to tasks that read on, so that the
    /// server never waits for a full pipe.
    async fn listen(
        &mut self,
        mut stdout: Lines<BufReader<ChildStdout>>,
        mut stderr: Lines<BufReader<ChildStderr>>,
        variables: &[&str],
    ) -> Result<()> {
        while !self.tells(variables) {
            let line = tokio::select! {
                line = stdout.next_line() => line?,
                line = stderr.next_line() => line?,
            };
            let line = line.ok_or_else(|| format!("the server did not start; {self:?}"))?;
            self.hear(line);
        }
        tokio::spawn(pass_on(stdout));
        tokio::spawn(pass_on(stderr));
        Ok(())
    }

    fn tells(&self, variables: &[&str]) -> bool {
        let mut variables = variables.iter();
        !self.url.is_empty() && variables.all(|name| self.exports.contains_key(*name))
    }

    fn hear(&mut self, line: String) {
        if let Some(url) = line.strip_prefix(READY) {
            self.url = url.trim().to_owned();
        } else if let Some((name, value)) = export(&line) {
            self.exports.insert(name.to_owned(), value.to_owned());
        } else {
            self.other.push(line);
        }
    }
}

/// Name and value of a line that a shell would read: `export NAME='value'`.
fn export(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().strip_prefix("export ")?.split_once('=')?;
    let quoted = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    Some((name, quoted('\'').or_else(|| quoted('"')).unwrap_or(value)))
}

/// Shows what the server says later: a complaint, or the reason of its end.
async fn pass_on(mut lines: Lines<BufReader<impl AsyncRead + Unpin>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        let for_shells = line.starts_with("export ") || line.starts_with('#');
        if !for_shells {
            eprintln!("sls-local: {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_when_address_and_variables_are_known() {
        let mut said = Said::default();
        for line in [
            "a word of welcome",
            "export FIRST=local",
            "listening on http://127.0.0.1:7",
        ] {
            said.hear(line.to_owned());
            assert!(!said.tells(&["FIRST", "SECOND"]), "{line}");
        }
        said.hear("  export SECOND='a b'".to_owned());
        assert!(said.tells(&["FIRST", "SECOND"]));
        assert_eq!(said.url, "http://127.0.0.1:7");
        assert_eq!(said.exports["SECOND"], "a b");
    }

    #[test]
    fn quotes_around_a_value_are_the_shells() {
        assert_eq!(export("export A=b=c"), Some(("A", "b=c")));
        assert_eq!(export("export A=\"b\""), Some(("A", "b")));
        assert_eq!(export("A=b"), None);
    }
}
