//! What a build writes, and what other people's tools make of it.

use std::process::Command;

use super::image::{Image, flat, unpacked};
use super::workshop::{Said, Workshop, finish, has, tools};
use crate::snapshot_fixture::skip;

const DOCKERFILE: &str = "FROM busybox\nENV GREETING=hello\nWORKDIR /srv\nCOPY --chown=1000:1000 a.txt .\nRUN echo run > /srv/run && chmod 4711 /srv/run\nCOPY <<EOF /etc/motd\nhi\nEOF\nUSER app\nENTRYPOINT [\"/bin/sh\", \"-c\", \"echo $GREETING $(id -u) $(cat /srv/a.txt)\"]\n";

fn shop() -> Option<Workshop> {
    let shop = Workshop::new()?;
    shop.write("a.txt", "from the context");
    Some(shop)
}

fn tool(name: &str, args: &[&str]) -> Said {
    let mut command = Command::new(name);
    command.args(args);
    finish(command, b"").ok()
}

#[test]
fn every_output_of_one_build_holds_the_same_files() {
    let Some(shop) = shop() else { return };
    let out = |name: &str| shop.arg(name);
    let said = shop
        .build(
            DOCKERFILE,
            &[
                "-o",
                &format!("type=oci,dest={}", out("oci.tar")),
                "-o",
                &format!("type=oci,tar=false,dest={}", out("oci")),
                "-o",
                &format!("type=docker,dest={}", out("docker.tar")),
                "-o",
                &format!("type=local,dest={}", out("local")),
                "-o",
                &format!("type=tar,dest={}", out("root.tar")),
                "--iidfile",
                &out("iid"),
                "--metadata-file",
                &out("metadata.json"),
            ],
        )
        .ok();
    assert!(said.stdout.is_empty());
    let image = Image::read(&shop.at("oci"));
    assert_eq!(image.who("srv/run"), "4711 0:0");
    let rootfs = flat(&std::fs::read(shop.at("root.tar")).expect("there"));
    let paths: Vec<&String> = rootfs.keys().filter(|path| !path.is_empty()).collect();
    assert_eq!(paths, image.files.keys().collect::<Vec<_>>());
    for (path, node) in &image.files {
        assert_eq!((node.mode, node.uid, node.gid, &node.digest, &node.link), {
            let other = &rootfs[path];
            (other.mode, other.uid, other.gid, &other.digest, &other.link)
        });
    }
    assert_eq!(std::fs::read_to_string(shop.at("local/srv/a.txt")).expect("there"), "from the context");
    assert_eq!(std::fs::read_to_string(shop.at("local/etc/motd")).expect("there"), "hi\n");
    let id = std::fs::read_to_string(shop.at("iid")).expect("there");
    assert_eq!(image.manifest["config"]["digest"], id.as_str());
    let metadata: serde_json::Value =
        serde_json::from_slice(&std::fs::read(shop.at("metadata.json")).expect("there")).expect("JSON");
    assert_eq!(metadata["containerimage.config.digest"], id.as_str());
    assert_eq!(metadata["containerimage.digest"], image.digest.as_str());
    assert_eq!(metadata["image.name"], "docker.io/library/it:latest");
    // The archive holds what the directory holds.
    let archive = flat(&std::fs::read(shop.at("oci.tar")).expect("there"));
    let hex = image.digest.strip_prefix("sha256:").expect("sha256");
    assert!(archive.contains_key(&format!("blobs/sha256/{hex}")), "{:?}", archive.keys());
    let docker = flat(&std::fs::read(shop.at("docker.tar")).expect("there"));
    assert!(docker["manifest.json"].text.contains("it:latest"), "{}", docker["manifest.json"].text);
}

#[test]
fn quiet_prints_the_id_alone_and_standard_output_can_be_the_archive() {
    let Some(shop) = shop() else { return };
    let said = shop.build(DOCKERFILE, &["-q"]).ok();
    let id = said.out();
    assert!(id.starts_with("sha256:") && id.len() == 72, "{id:?}");
    assert_eq!(said.stderr, "");
    let said = shop.again(&["-o", "type=oci,dest=-"]).ok();
    let archive = flat(&said.stdout);
    assert!(archive.contains_key(&format!("blobs/sha256/{}", &id.trim()[7..])), "{:?}", archive.keys());
    let said = shop.again(&["-o", "type=docker,dest=-"]).ok();
    assert!(flat(&said.stdout).contains_key("manifest.json"));
    let said = shop.again(&["-q", "-o", "-"]).ok();
    assert_eq!(flat(&said.stdout)["srv/a.txt"].text, "from the context");
}

