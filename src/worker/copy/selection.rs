//! What a copy reads.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::graph::Unpack;
use crate::oci::{Digest, Hasher};
use crate::tree::{Entry, Kind, Place, Time, entries_digest};

/// What a copy reads, in the order of its sources.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub(super) matches: Vec<Match>,
    /// Sources that select nothing, which is no error but worth a warning.
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
    /// What a file is called in a directory: the last component of the path before links were followed.
    pub(super) name: Vec<u8>,
    pub(super) what: What,
    /// Whether it was fetched by ADD, whose archives are unpacked only where that was asked for.
    pub(super) fetched: bool,
    /// Whether it is a file that `--exclude` names, and that is copied all the same because it is a source.
    pub(super) spared: bool,
}

impl Match {
    /// Counts the layers of all places from `first` on.
    pub(super) fn shift(&mut self, first: usize) {
        let shift = |item: &mut Item| {
            if let Some(place) = &mut item.place {
                place.layer += first;
            }
        };
        match &mut self.what {
            What::Directory { items, .. } => items.iter_mut().for_each(shift),
            What::Single(item) => shift(item),
            What::Inline(_) => {}
        }
    }
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A directory's contents, sorted, paths relative to it.
    Directory {
        items: Vec<Item>,
        /// The directory's own time, where times are kept; nothing else of it is ever used.
        mtime: Time,
    },
    /// Anything else; its path is the root.
    Single(Box<Item>),
    /// A here-document.
    Inline(Arc<[u8]>),
}

/// One entry that is copied.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) entry: Entry,
    /// Where a regular file's bytes are in the source.
    pub(super) place: Option<Place>,
    /// A directory that was not asked for itself but holds what was: it is made only where it is missing.
    pub(super) parent_only: bool,
}

impl Selection {
    /// Files that `--exclude` names and that are copied all the same.
    pub fn spared(&self) -> impl Iterator<Item = String> + '_ {
        let spared = self.matches.iter().filter(|found| found.spared);
        spared.map(|found| String::from_utf8_lossy(&found.name).into_owned())
    }

    /// For the key: every field of every entry, under names relative to what selected it, and which are one file.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new();
        let mut part = |tag: u8, name: &[u8], digest: Digest| {
            hasher.update(&[tag]);
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name);
            hasher.update(digest.as_bytes());
        };
        for Match { name, what, fetched: _, spared: _ } in &self.matches {
            match what {
                What::Directory { items, mtime } => {
                    part(b'd', &time_bytes(*mtime), items_digest(items));
                    let flags: Vec<u8> = items.iter().map(|item| u8::from(item.parent_only)).collect();
                    part(b'p', b"", Digest::of(&flags));
                }
                What::Single(item) => part(b's', name, entries_digest(std::iter::once(&item.entry))),
                What::Inline(content) => part(b'i', name, Digest::of(content)),
            }
        }
        hasher.finish()
    }

    /// The regular files that are unpacked if they turn out to be archives.
    pub fn archive_candidates(&self, unpack: Unpack) -> Vec<Place> {
        let place = |found: &Match| match (&found.what, unpack) {
            (_, Unpack::Never) => None,
            (_, Unpack::Local) if found.fetched => None,
            (What::Single(item), _) => item.place,
            (What::Directory { .. } | What::Inline(_), _) => None,
        };
        let mut places: Vec<Place> = self.matches.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

fn time_bytes(time: Time) -> [u8; 8] {
    time.seconds.to_le_bytes()
}

/// Names of one file are told apart from equal files: they become links.
fn items_digest(items: &[Item]) -> Digest {
    let mut places: Vec<Place> = items.iter().filter_map(|item| item.place).collect();
    places.sort_unstable();
    let linked = places.windows(2).any(|pair| pair[0] == pair[1]);
    if !linked {
        return entries_digest(items.iter().map(|item| &item.entry));
    }
    let mut first = BTreeMap::new();
    let entries: Vec<Entry> = items
        .iter()
        .map(|item| {
            let mut entry = item.entry.clone();
            if let Some(place) = item.place {
                match first.get(&place) {
                    Some(path) => entry.kind = Kind::Hardlink(Clone::clone(path)),
                    None => drop(first.insert(place, entry.path.clone())),
                }
            }
            entry
        })
        .collect();
    entries_digest(entries.iter())
}
