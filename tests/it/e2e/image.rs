//! A built image as a reader of our own sees it: an OCI layout, its layers applied in order.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use sha2::Digest as _;

/// One file of the flattened image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `f`, `d`, `l`, `h`, `p`, `c` or `b`.
    pub kind: char,
    pub mode: u32,
    pub uid: u64,
    pub gid: u64,
    pub size: u64,
    pub mtime: u64,
    /// Hex of the content's sha256.
    pub digest: String,
    /// Content, if it is text and small.
    pub text: String,
    /// Of a symbolic or hard link.
    pub link: String,
    pub xattrs: BTreeMap<String, Vec<u8>>,
}

/// A built image.
#[derive(Clone, Debug)]
pub struct Image {
    pub digest: String,
    pub manifest: Value,
    /// The whole config document.
    pub config: Value,
    /// By path, without a leading slash.
    pub files: BTreeMap<String, Node>,
    /// The paths that each layer holds, as its tar names them.
    pub layers: Vec<Vec<String>>,
}

impl Image {
    /// Reads the only image of an OCI layout; panics where it is not whole.
    #[track_caller]
    pub fn read(layout: &Path) -> Image {
        let index: Value = parse(&std::fs::read(layout.join("index.json")).expect("an index"));
        let manifests = index["manifests"].as_array().expect("manifests");
        assert!(!manifests.is_empty(), "{index}");
        let digest = manifests[0]["digest"].as_str().expect("text").to_string();
        assert!(manifests.iter().all(|m| m["digest"] == digest.as_str()), "{index}");
        let manifest: Value = parse(&blob(layout, &digest));
        let config: Value = parse(&blob(layout, manifest["config"]["digest"].as_str().expect("text")));
        let mut files = BTreeMap::new();
        let mut layers = Vec::new();
        let diff_ids = config["rootfs"]["diff_ids"].as_array().expect("diff ids");
        let descriptors = manifest["layers"].as_array().expect("layers");
        assert_eq!(descriptors.len(), diff_ids.len());
        for (layer, diff_id) in descriptors.iter().zip(diff_ids) {
            let bytes = blob(layout, layer["digest"].as_str().expect("text"));
            assert_eq!(layer["size"], bytes.len());
            let tar = unpacked(&bytes);
            assert_eq!(diff_id.as_str(), Some(format!("sha256:{}", hex(&tar)).as_str()));
            layers.push(apply(&mut files, &tar));
        }
        let history = config["history"].as_array().expect("history");
        let filled = history.iter().filter(|entry| entry["empty_layer"] != true).count();
        assert_eq!(filled, diff_ids.len(), "the history does not fit the layers: {history:?}");
        Image { digest, manifest, config, files, layers }
    }

    /// The `config` within the config document.
    pub fn settings(&self) -> &Value {
        &self.config["config"]
    }

    /// One file; panics with what there is when it is not there.
    #[track_caller]
    pub fn at(&self, path: &str) -> &Node {
        self.files.get(path).unwrap_or_else(|| panic!("no {path} in {:#?}", self.files.keys()))
    }

    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// The text of a file.
    #[track_caller]
    pub fn text(&self, path: &str) -> &str {
        let node = self.at(path);
        assert_eq!(node.kind, 'f', "{path} is no file: {node:?}");
        &node.text
    }

    /// `mode uid:gid` of a file.
    #[track_caller]
    pub fn who(&self, path: &str) -> String {
        let node = self.at(path);
        format!("{:04o} {}:{}", node.mode, node.uid, node.gid)
    }

    /// All paths below a directory, without it.
    pub fn below(&self, directory: &str) -> Vec<String> {
        let start = format!("{directory}/");
        self.files.keys().filter_map(|path| path.strip_prefix(&start)).map(str::to_string).collect()
    }

    /// `created_by` of each entry of the history.
    pub fn history(&self) -> Vec<String> {
        let history = self.config["history"].as_array().expect("history");
        history.iter().map(|e| e["created_by"].as_str().unwrap_or_default().to_string()).collect()
    }

