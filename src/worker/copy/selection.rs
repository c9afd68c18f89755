//! What a copy reads.

use std::sync::Arc;

use crate::oci::Digest;
use crate::tree::{Entry, Place};

/// What a copy reads, in the order of its sources.
#[derive(Clone, Debug)]
pub struct Selection {
    pub(super) matches: Vec<Match>,
    /// Patterns that matched nothing: a warning each.
    pub unmatched: Vec<Unmatched>,
}

/// A source that selects nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// As it was written.
    pub pattern: String,
}

/// One thing that a source names.
#[derive(Clone, Debug)]
pub(super) struct Match {
    /// The last component of the path before links were followed: what a file is called in a directory.
    pub(super) name: Vec<u8>,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A directory's contents, paths relative to it, sorted; without the directory itself, of which only the time is
    /// ever used.
    Directory { items: Vec<Item>, mtime: crate::tree::Time },
    /// Anything else; its path is the root.
    Single(Item),
    /// A here-document.
    Inline(Arc<[u8]>),
}

/// One entry that is copied.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) place: Option<Place>,
    /// A directory that was not asked for itself, but holds what was: it is made only where it is missing.
    pub(super) parent_only: bool,
}

impl Selection {
    /// For the key: every field of every entry, under names relative to what selected it.
    pub fn digest(&self) -> Digest {
        todo!()
    }

    /// The regular files that ADD unpacks if they turn out to be archives.
    pub fn archive_candidates(&self) -> Vec<Place> {
        todo!()
    }
}
