//! Each fault of a registry, switched on alone: what passes is waited out, what is wrong is never believed.

use std::sync::Mutex;
use std::time::Duration;

use super::fake::{Door, INDEX, MANIFEST, World, reference};
use super::{Credentials, Error, Options};
use crate::http::{self, Answer, Canceled, FailureKind, Fault};
use crate::oci::{Digest, Platform, Reference};
use std::path::Path;

fn amd64() -> Platform {
    "linux/amd64".parse().expect("valid")
}

fn pull(world: &World) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    world.anonymous().blob(&reference(), &world.sample.descriptor(), &mut bytes, &|_| {}, &|| false)?;
    Ok(bytes)
}

/// A world whose layer is spoiled by `fault` on the first `times` requests.
fn spoiled(times: usize, fault: impl Fn(Answer) -> Answer + Send + Sync + 'static) -> World {
    World::new(
        Door::Open,
        Box::new(move |seen, before, answer| {
            let layer = seen.url.path().contains("/blobs/") && answer.body.len() > 10_000;
            if layer && before < times { fault(answer) } else { answer }
        }),
    )
}

#[test]
fn an_image_is_resolved_selected_and_read_byte_for_byte() {
    let world = World::honest();
    let image = world.anonymous().image(&reference(), &amd64()).expect("pulls");
    assert_eq!(image.resolved.bytes, world.sample.index);
    assert_eq!(image.manifest.bytes, world.sample.manifest);
    assert_eq!(image.config_bytes, world.sample.config);
    assert_eq!(image.resolved.descriptor.media_type().to_string(), INDEX);
    assert_eq!(pull(&world).expect("pulls"), world.sample.layer);
    let digest = world.anonymous().digest(&reference()).expect("asks");
    assert_eq!(digest, Some(Digest::of(&world.sample.index)));
    let pinned: Reference =
        format!("reg.example.org/app:gone@{}", Digest::of(&world.sample.index)).parse().expect("valid");
    assert_eq!(world.anonymous().resolve(&pinned).expect("by digest").bytes, world.sample.index);
    assert!(
        world.memory.log().iter().all(|seen| seen.url.is_tls()),
        "no host but loopback is asked without TLS"
    );
}

#[test]
fn a_missing_tag_and_a_missing_platform_are_told() {
    let world = World::honest();
    let missing: Reference = "reg.example.org/app:2".parse().expect("valid");
    let error = world.anonymous().resolve(&missing).expect_err("missing");
    assert!(error.is_not_found());
    let said = "reg.example.org/app:2: not found in the registry (MANIFEST_UNKNOWN: manifest unknown)";
    assert_eq!(error.to_string(), said);
    let wanted: Platform = "linux/s390x".parse().expect("valid");
    let error = world.anonymous().image(&reference(), &wanted).expect_err("none").to_string();
    assert!(error.contains("has no image for linux/s390x; it has: linux/amd64"), "{error}");
}

#[test]
fn too_many_requests_are_waited_out_as_long_as_the_registry_asks() {
    let world = spoiled(1, |_| Answer::new(429, "").header("retry-after", "17"));
    assert_eq!(pull(&world).expect("passes"), world.sample.layer);
    let slept = world.clock.now();
    assert!((17..18).contains(&slept.as_secs()), "{slept:?}");
}

#[test]
fn too_many_requests_without_a_wish_and_bursts_of_troubles_are_waited_out() {
    for status in [408, 429, 500, 502, 503, 504] {
        let world = spoiled(4, move |_| Answer::new(status, "<html>busy</html>"));
        assert_eq!(pull(&world).expect("passes"), world.sample.layer, "{status}");
        assert!(world.clock.now() > Duration::ZERO && world.clock.now() < Duration::from_secs(8), "{status}");
    }
}

#[test]
fn a_wish_beyond_patience_and_trouble_without_end_are_given_up_with_the_reason() {
    let world = spoiled(99, |_| Answer::new(429, "").header("retry-after", "7200"));
    let error = pull(&world).expect_err("too long").to_string();
    assert!(error.contains("429") && error.contains("asked to wait 7200 s"), "{error}");
    assert_eq!(world.clock.now(), Duration::ZERO);
    let world = spoiled(999, |_| Answer::new(503, ""));
    let error = pull(&world).expect_err("never").to_string();
    assert!(error.contains("503 Service Unavailable") && error.contains("tried 12 times"), "{error}");
    assert!(world.clock.now() <= Duration::from_secs(120));
}

