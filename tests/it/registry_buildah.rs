//! What Debian's buildah makes and pushes, in both formats and to every place that it knows, read by rbuild.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::e2e::{Workshop, busybox, can_run, tools};
use crate::registry_server::{Registry, have, run};

/// buildah with a storage of its own.
struct Buildah<'a>(&'a Path);

impl Buildah<'_> {
    fn run(&self, arguments: &[&str]) {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver", "vfs", "--root"]).arg(self.0.join("storage"));
        command.arg("--runroot").arg(self.0.join("run")).args(arguments).current_dir(self.0);
        run(command.env("HOME", self.0).env_remove("CONTAINERS_STORAGE_CONF"));
    }

    /// An image with a file, one that a later layer takes away, a link and a program's work.
    fn image(&self, name: &str) {
        let context = self.0.join("context");
        std::fs::create_dir_all(&context).unwrap();
        std::fs::write(context.join("base.tar"), busybox()).unwrap();
        std::fs::write(context.join("file"), "a file\n").unwrap();
        let text = "FROM scratch\nADD base.tar /\nCOPY file /app/file\nCOPY file /app/gone\n\
                    RUN rm /app/gone && ln -s file /app/link\nRUN echo ran > /app/ran\n\
                    ENV N=buildah\nWORKDIR /app\nLABEL of=buildah\n";
        std::fs::write(context.join("Dockerfile"), text).unwrap();
        self.run(&["bud", "--layers", "--isolation", "chroot", "-t", name, "context"]);
    }
}

fn ready() -> bool {
    have(&["buildah", "docker-registry"]) && can_run() && tools(&["busybox"])
}

/// The image `name` of the store is the one that buildah made, to the last file.
#[track_caller]
fn is_right(shop: &Workshop, name: &str, what: &str) {
    let out = shop.at("out");
    let _ = std::fs::remove_dir_all(&out);
    let output = format!("type=local,dest={}", out.display());
    shop.build(
        &format!("FROM {name}\nCOPY --from={name} /app/file /copied/\n"),
        &["--pull=never", "-o", &output],
    )
    .ok();
    let read = |path: &str| {
        std::fs::read_to_string(out.join(path)).unwrap_or_else(|e| panic!("{what}: {path}: {e}"))
    };
    assert_eq!((read("app/file").as_str(), read("app/ran").as_str()), ("a file\n", "ran\n"), "{what}");
    assert_eq!(read("copied/file"), "a file\n", "{what}");
    assert!(!out.join("app/gone").exists(), "{what}");
    assert_eq!(std::fs::read_link(out.join("app/link")).unwrap(), Path::new("file"), "{what}");
    let about: Value =
        serde_json::from_slice(&shop.rbuild(&["inspect", "--json", name]).ok().stdout).unwrap();
    let config = &about["config"]["config"];
    assert!(config["Env"].as_array().unwrap().contains(&Value::from("N=buildah")), "{what}: {config}");
    assert_eq!(
        (&config["WorkingDir"], &config["Labels"]["of"]),
        (&"/app".into(), &"buildah".into()),
        "{what}"
    );
}

#[test]
fn what_buildah_pushes_to_a_registry_is_read_in_both_formats() {
    if !ready() {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let registry = Registry::start(dir.path(), "", "");
    let buildah = Buildah(dir.path());
    buildah.image("localhost/app:1");
    let client = rbuild::registry::Client::new(rbuild::registry::Options::default());
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    for (format, media_type) in [("oci", "application/vnd.oci.image.manifest.v1+json"), ("v2s2", docker)] {
        let name = registry.name(&format!("buildah/app:{format}"));
        let to = format!("docker://{name}");
        buildah.run(&["push", "--tls-verify=false", "--format", format, "localhost/app:1", &to]);
        let pushed = client.resolve(&name.parse().unwrap()).expect("there");
        assert_eq!(pushed.descriptor.media_type().to_string(), media_type, "the test itself");
        let shop = Workshop::bare();
        shop.rbuild(&["pull", &name]).ok();
        is_right(&shop, &name, format);
        // Pulled whole, it goes on byte for byte.
        let copy = registry.name(&format!("buildah/copy:{format}"));
        shop.rbuild(&["push", &name, &copy]).ok();
        assert!(client.resolve(&copy.parse().unwrap()).expect("there").bytes == pushed.bytes, "{format}");
        // And it is a base that something runs on.
        shop.build(&format!("FROM {name}\nRUN cat ran && echo more > more\n"), &[]).ok();
    }
}

#[test]
fn what_buildah_pushes_into_layouts_and_archives_is_read_in_both_formats() {
    if !ready() {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let buildah = Buildah(dir.path());
    buildah.image("localhost/app:1");
    for format in ["oci", "v2s2"] {
        for (transport, tag) in [("oci", "1"), ("oci-archive", "1"), ("docker-archive", "localhost/app:1")] {
            // buildah itself refuses that one.
            if (format, transport) == ("oci", "docker-archive") {
                continue;
            }
            let what = format!("{format} in {transport}");
            let file = dir.path().join(format!("{format}-{transport}"));
            let place = format!("{transport}:{}:{tag}", file.display());
            buildah.run(&["push", "--format", format, "localhost/app:1", &place]);
            let shop = Workshop::bare();
            shop.rbuild(&["copy", &place, "store:localhost/copied:1"]).ok();
            is_right(&shop, "localhost/copied:1", &what);
            // And as a build context, where it is a layout.
            if transport == "oci" {
                let context = format!("base=oci-layout://{}:{tag}", file.display());
                shop.build("FROM base\nWORKDIR sub\n", &["--build-context", &context]).ok();
            }
            let loading = Workshop::bare();
            let said = loading.rbuild(&["load", "-i", &file.display().to_string()]).ok();
            assert!(said.out().starts_with("Loaded image"), "{what}: {}", said.out());
            if transport == "docker-archive" {
                is_right(&loading, "localhost/app:1", &what);
            }
        }
    }
}
