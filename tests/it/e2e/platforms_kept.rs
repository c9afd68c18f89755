//! Indexes in the store and in registries: named, listed, shown, run, pushed, pulled, built upon.

use std::process::Command;

use serde_json::Value;

use super::platforms::{ARCH, json, platforms, shop};
use super::workshop::{Said, Workshop, finish, tools};
use crate::registry_server::{Registry, have};

const BOTH: [&str; 2] = ["--platform", "linux/arm64,linux/amd64"];

fn start() -> Option<(Workshop, Registry)> {
    if !have(&["docker-registry", "skopeo"]) {
        return None;
    }
    let shop = shop();
    let registry = Registry::start(&shop.at(""), "", "");
    Some((shop, registry))
}

/// The bytes that a registry has under a name, and all that they list, fetched and checked.
fn in_registry(shop: &Workshop, name: &str) -> (Value, String) {
    let copy = shop.arg("read-back");
    let _ = std::fs::remove_dir_all(&copy);
    let mut all = Command::new("skopeo");
    all.args(["--insecure-policy", "copy", "--all", "--src-tls-verify=false"]);
    all.args([&format!("docker://{name}"), &format!("dir:{copy}")]);
    finish(all, b"").ok();
    let bytes = std::fs::read(shop.at("read-back/manifest.json")).expect("there");
    (json(&bytes), rbuild::oci::Digest::of(&bytes).to_string())
}

fn inspected(shop: &Workshop, args: &[&str]) -> Value {
    json(shop.rbuild(&[&["inspect", "--json"], args].concat()).ok().stdout)
}

/// Builds without any name but those in `args`: nothing may go to any registry but ours.
fn build(shop: &Workshop, dockerfile: &str, args: &[&str]) -> Said {
    shop.write("Dockerfile", dockerfile);
    let context = shop.context().display().to_string();
    shop.rbuild(&[args, &[&context]].concat())
}

#[test]
fn an_index_is_listed_shown_and_tagged_as_one_and_each_image_by_itself() {
    let shop = shop();
    let digest = shop.build(ARCH, &[&BOTH[..], &["-q"]].concat()).ok().out().trim().to_string();
    let images = shop.rbuild(&["images"]).ok().out();
    assert_eq!(images.lines().count(), 2, "{images}");
    assert!(images.contains("linux/arm64,linux/amd64") && images.contains(&digest[7..19]), "{images}");
    let arch = |args: &[&str]| inspected(&shop, args)["config"]["architecture"].clone();
    let host = rbuild::oci::Platform::host().architecture;
    assert_eq!(arch(&["it"]), if host == "amd64" { "amd64" } else { "arm64" });
    assert_eq!(arch(&["--platform", "linux/arm64", "it"]), "arm64");
    let shown = inspected(&shop, &[&digest[7..19]]);
    assert_eq!(shown["index"]["digest"], digest.as_str());
    assert_eq!(shown["index"]["here"], serde_json::json!(["linux/arm64", "linux/amd64"]));
    shop.rbuild(&["inspect", "--platform", "linux/s390x", "it"])
        .fails(&["linux/s390x", "linux/amd64, linux/arm64"]);
    let said = shop.rbuild(&["inspect", "it"]).ok().out();
    assert!(said.contains(&digest) && said.contains("linux/arm64, linux/amd64"), "{said}");

    // A name of an index holds all that it lists.
    shop.rbuild(&["prune", "--all"]).ok();
    for platform in ["linux/arm64", "linux/amd64"] {
        let layers = inspected(&shop, &["--platform", platform, "it"])["layers"].clone();
        let mut layers = layers.as_array().expect("a list").iter();
        assert!(layers.all(|layer| layer["entries"].is_number()), "{platform}");
    }

    // One of its images under a name of its own, found by its id; the index under another.
    let id = inspected(&shop, &["--platform", "linux/arm64", "it"])["id"].as_str().expect("text").to_string();
    shop.rbuild(&["tag", &id, "arm"]).ok();
    shop.rbuild(&["tag", "it", "other"]).ok();
    assert_eq!(inspected(&shop, &["arm"]).get("index"), None);
    assert_eq!(inspected(&shop, &["arm"])["id"], id.as_str());
    assert_eq!(inspected(&shop, &["other"])["index"]["digest"], digest.as_str());
    shop.rbuild(&["inspect", "--platform", "linux/amd64", "arm"]).fails(&["linux/arm64", "linux/amd64"]);

    // Nothing that a name holds is collected, and all of the rest is.
    shop.rbuild(&["rmi", "it", "other"]).ok();
    shop.rbuild(&["prune", "--all"]).ok();
    assert!(inspected(&shop, &["arm"])["layers"][1]["entries"].is_number());
    shop.rbuild(&["inspect", &digest]).fails(&["no image"]);
}

