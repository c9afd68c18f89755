//! Several platforms in one build.

use std::process::Command;

use serde_json::Value;

use super::workshop::{Workshop, finish, tools};

/// Says in each image what it is for; runs nothing.
pub const ARCH: &str = "FROM scratch\nARG TARGETPLATFORM TARGETARCH\nENV ARCH=$TARGETARCH\nCOPY <<EOF /platform\n$TARGETPLATFORM\nEOF\nCOPY same /same\n";

pub fn shop() -> Workshop {
    let shop = Workshop::bare();
    shop.write("same", "the same for all");
    shop
}

pub fn json(bytes: impl AsRef<[u8]>) -> Value {
    serde_json::from_slice(bytes.as_ref()).expect("JSON")
}

fn blob(shop: &Workshop, layout: &str, digest: &Value) -> Value {
    let hex = digest.as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest");
    json(std::fs::read(shop.at(layout).join("blobs/sha256").join(hex)).expect("there"))
}

/// The platforms of an index, in its order.
pub fn platforms(index: &Value) -> Vec<String> {
    let of = |manifest: &Value| {
        let platform = &manifest["platform"];
        let parts = ["os", "architecture", "variant"].map(|part| platform[part].as_str());
        parts.into_iter().flatten().collect::<Vec<_>>().join("/")
    };
    index["manifests"].as_array().expect("a list").iter().map(of).collect()
}

#[test]
fn an_index_holds_one_image_for_each_platform_in_the_order_asked_for() {
    let shop = shop();
    let (out, meta, iid) = (shop.arg("out"), shop.arg("meta"), shop.arg("iid"));
    let output = format!("type=oci,tar=false,dest={out}");
    let asked = ["--platform", "linux/arm64,linux/amd64", "--platform", "linux/arm/v7,linux/aarch64"];
    let files = ["-o", &output, "--metadata-file", &meta, "--iidfile", &iid];
    let said = shop.build(ARCH, &[&asked[..], &files[..]].concat()).ok();
    let top = json(std::fs::read(shop.at("out/index.json")).expect("there"));
    assert_eq!(top["manifests"].as_array().expect("a list").len(), 1);
    let digest = top["manifests"][0]["digest"].clone();
    let index = blob(&shop, "out", &digest);
    assert_eq!(platforms(&index), ["linux/arm64", "linux/amd64", "linux/arm/v7"]);
    for (manifest, arch) in
        index["manifests"].as_array().expect("a list").iter().zip(["arm64", "amd64", "arm"])
    {
        let image = blob(&shop, "out", &manifest["digest"]);
        let config = blob(&shop, "out", &image["config"]["digest"]);
        assert_eq!(config["architecture"], arch);
        assert!(config["config"]["Env"].to_string().contains(&format!("ARCH={arch}")), "{config}");
    }
    let digest = digest.as_str().expect("text");
    said.says(&[&format!("\n{digest}  it:latest"), "[linux/arm/v7 2/2] COPY same /same"]);
    assert_eq!(std::fs::read_to_string(shop.at("iid")).expect("there"), digest);
    let metadata = json(std::fs::read(shop.at("meta")).expect("there"));
    assert_eq!(metadata["containerimage.digest"], digest);
    assert_eq!(metadata["containerimage.descriptor"]["mediaType"], "application/vnd.oci.image.index.v1+json");
    assert_eq!(metadata.get("containerimage.config.digest"), None);

    // The archive is the same image; other tools read both.
    shop.again(&[&asked[..], &["-o", &format!("type=oci,dest={}", shop.arg("out.tar"))]].concat()).ok();
    if !tools(&["skopeo"]) {
        return;
    }
    for image in [format!("oci:{out}:latest"), format!("oci-archive:{}:latest", shop.arg("out.tar"))] {
        let mut raw = Command::new("skopeo");
        raw.args(["inspect", "--raw", &image]);
        assert_eq!(json(finish(raw, b"").ok().stdout), index);
        let mut copy = Command::new("skopeo");
        copy.args(["--insecure-policy", "copy", "--all", &image, &format!("dir:{}", shop.arg("copied"))]);
        finish(copy, b"").ok();
        let mut one = Command::new("skopeo");
        one.args(["--override-arch", "arm64", "inspect", "--config", &image]);
        assert_eq!(json(finish(one, b"").ok().stdout)["architecture"], "arm64");
    }
}

#[test]
fn one_platform_makes_no_index_unless_the_build_argument_asks_for_one() {
    let shop = shop();
    let kind = |args: &[&str]| {
        let output = format!("type=oci,tar=false,dest={}", shop.arg("out"));
        shop.build(ARCH, &[args, &["-o", &output]].concat()).ok();
        json(std::fs::read(shop.at("out/index.json")).expect("there"))["manifests"][0]["mediaType"].clone()
    };
    let manifest = "application/vnd.oci.image.manifest.v1+json";
    assert_eq!(kind(&["--platform", "linux/arm64"]), manifest);
    let host = rbuild::oci::Platform::host().to_string();
    assert_eq!(kind(&["--platform", &format!("local,{host}")]), manifest);
    assert_eq!(kind(&["--platform="]), manifest);
    let asked = ["--platform", "arm64", "--build-arg", "BUILDKIT_MULTI_PLATFORM=true"];
    assert_eq!(kind(&asked), "application/vnd.oci.image.index.v1+json");
    shop.build(ARCH, &["--platform", "amd64,arm64", "--build-arg", "BUILDKIT_MULTI_PLATFORM=0"])
        .fails(&["BUILDKIT_MULTI_PLATFORM"]);
}

