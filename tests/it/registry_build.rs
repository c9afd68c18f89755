//! Builds that push, by the program itself, to Debian's docker-registry; read back by skopeo.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering::SeqCst;

use serde_json::Value;

use crate::e2e::{Said, Workshop};
use crate::registry_proxy::{Proxy, count};
use crate::registry_server::{Registry, have, run};

/// A build that has no name but those in `args`: nothing may go to any registry but ours.
fn build(shop: &Workshop, dockerfile: &str, args: &[&str]) -> Said {
    shop.write("Dockerfile", dockerfile);
    let context = shop.context().display().to_string();
    shop.rbuild(&[args, &[&context]].concat())
}

/// The manifest in the registry; skopeo has fetched and checked everything that it names.
fn read_back(dir: &Path, name: &str) -> (Vec<u8>, Value) {
    let copy = dir.join("read-back");
    let _ = std::fs::remove_dir_all(&copy);
    run(Command::new("skopeo")
        .args(["--insecure-policy", "copy", "--src-tls-verify=false"])
        .arg(format!("docker://{name}"))
        .arg(format!("dir:{}", copy.display())));
    let bytes = std::fs::read(copy.join("manifest.json")).expect("there");
    let json = serde_json::from_slice(&bytes).expect("JSON");
    (bytes, json)
}

#[test]
fn a_build_pushes_names_what_it_pushed_and_sends_nothing_twice() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let shop = Workshop::bare();
    let dir = tempfile::tempdir().expect("temporary directory");
    let registry = Registry::start(dir.path(), "", "");
    let host = format!("127.0.0.1:{}", registry.port);
    shop.write("file", vec![b'x'; 3_000_000]);
    let (base, metadata) = (format!("{host}/team/base:1"), shop.at("metadata.json"));
    let file = metadata.display().to_string();
    build(&shop, "FROM scratch\nCOPY file /\n", &["-t", &base, "--push", "--metadata-file", &file])
        .ok()
        .says(&["pushing"]);
    let (bytes, manifest) = read_back(dir.path(), &base);
    let told: Value = serde_json::from_slice(&std::fs::read(&metadata).expect("written")).expect("JSON");
    let digest = rbuild::oci::Digest::of(&bytes).to_string();
    assert_eq!(told["containerimage.digest"], Value::from(digest));
    assert_eq!(told["containerimage.descriptor"]["size"], Value::from(bytes.len()));
    assert_eq!(told["containerimage.config.digest"], manifest["config"]["digest"]);
    assert_eq!(manifest["layers"][0]["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");

    // Another repository: the layer of the base is taken over, whoever made it.
    let app = format!("{host}/team/app:1");
    let dockerfile = format!("FROM {base}\nCOPY file /second\n");
    build(&shop, &dockerfile, &["-o", &format!("type=registry,name={app}")]).ok().says(&["mounted"]);
    let (_, of_app) = read_back(dir.path(), &app);
    assert_eq!(of_app["layers"][0], manifest["layers"][0]);
    let zstd = format!("type=registry,name={host}/team/app:zstd,compression=zstd");
    build(&shop, &dockerfile, &["-o", &zstd]).ok();
    let (_, of_zstd) = read_back(dir.path(), &format!("{host}/team/app:zstd"));
    assert_eq!(of_zstd["layers"][1]["mediaType"], "application/vnd.oci.image.layer.v1.tar+zstd");

    // Pulled by somebody else, whose store knows nothing but what the registry told.
    let other = Workshop::bare();
    other.write("file", "small");
    let third = format!("{host}/other/third:1");
    build(&other, &format!("FROM {base}\nCOPY file /second\n"), &["-t", &third, "--push"])
        .ok()
        .says(&["mounted from another repository"]);
    let (_, of_third) = read_back(dir.path(), &third);
    assert_eq!(of_third["layers"][0], manifest["layers"][0], "as it was pulled");

    let by_digest =
        format!("type=image,name={host}/by/digest,push-by-digest=true,name-canonical=true,push=true");
    build(&shop, "FROM scratch\nCOPY file /\n", &["-o", &by_digest, "--metadata-file", &file]).ok();
    let told: Value = serde_json::from_slice(&std::fs::read(&metadata).expect("written")).expect("JSON");
    let digest = told["containerimage.digest"].as_str().expect("a digest");
    read_back(dir.path(), &format!("{host}/by/digest@{digest}"));
}

#[test]
fn a_push_without_a_name_or_to_nobody_fails_in_one_line() {
    let shop = Workshop::bare();
    shop.write("file", "x");
    build(&shop, "FROM scratch\nCOPY file /\n", &["--push"]).fails(&["a push needs a name"]);
}

