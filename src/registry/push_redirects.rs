//! Redirects of what is sent: followed with method and body, by the rules that hold for what is fetched.

use std::path::Path;

use super::client::Options;
use super::credentials::Credentials;
use super::error::Error;
use super::fake_store::{State, Twin, Verdict, noise, push, to};
use super::push::Pushed;
use crate::http::{Answer, Seen};
use crate::oci::Digest;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn moved(status: u16, location: impl Into<String>) -> Verdict {
    Verdict::Say(Answer::new(status, "").header("location", location))
}

/// Each request of `methods` is sent from its address to the same one with `?moved` before it is served.
fn twin(status: u16, methods: &'static [&'static str]) -> Twin {
    Twin::new(
        false,
        Box::new(move |seen, _, _| {
            let wire = seen.url.wire();
            match methods.contains(&seen.method.as_str()) && !wire.contains("moved") {
                true => moved(status, format!("{wire}{}moved", if wire.contains('?') { '&' } else { '?' })),
                false => Verdict::Pass,
            }
        }),
    )
}

fn has(twin: &Twin, bytes: &[u8]) -> bool {
    twin.state().blobs.get(&("app".to_string(), Digest::of(bytes))).is_some_and(|there| there == bytes)
}

#[test]
fn each_request_of_a_push_may_be_sent_on_and_its_body_goes_along() {
    let bytes = noise(100_000);
    let manifest = format!(r#"["{}"]"#, Digest::of(&bytes)).into_bytes();
    for status in [307, 308] {
        for methods in [&["POST"][..], &["PUT"], &["HEAD"], &["HEAD", "POST", "PUT"]] {
            let twin = twin(status, methods);
            assert_eq!(twin.push("app", &bytes, &[]).expect("follows"), Pushed::Sent);
            assert!(has(&twin, &bytes), "{status} {methods:?}");
            assert_eq!(twin.state().taken, bytes.len(), "only the last address takes the body");
            let client = twin.client(Options::default());
            assert!(client.push_manifest(&to("app:1"), MANIFEST, &manifest).expect("follows"));
            assert!(twin.state().manifests.contains_key(&("app".to_string(), "1".to_string())));
        }
    }
}

#[test]
fn parts_of_an_upload_are_sent_on_as_well() {
    let bytes = noise(20 << 20);
    let twin = Twin::new(
        false,
        Box::new(|seen, _, _| match (seen.method.as_str(), seen.url.wire().contains("moved")) {
            // Only parts are to its taste, and those elsewhere.
            ("PUT", _) if !seen.body.is_empty() => Verdict::Say(Answer::new(413, "")),
            ("PATCH", false) => moved(308, format!("{}&moved", seen.url.wire())),
            _ => Verdict::Pass,
        }),
    );
    assert_eq!(twin.push("app", &bytes, &[]).expect("follows"), Pushed::Sent);
    assert!(has(&twin, &bytes));
    assert_eq!((twin.asked("PATCH"), twin.state().taken), (6, bytes.len()));
}

#[test]
fn an_upload_that_is_opened_elsewhere_goes_on_there_without_authorization() {
    let login = r#"{"auths":{"reg.example.org":{"username":"me","password":"pw"}}}"#;
    let credentials = Credentials::parse(Path::new("config.json"), login).expect("valid");
    let storage = |seen: &Seen, state: &mut State| match seen.method.as_str() {
        // A relative address belongs to who answered.
        "POST" => Verdict::Say(Answer::new(202, "").header("location", "/up?sig=secret")),
        "PUT" => {
            assert!(seen.url.wire().starts_with("https://storage.example.com/up?sig=secret&digest="));
            state.blobs.insert(("app".to_string(), Digest::of(&seen.body)), seen.body.clone());
            Verdict::Say(Answer::new(201, ""))
        }
        other => panic!("{other} of the storage"),
    };
    let twin = Twin::new(
        false,
        Box::new(move |seen, _, state| match (seen.url.host(), seen.method.as_str()) {
            ("storage.example.com", _) => storage(seen, state),
            _ if seen.authorization.is_none() => {
                Verdict::Say(Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\""))
            }
            (_, "POST") => moved(307, "https://storage.example.com/open"),
            _ => Verdict::Pass,
        }),
    );
    let client = twin.client(Options { credentials, ..Options::default() });
    let bytes = noise(70_000);
    assert_eq!(push(&client, "app", &bytes, &[], false).expect("follows"), Pushed::Sent);
    assert!(has(&twin, &bytes));
    let log = twin.memory.log();
    let there: Vec<&Seen> = log.iter().filter(|seen| seen.url.host() == "storage.example.com").collect();
    assert_eq!(there.len(), 2);
    assert!(there.iter().all(|seen| seen.authorization.is_none() && !seen.unverified));
    assert!(log.iter().any(|seen| seen.authorization.is_some()), "the test itself");
}

