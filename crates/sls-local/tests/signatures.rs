//! Who may ask: unknown keys, wrong secrets, changed requests, clocks that are off.

#![allow(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod support;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri};
use sls_core::Credentials;
use sls_core::sign::{SignV1, SignV4, SignableRequest, Signer, v1};
use telemetry_delivery::ManualClock;

use support::{Draft, LOGSTORE, key, recorded_at, send, service};

fn pull() -> Draft {
    Draft::new("GET", format!("/logstores/{LOGSTORE}/shards/0"))
        .query("type", "cursor")
        .query("from", "begin")
}

fn put() -> Draft {
    Draft::new("POST", format!("/logstores/{LOGSTORE}/shards/lb"))
        .body("application/x-protobuf", *b"\x1a\x01t")
}

fn signers() -> [Box<dyn Signer>; 2] {
    [Box::new(SignV1), Box::new(SignV4::new("cn-hangzhou"))]
}

/// Both kinds of request, signed both ways, changed by `change`, must get `want`.
async fn check(change: impl Fn(&mut Request<Bytes>), status: u16, want: &str) {
    let (service, _) = service(2).await;
    for draft in [pull(), put()] {
        for signer in signers() {
            let mut request = draft.signed_with(&*signer, &key(), recorded_at());
            change(&mut request);
            let answer = send(&service, request).await;
            let found = (answer.status, answer.code());
            assert_eq!(
                found,
                (status, want.to_owned()),
                "{signer:?} {}",
                draft.path
            );
        }
    }
}

#[tokio::test]
async fn a_signed_request_is_accepted_in_both_versions() {
    check(|_| {}, 200, "").await;
}

#[tokio::test]
async fn a_wrong_secret_does_not_match() {
    let (service, _) = service(2).await;
    let wrong = Credentials::new(key().access_key_id(), "another");
    for signer in signers() {
        let request = put().signed_with(&*signer, &wrong, recorded_at());
        send(&service, request)
            .await
            .expect(401, "SignatureNotMatch");
    }
}

#[tokio::test]
async fn an_unknown_key_is_unauthorized() {
    let (service, _) = service(2).await;
    for signer in signers() {
        let stranger = Credentials::new("stranger", key().access_key_secret());
        let request = put().signed_with(&*signer, &stranger, recorded_at());
        let answer = send(&service, request).await.expect(401, "Unauthorized");
        assert!(answer.message().contains("stranger"));
    }
}

#[tokio::test]
async fn a_missing_or_wrong_token_is_unauthorized() {
    let (service, _) = service(2).await;
    let temporary = Credentials::new("STS.newId", "newSecret");
    for signer in signers() {
        for credentials in [
            temporary.clone(),
            temporary.clone().with_security_token("oldToken"),
        ] {
            let request = put().signed_with(&*signer, &credentials, recorded_at());
            send(&service, request).await.expect(401, "Unauthorized");
        }
        let good = temporary.clone().with_security_token("newToken");
        let request = put().signed_with(&*signer, &good, recorded_at());
        send(&service, request).await.expect_ok();
    }
}

#[tokio::test]
async fn a_changed_query_does_not_match() {
    let change = |request: &mut Request<Bytes>| {
        let mut target = request.uri().to_string();
        target.push(if target.contains('?') { '&' } else { '?' });
        target.push_str("added=1");
        *request.uri_mut() = target.parse::<Uri>().unwrap();
    };
    check(change, 401, "SignatureNotMatch").await;
}

#[tokio::test]
async fn a_changed_path_or_method_does_not_match() {
    let change = |request: &mut Request<Bytes>| {
        let target = request.uri().to_string().replace("golden", "bronze");
        *request.uri_mut() = target.parse::<Uri>().unwrap();
    };
    check(change, 401, "SignatureNotMatch").await;
    let change = |request: &mut Request<Bytes>| *request.method_mut() = Method::PUT;
    check(change, 401, "SignatureNotMatch").await;
}

