//! Members in the order of an archive to a sorted list that keeps the invariants.
//!
//! Later members replace earlier ones of the same path; a hard link is what its target was *when the link came*; the
//! marks for removal concern the layers below, wherever in the archive they stand.

use std::collections::BTreeMap;

use super::error::Error;
use super::list::LayerList;
use crate::tree::{Entry, Kind, RootPath, Time};

/// A member as an entry: hard links name a path, opaque marks are whiteouts of what is below a directory.
#[cfg_attr(test, derive(Clone, Debug))]
pub struct Found {
    pub entry: Entry,
    pub offset: u64,
    /// An opaque mark of `entry.path`, and not an entry of its own.
    pub opaque: bool,
    /// Removed by a later member: nothing but what a hard link kept.
    pub replaced: bool,
    /// A directory in the place of what was none: it holds nothing that lay there before.
    pub fresh: bool,
}

impl Found {
    pub fn is_mark(&self) -> bool {
        self.opaque || self.entry.kind == Kind::Whiteout
    }
}

/// Sorts what an archive holds. `found` is in its order.
pub fn settle(mut found: Vec<Found>) -> Result<LayerList, Error> {
    // The order of paths, and of the archive where they are equal.
    let mut order: Vec<usize> = (0..found.len()).collect();
    order.sort_by(|a, b| found[*a].entry.path.cmp(&found[*b].entry.path).then(a.cmp(b)));
    let files = follow_links(&found, &order)?;
    let mut kept: Vec<usize> = Vec::new();
    let mut hides: Vec<bool> = Vec::new();
    for group in order.chunk_by(|a, b| found[*a].entry.path == found[*b].entry.path) {
        let marked = group.iter().any(|at| found[*at].is_mark());
        let latest = |is: &dyn Fn(&Found) -> bool| group.iter().rev().copied().find(|at| is(&found[*at]));
        let last = latest(&|one| !one.is_mark() && !one.replaced).or_else(|| latest(&Found::is_mark));
        let Some(last) = last else { continue };
        // A link back to what had this name is that.
        let file = files.get(&last).filter(|file| found[**file].entry.path == found[last].entry.path);
        kept.push(*file.unwrap_or(&last));
        hides.push(marked || found[last].fresh);
    }
    name_links(&mut found, &kept, &files);
    let below = |at: usize| {
        kept.get(at + 1).is_some_and(|next| found[*next].entry.path.is_below(&found[kept[at]].entry.path))
    };
    let parents: Vec<bool> = (0..kept.len()).map(below).collect();
    let mut entries = Vec::with_capacity(kept.len());
    let mut offsets = Vec::with_capacity(kept.len());
    for ((at, hides), is_parent) in kept.into_iter().zip(hides).zip(parents) {
        let Found { entry, offset, opaque, .. } = &mut found[at];
        // A mark and something below it, or an opaque mark alone: a directory that no member describes.
        if *opaque || (entry.kind == Kind::Whiteout && is_parent) {
            *entry = Entry::directory(entry.path.clone(), Time::from_seconds(crate::oci::LAYER_EPOCH.0));
        }
        if entry.kind == Kind::Directory && hides {
            entry.kind = Kind::OpaqueDirectory;
        }
        if is_parent && !entry.is_directory() {
            return Err(refused(entry, NO_DIRECTORY));
        }
        let empty = Entry::directory(RootPath::root(), Time::default());
        entries.push(std::mem::replace(entry, empty));
        offsets.push(*offset);
    }
    Ok(LayerList { entries: entries.into(), offsets: offsets.into() })
}

/// Why what is no directory is refused.
pub const NO_DIRECTORY: &str = "it is no directory, but other members lie below it";
/// Why a hard link is refused.
pub const NO_FILE: &str = "a hard link to a file that is not before it in the archive";

pub fn refused(entry: &Entry, reason: &'static str) -> Error {
    Error::Refused { path: String::from_utf8_lossy(entry.path.as_bytes()).into_owned(), reason }
}

/// For each hard link the member that it is another name of.
fn follow_links(found: &[Found], order: &[usize]) -> Result<BTreeMap<usize, usize>, Error> {
    let mut files: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, link) in found.iter().enumerate() {
        let Kind::Hardlink(target) = &link.entry.kind else { continue };
        let end = order.partition_point(|other| {
            let path = &found[*other].entry.path;
            path < target || (path == target && *other < at)
        });
        let group = order[..end].iter().rev().take_while(|other| found[**other].entry.path == *target);
        let Some(first) = group.copied().find(|other| !found[*other].is_mark()) else {
            return Err(refused(&link.entry, NO_FILE));
        };
        let file = files.get(&first).copied().unwrap_or(first);
        if found[file].entry.is_directory() {
            return Err(refused(&link.entry, "a hard link to a directory"));
        }
        files.insert(at, file);
    }
    Ok(files)
}

/// Turns each kept hard link into what it is: a name of a kept file; the first name of a file whose own was replaced; or
/// a copy of what is no regular file.
fn name_links(found: &mut [Found], kept: &[usize], files: &BTreeMap<usize, usize>) {
    // Where the bytes of a member have their name now.
    let mut names: BTreeMap<usize, RootPath> = BTreeMap::new();
    for at in kept.iter().filter(|at| !files.contains_key(at)) {
        names.insert(*at, found[*at].entry.path.clone());
    }
    for at in kept {
        let Some(file) = files.get(at) else { continue };
        let path = std::mem::take(&mut found[*at].entry.path);
        let mut entry = Entry { path: path.clone(), ..found[*file].entry.clone() };
        match names.get(file) {
            Some(name) if matches!(entry.kind, Kind::File { .. }) => {
                entry.kind = Kind::Hardlink(name.clone())
            }
            _ => {
                found[*at].offset = found[*file].offset;
                names.insert(*file, path);
            }
        }
        found[*at].entry = entry;
    }
}
