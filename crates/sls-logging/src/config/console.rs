//! Lines on standard output or standard error.

use std::io::{self, IsTerminal as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::settings::{Color, Stream};
use crate::per_process::PerProcess;

/// How long a line may take to be written when nobody reads the stream.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// Writes whole lines to a stream, one at a time.
///
/// A line has left the process when [`line`](Self::line) returns. When nobody reads the
/// stream, the first line waits for [`PATIENCE`] and is lost, and later ones are lost at once
/// until somebody reads again; how many were lost is then written in front of the next. A
/// stream that was closed by its reader is not written to again.
#[derive(Debug)]
pub(crate) struct Console<O = Terminal> {
    output: O,
    /// Who holds it writes.
    state: PerProcess<State>,
    lost: AtomicU64,
    color: bool,
}

#[derive(Debug, Default)]
struct State {
    flow: Flow,
    /// Whether the last line was written in part.
    cut: bool,
    /// Lines lost since the last one that was written.
    gap: u64,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    Stalled,
    Closed,
}

/// Where bytes go.
pub(crate) trait Output {
    /// Writes all bytes, unless that takes longer.
    fn write(&self, bytes: &[u8], within: Duration) -> Written;
}

/// What became of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    All,
    /// So many of them, since nobody reads the rest.
    Part(usize),
    /// The reader is gone.
    Closed,
}

impl Console {
    pub(crate) fn new(stream: Stream, color: Color) -> Self {
        let terminal = Terminal(stream);
        let color = match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
                wanted && terminal.is_terminal()
            }
        };
        Self::to(terminal, color)
    }
}

impl<O: Output> Console<O> {
    fn to(output: O, color: bool) -> Self {
        Self {
            output,
            state: PerProcess::new(),
            lost: AtomicU64::new(0),
            color,
        }
    }

    /// Whether levels stand out.
    pub(crate) fn color(&self) -> bool {
        self.color
    }

    /// How many lines were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes a line, which ends with a line break.
    pub(crate) fn line(&self, line: &str) {
        self.state.with(|state| self.line_in(state, line));
    }

    fn line_in(&self, state: &mut State, line: &str) {
        let written = match state.flow {
            Flow::Closed => Written::Closed,
            Flow::Open | Flow::Stalled => self.write(state, line),
        };
        match written {
            Written::All => {
                *state = State::default();
            }
            Written::Part(bytes) => {
                state.flow = Flow::Stalled;
                state.cut |= bytes > 0;
                self.lose(state);
            }
            Written::Closed => {
                state.flow = Flow::Closed;
                self.lose(state);
            }
        }
    }

