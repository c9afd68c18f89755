//! COPY, ADD and WORKDIR: entries chosen and placed by `copy`, bytes read once, a layer written once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chain::States;
use super::copy::{
    Archives, Content, Owner, OwnerFiles, Placed, Selection, chown_owner, directory_owner, make_directory,
    needs_files, place,
};
use super::error::Error;
use super::exec::identity::IdentityFiles;
use super::perform::{Doing, Worker};
use super::sources::{SourceContents, Sources};
use super::trees::Tree;
use crate::graph::{Copy, Input, MakeDirectory, Step};
use crate::layer::{Limits, Purpose};
use crate::oci::DiffId;
use crate::progress::{Event, Warning};
use crate::source::{Archive, is_archive, read_archive};
use crate::tree::{Place, Stack};

impl Worker<'_> {
    /// Makes the layer of a COPY or ADD.
    pub(super) fn copy(
        &self,
        step: &Step,
        copy: &Copy,
        doing: Doing,
        states: &States,
    ) -> Result<DiffId, Error> {
        let source = self.sources(copy, states)?;
        let selection = source.select(copy)?;
        for unmatched in &selection.unmatched {
            self.warn(step, format!("{:?} matched no file: nothing is copied", unmatched.pattern));
        }
        let spared: Vec<String> = selection.spared().map(|name| format!("{name:?}")).collect();
        if !spared.is_empty() {
            let names = spared.join(", ");
            let why = "--exclude acts on what is in a directory, not on a source that is itself a file";
            self.warn(step, format!("{names} is copied although an --exclude matches: {why}"));
        }
        // A linked layer depends on no base, so nobody looks at it: one that is elsewhere stays there.
        let base = if copy.link { None } else { Some(self.tree(step.base, states)?) };
        let nothing = Stack::new(Vec::new());
        let destination = base.as_ref().map_or(&nothing, |base| &base.stack);
        let owner = match &copy.owner {
            Some(text) => Some(self.chown(text, base.as_ref())?),
            None => None,
        };
        let archives = self.archives(copy, &selection, &source)?;
        let lists: Archives =
            archives.iter().map(|(place, archive)| (*place, archive.list.entries.clone())).collect();
        let layer = place(copy, selection, destination, owner, &lists)?;
        if let Some(path) = &layer.replaced {
            let why = "it is no directory, and there is more than one source; write it with a / at the end";
            self.warn(step, format!("{path}: only the last source is there: {why}"));
        }
        self.write(copy, &layer.entries, &source, &archives, doing)
    }

    fn warn(&self, step: &Step, message: String) {
        let line = Some(step.location.first);
        self.sink.send(Event::Warned(Warning { rule: String::new(), message, line }));
    }

    /// Makes the layer of a WORKDIR.
    pub(super) fn make_directory(
        &self,
        step: &Step,
        directory: &MakeDirectory,
        doing: Doing,
        states: &States,
    ) -> Result<DiffId, Error> {
        let base = self.tree(step.base, states)?;
        let files = IdentityFiles::read(self.store, &base, &self.identities)?;
        let (owner, unknown) =
            directory_owner(&directory.user, files.as_owner_files()).map_err(super::copy::Error::Owner)?;
        let mut writer = self.store.layer_writer_as(doing.form)?;
        let entries = make_directory(directory, &base.stack, owner)?;
        if let Some(unknown) = unknown.filter(|_| !entries.is_empty()) {
            self.warn(step, format!("{} belongs to root: {unknown}", directory.path));
        }
        for entry in entries {
            writer.entry(&entry, None)?;
        }
        Ok(self.knows(writer.commit()?))
    }

    /// A name is looked up in `base`; a linked layer has none, so there is nothing to look it up in.
    fn chown(&self, text: &str, base: Option<&Tree<'_>>) -> Result<Owner, Error> {
        let files = match (needs_files(text), base) {
            ((false, false), _) | (_, None) => IdentityFiles::default(),
            (_, Some(base)) => IdentityFiles::read(self.store, base, &self.identities)?,
        };
        let files: OwnerFiles<'_> = files.as_owner_files();
        Ok(chown_owner(text, files).map_err(super::copy::Error::Owner)?)
    }

    /// The archives among what ADD selected, each read once.
    fn archives(
        &self,
        copy: &Copy,
        selection: &Selection,
        source: &Sources<'_>,
    ) -> Result<BTreeMap<Place, Archive>, Error> {
        let mut archives = BTreeMap::new();
        let places = selection.archive_candidates(copy.unpack);
        if places.is_empty() {
            return Ok(archives);
        }
        let contents = source.contents(self.store, &places)?;
        let limits = Limits::default();
        for place in places {
            let entry = source.entry(place);
            let is = is_archive(contents.open(place)?, &limits)
                .map_err(Error::io(format!("reading {}", entry.path)))?;
            if !is {
                continue;
            }
            let spool = self.spool()?;
            let (name, bytes) = (entry.path.to_string(), contents.open(place)?);
            let archive = read_archive(&name, bytes, spool, &limits, Purpose::Unpack)?;
            archives.insert(place, archive);
        }
        Ok(archives)
    }

    /// An empty file without a name, on the store's file system.
    pub(super) fn spool(&self) -> Result<std::fs::File, Error> {
        let directory = self.store.temp_dir()?;
        tempfile::tempfile_in(directory.path()).map_err(Error::io("making a temporary file in the store"))
    }

    fn write(
        &self,
        copy: &Copy,
        placed: &[Placed],
        source: &Sources<'_>,
        archives: &BTreeMap<Place, Archive>,
        doing: Doing,
    ) -> Result<DiffId, Error> {
        let places: Vec<Place> = placed
            .iter()
            .filter_map(|placed| match placed.content {
                Content::Source(place) => Some(place),
                Content::None | Content::Inline(_) | Content::Archive { .. } => None,
            })
            .collect();
        let contents: SourceContents<'_> = source.contents(self.store, &places)?;
        drop(places);
        let mut writer = self.copy_writer(copy, placed, doing)?;
        for (number, Placed { entry, content }) in placed.iter().enumerate() {
            // A system call: not for each of many small files. What is large stops by itself, in the store.
            if number % 64 == 0 && self.cancel.is_fired() {
                return Err(Error::Canceled);
            }
            if writer.repeated(number, entry)? {
                continue;
            }
            match content {
                Content::None => writer.entry(entry, None)?,
                Content::Source(place) => {
                    let settled = &mut |out: &mut Vec<u8>| contents.read_settled(*place, out);
                    if !writer.settled(entry, settled)? {
                        writer.entry(entry, Some(&mut contents.open(*place)?))?;
                    }
                }
                Content::Inline(bytes) => writer.entry(entry, Some(&mut &bytes[..]))?,
                Content::Archive { archive, member } => {
                    writer.entry(entry, Some(&mut archives[archive].content(*member)))?;
                }
            }
        }
        let layer = writer.commit()?;
        if layer.can_be_repeated() {
            self.put_before(copy, layer.diff_id)?;
        }
        Ok(self.knows(layer))
    }

    /// A layer that holds a part of a tree at its root: what a bind mount of a context shows.
    pub(super) fn subtree_layer(
        &self,
        input: Input,
        at: &crate::tree::RootPath,
        states: &States,
    ) -> Result<Arc<crate::store::Layer>, Error> {
        let tree = self.tree(input, states)?;
        let nodes: Vec<_> = tree.stack.walk(at).collect();
        let places: Vec<Place> = nodes.iter().filter_map(|node| node.place).collect();
        let contents = tree.contents(self.store, &places)?;
        let mut writer = self.store.layer_writer()?;
        for node in nodes {
            let mut entry = node.entry;
            entry.path = entry.path.strip_prefix(at).expect("a walk stays below where it began");
            if entry.path.is_root() && entry.is_directory() {
                continue;
            }
            if entry.path.is_root() {
                // A mount of one file: it gets a name of its own in the layer.
                entry.path = crate::tree::RootPath::root().join("file");
            }
            match node.place {
                Some(place) => writer.entry(&entry, Some(&mut contents.open(place)?))?,
                None => writer.entry(&entry, None)?,
            }
        }
        Ok(writer.commit()?)
    }
}
