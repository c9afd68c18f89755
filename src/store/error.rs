//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

use crate::oci::{DiffId, Digest};

/// Why the store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {doing} {path}: {source}", path = path.display())]
    Io {
        /// Such as `read`.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file system, or the quota on it, is full.
    #[error(
        "no space left for {path}: {needed} needed, {free} free; `rbuild prune` removes what can be made again",
        path = path.display()
    )]
    NoSpace {
        /// What was being written.
        path: PathBuf,
        /// Bytes, or `more`.
        needed: String,
        /// Bytes, or `an unknown amount`.
        free: String,
    },
    /// The directory is somebody else's.
    #[error(
        "the store {path} belongs to user {owner}, not to user {user}: use another directory (RBUILD_ROOT)",
        path = path.display()
    )]
    Foreign {
        /// The store.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who we are.
        user: u32,
    },
    /// The directory holds something that is no store.
    #[error("{path} is neither empty nor a store of rbuild: choose another directory", path = path.display())]
    NotAStore {
        /// The directory.
        path: PathBuf,
    },
    /// A later rbuild wrote the store.
    #[error(
        "the store {path} has format {found}, and this rbuild knows formats up to {known}: use a later rbuild, or another directory",
        path = path.display()
    )]
    NewerFormat {
        /// The store.
        path: PathBuf,
        /// What its format file says.
        found: u32,
        /// What this program knows.
        known: u32,
    },
    /// The file system does not do what a store needs.
    #[error("the file system of {path} {what}", path = path.display())]
    Unsuitable {
        /// The store.
        path: PathBuf,
        /// What is missing.
        what: String,
    },
    /// Bytes that are not what their sender said they are.
    #[error("the bytes received are {actual} ({actual_size} bytes), not {expected} ({expected_size} bytes)")]
    Mismatch {
        /// What was asked for.
        expected: Digest,
        /// Its size.
        expected_size: u64,
        /// What came.
        actual: Digest,
        /// Its size.
        actual_size: u64,
    },
    /// A layer whose uncompressed bytes are not what the image's config says.
    #[error("layer {blob} unpacks to {actual}, but the image's config says {expected}")]
    WrongDiffId {
        /// The blob.
        blob: Digest,
        /// What the config says.
        expected: DiffId,
        /// What it is.
        actual: DiffId,
    },
    /// A document too large to be kept or read. LIMIT.
    #[error("{what} has {size} bytes; at most {limit} are allowed")]
    TooLarge {
        /// The document.
        what: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A blob that should be here is not.
    #[error("blob {0} is not in the store")]
    MissingBlob(Digest),
    /// An object was found damaged; it is dropped, and making it anew will help.
    #[error("{what} is damaged in the store: {reason}; it was dropped and will be made again")]
    Damaged {
        /// The object.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Contents were opened that nobody asked for: a defect.
    #[error("entry {index} of layer {layer} is no file whose content was asked for")]
    NotWanted {
        /// The layer.
        layer: DiffId,
        /// In its list.
        index: usize,
    },
    /// A layer could not be written or read.
    #[error("layer {what}: {source}")]
    Layer {
        /// Which one.
        what: String,
        /// The cause.
        source: crate::layer::Error,
    },
    /// A filter that cannot be read.
    #[error("invalid prune filter {filter:?}: {reason}")]
    Filter {
        /// What was written.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody asked to stop while we waited.
    #[error("canceled while waiting for {0}")]
    Canceled(String),
}

impl Error {
    /// Makes the error of a file operation out of its cause; a full file system becomes [`Error::NoSpace`].
    pub(super) fn io<'a>(doing: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Error + 'a {
        move |source| Error::io_of(doing, path, None, source)
    }

    /// The same for a write of `needed` bytes.
    pub(super) fn io_of(doing: &'static str, path: &Path, needed: Option<u64>, source: io::Error) -> Error {
        if !matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            return match source.downcast::<Error>() {
                Ok(own) => own,
                Err(source) => Error::Io { doing, path: path.to_path_buf(), source },
            };
        }
        let free = path
            .ancestors()
            .find_map(|p| rustix::fs::statvfs(p).ok())
            .map(|fs| format!("{} bytes", fs.f_bavail.saturating_mul(fs.f_frsize)));
        Error::NoSpace {
            path: path.to_path_buf(),
            needed: needed.map_or_else(|| "more".to_string(), |n| format!("{n} bytes")),
            free: free.unwrap_or_else(|| "an unknown amount".to_string()),
        }
    }
}