#[test]
fn refusals_are_not_tried_again() {
    for status in [400, 404, 410, 413, 501] {
        let world = spoiled(9, move |_| Answer::new(status, ""));
        assert!(pull(&world).is_err());
        assert_eq!(world.asked("/blobs/"), 1, "{status}");
    }
}

#[test]
fn a_reset_is_resumed_at_its_byte_and_little_is_sent_again() {
    for at in [0, 1, 131_071, 131_072, 200_000, 299_999] {
        let world = spoiled(1, move |answer| answer.fault(Fault::Reset(at)));
        assert_eq!(pull(&world).expect("resumes"), world.sample.layer, "{at}");
        let log = world.memory.log();
        let range = log[1].header("range").map(str::to_string);
        assert_eq!(range, (at > 0).then(|| format!("bytes={at}-")), "{at}");
    }
}

#[test]
fn a_body_that_ends_early_in_good_order_is_resumed() {
    let world = spoiled(3, |mut answer| {
        let half = answer.body.len() / 2;
        answer.headers.push(("unsized".to_string(), String::new()));
        answer.fault(Fault::Truncate(half))
    });
    assert_eq!(pull(&world).expect("resumes"), world.sample.layer);
    assert_eq!(world.asked("/blobs/"), 4);
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start_and_the_known_part_dropped() {
    let world = World::new(
        Door::Open,
        Box::new(|_, before, answer| match answer.status {
            200 if before == 0 && answer.body.len() > 10_000 => answer.fault(Fault::Reset(150_000)),
            206 => Answer::new(200, super::fake::Sample::new().layer),
            _ => answer,
        }),
    );
    let seen = Mutex::new(Vec::new());
    let mut bytes = Vec::new();
    let progress = |n| seen.lock().expect("not poisoned").push(n);
    world
        .anonymous()
        .blob(&reference(), &world.sample.descriptor(), &mut bytes, &progress, &|| false)
        .expect("pulls");
    assert_eq!(bytes, world.sample.layer);
    let seen = seen.into_inner().expect("not poisoned");
    assert!(seen.is_sorted() && seen.last() == Some(&300_000), "progress only grows: {seen:?}");
}

#[test]
fn a_range_that_starts_elsewhere_is_refused_and_one_that_cannot_be_met_is_asked_whole() {
    let reset = |before, answer: Answer| match (before, answer.status) {
        (0, 200) => answer.fault(Fault::Reset(1000)),
        _ => answer,
    };
    let world = World::new(
        Door::Open,
        Box::new(move |_, before, answer| match answer.status {
            206 => Answer::new(206, "x").header("content-range", "bytes 999-299999/300000"),
            _ => reset(before, answer),
        }),
    );
    assert!(pull(&world).expect_err("elsewhere").to_string().contains("another place"));
    let world = World::new(
        Door::Open,
        Box::new(move |_, before, answer| match answer.status {
            206 => Answer::new(416, ""),
            _ => reset(before, answer),
        }),
    );
    assert_eq!(pull(&world).expect("whole"), world.sample.layer);
}

#[test]
fn wrong_bytes_are_never_believed_and_a_fresh_fetch_heals() {
    let world = spoiled(1, |answer| answer.fault(Fault::Corrupt(12_345)));
    assert!(matches!(pull(&world), Err(Error::Digest { .. })));
    let world = spoiled(1, |answer| answer.fault(Fault::Corrupt(12_345)));
    let mut opened = 0;
    let mut open = || {
        opened += 1;
        Ok(Vec::new())
    };
    let bytes =
        world.anonymous().blob_into(&reference(), &world.sample.descriptor(), &mut open, &|_| {}, &|| false);
    assert_eq!((bytes.expect("heals"), opened), (world.sample.layer.clone(), 2));
    let world = spoiled(99, |answer| answer.fault(Fault::Corrupt(0)));
    let open = &mut || Ok(Vec::new());
    let error =
        world.anonymous().blob_into(&reference(), &world.sample.descriptor(), open, &|_| {}, &|| false);
    assert!(matches!(error, Err(Error::Digest { .. })));
    assert_eq!(world.asked("/blobs/"), 3);
}

#[test]
fn a_body_that_is_too_long_is_cut_off_before_a_byte_too_many_is_handed_on() {
    let world = spoiled(9, |answer| answer.header("unsized", "").fault(Fault::Append(1)));
    let mut bytes = Vec::new();
    let error =
        world.anonymous().blob(&reference(), &world.sample.descriptor(), &mut bytes, &|_| {}, &|| false);
    assert!(matches!(error, Err(Error::Http(http::Error::Size { want: 300_000, .. }))), "{error:?}");
    assert!(bytes.len() <= 300_000);
    let world = spoiled(9, |answer| answer.header("content-length", "300001"));
    assert!(matches!(pull(&world), Err(Error::Http(http::Error::Size { got: 300_001, .. }))));
}

#[test]
fn a_manifest_with_another_digest_or_without_end_is_refused() {
    let spoil = |f: fn(Answer) -> Answer| {
        World::new(
            Door::Open,
            Box::new(move |seen, _, a| if seen.url.path().contains("/manifests/") { f(a) } else { a }),
        )
    };
    let world = spoil(|answer| answer.fault(Fault::Corrupt(20)));
    assert!(matches!(world.anonymous().resolve(&reference()), Err(Error::Digest { .. })));
    let world = spoil(|_| Answer::new(200, vec![b' '; 9 << 20]).header("unsized", ""));
    let error = world.anonymous().resolve(&reference()).expect_err("huge");
    assert!(matches!(error, Error::Http(http::Error::TooLarge { .. })), "{error}");
    let world = spoil(|mut answer| {
        answer
            .headers
            .iter_mut()
            .filter(|(n, _)| n == "content-type")
            .for_each(|(_, v)| *v = MANIFEST.into());
        answer
    });
    assert!(matches!(world.anonymous().resolve(&reference()), Err(Error::Document { .. })));
    let world = spoil(|_| Answer::new(200, r#"{"schemaVersion":1,"fsLayers":[]}"#));
    assert!(matches!(world.anonymous().resolve(&reference()), Err(Error::Schema1 { .. })));
}

#[test]
fn a_token_is_won_once_kept_and_renewed_before_and_after_it_expires() {
    let world = World::new(Door::Token("https://auth.example.org/token"), Box::new(|_, _, a| a));
    let client = world.anonymous();
    client.image(&reference(), &amd64()).expect("pulls");
    assert_eq!(world.asked("/token"), 1);
    let token = world.memory.log().iter().find(|s| s.url.path() == "/token").cloned().expect("asked");
    let wire = "https://auth.example.org/token?service=reg&scope=repository%3Aapp%3Apull";
    assert_eq!((token.url.wire().as_str(), token.authorization), (wire, None));
    world.clock.sleep(Duration::from_secs(400), &|| false);
    let before = world.memory.log().len();
    client.resolve(&reference()).expect("asks challenged again");
    assert_eq!(world.asked("/token"), 2);
    assert!(world.memory.log()[before].authorization.is_none(), "an expired token is not sent");
}

#[test]
fn a_token_that_the_registry_no_longer_takes_is_renewed_once_even_within_a_blob() {
    let world = World::new(
        Door::Token("https://auth.example.org/token"),
        Box::new(|seen, before, answer| match (seen.url.path().contains("/blobs/"), before, answer.status) {
            // The first successful answer breaks; the token has expired by the time of the second.
            (true, 1, 200) => answer.fault(Fault::Reset(100)),
            (true, 2, _) => Answer::new(401, "").header(
                "www-authenticate",
                "Bearer realm=\"https://auth.example.org/token\",service=\"reg\"",
            ),
            _ => answer,
        }),
    );
    assert_eq!(pull(&world).expect("renews"), world.sample.layer);
    assert_eq!(world.asked("/token"), 2);
    let world = World::new(
        Door::Token("https://auth.example.org/token"),
        Box::new(|seen, _, answer| match seen.url.host() {
            "reg.example.org" => Answer::new(401, "")
                .header("www-authenticate", "Bearer realm=\"https://auth.example.org/token\""),
            _ => answer,
        }),
    );
    assert!(matches!(pull(&world), Err(Error::Denied { .. })));
    assert_eq!((world.asked("/blobs/"), world.asked("/token")), (2, 1), "one retry, no loop");
}

fn with(text: &str) -> Options {
    let credentials = Credentials::parse(Path::new("/config.json"), text).expect("valid");
    Options { credentials, ..Options::default() }
}

const LOGIN: &str = r#"{"auths":{"reg.example.org":{"auth":"bWU6cHc="}}}"#;

#[test]
fn credentials_reach_the_registry_and_its_own_token_server_alone() {
    for (realm, shown) in [
        ("https://auth.example.org/token", true),
        ("https://auth.elsewhere.example/token", false),
        ("https://reg.example.org.evil.example/token", false),
    ] {
        let world = World::new(Door::Token(realm), Box::new(|_, _, answer| answer));
        world.client(with(LOGIN)).resolve(&reference()).expect("a token comes anyway");
        for seen in world.memory.log().iter().filter(|seen| seen.url.path() == "/token") {
            assert_eq!(seen.authorization.is_some(), shown, "{realm}");
        }
        assert_eq!(world.asked("/token"), 1);
    }
    let named = ("reg.example.org".to_string(), "auth.elsewhere.example".to_string());
    let mut world = World::new(Door::Token("https://auth.elsewhere.example/token"), Box::new(|_, _, a| a));
    world.friends.push("auth.elsewhere.example");
    world.client(Options { named_realms: vec![named], ..with(LOGIN) }).resolve(&reference()).expect("pulls");
    assert!(world.memory.log().iter().any(|s| s.url.path() == "/token" && s.authorization.is_some()));
}

#[test]
fn a_token_server_inside_the_machine_or_without_tls_is_never_asked() {
    for realm in ["http://auth.example.org/token", "https://169.254.169.254/token", "https://127.0.0.1/token"]
    {
        let world = World::new(Door::Token(realm), Box::new(|_, _, answer| answer));
        let error = world.client(with(LOGIN)).resolve(&reference()).expect_err("refused");
        assert!(matches!(error, Error::Realm { .. }), "{error}");
        assert_eq!(world.asked("/token"), 0, "{realm}");
    }
}

#[test]
fn a_denial_after_a_token_says_whether_a_login_was_tried() {
    for (realm, text, want) in [
        ("https://auth.example.org/token", r#"{}"#, "it may not exist, or need a login"),
        ("https://auth.example.org/token", LOGIN, "the login for reg.example.org may not be allowed"),
        ("https://auth.elsewhere.example/token", LOGIN, "were not shown to auth.elsewhere.example"),
    ] {
        let world = World::new(
            Door::Token(realm),
            Box::new(|seen, _, answer| match (seen.url.path(), answer.status) {
                ("/token", _) | (_, 401) => answer,
                _ => Answer::new(403, r#"{"errors":[{"code":"DENIED","message":"no\u001b[2J"}]}"#),
            }),
        );
        let said = world.client(with(text)).resolve(&reference()).expect_err("denied").to_string();
        assert!(said.contains(want) && said.contains("DENIED: no[2J"), "{said}");
    }
}

#[test]
fn an_identity_token_is_posted_and_never_stands_in_an_address() {
    let world = World::new(Door::Token("https://auth.example.org/token"), Box::new(|_, _, answer| answer));
    let options = with(r#"{"auths":{"reg.example.org":{"identitytoken":"s3cret"}}}"#);
    world.client(options).resolve(&reference()).expect("pulls");
    let token = world.memory.log().iter().find(|s| s.url.path() == "/token").cloned().expect("asked");
    let body = String::from_utf8(token.body).expect("text");
    assert!(body.contains("grant_type=refresh_token") && body.contains("refresh_token=s3cret"), "{body}");
    assert!(!token.url.wire().contains("s3cret"));
}

#[test]
fn basic_authorization_is_given_when_asked_for_and_its_lack_explained() {
    let world = World::new(Door::Basic, Box::new(|_, _, answer| answer));
    world.client(with(LOGIN)).image(&reference(), &amd64()).expect("pulls");
    assert!(world.memory.log()[0].authorization.is_none(), "nothing is shown unasked");
    let error = world.anonymous().resolve(&reference()).expect_err("denied").to_string();
    assert!(error.contains("rbuild login reg.example.org"), "{error}");
}

#[test]
fn blobs_that_live_elsewhere_are_fetched_there_without_authorization() {
    let world = World::new(
        Door::Basic,
        Box::new(|seen, _, answer| {
            match (seen.url.host(), seen.url.path().contains("/blobs/"), answer.status) {
                ("reg.example.org", true, 200 | 206) => {
                    Answer::new(307, "").header("location", "https://cdn.example/data?X-Amz-Signature=s")
                }
                ("cdn.example", ..) if seen.authorization.is_some() => {
                    Answer::new(400, "two ways to authorize")
                }
                ("cdn.example", ..) => Answer::new(200, super::fake::Sample::new().layer),
                _ => answer,
            }
        }),
    );
    let mut bytes = Vec::new();
    world
        .client(with(LOGIN))
        .blob(&reference(), &world.sample.descriptor(), &mut bytes, &|_| {}, &|| false)
        .expect("redirected");
    assert_eq!(bytes, world.sample.layer);
    let log = world.memory.log();
    let there: Vec<_> = log.iter().filter(|seen| seen.url.host() == "cdn.example").collect();
    assert!(there.len() == 1 && there[0].authorization.is_none());
}

#[test]
fn a_challenge_of_a_server_that_we_were_redirected_to_is_not_answered() {
    let world = World::new(
        Door::Open,
        Box::new(|seen, _, answer| match (seen.url.host(), seen.url.path().contains("/blobs/")) {
            ("reg.example.org", true) => Answer::new(307, "").header("location", "https://cdn.example/x"),
            ("cdn.example", _) => Answer::new(401, "")
                .header("www-authenticate", "Bearer realm=\"https://tokens.example/token\", Basic realm=x"),
            _ => answer,
        }),
    );
    let (client, out) = (world.client(with(LOGIN)), &mut Vec::new());
    let error = client.blob(&reference(), &world.sample.descriptor(), out, &|_| {}, &|| false);
    assert!(matches!(error, Err(Error::Denied { .. })), "{error:?}");
    assert!(world.memory.log().iter().all(|s| s.url.path() != "/token" && s.authorization.is_none()));
}

#[test]
fn redirects_in_a_circle_and_out_of_tls_are_refused() {
    let world = spoiled(99, |_| Answer::new(302, "").header("location", "?again"));
    let error = pull(&world).expect_err("circle").to_string();
    assert!(error.contains("ten redirects"), "{error}");
    let world = spoiled(99, |_| Answer::new(302, "").header("location", "http://reg.example.org/x"));
    let error = pull(&world).expect_err("out of TLS").to_string();
    assert!(error.contains("without it"), "{error}");
    assert!(world.memory.log().iter().all(|seen| seen.url.is_tls()));
}

#[test]
fn plain_http_is_spoken_to_loopback_hosts_alone_and_found_out_once() {
    let plain = || {
        World::new(
            Door::Open,
            Box::new(|seen, _, answer| match seen.url.is_tls() {
                true => Answer::new(200, "").fault(Fault::Before(FailureKind::NotTls)),
                false => answer,
            }),
        )
    };
    let world = plain();
    let client = world.anonymous();
    let local: Reference = "localhost:5000/app:1".parse().expect("valid");
    client.image(&local, &amd64()).expect("falls back");
    let secure = world.memory.log().iter().filter(|seen| seen.url.is_tls()).count();
    assert_eq!(secure, 1, "asked once");
    let world = plain();
    assert!(world.anonymous().resolve(&reference()).is_err());
    assert!(world.memory.log().iter().all(|seen| seen.url.is_tls()));
    let world = World::new(
        Door::Open,
        Box::new(|seen, _, answer| match seen.url.is_tls() {
            true => Answer::new(200, "").fault(Fault::Before(FailureKind::Tls)),
            false => answer,
        }),
    );
    assert!(world.anonymous().resolve(&local).is_err(), "a bad certificate is no reason for plain text");
    assert!(world.memory.log().iter().all(|seen| seen.url.is_tls()));
}

#[test]
fn a_foreign_layer_is_refused_and_its_place_not_asked() {
    let world = World::honest();
    let mut descriptor = world.sample.descriptor();
    descriptor.set_urls(Some(vec!["https://evil.example/layer".to_string()]));
    let mut bytes = Vec::new();
    let error = world
        .anonymous()
        .blob(&reference(), &descriptor, &mut bytes, &|_| {}, &|| false)
        .expect_err("foreign");
    assert!(error.to_string().contains("https://evil.example/layer"), "{error}");
    assert!(world.memory.log().is_empty() && bytes.is_empty());
}

#[test]
fn a_canceled_pull_asks_nothing_more() {
    let world = spoiled(99, |_| Answer::new(503, ""));
    let http = http::Options { canceled: Canceled::new(|| true), ..http::Options::default() };
    let client = world.client(Options { http, ..Options::default() });
    let error = client.blob(&reference(), &world.sample.descriptor(), &mut Vec::new(), &|_| {}, &|| false);
    assert!(error.expect_err("canceled").is_canceled());
    assert!(world.memory.log().is_empty());
}