#[test]
fn layers_are_compressed_as_asked() {
    let Some(shop) = shop() else { return };
    shop.build(DOCKERFILE, &[]).ok();
    let mut sizes = Vec::new();
    for (spec, media, magic) in [
        ("", "tar+gzip", &b"\x1f\x8b"[..]),
        (",compression=gzip,compression-level=9,force-compression=true", "tar+gzip", b"\x1f\x8b"),
        (",compression=gzip,compression-level=1,force-compression=true", "tar+gzip", b"\x1f\x8b"),
        (",compression=zstd,force-compression=true", "tar+zstd", b"\x28\xb5\x2f\xfd"),
        (",compression=zstd,compression-level=15,force-compression=true", "tar+zstd", b"\x28\xb5\x2f\xfd"),
        (",compression=uncompressed,force-compression=true", "tar", b""),
    ] {
        let out = shop.at("compressed");
        let _ = std::fs::remove_dir_all(&out);
        shop.again(&["-o", &format!("type=oci,tar=false,dest={}{spec}", out.display())]).ok();
        let image = Image::read(&out);
        let mut size = 0;
        for layer in image.manifest["layers"].as_array().expect("layers") {
            let kind = layer["mediaType"].as_str().expect("text");
            assert!(kind.ends_with(media), "{spec}: {kind}");
            let digest = layer["digest"].as_str().expect("text");
            let bytes = std::fs::read(out.join("blobs/sha256").join(&digest[7..])).expect("there");
            assert!(bytes.starts_with(magic) && (magic.is_empty() || unpacked(&bytes).len() > bytes.len()));
            size += bytes.len();
        }
        sizes.push(size);
        assert_eq!(image.text("srv/a.txt"), "from the context");
    }
    assert!(sizes[1] < sizes[2] && sizes[4] < sizes[3] && sizes[5] > sizes[2], "{sizes:?}");
}

#[test]
fn the_same_build_in_two_stores_gives_the_same_bytes() {
    let (Some(one), Some(two)) = (shop(), shop()) else { return };
    two.write("a.txt", "older");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    two.write("a.txt", "from the context");
    let (one, two) = (one.image(DOCKERFILE, &[]), two.image(DOCKERFILE, &["--jobs", "1"]));
    assert_eq!(one.digest, two.digest);
}

#[test]
fn skopeo_reads_and_copies_every_archive() {
    if !tools(&["skopeo"]) {
        return;
    }
    let Some(shop) = shop() else { return };
    let (oci, docker, dir) = (shop.arg("oci.tar"), shop.arg("docker.tar"), shop.arg("dir"));
    shop.build(
        DOCKERFILE,
        &[
            "-o",
            &format!("type=oci,dest={oci}"),
            "-o",
            &format!("type=docker,dest={docker}"),
            "-o",
            &format!("type=oci,tar=false,dest={dir},compression=zstd,force-compression=true"),
        ],
    )
    .ok();
    for source in [format!("oci-archive:{oci}"), format!("docker-archive:{docker}"), format!("oci:{dir}")] {
        let said = tool("skopeo", &["--insecure-policy", "inspect", "--config", &source]);
        let config: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
        assert_eq!(config["config"]["User"], "app", "{source}");
        let said = tool("skopeo", &["--insecure-policy", "inspect", &source]);
        let about: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
        assert_eq!(about["Layers"].as_array().map(Vec::len), Some(5), "{source}: {about}");
        let copy = shop.arg("copy");
        let _ = std::fs::remove_dir_all(&copy);
        tool("skopeo", &["--insecure-policy", "copy", &source, &format!("oci:{copy}:x")]);
        assert_eq!(Image::read(&shop.at("copy")).text("srv/a.txt"), "from the context");
    }
}