    fn lose(&self, state: &mut State) {
        state.gap += 1;
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn write(&self, state: &mut State, line: &str) -> Written {
        let within = match state.flow {
            Flow::Open => PATIENCE,
            _ => Duration::ZERO,
        };
        if state.gap > 0 {
            let end = if state.cut { "\n" } else { "" };
            let notice = format!("{end}({} lines could not be written here)\n", state.gap);
            match self.output.write(notice.as_bytes(), within) {
                Written::All => {
                    state.gap = 0;
                    state.cut = false;
                }
                other => return other,
            }
        }
        self.output.write(line.as_bytes(), within)
    }
}

/// A standard stream of the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal(Stream);

impl Terminal {
    fn is_terminal(self) -> bool {
        match self.0 {
            Stream::Stdout => io::stdout().is_terminal(),
            Stream::Stderr => io::stderr().is_terminal(),
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::os::fd::{AsFd, BorrowedFd};
    use std::time::Instant;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::io::{Errno, write};

    use super::*;

    /// What a pipe takes whole once it says that it takes something.
    const PIPE_BUF: usize = 4096;

    impl Output for Terminal {
        fn write(&self, bytes: &[u8], within: Duration) -> Written {
            match self.0 {
                Stream::Stdout => write_within(io::stdout().as_fd(), bytes, within),
                Stream::Stderr => write_within(io::stderr().as_fd(), bytes, within),
            }
        }
    }

    /// Writes past the buffer that the standard library has for standard output: what is
    /// in it is what others began, and flushing it could wait for ever.
    #[expect(
        clippy::disallowed_methods,
        reason = "a system call has to be told how long to wait"
    )]
    pub(super) fn write_within(fd: BorrowedFd<'_>, bytes: &[u8], within: Duration) -> Written {
        let began = Instant::now();
        let mut done = 0;
        while done < bytes.len() {
            let left = within.saturating_sub(began.elapsed());
            let timeout = Timespec {
                tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut polled = [PollFd::new(&fd, PollFlags::OUT)];
            match poll(&mut polled, Some(&timeout)) {
                Ok(0) => return Written::Part(done),
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                // What cannot be polled is no pipe, and does not wait.
                Err(_) => {}
            }
            let end = bytes.len().min(done + PIPE_BUF);
            match write(fd, &bytes[done..end]) {
                Ok(0) => return Written::Part(done),
                Ok(count) => done += count,
                Err(Errno::INTR) => {}
                // The stream does not wait by itself, and somebody was faster.
                Err(Errno::AGAIN) if left > Duration::ZERO => {}
                Err(Errno::PIPE | Errno::BADF) => return Written::Closed,
                Err(_) => return Written::Part(done),
            }
        }
        Written::All
    }
}

#[cfg(not(unix))]
impl Output for Terminal {
    /// Waits as long as the system does: there is no portable way not to.
    fn write(&self, bytes: &[u8], _within: Duration) -> Written {
        use io::Write as _;
        let outcome = match self.0 {
            Stream::Stdout => io::stdout().lock().write_all(bytes),
            Stream::Stderr => io::stderr().lock().write_all(bytes),
        };
        match outcome {
            Ok(()) => Written::All,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Written::Closed,
            Err(_) => Written::Part(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::VecDeque;

    use super::*;

    /// Answers as it was told, then takes everything.
    #[derive(Default)]
    struct Scripted {
        answers: RefCell<VecDeque<Written>>,
        calls: RefCell<Vec<(String, Duration)>>,
    }

    impl Output for Scripted {
        fn write(&self, bytes: &[u8], within: Duration) -> Written {
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            self.calls.borrow_mut().push((text, within));
            let answer = self.answers.borrow_mut().pop_front();
            answer.unwrap_or(Written::All)
        }
    }

    fn console(answers: &[Written]) -> Console<Scripted> {
        let scripted = Scripted {
            answers: RefCell::new(answers.iter().copied().collect()),
            ..Scripted::default()
        };
        Console::to(scripted, false)
    }

    fn calls(console: &Console<Scripted>) -> Vec<(String, bool)> {
        let calls = console.output.calls.borrow();
        calls
            .iter()
            .map(|(text, within)| (text.clone(), *within == PATIENCE))
            .collect()
    }

    #[test]
    fn only_the_first_line_waits_for_a_stream_that_nobody_reads() {
        let console = console(&[Written::Part(0), Written::Part(0), Written::Part(0)]);
        for line in ["one\n", "two\n", "three\n"] {
            console.line(line);
        }
        assert_eq!(console.lost(), 3);
        let waited = calls(&console).iter().filter(|(_, waited)| *waited).count();
        assert_eq!(waited, 1);
    }

    #[test]
    fn what_was_lost_is_told_in_front_of_the_next_line() {
        let console = console(&[Written::Part(2), Written::Part(0)]);
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            console.line(line);
        }
        let texts = calls(&console).into_iter().map(|(text, _)| text);
        assert_eq!(
            texts.skip(2).collect::<String>(),
            "\n(2 lines could not be written here)\nthree\nfour\n"
        );
        assert_eq!(console.lost(), 2);
    }

    #[test]
    fn a_stream_without_reader_is_not_written_to_again() {
        let console = console(&[Written::Closed]);
        for line in ["one\n", "two\n"] {
            console.line(line);
        }
        assert_eq!(calls(&console).len(), 1);
        assert_eq!(console.lost(), 2);
    }

    #[cfg(unix)]
    mod with_pipes {
        use std::io::Read as _;
        use std::os::fd::AsFd as _;

        use super::*;
        use crate::config::console::unix::write_within;

        #[test]
        fn a_full_pipe_does_not_hold_the_caller() {
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            let mut reader = std::fs::File::from(reader);
            let much = vec![b'x'; 1 << 20];
            let Written::Part(count) = write_within(writer.as_fd(), &much, Duration::ZERO) else {
                panic!("a pipe took a megabyte");
            };
            assert!(count >= 4096);
            assert_eq!(
                write_within(writer.as_fd(), b"y", Duration::from_millis(1)),
                Written::Part(0)
            );
            let mut some = vec![0; count];
            reader.read_exact(&mut some).unwrap();
            assert_eq!(
                write_within(writer.as_fd(), b"z", Duration::ZERO),
                Written::All
            );
        }

        #[test]
        fn a_pipe_whose_reader_is_gone_is_closed() {
            let (reader, writer) = rustix::pipe::pipe().unwrap();
            drop(reader);
            assert_eq!(
                write_within(writer.as_fd(), b"x", PATIENCE),
                Written::Closed
            );
        }
    }
}
