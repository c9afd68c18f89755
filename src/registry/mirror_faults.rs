//! Mirrors, with each fault switched on alone; hosts without TLS; blocked names; who sees which credentials.

use std::path::Path;

use super::client::{Client, Options};
use super::credentials::Credentials;
use super::error::Error;
use super::fake::{Door, Trouble, World, reference};
use super::registries::Registries;
use crate::http::{Answer, FailureKind, Fault, Seen};
use crate::oci::Platform;

const MIRROR: &str = "mirror.example.net";
const SETTINGS: &str = "[[registry]]\nlocation='reg.example.org'\nmirror=[{location='mirror.example.net'}]\n";

fn registries(text: &str) -> Registries {
    let mut all = Registries::default();
    all.add(Path::new("r.conf"), text).expect("valid");
    all
}

/// A world whose mirror is as honest as the registry, but for `trouble`.
fn world(trouble: impl Fn(&Seen, usize, Answer) -> Answer + Send + Sync + 'static) -> World {
    let trouble: Trouble = Box::new(move |seen, n, answer| match seen.url.host() == MIRROR {
        true => trouble(seen, n, answer),
        false => answer,
    });
    World::new(Door::Open, trouble)
}

fn client(world: &World, settings: &str) -> Client {
    world.client(Options { registries: registries(settings), ..Options::default() })
}

/// All of the sample: documents and the layer.
fn pull(world: &World, client: &Client) -> Result<(), Error> {
    let amd64: Platform = "linux/amd64".parse().expect("valid");
    let image = client.image(&reference(), &amd64)?;
    let layer =
        client.blob_into(&reference(), &image.layers()[0], &mut || Ok(Vec::new()), &|_| {}, &|| false)?;
    assert!(layer == world.sample.layer, "the layer differs");
    Ok(())
}

fn asked(world: &World, host: &str) -> usize {
    world.memory.log().iter().filter(|seen| seen.url.host() == host).count()
}

#[test]
fn an_honest_mirror_is_all_that_is_asked() {
    let world = world(|_, _, answer| answer);
    pull(&world, &client(&world, SETTINGS)).expect("pulls");
    assert_eq!((asked(&world, MIRROR), asked(&world, "reg.example.org")), (4, 0));
}

