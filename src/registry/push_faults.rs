//! Pushing, with each fault switched on alone.

use std::path::Path;

use super::client::Options;
use super::credentials::Credentials;
use super::error::Error;
use super::fake_store::{Trouble, Twin, Verdict, broken, noise, push, to, unknown};
use super::push::Pushed;
use crate::http::{Answer, Seen};
use crate::oci::Digest;

const SIZE: u32 = 20 << 20;

/// Troubles the first `times` requests of `method` to an upload.
fn at_upload(
    method: &'static str,
    times: usize,
    verdict: impl Fn(&Seen) -> Verdict + Send + Sync + 'static,
) -> Trouble {
    let seen_so_far = std::sync::atomic::AtomicUsize::new(0);
    Box::new(move |seen, _, _| {
        let hit = seen.method.as_str() == method && seen.url.path().contains("/uploads/");
        match hit && seen_so_far.fetch_add(1, std::sync::atomic::Ordering::SeqCst) < times {
            true => verdict(seen),
            false => Verdict::Pass,
        }
    })
}

fn has(twin: &Twin, name: &str, bytes: &[u8]) -> bool {
    twin.state().blobs.get(&(name.to_string(), Digest::of(bytes))).is_some_and(|there| there == bytes)
}

#[test]
fn a_blob_is_sent_once_and_then_found() {
    let (twin, bytes) = (Twin::honest(), noise(100_000));
    assert_eq!(twin.push("app", &bytes, &[]).expect("pushes"), Pushed::Sent);
    assert!(has(&twin, "app", &bytes));
    assert_eq!(
        (twin.asked("HEAD"), twin.asked("POST"), twin.asked("PUT"), twin.asked("PATCH")),
        (1, 1, 1, 0)
    );
    assert_eq!(twin.push("app", &bytes, &[]).expect("pushes"), Pushed::Present);
    assert_eq!(twin.asked("POST"), 1);
    assert_eq!(twin.push("app", b"", &[]).expect("an empty blob"), Pushed::Sent);
}

#[test]
fn a_blob_of_another_repository_is_mounted_and_a_refused_mount_opens_the_session() {
    let (twin, bytes) = (Twin::honest(), noise(1000));
    twin.push("base", &bytes, &[]).expect("pushes");
    assert_eq!(twin.push("app", &bytes, &["app", "base"]).expect("mounts"), Pushed::Mounted);
    assert!(has(&twin, "app", &bytes));
    assert_eq!(twin.push("third", &bytes, &["elsewhere"]).expect("pushes"), Pushed::Sent);
    assert_eq!(twin.asked("POST"), 3, "the session of the refused mount is used");
}

#[test]
fn a_mount_asks_for_a_token_of_both_repositories_and_its_denial_is_no_failure() {
    let twin = Twin::new(true, Box::new(|_, _, _| Verdict::Pass));
    let (client, bytes) = (twin.client(Options::default()), noise(1000));
    push(&client, "base", &bytes, &[], false).expect("pushes");
    assert_eq!(push(&client, "app", &bytes, &["base"], false).expect("mounts"), Pushed::Mounted);
    let tokens = twin.state().tokens.clone();
    assert_eq!(tokens[0], "repository:base:pull,push");
    assert_eq!(*tokens.last().expect("some"), "repository:app:pull,push repository:base:pull");

    let denying = Twin::new(
        true,
        Box::new(|seen, _, _| match seen.url.wire().contains("from=") {
            true => Verdict::Say(Answer::new(403, "")),
            false => Verdict::Pass,
        }),
    );
    let client = denying.client(Options::default());
    assert_eq!(push(&client, "app", &bytes, &["secret"], false).expect("sends"), Pushed::Sent);
}

#[test]
fn bursts_of_troubles_are_waited_out_and_little_is_sent_twice() {
    let bytes = noise(SIZE);
    for status in [408, 429, 500, 502, 503, 504] {
        let taken = bytes.len() * 9 / 10;
        let twin =
            Twin::new(false, at_upload("PUT", 1, move |_| Verdict::Take(taken, Answer::new(status, "busy"))));
        assert_eq!(twin.push("app", &bytes, &[]).expect("passes"), Pushed::Sent, "{status}");
        assert!(has(&twin, "app", &bytes), "{status}");
        assert!(twin.state().taken <= bytes.len(), "{status}: what has arrived is not sent again");
    }
}