#[test]
fn a_challenge_of_where_an_upload_was_sent_on_is_not_answered() {
    let twin = Twin::new(
        false,
        Box::new(|seen, _, _| match (seen.url.host(), seen.method.as_str()) {
            ("storage.example.com", _) => Verdict::Say(Answer::new(401, "").header(
                "www-authenticate",
                "Bearer realm=\"https://auth.example.org/token\", Basic realm=x",
            )),
            (_, "PUT") => moved(307, "https://storage.example.com/up"),
            _ => Verdict::Pass,
        }),
    );
    assert!(matches!(twin.push("app", b"bytes", &[]), Err(Error::Denied { .. })));
    assert!(twin.state().tokens.is_empty());
}

#[test]
fn an_upload_is_not_sent_in_a_circle_nor_out_of_tls_nor_into_the_machine() {
    for method in ["HEAD", "POST", "PUT", "PATCH"] {
        let sent_to = |location: &'static str| {
            let twin = Twin::new(
                false,
                Box::new(move |seen, _, _| match seen.method.as_str() {
                    // Parts, if it is about them.
                    "PUT" if method == "PATCH" && !seen.body.is_empty() => Verdict::Say(Answer::new(413, "")),
                    asked if asked == method => moved(307, location),
                    _ => Verdict::Pass,
                }),
            );
            let error = twin.push("app", &noise(1000), &[]).expect_err(location).to_string();
            assert!(twin.state().blobs.is_empty());
            assert!(twin.memory.log().iter().all(|seen| seen.url.is_tls()), "{location}");
            (error, twin.asked(method))
        };
        let (error, asked) = sent_to("https://reg.example.org/loop");
        assert!(error.contains("ten redirects") && asked == 11, "{method}: {asked}: {error}");
        for location in ["http://reg.example.org/x", "http://storage.example.com/x"] {
            let (error, asked) = sent_to(location);
            assert!(error.contains("without it") && asked == 1, "{method}: {error}");
        }
        for location in ["https://127.0.0.1/x", "https://169.254.169.254/x", "file:///etc/x"] {
            let (error, asked) = sent_to(location);
            assert!(error.contains("redirects to") && asked == 1, "{method}: {error}");
        }
    }
}

#[test]
fn a_redirect_that_would_make_another_request_of_an_upload_is_told() {
    for status in [300, 301, 302, 303] {
        for method in ["POST", "PUT"] {
            let twin = Twin::new(
                false,
                Box::new(move |seen, _, _| match seen.method.as_str() {
                    asked if asked == method => moved(status, "https://reg.example.org/elsewhere"),
                    _ => Verdict::Pass,
                }),
            );
            let error = twin.push("app", &noise(1000), &[]).expect_err("nowhere to go").to_string();
            assert!(error.contains(&status.to_string()), "{error}");
            assert_eq!(twin.asked(method), 1);
        }
    }
}

#[test]
fn a_form_with_an_identity_token_is_not_sent_on() {
    let login = r#"{"auths":{"reg.example.org":{"identitytoken":"s3cret"}}}"#;
    let credentials = Credentials::parse(Path::new("config.json"), login).expect("valid");
    let twin = Twin::new(
        true,
        Box::new(|seen, _, _| match seen.url.path() {
            "/token" => moved(307, "https://evil.example/token"),
            _ => Verdict::Pass,
        }),
    );
    let client = twin.client(Options { credentials, ..Options::default() });
    assert!(push(&client, "app", b"bytes", &[], false).is_err());
    let log = twin.memory.log();
    assert!(log.iter().any(|seen| String::from_utf8_lossy(&seen.body).contains("s3cret")), "the test itself");
    assert!(log.iter().all(|seen| seen.url.host() != "evil.example"));
}