#[test]
fn umoci_unpacks_the_image_and_runc_or_crun_runs_it() {
    if !tools(&["umoci"]) {
        return;
    }
    let Some(shop) = shop() else { return };
    let out = shop.arg("oci");
    shop.build(DOCKERFILE, &["-o", &format!("type=oci,tar=false,dest={out}")]).ok();
    let (image, bundle) = (format!("{out}:latest"), shop.arg("bundle"));
    let rootless = !rustix::process::geteuid().is_root();
    let mut args = vec!["unpack", "--image", &image, &bundle];
    if rootless {
        args.insert(1, "--rootless");
    }
    tool("umoci", &args);
    assert_eq!(
        std::fs::read_to_string(shop.at("bundle/rootfs/srv/a.txt")).expect("there"),
        "from the context"
    );
    if rootless {
        skip("running the bundle needs root");
        return;
    }
    // The tools' own default asks for a terminal and for control groups, which are not what is tested.
    let file = shop.at("bundle/config.json");
    let mut config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).expect("there")).expect("JSON");
    assert_eq!(config["process"]["user"]["uid"], 1000);
    config["process"]["terminal"] = false.into();
    config["linux"]["resources"] = serde_json::json!({});
    config["linux"]["cgroupsPath"] = serde_json::Value::Null;
    std::fs::write(&file, config.to_string()).expect("written");
    let mut failures = String::new();
    for runtime in ["runc", "crun"].into_iter().filter(|runtime| has(&[runtime])) {
        let mut command = Command::new(runtime);
        let name = format!("rbuild-it-{}", std::process::id());
        command.args(["--root", &shop.arg("runtime"), "run", "--bundle", &bundle, &name]);
        let said = finish(command, b"");
        if said.code == Some(0) {
            assert_eq!(said.out(), "hello 1000 from the context\n");
            return;
        }
        failures.push_str(&said.stderr);
    }
    skip(&format!("neither runc nor crun can run anything here: {failures}"));
}

#[test]
fn an_output_that_cannot_be_written_leaves_nothing_behind() {
    let Some(shop) = shop() else { return };
    shop.write_at("file", "in the way");
    shop.build(DOCKERFILE, &["-o", &format!("type=oci,dest={}", shop.arg("file/x.tar"))])
        .fails(&[&shop.arg("file")]);
    shop.again(&["-o", &format!("type=local,dest={}", shop.arg("file"))]).fails(&["file"]);
    assert_eq!(std::fs::read_to_string(shop.at("file")).expect("there"), "in the way");
    shop.write_at("iid", "stale");
    shop.build(
        "FROM busybox\nRUN exit 4\n",
        &["--iidfile", &shop.arg("iid"), "-o", &format!("type=oci,dest={}", shop.arg("x.tar"))],
    )
    .fails(&["exit code: 4"]);
    assert!(!shop.at("iid").exists(), "a stale id was left");
    assert!(!shop.at("x.tar").exists());
    let left: Vec<_> =
        std::fs::read_dir(shop.at("")).expect("there").map(|e| e.expect("there").file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{left:?}");
}

#[test]
fn source_date_epoch_dates_config_and_history() {
    let Some(shop) = shop() else { return };
    let image = shop.image(DOCKERFILE, &["--source-date-epoch", "1700000000"]);
    assert_eq!(image.config["created"], "2023-11-14T22:13:20Z");
    let plain = shop.image(DOCKERFILE, &[]);
    assert_ne!(plain.config["created"], image.config["created"]);
    assert!(
        image.config["history"]
            .as_array()
            .expect("history")
            .iter()
            .skip(1)
            .all(|e| e["created"] == "2023-11-14T22:13:20Z")
    );
    shop.again(&["--source-date-epoch", "yesterday"]).fails(&["yesterday"]);
}

#[test]
fn context_modes_and_layer_epoch_preserve_what_docker_keeps() {
    let Some(shop) = shop() else { return };
    use std::os::unix::fs::PermissionsExt;
    let file = shop.write("odd", "x");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).expect("set");
    std::fs::File::options()
        .write(true)
        .open(&file)
        .expect("there")
        .set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_234_567_890))
        .expect("set");
    let dockerfile = "FROM scratch\nCOPY odd /odd\n";
    let plain = shop.image(dockerfile, &[]);
    assert_eq!((plain.at("odd").mode, plain.at("odd").mtime), (0o644, 315_532_801));
    let kept = shop.image(dockerfile, &["--context-modes", "preserve", "--layer-epoch", "preserve"]);
    assert_eq!((kept.at("odd").mode, kept.at("odd").mtime), (0o666, 1_234_567_890));
}
