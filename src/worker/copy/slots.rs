//! The layer in the making, over the tree that it will lie on.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use super::owner::Owner;
use super::placed::{Content, Placed};
use crate::oci::LAYER_EPOCH;
use crate::tree::{Entry, Kind, Last, Place, RootPath, Stack, Time, allowed_xattrs};

/// What has been written so far, path by path, and what the tree looks like with it.
pub(super) struct Slots<'a> {
    base: &'a Stack,
    made: BTreeMap<RootPath, Slot>,
    /// Directories of the base that something else took the place of: all they held is gone.
    gone: BTreeSet<RootPath>,
    /// The base with what was written, as far as links need it.
    view: Stack,
    /// Whether links or what stands in for directories have been written that `view` does not have.
    stale: bool,
}

struct Slot {
    entry: Entry,
    content: Content,
    /// Equal for names of one file.
    file: Option<FileId>,
}

/// A file of one match, whatever its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileId {
    pub(super) matched: usize,
    pub(super) place: Place,
}

/// How missing directories are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewDirectory {
    pub(super) mode: u32,
    pub(super) owner: Owner,
    pub(super) mtime: Time,
}

impl<'a> Slots<'a> {
    pub(super) fn over(base: &'a Stack) -> Slots<'a> {
        Slots { base, made: BTreeMap::new(), gone: BTreeSet::new(), view: base.clone(), stale: false }
    }

    /// What is at `path` now; no link is followed.
    pub(super) fn look(&self, path: &RootPath) -> Option<Entry> {
        if let Some(slot) = self.made.get(path) {
            return Some(slot.entry.clone());
        }
        let hidden = !self.gone.is_empty()
            && path.ancestors().any(|above| {
                self.gone.contains(&above)
                    || self.made.get(&above).is_some_and(|slot| !slot.entry.is_directory())
            });
        if hidden { None } else { self.base.get(path).map(|node| node.entry) }
    }

    /// The path without links.
    pub(super) fn resolve(&mut self, path: &RootPath) -> Result<RootPath, Error> {
        if self.stale {
            let entries: Vec<Entry> = self.listed().into_iter().map(|placed| placed.entry).collect();
            self.view = self.base.push(entries.into());
            self.stale = false;
        }
        Ok(self.view.resolve(path, Last::Follow)?)
    }

    /// Writes one entry, in the place of whatever was there. What a directory held stays only if this is a directory.
    pub(super) fn write(
        &mut self,
        mut entry: Entry,
        content: Content,
        file: Option<FileId>,
    ) -> Result<(), Error> {
        if entry.path.name().starts_with(b".wh.") {
            return Err(Error::Whiteout(entry.path));
        }
        if !entry.xattrs.is_empty() {
            entry.xattrs = allowed_xattrs(&entry.xattrs);
        }
        let before = self.base.get(&entry.path).map(|node| node.entry.is_directory());
        if !entry.is_directory() {
            if self.made.get(&entry.path).is_some_and(|slot| slot.entry.is_directory()) {
                self.remove_below(&entry.path);
            }
            if before == Some(true) {
                self.gone.insert(entry.path.clone());
            }
        }
        let replaces = before.is_some_and(|directory| directory != entry.is_directory());
        self.stale |= replaces || matches!(entry.kind, Kind::Symlink(_));
        self.made.insert(entry.path.clone(), Slot { entry, content, file });
        Ok(())
    }

    fn remove_below(&mut self, path: &RootPath) {
        let below = self.made.range(path.clone()..).map(|(path, _)| path).take_while(|p| p.starts_with(path));
        let below: Vec<RootPath> = below.cloned().collect();
        below.iter().for_each(|path| drop(self.made.remove(path)));
        self.stale = true;
    }

    /// Makes `path`, which has no links in it, a directory, and all above it.
    pub(super) fn make_directories(&mut self, path: &RootPath, new: NewDirectory) -> Result<(), Error> {
        for path in path.ancestors().skip(1).chain((!path.is_root()).then(|| path.clone())) {
            match self.look(&path) {
                Some(entry) if entry.is_directory() => {}
                Some(_) => return Err(Error::NotADirectory(path)),
                None => {
                    let NewDirectory { mode, owner: Owner { uid, gid }, mtime } = new;
                    let entry = Entry { mode, uid, gid, ..Entry::directory(path, mtime) };
                    self.write(entry, Content::None, None)?;
                }
            }
        }
        Ok(())
    }

    /// The layer's entries.
    pub(super) fn finish(self) -> Vec<Placed> {
        self.listed()
    }

    fn listed(&self) -> Vec<Placed> {
        let mut all: BTreeMap<RootPath, Placed> = BTreeMap::new();
        let mut first: BTreeMap<FileId, &RootPath> = BTreeMap::new();
        for (path, slot) in &self.made {
            self.add_parents(path, &mut all);
            let mut placed = Placed { entry: slot.entry.clone(), content: slot.content.clone() };
            // ORDER: the first name in the order of paths is the file, the others are links to it.
            match slot.file.map(|file| (file, first.get(&file))) {
                Some((_, Some(target))) => {
                    placed.entry.kind = Kind::Hardlink((*target).clone());
                    placed.content = Content::None;
                }
                Some((file, None)) => drop(first.insert(file, path)),
                None => {}
            }
            all.insert(path.clone(), placed);
        }
        self.add_whiteouts(&mut all);
        all.into_values().collect()
    }

    /// Existing parents, with exactly the metadata that they have: a reader of the layer alone makes them right.
    fn add_parents(&self, path: &RootPath, all: &mut BTreeMap<RootPath, Placed>) {
        let mut above = path.parent();
        while let Some(path) = above.filter(|path| !path.is_root() && !all.contains_key(path)) {
            above = path.parent();
            // One that was made here comes by itself, before what it holds.
            if let Some(node) = self.base.get(&path).filter(|_| !self.made.contains_key(&path)) {
                let mtime = Time::from_seconds(node.entry.mtime.seconds);
                let entry = Entry { mtime, xattrs: allowed_xattrs(&node.entry.xattrs), ..node.entry };
                all.insert(path, Placed { entry, content: Content::None });
            }
        }
    }

    /// A directory that came in the place of what had taken the place of a directory of the base: what that held must
    /// not come back.
    fn add_whiteouts(&self, all: &mut BTreeMap<RootPath, Placed>) {
        for path in &self.gone {
            if self.made.get(path).is_some_and(|slot| slot.entry.is_directory()) {
                self.hide_below(path, all);
            }
        }
    }

    fn hide_below(&self, path: &RootPath, all: &mut BTreeMap<RootPath, Placed>) {
        for node in self.base.children(path) {
            let path = node.entry.path;
            match self.made.get(&path) {
                // Two directories would merge.
                Some(slot) if slot.entry.is_directory() && node.entry.kind == Kind::Directory => {
                    self.hide_below(&path, all);
                }
                Some(_) => {}
                None => {
                    let entry = Entry::whiteout(path.clone(), Time::from_seconds(LAYER_EPOCH.0));
                    all.insert(path, Placed { entry, content: Content::None });
                }
            }
        }
    }
}
