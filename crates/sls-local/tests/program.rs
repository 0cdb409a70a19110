//! The program: what it prints, how it ends, what it refuses.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sls-local"));
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running program and the first line it printed.
fn serve(args: &[&str]) -> (Child, String) {
    let mut child = program(args).spawn().unwrap();
    let mut line = String::new();
    let stdout = child.stdout.as_mut().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    (child, line)
}

fn stderr(child: &mut Child) -> String {
    let mut text = String::new();
    child
        .stderr
        .as_mut()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[cfg(unix)]
fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

#[cfg(unix)]
#[test]
fn ready_is_said_and_either_signal_ends_it_with_success() {
    for name in ["INT", "TERM"] {
        let (mut child, line) = serve(&["--listen", "127.0.0.1:0"]);
        assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
        let text = stderr(&mut child);
        for want in [
            "export SLS_ENDPOINT=http://127.0.0.1:",
            "export ALIBABA_CLOUD_ACCESS_KEY_ID=local\n",
            "export ALIBABA_CLOUD_ACCESS_KEY_SECRET=local-secret\n",
        ] {
            assert!(text.contains(want), "{text}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_does_not_wait_for_requests_in_flight() {
    let (mut child, line) = serve(&["--listen", "127.0.0.1:0"]);
    let addr = line.trim().rsplit('/').next().unwrap();
    let mut slow = TcpStream::connect(addr).unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    // An answer on another connection shows that the slow one was accepted before.
    let mut quick = TcpStream::connect(addr).unwrap();
    quick
        .write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    quick.read_to_string(&mut answer).unwrap();
    slow.write_all(b"host: a.localhost\r\n").unwrap();
    signal(&child, "TERM");
    while TcpStream::connect(addr).is_ok() {}
    signal(&child, "TERM");
    // 0 when the half request did not count as one in flight and the first did it all.
    assert!(matches!(child.wait().unwrap().code(), Some(0 | 1)));
}

#[cfg(unix)]
#[test]
fn the_secret_of_a_given_key_is_not_printed() {
    let (mut child, line) = serve(&["--listen", "127.0.0.1:0", "--access-key", "id:hush:quiet"]);
    assert!(line.starts_with("listening on"), "{line}");
    signal(&child, "TERM");
    child.wait().unwrap();
    let text = stderr(&mut child);
    assert!(
        text.contains("export ALIBABA_CLOUD_ACCESS_KEY_ID=id\n"),
        "{text}"
    );
    assert!(!text.contains("hush") && !text.contains("quiet"), "{text}");
}

#[cfg(unix)]
#[test]
fn an_address_beyond_loopback_is_warned_of() {
    let (mut child, _) = serve(&["--listen", "0.0.0.0:0"]);
    signal(&child, "TERM");
    child.wait().unwrap();
    let text = stderr(&mut child);
    assert!(
        text.contains("can be reached from other machines"),
        "{text}"
    );
}

#[test]
fn a_busy_port_is_one_line_and_exit_code_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let output = program(&["--listen", &addr]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains(&addr), "{text}");
    assert!(output.stdout.is_empty());
}

#[test]
fn bad_arguments_are_one_line_and_exit_code_2() {
    for args in [
        &["--nonsense"][..],
        &["--listen", "x"],
        &["--access-key", "x"],
        &["x"],
    ] {
        let output = program(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}

#[test]
fn help_and_version_go_to_stdout() {
    for (arg, want) in [
        ("--help", "--access-key ID:SECRET[:TOKEN]"),
        ("--version", "sls-local 0."),
    ] {
        let output = program(&[arg]).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(want), "{text}");
    }
}
