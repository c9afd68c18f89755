//! The layer that a RUN made: its changes in canonical form.
//!
//! What comes out depends on the merged trees before and after alone, not on how a snapshot backend came to report the
//! change: a file that was opened for writing and not written, or a directory that overlayfs copied up, leaves nothing.

use std::collections::BTreeMap;

use super::chosen::Chosen;
use super::entry::{Entry, Kind, Time};
use super::error::Error;
use super::path::RootPath;
use super::stack::{Node, Place, Stack};
use super::xattrs::allowed;
use crate::oci::Epoch;

/// One entry of a RUN's layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The entry as it goes into the layer.
    pub entry: Entry,
    /// Where its bytes are.
    pub from: Content,
}

/// Where the bytes of a changed entry are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// In the upper directory, at this path (which another name of the same file may have).
    Upper(RootPath),
    /// It has none: everything but a regular file.
    None,
}

/// The canonical layer for what an overlay's upper directory holds: `upper`, sorted, with its own whiteouts, opaque
/// directories and hard links (each to a regular file of `upper`).
///
/// Whiteouts are explicit and only for what exists below; parents of what changed are in; a group of hard links is there
/// whole or not at all, its smallest path being the file; what equals the lower tree is left out; times are clamped to
/// `epoch`; extended attributes are those that a layer may carry. A directory whose time alone changed did not change,
/// and one that exists below keeps the time that it has there: whether something was made and removed in it is an
/// accident.
pub fn run_layer(lower: &Stack, upper: Vec<Entry>, epoch: Epoch) -> Result<Vec<Changed>, Error> {
    let mut upper = upper;
    for entry in &mut upper {
        if entry.path.name().starts_with(b".wh.") {
            return Err(Error::WhiteoutName(entry.path.to_string()));
        }
        entry.xattrs = allowed(&entry.xattrs);
    }
    let merged = lower.push(upper.into());
    let mut run = Run { lower, merged: &merged, epoch, chosen: Chosen::new() };
    let upper = merged.layers().last().expect("it was just pushed");
    let mut opaque: Option<&RootPath> = None;
    let mut links: BTreeMap<&RootPath, Vec<&RootPath>> = BTreeMap::new();
    for entry in upper.iter() {
        if let Kind::Hardlink(target) = &entry.kind {
            links.entry(target).or_default().push(&entry.path);
        }
    }
    for entry in upper.iter() {
        opaque = opaque.filter(|above| entry.path.starts_with(above));
        match &entry.kind {
            Kind::Whiteout => {
                if lower.find(&entry.path).is_some() {
                    run.remove(entry.path.clone());
                }
            }
            Kind::Directory | Kind::OpaqueDirectory => {
                if opaque.is_none() && entry.kind == Kind::OpaqueDirectory {
                    opaque = Some(&entry.path);
                }
                run.directory(entry, opaque.is_some());
            }
            Kind::Hardlink(_) => {}
            Kind::File { .. } => run.file(entry, links.get(&entry.path).map_or(&[], Vec::as_slice)),
            _ => {
                if !run.equals(entry, lower.get(&entry.path).as_ref()) {
                    run.add(entry.path.clone(), entry);
                }
            }
        }
    }
    let Run { chosen, .. } = run;
    let parent = |path: RootPath| {
        merged.get(&path).map(|node| (canonical_directory(lower, node.entry, epoch), Content::None))
    };
    Ok(chosen.finish(parent).into_iter().map(|(entry, from)| Changed { entry, from }).collect())
}

/// A directory as the layer has it.
fn canonical_directory(lower: &Stack, directory: Entry, epoch: Epoch) -> Entry {
    let below = lower.get(&directory.path).filter(|node| node.entry.is_directory());
    let mtime = below.map_or(directory.mtime, |node| node.entry.mtime).clamp(epoch);
    Entry { kind: Kind::Directory, mtime, xattrs: allowed(&directory.xattrs), ..directory }
}