#[test]
fn a_mirror_that_fails_in_any_way_is_passed_over_and_the_image_is_right() {
    type Spoil = fn(&Seen, usize, Answer) -> Answer;
    let troubles: [(&str, Spoil); 11] = [
        ("unknown", |_, _, _| Answer::new(200, "").fault(Fault::Before(FailureKind::Host))),
        ("refused", |_, _, _| Answer::new(200, "").fault(Fault::Before(FailureKind::Connect))),
        ("bad certificate", |_, _, _| Answer::new(200, "").fault(Fault::Before(FailureKind::Tls))),
        ("503", |_, _, _| Answer::new(503, "")),
        ("429 for an hour", |_, _, _| Answer::new(429, "").header("retry-after", "3600")),
        ("500", |_, _, _| Answer::new(500, "")),
        ("404", |_, _, _| Answer::new(404, "")),
        ("denied", |_, _, _| Answer::new(403, "")),
        ("a login page", |_, _, _| Answer::new(200, "<html>").header("content-type", "text/html")),
        ("other bytes", |seen, _, answer| match seen.url.path().contains("/blobs/") {
            true => answer.fault(Fault::Corrupt(20)),
            false => answer,
        }),
        ("always broken off", |seen, _, answer| match seen.url.path().contains("/blobs/") {
            true => answer.fault(Fault::Reset(10)),
            false => answer,
        }),
    ];
    for (name, trouble) in troubles {
        let world = world(trouble);
        pull(&world, &client(&world, SETTINGS)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(asked(&world, MIRROR) > 0 && asked(&world, "reg.example.org") > 0, "{name}");
    }
}

#[test]
fn a_mirror_that_is_down_is_asked_once_and_costs_no_wait() {
    let world = world(|_, _, _| Answer::new(200, "").fault(Fault::Before(FailureKind::Connect)));
    pull(&world, &client(&world, SETTINGS)).expect("pulls");
    assert_eq!(asked(&world, MIRROR), 1);
    assert_eq!(world.clock.now(), std::time::Duration::ZERO);
}

#[test]
fn a_mirror_that_breaks_off_halfway_leaves_only_the_rest_to_the_registry() {
    let world = world(|seen, n, answer| match (seen.url.path().contains("/blobs/"), n) {
        (true, 0) if answer.body.len() > 200_000 => answer.fault(Fault::Reset(200_000)),
        (true, _) if answer.body.len() > 50_000 => Answer::new(503, ""),
        _ => answer,
    });
    pull(&world, &client(&world, SETTINGS)).expect("pulls");
    let log = world.memory.log();
    let last = log.iter().rfind(|seen| seen.url.path().contains("/blobs/")).expect("asked");
    assert_eq!((last.url.host(), last.header("range")), ("reg.example.org", Some("bytes=200000-")));
}

#[test]
fn where_nobody_has_it_the_error_tells_of_each_place() {
    let world = World::new(Door::Open, Box::new(|_, _, _| Answer::new(404, "")));
    let error = client(&world, SETTINGS).resolve(&reference()).expect_err("nowhere");
    assert!(error.is_not_found(), "{error}");
    assert!(error.to_string().contains(MIRROR), "{error}");
}

#[test]
fn a_mirror_never_sees_the_credentials_of_the_registry_nor_the_other_way_round() {
    let challenge = |realm: &str| {
        Answer::new(401, "")
            .header("www-authenticate", format!("Bearer realm=\"https://{realm}/token\",service=\"s\""))
    };
    let world = World::new(
        Door::Open,
        Box::new(move |seen, _, answer| {
            let is_shown = seen.authorization.is_some();
            match (seen.url.host(), seen.url.path()) {
                (_, "/token") => Answer::new(200, r#"{"token":"t"}"#),
                ("mirror.example.net", _) if is_shown => Answer::new(503, ""),
                ("mirror.example.net", _) => challenge("auth.example.net"),
                (_, _) if is_shown => answer,
                _ => challenge("auth.example.org"),
            }
        }),
    );
    let login = r#"{"auths":{"reg.example.org":{"username":"me","password":"pw"},"mirror.example.net":{"username":"other","password":"secret"}}}"#;
    let credentials = Credentials::parse(Path::new("config.json"), login).expect("valid");
    let client =
        world.client(Options { registries: registries(SETTINGS), credentials, ..Options::default() });
    pull(&world, &client).expect("pulls");
    let shown: std::collections::BTreeSet<(String, String)> = world
        .memory
        .log()
        .iter()
        .filter(|seen| seen.url.path() == "/token")
        .map(|seen| {
            let shown = seen.authorization.as_ref().map(|a| a.reveal().to_string());
            (seen.url.host().to_string(), shown.unwrap_or_default())
        })
        .collect();
    let pair = |host: &str, shown: &str| (host.to_string(), shown.to_string());
    assert_eq!(
        shown,
        [pair("auth.example.net", "Basic b3RoZXI6c2VjcmV0"), pair("auth.example.org", "Basic bWU6cHc=")]
            .into()
    );
}

#[test]
fn a_blocked_registry_is_not_asked_for_anything() {
    let world = World::honest();
    let client = client(&world, "[[registry]]\nlocation='reg.example.org'\nblocked=true\n");
    assert!(matches!(client.resolve(&reference()), Err(Error::Blocked { .. })));
    assert!(matches!(
        client.blob(&reference(), &world.sample.descriptor(), &mut Vec::new(), &|_| {}, &|| false),
        Err(Error::Blocked { .. })
    ));
    assert!(matches!(client.push_manifest(&reference(), "x", b"{}"), Err(Error::Blocked { .. })));
    assert!(world.memory.log().is_empty());
}

/// A world without TLS anywhere.
fn plain() -> World {
    World::new(
        Door::Open,
        Box::new(|seen, _, answer| match seen.url.is_tls() {
            true => Answer::new(200, "").fault(Fault::Before(FailureKind::NotTls)),
            false => answer,
        }),
    )
}

#[test]
fn a_host_without_tls_is_spoken_to_only_if_the_user_named_it() {
    let world = plain();
    assert!(client(&world, "").resolve(&reference()).is_err());
    assert!(
        client(&world, "[[registry]]\nlocation='reg.example.org:5000'\ninsecure=true\n")
            .resolve(&reference())
            .is_err()
    );
    assert!(
        client(&world, "[[registry]]\nlocation='reg.example.org/other'\ninsecure=true\n")
            .resolve(&reference())
            .is_err()
    );
    assert!(world.memory.log().iter().all(|seen| seen.url.is_tls()));
    let allowed = client(&world, "[[registry]]\nlocation='reg.example.org'\ninsecure=true\n");
    pull(&world, &allowed).expect("pulls");
    let other = "other.example.org/app:1".parse().expect("valid");
    assert!(allowed.resolve(&other).is_err());
    assert!(
        world.memory.log().iter().all(|seen| seen.url.host() != "other.example.org" || seen.url.is_tls())
    );
}

#[test]
fn an_insecure_registry_is_asked_for_tls_first_and_without_its_certificate() {
    let world = World::honest();
    let client = client(&world, "[[registry]]\nlocation='reg.example.org'\ninsecure=true\n");
    pull(&world, &client).expect("pulls");
    let log = world.memory.log();
    assert!(log.iter().all(|seen| seen.url.is_tls() && seen.unverified), "TLS where there is TLS");
    let world = World::honest();
    pull(&world, &world.anonymous()).expect("pulls");
    assert!(
        world.memory.log().iter().all(|seen| !seen.unverified),
        "certificates are checked everywhere else"
    );
}

#[test]
fn what_is_said_of_a_registry_does_not_hold_where_it_redirects() {
    let world = World::new(
        Door::Open,
        Box::new(|seen, _, answer| match (seen.url.host(), seen.url.path().contains("/blobs/")) {
            ("reg.example.org", true) => {
                let to = format!("https://storage.example.com{}", seen.url.path());
                Answer::new(307, "").header("location", to)
            }
            _ => answer,
        }),
    );
    let client = client(&world, "[[registry]]\nlocation='reg.example.org'\ninsecure=true\n");
    pull(&world, &client).expect("pulls");
    let log = world.memory.log();
    assert!(log.iter().any(|seen| seen.url.host() == "storage.example.com"));
    assert!(log.iter().all(|seen| seen.unverified == (seen.url.host() == "reg.example.org")));
}

#[test]
fn a_token_server_without_tls_is_asked_only_on_the_host_that_may() {
    let world = |realm: &'static str| {
        World::new(
            Door::Open,
            Box::new(move |seen, _, answer| match (seen.url.is_tls(), seen.url.path()) {
                (true, _) => Answer::new(200, "").fault(Fault::Before(FailureKind::NotTls)),
                (_, "/token") => Answer::new(200, r#"{"token":"t"}"#),
                _ if seen.authorization.is_none() => Answer::new(401, "")
                    .header("www-authenticate", format!("Bearer realm=\"{realm}\",service=\"s\"")),
                _ => answer,
            }),
        )
    };
    let insecure = "[[registry]]\nlocation='reg.example.org'\ninsecure=true\n";
    let same = world("http://reg.example.org:5001/token");
    pull(&same, &client(&same, insecure)).expect("the same host");
    let other = world("http://auth.example.org/token");
    assert!(matches!(client(&other, insecure).resolve(&reference()), Err(Error::Realm { .. })));
    let mut both = registries(insecure);
    both.allow_insecure("auth.example.org").expect("valid");
    let client = other.client(Options { registries: both, ..Options::default() });
    client.resolve(&reference()).expect("named too");
}