#[test]
fn images_are_logged_in_for_pushed_pulled_tagged_and_untagged_by_commands() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let registry = Registry::start(dir.path(), "", &Registry::password(dir.path()));
    let host = format!("127.0.0.1:{}", registry.port);
    let config = dir.path().join("docker");
    let at = config.display().to_string();
    let login = [("DOCKER_CONFIG", at.as_str())];
    let shop = Workshop::bare();
    shop.write("file", "content");
    build(&shop, "FROM scratch\nCOPY file /\n", &["-t", "app:1"]).ok();
    let name = format!("{host}/team/app:2");
    shop.rbuild_with(&["push", "app:1", &name], b"", &login).fails(&["access denied", "rbuild login"]);
    let arguments = ["login", "-u", "me", "--password-stdin", &host];
    shop.rbuild_with(&arguments, b"wrong\n", &login).fails(&["user name or password"]);
    assert!(!config.exists(), "a wrong password is not kept");
    shop.rbuild_with(&arguments, b"pw\n", &login).ok();
    shop.rbuild_with(&["push", "app:1", &name], b"", &login).ok();

    let other = Workshop::bare();
    let digest = other.rbuild_with(&["pull", &name], b"", &login).ok().out();
    let digest = digest.trim().rsplit('@').next().expect("a digest").to_string();
    let copy = format!("{host}/team/copy:1");
    other.rbuild(&["tag", &name, &copy]).ok();
    other.rbuild(&["rmi", &name]).ok();
    other.rbuild(&["rmi", &name]).fails(&["no image"]);
    let said = other.rbuild_with(&["push", &copy], b"", &login).ok().says(&["mounted"]).out();
    assert!(said.contains(&digest), "what was pulled is pushed byte for byte: {said}");
    shop.rbuild_with(&["logout", &host], b"", &login).ok();
    shop.rbuild_with(&["push", "app:1", &name], b"", &login).fails(&["access denied"]);
}

#[test]
fn a_base_that_nothing_reads_is_not_fetched_until_somebody_runs_it() {
    if !have(&["docker-registry", "skopeo"]) {
        return;
    }
    let Some(shop) = Workshop::new() else { return };
    let dir = tempfile::tempdir().expect("temporary directory");
    let registry = Registry::start(dir.path(), "", "");
    let (base, app) = (registry.name("team/base:1"), registry.name("team/app:1"));
    build(&shop, "FROM busybox\nCMD cat /made\nCOPY <<EOF /made\nmade\nEOF\n", &["-t", &base, "--push"]).ok();

    let other = Workshop::bare();
    let dockerfile = format!("FROM {base}\nENV A=1\n");
    build(&other, &dockerfile, &["-t", &app, "--push"]).ok().says(&["mounted from another repository"]);
    let layers = other.store().join("layers");
    assert_eq!(std::fs::read_dir(&layers).unwrap().count(), 0, "no layer came");
    let (_, manifest) = read_back(dir.path(), &app);
    assert_eq!(manifest["layers"], read_back(dir.path(), &base).1["layers"]);
    let again = registry.name("team/again:1");
    other.rbuild(&["push", &app, &again]).ok().says(&["mounted from another repository"]);
    assert_eq!(std::fs::read_dir(&layers).unwrap().count(), 0, "no layer came");
    assert_eq!(other.rbuild(&["run", &app]).ok().out(), "made\n");
    assert_eq!(std::fs::read_dir(&layers).unwrap().count(), 2);
}

#[test]
fn a_push_that_is_refused_ends_the_build_before_its_first_step() {
    if !have(&["docker-registry"]) {
        return;
    }
    let dir = tempfile::tempdir().expect("temporary directory");
    let registry = Registry::start(dir.path(), "", &Registry::password(dir.path()));
    let proxy = Proxy::before(registry.port);
    let shop = Workshop::bare();
    shop.write("file", "content");
    let name = proxy.name("team/app:1");
    let text = "FROM scratch\nCOPY file /\n";
    let said = build(&shop, text, &["-t", &name, "--push"]);
    said.fails(&["access denied", "rbuild login"]).never_says(&["COPY"]);
    assert!(proxy.take().iter().all(|asked| asked.status == 401 || asked.path == "/v2/"));

    let config = shop.at("docker").display().to_string();
    let login = [("DOCKER_CONFIG", config.as_str())];
    let host = format!("127.0.0.1:{}", proxy.port);
    shop.rbuild_with(&["login", "-u", "me", "--password-stdin", &host], b"pw\n", &login).ok();
    proxy.take();
    let context = shop.context().display().to_string();
    shop.rbuild_with(&["-t", &name, "--push", &context], b"", &login).ok().says(&["may be pushed to"]);
    let log = proxy.take();
    assert_eq!(count(&log, "DELETE", "/blobs/uploads/"), 1, "the session is given up: {log:#?}");
    // Nothing to do, nothing to ask before.
    shop.rbuild_with(&["-t", &name, "--push", &context], b"", &login).ok().never_says(&["may be pushed to"]);

    // A registry that is only tired is no reason to stop.
    let left = std::sync::atomic::AtomicUsize::new(2);
    proxy.troubled(move |asked| {
        let tired =
            asked.method == "POST" && left.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        tired.then_some(503)
    });
    shop.write("file", "other");
    let said = shop.rbuild_with(&["-t", &name, "--push", &context], b"", &login).ok();
    said.says(&["not known", "COPY"]);
}
