//! An archive as a build context.

use super::archive::Archive;
use super::error::Error;
use super::modes::{ContextModes, normalise};
use crate::oci::Epoch;
use crate::tree::{Entries, Entry, Kind, Matched, Patterns, RootPath, Time};

/// Entries, sorted; for each the member that holds its bytes; and how many entries lost permission bits.
pub type ArchiveContext = (Entries, Vec<usize>, usize);

impl Archive {
    /// The archive as a build context: entries normalised as those of a directory are, with all their parents and
    /// without the root. Hard links become separate files.
    pub fn context(
        &self,
        ignore: &Patterns,
        modes: ContextModes,
        epoch: Option<Epoch>,
    ) -> Result<ArchiveContext, Error> {
        let mut listing = Listing {
            ignore,
            modes,
            epoch,
            above: Vec::new(),
            entries: Vec::new(),
            members: Vec::new(),
            loosened: 0,
        };
        for (index, member) in self.list.entries.iter().enumerate() {
            let (kind, member_of) = self.context_kind(index, member)?;
            if member.path.is_root() {
                continue;
            }
            let source = &self.list.entries[member_of];
            listing.add(Entry { path: member.path.clone(), kind, ..source.clone() }, member_of);
        }
        Ok((listing.entries.into(), listing.members, listing.loosened))
    }

    /// What a member is in a context, and which member its metadata and bytes are of.
    fn context_kind(&self, index: usize, member: &Entry) -> Result<(Kind, usize), Error> {
        let refuse =
            |reason| Error::Member { name: self.name.to_string(), path: member.path.clone(), reason };
        match &member.kind {
            Kind::Hardlink(target) => {
                let broken = || refuse("is a hard link to a file that the archive does not have");
                let entries = &self.list.entries;
                let index = entries.search(target).map_err(|_| broken())?;
                match &entries[index].kind {
                    kind @ Kind::File { .. } => Ok((kind.clone(), index)),
                    _ => Err(broken()),
                }
            }
            Kind::CharDevice { .. } | Kind::BlockDevice { .. } => {
                Err(refuse("is a device and cannot be copied into an image"))
            }
            Kind::Whiteout | Kind::OpaqueDirectory => {
                Err(refuse("has a name that begins with .wh., which would remove files in an image"))
            }
            kind => Ok((kind.clone(), index)),
        }
    }
}

struct Above {
    path: RootPath,
    matched: Option<Matched>,
    /// Left out, but not what may be in it.
    held: Option<Entry>,
}

struct Listing<'a> {
    ignore: &'a Patterns,
    modes: ContextModes,
    epoch: Option<Epoch>,
    above: Vec<Above>,
    entries: Vec<Entry>,
    members: Vec<usize>,
    loosened: usize,
}

impl Listing<'_> {
    fn add(&mut self, entry: Entry, member: usize) {
        while self.above.last().is_some_and(|last| !entry.path.starts_with(&last.path)) {
            self.above.pop();
        }
        let last = self.above.last().map_or_else(RootPath::root, |last| last.path.clone());
        let missing: Vec<RootPath> =
            entry.path.ancestors().filter(|path| !path.is_root() && !last.starts_with(path)).collect();
        for path in missing {
            // A member that the archive has no directory for.
            self.take(Entry::directory(path, Time::default()), member);
        }
        self.take(entry, member);
    }

    fn take(&mut self, mut entry: Entry, member: usize) {
        let matched = (!self.ignore.is_empty())
            .then(|| self.ignore.step(&entry.path, self.above.last().and_then(|last| last.matched.as_ref())));
        let excluded = matched.as_ref().is_some_and(Matched::is_excluded);
        entry.xattrs.retain(|name, _| self.modes == ContextModes::Preserve && name == b"security.capability");
        let loosened = normalise(&mut entry, self.modes, self.epoch);
        if !excluded {
            self.loosened += usize::from(loosened);
            for above in &mut self.above {
                self.entries.extend(above.held.take());
            }
            self.members.resize(self.entries.len(), member);
            self.entries.push(entry.clone());
            self.members.push(member);
        }
        if entry.is_directory() {
            let path = entry.path.clone();
            self.above.push(Above { path, matched, held: excluded.then_some(entry) });
        }
    }
}