#[test]
fn files_go_to_a_directory_for_each_platform_or_together_where_they_can() {
    let shop = shop();
    let both = ["--platform", "linux/amd64,linux/arm64"];
    let with = |output: &str| shop.build(ARCH, &[&both[..], &["-o", output]].concat());
    with(&shop.arg("split")).ok();
    for arch in ["amd64", "arm64"] {
        let read = |name: &str| std::fs::read_to_string(shop.at(&format!("split/linux_{arch}/{name}")));
        assert_eq!(read("platform").expect("there"), format!("linux/{arch}\n"));
        assert_eq!(read("same").expect("there"), "the same for all");
    }
    let tar = super::image::flat(&with("-").ok().stdout);
    assert_eq!(tar["linux_arm64/platform"].text, "linux/arm64\n");
    assert_eq!(tar["linux_amd64/same"].text, "the same for all");
    let merged = format!("type=local,dest={},platform-split=false", shop.arg("merged"));
    with(&merged).fails(&["/platform", "linux/amd64", "linux/arm64", "platform-split"]);
    assert!(!shop.at("merged").exists());
    let own = "FROM scratch\nARG TARGETARCH\nCOPY same /bin/tool-$TARGETARCH\n";
    shop.build(own, &[&both[..], &["-o", &merged]].concat()).ok();
    assert!(shop.at("merged/bin/tool-amd64").is_file() && shop.at("merged/bin/tool-arm64").is_file());
    let one = format!("type=local,dest={},platform-split=true", shop.arg("one"));
    shop.build(own, &["--platform", "linux/arm64", "-o", &one]).ok();
    assert!(shop.at("one/linux_arm64/bin/tool-arm64").is_file());
    with("type=docker,dest=d.tar").fails(&["type=docker", "linux/amd64, linux/arm64"]).never_says(&["DONE"]);
}

#[test]
fn a_stage_for_the_build_platform_runs_once() {
    let Some(shop) = Workshop::new() else { return };
    let dockerfile = "FROM --platform=$BUILDPLATFORM busybox AS build\nRUN echo made > /made\n\
                      FROM --platform=$BUILDPLATFORM build AS cross\nARG TARGETARCH\nRUN cp /made /for-$TARGETARCH\n\
                      FROM scratch\nARG TARGETARCH\nCOPY --from=cross /for-$TARGETARCH /made\n";
    let three = ["--platform", "linux/amd64,linux/arm64,linux/riscv64"];
    let out = shop.arg("out");
    let said = shop.build(dockerfile, &[&three[..], &["-o", &out]].concat()).ok();
    assert_eq!(said.stderr.matches("] RUN echo made").count(), 1, "{}", said.stderr);
    assert_eq!(said.stderr.matches("] RUN cp /made").count(), 3, "{}", said.stderr);
    for arch in ["amd64", "arm64", "riscv64"] {
        let made = std::fs::read_to_string(shop.at(&format!("out/linux_{arch}/made"))).expect("there");
        assert_eq!(made, "made\n");
    }
    let again = shop.again(&[&three[..], &["-o", &out]].concat()).ok();
    // The base, the stage for all, and two steps for each platform.
    assert_eq!(again.stderr.matches(" CACHED\n").count(), 8, "{}", again.stderr);
    let foreign = "FROM busybox AS one\nARG TARGETARCH\nCOPY <<EOF /ok\nEOF\nCOPY /missing-$TARGETARCH /\n";
    shop.build(foreign, &three).fails(&["missing-", "linux/"]);
}

#[test]
fn a_failure_of_one_platform_is_the_failure_of_all_and_names_it() {
    let shop = shop();
    let both = ["--platform", "linux/amd64,linux/arm64"];
    let out = shop.arg("out");
    let dockerfile = "ARG TARGETARCH\nFROM scratch AS base-amd64\nCOPY same /\nFROM base-${TARGETARCH}\n";
    let said = shop.build(dockerfile, &[&both[..], &["-o", &out]].concat());
    said.fails(&["base-arm64", "Dockerfile:4"]).never_says(&["exporting"]);
    let dockerfile = "FROM scratch\nARG TARGETARCH\nUSER ${TARGETARCH:?no arch}\nEXPOSE ${TARGETARCH#arm}\n";
    shop.build(dockerfile, &both).fails(&["linux/amd64: ", "amd64", "Dockerfile:4"]);
    shop.write("for-amd64", "");
    let dockerfile = "FROM scratch\nARG TARGETARCH\nCOPY for-$TARGETARCH /\n";
    shop.build(dockerfile, &[&both[..], &["-o", &out]].concat()).fails(&["linux/arm64: ", "for-arm64"]);
    assert!(!shop.at("out").exists());
}

#[test]
fn a_named_context_may_be_another_for_each_platform() {
    let shop = shop();
    for name in ["any", "arm"] {
        shop.write_at(&format!("{name}/what"), name);
    }
    let (any, arm) = (format!("c={}", shop.arg("any")), format!("c::linux/arm64={}", shop.arg("arm")));
    let out = shop.arg("out");
    let args = ["--platform", "linux/amd64,linux/arm64", "--build-context", &any, "--build-context", &arm];
    shop.build("FROM scratch\nCOPY --from=c /what /what\n", &[&args[..], &["-o", &out]].concat()).ok();
    let read =
        |arch: &str| std::fs::read_to_string(shop.at(&format!("out/linux_{arch}/what"))).expect("there");
    assert_eq!((read("amd64").as_str(), read("arm64").as_str()), ("any", "arm"));
}
