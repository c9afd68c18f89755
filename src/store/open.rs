//! The open store: its directory, its options, and what was found damaged in it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::create;
use super::disk::Disk;
use super::error::Error;
use super::healed::Healed;
use super::layer_record::Layer;
use super::layout::Layout;
use super::process::Process;
use super::recover;
use super::temp_dir::TempDir;
use super::unsynced::{Moment, Unsynced};
use crate::oci::DiffId;

/// How a store is opened.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Bytes that [`Store::collect_if_needed`] keeps the store below; none for the default: a tenth of the file system,
    /// at least 2 GB and at most 50 GB.
    pub size_limit: Option<u64>,
    /// When bytes are made durable.
    pub durability: Durability,
}

/// When bytes are made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// By [`Store::sync`], once a build.
    #[default]
    Grouped,
    /// Never: for throw-away machines. What a power cut leaves is verified at the next opening.
    Never,
}

/// A store, open. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub(super) disk: Arc<Disk>,
    /// Layers that were looked up, so that their lists are read once.
    pub(super) layers: Arc<Mutex<HashMap<DiffId, Arc<Layer>>>>,
    pub(super) size_limit: u64,
}

impl Store {
    /// Opens the store at `root`, making it if there is none.
    pub fn open(root: &Path, options: Options) -> Result<Store, Error> {
        let created = create::create(root)?;
        let layout = Layout::new(&created.root);
        let mut found = Vec::new();
        let mut register = || {
            Process::register(&layout.directory("tmp"), &layout.open_lock(), &mut |since| {
                found.extend(recover::recover(&layout, since)?);
                Ok(())
            })
        };
        let process = match register() {
            // A full store must open, so that it can be pruned.
            Err(Error::NoSpace { .. }) if create::drop_ballast(&layout) => register()?,
            process => process?,
        };
        let size_limit = match options.size_limit {
            Some(limit) => limit,
            None => create::default_size_limit(&created.root)?,
        };
        create::take_ballast(&layout);
        let never = options.durability == Durability::Never;
        let disk = Disk::new(layout, process, Unsynced::new(never));
        for healed in created.healed.into_iter().chain(found) {
            disk.note(healed.kind, &healed.path, healed.reason);
        }
        Ok(Store { disk: Arc::new(disk), layers: Arc::default(), size_limit })
    }

    /// The store's directory.
    pub fn root(&self) -> &Path {
        self.disk.layout.root()
    }

    /// Bytes that [`Store::collect_if_needed`] keeps the store below.
    pub fn size_limit(&self) -> u64 {
        self.size_limit
    }

    /// Where room `snapshot` keeps materialised layers: `NAME` for a snapshot, `NAME.sealed`, touched at each use, to say
    /// that it is whole, `NAME.lock` held while it is made.
    pub fn snapshots_dir(&self) -> PathBuf {
        self.disk.layout.directory("snapshots")
    }

    /// A fresh directory on the store's file system, removed when dropped, swept after a crash.
    pub fn temp_dir(&self) -> Result<TempDir, Error> {
        TempDir::create(Arc::clone(&self.disk))
    }

    /// Makes durable what this process wrote since the last call: blobs first, then what points at them.
    pub fn sync(&self) -> Result<(), Error> {
        self.write_held()?;
        self.disk.unsynced.sync(&self.disk.layout, &self.disk.process)
    }

    /// Now, for [`Store::written`].
    pub fn now(&self) -> Moment {
        self.disk.unsynced.now()
    }

    /// Somebody has had written all of the file system with that device number, beginning after `moment`: what the store
    /// wrote before need not be synced, if it is there.
    pub fn written(&self, moment: Moment, device: u64) {
        self.disk.unsynced.written(moment, device, &self.disk.layout);
    }

    /// What to say where a directory of the store's cannot grow.
    pub fn no_space(&self, below: &Path) -> Error {
        Error::io_of("write", below, None, std::io::ErrorKind::StorageFull.into())
    }

    /// Makes whatever reads or writes content through this store fail soon: for the end that comes from outside.
    pub fn interrupt(&self) {
        self.disk.interrupt();
    }

    /// Takes what was found damaged since the last call, for a notice to the user.
    pub fn take_healed(&self) -> Vec<Healed> {
        self.disk.take_healed()
    }
}
