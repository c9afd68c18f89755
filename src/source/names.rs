//! The names around a path that is not there, whatever the ignore file says: for a message, never for a build.

use rustix::fs::{Dir, FileType, OFlags};

use super::local::{DIRECTORY, Local};
use crate::tree::RootPath;

/// LIMIT: names that are looked at in one directory.
const MOST: usize = 10_000;

impl Local {
    /// What is on the way to `path`: the names in each directory above it as far as they exist, and below those names
    /// what has the rest of the path. Links are not followed. Each with whether it is a directory.
    pub fn names_around(&self, path: &RootPath) -> Vec<(RootPath, bool)> {
        let mut found = Vec::new();
        let mut here = RootPath::root();
        for name in path.components() {
            let next = here.join(name);
            let names = self.names(&here);
            let is_there = names.iter().any(|(path, _)| *path == next);
            let rest = path.strip_prefix(&next).filter(|rest| !is_there && !rest.is_root());
            for (sibling, is_directory) in names {
                let whole = rest.as_ref().map(|rest| sibling.join_path(rest));
                found.push((sibling, is_directory));
                if let Some(whole) = whole.filter(|_| is_directory)
                    && self.open_with(&whole, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC).is_ok()
                {
                    found.push((whole, false));
                }
            }
            if !is_there {
                break;
            }
            here = next;
        }
        found
    }

    fn names(&self, directory: &RootPath) -> Vec<(RootPath, bool)> {
        let Ok(open) = self.open_with(directory, DIRECTORY) else { return Vec::new() };
        let Ok(entries) = Dir::read_from(open) else { return Vec::new() };
        entries
            .take(MOST)
            .filter_map(Result::ok)
            .filter(|entry| !matches!(entry.file_name().to_bytes(), b"." | b".."))
            .map(|entry| {
                (directory.join(entry.file_name().to_bytes()), entry.file_type() == FileType::Directory)
            })
            .collect()
    }
}