    /// The variables of the config.
    pub fn env(&self) -> Vec<String> {
        let env = self.settings()["Env"].as_array().cloned().unwrap_or_default();
        env.iter().map(|e| e.as_str().expect("text").to_string()).collect()
    }
}

/// Reads a tar as one flat root file system.
pub fn flat(tar: &[u8]) -> BTreeMap<String, Node> {
    let mut files = BTreeMap::new();
    apply(&mut files, tar);
    files
}

fn parse(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

fn hex(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn blob(layout: &Path, digest: &str) -> Vec<u8> {
    let hex_digest = digest.strip_prefix("sha256:").expect("sha256");
    let bytes = std::fs::read(layout.join("blobs/sha256").join(hex_digest)).expect("the blob is there");
    assert_eq!(hex(&bytes), hex_digest);
    bytes
}

/// Bytes without their compression, gzip or zstd.
pub fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let done = match bytes {
        [0x1f, 0x8b, ..] => flate2::read::MultiGzDecoder::new(bytes).read_to_end(&mut plain),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => zstd::Decoder::new(bytes).and_then(|mut d| d.read_to_end(&mut plain)),
        _ => return bytes.to_vec(),
    };
    if done.is_err() {
        return bytes.to_vec();
    }
    plain
}

/// Applies a layer's tar, whiteouts included; the paths that it holds.
fn apply(files: &mut BTreeMap<String, Node>, tar: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().expect("a tar") {
        let mut entry = entry.expect("a tar");
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let path = path.trim_start_matches("./").trim_end_matches('/').to_string();
        names.push(path.clone());
        let (parent, name) =
            path.rsplit_once('/').map_or((String::new(), path.as_str()), |(p, n)| (p.to_string(), n));
        if name == ".wh..wh..opq" {
            let below = format!("{parent}/");
            files.retain(|path, _| !path.starts_with(&below));
            continue;
        }
        if let Some(gone) = name.strip_prefix(".wh.") {
            let gone = if parent.is_empty() { gone.to_string() } else { format!("{parent}/{gone}") };
            let below = format!("{gone}/");
            files.retain(|path, _| *path != gone && !path.starts_with(&below));
            continue;
        }
        let node = read(&mut entry);
        if node.kind != 'd' {
            let below = format!("{path}/");
            files.retain(|other, _| !other.starts_with(&below));
        }
        files.insert(path, node);
    }
    names
}

fn read(entry: &mut tar::Entry<'_, &[u8]>) -> Node {
    let mut xattrs = BTreeMap::new();
    for extension in entry.pax_extensions().expect("a tar").into_iter().flatten() {
        let extension = extension.expect("a tar");
        if let Some(name) = extension.key().expect("text").strip_prefix("SCHILY.xattr.") {
            xattrs.insert(name.to_string(), extension.value_bytes().to_vec());
        }
    }
    let header = entry.header().clone();
    let kind = match header.entry_type() {
        tar::EntryType::Directory => 'd',
        tar::EntryType::Symlink => 'l',
        tar::EntryType::Link => 'h',
        tar::EntryType::Fifo => 'p',
        tar::EntryType::Char => 'c',
        tar::EntryType::Block => 'b',
        _ => 'f',
    };
    let link = entry.link_name_bytes().map(|l| String::from_utf8_lossy(&l).into_owned()).unwrap_or_default();
    let mut content = Vec::new();
    entry.read_to_end(&mut content).expect("a tar");
    let text = if content.len() <= 65536 {
        String::from_utf8(content.clone()).unwrap_or_default()
    } else {
        String::new()
    };
    Node {
        kind,
        mode: header.mode().expect("a mode") & 0o7777,
        uid: header.uid().expect("an owner"),
        gid: header.gid().expect("a group"),
        size: content.len() as u64,
        mtime: header.mtime().expect("a time"),
        digest: hex(&content),
        text,
        link,
        xattrs,
    }
}
