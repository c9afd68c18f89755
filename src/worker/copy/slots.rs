//! The layer in the making, over the tree that it will lie on.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, btree_map};

use super::error::Error;
use super::made::{FileId, Made, Slot};
use super::owner::Owner;
use super::placed::{Content, Placed};
use crate::oci::LAYER_EPOCH;
use crate::tree::{Entry, Kind, Last, RootPath, Stack, Time, allowed_xattrs};

/// What has been written so far, path by path, and what the tree looks like with it.
pub(super) struct Slots<'a> {
    base: &'a Stack,
    made: Made,
    /// Directories of the base that something else took the place of: all they held is gone.
    gone: BTreeSet<RootPath>,
    /// The base with what was written, as far as links need it.
    view: Stack,
    /// Whether links or what stands in for directories have been written that `view` does not have.
    stale: bool,
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
        Slots { base, made: Made::default(), gone: BTreeSet::new(), view: base.clone(), stale: false }
    }

    /// What is at `path` now; no link is followed.
    pub(super) fn look(&self, path: &RootPath) -> Option<Cow<'_, Entry>> {
        if let Some(slot) = self.made.get(path) {
            return Some(Cow::Borrowed(&slot.entry));
        }
        let hidden = !self.gone.is_empty()
            && path.ancestors().any(|above| {
                self.gone.contains(&above)
                    || self.made.get(&above).is_some_and(|slot| !slot.entry.is_directory())
            });
        if hidden { None } else { self.base.get(path).map(|node| Cow::Owned(node.entry)) }
    }

    /// The path without links.
    pub(super) fn resolve(&mut self, path: &RootPath) -> Result<RootPath, Error> {
        if self.stale {
            let listed = assemble(self.made.clone(), self.beside());
            let entries: Vec<Entry> = listed.into_iter().map(|placed| placed.entry).collect();
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
        let below = self.base.get(&entry.path).map(|node| node.entry.kind);
        let made = self.made.get(&entry.path).map(|slot| &slot.entry.kind);
        // What links lead to is different from now on.
        let links = [below.as_ref(), made, Some(&entry.kind)];
        self.stale |= links.into_iter().flatten().any(|kind| matches!(kind, Kind::Symlink(_)));
        let was_directory = below == Some(Kind::Directory);
        self.stale |= below.is_some() && was_directory != entry.is_directory();
        if !entry.is_directory() {
            if made == Some(&Kind::Directory) {
                self.remove_below(&entry.path);
            }
            if was_directory {
                self.gone.insert(entry.path.clone());
            }
        }
        self.made.insert(Slot { entry, content, file });
        Ok(())
    }

    /// Removes what is at `path`, in the place of which something is written next.
    pub(super) fn clear(&mut self, path: &RootPath) {
        self.remove_below(path);
        if self.base.get(path).is_some_and(|node| node.entry.is_directory()) {
            self.gone.insert(path.clone());
        }
    }

    fn remove_below(&mut self, path: &RootPath) {
        self.made.remove_below(path);
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
    pub(super) fn finish(mut self) -> Vec<Placed> {
        let beside = self.beside();
        let made = std::mem::take(&mut self.made);
        assemble(made, beside)
    }

    /// What comes into the layer beside what was written.
    fn beside(&self) -> BTreeMap<RootPath, Placed> {
        let mut beside = BTreeMap::new();
        for slot in self.made.iter() {
            self.add_parents(&slot.entry.path, &mut beside);
        }
        // A directory that came in the place of what had taken the place of a directory of the base: what that one held
        // must not come back.
        for path in &self.gone {
            if self.made.get(path).is_some_and(|slot| slot.entry.is_directory()) {
                self.hide_below(path, &mut beside);
            }
        }
        beside
    }

    /// Existing parents, with exactly the metadata that they have: a reader of the layer alone makes them right.
    fn add_parents(&self, path: &RootPath, beside: &mut BTreeMap<RootPath, Placed>) {
        let mut above = path.parent();
        // One that was written here comes by itself, and so do its parents.
        let known =
            |path: &RootPath| path.is_root() || beside.contains_key(path) || self.made.get(path).is_some();
        let mut missing = Vec::new();
        while let Some(path) = above.filter(|path| !known(path)) {
            above = path.parent();
            missing.push(path);
        }
        for path in missing {
            if let Some(node) = self.base.get(&path) {
                let mtime = Time::from_seconds(node.entry.mtime.seconds);
                let entry = Entry { mtime, xattrs: allowed_xattrs(&node.entry.xattrs), ..node.entry };
                beside.insert(path, Placed { entry, content: Content::None });
            }
        }
    }

    fn hide_below(&self, path: &RootPath, beside: &mut BTreeMap<RootPath, Placed>) {
        for node in self.base.children(path) {
            let path = node.entry.path;
            match self.made.get(&path) {
                // Two directories would merge.
                Some(slot) if slot.entry.is_directory() && node.entry.kind == Kind::Directory => {
                    self.hide_below(&path, beside);
                }
                Some(_) => {}
                None => {
                    let entry = Entry::whiteout(path.clone(), Time::from_seconds(LAYER_EPOCH.0));
                    beside.insert(path, Placed { entry, content: Content::None });
                }
            }
        }
    }
}

/// Both in one order; the first name of a file is the file, the others are links to it.
fn assemble(made: Made, beside: BTreeMap<RootPath, Placed>) -> Vec<Placed> {
    let linked = linked(&made);
    let mut all = Vec::with_capacity(made.len() + beside.len());
    let mut beside = beside.into_iter().peekable();
    let mut first: BTreeMap<FileId, usize> = BTreeMap::new();
    for Slot { mut entry, mut content, file } in made {
        while let Some((_, placed)) = beside.next_if(|(before, _)| *before < entry.path) {
            all.push(placed);
        }
        // ORDER: by path, so that which name is the file depends on names alone.
        if let Some(file) = file.filter(|file| linked.contains(file)) {
            match first.entry(file) {
                btree_map::Entry::Vacant(vacant) => drop(vacant.insert(all.len())),
                btree_map::Entry::Occupied(at) => {
                    let target: &Placed = &all[*at.get()];
                    entry.kind = Kind::Hardlink(target.entry.path.clone());
                    content = Content::None;
                }
            }
        }
        all.push(Placed { entry, content });
    }
    all.extend(beside.map(|(_, placed)| placed));
    all
}

/// The files that have more than one name: few.
fn linked(made: &Made) -> BTreeSet<FileId> {
    let mut files: Vec<FileId> = made.iter().filter_map(|slot| slot.file).collect();
    files.sort_unstable();
    files.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}
