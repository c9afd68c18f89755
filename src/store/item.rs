//! The things that are counted and pruned.

use std::fmt;

/// The kinds of things that are counted and pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ItemKind {
    /// A layer: record, entry list and blob.
    Layer,
    /// A blob that is no layer: manifests, configs, downloads.
    Blob,
    /// A key record.
    Record,
    /// Layers materialised for a RUN.
    Snapshot,
    /// One directory of a cache mount.
    CacheMount,
    /// A step's output.
    Log,
    /// What is known of a context's files.
    StatCache,
    /// A name.
    Name,
    /// What live processes are writing.
    Temporary,
}

impl ItemKind {
    /// All of them.
    pub const ALL: [ItemKind; 9] = [
        ItemKind::Layer,
        ItemKind::Blob,
        ItemKind::Record,
        ItemKind::Snapshot,
        ItemKind::CacheMount,
        ItemKind::Log,
        ItemKind::StatCache,
        ItemKind::Name,
        ItemKind::Temporary,
    ];

    /// As it stands in a filter: `cache-mount`.
    pub fn as_str(self) -> &'static str {
        match self {
            ItemKind::Layer => "layer",
            ItemKind::Blob => "blob",
            ItemKind::Record => "record",
            ItemKind::Snapshot => "snapshot",
            ItemKind::CacheMount => "cache-mount",
            ItemKind::Log => "log",
            ItemKind::StatCache => "stat-cache",
            ItemKind::Name => "name",
            ItemKind::Temporary => "temporary",
        }
    }
}

impl fmt::Display for ItemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing in a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// A digest, a cache mount's id and number, a context's path, a reference.
    pub id: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// Seconds since 1970 of the last use.
    pub last_used: i64,
    /// The names that keep it.
    pub kept_by: Vec<String>,
}
