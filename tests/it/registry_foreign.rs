//! What umoci makes and skopeo pushes, in every form that they have, read by rbuild out of a registry.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::e2e::Workshop;
use crate::registry_server::{Registry, have, run};

/// An image layout by umoci: a tree, a file replaced by a later layer, and one taken away.
fn layout(dir: &Path) -> PathBuf {
    let layout = dir.join("layout");
    let umoci = |arguments: &[&str]| run(Command::new("umoci").args(arguments).current_dir(dir));
    let write = |path: &str, content: &str| {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write("tree/bin/tool", "a tool\n");
    write("tree/etc/settings", "first\n");
    write("tree/etc/gone", "soon gone\n");
    std::os::unix::fs::symlink("tool", dir.join("tree/bin/link")).unwrap();
    write("settings", "second\n");
    umoci(&["init", "--layout", "layout"]);
    umoci(&["new", "--image", "layout:1"]);
    let rootless: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &["--rootless"] };
    let insert =
        |arguments: &[&str]| umoci(&[&["insert"], rootless, &["--image", "layout:1"], arguments].concat());
    insert(&["tree", "/app"]);
    insert(&["settings", "/app/etc/settings"]);
    insert(&["--whiteout", "/app/etc/gone"]);
    umoci(&["config", "--image", "layout:1", "--config.env", "N=umoci", "--config.workingdir", "/app"]);
    layout
}

#[test]
fn what_umoci_and_skopeo_push_is_read_in_every_form() {
    if !have(&["docker-registry", "skopeo", "umoci"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let layout = layout(dir.path());
    let registry = Registry::start(dir.path(), "", "");
    let forms: [(&str, &[&str], &str); 4] = [
        ("oci-gzip", &["--format", "oci"], "application/vnd.oci.image.layer.v1.tar+gzip"),
        (
            "oci-zstd",
            &["--format", "oci", "--dest-compress", "--dest-compress-format", "zstd"],
            "application/vnd.oci.image.layer.v1.tar+zstd",
        ),
        ("docker-gzip", &["--format", "v2s2"], "application/vnd.docker.image.rootfs.diff.tar.gzip"),
        ("oci-plain", &["--format", "oci"], "application/vnd.oci.image.layer.v1.tar"),
    ];
    let client = rbuild::registry::Client::new(rbuild::registry::Options::default());
    for (tag, arguments, media_type) in forms {
        let name = format!("127.0.0.1:{}/foreign/app:{tag}", registry.port);
        let from = match tag {
            "oci-plain" => plain(dir.path(), &layout),
            // Unpacked first: skopeo compresses what is not compressed.
            "oci-zstd" => plain(&dir.path().join("again"), &layout),
            _ => layout.clone(),
        };
        let kept: &[&str] =
            if tag == "oci-plain" { &["--dest-compress=false", "--preserve-digests"] } else { &[] };
        run(Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--dest-tls-verify=false"])
            .args(arguments)
            .args(kept)
            .arg(format!("oci:{}:1", from.display()))
            .arg(format!("docker://{name}")));
        let pushed = client.resolve(&name.parse().unwrap()).expect("there");
        let manifest: Value = serde_json::from_slice(&pushed.bytes).unwrap();
        assert_eq!(manifest["layers"][0]["mediaType"], media_type, "{tag}: the test itself");

        // Taken as a base, and copied from: each layer is read.
        let shop = Workshop::bare();
        let text = format!("FROM {name}\nCOPY --from={name} /app/bin /copied\nWORKDIR sub\n");
        let output = format!("type=local,dest={}", shop.arg("out"));
        shop.build(&text, &["-o", &output]).ok();
        let read = |path: &str| std::fs::read_to_string(shop.at("out").join(path)).unwrap();
        assert_eq!(read("app/bin/tool"), "a tool\n", "{tag}");
        assert_eq!(read("app/etc/settings"), "second\n", "{tag}");
        assert!(!shop.at("out/app/etc/gone").exists(), "{tag}");
        assert_eq!(std::fs::read_link(shop.at("out/app/bin/link")).unwrap(), Path::new("tool"), "{tag}");
        assert_eq!(read("copied/tool"), "a tool\n", "{tag}");
        let about: Value =
            serde_json::from_str(&shop.rbuild(&["inspect", "--json", "it"]).ok().out()).unwrap();
        let config = &about["config"]["config"];
        assert!(config["Env"].as_array().unwrap().contains(&Value::from("N=umoci")), "{tag}: {config}");
        assert_eq!(config["WorkingDir"], "/app/sub", "{tag}");
        // Pulled whole, it is pushed byte for byte.
        let other = Workshop::bare();
        other.rbuild(&["pull", &name]).ok();
        let copy = format!("127.0.0.1:{}/foreign/copy:{tag}", registry.port);
        other.rbuild(&["push", &name, &copy]).ok();
        let again = client.resolve(&copy.parse().unwrap()).expect("there");
        if tag != "oci-plain" {
            assert!(again.bytes == pushed.bytes, "{tag}");
        }
    }
}

/// The same image with plain tars for layers.
fn plain(dir: &Path, layout: &Path) -> PathBuf {
    let to = dir.join("plain");
    std::fs::create_dir_all(to.join("blobs/sha256")).unwrap();
    let blob = |digest: &Value| {
        layout.join("blobs/sha256").join(digest.as_str().unwrap().strip_prefix("sha256:").unwrap())
    };
    let put = |bytes: &[u8]| {
        let digest = rbuild::oci::Digest::of(bytes);
        std::fs::write(to.join("blobs/sha256").join(digest.hex()), bytes).unwrap();
        (Value::from(digest.to_string()), Value::from(bytes.len()))
    };
    let mut index: Value =
        serde_json::from_slice(&std::fs::read(layout.join("index.json")).unwrap()).unwrap();
    let mut manifest: Value =
        serde_json::from_slice(&std::fs::read(blob(&index["manifests"][0]["digest"])).unwrap()).unwrap();
    put(&std::fs::read(blob(&manifest["config"]["digest"])).unwrap());
    for layer in manifest["layers"].as_array_mut().unwrap() {
        let packed = std::fs::read(blob(&layer["digest"])).unwrap();
        let mut tar = Vec::new();
        std::io::copy(&mut flate2::read::MultiGzDecoder::new(&packed[..]), &mut tar).unwrap();
        (layer["digest"], layer["size"]) = put(&tar);
        layer["mediaType"] = Value::from("application/vnd.oci.image.layer.v1.tar");
    }
    let (digest, size) = put(manifest.to_string().as_bytes());
    (index["manifests"][0]["digest"], index["manifests"][0]["size"]) = (digest, size);
    std::fs::write(to.join("index.json"), index.to_string()).unwrap();
    std::fs::copy(layout.join("oci-layout"), to.join("oci-layout")).unwrap();
    to
}