#[test]
fn a_build_stands_on_the_image_of_a_kept_index_that_is_for_its_platform() {
    let shop = shop();
    shop.build(ARCH, &[&BOTH[..], &["-t", "base"]].concat()).ok();
    let on = "FROM base\nCOPY same /again\n";
    let out = shop.arg("out");
    shop.build(on, &[&BOTH[..], &["-o", &out]].concat()).ok();
    let context = "FROM other\nCOPY --from=other /platform /copied\n";
    let named = ["--build-context", "other=docker-image://base", "-o", &out];
    shop.build(context, &[&BOTH[..], &named].concat()).ok();
    for arch in ["arm64", "amd64"] {
        for name in ["platform", "copied"] {
            let read = std::fs::read_to_string(shop.at(&format!("out/linux_{arch}/{name}"))).expect("there");
            assert_eq!(read, format!("linux/{arch}\n"));
        }
        assert!(shop.at(&format!("out/linux_{arch}/again")).is_file());
    }
    shop.build(on, &["--platform", "linux/amd64,linux/s390x"]).fails(&[
        "linux/s390x",
        "it has: linux/amd64, linux/arm64",
        "Dockerfile:1",
    ]);
}

#[test]
fn an_index_is_pushed_with_all_its_images_and_pulled_one_by_one() {
    let Some((maker, registry)) = start() else { return };
    let name = registry.name("team/multi:1");
    let meta = maker.arg("meta");
    build(&maker, ARCH, &[&BOTH[..], &["-t", &name, "--push", "--metadata-file", &meta]].concat()).ok();
    let (index, digest) = in_registry(&maker, &name);
    assert_eq!(platforms(&index), ["linux/arm64", "linux/amd64"]);
    assert_eq!(json(std::fs::read(&meta).expect("there"))["containerimage.digest"], digest.as_str());
    // From the store the same index goes, and of it one image.
    let again = registry.name("team/again:1");
    let said = maker.rbuild(&["push", &name, &again]).ok().out();
    assert_eq!(in_registry(&maker, &again), (index.clone(), digest.clone()), "{said}");
    let copied = registry.name("team/copied:1");
    maker.rbuild(&["copy", "--all", &format!("store:{name}"), &copied]).ok();
    assert_eq!(in_registry(&maker, &copied), (index.clone(), digest.clone()));
    let one = registry.name("team/one:1");
    maker.rbuild(&["push", "--platform", "linux/arm64", &name, &one]).ok();
    assert_eq!(in_registry(&maker, &one).0["manifests"], Value::Null);

    // Somebody else builds on it for both, and lacks one platform of another.
    let shop = shop();
    let out = shop.arg("out");
    build(&shop, &format!("FROM {name}\nCOPY same /again\n"), &[&BOTH[..], &["-o", &out]].concat())
        .ok()
        .says(&["[linux/arm64 internal] load metadata", "[linux/amd64 internal] load metadata"]);
    assert!(shop.at("out/linux_arm64/again").is_file() && shop.at("out/linux_amd64/platform").is_file());
    build(&shop, &format!("FROM {name}\n"), &["--platform", "linux/arm64,linux/riscv64"])
        .fails(&["linux/riscv64", "it has: linux/amd64, linux/arm64"]);

    // One image of it here: that one goes. Both: the index goes as it came, byte for byte.
    let puller = Workshop::bare();
    puller.rbuild(&["pull", "--platform", "linux/arm64", &name]).ok();
    assert_eq!(inspected(&puller, &[&name])["index"]["missing"], serde_json::json!(["linux/amd64"]));
    let alone = registry.name("team/alone:1");
    puller.rbuild(&["push", &name, &alone]).ok().says(&["only linux/arm64", "linux/amd64"]);
    assert_eq!(
        in_registry(&puller, &alone).0["config"]["mediaType"],
        "application/vnd.oci.image.config.v1+json"
    );
    puller
        .rbuild(&["run", "--platform", "linux/amd64", &name])
        .fails(&["rbuild pull --platform linux/amd64"]);
    puller.rbuild(&["pull", "--platform", "linux/arm64,linux/amd64", &name]).ok();
    assert_eq!(inspected(&puller, &[&name])["index"]["missing"], serde_json::json!([]));
    let whole = registry.name("team/whole:1");
    puller.rbuild(&["push", &name, &whole]).ok();
    assert_eq!(in_registry(&puller, &whole), (index, digest));
}

#[test]
fn run_takes_the_image_of_this_machine_or_the_one_that_is_asked_for() {
    let Some(shop) = Workshop::new() else { return };
    if !tools(&["busybox"]) {
        return;
    }
    let host = rbuild::oci::Platform::host().to_string();
    let dockerfile = "FROM --platform=$BUILDPLATFORM busybox\nARG TARGETPLATFORM\nENV P=$TARGETPLATFORM\nCMD [\"/bin/sh\", \"-c\", \"echo for $P\"]\n";
    shop.build(dockerfile, &["--platform", &format!("linux/s390x,{host}")]).ok();
    assert_eq!(shop.rbuild(&["run", "it"]).ok().out(), format!("for {host}\n"));
    shop.rbuild(&["run", "--platform", "linux/arm/v7", "it"]).fails(&["linux/arm/v7", "linux/s390x"]);
}
