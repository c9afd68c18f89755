//! `copy` between all places, with indexes of several platforms.

use std::path::Path;
use std::process::Command;

use rbuild::oci::Digest;
use serde_json::{Value, json};

use super::{digest_of, inspect, shop, skopeo};
use crate::e2e::{Workshop, finish, tools};
use crate::registry_server::{Registry, have};

/// A layout `both` with an index of two platforms called `1`; what the index's digest is.
fn two_platforms(shop: &Workshop) -> String {
    let layout = shop.at("both");
    let mut manifests = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let name = format!("{architecture}:1");
        shop.write("Dockerfile", format!("FROM scratch\nCOPY a /{architecture}\n"));
        let context = shop.context().display().to_string();
        let platform = format!("linux/{architecture}");
        shop.rbuild(&["-t", &name, "--platform", &platform, &context]).ok();
        shop.rbuild(&["copy", "--platform", &platform, &name, &format!("oci:{}:x", layout.display())]).ok();
        let index: Value =
            serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
        let mut entry = index["manifests"][0].clone();
        entry.as_object_mut().unwrap().remove("annotations");
        manifests.push(entry);
    }
    put_index(&layout, &manifests)
}

fn put_index(layout: &Path, manifests: &[Value]) -> String {
    let media_type = "application/vnd.oci.image.index.v1+json";
    let bytes =
        serde_json::to_vec(&json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}))
            .unwrap();
    let digest = Digest::of(&bytes);
    std::fs::write(layout.join("blobs/sha256").join(digest.hex()), &bytes).unwrap();
    let annotations = json!({"org.opencontainers.image.ref.name": "1"});
    let entry = json!({"mediaType": media_type, "digest": digest.to_string(), "size": bytes.len(), "annotations": annotations});
    std::fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": [entry]}).to_string())
        .unwrap();
    digest.to_string()
}

#[test]
fn a_copy_through_every_form_keeps_the_digest() {
    let shop = shop();
    let digest = inspect(&shop, "app:1")["digest"].as_str().unwrap().to_string();
    let at = |name: &str| shop.arg(name);
    let steps = [
        ("app:1".to_string(), format!("oci:{}:1", at("one"))),
        (format!("oci:{}", at("one")), format!("oci-archive:{}", at("two.tar"))),
        (format!("oci-archive:{}", at("two.tar")), format!("docker-archive:{}:three:3", at("three.tar"))),
        (format!("docker-archive:{}:three:3", at("three.tar")), format!("oci-layout://{}:4", at("four"))),
        (format!("oci-layout://{}@{digest}", at("four")), "store:five".to_string()),
        ("store:five".to_string(), "six:6".to_string()),
    ];
    for (from, to) in &steps {
        let said = shop.rbuild(&["copy", from, to]).ok();
        assert_eq!(said.out().trim(), digest, "{from} to {to}");
    }
    assert_eq!(inspect(&shop, "six:6")["digest"], digest.as_str());
    let stream = shop.rbuild(&["copy", "six:6", "docker-archive:-"]).ok().says(&[&digest]).stdout;
    let other = Workshop::bare();
    other.rbuild_with(&["copy", "docker-archive:-", "store:seven"], &stream, &[]).ok();
    assert_eq!(inspect(&other, "seven")["digest"], digest.as_str());
    // A layout keeps its other images, and one whose name is taken loses it.
    shop.rbuild(&["copy", "app:1", &format!("oci:{}:other", at("one"))]).ok();
    shop.rbuild(&["copy", "app:1", &format!("oci:{}:1", at("one"))]).ok();
    let index = std::fs::read_to_string(shop.at("one/index.json")).unwrap();
    assert_eq!(index.matches("ref.name").count(), 2, "{index}");
    shop.write("Dockerfile", "FROM app:1\nENV B=2\n");
    shop.rbuild(&["-t", "child", &shop.context().display().to_string()]).ok();
    shop.rbuild(&["copy", "child", &format!("oci:{}:child", at("one"))]).ok();
    shop.rbuild(&["copy", &format!("oci:{}", at("one")), "x"]).fails(&["has no image", "say which", "other"]);
    shop.rbuild(&["copy", &format!("oci:{}:2", at("one")), "x"]).fails(&["called 2", "it has:"]);
}

