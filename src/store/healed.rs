//! What was found damaged, and is treated as absent.

use std::fmt;
use std::path::PathBuf;

use super::frame;

/// One damaged object that was dropped: the same build makes it anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Healed {
    /// Its class.
    pub kind: ObjectKind,
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for Healed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dropped a damaged {} ({}): {}", self.kind, self.path.display(), self.reason)
    }
}

/// The classes of objects in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// Bytes named by their digest.
    Blob,
    /// Which blob holds a layer.
    Layer,
    /// A layer's entries.
    EntryList,
    /// A key's result.
    Record,
    /// A name and the image it stands for.
    Name,
    /// What is known of a context's files.
    StatCache,
    /// What a cache mount is for.
    CacheMount,
    /// Since when a cache mount saw its files.
    Seen,
    /// The last count of the store's size.
    Usage,
    /// The size of a snapshot.
    SnapshotSize,
    /// The format file.
    Format,
}

impl From<frame::Kind> for ObjectKind {
    fn from(document: frame::Kind) -> ObjectKind {
        match document {
            frame::Kind::Layer => ObjectKind::Layer,
            frame::Kind::List => ObjectKind::EntryList,
            frame::Kind::Record => ObjectKind::Record,
            frame::Kind::Name => ObjectKind::Name,
            frame::Kind::StatCache => ObjectKind::StatCache,
            frame::Kind::CacheMount => ObjectKind::CacheMount,
            frame::Kind::Seen => ObjectKind::Seen,
            frame::Kind::Usage => ObjectKind::Usage,
            frame::Kind::SnapshotSize => ObjectKind::SnapshotSize,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ObjectKind::Blob => "blob",
            ObjectKind::Layer => "layer record",
            ObjectKind::EntryList => "entry list",
            ObjectKind::Record => "key record",
            ObjectKind::Name => "name",
            ObjectKind::StatCache => "stat cache",
            ObjectKind::CacheMount => "cache mount",
            ObjectKind::Seen => "list of first-seen times",
            ObjectKind::Usage => "usage count",
            ObjectKind::SnapshotSize => "size of a snapshot",
            ObjectKind::Format => "format file",
        })
    }
}