struct Run<'a> {
    lower: &'a Stack,
    merged: &'a Stack,
    epoch: Epoch,
    chosen: Chosen<Content>,
}

impl Run<'_> {
    fn remove(&mut self, path: RootPath) {
        self.chosen.add(Entry::whiteout(path, Time::from_seconds(self.epoch.0)), Content::None);
    }

    /// Adds `like` under another path.
    fn add(&mut self, path: RootPath, like: &Entry) {
        let from = match like.kind {
            Kind::File { .. } => Content::Upper(like.path.clone()),
            _ => Content::None,
        };
        self.chosen.add(Entry { path, mtime: like.mtime.clamp(self.epoch), ..like.clone() }, from);
    }

    /// A directory; `opaque` if nothing of the lower tree shows in it.
    fn directory(&mut self, entry: &Entry, opaque: bool) {
        let below = self.lower.get(&entry.path).filter(|node| node.entry.is_directory());
        if opaque && below.is_some() {
            for child in self.lower.children(&entry.path) {
                if self.merged.find(&child.entry.path).is_none() {
                    self.remove(child.entry.path);
                }
            }
        }
        let same = below.is_some_and(|node| same_owner(entry, &node.entry));
        if !same {
            let entry = canonical_directory(self.lower, entry.clone(), self.epoch);
            self.chosen.add(entry, Content::None);
        }
    }

    /// A regular file and its other names.
    fn file(&mut self, file: &Entry, links: &[&RootPath]) {
        let names = || [&file.path].into_iter().chain(links.iter().copied());
        let nodes: Vec<Option<Node>> = names().map(|name| self.lower.get(name)).collect();
        let place = |node: &Option<Node>| node.as_ref().and_then(|node| node.place);
        let same = |node: &Option<Node>| self.equals(file, node.as_ref());
        // Names of one file that were names of different files are a change as well.
        if nodes.iter().all(|node| same(node) && place(node) == place(&nodes[0])) {
            return;
        }
        let mut members: Vec<RootPath> = names().cloned().collect();
        // overlayfs takes one name of a file up and leaves the others below; the file is still one.
        if !links.is_empty() {
            for node in nodes.iter().filter(|node| same(node)) {
                members.extend(place(node).into_iter().flat_map(|place| self.names(place)));
            }
        }
        members.sort();
        members.dedup();
        let (first, rest) = members.split_first().expect("a file has a name");
        self.add(first.clone(), file);
        for name in rest {
            self.add(name.clone(), &Entry { kind: Kind::Hardlink(first.clone()), ..file.clone() });
        }
    }

    /// The names of a lower file that still are names of it.
    fn names(&self, place: Place) -> Vec<RootPath> {
        let first = &self.lower.entry(place).path;
        let layer = &self.lower.layers()[place.layer];
        let links =
            layer.iter().filter(|entry| matches!(&entry.kind, Kind::Hardlink(target) if target == first));
        let names = [first].into_iter().chain(links.map(|entry| &entry.path));
        names.filter(|name| self.merged.place(name) == Some(place)).cloned().collect()
    }

    /// Whether an entry that is no directory is what the lower tree has.
    fn equals(&self, entry: &Entry, below: Option<&Node>) -> bool {
        let Some(Node { entry: below, .. }) = below else { return false };
        // Untouched, or touched to what it is recorded as anyway.
        let same_time = entry.mtime == below.mtime || entry.mtime.clamp(self.epoch) == below.mtime;
        entry.kind == below.kind && same_time && same_owner(entry, below)
    }
}

/// Whether all but kind and time is equal; `entry` has its extended attributes filtered.
fn same_owner(entry: &Entry, below: &Entry) -> bool {
    let Entry { path: _, kind: _, mode, uid, gid, mtime: _, xattrs } = entry;
    (mode, uid, gid) == (&below.mode, &below.uid, &below.gid) && *xattrs == allowed(&below.xattrs)
}

#[cfg(test)]
mod tests;