#[test]
fn umoci_reads_and_writes_the_other_end() {
    if !tools(&["umoci"]) {
        return;
    }
    let shop = shop();
    let layout = shop.arg("layout");
    shop.rbuild(&["copy", "app:1", &format!("oci:{layout}:1")]).ok();
    let umoci = |args: &[&str]| {
        let mut command = Command::new("umoci");
        command.args(args);
        finish(command, b"").ok()
    };
    let bundle = shop.arg("bundle");
    umoci(&["unpack", "--rootless", "--image", &format!("{layout}:1"), &bundle]);
    assert_eq!(std::fs::read_to_string(shop.at("bundle/rootfs/dir/b")).unwrap(), "the second layer");
    std::fs::write(shop.at("bundle/rootfs/new"), "by umoci").unwrap();
    umoci(&["repack", "--image", &format!("{layout}:2"), &bundle]);
    umoci(&["config", "--image", &format!("{layout}:2"), "--config.env", "U=1"]);
    let digest = shop.rbuild(&["copy", &format!("oci:{layout}:2"), "store:of-umoci"]).ok().out();
    let there = inspect(&shop, "of-umoci");
    assert_eq!(there["digest"], digest.trim());
    assert_eq!(there["layers"].as_array().unwrap().len(), 3);
    shop.write("Dockerfile", "FROM scratch\nCOPY --from=of-umoci /new /\n");
    let (out, context) = (shop.arg("out"), shop.context().display().to_string());
    shop.rbuild(&["-o", &out, &context]).ok();
    assert_eq!(std::fs::read_to_string(shop.at("out/new")).unwrap(), "by umoci");
    // And back again, beside what umoci has there.
    shop.rbuild(&["copy", "of-umoci", &format!("oci:{layout}:3")]).ok();
    let stat = umoci(&["list", "--layout", &layout]).out();
    assert_eq!(stat.lines().collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn an_index_is_copied_whole_or_one_platform_of_it() {
    let shop = shop();
    let digest = two_platforms(&shop);
    let both = format!("oci:{}:1", shop.arg("both"));
    let whole = shop.arg("whole.tar");
    let said = shop.rbuild(&["copy", "--all", &both, &format!("oci-archive:{whole}:1")]).ok();
    assert_eq!(said.out().trim(), digest);
    shop.rbuild(&["copy", "--platform", "linux/arm64", &both, "store:arm"])
        .ok()
        .says(&["one of 2 platforms"]);
    assert_eq!(inspect(&shop, "arm")["config"]["architecture"], "arm64");
    shop.rbuild(&["copy", "--platform", "linux/s390x", &both, "store:none"])
        .fails(&["linux/s390x", "linux/arm64"]);
    // All of it into a store, and out again.
    let other = Workshop::bare();
    other.rbuild(&["copy", "--all", &format!("oci-archive:{whole}:1"), "store:both"]).ok();
    let saved = other.arg("saved.tar");
    other.rbuild(&["save", "both", "-o", &saved]).ok();
    let third = Workshop::bare();
    assert_eq!(third.rbuild(&["load", "-i", &saved]).ok().out(), "Loaded image: both:latest\n");
    let said = third.rbuild(&["copy", "--all", "both", &format!("oci:{}:1", third.arg("layout"))]).ok();
    assert_eq!(said.out().trim(), digest);
    // An index that names what is not there: docker's own store writes such.
    let index: Value =
        serde_json::from_slice(&std::fs::read(shop.at("both/blobs/sha256").join(&digest[7..])).unwrap())
            .unwrap();
    let arm = index["manifests"][1]["digest"].as_str().unwrap();
    std::fs::remove_file(shop.at("both/blobs").join(arm.replace(':', "/"))).unwrap();
    shop.rbuild(&["copy", "--all", &both, "store:never"]).fails(&[arm]);
    let sparse = Workshop::bare();
    sparse.rbuild(&["load", "-i", &shop.arg("both")]).ok().says(&["has no name"]);
    let id = inspect(&shop, "amd64:1")["id"].as_str().unwrap().to_string();
    if cfg!(target_arch = "x86_64") {
        assert_eq!(
            sparse.rbuild(&["load", "-i", &shop.arg("both")]).ok().out(),
            format!("Loaded image ID: {id}\n")
        );
    }
}

#[test]
fn registries_are_copied_to_from_and_between_by_mounting() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let shop = shop();
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start(dir.path(), "", "");
    let host = format!("127.0.0.1:{}", registry.port);
    let digest = two_platforms(&shop);
    let both = format!("oci:{}:1", shop.arg("both"));
    let name = format!("{host}/team/both:1");
    let said = shop.rbuild(&["copy", "--all", &both, &format!("docker://{name}")]).ok();
    assert_eq!(said.out().trim(), digest);
    let tls = "--tls-verify=false";
    assert_eq!(digest_of(&[tls, &format!("docker://{name}")]), digest);
    let copied = shop.arg("by-skopeo");
    skopeo(&[
        "copy",
        "--all",
        "--src-tls-verify=false",
        &format!("docker://{name}"),
        &format!("oci:{copied}:1"),
    ]);

    // Between repositories: nothing is sent.
    let second = format!("{host}/else/both:2");
    let said = Workshop::bare().rbuild(&["copy", "--all", &format!("docker://{name}"), &second]).ok();
    assert_eq!(said.out().trim(), digest);
    assert!(said.stderr.matches("mounted from another repository").count() >= 4, "{}", said.stderr);
    assert_eq!(digest_of(&[tls, &format!("docker://{second}")]), digest);

    // Out of the registry into every form.
    let other = Workshop::bare();
    let (archive, layout) = (other.arg("a.tar"), other.arg("layout"));
    let from = format!("docker://{name}");
    for to in [format!("oci-archive:{archive}:1"), format!("oci:{layout}:1"), "store:both".to_string()] {
        assert_eq!(other.rbuild(&["copy", "-a", &from, &to]).ok().out().trim(), digest, "{to}");
    }
    assert_eq!(digest_of(&[&format!("oci-archive:{archive}:1")]), digest);
    other.rbuild(&["copy", "--platform", "linux/arm64", &from, "store:arm"]).ok();
    assert_eq!(inspect(&other, "arm")["config"]["architecture"], "arm64");

    // What is not in the store is in the registry that the name says; what is in the store is taken from there.
    other.rbuild(&["copy", &name, "here:1"]).ok();
    other.rbuild(&["copy", "here:1", &format!("oci:{}:2", other.arg("layout"))]).ok();
    // An image that was built is compressed for a registry, as by a push.
    let pushed = format!("{host}/team/app:1");
    shop.rbuild(&["copy", "app:1", &pushed]).ok();
    let raw = skopeo(&["inspect", "--raw", tls, &format!("docker://{pushed}")]).stdout;
    let manifest: Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
    // A digest that the image does not have is never its name.
    let wrong = format!("docker://{host}/team/wrong@{}", Digest::of(b"other"));
    shop.rbuild(&["copy", "--all", &both, &wrong]).fails(&["has the digest"]);
    // What skopeo pushes in Docker's own form stays as it is.
    let docker = format!("docker://{host}/team/docker:1");
    skopeo(&["copy", "--format", "v2s2", "--dest-tls-verify=false", &format!("oci:{layout}:2"), &docker]);
    let digest = digest_of(&[tls, &docker]);
    let archive = other.arg("docker.tar");
    let said = other.rbuild(&["copy", &docker, &format!("docker-archive:{archive}:docker:1")]).ok();
    assert_eq!(said.out().trim(), digest);
    let loaded = Workshop::bare();
    loaded.rbuild(&["load", "-i", &archive]).ok();
    assert_eq!(inspect(&loaded, "docker:1")["digest"], digest.as_str());
    skopeo(&[
        "copy",
        &format!("docker-archive:{archive}:docker:1"),
        &format!("oci:{}:9", other.arg("layout")),
    ]);
}

#[test]
fn places_that_are_none_are_refused_with_what_to_do() {
    let shop = shop();
    for (from, to, part) in [
        ("app:1", "docker-daemon:app:1", "docker load"),
        ("containers-storage:app", "x", "podman save"),
        ("app:1", "dir:x", "oci:DIR"),
        ("app:1", "ftp://x/y", "no transport"),
        ("store:nothing", "x", "no image"),
    ] {
        shop.rbuild(&["copy", from, to]).fails(&[part]);
    }
    shop.write_at("full/file", "mine");
    shop.rbuild(&["copy", "app:1", &format!("oci:{}", shop.arg("full"))]).fails(&["other things in it"]);
    shop.rbuild(&["copy", "app:1", &format!("oci:{}", shop.arg("full/file"))]).fails(&["not a directory"]);
    assert_eq!(std::fs::read_dir(shop.at("full")).unwrap().count(), 1);
}
