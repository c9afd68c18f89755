//! Layers made by hand, overlays mounted over their snapshots, and views of both as entries.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;

use rbuild::layer::LayerList;
use rbuild::oci::{DiffId, Digest, LAYER_EPOCH};
use rbuild::snapshot::{ChainLayer, Fetch, read_tree};
use rbuild::tree::{Entry, Kind, RootPath, Stack, Time};

/// Says loudly that a test cannot run here; fails it where `RBUILD_REQUIRE` is set.
pub fn skip(why: &str) {
    eprintln!("SKIPPED: {why}");
    assert!(
        std::env::var_os("RBUILD_REQUIRE").is_none(),
        "RBUILD_REQUIRE is set, and a test was skipped: {why}"
    );
}

/// Whether overlays can be mounted here; says so if not.
pub fn can_mount() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip("mounting an overlay needs root, here or in a user namespace");
    }
    root
}

pub fn path(text: impl AsRef<[u8]>) -> RootPath {
    RootPath::clean(text).expect("valid")
}

/// A layer with its bytes, made by hand.
#[derive(Clone, Default)]
pub struct Hand {
    entries: BTreeMap<RootPath, (Entry, Vec<u8>)>,
}

impl Hand {
    pub fn put(mut self, at: impl AsRef<[u8]>, kind: Kind, mode: u32) -> Hand {
        self.insert(at, kind, mode, Vec::new(), |_| {});
        self
    }

    pub fn with(
        mut self,
        at: impl AsRef<[u8]>,
        kind: Kind,
        mode: u32,
        change: impl FnOnce(&mut Entry),
    ) -> Hand {
        self.insert(at, kind, mode, Vec::new(), change);
        self
    }

    pub fn file(mut self, at: impl AsRef<[u8]>, bytes: impl Into<Vec<u8>>, mode: u32) -> Hand {
        let bytes = bytes.into();
        self.insert(at, file_kind(&bytes), mode, bytes, |_| {});
        self
    }

    pub fn file_with(
        mut self,
        at: impl AsRef<[u8]>,
        bytes: impl Into<Vec<u8>>,
        mode: u32,
        change: impl FnOnce(&mut Entry),
    ) -> Hand {
        let bytes = bytes.into();
        self.insert(at, file_kind(&bytes), mode, bytes, change);
        self
    }

    fn insert(
        &mut self,
        at: impl AsRef<[u8]>,
        kind: Kind,
        mode: u32,
        bytes: Vec<u8>,
        change: impl FnOnce(&mut Entry),
    ) {
        let mtime = Time::from_seconds(LAYER_EPOCH.0);
        let mut entry = Entry { path: path(at), kind, mode, uid: 0, gid: 0, mtime, xattrs: BTreeMap::new() };
        change(&mut entry);
        self.entries.insert(entry.path.clone(), (entry, bytes));
    }

    pub fn push(&mut self, entry: Entry, bytes: Vec<u8>) {
        self.entries.insert(entry.path.clone(), (entry, bytes));
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.entries.values().map(|(entry, _)| entry.clone()).collect()
    }

    /// The bytes of each file, by path.
    pub fn contents(&self) -> impl Iterator<Item = (&Entry, &[u8])> {
        self.entries.values().map(|(entry, bytes)| (entry, bytes.as_slice()))
    }
}

pub fn file_kind(bytes: &[u8]) -> Kind {
    Kind::File { size: bytes.len() as u64, digest: Digest::of(bytes) }
}

/// A chain of such layers.
#[derive(Clone, Default)]
pub struct Hands(pub Vec<Hand>);

impl Hands {
    pub fn chain(&self) -> Vec<ChainLayer> {
        self.0
            .iter()
            .enumerate()
            .map(|(number, hand)| {
                let entries: rbuild::tree::Entries = hand.entries().into();
                let offsets = vec![0; entries.len()].into();
                let name = format!("{number} {:?}", rbuild::tree::entries_digest(entries.iter()));
                ChainLayer {
                    diff_id: DiffId(Digest::of(name.as_bytes())),
                    list: LayerList { entries, offsets },
                }
            })
            .collect()
    }

    pub fn stack(&self) -> Stack {
        Stack::new(self.0.iter().map(|hand| hand.entries().into()).collect())
    }
}

impl Fetch for Hands {
    fn fetch(
        &self,
        layer: usize,
        wanted: &[usize],
        f: &mut dyn FnMut(usize, &mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let files: Vec<&(Entry, Vec<u8>)> = self.0[layer].entries.values().collect();
        // Not in the order asked for, as a foreign tar would.
        for index in wanted.iter().rev() {
            f(*index, &mut files[*index].1.as_slice())?;
        }
        Ok(())
    }
}

/// What a directory holds, through the room's own reader.
pub fn entries_of(directory: &Path) -> Vec<Entry> {
    let open = File::open(directory).expect("there");
    read_tree(open.as_fd()).expect("readable").0
}

/// What `stack` says is in the root file system, in the form of [`entries_of`].
pub fn entries_of_stack(stack: &Stack) -> Vec<Entry> {
    rbuild::snapshot::whole(stack).into_iter().map(|item| item.entry).collect()
}

/// Differences of two lists, readable.
pub fn assert_same(left: &[Entry], right: &[Entry], what: &str) {
    let lines = |list: &[Entry]| -> Vec<String> { list.iter().map(|e| format!("{e:?}")).collect() };
    let (left, right) = (lines(left), lines(right));
    let only = |a: &[String], b: &[String]| -> Vec<String> {
        a.iter().filter(|line| !b.contains(line)).cloned().collect()
    };
    let (a, b) = (only(&left, &right), only(&right, &left));
    assert!(
        a.is_empty() && b.is_empty(),
        "{what}\nonly left:\n{}\nonly right:\n{}",
        a.join("\n"),
        b.join("\n")
    );
}

/// An overlay, mounted until it is dropped.
pub struct Mounted(pub PathBuf);

impl Mounted {
    /// `lowers` topmost first.
    pub fn new(at: &Path, lowers: &[PathBuf], upper: &Path, work: &Path) -> Mounted {
        std::fs::create_dir_all(at).expect("can be made");
        let lower: Vec<String> = lowers.iter().map(|p| p.display().to_string()).collect();
        let options = format!(
            "lowerdir={},upperdir={},workdir={},userxattr,metacopy=off,index=off,xino=off,redirect_dir=nofollow,volatile",
            lower.join(":"),
            upper.display(),
            work.display()
        );
        let status = Command::new("mount")
            .args(["-t", "overlay", "overlay", "-o", &options])
            .arg(at)
            .status()
            .expect("mount is there");
        assert!(status.success(), "mount -o {options}");
        Mounted(at.to_path_buf())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let status = Command::new("umount").arg(&self.0).status().expect("umount is there");
        assert!(status.success() || std::thread::panicking());
    }
}

/// A scratch directory that overlay can use (no tmpfs, no overlay below): beside the test binary.
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("rbuild-test-")
        .tempdir_in(std::env::var_os("RBUILD_TEST_DIR").map_or_else(std::env::temp_dir, PathBuf::from))
        .expect("a scratch directory")
}
