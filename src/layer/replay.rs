//! The members of an archive as whoever unpacks it writes them, one after the other.
//!
//! COMPAT: moby's unpacking, in a root of its own: names go through the links that stand there by then, which lead to
//! what the archive has; what is no directory replaces a directory with all that it holds. Nothing gets out of the
//! archive's root by it, as every name is rewritten to one without links before anybody else sees it.
//!
//! **Not here**: what the destination holds.

use std::collections::BTreeMap;

use super::error::Error;
use super::settle::{Found, NO_DIRECTORY, NO_FILE, refused};
use crate::tree::{Entry, Kind, RootPath, Time};

/// LIMIT: as the kernel, which is who follows them in BuildKit; and what an archive can make us do for one member.
const LINKS: usize = 40;

/// Gives each member the path where it ends up, each hard link that of its file, and marks what later members removed.
pub fn replay(found: &mut [Found]) -> Result<(), Error> {
    if is_plain(found) { Ok(()) } else { one_by_one(found) }
}

/// Whether nothing is or lies below what is no directory, and links name files as they are called: then each member is what it
/// says it is. Most archives are that, and one look at their names in order is a tenth of the work.
fn is_plain(found: &[Found]) -> bool {
    let mut order: Vec<&Found> = found.iter().filter(|one| !one.is_mark()).collect();
    order.sort_unstable_by(|a, b| a.entry.path.cmp(&b.entry.path));
    let mut file: Option<&RootPath> = None;
    let mut directory: Option<&RootPath> = None;
    order.iter().all(|one| {
        let path = &one.entry.path;
        let below = file.is_some_and(|file| path.is_below(file));
        let (own, other) = match one.entry.is_directory() {
            true => (&mut directory, file),
            false => (&mut file, directory),
        };
        *own = Some(path);
        let through = below || other == Some(path);
        let named = match &one.entry.kind {
            Kind::Hardlink(target) => order.binary_search_by(|other| other.entry.path.cmp(target)).is_ok(),
            _ => true,
        };
        named && !through
    })
}

fn one_by_one(found: &mut [Found]) -> Result<(), Error> {
    let mut present = Present::default();
    // Members of one directory come together.
    let mut last: Option<(RootPath, RootPath)> = None;
    for at in 0..found.len() {
        let path = &found[at].entry.path;
        if found[at].is_mark() || path.is_root() {
            continue;
        }
        let above = path.parent().unwrap_or_default();
        let directory = match last.take().filter(|(asked, _)| *asked == above) {
            Some((_, directory)) => directory,
            None => present.directory(found, &above)?,
        };
        let path = directory.join(path.name());
        if let Kind::Hardlink(target) = &found[at].entry.kind {
            let directory = present.directory(found, &target.parent().unwrap_or_default())?;
            let target = directory.join(target.name());
            // What it replaces is gone before it is made.
            if !present.members.contains_key(&target) || target.is_below(&path) {
                return Err(refused(&found[at].entry, NO_FILE));
            }
            found[at].entry.kind = Kind::Hardlink(target);
        }
        found[at].entry.path = path.clone();
        let is_link = matches!(found[at].entry.kind, Kind::Symlink(_));
        let replaced = present.put(found, path, at);
        if !replaced && !is_link {
            last = Some((above, directory));
        }
    }
    Ok(())
}

/// What is there after some of the members, by its path without links.
#[derive(Default)]
struct Present {
    members: BTreeMap<RootPath, usize>,
}

impl Present {
    /// Puts a member in the place of what is there; says whether anything was.
    fn put(&mut self, found: &mut [Found], path: RootPath, at: usize) -> bool {
        let is_directory = found[at].entry.is_directory();
        let below = |(other, _): &(&RootPath, &usize)| other.starts_with(&path);
        let there: Vec<RootPath> = match is_directory {
            // Two directories become one.
            true => self.members.get_key_value(&path).into_iter().map(|(path, _)| path.clone()).collect(),
            false => self
                .members
                .range::<RootPath, _>(&path..)
                .take_while(below)
                .map(|(path, _)| path.clone())
                .collect(),
        };
        for path in &there {
            if let Some(before) = self.members.remove(path) {
                found[before].replaced = true;
                found[at].fresh =
                    is_directory && (!found[before].entry.is_directory() || found[before].fresh);
            }
        }
        self.members.insert(path, at);
        !there.is_empty()
    }

    /// Whether there is a directory, with a member of its own or only above others.
    fn has_directory(&self, found: &[Found], path: &RootPath) -> bool {
        let mut from = self.members.range::<RootPath, _>(path..);
        from.next().is_some_and(|(first, at)| match first == path {
            true => found[*at].entry.is_directory(),
            false => first.starts_with(path),
        })
    }

    /// A directory's path without links. One that nothing tells of is made, but not where a link leads.
    fn directory(&self, found: &[Found], path: &RootPath) -> Result<RootPath, Error> {
        let mut here = RootPath::root();
        let mut pending: Vec<&[u8]> = path.components().rev().collect();
        // How many of them are of the path itself; those above come from links.
        let mut own = pending.len();
        let mut links = 0;
        while let Some(name) = pending.pop() {
            match name {
                b"" | b"." => continue,
                b".." => {
                    here = here.parent().unwrap_or_default();
                    continue;
                }
                _ => {}
            }
            let next = here.join(name);
            let from_link = pending.len() >= own;
            own = own.min(pending.len());
            let there = self.members.get(&next).map(|at| &found[*at].entry);
            match there.map(|entry| (entry, &entry.kind)) {
                Some((link, Kind::Symlink(target))) => {
                    links += 1;
                    if links > LINKS {
                        return Err(refused(
                            link,
                            "other members lie below it, but its links go in a circle",
                        ));
                    }
                    if target.starts_with(b"/") {
                        here = RootPath::root();
                    }
                    pending.extend(target.split(|b| *b == b'/').rev());
                }
                Some((other, _)) if !other.is_directory() => return Err(refused(other, NO_DIRECTORY)),
                None if from_link && !self.has_directory(found, &next) => {
                    let entry = Entry::directory(path.clone(), Time::default());
                    return Err(refused(&entry, "it leads through a link to what the archive does not have"));
                }
                _ => here = next,
            }
        }
        Ok(here)
    }
}

#[cfg(test)]
mod tests;