#[tokio::test]
async fn a_changed_or_added_service_header_does_not_match() {
    for name in [
        "x-log-bodyrawsize",
        "x-log-more",
        "x-acs-more",
        "content-type",
    ] {
        let change = |request: &mut Request<Bytes>| {
            let value = HeaderValue::from_static("1");
            request.headers_mut().insert(name, value);
        };
        check(change, 401, "SignatureNotMatch").await;
    }
}

#[tokio::test]
async fn a_header_that_takes_no_part_may_change() {
    let change = |request: &mut Request<Bytes>| {
        let value = HeaderValue::from_static("anything/1");
        request.headers_mut().insert("user-agent", value);
    };
    check(change, 200, "").await;
}

#[tokio::test]
async fn a_changed_body_does_not_match() {
    let (service, _) = service(2).await;
    for signer in signers() {
        let mut request = put().signed_with(&*signer, &key(), recorded_at());
        *request.body_mut() = Bytes::from_static(b"\x1a\x01u");
        let answer = send(&service, request)
            .await
            .expect(401, "SignatureNotMatch");
        assert!(answer.message().contains("digest"), "{}", answer.message());
    }
}

#[tokio::test]
async fn a_body_is_covered_by_version_1_even_without_its_digest_header() {
    let (service, _) = service(2).await;
    let mut request = put().signed();
    request.headers_mut().remove("content-md5");
    *request.body_mut() = Bytes::from_static(b"\x1a\x01u");
    send(&service, request)
        .await
        .expect(401, "SignatureNotMatch");
}

#[tokio::test]
async fn twenty_minutes_off_either_way_is_expired_and_both_times_are_named() {
    let (service, _) = service(2).await;
    let off = Duration::from_secs(20 * 60);
    for signer in signers() {
        for time in [recorded_at() - off, recorded_at() + off] {
            let request = put().signed_with(&*signer, &key(), time);
            let answer = send(&service, request)
                .await
                .expect(400, "RequestTimeExpired");
            let server_time = "Tue, 14 Nov 2023 22:13:20 GMT";
            assert!(
                answer.message().contains(server_time),
                "{}",
                answer.message()
            );
        }
    }
}

#[tokio::test]
async fn fifteen_minutes_off_is_still_accepted() {
    let (service, clock) = service(2).await;
    let off = Duration::from_secs(15 * 60);
    for time in [recorded_at() - off, recorded_at() + off] {
        let request = put().signed_with(&SignV1, &key(), time);
        send(&service, request).await.expect_ok();
    }
    clock.advance(Duration::from_secs(1));
    let request = put().signed_with(&SignV1, &key(), recorded_at() - off);
    send(&service, request)
        .await
        .expect(400, "RequestTimeExpired");
}

#[tokio::test]
async fn each_missing_header_has_its_own_code() {
    let (service, _) = service(2).await;
    for (names, status, code) in [
        (&["authorization"][..], 400, "MissAccessKeyId"),
        (&["host"], 400, "MissingHost"),
        (&["x-log-apiversion"], 400, "MissingAPIVersion"),
        (&["x-log-signaturemethod"], 400, "MissingSignatureMethod"),
        (&["date", "x-log-date"], 400, "MissingDate"),
    ] {
        let mut request = put().signed();
        for name in names {
            request.headers_mut().remove(*name);
        }
        send(&service, request).await.expect(status, code);
    }
    // The copy of the date is enough, and so is the date alone.
    for name in ["date", "x-log-date"] {
        let mut request = put().signed();
        request.headers_mut().remove(name);
        send(&service, request).await.expect_ok();
    }
}

#[tokio::test]
async fn each_malformed_header_has_its_own_code() {
    let (service, _) = service(2).await;
    for (name, value, code) in [
        ("authorization", "Basic eA==", "MissAccessKeyId"),
        ("x-log-apiversion", "0.1.0", "InvalidAPIVersion"),
        (
            "x-log-signaturemethod",
            "hmac-md5",
            "InvalidSignatureMethod",
        ),
        ("x-log-date", "yesterday", "InvalidDateFormat"),
        ("host", "shop.example.com", "ParameterInvalid"),
    ] {
        let mut request = put().signed();
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value);
        send(&service, request).await.expect(400, code);
    }
}

