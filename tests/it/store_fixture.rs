//! Small things to put into a store, and the child processes that do it.

#![allow(clippy::unwrap_used, reason = "what tests are built of may panic as tests do")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use rbuild::oci::{Digest, MediaType, Platform, Reference, canonical, new_descriptor};
use rbuild::store::{Layer, Name, Options, Origin, Store, Target};
use rbuild::tree::{Entry, Kind, RootPath, Time};

/// A store in a fresh directory.
pub fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (dir, store)
}

/// The store at `dir`, with the defaults.
pub fn open(dir: &Path) -> Store {
    Store::open(&dir.join("store"), Options::default()).unwrap()
}

/// A file of a layer.
pub fn file(path: &str, content: &[u8]) -> Entry {
    let path = RootPath::clean(path).unwrap();
    let kind = Kind::File { size: content.len() as u64, digest: Digest::of(content) };
    Entry {
        path,
        kind,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: Time::from_seconds(0),
        xattrs: Default::default(),
    }
}

/// A layer of files.
pub fn layer(store: &Store, files: &[(&str, &[u8])]) -> Arc<Layer> {
    let mut writer = store.layer_writer().unwrap();
    for (path, content) in files {
        writer.entry(&file(path, content), Some(&mut &content[..])).unwrap();
    }
    writer.commit().unwrap()
}

/// An image of those layers, under a name.
pub fn image(store: &Store, reference: &str, origin: Origin, layers: &[&Layer]) -> Reference {
    let mut config = rbuild::oci::ImageConfig::empty(&Platform::new("linux", "amd64", None));
    config.rootfs.diff_ids = layers.iter().map(|layer| layer.diff_id).collect();
    // Makes images of the same layers different.
    config.author = Some(reference.to_string());
    let config = canonical(&config);
    let config_digest = store.put_blob(&config).unwrap();
    let layers: Vec<_> = layers.iter().map(|layer| layer.descriptor()).collect();
    let manifest = canonical(&serde_json::json!({
        "schemaVersion": 2,
        "mediaType": MediaType::ImageManifest,
        "config": new_descriptor(MediaType::ImageConfig, config_digest, config.len() as u64),
        "layers": layers,
    }));
    let digest = store.put_blob(&manifest).unwrap();
    let target = Target { media_type: MediaType::ImageManifest, digest, size: manifest.len() as u64 };
    let reference: Reference = reference.parse().unwrap();
    store.set_name(&reference, &Name { manifest: target, origin, time: 0 }).unwrap();
    reference
}

/// Whether all that an image needs is there and whole.
pub fn is_whole(store: &Store, reference: &Reference) -> bool {
    let Some(name) = store.name(reference).unwrap() else { return false };
    let Some(manifest) = store.read_blob(&name.manifest.digest, 1 << 20).unwrap() else { return false };
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let digest = |d: &serde_json::Value| d["digest"].as_str().unwrap().parse::<Digest>().unwrap();
    let Some(config) = store.read_blob(&digest(&manifest["config"]), 1 << 20).unwrap() else { return false };
    let config: rbuild::oci::ImageConfig = serde_json::from_slice(&config).unwrap();
    manifest["layers"].as_array().unwrap().iter().all(|l| store.verify_blob_or_tar(&digest(l)).unwrap())
        && config.rootfs.diff_ids.iter().all(|id| match store.layer(*id).unwrap() {
            Some(layer) => std::io::copy(&mut store.open_tar(&layer).unwrap(), &mut std::io::sink()).is_ok(),
            None => false,
        })
}

/// Lets the file system's clock move on, so that what follows is later than what was.
pub fn tick() {
    std::thread::sleep(std::time::Duration::from_millis(20));
}

/// Runs one of this binary's ignored tests as a process of its own on the store in `dir`.
pub fn child(test: &str, dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env("RBUILD_TEST_STORE", dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The directory that the parent gave to a child; none when the test is run by hand.
pub fn parents_dir() -> Option<std::path::PathBuf> {
    std::env::var_os("RBUILD_TEST_STORE").map(Into::into)
}

/// Tells the parent something.
pub fn say(text: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").unwrap();
    out.flush().unwrap();
}

/// Waits until a child says `text`.
pub fn hear(child: &mut Child, text: &str) {
    use std::io::BufRead as _;
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "the child ended without saying {text:?}");
        // The test runner writes the test's name onto the same line.
        if line.trim_end().ends_with(text) {
            break;
        }
    }
    child.stdout = Some(out.into_inner());
}
