//! A push as a whole, with bursts of trouble at each kind of request, and with registries that forget, lie or say little.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::client::Options;
use super::error::Error;
use super::fake_store::{Twin, Verdict, broken, noise, push, to, unknown};
use crate::http::{Answer, Seen};
use crate::oci::Digest;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Each kind of request that a push makes.
const KINDS: [(&str, &str); 7] = [
    ("HEAD", "/blobs/"),
    ("POST", "/uploads/"),
    ("PUT", "/uploads/"),
    ("PATCH", "/uploads/"),
    ("GET", "/uploads/"),
    ("HEAD", "/manifests/"),
    ("PUT", "/manifests/"),
];

fn blobs() -> [Vec<u8>; 2] {
    [noise(70_000), noise(30_000)]
}

/// Pushes an image of two blobs; says how many bytes the registry took.
fn all(twin: &Twin) -> Result<usize, Error> {
    let blobs = blobs();
    let manifest = format!(r#"["{}","{}"]"#, Digest::of(&blobs[0]), Digest::of(&blobs[1])).into_bytes();
    let client = twin.client(Options::default());
    for blob in &blobs {
        push(&client, "app", blob, &[], false)?;
    }
    client.push_manifest(&to("app:1"), MANIFEST, &manifest)?;
    let state = twin.state();
    for blob in &blobs {
        assert!(state.blobs.get(&("app".to_string(), Digest::of(blob))) == Some(blob), "a blob differs");
    }
    assert_eq!(state.manifests.get(&("app".to_string(), "1".to_string())), Some(&manifest));
    Ok(state.taken)
}

/// Troubles the first `times` requests of a kind. A first upload breaks off in the middle where the kind is one that
/// follows from that.
fn troubled(
    (method, part): (&'static str, &'static str),
    times: usize,
    verdict: impl Fn(&Seen) -> Verdict + Send + Sync + 'static,
) -> Twin {
    let (hits, puts) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let breaks = matches!(method, "PATCH" | "GET");
    Twin::new(
        true,
        Box::new(move |seen, _, _| {
            let asked = seen.method.as_str();
            if asked == method && seen.url.path().contains(part) && hits.fetch_add(1, SeqCst) < times {
                return verdict(seen);
            }
            let is_upload = asked == "PUT" && seen.url.path().contains("/uploads/") && !seen.body.is_empty();
            match breaks && is_upload && puts.fetch_add(1, SeqCst) == 0 {
                true => Verdict::Take(seen.body.len() / 2, broken()),
                false => Verdict::Pass,
            }
        }),
    )
}

const SIZE: usize = 100_000;

#[test]
fn bursts_of_trouble_at_each_kind_of_request_are_waited_out() {
    for kind in KINDS {
        for status in [408, 429, 500, 502, 503, 504] {
            let twin = troubled(kind, 4, move |_| Verdict::Say(Answer::new(status, "<html>busy</html>")));
            let taken = all(&twin).unwrap_or_else(|e| panic!("{kind:?} {status}: {e}"));
            assert!(taken <= SIZE * 11 / 10, "{kind:?} {status}: {taken} bytes for {SIZE}");
            let waited = twin.clock.now().as_secs_f32();
            assert!(waited > 0.0 && waited < 10.0, "{kind:?} {status}: waited {waited} s");
        }
    }
}

#[test]
fn a_wish_to_be_left_alone_is_granted_at_each_kind_of_request() {
    for kind in KINDS {
        let twin = troubled(kind, 1, |_| Verdict::Say(Answer::new(429, "").header("retry-after", "17")));
        all(&twin).unwrap_or_else(|e| panic!("{kind:?}: {e}"));
        assert!((17..20).contains(&twin.clock.now().as_secs()), "{kind:?}: {:?}", twin.clock.now());
    }
}

#[test]
fn a_token_may_expire_at_each_kind_of_request() {
    for kind in KINDS {
        let twin = troubled(kind, 1, |_| {
            Verdict::Say(Answer::new(401, "").header(
                "www-authenticate",
                r#"Bearer realm="https://auth.example.org/token",service="reg",error="invalid_token""#,
            ))
        });
        let taken = all(&twin).unwrap_or_else(|e| panic!("{kind:?}: {e}"));
        assert_eq!(taken, SIZE, "{kind:?}");
        // The first request of all is challenged in any case.
        let tokens = if kind == KINDS[0] { 1 } else { 2 };
        assert_eq!(twin.state().tokens.len(), tokens, "{kind:?}");
    }
}

#[test]
fn a_session_may_be_lost_at_each_request_to_it() {
    for kind in KINDS.into_iter().filter(|(method, part)| *part == "/uploads/" && *method != "POST") {
        let twin = troubled(kind, 1, |_| Verdict::Say(unknown("BLOB_UPLOAD_UNKNOWN", "")));
        let taken = all(&twin).unwrap_or_else(|e| panic!("{kind:?}: {e}"));
        // What the lost session had is lost with it, and nothing else.
        assert!(taken <= SIZE + 35_000, "{kind:?}: {taken}");
        assert_eq!(twin.asked("POST"), 3, "{kind:?}: a session for each blob, and one more");
    }
}

#[test]
fn an_upload_that_arrives_cut_short_is_not_kept_and_sent_again() {
    let invalid = || Answer::new(400, r#"{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}"#);
    let twin = troubled(("PUT", "/uploads/"), 1, move |_| Verdict::Take(20_000, invalid()));
    all(&twin).expect("passes");
    let twin = troubled(("PUT", "/uploads/"), 99, move |_| Verdict::Take(20_000, invalid()));
    let error = all(&twin).expect_err("never right").to_string();
    assert!(error.contains("DIGEST_INVALID") && twin.asked("PUT") == 3, "{error}");
    assert!(twin.state().blobs.is_empty() && twin.state().manifests.is_empty());
}

#[test]
fn a_part_that_is_taken_in_part_is_gone_on_with_where_it_ended() {
    let taken = |seen: &Seen| {
        let from: usize =
            seen.header("content-range").and_then(|r| r.split('-').next()?.parse().ok()).expect("a part");
        let location = seen.url.wire();
        let range = format!("0-{}", from + 9_999);
        Verdict::Take(10_000, Answer::new(202, "").header("location", location).header("range", range))
    };
    let twin = troubled(("PATCH", "/uploads/"), 2, taken);
    assert_eq!(all(&twin).expect("passes"), SIZE);
    assert_eq!(twin.asked("PATCH"), 3);
}

#[test]
fn a_registry_that_never_says_how_far_it_is_gets_all_of_it() {
    // Parts, and what an interrupted upload has.
    let parts = Twin::new(
        false,
        Box::new(|seen, _, _| match seen.method.as_str() {
            "PUT" if seen.url.path().contains("/uploads/") && !seen.body.is_empty() => {
                Verdict::Say(Answer::new(413, ""))
            }
            "PATCH" => Verdict::Lose(Answer::new(202, "").header("location", seen.url.wire())),
            _ => Verdict::Pass,
        }),
    );
    assert_eq!(all(&parts).expect("passes"), SIZE);
    let status = troubled(("GET", "/uploads/"), 1, |_| Verdict::Say(Answer::new(204, "")));
    assert_eq!(all(&status).expect("from the start"), SIZE + 35_000);
}

#[test]
fn a_blob_that_is_filed_under_another_digest_is_sent_again_and_then_told() {
    let other = || {
        let digest = Digest::of(b"changed on the way").to_string();
        Verdict::Say(Answer::new(201, "").header("docker-content-digest", digest))
    };
    all(&troubled(("PUT", "/uploads/"), 1, move |_| other())).expect("the second time");
    let twin = troubled(("PUT", "/uploads/"), 99, move |_| other());
    assert!(matches!(all(&twin), Err(Error::Digest { .. })));
    assert!(twin.asked("PUT") == 3 && twin.state().manifests.is_empty());
}
