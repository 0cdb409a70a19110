//! Talking to a child process: a line to its standard input, a line from its standard output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A child process that answers each line with one; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Conversation {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Conversation {
    /// This program with other arguments.
    pub(crate) fn with_self(args: &[&str]) -> Self {
        let program = std::env::current_exe().expect("the path of this program");
        Self::with(Command::new(program).args(args))
    }

    pub(crate) fn with(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child process");
        let orders = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            orders,
            answers,
        }
    }

    pub(crate) fn ask(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").expect("the process listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("an answer");
        answer.trim().to_owned()
    }

    /// The same, for an answer of several numbers.
    pub(crate) fn numbers<const N: usize>(&mut self, order: &str) -> [f64; N] {
        let answer = self.ask(order);
        let numbers: Vec<f64> = answer
            .split(' ')
            .map(|number| number.parse().expect("a number"))
            .collect();
        numbers.try_into().expect("so many numbers")
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
