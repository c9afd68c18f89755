//! A small image in a store of its own, and the tools that read what is written of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output as ProcessOutput};
use std::sync::Arc;

use rbuild::export::{Exported, Finished, ImageSet, Output, export};
use rbuild::layer::{Compression, Compressor};
use rbuild::oci::{Epoch, History, ImageConfig, Platform};
use rbuild::store::{ImageLayer, Layer, Options, Store};
use rbuild::tree::Kind;

use crate::snapshot_fixture::{Hand, Hands, path, skip};

/// Two layers, the upper one with whiteouts, links, attributes and names of all sorts; no device nodes.
pub fn hands() -> Hands {
    let long = "n".repeat(255);
    let base = Hand::default()
        .put("etc", Kind::Directory, 0o755)
        .file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", 0o644)
        .file("etc/shadow", "secret", 0o600)
        .put("link", Kind::Symlink(b"../../etc/passwd".to_vec()), 0o777)
        .put("old", Kind::Directory, 0o755)
        .file("old/file", "old", 0o644)
        .file("big", pattern(3_000_000), 0o644)
        .put("tmp", Kind::Directory, 0o1777);
    let top = Hand::default()
        .file(b"caf\xe9", "not UTF-8", 0o640)
        .put("etc", Kind::Directory, 0o755)
        .put("etc/shadow", Kind::Whiteout, 0)
        .file(&long, "long name", 0o644)
        .with("home", Kind::Directory, 0o2750, |e| (e.uid, e.gid) = (7, 8))
        .file_with("home/a", "one file", 0o4755, |e| {
            (e.uid, e.gid) = (7, 8);
            e.xattrs.insert(b"user.colour".to_vec(), b"blue".to_vec());
        })
        .with("home/b", Kind::Hardlink(path("home/a")), 0o4755, |e| (e.uid, e.gid) = (7, 8))
        .put("locked", Kind::Directory, 0o555)
        .file("locked/in", "in", 0o444)
        .put("old", Kind::Directory, 0o755)
        .put("old/file", Kind::Whiteout, 0)
        .put("pipe", Kind::Fifo, 0o620);
    Hands(vec![base, top])
}

/// Bytes that compress a little.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|n| ((n * n / 7) % 251) as u8).collect()
}

pub struct World {
    pub scratch: tempfile::TempDir,
    pub store: Store,
    pub set: ImageSet,
}

impl World {
    pub fn new() -> World {
        World::of(&hands())
    }

    pub fn of(hands: &Hands) -> World {
        let scratch = crate::snapshot_fixture::scratch();
        let store = Store::open(&scratch.path().join("store"), Options::default()).expect("opens");
        let mut layers: Vec<Arc<Layer>> = Vec::new();
        for hand in &hands.0 {
            let mut writer = store.layer_writer().expect("starts");
            for (entry, mut bytes) in hand.contents() {
                let is_file = matches!(entry.kind, Kind::File { .. });
                writer
                    .entry(entry, is_file.then_some(&mut bytes as &mut dyn std::io::Read))
                    .expect("written");
            }
            layers.push(writer.commit().expect("stored"));
        }
        let mut config = ImageConfig::empty(&Platform::new("linux", "amd64", None));
        config.rootfs.diff_ids = layers.iter().map(|l| l.diff_id).collect();
        let step = History { created_by: Some("by hand".to_string()), ..History::default() };
        config.history = vec![step; layers.len()];
        config.config.cmd = Some(vec!["/bin/sh".to_string()]);
        let names = ["app:1", "localhost:5000/team/app:2"].map(|n| n.parse().expect("valid")).to_vec();
        let annotations = BTreeMap::from([("org.example".to_string(), "yes".to_string())]);
        let layers = layers.into_iter().map(ImageLayer::Here).collect();
        let (platform, epoch) = (config.platform(), Epoch(1_700_000_000));
        let image = Finished { platform, config, layers, epoch, annotations };
        World { scratch, store, set: ImageSet::one(image, names) }
    }

    pub fn export(&self, output: Output) -> Exported {
        export(&self.store, &self.set, &output, &mut Vec::new()).expect("exported")
    }

    /// Puts the lowest layer away in gzip alone, as a pull would leave it.
    pub fn as_pulled(&mut self) {
        let layer = self.set.images[0].here().expect("here").remove(0);
        let mut tar = self.store.open_tar(&layer).expect("there");
        let blob = self.store.blob_writer().expect("starts");
        let mut gzip = Compressor::new(blob, Compression::Gzip { level: 1 });
        std::io::copy(&mut tar, &mut gzip).expect("compressed");
        let (digest, _) = gzip.finish().expect("compressed").commit(None).expect("stored");
        let diff_id = layer.diff_id;
        self.store.discard_layer(diff_id).expect("dropped");
        let layer = self.store.import_layer(&digest, Some(diff_id)).expect("imported");
        assert_eq!(layer.blob, digest);
        self.set.images[0].layers[0] = ImageLayer::Here(layer);
    }
}

/// Runs a tool that must be there and succeed; `None` after saying that it is not there.
pub fn tool(name: &str, arguments: &[&dyn AsRef<std::ffi::OsStr>]) -> Option<ProcessOutput> {
    let mut command = Command::new(name);
    for argument in arguments {
        command.arg(argument.as_ref());
    }
    match command.output() {
        Err(e) => {
            skip(&format!("{name} cannot be run: {e}"));
            None
        }
        Ok(output) => {
            std::io::stderr().write_all(&output.stderr).expect("printed");
            assert!(output.status.success(), "{name} failed: {}", String::from_utf8_lossy(&output.stderr));
            Some(output)
        }
    }
}

pub fn file_digest(at: &Path) -> rbuild::oci::Digest {
    rbuild::oci::Digest::of(&std::fs::read(at).expect("there"))
}
