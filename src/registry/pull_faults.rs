//! A pull as a whole, with what may break a part of it, expire in the middle of it, or lie about what it is.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::client::Options;
use super::error::Error;
use super::fake::{Door, MANIFEST, World, assert_secrets_stayed, reference};
use crate::http::{Answer, Fault, Method, Secret, Seen, Url};
use crate::oci::{Digest, Platform};

const TOKEN: &str = "https://auth.example.org/token";

fn pull(world: &World) -> Result<Vec<u8>, Error> {
    let client = world.client(Options::default());
    let amd64: Platform = "linux/amd64".parse().expect("valid");
    let image = client.image(&reference(), &amd64)?;
    assert_eq!(image.config_bytes, world.sample.config, "what is believed is right");
    client.blob_into(&reference(), &image.layers()[0], &mut || Ok(Vec::new()), &|_| {}, &|| false)
}

/// A world behind a token server, whose answer number `at` is spoilt.
fn spoilt_at(at: usize, spoil: impl Fn(&Seen, Answer) -> Answer + Send + Sync + 'static) -> World {
    let count = AtomicUsize::new(0);
    World::new(
        Door::Token(TOKEN),
        Box::new(move |seen, _, answer| match count.fetch_add(1, SeqCst) == at {
            true => spoil(seen, answer),
            false => answer,
        }),
    )
}

/// A challenge, a token, index, manifest, config, layer.
const REQUESTS: usize = 6;

#[test]
fn each_answer_of_a_pull_may_break_off_end_early_or_arrive_changed() {
    let faults =
        [Fault::Reset(0), Fault::Reset(20), Fault::Truncate(20), Fault::Corrupt(20), Fault::Append(3)];
    for fault in faults {
        for at in 0..REQUESTS {
            let world = spoilt_at(at, move |_, answer| answer.header("unsized", "").fault(fault));
            match pull(&world) {
                Ok(layer) => assert!(layer == world.sample.layer, "{fault:?} at answer {at}"),
                // What is too long is no passing trouble, and a token has no digest to be held against.
                Err(error) => {
                    let is_told = matches!(fault, Fault::Append(_)) || at == 1;
                    assert!(is_told, "{fault:?} at answer {at}: {error}");
                }
            }
            let again = world.memory.log().len().saturating_sub(REQUESTS);
            assert!(again <= 2, "{fault:?} at answer {at}: {again} requests more");
        }
    }
}

#[test]
fn a_token_may_expire_at_each_request_of_a_pull() {
    for at in 0..REQUESTS {
        let world = spoilt_at(at, |seen, answer| match seen.url.host() {
            "reg.example.org" => Answer::new(401, "").header(
                "www-authenticate",
                format!("Bearer realm=\"{TOKEN}\",service=\"reg\",error=\"invalid_token\""),
            ),
            _ => answer,
        });
        match pull(&world) {
            // The very token that was given out the moment before: no second one is asked for.
            Err(error) => assert!(at == 2 && matches!(error, Error::Denied { .. }), "at {at}: {error}"),
            Ok(layer) => assert!(at != 2 && layer == world.sample.layer, "at {at}"),
        }
        assert!(world.asked("/token") <= 2, "at {at}: {}", world.asked("/token"));
    }
}

#[test]
fn other_bytes_of_the_same_size_are_not_believed_whatever_digest_they_come_with() {
    for part in ["/manifests/1", "/manifests/sha256", "/blobs/"] {
        let world = World::new(
            Door::Open,
            Box::new(move |seen, _, mut answer| {
                if seen.url.path().contains(part) {
                    answer.body.fill(b' ');
                    let told = Digest::of(if part == "/manifests/1" { b"else" } else { &answer.body });
                    answer.headers.retain(|(name, _)| name != "docker-content-digest");
                    answer = answer.header("docker-content-digest", told.to_string());
                }
                answer
            }),
        );
        assert!(matches!(pull(&world), Err(Error::Digest { .. })), "{part}");
        assert_eq!(world.asked(part), 3, "{part}");
    }
}

#[test]
fn a_tag_that_moves_between_its_resolution_and_the_pull_makes_no_mixture() {
    let moved = AtomicUsize::new(0);
    let world = World::new(
        Door::Open,
        Box::new(move |seen, _, answer| match seen.url.path().ends_with("/manifests/1") {
            // Whoever asks again finds nothing of what he had.
            true if moved.fetch_add(1, SeqCst) > 0 => Answer::new(404, ""),
            _ => answer,
        }),
    );
    assert!(pull(&world).expect("of one index") == world.sample.layer);
    assert_eq!(world.asked("/manifests/1"), 1, "everything else is asked by its digest");
}

#[test]
fn cve_2024_3727_a_digest_that_is_a_path_or_of_another_kind_is_asked_of_nobody() {
    let good = Digest::of(b"x").to_string();
    for digest in [
        "sha256:../../../etc/passwd".to_string(),
        "sha256:..".to_string(),
        format!("sha256:{}", "A".repeat(64)),
        format!("sha256:{}", "a".repeat(63)),
        format!("sha256:{}/", "a".repeat(63)),
        format!("sha512:{}", "a".repeat(128)),
        format!("{good}/../x"),
        String::new(),
    ] {
        for is_config in [true, false] {
            let (config, layer) = if is_config { (&digest, &good) } else { (&good, &digest) };
            let manifest = format!(
                r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config}","size":1}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer}","size":1}}]}}"#
            );
            let world = World::new(
                Door::Open,
                Box::new(move |seen, _, _| match seen.url.path() {
                    "/v2/app/manifests/1" => {
                        Answer::new(200, manifest.clone()).header("content-type", MANIFEST)
                    }
                    _ => Answer::new(200, "x"),
                }),
            );
            assert!(pull(&world).is_err(), "{digest:?}");
            let log = world.memory.log();
            let asked: Vec<&str> = log.iter().skip(1).map(|seen| seen.url.path()).collect();
            assert!(asked.iter().all(|path| path.ends_with(&good)), "{digest:?}: {asked:?}");
        }
    }
}

#[test]
#[should_panic(expected = "storage.example.com was shown")]
fn the_watch_over_secrets_sees_a_leak() {
    let url = Url::parse("https://storage.example.com/x").expect("valid");
    let authorization = Some(Secret::basic("me", "pw"));
    let (headers, body) = Default::default();
    let seen = Seen { method: Method::GET, url, headers, authorization, body, unverified: false };
    assert_secrets_stayed(&[seen], &[]);
}
