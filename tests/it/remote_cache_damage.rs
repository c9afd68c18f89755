//! A registry that gives other bytes than those of the digest, blob by blob; and caches that are mended by the next export.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::e2e::{Said, Workshop};
use crate::registry_server::Registry;

struct World {
    dir: tempfile::TempDir,
    registry: Registry,
}

impl World {
    fn new() -> Option<World> {
        let (dir, registry) = Registry::fresh()?;
        Some(World { dir, registry })
    }

    fn name(&self, rest: &str) -> String {
        self.registry.name(&format!("team/app:{rest}"))
    }

    fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        let blobs = self.dir.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }

    /// The manifest under a tag.
    fn manifest(&self, tag: &str) -> Value {
        let tags = self.dir.path().join("data/docker/registry/v2/repositories/team/app/_manifests/tags");
        let digest = std::fs::read_to_string(tags.join(tag).join("current/link")).unwrap();
        serde_json::from_slice(&std::fs::read(self.blob(&digest)).unwrap()).unwrap()
    }
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

const FILE: &str = "FROM busybox\nCOPY source /source\nRUN cat /source > /copy && echo ran-\"first\"\n\
                    COPY more /copies/\nRUN cat /copy /copies/more > /both && echo ran-\"second\"\n";

fn machine(more: &str) -> Option<Workshop> {
    let shop = Workshop::new()?;
    shop.write("source", "source\n");
    shop.write("more", more);
    Some(shop)
}

fn build(shop: &Workshop, args: &[&str]) -> (Said, String) {
    let id = shop.arg("id");
    let said = shop.build(FILE, &[&["--iidfile", &id], args].concat()).ok();
    (said, std::fs::read_to_string(id).unwrap())
}

#[test]
fn bytes_of_another_digest_are_noticed_in_every_blob_of_a_cache_and_not_used() {
    let (Some(world), Some(first)) = (World::new(), machine("one\n")) else { return };
    build(&first, &[&format!("--cache-to=type=registry,ref={},mode=max", world.name("cache"))]);
    let honest = machine("two\n").unwrap();
    let (_, wanted) = build(&honest, &[]);
    let manifest = world.manifest("cache");
    let layers = manifest["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 1 + 2 * 4, "records; four layers, each with its list");
    let digests: Vec<&str> = layers.iter().map(|layer| layer["digest"].as_str().unwrap()).collect();
    let from = format!("--cache-from=type=registry,ref={}", world.name("cache"));
    let mut noticed = Vec::new();
    for digest in &digests {
        let path = world.blob(digest);
        flip(&path);
        // After an edit: the upper steps are done, on layers and lists that come from the cache.
        let second = machine("two\n").unwrap();
        let (said, id) = build(&second, &[&from]);
        assert_eq!(id, wanted, "{digest}");
        let warnings = said.stderr.matches("is not used").count();
        assert!(warnings <= 1, "{digest}: {}", said.stderr);
        noticed.push(warnings == 1);
        assert_eq!(second.rbuild(&["run", "it", "--", "cat", "/both"]).ok().out(), "source\ntwo\n");
        flip(&path);
    }
    // The records; two layers that the steps stand on, and the lists of those: what is above is not looked at.
    assert!(noticed[0], "the list of records");
    assert_eq!(noticed.iter().filter(|noticed| **noticed).count(), 1 + 2 * 2, "{noticed:?}");
    // And with nothing spoilt, nothing is said.
    let (said, id) = build(&machine("two\n").unwrap(), &[&from]);
    said.never_says(&["warning", "ran-first"]);
    assert_eq!(id, wanted);
}

#[test]
fn a_config_with_records_whose_bytes_are_others_is_noticed_and_not_used() {
    let (Some(world), Some(first)) = (World::new(), machine("one\n")) else { return };
    let (_, wanted) = build(
        &first,
        &["--cache-to=type=inline", "-o", &format!("type=registry,name={}", world.name("image"))],
    );
    let config = world.manifest("image")["config"]["digest"].as_str().unwrap().to_string();
    let from = format!("--cache-from={}", world.name("image"));
    let second = machine("one\n").unwrap();
    build(&second, &["--cache-to=type=inline", &from]).0.never_says(&["ran-first", "is not used"]);
    flip(&world.blob(&config));
    let third = machine("one\n").unwrap();
    let (said, id) = build(&third, &["--cache-to=type=inline", &from]);
    said.says(&["is not used", "ran-first"]);
    assert_eq!(id, wanted);
}

#[test]
fn a_layer_that_is_gone_comes_back_with_the_next_export() {
    let (Some(world), Some(first)) = (World::new(), machine("one\n")) else { return };
    let (to, from) = (
        format!("--cache-to=type=registry,ref={},mode=max", world.name("cache")),
        format!("--cache-from=type=registry,ref={}", world.name("cache")),
    );
    build(&first, &[&to]);
    let manifest = world.manifest("cache");
    let lost: Vec<&str> = manifest["layers"].as_array().unwrap()[1..]
        .iter()
        .filter(|layer| layer["mediaType"].as_str().unwrap().contains("image.layer"))
        .map(|layer| layer["digest"].as_str().unwrap())
        .collect();
    // As a collector leaves it: the repository does not have them any more.
    let repository = world.dir.path().join("data/docker/registry/v2/repositories/team/app/_layers/sha256");
    for digest in &lost {
        std::fs::remove_dir_all(repository.join(&digest["sha256:".len()..])).unwrap();
        std::fs::remove_dir_all(world.blob(digest).parent().unwrap()).unwrap();
    }
    let second = machine("two\n").unwrap();
    let (said, _) = build(&second, &[&from, &to]);
    said.says(&["is gone from it", "ran-first", "ran-second"]).never_says(&["was not written"]);
    let third = machine("two\n").unwrap();
    let out = third.arg("out");
    let (said, _) = build(&third, &[&from, &format!("--output=type=oci,tar=false,dest={out}")]);
    said.never_says(&["warning", "ran-first", "ran-second"]).says(&["fetching 4 layers from the cache"]);
}
