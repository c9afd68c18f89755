//! The layer that a copy makes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::Error;
use super::made::FileId;
use super::owner::Owner;
use super::placed::{Content, Placed};
use super::selection::{Item, Match, Selection, What};
use super::slots::{NewDirectory, Slots};
use super::unpack::unpack;
use crate::graph::{Chmod, Copy};
use crate::oci::{Digest, LAYER_EPOCH};
use crate::tree::{Entries, Entry, Kind, Place, RootPath, Stack, Time};

/// What the selection's archives hold, for those of [`Selection::archive_candidates`] that are archives.
pub type Archives = BTreeMap<Place, Entries>;

/// Makes the layer's entries. `owner` is what `--chown` names, looked up by [`super::chown_owner`]; `archives` is empty
/// unless `copy` unpacks.
///
/// Sources are written one after the other, so that a later one replaces or merges with an earlier one. With `--link`
/// the destination is an empty tree: what it really has is neither looked at nor followed.
pub fn place(
    copy: &Copy,
    selection: Selection,
    destination: &Stack,
    owner: Option<Owner>,
    archives: &Archives,
) -> Result<Layer, Error> {
    let empty = Stack::default();
    let base = if copy.link { &empty } else { destination };
    let mut writer = Writer { copy, owner, slots: Slots::over(base), alone: None, replaced: None };
    for (number, Match { name, what, .. }) in selection.matches.into_iter().enumerate() {
        match what {
            What::Single(item) => match item.place.and_then(|place| Some((place, archives.get(&place)?))) {
                Some((place, entries)) => {
                    let below = writer.slots.resolve(&RootPath::clean(&copy.destination)?)?;
                    writer
                        .slots
                        .make_directories(&below, NewDirectory { mode: 0o755, ..writer.new_directory() })?;
                    let clamp = copy.epoch.map(|epoch| Time::from_seconds(epoch.0));
                    unpack(&mut writer.slots, &below, number, place, entries, owner, clamp)?;
                }
                None => writer.single(number, &name, *item)?,
            },
            What::Inline(content) => writer.inline(&name, &content)?,
            What::Directory { items, mtime } => writer.directory(number, items, mtime)?,
        }
    }
    Ok(Layer { entries: writer.slots.finish(), replaced: writer.replaced })
}

/// What a copy makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The layer's entries.
    pub entries: Vec<Placed>,
    /// A file that several sources were written to, one over the other: the destination is no directory.
    pub replaced: Option<RootPath>,
}

struct Writer<'a> {
    copy: &'a Copy,
    owner: Option<Owner>,
    slots: Slots<'a>,
    /// The file that the destination itself became.
    alone: Option<RootPath>,
    replaced: Option<RootPath>,
}

