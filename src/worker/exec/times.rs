//! Times of the user's own files under a RUN with a cache mount.
//!
//! In a layer every context file has the same time, so make, cargo and ninja, whose build directory outlives the build
//! in a cache mount, would take an edited file for an old one and silently give the old program. So under such a RUN a
//! file has the time at which that cache mount first saw this content at this path. What is recorded stays constant.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::oci::{Digest, Epoch};
use crate::snapshot::{Fetch, Item, Owners, finish_directories, write_tree};
use crate::store::CacheMount;
use crate::tree::{Kind, Place, RootPath, Stack, Time};
use crate::worker::error::Error;

/// Who remembers when a file was first seen.
pub(super) struct Memory<'a> {
    /// The cache mounts of the RUN.
    pub caches: &'a [CacheMount],
    /// The instruction, by which they know the RUN again.
    pub step: &'a Digest,
    /// The time of what none of them has seen.
    pub now: Time,
}

/// The files of one tree whose times are the builder's own.
pub(super) struct Sources {
    /// Where the tree is mounted: the root for the root file system itself.
    pub mounted_at: RootPath,
    items: Vec<(RootPath, Digest, Place)>,
}

impl Sources {
    /// The regular files of `stack`, below `at`, that lie in one of `layers` and bear the constant time.
    pub fn find(
        stack: &Stack,
        at: &RootPath,
        mounted_at: RootPath,
        epoch: Epoch,
        is_own: impl Fn(usize) -> bool,
    ) -> Sources {
        let constant = Time::from_seconds(epoch.0);
        let own = |node: crate::tree::Node| match (node.place, &node.entry.kind) {
            (Some(place), Kind::File { digest, .. })
                if is_own(place.layer) && node.entry.mtime == constant =>
            {
                Some((node.entry.path.clone(), *digest, place))
            }
            _ => None,
        };
        Sources { mounted_at, items: stack.walk(at).filter_map(own).collect() }
    }

    /// The time of each file: the latest that one of the cache mounts gives it.
    fn times(&self, at: &RootPath, memory: &Memory<'_>) -> Result<Vec<Time>, Error> {
        let seen_as =
            |path: &RootPath| self.mounted_at.join_path(&path.strip_prefix(at).expect("found below it"));
        let files: Vec<(RootPath, Digest)> =
            self.items.iter().map(|(path, digest, _)| (seen_as(path), *digest)).collect();
        let mut latest = vec![Time::default(); files.len()];
        for cache in memory.caches {
            for (latest, time) in latest.iter_mut().zip(cache.first_seen(memory.step, &files, memory.now)?) {
                *latest = time.max(*latest);
            }
        }
        Ok(latest)
    }

    /// Writes the files with their times into `directory`, to be laid over the tree; none if there are no such files.
    pub fn write(
        &self,
        stack: &Stack,
        at: &RootPath,
        memory: &Memory<'_>,
        fetch: &dyn Fetch,
        directory: &Path,
    ) -> Result<Option<PathBuf>, Error> {
        if self.items.is_empty() || memory.caches.is_empty() {
            return Ok(None);
        }
        let mut items: Vec<Item> = Vec::new();
        let mut made = std::collections::BTreeSet::new();
        let below = |path: &RootPath| path.strip_prefix(at).expect("found below it");
        let mut first = std::collections::BTreeMap::new();
        for ((path, _, place), time) in self.items.iter().zip(self.times(at, memory)?) {
            for parent in path.ancestors().filter(|parent| parent.starts_with(at)) {
                if made.insert(parent.clone()) {
                    let mut entry = stack.get(&parent).expect("a parent of a file is there").entry;
                    entry.path = below(&parent);
                    items.push(Item { entry, source: None });
                }
            }
            let mut entry = stack.get(path).expect("found by a walk").entry;
            entry.path = below(path);
            entry.mtime = time;
            // Names of one file stay names of one file.
            let source = match first.get(place) {
                Some(name) => {
                    entry.kind = Kind::Hardlink(RootPath::clone(name));
                    None
                }
                None => {
                    first.insert(*place, entry.path.clone());
                    Some(*place)
                }
            };
            items.push(Item { entry, source });
        }
        items.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
        let failed =
            |e: std::io::Error| Error::Io { doing: format!("making {}", directory.display()), source: e };
        std::fs::create_dir(directory).map_err(failed)?;
        let root =
            rustix::fs::open(directory, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|e| failed(e.into()))?;
        write_tree(root.as_fd(), &items, fetch, Owners::Keep)?;
        finish_directories(root.as_fd(), &items, Owners::Keep)?;
        Ok(Some(directory.to_path_buf()))
    }
}
