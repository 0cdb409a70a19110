//! A child process with a time limit.

use std::fmt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::Result;

/// How long a program may take unless told otherwise.
pub const LIMIT: Duration = Duration::from_secs(300);

/// A program that is fed text and prints text.
#[derive(Debug)]
pub struct Program {
    command: Command,
    limit: Duration,
}

impl Program {
    /// A program that may take [`LIMIT`].
    pub fn new(command: Command) -> Self {
        Self {
            command,
            limit: LIMIT,
        }
    }

    /// Changes how long it may take.
    #[must_use]
    pub fn with_limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Waits for its end without feeding it anything, and gives how that was, success or not.
    ///
    /// # Errors
    /// When it cannot be started, takes too long, or was ended by a signal.
    pub async fn end(self) -> Result<Ended> {
        let mut running = self.start()?;
        drop(running.stdin.take());
        match running.status().await {
            Ok(status) => match status.code() {
                Some(code) => Ok(Ended {
                    code,
                    printed: running.printed,
                }),
                None => Err(running.failed(&format!("ended with {status}")).await),
            },
            Err(reason) => Err(running.failed(&reason).await),
        }
    }

    /// Feeds it `input`, waits for its end, and gives what it printed.
    ///
    /// # Errors
    /// When it cannot be started, takes too long, or does not exit with 0; then with its
    /// complaints.
    pub async fn run(self, input: &str) -> Result<String> {
        let mut running = self.start()?;
        // Beside reading: a program may print before it has read everything.
        let mut stdin = running.stdin.take().expect("nobody closed it yet");
        let input = input.to_owned();
        let feed = tokio::spawn(async move {
            // A program that ends without reading says why on its own.
            let _ = stdin.write_all(input.as_bytes()).await;
        });
        let printed = running.finish().await;
        feed.abort();
        printed
    }

    /// As [`run`](Self::run), and reads the last line as the [`Answer`] it must be.
    ///
    /// # Errors
    /// As [`run`](Self::run), and when the last line is something else.
    pub async fn answer(self, input: &str) -> Result<Answer> {
        let shown = self.to_string();
        let printed = self.run(input).await?;
        Answer::expect(&shown, &printed)
    }

    /// Starts it, to be watched while it runs.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(self) -> Result<Running> {
        let shown = self.to_string();
        let mut child = tokio::process::Command::from(self.command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("cannot start `{shown}`: {error}"))?;
        let stdout = child.stdout.take().expect("it is piped");
        let mut stderr = child.stderr.take().expect("it is piped");
        let complaints = tokio::spawn(async move {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes).await;
            String::from_utf8_lossy(&bytes).trim_end().to_owned()
        });
        Ok(Running {
            shown,
            stdin: child.stdin.take(),
            child,
            lines: BufReader::new(stdout).lines(),
            printed: String::new(),
            complaints,
            limit: self.limit,
            deadline: Instant::now() + self.limit,
        })
    }
}

impl fmt::Display for Program {
    /// The command as one would type it, without folders.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        for (i, word) in words.enumerate() {
            let space = if i == 0 { "" } else { " " };
            let word = word.to_string_lossy();
            let short = word.rsplit(['/', '\\']).next().unwrap_or(&word);
            write!(f, "{space}{short}")?;
        }
        Ok(())
    }
}

/// A program that was started; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    shown: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    printed: String,
    complaints: JoinHandle<String>,
    limit: Duration,
    deadline: Instant,
}

impl Running {
    /// Waits until it prints a line that starts like this.
    ///
    /// # Errors
    /// When it ends or the time is over before that.
    pub async fn wait_for_line(&mut self, start: &str) -> Result<()> {
        while !self.line().await?.starts_with(start) {}
        Ok(())
    }

    /// Waits for its next line.
    ///
    /// # Errors
    /// When it ends or the time is over before that.
    ///
    /// # Cancel safety
    /// Safe: a line that was not given stays to be given.
    pub async fn line(&mut self) -> Result<String> {
        match self.next_line().await {
            Ok(Some(line)) => Ok(line.trim_end_matches('\n').to_owned()),
            Ok(None) => Err(self.failed("ended before it printed all").await),
            Err(reason) => Err(self.failed(&reason).await),
        }
    }

    /// Kills it without a warning, and gives the lines that were still to be read.
    ///
    /// # Errors
    /// When it has ended by itself, or what it printed cannot be read.
    pub async fn kill(mut self) -> Result<Vec<String>> {
        if let Some(status) = self.child.try_wait()? {
            return Err(self.failed(&format!("ended with {status}")).await);
        }
        let read = self.printed.len();
        self.child.kill().await?;
        while self.next_line().await?.is_some() {}
        Ok(self.printed[read..].lines().map(str::to_owned).collect())
    }

    /// Closes its input, waits for its end, and gives all that it printed.
    ///
    /// # Errors
    /// When it takes too long, or does not exit with 0.
    pub async fn finish(mut self) -> Result<String> {
        drop(self.stdin.take());
        match self.end().await {
            Ok(()) => Ok(self.printed),
            Err(reason) => Err(self.failed(&reason).await),
        }
    }