#[test]
fn a_reset_at_any_byte_goes_on_from_there() {
    let bytes = noise(SIZE);
    for at in [0, 1, 100, bytes.len() / 2, bytes.len() - 1, bytes.len()] {
        let twin = Twin::new(false, at_upload("PUT", 1, move |_| Verdict::Take(at, broken())));
        assert_eq!(twin.push("app", &bytes, &[]).expect("passes"), Pushed::Sent, "{at}");
        assert!(has(&twin, "app", &bytes), "{at}");
        assert!(twin.state().taken <= bytes.len() + 1, "{at}");
        assert_eq!(twin.asked("GET"), 1, "{at}: the registry is asked how far it is");
    }
}

#[test]
fn a_lost_answer_is_no_reason_to_send_anything_again() {
    let bytes = noise(SIZE);
    let twin = Twin::new(false, at_upload("PUT", 1, |_| Verdict::Lose(broken())));
    twin.push("app", &bytes, &[]).expect("passes");
    assert_eq!(twin.state().taken, bytes.len());
}

#[test]
fn a_body_that_is_too_large_goes_in_parts_and_smaller_ones() {
    let bytes = noise(SIZE);
    for limit in [u64::from(SIZE) / 2, 2 << 20] {
        let twin = Twin::new(
            false,
            Box::new(move |seen, _, _| match seen.body.len() as u64 > limit {
                true => Verdict::Say(Answer::new(413, "<html>")),
                false => Verdict::Pass,
            }),
        );
        twin.push("app", &bytes, &[]).expect("passes");
        assert!(has(&twin, "app", &bytes), "{limit}");
    }
    let twin = Twin::new(
        false,
        Box::new(|seen, _, _| match seen.body.is_empty() {
            true => Verdict::Pass,
            false => Verdict::Say(Answer::new(413, "")),
        }),
    );
    assert!(matches!(twin.push("app", &bytes, &[]), Err(Error::Refused { .. })));
}

#[test]
fn a_proxy_that_hangs_up_on_large_bodies_gets_parts() {
    let bytes = noise(SIZE);
    let twin = Twin::new(
        false,
        Box::new(|seen, _, _| match seen.body.len() > 10 << 20 {
            true => Verdict::Say(broken()),
            false => Verdict::Pass,
        }),
    );
    twin.push("app", &bytes, &[]).expect("passes");
    assert!(has(&twin, "app", &bytes));
}

#[test]
fn a_lost_session_is_opened_anew_and_one_that_is_always_lost_ends() {
    let bytes = noise(SIZE);
    let lost = |times| {
        Twin::new(false, at_upload("PUT", times, |_| Verdict::Say(unknown("BLOB_UPLOAD_UNKNOWN", ""))))
    };
    let twin = lost(1);
    twin.push("app", &bytes, &[]).expect("passes");
    assert!(has(&twin, "app", &bytes));
    let twin = lost(usize::MAX);
    let error = twin.push("app", &bytes, &[]).expect_err("never").to_string();
    assert!(error.contains("BLOB_UPLOAD_UNKNOWN") && twin.asked("PUT") == 3, "{error}");
}

