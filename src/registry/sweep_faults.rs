//! Each request of a whole pull and of a whole push, troubled once in each way that may pass: the image is right, and
//! little goes over the line twice.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::client::Options;
use super::fake::{Door, World, reference};
use super::fake_store::{Twin, Verdict, noise, push, to};
use crate::http::{Answer, FailureKind, Fault};
use crate::oci::{Digest, Platform};

const STATUSES: [u16; 8] = [408, 425, 429, 500, 502, 503, 504, 529];
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Each way in which a request comes to nothing, by number; none beyond the last.
fn trouble(number: usize) -> Option<Answer> {
    let kinds = [FailureKind::Broken, FailureKind::Stalled, FailureKind::Host, FailureKind::Connect];
    match number {
        n if n < STATUSES.len() => Some(Answer::new(STATUSES[n], "busy")),
        n if n == STATUSES.len() => Some(Answer::new(429, "").header("retry-after", "3")),
        n => kinds.get(n - STATUSES.len() - 1).map(|kind| Answer::new(200, "").fault(Fault::Before(*kind))),
    }
}

#[test]
fn a_pull_survives_each_trouble_at_each_of_its_requests() {
    let pull = |world: &World| -> Result<Vec<u8>, super::Error> {
        let client = world.client(Options::default());
        let amd64: Platform = "linux/amd64".parse().expect("valid");
        let image = client.image(&reference(), &amd64)?;
        client.blob_into(&reference(), &image.layers()[0], &mut || Ok(Vec::new()), &|_| {}, &|| false)
    };
    let door = || Door::Token("https://auth.example.org/token");
    let honest = World::new(door(), Box::new(|_, _, answer| answer));
    pull(&honest).expect("pulls");
    let requests = honest.memory.log().len();
    assert_eq!(requests, 6, "a challenge, a token, index, manifest, config, layer");
    for kind in (0..).take_while(|kind| trouble(*kind).is_some()) {
        for at in 0..requests {
            let count = AtomicUsize::new(0);
            let world = World::new(
                door(),
                Box::new(move |_, _, answer| match count.fetch_add(1, SeqCst) == at {
                    true => trouble(kind).expect("one of them"),
                    false => answer,
                }),
            );
            let layer = pull(&world).unwrap_or_else(|e| panic!("trouble {kind} at request {at}: {e}"));
            assert!(layer == world.sample.layer, "trouble {kind} at request {at}");
            let again = world.memory.log().len() - requests;
            assert!(again <= 2, "trouble {kind} at request {at}: {again} requests more");
        }
    }
}

#[test]
fn a_push_survives_each_trouble_at_each_of_its_requests_and_sends_little_twice() {
    let blobs = [noise(70_000), noise(30_000)];
    let manifest = format!(r#"["{}","{}"]"#, Digest::of(&blobs[0]), Digest::of(&blobs[1])).into_bytes();
    let all = |twin: &Twin| -> Result<(), super::Error> {
        let client = twin.client(Options::default());
        for blob in &blobs {
            push(&client, "app", blob, &[], false)?;
        }
        client.push_manifest(&to("app:1"), MANIFEST, &manifest).map(|_| ())
    };
    let honest = Twin::new(true, Box::new(|_, _, _| Verdict::Pass));
    all(&honest).expect("pushes");
    let (requests, sent) = (honest.memory.log().len(), honest.state().taken);
    for kind in (0..).take_while(|kind| trouble(*kind).is_some()) {
        for at in 0..requests {
            // Nothing is done, or all of it and only the answer is lost.
            for done in [false, true] {
                let twin = Twin::new(
                    true,
                    Box::new(move |_, number, _| match (number == at, done) {
                        (true, false) => Verdict::Say(trouble(kind).expect("one of them")),
                        (true, true) => Verdict::Lose(trouble(kind).expect("one of them")),
                        _ => Verdict::Pass,
                    }),
                );
                all(&twin).unwrap_or_else(|e| panic!("trouble {kind} at request {at}: {e}"));
                let state = twin.state();
                for blob in &blobs {
                    let there = state.blobs.get(&("app".to_string(), Digest::of(blob)));
                    assert!(there == Some(blob), "trouble {kind} at request {at}");
                }
                let tagged = state.manifests.get(&("app".to_string(), "1".to_string()));
                assert!(tagged == Some(&manifest), "trouble {kind} at request {at}");
                let taken = state.taken;
                assert!(taken <= sent * 11 / 10, "trouble {kind} at request {at}: {taken} bytes for {sent}");
            }
        }
    }
}

#[test]
fn a_push_waits_as_long_as_the_registry_asks_and_not_beyond_patience() {
    let busy = |wait: &'static str, times: usize| {
        let left = AtomicUsize::new(times);
        Twin::new(
            false,
            Box::new(move |seen, _, _| {
                let hit = seen.method.as_str() == "PUT"
                    && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
                match hit {
                    true => Verdict::Say(Answer::new(429, "").header("retry-after", wait)),
                    false => Verdict::Pass,
                }
            }),
        )
    };
    let twin = busy("17", 1);
    twin.push("app", &noise(1000), &[]).expect("passes");
    assert!((17..19).contains(&twin.clock.now().as_secs()), "{:?}", twin.clock.now());
    let error = busy("7200", 99).push("app", &noise(1000), &[]).expect_err("too long").to_string();
    assert!(error.contains("429") && error.contains("asked to wait 7200 s"), "{error}");
}

#[test]
fn a_manifest_that_arrives_as_another_one_is_told() {
    let twin = Twin::new(
        false,
        Box::new(|seen, _, _| match seen.method.as_str() {
            "PUT" => {
                let other = Digest::of(b"changed on the way").to_string();
                Verdict::Lose(Answer::new(201, "").header("docker-content-digest", other))
            }
            _ => Verdict::Pass,
        }),
    );
    let error = twin.client(Options::default()).push_manifest(&to("app:1"), MANIFEST, b"[]");
    assert!(matches!(error, Err(super::Error::Digest { .. })), "{error:?}");
}

#[test]
fn an_upload_is_given_up_by_whoever_only_asks_whether_he_may() {
    let twin = Twin::new(true, Box::new(|_, _, _| Verdict::Pass));
    let client = twin.client(Options::default());
    client.may_push(&to("app:1")).expect("he may");
    assert_eq!((twin.asked("DELETE"), twin.state().uploads.len()), (1, 0));
    let refusing = Twin::new(false, Box::new(|_, _, _| Verdict::Say(Answer::new(403, ""))));
    let error = refusing.client(Options::default()).may_push(&to("app:1")).expect_err("he may not");
    assert!(error.is_denied(), "{error}");
}
