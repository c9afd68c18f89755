//! Where everything lies in a store's directory.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::oci::{DiffId, Digest, Reference};

/// The paths of a store. Only digests become file names: an id, a reference or a path of the user's is hashed first.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

/// The directories of a store.
pub const DIRECTORIES: [&str; 13] = [
    "blobs",
    "blobs/sha256",
    "layers",
    "lists",
    "records",
    "names",
    "flights",
    "leases",
    "snapshots",
    "mounts",
    "logs",
    "stat",
    "tmp",
];

impl Layout {
    /// The layout of the store at `root`.
    pub fn new(root: &Path) -> Layout {
        Layout { root: root.to_path_buf() }
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// One of [`DIRECTORIES`].
    pub fn directory(&self, name: &str) -> PathBuf {
        debug_assert!(DIRECTORIES.contains(&name));
        self.root.join(name)
    }

    /// The file that says which format the store has.
    pub fn format(&self) -> PathBuf {
        self.root.join("format")
    }

    /// Held while a process registers or dead ones are swept.
    pub fn open_lock(&self) -> PathBuf {
        self.root.join("open.lock")
    }

    /// Held shared while an object is looked up and touched, alone while objects are removed.
    pub fn use_lock(&self) -> PathBuf {
        self.root.join("use.lock")
    }

    /// Held by the one collection that runs.
    pub fn prune_lock(&self) -> PathBuf {
        self.root.join("prune.lock")
    }

    /// The last count of the store's size.
    pub fn usage(&self) -> PathBuf {
        self.root.join("usage")
    }

    /// The file that is there to be removed when the disk is full.
    pub fn ballast(&self) -> PathBuf {
        self.root.join("ballast")
    }

    fn object(&self, directory: &str, digest: &Digest) -> PathBuf {
        let mut path = PathBuf::with_capacity(self.root.as_os_str().len() + directory.len() + 2 + 64);
        path.push(&self.root);
        path.push(directory);
        path.push(digest.hex());
        path
    }

    /// A blob.
    pub fn blob(&self, digest: &Digest) -> PathBuf {
        self.object("blobs/sha256", digest)
    }

    /// A layer record.
    pub fn layer(&self, diff_id: &DiffId) -> PathBuf {
        self.object("layers", &diff_id.0)
    }

    /// A layer's entry list.
    pub fn list(&self, diff_id: &DiffId) -> PathBuf {
        self.object("lists", &diff_id.0)
    }

    /// A key record.
    pub fn record(&self, key: &Digest) -> PathBuf {
        self.object("records", key)
    }

    /// The lock of a key's flight.
    pub fn flight(&self, key: &Digest) -> PathBuf {
        self.object("flights", key)
    }

    /// A name.
    pub fn name(&self, reference: &Reference) -> PathBuf {
        self.root.join("names").join(Digest::of(reference.to_string().as_bytes()).hex())
    }

    /// A step's log.
    pub fn log(&self, key: &Digest) -> PathBuf {
        self.object("logs", key)
    }

    /// A context's stat cache.
    pub fn stat_cache(&self, context: &Path) -> PathBuf {
        self.root.join("stat").join(Digest::of(context.as_os_str().as_bytes()).hex())
    }

    /// The directory of a cache mount, by what identifies it.
    pub fn cache_mount(&self, identity: &Digest) -> PathBuf {
        self.root.join("mounts").join(identity.hex())
    }
}

/// Reads a file name that is a digest.
pub fn digest_of(name: &OsStr) -> Option<Digest> {
    format!("sha256:{}", name.to_str()?).parse().ok()
}