#[tokio::test]
async fn version_4_binds_scope_day_and_digest() {
    let (service, _) = service(2).await;
    let signed = put().signed_with(&SignV4::new("cn-hangzhou"), &key(), recorded_at());
    let authorization = signed.headers()["authorization"]
        .to_str()
        .unwrap()
        .to_owned();
    for (from, to) in [("20231114", "20231113"), ("cn-hangzhou", "cn-beijing")] {
        let mut request = signed.clone();
        let changed = authorization.replacen(from, to, 1);
        let value = HeaderValue::from_str(&changed).unwrap();
        request.headers_mut().insert("authorization", value);
        send(&service, request)
            .await
            .expect(401, "SignatureNotMatch");
    }
    let mut request = signed.clone();
    request.headers_mut().remove("x-log-content-sha256");
    send(&service, request)
        .await
        .expect(400, "ParameterInvalid");
    let mut request = signed;
    let unsigned = HeaderValue::from_static("UNSIGNED-PAYLOAD");
    request
        .headers_mut()
        .insert("x-log-content-sha256", unsigned);
    send(&service, request)
        .await
        .expect(401, "SignatureNotMatch");
}

#[tokio::test]
async fn a_path_may_be_signed_before_or_after_percent_encoding() {
    let (service, _) = service(2).await;
    for path in ["/logstores/café", "/logstores/caf%C3%A9"] {
        let answer = Draft::new("GET", path).send(&service).await;
        // No logstore has such a name, but it is looked for.
        answer.expect(404, "LogStoreNotExist");
    }
}

#[tokio::test]
async fn version_1_may_sign_meta_headers_or_leave_them_out() {
    let (service, _) = service(2).await;
    let note = HeaderValue::from_static("n");
    let mut left_out = put().signed();
    left_out.headers_mut().insert("x-log-meta-note", note);
    send(&service, left_out).await.expect_ok();

    let draft = put().header("x-log-meta-note", "n");
    let mut signed = draft.signed();
    let date = signed.headers()["date"].to_str().unwrap().to_owned();
    let headers: Vec<_> = signed
        .headers()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    let signable = SignableRequest {
        method: draft.method,
        path: &draft.path,
        query: &[],
        headers: &headers,
        body: &draft.body,
    };
    let text = v1::string_to_sign_with_meta(&signable, &date);
    let signature = v1::signature(key().access_key_secret(), &text);
    let authorization = format!("LOG {}:{signature}", key().access_key_id());
    let value = HeaderValue::from_str(&authorization).unwrap();
    signed.headers_mut().insert("authorization", value);
    send(&service, signed).await.expect_ok();
}

#[tokio::test]
async fn an_open_server_looks_at_no_signature() {
    let clock = ManualClock::new(recorded_at());
    let service = support::with_logstore(support::builder(&clock).no_auth(true), 1).await;
    send(&service, put().unsigned()).await.expect_ok();
}

#[tokio::test]
async fn neither_secret_nor_token_is_shown() {
    let clock = ManualClock::new(recorded_at());
    let builder = support::builder(&clock);
    let shown = format!("{builder:?}");
    let service = builder.into_service();
    let wrong = key().with_security_token("a-wrong-token");
    let request = put().signed_with(&SignV1, &wrong, recorded_at());
    let answer = send(&service, request).await;
    for text in [shown, format!("{service:?}"), answer.message()] {
        for secret in [
            "testAccessKeySecret",
            "CAIStestSecurityToken",
            "newSecret",
            "newToken",
            "a-wrong-token",
        ] {
            assert!(!text.contains(secret), "{secret} is shown");
        }
    }
}

#[tokio::test]
async fn every_key_may_do_everything() {
    let (service, _) = service(1).await;
    let temporary = key().with_security_token("CAIStestSecurityToken/+==");
    for (who, draft) in [
        (
            &temporary,
            Draft::new("DELETE", format!("/logstores/{LOGSTORE}")),
        ),
        (&key(), Draft::new("DELETE", "/")),
    ] {
        let draft = draft.header("x-acs-security-token", who.security_token());
        let request = draft.signed_with(&SignV1, who, recorded_at());
        send(&service, request).await.expect_ok();
    }
}
