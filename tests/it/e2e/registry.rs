//! Base images from a registry: Debian's docker-registry on loopback, filled by skopeo.

use std::process::Command;

use super::workshop::{Workshop, finish, tools};
use crate::registry_server::Registry;

/// Builds an image and puts it into the registry.
fn push(registry: &Registry, shop: &Workshop, dockerfile: &str, name: &str) -> String {
    let image = shop.image(dockerfile, &[]);
    let source = format!("oci:{}", shop.arg("image-out"));
    let mut command = Command::new("skopeo");
    let name = format!("docker://{}", registry.name(name));
    command.args(["--insecure-policy", "copy", "--all", "--dest-tls-verify=false", &source, &name]);
    finish(command, b"").ok();
    image.digest
}

fn start() -> Option<(Workshop, Registry)> {
    if !tools(&["skopeo", "docker-registry"]) {
        return None;
    }
    let shop = Workshop::new()?;
    let registry = Registry::start(&shop.at(""), "", "");
    Some((shop, registry))
}

#[test]
fn a_base_is_pulled_by_tag_or_digest_and_kept() {
    let Some((maker, registry)) = start() else { return };
    let digest = push(&registry, &maker, "FROM busybox\nENV N=1\nRUN echo made > /made\n", "team/base:1");
    let shop = Workshop::bare();
    let by_tag = registry.name("team/base:1");
    let dockerfile = format!("FROM {by_tag}\nRUN cat /made > /copy\n");
    let (image, said) = shop.image_and_said(&dockerfile, &[]);
    assert_eq!(image.text("copy"), "made\n");
    assert!(image.env().contains(&"N=1".to_string()));
    // An ordinary user's build begins again inside a namespace, where the store has the tag already.
    assert!(
        said.stderr.contains("resolved to sha256:") || said.stderr.contains("from the store"),
        "{}",
        said.stderr
    );
    let by_digest = registry.name(&format!("team/base@{digest}"));
    let other = Workshop::bare();
    let image = other.image(&format!("FROM {by_digest}\nCOPY --from={by_tag} /made /again\n"), &[]);
    assert_eq!(image.text("again"), "made\n");

    // Without the registry: what the store has is used, and its age is said.
    drop(registry);
    shop.again(&[]).ok().says(&["from the store", "less than a minute old", "CACHED"]);
    other.again(&[]).ok();
    shop.again(&["--pull"]).fails(&["127.0.0.1", ">>> FROM", "Dockerfile:1"]);
}

#[test]
fn a_tag_is_asked_again_with_pull_alone() {
    let Some((maker, registry)) = start() else { return };
    push(&registry, &maker, "FROM busybox\nENV N=1\n", "base:latest");
    let shop = Workshop::bare();
    let dockerfile = format!("FROM {}\nRUN echo $N > /n\n", registry.name("base"));
    assert_eq!(shop.image(&dockerfile, &[]).text("n"), "1\n");
    push(&registry, &maker, "FROM busybox\nENV N=2\n", "base:latest");
    assert_eq!(shop.image(&dockerfile, &[]).text("n"), "1\n");
    assert_eq!(shop.image(&dockerfile, &["--pull"]).text("n"), "2\n");
    assert_eq!(shop.image(&dockerfile, &[]).text("n"), "2\n");
    let images = shop.rbuild(&["images"]).ok().out();
    assert!(images.contains("pulled"), "{images}");
}

#[test]
fn an_image_that_is_not_there_is_one_clear_error() {
    let Some((_maker, registry)) = start() else { return };
    let shop = Workshop::bare();
    let missing = registry.name("no/such:tag");
    shop.build(&format!("# comment\nFROM {missing}\n"), &[]).fails(&[
        &missing,
        "not found",
        ">>> FROM",
        "Dockerfile:2",
        "hint",
    ]);
    shop.build("FROM 127.0.0.1:1/nobody/listens:1\n", &[]).fails(&["127.0.0.1:1", "Dockerfile:1"]);
}

#[test]
fn an_index_is_resolved_by_platform() {
    let Some((maker, registry)) = start() else { return };
    // Two images of two platforms under one index, made by hand.
    let mut manifests = Vec::new();
    for arch in ["amd64", "arm64"] {
        let platform = format!("linux/{arch}");
        maker
            .build(
                &format!("FROM scratch\nENV ARCH={arch}\nCOPY <<EOF /arch\n{arch}\nEOF\n"),
                &["--platform", &platform, "-o", &format!("type=oci,tar=false,dest={}", maker.arg(arch))],
            )
            .ok();
        let index: serde_json::Value =
            serde_json::from_slice(&std::fs::read(maker.at(arch).join("index.json")).expect("there"))
                .expect("JSON");
        let mut manifest = index["manifests"][0].clone();
        manifest.as_object_mut().expect("an object").remove("annotations");
        manifest["platform"] = serde_json::json!({"os": "linux", "architecture": arch});
        manifests.push(manifest);
    }
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": manifests}).to_string();
    let digest = rbuild::oci::Digest::of(index.as_bytes());
    let blobs = maker.at("amd64/blobs/sha256");
    for entry in std::fs::read_dir(maker.at("arm64/blobs/sha256")).expect("there") {
        let entry = entry.expect("there");
        std::fs::copy(entry.path(), blobs.join(entry.file_name())).expect("copied");
    }
    std::fs::write(blobs.join(digest.hex()), &index).expect("written");
    let top = serde_json::json!({"schemaVersion": 2, "manifests": [{"mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest.to_string(), "size": index.len(), "annotations": {"org.opencontainers.image.ref.name": "x"}}]});
    std::fs::write(maker.at("amd64/index.json"), top.to_string()).expect("written");
    let mut command = Command::new("skopeo");
    command.args([
        "--insecure-policy",
        "copy",
        "--all",
        "--dest-tls-verify=false",
        &format!("oci:{}:x", maker.arg("amd64")),
        &format!("docker://{}", registry.name("multi:1")),
    ]);
    finish(command, b"").ok();

    let shop = Workshop::bare();
    let name = registry.name("multi:1");
    for arch in ["arm64", "amd64"] {
        let image = shop.image(&format!("FROM --platform=linux/{arch} {name}\nCOPY <<EOF /x\nx\nEOF\n"), &[]);
        assert_eq!(image.text("arch"), format!("{arch}\n"));
        let image = shop.image(&format!("FROM {name}\n"), &["--platform", &format!("linux/{arch}")]);
        assert_eq!(image.config["architecture"], arch);
    }
    shop.build(&format!("FROM {name}\n"), &["--platform", "linux/riscv64"])
        .fails(&["riscv64", "Dockerfile:1"]);
}
