//! Cache mounts: a directory of the store's that outlives the build.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use crate::graph::{Input, Sharing};
use crate::snapshot::{Fetch, Owners, below, finish_directories, write_tree};
use crate::store::{CacheMount, CacheMountSpec};
use crate::tree::{Last, RootPath};
use crate::worker::chain::States;
use crate::worker::error::Error;
use crate::worker::perform::Worker;

/// The part of a mount that says which cache it is.
pub(super) struct Cache<'a> {
    pub id: &'a str,
    pub sharing: Sharing,
    pub seed: Option<&'a (Input, String)>,
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Owner, group and mode of a mount of which the Dockerfile says none.
const UNSAID: (u32, u32, u32) = (0, 0, 0o755);

impl Worker<'_> {
    /// Takes a cache mount, waiting if it is locked; a new one is filled with its seed.
    pub(super) fn cache_mount(&self, cache: &Cache<'_>, states: &States) -> Result<CacheMount, Error> {
        let spec = CacheMountSpec {
            id: cache.id.to_string(),
            uid: cache.uid,
            gid: cache.gid,
            mode: cache.mode,
            sharing: match cache.sharing {
                Sharing::Shared => crate::store::Sharing::Shared,
                Sharing::Private => crate::store::Sharing::Private,
                Sharing::Locked => crate::store::Sharing::Locked,
            },
        };
        let mut failure = None;
        let mut fill = |directory: &Path| match cache.seed {
            None => Ok(()),
            Some((input, path)) => self.fill(cache, *input, path, directory, states).map_err(|e| {
                let told = std::io::Error::other(e.to_string());
                failure = Some(e);
                told
            }),
        };
        let taken = self.store.cache_mount(&spec, &mut fill, &|| self.cancel.is_fired());
        match (failure, taken) {
            (Some(failure), _) => Err(failure),
            (None, taken) => taken?.ok_or(Error::Canceled),
        }
    }

    fn fill(
        &self,
        cache: &Cache<'_>,
        input: Input,
        path: &str,
        directory: &Path,
        states: &States,
    ) -> Result<(), Error> {
        let tree = self.tree(input, states)?;
        let at = tree.stack.resolve(&RootPath::clean(path)?, Last::Follow)?;
        let is_directory = tree.stack.get(&at).is_some_and(|node| node.entry.is_directory());
        if !is_directory {
            return Err(Error::MountSource { path: path.to_string() });
        }
        let mut items = below(&tree.stack, &at);
        // What the seed's directory is, the mount is, unless the Dockerfile says what it is to be.
        if (cache.uid, cache.gid, cache.mode) != UNSAID {
            items.retain(|item| !item.entry.path.is_root());
        }
        let root =
            rustix::fs::open(directory, OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
                .map_err(|e| Error::Io {
                    doing: format!("opening {}", directory.display()),
                    source: e.into(),
                })?;
        let bytes = TreeBytes { worker: self, tree: &tree };
        write_tree(root.as_fd(), &items, &bytes, Owners::Keep)?;
        finish_directories(root.as_fd(), &items, Owners::Keep)?;
        Ok(())
    }
}

/// Any tree as a source of bytes.
pub(super) struct TreeBytes<'a, 'b> {
    pub worker: &'a Worker<'b>,
    pub tree: &'a crate::worker::trees::Tree<'b>,
}

impl Fetch for TreeBytes<'_, '_> {
    fn fetch(
        &self,
        layer: usize,
        wanted: &[usize],
        f: &mut dyn FnMut(usize, &mut dyn std::io::Read) -> std::io::Result<()>,
    ) -> std::io::Result<()> {
        let places: Vec<_> = wanted.iter().map(|index| crate::tree::Place { layer, index: *index }).collect();
        let contents = self.tree.contents(self.worker.store, &places).map_err(std::io::Error::other)?;
        for place in places {
            f(place.index, &mut contents.open(place).map_err(std::io::Error::other)?)?;
        }
        Ok(())
    }
}
