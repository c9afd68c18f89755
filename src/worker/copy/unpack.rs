//! An archive below a directory, as ADD unpacks it.
//!
//! Members keep the owners and modes of the archive. One that is in the way is replaced, a directory by a file too;
//! two directories merge. Links of the archive and of the destination never lead out of the image.

use std::collections::BTreeMap;

use super::error::Error;
use super::made::FileId;
use super::owner::Owner;
use super::placed::Content;
use super::slots::{NewDirectory, Slots};
use crate::oci::LAYER_EPOCH;
use crate::tree::{Entries, Entry, Kind, Place, RootPath, Time};

/// Writes the members, which are sorted, below `top`, which has no links in it. No time is later than `clamp`.
pub(super) fn unpack(
    slots: &mut Slots<'_>,
    top: &RootPath,
    matched: usize,
    archive: Place,
    members: &Entries,
    owner: Option<Owner>,
    clamp: Option<Time>,
) -> Result<(), Error> {
    let mtime = clamp.unwrap_or(Time::from_seconds(LAYER_EPOCH.0));
    // COMPAT: directories that only the names of members tell of belong to root, whatever --chown says.
    let new = NewDirectory { mode: 0o755, owner: Owner::default(), mtime };
    let mut directories = Directories { found: BTreeMap::from([(RootPath::root(), top.clone())]), new };
    for (index, member) in members.iter().enumerate() {
        let path = match member.path.is_root() {
            // No layer says anything of the root of its image.
            true if top.is_root() => continue,
            true => top.clone(),
            false => {
                let above = directories.find(slots, &member.path.parent().unwrap_or_default())?;
                above.join(member.path.name())
            }
        };
        let (file, source) = match &member.kind {
            // SPEC: image-spec layer.md; a plain file of that name would be a whiteout to every reader of our layer.
            Kind::Whiteout => return Err(Error::Whiteout(path)),
            Kind::Hardlink(target) => {
                let broken = || Error::BrokenLink { path: member.path.clone(), target: target.clone() };
                let index = members.search(target).map_err(|_| broken())?;
                match members[index].kind {
                    Kind::File { .. } => (Some(index), &members[index]),
                    _ => return Err(broken()),
                }
            }
            Kind::File { .. } => (Some(index), member),
            _ => (None, member),
        };
        let mtime = Time::from_seconds(source.mtime.seconds);
        let mtime = clamp.map_or(mtime, |clamp| mtime.min(clamp));
        let mut entry = Entry { path: path.clone(), mtime, ..source.clone() };
        if let Some(Owner { uid, gid }) = owner {
            (entry.uid, entry.gid) = (uid, gid);
        }
        if entry.kind == Kind::OpaqueDirectory {
            // The archive had something else there before: what the destination has does not outlive that.
            slots.clear(&path);
            entry.kind = Kind::Directory;
            directories.found.insert(member.path.clone(), path);
        } else if entry.is_directory() {
            if let Some(there) = slots.look(&path).filter(|entry| entry.is_directory()) {
                for (name, value) in &there.xattrs {
                    entry.xattrs.entry(name.clone()).or_insert(value.clone());
                }
            }
            directories.found.insert(member.path.clone(), path);
        }
        let content = file.map_or(Content::None, |member| Content::Archive { archive, member });
        let file = file.map(|index| FileId { matched, place: Place { layer: 0, index } });
        slots.write(entry, content, file)?;
    }
    Ok(())
}

/// Where the archive's directories are in the image.
struct Directories {
    found: BTreeMap<RootPath, RootPath>,
    new: NewDirectory,
}

impl Directories {
    /// A directory of the archive. One that has no member of its own is made, or is what is there, through a link too.
    fn find(&mut self, slots: &mut Slots<'_>, path: &RootPath) -> Result<RootPath, Error> {
        if let Some(found) = self.found.get(path) {
            return Ok(found.clone());
        }
        let above = self.find(slots, &path.parent().unwrap_or_default())?;
        let found = slots.resolve(&above.join(path.name()))?;
        slots.make_directories(&found, self.new)?;
        self.found.insert(path.clone(), found.clone());
        Ok(found)
    }
}
