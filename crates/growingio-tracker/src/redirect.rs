use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION};
use http::uri::Scheme;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use telemetry_delivery::{ResponseFuture, Transport, TransportError};
use tower::Service;

/// Follows the redirects that keep method and body: 307 and 308.
///
/// Any other redirect would lose the body, and is handed on as the refusal that it is. The
/// same goes for one that leads from `https` to `http`, or nowhere, and for the one after
/// [`MOST`]. Credentials do not follow to another host.
#[derive(Debug, Clone)]
pub(crate) struct Redirect<T>(pub(crate) T);

/// Redirects in a row, as many as browsers follow.
const MOST: usize = 20;

impl<T: Transport> Service<Request<Bytes>> for Redirect<T> {
    type Response = Response<Bytes>;
    type Error = TransportError;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Bytes>) -> ResponseFuture {
        // The one that `poll_ready` made ready goes to work, its clone stays for the next call.
        let spare = self.0.clone();
        let mut inner = std::mem::replace(&mut self.0, spare);
        Box::pin(async move {
            let mut request = request;
            for _ in 0..MOST {
                let answer = inner.call(request.clone()).await?;
                let Some(target) = target(&answer, request.uri()) else {
                    return Ok(answer);
                };
                if target.authority() != request.uri().authority() {
                    request.headers_mut().remove(AUTHORIZATION);
                }
                *request.uri_mut() = target;
                std::future::poll_fn(|cx| inner.poll_ready(cx)).await?;
            }
            inner.call(request).await
        })
    }
}

/// Where the same request has to go instead, if anywhere.
fn target(answer: &Response<Bytes>, from: &Uri) -> Option<Uri> {
    let keeps_the_body = matches!(
        answer.status(),
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    let target = keeps_the_body.then(|| location(answer.headers(), from))??;
    let downgrade = from.scheme() == Some(&Scheme::HTTPS) && target.scheme() != from.scheme();
    (!downgrade).then_some(target)
}

/// The header `Location`, absolute or with a path from the root.
fn location(headers: &HeaderMap, from: &Uri) -> Option<Uri> {
    let text = headers.get(LOCATION)?.to_str().ok()?;
    let target: Uri = text.parse().ok()?;
    if target.scheme().is_some() {
        return Some(target);
    }
    if !text.starts_with('/') || text.starts_with("//") {
        return None;
    }
    let mut parts = from.clone().into_parts();
    parts.path_and_query = target.into_parts().path_and_query;
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use telemetry_delivery::{Reply, ScriptedTransport};
    use tower::ServiceExt;

    use super::*;

    fn redirect(status: u16, location: &str) -> Reply {
        let answer = Response::builder()
            .status(status)
            .header(LOCATION, location);
        Reply::response(answer.body(Bytes::new()).unwrap())
    }

    /// The addresses that were asked, and the status in the end.
    async fn follow(from: &str, replies: Vec<Reply>) -> (Vec<String>, u16, ScriptedTransport) {
        let transport = ScriptedTransport::new(replies);
        let request = Request::post(from)
            .header(AUTHORIZATION, "secret")
            .body(Bytes::from_static(b"body"))
            .unwrap();
        let answer = Redirect(transport.clone()).oneshot(request).await.unwrap();
        let asked = transport.requests();
        let asked = asked.iter().map(|request| request.uri().to_string());
        (asked.collect(), answer.status().as_u16(), transport)
    }

    #[tokio::test]
    async fn a_redirect_that_keeps_the_body_is_followed_with_all_of_the_request() {
        let replies = vec![redirect(307, "/b?c=d"), Reply::status(StatusCode::OK)];
        let (asked, status, transport) = follow("http://h/a?stm=1", replies).await;
        assert_eq!(asked, ["http://h/a?stm=1", "http://h/b?c=d"]);
        assert_eq!(status, 200);
        let last = &transport.requests()[1];
        assert_eq!(last.method(), "POST");
        assert_eq!(last.body(), "body");
        assert_eq!(last.headers()[AUTHORIZATION], "secret");
    }

    #[tokio::test]
    async fn credentials_do_not_follow_to_another_host() {
        let replies = vec![
            redirect(308, "https://other/b"),
            Reply::status(StatusCode::OK),
        ];
        let (_, _, transport) = follow("https://h/a", replies).await;
        assert!(
            !transport.requests()[1]
                .headers()
                .contains_key(AUTHORIZATION)
        );
    }

    #[tokio::test]
    async fn a_redirect_that_loses_the_body_or_the_encryption_is_not_followed() {
        for (from, status, to) in [
            ("http://h/a", 302, "http://h/b"),
            ("http://h/a", 301, "/b"),
            ("https://h/a", 307, "http://h/b"),
            ("http://h/a", 307, "b"),
        ] {
            let (asked, got, _) = follow(from, vec![redirect(status, to)]).await;
            assert_eq!((asked.len(), got), (1, status), "{from} {status} {to}");
        }
    }

    #[tokio::test]
    async fn a_circle_ends() {
        let replies = (0..100).map(|_| redirect(307, "/a")).collect();
        let (asked, status, _) = follow("http://h/a", replies).await;
        assert_eq!((asked.len(), status), (MOST + 1, 307));
    }
}
