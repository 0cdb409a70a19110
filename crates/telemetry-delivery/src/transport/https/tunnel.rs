use std::io;

use http::Uri;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::proxy::ProxyAddress;
use super::{ProxyErrorKind, TransportError, TransportErrorKind};

/// How long the head of a proxy's answer may be.
const MAX_HEAD: usize = 16 * 1024;

/// Has `proxy`, at the other end of `stream`, connect it to the host of `uri`, an https one.
///
/// Afterwards `stream` stands at the first byte that the server says.
pub(super) async fn open<S>(
    stream: &mut S,
    uri: &Uri,
    proxy: &ProxyAddress,
) -> Result<(), TransportError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let host = uri.host().unwrap_or_default();
    let target = format!("{host}:{}", uri.port_u16().unwrap_or(443));
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = proxy.authorization() {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");

    let head = async {
        stream.write_all(&request).await?;
        stream.flush().await?;
        read_head(stream).await
    };
    let head = head.await.map_err(|error| {
        let message =
            format!("the proxy {proxy} closed the connection instead of opening a tunnel");
        TransportError::new(TransportErrorKind::Connect, message).with_source(error)
    })?;
    match head.as_deref().and_then(status) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(refusal(status, &target, proxy)),
        None => {
            let message = format!("the answer of the proxy {proxy} is not valid http/1.1");
            Err(TransportError::new(TransportErrorKind::Protocol, message).with_sent(false))
        }
    }
}

/// What a status that is no success stands for.
pub(super) fn refusal(status: u16, target: &str, proxy: &ProxyAddress) -> TransportError {
    let (kind, message) = match status {
        407 => (
            ProxyErrorKind::Unauthorized,
            format!("the proxy {proxy} wants credentials, or other ones, for {target} (http 407)"),
        ),
        500..=599 => (
            ProxyErrorKind::Unreachable,
            format!("the proxy {proxy} did not reach {target} (http {status})"),
        ),
        _ => (
            ProxyErrorKind::Refused,
            format!("the proxy {proxy} refused to connect to {target} (http {status})"),
        ),
    };
    TransportError::new(TransportErrorKind::Proxy(kind), message)
}

/// Reads up to the empty line; `None` when it does not come in time.
///
/// Byte by byte, since what follows is the server's and has to stay where it is. Beside the
/// handshake that comes next, a hundred small reads do not count.
async fn read_head<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::with_capacity(256);
    while head.len() < MAX_HEAD {
        head.push(stream.read_u8().await?);
        if head.ends_with(b"\r\n\r\n") || head.ends_with(b"\n\n") {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// The status in the first line of an answer: `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let [minor, b' ', status @ ..] = head.strip_prefix(b"HTTP/1.")? else {
        return None;
    };
    let (digits, rest) = status.split_at_checked(3)?;
    let ends = matches!(rest.first(), Some(b' ' | b'\r' | b'\n'));
    if !ends || !minor.is_ascii_digit() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::duplex;

    use super::*;

    /// Opens a tunnel through a proxy that says `answer`; gives what it heard, too.
    async fn open_against(
        address: &str,
        answer: &[u8],
    ) -> (Result<(), TransportError>, String, Vec<u8>) {
        let proxy = ProxyAddress::parse(address).unwrap();
        let uri = Uri::from_static("https://target.test/path?key=secret");
        let (mut near, mut far) = duplex(2 * MAX_HEAD);
        far.write_all(answer).await.unwrap();
        far.shutdown().await.unwrap();
        let outcome = open(&mut near, &uri, &proxy).await;
        let mut rest = Vec::new();
        near.read_to_end(&mut rest).await.unwrap();
        drop(near);
        let mut heard = String::new();
        far.read_to_string(&mut heard).await.unwrap();
        (outcome, heard, rest)
    }

    async fn check_refused(answer: &[u8], kind: TransportErrorKind, text: &str) {
        let (outcome, ..) = open_against("http://user:secret@proxy.test:3128", answer).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert_eq!(error.to_string(), text);
        assert!(!error.may_have_been_sent());
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }

    #[tokio::test]
    async fn the_proxy_hears_host_and_port_and_its_credentials() {
        let answer = b"HTTP/1.1 200 OK\r\n\r\n";
        let (outcome, heard, _) = open_against("http://user:secret@proxy.test:3128", answer).await;
        outcome.unwrap();
        assert_eq!(
            heard,
            "CONNECT target.test:443 HTTP/1.1\r\nHost: target.test:443\r\n\
             Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n"
        );
        let (_, heard, _) = open_against("proxy.test", answer).await;
        assert!(!heard.contains("Authorization"), "{heard}");
    }

    #[tokio::test]
    async fn what_follows_the_answer_is_left_for_the_server() {
        for head in [
            "HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n",
            "HTTP/1.0 200\r\n\r\n",
            "HTTP/1.1 204 \n\n",
        ] {
            let answer = format!("{head}server");
            let (outcome, _, rest) = open_against("proxy.test", answer.as_bytes()).await;
            outcome.unwrap();
            assert_eq!(rest, b"server");
        }
    }

    #[tokio::test]
    async fn a_refusal_names_the_proxy_and_not_its_credentials() {
        check_refused(
            b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            TransportErrorKind::Proxy(ProxyErrorKind::Unauthorized),
            "the proxy proxy.test:3128 wants credentials, or other ones, for target.test:443 (http 407)",
        )
        .await;
        check_refused(
            b"HTTP/1.1 502 Bad Gateway\r\n\r\n",
            TransportErrorKind::Proxy(ProxyErrorKind::Unreachable),
            "the proxy proxy.test:3128 did not reach target.test:443 (http 502)",
        )
        .await;
        check_refused(
            b"HTTP/1.1 403 Forbidden\r\n\r\n",
            TransportErrorKind::Proxy(ProxyErrorKind::Refused),
            "the proxy proxy.test:3128 refused to connect to target.test:443 (http 403)",
        )
        .await;
    }

    #[tokio::test]
    async fn a_proxy_that_talks_nonsense_is_given_up() {
        let long = [b"HTTP/1.1 200 OK\r\n".as_slice(), &[b'x'; MAX_HEAD]].concat();
        for answer in [
            &long,
            b"SSH-2.0-OpenSSH\r\n\r\n".as_slice(),
            b"HTTP/1.1 2000 OK\r\n\r\n",
        ] {
            check_refused(
                answer,
                TransportErrorKind::Protocol,
                "the answer of the proxy proxy.test:3128 is not valid http/1.1",
            )
            .await;
        }
    }

    #[tokio::test]
    async fn a_proxy_that_hangs_up_is_a_failed_connection() {
        check_refused(
            b"HTTP/1.1 200",
            TransportErrorKind::Connect,
            "the proxy proxy.test:3128 closed the connection instead of opening a tunnel",
        )
        .await;
    }

    proptest! {
        #[test]
        fn a_status_is_read_from_its_line_only(status_code in 100u16..1000, text in "[ -~]{0,20}") {
            let line = format!("HTTP/1.1 {status_code} {text}\r\n\r\n");
            prop_assert_eq!(status(line.as_bytes()), Some(status_code));
        }

        #[test]
        fn arbitrary_heads_never_panic(head: Vec<u8>) {
            let _ = status(&head);
            let _ = status(&[b"HTTP/1.".as_slice(), &head].concat());
        }
    }
}