#[test]
fn bytes_that_were_changed_on_the_way_are_sent_again_and_never_kept() {
    let bytes = noise(100_000);
    let twin = Twin::new(
        false,
        at_upload("PUT", 1, |_| {
            Verdict::Say(Answer::new(400, r#"{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}"#))
        }),
    );
    twin.push("app", &bytes, &[]).expect("passes");
    assert!(has(&twin, "app", &bytes));
}

#[test]
fn a_token_that_expires_in_the_middle_is_renewed_once() {
    let bytes = noise(SIZE);
    let twin = Twin::new(
        true,
        at_upload("PUT", 1, |_| {
            Verdict::Say(Answer::new(401, "").header(
                "www-authenticate",
                r#"Bearer realm="https://auth.example.org/token",service="reg",error="invalid_token""#,
            ))
        }),
    );
    twin.push("app", &bytes, &[]).expect("passes");
    assert_eq!(twin.state().tokens.len(), 2);
}

#[test]
fn an_upload_elsewhere_never_sees_the_authorization() {
    let login = r#"{"auths":{"reg.example.org":{"username":"me","password":"pw"}}}"#;
    let credentials = Credentials::parse(Path::new("config.json"), login).expect("valid");
    let twin = Twin::new(
        false,
        Box::new(|seen, _, _| {
            let path = seen.url.path();
            if seen.url.host() == "storage.example.com" {
                return Verdict::Say(Answer::new(201, ""));
            }
            if seen.authorization.is_none() {
                return Verdict::Say(Answer::new(401, "").header("www-authenticate", "Basic realm=\"x\""));
            }
            match path.ends_with("/uploads/") {
                true => Verdict::Say(
                    Answer::new(202, "").header("location", "https://storage.example.com/up?sig=secret"),
                ),
                false => Verdict::Pass,
            }
        }),
    );
    let client = twin.client(Options { credentials, ..Options::default() });
    push(&client, "app", b"bytes", &[], false).expect("pushes");
    let log = twin.memory.log();
    assert!(log.iter().any(|seen| seen.url.host() == "storage.example.com"));
    for seen in log.iter().filter(|seen| seen.authorization.is_some()) {
        assert_eq!(seen.url.host(), "reg.example.org");
    }
    let downgrade = |location: &'static str| {
        let twin = Twin::new(
            false,
            at_upload("POST", 1, move |_| Verdict::Say(Answer::new(202, "").header("location", location))),
        );
        twin.push("app", b"bytes", &[])
    };
    assert!(downgrade("http://other.example.org/x").is_err(), "not without TLS");
    assert!(downgrade("https://169.254.169.254/x").is_err(), "not to a metadata service");
}

#[test]
fn a_location_without_tls_on_the_same_host_is_asked_under_tls() {
    let twin = Twin::new(
        false,
        Box::new(|seen, _, state| {
            assert!(seen.url.is_tls());
            match seen.url.path().ends_with("/uploads/") {
                true => {
                    state.uploads.insert("s".to_string(), Vec::new());
                    let location = "http://reg.example.org/v2/app/blobs/uploads/s?state=x";
                    Verdict::Say(Answer::new(202, "").header("location", location))
                }
                false => Verdict::Pass,
            }
        }),
    );
    assert_eq!(twin.push("app", b"bytes", &[]).expect("pushes"), Pushed::Sent);
}

#[test]
fn a_manifest_that_names_an_unknown_blob_says_which_and_leaves_no_tag() {
    let (twin, bytes) = (Twin::honest(), noise(1000));
    let client = twin.client(Options::default());
    let manifest = format!(r#"{{"layers":["{}"]}}"#, Digest::of(&bytes)).into_bytes();
    let put = || client.push_manifest(&to("app:1"), "application/vnd.oci.image.manifest.v1+json", &manifest);
    match put() {
        Err(Error::Incomplete { missing, .. }) => assert_eq!(missing, [Digest::of(&bytes)]),
        other => panic!("{other:?}"),
    }
    assert!(twin.state().manifests.is_empty());
    push(&client, "app", &bytes, &[], true).expect("pushes");
    assert!(put().expect("whole now"));
    assert!(!put().expect("there already"), "what is there is not put again");
    assert_eq!(twin.asked("PUT"), 3);
}

#[test]
fn an_interrupted_push_leaves_no_tag_and_the_next_one_sends_only_what_is_missing() {
    let blobs = [noise(9000), noise(5000)];
    let manifest = format!(r#"["{}","{}"]"#, Digest::of(&blobs[0]), Digest::of(&blobs[1])).into_bytes();
    let all = |twin: &Twin| -> Result<(), Error> {
        let client = twin.client(Options::default());
        for blob in &blobs {
            push(&client, "app", blob, &[], false)?;
        }
        client
            .push_manifest(&to("app:1"), "application/vnd.oci.image.manifest.v1+json", &manifest)
            .map(|_| ())
    };
    let mut cut = 0;
    loop {
        // The process dies at request `cut`: nothing answers any more.
        let alive = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(cut));
        let limit = alive.clone();
        let twin = Twin::new(
            false,
            Box::new(move |_, number, _| match number >= limit.load(std::sync::atomic::Ordering::SeqCst) {
                true => Verdict::Say(
                    Answer::new(200, "")
                        .fault(crate::http::Fault::Before(crate::http::FailureKind::Protocol)),
                ),
                false => Verdict::Pass,
            }),
        );
        let done = all(&twin).is_ok();
        let tagged = twin.state().manifests.contains_key(&("app".to_string(), "1".to_string()));
        assert_eq!(tagged, done, "cut at request {cut}");
        if done {
            break;
        }
        let there = twin.state().blobs.len();
        let before = twin.state().taken;
        alive.store(usize::MAX, std::sync::atomic::Ordering::SeqCst);
        all(&twin).expect("the second time");
        let missing: usize = blobs.iter().skip(there).map(Vec::len).sum();
        assert_eq!(twin.state().taken - before, missing, "cut at request {cut}");
        cut += 1;
    }
    assert_eq!(cut, 8, "each request was cut once");
}
