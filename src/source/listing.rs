//! What a walk found, in the order of paths: small, since a large context stands in memory as this.

use std::collections::BTreeMap;

use super::error::Error;
use super::local::Local;
use super::modes::{ContextModes, normalise};
use super::walk::{Contents, Directory, Found, Stat, What};
use crate::oci::{Digest, Epoch};
use crate::tree::{Entry, Kind, RootPath, Time};

/// What a walk found. Nothing in it has a place of its own in memory, but for the targets of links.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// All paths, one after the other, and where each ends.
    paths: Vec<u8>,
    ends: Vec<u32>,
    pub(super) lines: Vec<Line>,
    /// The attributes that a file keeps, by its position: few have any.
    pub(super) xattrs: BTreeMap<usize, BTreeMap<Vec<u8>, Vec<u8>>>,
}

/// One path.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) stat: Stat,
    pub(super) kind: LineKind,
}

/// What is at a path.
#[derive(Debug)]
pub(super) enum LineKind {
    File(Content),
    Directory,
    Link(Box<[u8]>),
    Fifo,
}

/// The bytes of a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Nobody has read them.
    Unread,
    /// They have this digest, and as long as the file's stamps are those of the line, they still do.
    Known(Digest),
    /// So many were read, with this digest; the stamps say nothing of them.
    Read(u64, Digest),
}

impl Listing {
    /// Lists all that a walk found; the first error of a directory, and what no image can have, end it.
    pub(super) fn of(local: &Local, root: &Directory) -> Result<Listing, Error> {
        let (lines, paths) = size(root, 0);
        let mut listing = Listing {
            paths: Vec::with_capacity(paths),
            ends: Vec::with_capacity(lines),
            lines: Vec::with_capacity(lines),
            xattrs: BTreeMap::new(),
        };
        listing.directory(local, &mut Vec::new(), root)?;
        Ok(listing)
    }

    /// Appends a directory's contents. Says whether anything was appended.
    fn directory(&mut self, local: &Local, path: &mut Vec<u8>, directory: &Directory) -> Result<bool, Error> {
        let at = |path: &[u8]| RootPath::from_clean(path).unwrap_or_default();
        let contents: &Contents =
            directory.contents().map_err(|errno| Error::read(local.display(&at(path)))(errno.into()))?;
        let before = self.lines.len();
        let above = path.len();
        for found in &contents.found {
            if above > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(contents.name(found));
            match &found.what {
                What::Special(what) => return Err(Error::Special { path: at(path), what }),
                What::Directory(below) => {
                    let mark = (self.lines.len(), self.paths.len());
                    self.push(path, found, LineKind::Directory);
                    if !self.directory(local, path, below)? && found.excluded {
                        self.lines.truncate(mark.0);
                        self.ends.truncate(mark.0);
                        self.paths.truncate(mark.1);
                    }
                }
                What::File => self.push(path, found, LineKind::File(Content::Unread)),
                What::Link(target) => self.push(path, found, LineKind::Link(target.clone())),
                What::Fifo => self.push(path, found, LineKind::Fifo),
            }
            path.truncate(above);
        }
        Ok(self.lines.len() > before)
    }

    fn push(&mut self, path: &[u8], found: &Found, kind: LineKind) {
        self.paths.extend_from_slice(path);
        // LIMIT: four gigabytes of paths.
        self.ends.push(u32::try_from(self.paths.len()).expect("a context has less than 4 GiB of paths"));
        self.lines.push(Line { stat: found.stat, kind });
    }

    /// The path at a position.
    pub(super) fn path(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.paths[start..self.ends[index] as usize]
    }

    /// The path at a position, as paths go elsewhere.
    pub(super) fn root_path(&self, index: usize) -> RootPath {
        RootPath::from_clean(self.path(index)).expect("names of a directory have no slash, and are not `..`")
    }

    /// The entry at a position, with owner, mode and time as all entries of a context have them; and whether its mode
    /// changed by that.
    pub(super) fn entry(&self, index: usize, modes: ContextModes, epoch: Option<Epoch>) -> (Entry, bool) {
        let Line { stat, kind } = &self.lines[index];
        let kind = match kind {
            LineKind::File(Content::Known(digest)) => Kind::File { size: stat.size, digest: *digest },
            LineKind::File(Content::Read(size, digest)) => Kind::File { size: *size, digest: *digest },
            LineKind::File(Content::Unread) => unreachable!("a scan reads what it does not know"),
            LineKind::Directory => Kind::Directory,
            LineKind::Link(target) => Kind::Symlink(target.to_vec()),
            LineKind::Fifo => Kind::Fifo,
        };
        let xattrs = self.xattrs.get(&index).cloned().unwrap_or_default();
        let mtime = Time::from_seconds(stat.mtime.seconds);
        let mut entry =
            Entry { path: self.root_path(index), kind, mode: stat.mode, uid: 0, gid: 0, mtime, xattrs };
        let changed = normalise(&mut entry, modes, epoch);
        (entry, changed)
    }
}

/// How many lines a directory has with all below it, and how many bytes of paths, when it is `depth` bytes deep.
fn size(directory: &Directory, depth: usize) -> (usize, usize) {
    // What cannot be read is reported when lines are made of it.
    let Ok(contents) = directory.contents() else { return (0, 0) };
    let (mut lines, mut paths) = (contents.found.len(), 0);
    for found in &contents.found {
        let path = depth + contents.name(found).len();
        paths += path;
        if let What::Directory(below) = &found.what {
            let below = size(below, path + 1);
            (lines, paths) = (lines + below.0, paths + below.1);
        }
    }
    (lines, paths)
}