    /// As [`finish`](Self::finish), and reads the last line as the [`Answer`] it must be.
    ///
    /// # Errors
    /// As [`finish`](Self::finish), and when the last line is something else.
    pub async fn answer(self) -> Result<Answer> {
        let shown = self.shown.clone();
        let printed = self.finish().await?;
        Answer::expect(&shown, &printed)
    }

    async fn end(&mut self) -> Result<(), String> {
        match self.status().await? {
            status if status.success() => Ok(()),
            status => Err(format!("ended with {status}")),
        }
    }

    /// Reads all it prints, and waits for its end.
    async fn status(&mut self) -> Result<ExitStatus, String> {
        while self.next_line().await?.is_some() {}
        let status = timeout_at(self.deadline, self.child.wait()).await;
        match status {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(error)) => Err(format!("cannot be waited for: {error}")),
            Err(_) => Err(self.too_slow()),
        }
    }

    async fn next_line(&mut self) -> Result<Option<&str>, String> {
        let line = timeout_at(self.deadline, self.lines.next_line()).await;
        match line.map_err(|_| self.too_slow())? {
            Ok(None) => Ok(None),
            Ok(Some(line)) => {
                let at = self.printed.len();
                self.printed.push_str(&line);
                self.printed.push('\n');
                Ok(Some(&self.printed[at..]))
            }
            Err(error) => Err(format!("cannot be read: {error}")),
        }
    }

    fn too_slow(&self) -> String {
        format!("did not end within {} s", self.limit.as_secs())
    }

    /// Kills it, so that its complaints are complete, and says what happened.
    async fn failed(&mut self, reason: &str) -> super::Failure {
        let _ = self.child.kill().await;
        let complaints = (&mut self.complaints).await.unwrap_or_default();
        let said = if complaints.is_empty() {
            &self.printed
        } else {
            &complaints
        };
        format!("`{}` {reason}; it said: {}", self.shown, tail(said.trim())).into()
    }
}

/// The end of a text, where programs put the reason.
fn tail(text: &str) -> &str {
    const LONGEST: usize = 2000;
    let from = text.len().saturating_sub(LONGEST);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at));
    &text[from.unwrap_or(0)..]
}

/// How a program ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: i32,
    /// All that it printed.
    pub printed: String,
}

/// What a program found, from its last line: `{"calls": 3, "result": ..}`.
#[derive(Debug)]
pub struct Answer {
    /// How many calls to the server it made.
    pub calls: u64,
    /// What it found.
    pub result: Value,
}

impl Answer {
    fn expect(program: &str, printed: &str) -> Result<Self> {
        Self::parse(printed).ok_or_else(|| format!("`{program}` gave no answer: {printed}").into())
    }

    fn parse(printed: &str) -> Option<Self> {
        let mut object: Value = serde_json::from_str(printed.lines().last()?).ok()?;
        Some(Self {
            calls: object["calls"].as_u64()?,
            result: object["result"].take(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_the_answer() {
        let answer = Answer::parse("noise\n{\"calls\": 2, \"result\": [1]}\n").unwrap();
        assert_eq!(answer.calls, 2);
        assert_eq!(answer.result, serde_json::json!([1]));
        assert!(Answer::parse("noise").is_none());
        assert!(Answer::parse("").is_none());
    }

    #[cfg(unix)]
    mod with_a_shell {
        use super::*;

        fn shell(script: &str) -> Program {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            Program::new(command)
        }

        #[tokio::test]
        async fn a_program_is_fed_and_read() {
            let printed = shell("cat; echo end").run("input\n").await.unwrap();
            assert_eq!(printed, "input\nend\n");
        }

        #[tokio::test]
        async fn a_program_that_fails_is_quoted() {
            let failure = shell("echo why >&2; exit 3").run("").await.unwrap_err();
            let text = failure.to_string();
            assert!(
                text.contains("3") && text.ends_with("it said: why"),
                "{text}"
            );
        }

        #[tokio::test]
        async fn a_program_may_end_as_it_likes_where_that_is_the_question() {
            let ended = shell("echo no; exit 3").end().await.unwrap();
            assert_eq!((ended.code, ended.printed.as_str()), (3, "no\n"));
            assert!(shell("kill -9 $$").end().await.is_err());
        }

        #[tokio::test]
        async fn what_a_killed_program_printed_is_not_lost() {
            let mut running = shell("echo one; echo two; exec cat").start().unwrap();
            assert_eq!(running.line().await.unwrap(), "one");
            // The second line may be in the pipe by now or not.
            let rest = running.kill().await.unwrap();
            assert!(rest.is_empty() || rest == ["two"], "{rest:?}");
        }

        #[tokio::test]
        async fn a_program_that_hangs_is_killed() {
            let hanging = shell("exec cat").with_limit(Duration::from_millis(50));
            let mut running = hanging.start().unwrap();
            let failure = running.wait_for_line("never").await.unwrap_err();
            assert!(failure.to_string().contains("did not end"), "{failure}");
            assert!(running.child.try_wait().unwrap().is_some());
        }
    }
}
