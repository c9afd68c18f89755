//! Pushes and pulls that end at each of their requests: no tag and no name of something incomplete, and the second try
//! moves only what is missing.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use rbuild::oci::Reference;
use rbuild::registry::{Client, Options};
use serde_json::Value;

use crate::e2e::{Workshop, noise};
use crate::registry_proxy::{Asked, Proxy};
use crate::registry_server::{Registry, run};

const LAYER: usize = 60_000;

/// A store with `app:1`, an index of two platforms: a layer that they share, and one of each.
fn shop() -> Workshop {
    let shop = Workshop::bare();
    shop.write("both", noise(1, LAYER as u32));
    shop.write("amd64", noise(2, LAYER as u32));
    shop.write("arm64", noise(3, LAYER as u32));
    shop.write("Dockerfile", "FROM scratch\nARG TARGETARCH\nCOPY both /\nCOPY $TARGETARCH /\n");
    let context = shop.context().display().to_string();
    shop.rbuild(&["-t", "app:1", "--platform", "linux/amd64,linux/arm64", &context]).ok();
    shop
}

/// Everything from request `cut` on fails for good.
fn from(cut: usize) -> impl Fn(&Asked) -> Option<u16> + Send + Sync + 'static {
    let count = Arc::new(AtomicUsize::new(0));
    move |_| (count.fetch_add(1, SeqCst) >= cut).then_some(403)
}

/// The blobs that a tag leads to; none if there is no such tag. What it leads to and is not there fails the test.
#[track_caller]
fn complete(client: &Client, name: &str) -> Option<BTreeSet<String>> {
    let name: Reference = name.parse().unwrap();
    let index = match client.resolve(&name) {
        Ok(found) => found,
        Err(error) if error.is_not_found() => return None,
        Err(error) => panic!("{error}"),
    };
    let mut blobs = BTreeSet::new();
    let index: Value = serde_json::from_slice(&index.bytes).unwrap();
    for entry in index["manifests"].as_array().expect("an index") {
        let digest = entry["digest"].as_str().unwrap();
        let one = Reference { tag: None, digest: Some(digest.parse().unwrap()), ..name.clone() };
        let manifest: Value = serde_json::from_slice(&client.resolve(&one).expect("listed").bytes).unwrap();
        for blob in manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]) {
            let digest = blob["digest"].as_str().unwrap();
            assert!(client.has_blob(&name, &digest.parse().unwrap()).unwrap(), "{digest} is missing");
            blobs.insert(digest.to_string());
        }
    }
    Some(blobs)
}

/// The blobs whose upload ended well, and the bytes that were sent for them.
fn sent(log: &[Asked]) -> (BTreeSet<String>, usize) {
    let uploads = log.iter().filter(|asked| asked.path.contains("/blobs/uploads/"));
    let ended = uploads.clone().filter(|asked| asked.method == "PUT" && asked.status == 201);
    let digest = |asked: &Asked| {
        let (_, digest) = asked.path.split_once("digest=").expect("a PUT says it");
        digest.split('&').next().unwrap().replace("%3A", ":")
    };
    (ended.map(digest).collect(), uploads.map(|asked| asked.sent).sum())
}

#[test]
fn a_push_that_ends_at_any_request_leaves_no_incomplete_tag_and_the_next_one_sends_what_is_missing() {
    let Some((_dir, registry)) = Registry::fresh() else { return };
    let proxy = Proxy::before(registry.port);
    let client = Client::new(Options::default());
    let maker = shop();
    for is_late in [false, true] {
        let mut cuts = 0;
        for cut in 0.. {
            // A store that has seen nothing, and a repository that has nothing.
            let shop = Workshop::bare();
            run(Command::new("cp").arg("-a").arg(maker.store()).arg(shop.store()));
            let rest = format!("cut/{}-{cut}:1", if is_late { "late" } else { "early" });
            let (name, direct) = (proxy.name(&rest), registry.name(&rest));
            match is_late {
                true => proxy.losing(from(cut)),
                false => proxy.troubled(from(cut)),
            }
            let said = shop.rbuild(&["push", "app:1", &name]);
            proxy.honest();
            let (before, _) = sent(&proxy.take());
            let found = complete(&client, &direct);
            // The answer to the last request may be what got lost: then the tag is there, and right.
            assert!(said.code != Some(0) || found.is_some(), "cut at {cut}: a push that failed in silence");
            if said.code == Some(0) {
                assert_eq!(before.len(), 5, "three layers and two configs");
                break;
            }
            if !is_late {
                assert!(found.is_none(), "cut at {cut}: a tag without a push");
            }
            shop.rbuild(&["push", "app:1", &name]).ok();
            let (after, bytes) = sent(&proxy.take());
            let blobs = complete(&client, &direct).expect("whole now");
            assert_eq!(blobs.len(), 5);
            if !is_late {
                assert!(before.is_disjoint(&after), "cut at {cut}: {before:?} were sent again");
                assert_eq!(before.union(&after).count(), 5, "cut at {cut}");
            }
            let missing = after.len();
            assert!(bytes <= missing * (LAYER + 2000), "cut at {cut}: {bytes} bytes for {missing} blobs");
            cuts += 1;
        }
        // HEAD, POST and PUT of each blob, HEAD and PUT of each manifest and of the index.
        assert!(cuts >= 5 * 3 + 3 * 2, "only {cuts} cuts");
    }
}

#[test]
fn a_pull_that_ends_at_any_request_names_nothing_incomplete_and_the_next_one_fetches_what_is_missing() {
    let Some((_dir, registry)) = Registry::fresh() else { return };
    let proxy = Proxy::before(registry.port);
    let maker = shop();
    maker.rbuild(&["push", "app:1", &registry.name("team/app:1")]).ok();
    let name = proxy.name("team/app:1");
    let fetched = |log: &[Asked]| -> BTreeSet<String> {
        let whole = log.iter().filter(|asked| asked.status == 200 && asked.received >= LAYER);
        whole.map(|asked| asked.path.clone()).collect()
    };
    let mut cuts = 0;
    for cut in 0.. {
        let shop = Workshop::bare();
        proxy.troubled(from(cut));
        let said = shop.rbuild(&["pull", "--platform", "linux/amd64,linux/arm64", &name]);
        proxy.honest();
        let before = fetched(&proxy.take());
        if said.code == Some(0) {
            assert_eq!(before.len(), 3);
            break;
        }
        // What has a name can be used, and nothing is asked for that.
        if shop.rbuild(&["images"]).ok().out().contains("team/app") {
            let archive = shop.arg("app.tar");
            shop.rbuild(&["save", "-o", &archive, &name]).ok();
            assert!(proxy.take().is_empty(), "cut at {cut}: something is missing of what has a name");
        }
        shop.rbuild(&["pull", "--platform", "linux/amd64,linux/arm64", &name]).ok();
        let after = fetched(&proxy.take());
        assert!(before.is_disjoint(&after), "cut at {cut}: {before:?} were fetched again");
        assert_eq!(before.union(&after).count(), 3, "cut at {cut}");
        cuts += 1;
    }
    assert!(cuts >= 3 + 2 + 3, "only {cuts} cuts");
}