impl Writer<'_> {
    /// COMPAT: as BuildKit, octal `--chmod` is the mode of missing parents too, without its upper bits; a symbolic one
    /// is not.
    fn new_directory(&self) -> NewDirectory {
        let mode = match &self.copy.mode {
            Some(Chmod::Octal(mode)) => mode & 0o777,
            Some(Chmod::Symbolic(_)) | None => 0o755,
        };
        NewDirectory { mode, owner: self.owner.unwrap_or_default(), mtime: self.made_time() }
    }

    /// When nothing says a time, nothing asks the clock.
    fn made_time(&self) -> Time {
        Time::from_seconds(self.copy.epoch.unwrap_or(LAYER_EPOCH).0)
    }

    /// Whether the destination is a directory by how it is written.
    fn is_directory_written(&self) -> bool {
        let text = &self.copy.destination;
        text.ends_with('/') || text == "." || text.ends_with("/.")
    }

    /// Makes what must be there before anything is copied, and gives the destination without links.
    fn destination(&mut self) -> Result<RootPath, Error> {
        let path = RootPath::clean(&self.copy.destination)?;
        let needed =
            if self.is_directory_written() { path.clone() } else { path.parent().unwrap_or_default() };
        let needed = self.slots.resolve(&needed)?;
        self.slots.make_directories(&needed, self.new_directory())?;
        self.slots.resolve(&path)
    }

    /// The path of a copied file, and the directories above it.
    fn file_path(&mut self, name: &[u8]) -> Result<RootPath, Error> {
        let mut path = self.destination()?;
        if path.is_root() || self.slots.look(&path).is_some_and(|entry| entry.is_directory()) {
            path = path.join(name);
        } else if self.alone.replace(path.clone()).is_some_and(|before| before == path) {
            // COMPAT: as in BuildKit the last one stays.
            self.replaced = Some(path.clone());
        }
        // A link may have led where nothing is yet.
        self.slots.make_directories(&path.parent().unwrap_or_default(), self.new_directory())?;
        match self.slots.look(&path) {
            Some(entry) if entry.is_directory() => Err(Error::FileOverDirectory(path)),
            _ => Ok(path),
        }
    }

    fn single(&mut self, number: usize, name: &[u8], item: Item) -> Result<(), Error> {
        let path = self.file_path(name)?;
        self.write(number, item, path)
    }

    fn inline(&mut self, name: &[u8], content: &Arc<[u8]>) -> Result<(), Error> {
        let path = self.file_path(name)?;
        let kind = Kind::File { size: content.len() as u64, digest: Digest::of(content) };
        let entry = Entry { kind, mode: 0o644, ..Entry::directory(path, self.made_time()) };
        self.slots.write(self.changed(entry), Content::Inline(content.clone()), None)
    }

    /// Copies what a directory holds.
    fn directory(&mut self, number: usize, items: Vec<Item>, mtime: Time) -> Result<(), Error> {
        let top = self.destination()?;
        match self.slots.look(&top) {
            // It keeps its metadata. COMPAT: where times are kept it takes that of what is copied.
            Some(entry) if entry.is_directory() => {
                if self.copy.epoch.is_none() && !top.is_root() {
                    let entry = Entry { mtime, ..entry.into_owned() };
                    self.slots.write(entry, Content::None, None)?;
                }
            }
            Some(_) => return Err(Error::DirectoryOverFile(top)),
            None if top.is_root() => {}
            None => {
                let mtime = if self.copy.epoch.is_some() { self.made_time() } else { mtime };
                self.slots.make_directories(&top, NewDirectory { mtime, ..self.new_directory() })?;
            }
        }
        for item in items {
            let path = top.join_path(&item.entry.path);
            let there = self.slots.look(&path).map(Cow::into_owned);
            let is_there = there.as_ref().is_some_and(|entry| entry.is_directory());
            match (item.entry.is_directory(), &there) {
                (true, Some(_)) if !is_there => return Err(Error::DirectoryOverFile(path)),
                // COMPAT: a directory that is only on the way gives its mode to the one that is there, and nothing else.
                (true, Some(there)) if item.parent_only => {
                    if there.mode != item.entry.mode {
                        let entry = Entry { mode: item.entry.mode, ..there.clone() };
                        self.slots.write(entry, Content::None, None)?;
                    }
                    continue;
                }
                (false, Some(_)) if is_there => return Err(Error::FileOverDirectory(path)),
                _ => {}
            }
            self.write(number, item, path)?;
        }
        Ok(())
    }

    fn write(&mut self, matched: usize, item: Item, path: RootPath) -> Result<(), Error> {
        let content = item.place.map_or(Content::None, Content::Source);
        let file = item.place.map(|place| FileId { matched, place });
        let mut entry = self.changed(Entry { path, ..item.entry });
        if let (true, Some(there)) = (entry.is_directory(), self.slots.look(&entry.path)) {
            // Two directories become one: attributes of both, the rest from the source.
            for (name, value) in &there.xattrs {
                entry.xattrs.entry(name.clone()).or_insert(value.clone());
            }
        }
        self.slots.write(entry, content, file)
    }

    /// The entry with `--chown` and `--chmod`.
    fn changed(&self, mut entry: Entry) -> Entry {
        if let Some(Owner { uid, gid }) = self.owner {
            (entry.uid, entry.gid) = (uid, gid);
        }
        if let Some(mode) = self.copy.mode.as_ref().filter(|_| !matches!(entry.kind, Kind::Symlink(_))) {
            entry.mode = mode.apply(entry.mode, entry.is_directory());
        }
        entry
    }
}
