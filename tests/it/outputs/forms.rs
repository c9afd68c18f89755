//! Media types, compressions, names: several outputs of one build, each with its own.

use std::process::Command;

use super::{blob, build, json, shop};
use crate::e2e::{Workshop, finish, tools};
use crate::registry_server::{Registry, have};

#[test]
fn outputs_of_one_build_have_names_and_forms_of_their_own() {
    let shop = shop();
    let at = |name: &str| shop.arg(name);
    let outputs = [
        format!("type=oci,tar=false,dest={},compression=zstd,compression-level=9", at("zstd")),
        format!(
            "type=oci,tar=false,dest={},compression=uncompressed,\"name=own:1,h.example/x:2\"",
            at("plain")
        ),
        format!("type=oci,tar=false,dest={},oci-mediatypes=false", at("docker")),
        format!("type=docker,dest={},name=renamed:3", at("docker.tar")),
        "type=cacheonly".to_string(),
    ];
    let flags: Vec<&str> = outputs.iter().flat_map(|output| ["-o", output.as_str()]).collect();
    build(&shop, &[&["-t", "app:1"], &flags[..]].concat()).ok();
    let read = |name: &str| {
        let layout = shop.at(name);
        let index = json(&layout.join("index.json"));
        let manifest = blob(&layout, &index["manifests"][0]);
        (index, manifest)
    };
    let (_, zstd) = read("zstd");
    assert_eq!(zstd["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");
    let (index, plain) = read("plain");
    assert_eq!(plain["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar");
    let names: Vec<&str> = index["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["annotations"]["io.containerd.image.name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["docker.io/library/own:1", "h.example/x:2"]);
    let (index, docker) = read("docker");
    let manifest = "application/vnd.docker.distribution.manifest.v2+json";
    assert_eq!(
        (&index["manifests"][0]["mediaType"], &docker["mediaType"]),
        (&manifest.into(), &manifest.into())
    );
    assert_eq!(docker["layers"][0]["mediaType"], "application/vnd.docker.image.rootfs.diff.tar.gzip");
    assert_eq!(docker["config"]["digest"], zstd["config"]["digest"], "the image id is the same in all forms");
    let other = Workshop::bare();
    assert_eq!(other.rbuild(&["load", "-i", &at("docker.tar")]).ok().out(), "Loaded image: renamed:3\n");
    other.rbuild(&["copy", &format!("oci:{}", at("docker")), "store:of-docker"]).ok();
    // Names of archives are not names in the store; those of the image are.
    let names = shop.rbuild(&["images"]).ok().out();
    assert!(names.contains("app:1") && !names.contains("own") && !names.contains("renamed"), "{names}");
    if tools(&["skopeo"]) {
        let mut skopeo = Command::new("skopeo");
        skopeo
            .args(["--insecure-policy", "copy"])
            .arg(format!("docker-archive:{}:renamed:3", at("docker.tar")));
        skopeo.arg(format!("oci:{}", at("by-skopeo")));
        finish(skopeo, b"").ok();
    }
}

#[test]
fn a_base_keeps_its_layers_unless_force_compression_asks_for_all() {
    let shop = shop();
    let (first, base) = (shop.arg("first"), shop.arg("base.tar"));
    build(&shop, &["-t", "x", "-o", &format!("type=oci,dest={base}")]).ok();
    shop.rbuild(&["load", "-i", &base]).ok();
    shop.rbuild(&["tag", "x", "base:1"]).ok();
    shop.write("Dockerfile", "FROM base:1\nCOPY a /b\n");
    let types = |more: &str| {
        let _ = std::fs::remove_dir_all(shop.at("first"));
        build(&shop, &["-o", &format!("type=oci,tar=false,dest={first},{more}")]).ok();
        let layout = shop.at("first");
        let manifest = blob(&layout, &json(&layout.join("index.json"))["manifests"][0]);
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers
            .map(|layer| layer["mediaType"].as_str().unwrap().rsplit('.').next().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    let _ = types("compression=gzip");
    let kept = types("compression=zstd");
    let forced = types("compression=zstd,force-compression=true");
    assert_eq!(kept[1], "tar+zstd");
    assert_eq!(forced, ["tar+zstd", "tar+zstd"]);
    assert_eq!(types("compression=uncompressed,force-compression=true"), ["tar", "tar"]);
}

#[test]
fn a_pushed_image_can_be_kept_out_of_the_names_or_named_by_its_digest() {
    if !have(&["docker-registry"]) {
        return;
    }
    let shop = shop();
    let dir = tempfile::tempdir().unwrap();
    let registry = Registry::start(dir.path(), "", "");
    let host = format!("127.0.0.1:{}", registry.port);
    build(&shop, &["-o", &format!("type=image,push=true,store=false,name={host}/a/b:1")]).ok();
    assert!(!shop.rbuild(&["images"]).ok().out().contains("a/b"));
    let metadata = shop.arg("metadata.json");
    let output = "type=image,dangling-name-prefix=dangling,name-canonical=true,unpack=true";
    build(&shop, &["-o", output, "--metadata-file", &metadata])
        .ok()
        .says(&["naming to docker.io/library/dangling@sha256:"]);
    let digest = json(&shop.at("metadata.json"))["containerimage.digest"].as_str().unwrap().to_string();
    let name = format!("dangling@{digest}");
    assert!(shop.rbuild(&["images"]).ok().out().contains(&name[..30]));
    shop.rbuild(&["inspect", &name]).ok();
    // Docker's own media types reach a registry.
    let docker = format!("{host}/a/docker:1");
    build(&shop, &["-o", &format!("type=registry,oci-mediatypes=false,annotation.k=v,name={docker}")])
        .fails(&["oci-mediatypes=false"]);
    build(
        &shop,
        &["-o", &format!("type=registry,oci-mediatypes=false,name={docker}"), "--metadata-file", &metadata],
    )
    .ok();
    let told = json(&shop.at("metadata.json"));
    assert_eq!(
        told["containerimage.descriptor"]["mediaType"],
        "application/vnd.docker.distribution.manifest.v2+json"
    );
    assert!(told["containerimage.config.digest"].is_string());
    Workshop::bare().rbuild(&["pull", &docker]).ok();
}

#[test]
fn an_id_file_has_the_config_of_one_image_and_the_index_of_several() {
    let shop = shop();
    let (id, metadata) = (shop.arg("id"), shop.arg("metadata.json"));
    let flags = ["--iidfile", &id, "--metadata-file", &metadata];
    build(&shop, &flags).ok();
    let read = || std::fs::read_to_string(shop.at("id")).unwrap();
    assert_eq!(json(&shop.at("metadata.json"))["containerimage.config.digest"], read());
    build(&shop, &[&flags[..], &["--platform", "linux/amd64,linux/arm64"]].concat()).ok();
    let told = json(&shop.at("metadata.json"));
    assert_eq!(told["containerimage.digest"], read());
    assert_eq!(told.get("containerimage.config.digest"), None);
    assert_eq!(told["containerimage.descriptor"]["mediaType"], "application/vnd.oci.image.index.v1+json");
    build(&shop, &["--layer-epoch", "preserve", "-o", "type=image,rewrite-timestamp=true"])
        .fails(&["contradicts --layer-epoch"]);
    shop.write("Dockerfile", "FROM nothing-of-the-kind.invalid/x\n");
    build(&shop, &flags).fails(&[]);
    assert!(!shop.at("id").exists() && !shop.at("metadata.json").exists(), "a failure leaves none");
}
